package graph

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

func presenceHandlers() map[string]handler {
	return map[string]handler{
		"GET /users/{user-id}/presence":                getPresence,
		"POST /users/{user-id}/presence/setPresence":   setPresence,
		"POST /users/{user-id}/presence/clearPresence": clearPresence,
		"POST /communications/getPresencesByUserId":    getPresences,
	}
}

// presences of an application's session: availability and activity go together (presence-setpresence.md).
var presenceStates = map[string][]string{"Available": {"Available"}, "Busy": {"InACall", "InAConferenceCall"}, "Away": {"Away"}}

// The order in which sessions of several programs count: presence-setpresence.md.
var presenceOrder = []string{"Busy", "Available", "Away"}

// presenceOf adds a person's sessions up. Without one they are offline. That a session of "Available" fades after five minutes is not played.
func (c *call) presenceOf(user string) world.Object {
	out := world.Object{"id": user, "availability": "Offline", "activity": "Offline", "statusMessage": nil}
	o, _ := c.s.world.Get(c.teamsKey(world.Presences, user))
	for _, s := range world.Objects(o["~sessions"]) {
		if world.Time(s, "until").Before(c.s.world.Now()) {
			continue
		}
		rank := slices.Index(presenceOrder, world.Text(s, "availability"))
		if now := slices.Index(presenceOrder, world.Text(out, "availability")); now < 0 || rank < now {
			out["availability"], out["activity"] = s["availability"], s["activity"]
		}
	}
	return out
}

func getPresence(c *call) (reply, *problem) {
	return c.one("users('"+c.userID()+"')/presence", c.presenceOf(c.userID()))
}

// getPresences plays cloudcommunications-getpresencesbyuserid.md: at most 650 ids of users.
func getPresences(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	ids := world.Strings(in["ids"])
	if len(ids) == 0 || len(ids) > 650 {
		return reply{}, badRequest("Between 1 and 650 ids must be given.")
	}
	out := []any{}
	for _, id := range ids {
		if u, found := c.s.world.User(c.token.Tenant, id); found && world.Text(u, "id") == strings.ToLower(id) {
			out = append(out, c.presenceOf(world.Text(u, "id")))
		}
	}
	return ok(world.Object{"@odata.context": c.context("communications/presences"), "value": out}), nil
}

// session reads the session of a body: the id of the application that asks (presence-setpresence.md).
func (c *call) session() (world.Object, *problem) {
	in, p := c.json()
	if p == nil && !strings.EqualFold(world.Text(in, "sessionId"), c.token.AppID) {
		p = badRequest("The sessionId must be the id of the application.")
	}
	return in, p
}

func (c *call) putSession(s world.Object) {
	key := c.teamsKey(world.Presences, c.userID())
	o, _ := c.s.world.Get(key)
	list := slices.DeleteFunc(toObjects(o["~sessions"]), func(x any) bool { return world.Text(x.(world.Object), "app") == c.token.AppID })
	if s != nil {
		list = append(list, s)
	}
	c.s.world.Put(key, world.Object{"id": c.userID(), "~sessions": list})
}

func setPresence(c *call) (reply, *problem) {
	in, p := c.session()
	if p != nil {
		return reply{}, p
	}
	availability, activity := world.Text(in, "availability"), world.Text(in, "activity")
	if !slices.Contains(presenceStates[availability], activity) {
		return reply{}, badRequest("The combination of availability and activity is not supported.")
	}
	life := 5 * time.Minute
	if text := world.Text(in, "expirationDuration"); text != "" {
		d, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(text, "PT")))
		if err != nil || !strings.HasPrefix(text, "PT") || d < 5*time.Minute || d > 4*time.Hour {
			return reply{}, badRequest("The expirationDuration must be between PT5M and PT4H.")
		}
		life = d
	}
	c.putSession(world.Object{"app": c.token.AppID, "availability": availability, "activity": activity, "until": c.s.world.Now().Add(life).Format(time.RFC3339Nano)})
	return empty(http.StatusOK), nil
}

func clearPresence(c *call) (reply, *problem) {
	if _, p := c.session(); p != nil {
		return reply{}, p
	}
	c.putSession(nil)
	return empty(http.StatusOK), nil
}
