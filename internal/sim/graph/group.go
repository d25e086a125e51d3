package graph

import (
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

// memberOf lists a person's groups. Who may not read groups sees that they are there, with their ids: user-list-transitivememberof.md,
// "Limited information returned for inaccessible member objects".
func memberOf(transitive bool) handler {
	return func(c *call) (reply, *problem) {
		if p := c.advanced(); p != nil {
			return reply{}, p
		}
		whole := slices.ContainsFunc(c.held(), func(h string) bool { return strings.HasPrefix(h, "Group") || strings.HasPrefix(h, "Directory.") })
		return c.page(directoryPage("directoryObjects"), slices.Values(c.s.world.GroupsOf(c.token.Tenant, c.userID(), transitive)), func(g world.Object) world.Object {
			out := public(g)
			for k := range out {
				if !whole && k != "id" {
					out[k] = nil
				}
			}
			out["@odata.type"] = "#microsoft.graph.group"
			return out
		})
	}
}
