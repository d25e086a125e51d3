package graph

import (
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

func memberHandlers() map[string]handler {
	const team, channel, chat = "/teams/{team-id}/members", "/teams/{team-id}/channels/{channel-id}/members", "/chats/{chat-id}/members"
	out := map[string]handler{}
	for _, at := range []string{team, channel, chat} {
		one := at + "/{conversationMember-id}"
		out["GET "+at], out["POST "+at], out["GET "+one], out["DELETE "+one] = listMembers, addMember, getMember, removeMember
		if at != chat {
			out["PATCH "+one] = changeMember
		}
	}
	return out
}

// roster is whatever has members: a team, channel or chat, for whoever may see it.
type roster struct {
	key     world.Key
	object  world.Object // whose ~members they are
	context string
	fixed   bool // a standard channel's are the team's, a one-on-one chat's never change
}

func (c *call) roster() (roster, *problem) {
	switch {
	case c.params["chat-id"] != "":
		id, o, p := c.chat()
		return roster{c.teamsKey(world.Chats, id), o, "chats('" + id + "')/members", world.Text(o, "chatType") == "oneOnOne"}, p
	case c.params["channel-id"] != "":
		id, o, p := c.channel()
		if p != nil {
			return roster{}, p
		}
		context := "teams('" + c.params["team-id"] + "')/channels('" + id + "')/members"
		if world.Text(o, "membershipType") == "standard" {
			team, t, p := c.team()
			return roster{c.teamsKey(world.Teams, team), t, context, true}, p
		}
		return roster{c.teamsKey(world.Channels, id), o, context, false}, nil
	}
	id, o, p := c.team()
	return roster{c.teamsKey(world.Teams, id), o, "teams('" + id + "')/members", false}, p
}

func (c *call) renderMember(r roster, m world.Object) world.Object {
	id := world.Text(m, "userId")
	u, _ := c.s.world.User(c.token.Tenant, id)
	roles := world.Strings(m["roles"])
	if world.Text(u, "userType") == "Guest" && !slices.Contains(roles, "guest") {
		roles = append(roles, "guest")
	}
	return world.Object{"@odata.type": "#microsoft.graph.aadUserConversationMember", "id": membershipID(r.key.ID, id), "roles": append([]string{}, roles...), "displayName": u["displayName"],
		"visibleHistoryStartDateTime": "0001-01-01T00:00:00Z", "userId": id, "email": u["mail"], "tenantId": c.token.Tenant}
}

func listMembers(c *call) (reply, *problem) {
	r, p := c.roster()
	if p != nil {
		return reply{}, p
	}
	l := teamsPage(r.context)
	l.defaultTop = 100
	return c.page(l, slices.Values(world.Objects(r.object["~members"])), func(m world.Object) world.Object { return c.renderMember(r, m) })
}

// member is the entry of the path.
func (c *call) member() (roster, world.Object, *problem) {
	r, p := c.roster()
	if p != nil {
		return r, nil, p
	}
	for _, m := range world.Objects(r.object["~members"]) {
		if membershipID(r.key.ID, world.Text(m, "userId")) == c.params["conversationMember-id"] {
			return r, m, nil
		}
	}
	return r, nil, notInTeams("Could not find member.")
}

func getMember(c *call) (reply, *problem) {
	r, m, p := c.member()
	if p != nil {
		return reply{}, p
	}
	return c.one(r.context, c.renderMember(r, m))
}

var memberForm = form{"roles": texts(1), "user@odata.bind": aText, "visibleHistoryStartDateTime": aText}

// newMembers reads members of a body: each names a user of the tenant by user@odata.bind.
func (c *call) newMembers(v any) ([]any, *problem) {
	out := []any{}
	for _, in := range world.Objects(v) {
		m, p := c.newMember(in)
		if p != nil {
			return nil, p
		}
		out = append(out, m)
	}
	return out, nil
}

func (c *call) newMember(in world.Object) (world.Object, *problem) {
	if p := memberForm.check(in); p != nil {
		return nil, p
	}
	roles := world.Strings(in["roles"])
	for _, r := range roles {
		if r != "owner" && r != "guest" {
			return nil, badRequest("Invalid role specified for member.")
		}
	}
	bind := strings.TrimSuffix(strings.ReplaceAll(world.Text(in, "user@odata.bind"), "users('", "users/"), "')")
	_, name, found := strings.Cut(bind, "users/")
	u, known := c.s.world.User(c.token.Tenant, name)
	switch {
	case !found:
		return nil, badRequest("Bind requires a reference to a user.")
	case !known:
		return nil, notInTeams("User '" + name + "' was not found.")
	}
	return world.TeamMember(world.Text(u, "id"), roles...), nil
}

// changing is the roster that may be changed: by an app, an owner, or in a group chat any member.
func (c *call) changing(r roster, o world.Object) *problem {
	switch {
	case r.fixed:
		return badRequest("The members of this conversation cannot be changed.")
	case c.params["chat-id"] == "" && !c.owns(o):
		return forbidden("Only owners can change the members.")
	}
	return nil
}

func (c *call) putRoster(r roster, members []any) {
	n := world.Clone(r.object)
	n["~members"] = members
	c.s.world.Put(r.key, n)
}

func addMember(c *call) (reply, *problem) {
	r, p := c.roster()
	if p == nil {
		p = c.changing(r, r.object)
	}
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	m, p := c.newMember(in)
	if p != nil {
		return reply{}, p
	}
	id := world.Text(m, "userId")
	if c.params["channel-id"] != "" {
		if _, t, _ := c.team(); memberOfList(t, id) == nil && world.Text(r.object, "membershipType") == "private" {
			return reply{}, badRequest("The user is not a member of the team.")
		}
	}
	if memberOfList(r.object, id) != nil { // adding again changes the role: team-post-members.md tells no conflict
		c.putRoster(r, withMember(r.object, m))
		return created(c.renderMember(r, m)), nil
	}
	c.putRoster(r, append(toObjects(r.object["~members"]), m))
	return created(c.renderMember(r, m)), nil
}

// withMember is the list with an entry replaced.
func withMember(o, m world.Object) []any {
	out := toObjects(o["~members"])
	for i, old := range out {
		if world.Text(old.(world.Object), "userId") == world.Text(m, "userId") {
			out[i] = m
		}
	}
	return out
}

// changeMember plays conversationmember-update.md: roles only, and never the last owner's.
func changeMember(c *call) (reply, *problem) {
	r, m, p := c.member()
	if p == nil {
		p = c.changing(r, r.object)
	}
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := memberForm.check(in); p != nil {
		return reply{}, p
	}
	n := world.TeamMember(world.Text(m, "userId"), world.Strings(in["roles"])...)
	if p := lastOwner(r.object, m, n); p != nil {
		return reply{}, p
	}
	c.putRoster(r, withMember(r.object, n))
	return c.one(r.context, c.renderMember(r, n))
}

// lastOwner keeps a team from being without one. The words are recall.
func lastOwner(o, before, after world.Object) *problem {
	owner := func(m world.Object) bool { return slices.Contains(world.Strings(m["roles"]), "owner") }
	if !owner(before) || after != nil && owner(after) {
		return nil
	}
	for _, m := range world.Objects(o["~members"]) {
		if owner(m) && world.Text(m, "userId") != world.Text(before, "userId") {
			return nil
		}
	}
	return badRequest("The last owner cannot be removed.")
}

func removeMember(c *call) (reply, *problem) {
	r, m, p := c.member()
	if p == nil && world.Text(m, "userId") != c.token.ObjectID { // anybody may leave
		p = c.changing(r, r.object)
	}
	if p == nil && c.params["chat-id"] == "" {
		p = lastOwner(r.object, m, nil)
	}
	if p != nil {
		return reply{}, p
	}
	c.putRoster(r, slices.DeleteFunc(toObjects(r.object["~members"]), func(x any) bool {
		return world.Text(x.(world.Object), "userId") == world.Text(m, "userId")
	}))
	return empty(http.StatusNoContent), nil
}
