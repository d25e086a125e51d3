package graph

import (
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

// scopedRoles are the permissions that Exchange itself gives the app in a mailbox: Role Based Access Control for Applications. They are in no token,
// and are added to what the token carries; they reach the mailboxes of the scope alone (Microsoft Learn, "Role Based Access Control for
// Applications in Exchange Online").
func (c *call) scopedRoles(mailbox world.Object) []string {
	if !c.token.AppOnly || mailbox == nil {
		return nil
	}
	_, app, found := c.s.world.App(c.token.AppID)
	upn := world.Text(mailbox, "userPrincipalName")
	if !found || !slices.ContainsFunc(world.Strings(app["~scope"]), func(in string) bool { return strings.EqualFold(in, upn) }) {
		return nil
	}
	return world.Strings(app["~scopedRoles"])
}

// inScope tells whether Exchange lets the app in where Entra does not.
func (c *call) inScope() bool {
	if !c.outlook() || c.op.me {
		return false
	}
	u, _ := c.s.world.User(c.token.Tenant, c.params["user-id"])
	return c.mode().allows(c.scopedRoles(u))
}
