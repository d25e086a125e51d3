package graph

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// teamsHandlers are the operations of Teams. Each is for people with a licence alone; an app needs none.
func teamsHandlers() map[string]handler {
	out := map[string]handler{
		"GET /teams":                       listTeams,
		"POST /teams":                      createTeam,
		"GET /users/{user-id}/joinedTeams": joinedTeams,
		"GET /teams/{team-id}":             getTeam,
		"GET /teams/{team-id}/operations/{teamsAsyncOperation-id}": getTeamOperation,
		"POST /teams/{team-id}/archive":                            archive(true),
		"POST /teams/{team-id}/unarchive":                          archive(false),
	}
	for _, part := range []map[string]handler{memberHandlers(), channelHandlers(), chatHandlers(), chatMessageHandlers(), hostedContentHandlers(), presenceHandlers(), onlineMeetingHandlers(), activityHandlers()} {
		for k, h := range part {
			out[k] = h
		}
	}
	for k, h := range out {
		out[k] = func(c *call) (reply, *problem) {
			if p := c.licensedForTeams(); p != nil {
				return reply{}, p
			}
			return h(c)
		}
	}
	return out
}

// onTeams tells whether the path belongs to Teams.
func (c *call) onTeams() bool {
	s := c.op.segments
	switch s[0] {
	case "teams", "chats", "communications":
		return true
	case "me", "users":
		i := map[string]int{"me": 1, "users": 2}[s[0]]
		return len(s) > i && slices.Contains([]string{"joinedteams", "chats", "presence", "onlinemeetings", "teamwork"}, s[i])
	}
	return false
}

// ofOnePerson tells whether the path shows what only its person sees: nobody reads another's chats and meetings as themselves.
func (c *call) ofOnePerson() bool {
	s := c.op.segments
	return s[0] == "users" && len(s) > 2 && (s[2] == "chats" || s[2] == "onlinemeetings")
}

func forbidden(message string) *problem { return fail(http.StatusForbidden, "Forbidden", message) }

func notInTeams(message string) *problem { return fail(http.StatusNotFound, "NotFound", message) }

// missingOnTeams names what is accepted, as Teams does: dynamics/AUTH-MATRIX §2.
func (c *call) missingOnTeams() *problem {
	kind, on := "scope", "Scopes"
	if c.token.AppOnly {
		kind, on = "role", "Roles"
	}
	return forbidden("Missing " + kind + " permissions on the request. API requires one of '" + strings.Join(c.mode().all, ", ") + "'. " + on + " on the request '" + strings.Join(c.held(), ", ") + "'.")
}

// licensedForTeams refuses a person without a licence. The words are seen with others; the code says less than they do (recall).
func (c *call) licensedForTeams() *problem {
	if c.token.AppOnly {
		return nil
	}
	if u, ok := c.s.world.User(c.token.Tenant, c.token.ObjectID); !ok || !world.HasTeams(u) {
		return forbidden("Failed to get license information for the user. Ensure user has a valid Office365 license assigned to them.")
	}
	return nil
}

// guest tells whether the person who asks is one.
func (c *call) guest() bool {
	u, ok := c.s.world.User(c.token.Tenant, c.token.ObjectID)
	return !c.token.AppOnly && ok && world.Text(u, "userType") == "Guest"
}

func (c *call) teamsKey(collection, id string) world.Key {
	return world.Key{Scope: c.token.Tenant, Collection: collection, ID: id}
}

// team is the team of the path, for whoever may see it: an app any, a person those they are a member of. That a team someone is not in is
// forbidden and not hidden is recall.
func (c *call) team() (string, world.Object, *problem) {
	id := strings.ToLower(c.params["team-id"])
	o, found := c.s.world.Get(c.teamsKey(world.Teams, id))
	if !found || world.Time(o, "~ready").After(c.s.world.Now()) {
		return "", nil, notInTeams("No team found with Group Id " + id)
	}
	if !c.token.AppOnly && memberOfList(o, c.token.ObjectID) == nil && !c.teamsAdmin() {
		return "", nil, forbidden("The user is not a member of the team.")
	}
	return id, o, nil
}

// teamsAdmin tells whether the person may reach teams without being a member ("this API supports admin permissions", team-archive.md).
func (c *call) teamsAdmin() bool {
	u, ok := c.s.world.User(c.token.Tenant, c.token.ObjectID)
	return ok && world.IsAdmin(u)
}

// writableTeam is the team of the path unless it is archived: team-archive.md. The status is not on the page.
func (c *call) writableTeam() (string, world.Object, *problem) {
	id, o, p := c.team()
	if p == nil && c.archived(o) {
		p = forbidden("The team is archived.")
	}
	return id, o, p
}

// archived follows the operation that changes it: it counts when that is done.
func (c *call) archived(o world.Object) bool {
	if world.Time(o, "~changed").After(c.s.world.Now()) {
		return !world.Flag(o, "~archived")
	}
	return world.Flag(o, "~archived")
}

// owner tells whether an app asks, or an owner of the list.
func (c *call) owns(o world.Object) bool {
	m := memberOfList(o, c.token.ObjectID)
	return c.token.AppOnly || c.teamsAdmin() || m != nil && slices.Contains(world.Strings(m["roles"]), "owner")
}

func memberOfList(o world.Object, userID string) world.Object {
	for _, m := range world.Objects(o["~members"]) {
		if world.Text(m, "userId") == userID {
			return m
		}
	}
	return nil
}

func (c *call) renderTeam(o world.Object) world.Object {
	out := public(o)
	out["isArchived"], out["tenantId"] = c.archived(o), c.token.Tenant
	out["webUrl"] = "https://teams.microsoft.com/l/team/" + world.Text(o, "id") + "/conversations?groupId=" + world.Text(o, "id") + "&tenantId=" + c.token.Tenant
	return out
}

// brief is what lists of all teams show: id, name and description only (graph/FACTS §11).
func brief(o world.Object) world.Object {
	return world.Object{"id": o["id"], "displayName": o["displayName"], "description": o["description"]}
}

func (c *call) teamsWhere(member string) func(yield func(world.Object) bool) {
	return func(yield func(world.Object) bool) {
		for o := range c.s.world.All(c.token.Tenant, world.Teams) {
			if world.Time(o, "~ready").After(c.s.world.Now()) || member != "" && memberOfList(o, member) == nil {
				continue
			}
			if !yield(o) {
				return
			}
		}
	}
}

// teamsPage is how collections of Teams are paged. The default size is by the pages' examples.
func teamsPage(context string) listing {
	return listing{context: context, defaultTop: 20, maxTop: 999, skipToken: true}
}

func listTeams(c *call) (reply, *problem) {
	if c.guest() {
		return reply{}, forbidden("Guests cannot list the teams of an organization.")
	}
	return c.page(teamsPage("teams"), c.teamsWhere(""), brief)
}

func joinedTeams(c *call) (reply, *problem) {
	return c.page(teamsPage("teams"), c.teamsWhere(c.userID()), func(o world.Object) world.Object {
		out := brief(o)
		out["isArchived"], out["tenantId"], out["visibility"] = c.archived(o), c.token.Tenant, o["visibility"]
		return out
	})
}

func getTeam(c *call) (reply, *problem) {
	_, o, p := c.team()
	if p != nil {
		return reply{}, p
	}
	return c.one("teams", c.renderTeam(o))
}

var teamForm = form{"template@odata.bind": aText, "displayName": aText, "description": aText, "visibility": {words: []string{"private", "public", "Private", "Public"}}, "members": objects(1), "firstChannelName": aText}

// createTeam plays team-post.md: it answers before the team is there, and an app names the owner.
func createTeam(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := teamForm.check(in); p != nil {
		return reply{}, p
	}
	members, p := c.newMembers(in["members"])
	switch {
	case p != nil:
		return reply{}, p
	case c.guest():
		return reply{}, forbidden("Guests cannot create teams.")
	case strings.TrimSpace(world.Text(in, "displayName")) == "":
		return reply{}, badRequest("Invalid displayName specified in request.")
	case c.token.AppOnly && len(members) == 0:
		return reply{}, badRequest("Team members must be specified when creating a team in application context.")
	case len(members) > 0 && !slices.Contains(world.Strings(world.Objects(members)[0]["roles"]), "owner"):
		return reply{}, badRequest("The member of a new team must be its owner.")
	}
	if len(members) == 0 {
		members = []any{world.TeamMember(c.token.ObjectID, "owner")}
	}
	visibility := strings.ToLower(world.Text(in, "visibility"))
	if visibility == "" {
		visibility = "public"
	}
	id, ready := c.s.world.NewGUID(), c.s.world.Now().Add(c.s.throttle.teamTime())
	team := c.s.world.Team(id, world.Text(in, "displayName"), world.Text(in, "description"), visibility, members)
	team["~ready"] = ready.Format(time.RFC3339Nano)
	c.s.world.Put(c.teamsKey(world.Teams, id), team)
	c.s.world.Put(c.teamsKey(world.Channels, c.s.world.ChannelKey(id, "General")), c.s.world.Channel(id, "General", "", "standard", nil))
	return c.started(id, "createTeam", ready)
}

// started answers 202 with the place of an operation: resources/teamsasyncoperation.md.
func (c *call) started(team, kind string, done time.Time) (reply, *problem) {
	id := c.s.world.NewGUID()
	c.s.world.Put(c.teamsKey(world.TeamOperations, id), world.Object{"id": id, "operationType": kind, "createdDateTime": world.Stamp(c.s.world.Now()), "targetResourceId": team,
		"targetResourceLocation": "/teams('" + team + "')", "attemptsCount": 1, "error": nil, "~done": done.Format(time.RFC3339Nano)})
	return reply{status: http.StatusAccepted, header: http.Header{"Location": {"/teams('" + team + "')/operations('" + id + "')"}, "Content-Location": {"/teams('" + team + "')"}}}, nil
}

func getTeamOperation(c *call) (reply, *problem) {
	o, found := c.s.world.Get(c.teamsKey(world.TeamOperations, c.params["teamsAsyncOperation-id"]))
	if !found || !strings.EqualFold(world.Text(o, "targetResourceId"), c.params["team-id"]) {
		return reply{}, notInTeams("The operation was not found.")
	}
	out := public(o)
	out["status"], out["lastActionDateTime"] = "succeeded", world.Stamp(c.s.world.Now())
	if world.Time(o, "~done").After(c.s.world.Now()) {
		out["status"] = "inProgress"
	}
	return c.one("teams('"+c.params["team-id"]+"')/operations", out)
}

// archive plays team-archive.md and team-unarchive.md.
func archive(to bool) handler {
	return func(c *call) (reply, *problem) {
		id, o, p := c.team()
		switch {
		case p != nil:
			return reply{}, p
		case !c.owns(o):
			return reply{}, forbidden("Only owners can archive or restore a team.")
		}
		n, done := world.Clone(o), c.s.world.Now().Add(c.s.throttle.teamTime())
		if c.archived(o) != to {
			n["~archived"], n["~changed"] = to, done.Format(time.RFC3339Nano)
			c.s.world.Put(c.teamsKey(world.Teams, id), n)
		}
		return c.started(id, map[bool]string{true: "archiveTeam", false: "unarchiveTeam"}[to], done)
	}
}

// membershipID names a person's place in a team, channel or chat.
func membershipID(container, user string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(container + "##" + user))
}

// DeleteTeam takes a team away as an administrator does with the group behind it.
func (s *Server) DeleteTeam(tenant, name string) bool {
	for _, t := range s.world.Tenants() {
		if tenant != "" && t.ID != tenant {
			continue
		}
		for o := range s.world.All(t.ID, world.Teams) {
			if world.Text(o, "displayName") == name {
				s.world.Delete(world.Key{Scope: t.ID, Collection: world.Teams, ID: world.Text(o, "id")})
				return true
			}
		}
	}
	return false
}
