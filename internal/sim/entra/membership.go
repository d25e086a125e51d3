package entra

import (
	"seneschal/internal/sim/world"
)

// maxGroups is how many groups a JWT names: en:id-token-claims-reference.md, "Groups overage claim".
const maxGroups = 200

// membership adds to an ID token which app roles the person has of the application, and, where the registration asks for it, in which
// groups they are, nested ones included. Of too many groups the token says only where to ask.
func (s *Server) membership(c map[string]any, g grant) {
	user := world.Text(g.user, "id")
	if roles := s.world.AssignedRoles(g.tenant.ID, g.principal, user); len(roles) > 0 {
		c["roles"] = roles
	}
	if world.Text(g.app, "groupMembershipClaims") == "" {
		return
	}
	var ids []string
	for _, o := range s.world.GroupsOf(g.tenant.ID, user, true) {
		ids = append(ids, world.Text(o, "id"))
	}
	switch {
	case len(ids) > maxGroups:
		c["_claim_names"] = map[string]any{"groups": "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": "https://" + graphHost(g.host) + "/v1.0/users/" + user + "/getMemberObjects"}}
	case len(ids) > 0:
		c["groups"] = ids
	}
}
