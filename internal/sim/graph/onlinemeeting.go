package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

func onlineMeetingHandlers() map[string]handler {
	const meetings = "/users/{user-id}/onlineMeetings"
	const one = meetings + "/{onlineMeeting-id}"
	out := map[string]handler{"GET " + meetings: findOnlineMeeting, "POST " + meetings: createOnlineMeeting, "POST " + meetings + "/createOrGet": createOrGetMeeting,
		"GET " + one: getOnlineMeeting, "PATCH " + one: patchOnlineMeeting, "DELETE " + one: deleteOnlineMeeting}
	for k, h := range out {
		out[k] = func(c *call) (reply, *problem) {
			if p := c.meetingPolicy(); p != nil {
				return reply{}, p
			}
			return h(c)
		}
	}
	return out
}

// meetingPolicy lets an app in where an application access policy for the user does; the path names the user by object id
// (cloud-communication-online-meeting-application-access-policy, onlinemeeting-get.md). The answer's words are seen with others.
func (c *call) meetingPolicy() *problem {
	if !c.token.AppOnly {
		return nil
	}
	if !strings.EqualFold(c.params["user-id"], c.userID()) {
		return badRequest("The user id in the path must be an object id.")
	}
	_, app, _ := c.s.world.App(c.token.AppID)
	if !slices.Contains(world.Strings(app["~meetingsOf"]), world.Text(c.user, "userPrincipalName")) {
		return forbidden("No application access policy found for this app: " + c.token.AppID + " on the user: " + c.userID() + ".")
	}
	return nil
}

func (c *call) meetingKey(id string) world.Key {
	return world.Key{Scope: c.box, Collection: world.OnlineMeetings, ID: id}
}

func (c *call) onlineMeeting() (string, world.Object, *problem) {
	id := c.params["onlineMeeting-id"]
	o, found := c.s.world.Get(c.meetingKey(id))
	if !found {
		return "", nil, notInTeams("The meeting was not found.")
	}
	return id, o, nil
}

func (c *call) oneMeeting(o world.Object) (reply, *problem) {
	return c.one("users('"+c.userID()+"')/onlineMeetings", public(o))
}

var onlineMeetingForm = form{"subject": aText, "startDateTime": aText, "endDateTime": aText, "participants": anObject, "lobbyBypassSettings": anObject, "allowedPresenters": aText,
	"isEntryExitAnnounced": {boolean: true}, "recordAutomatically": {boolean: true}, "externalId": aText}

func createOnlineMeeting(c *call) (reply, *problem) {
	o, p := c.newMeeting()
	if p != nil {
		return reply{}, p
	}
	rep, p := c.oneMeeting(o)
	rep.status = http.StatusCreated
	return rep, p
}

// createOrGetMeeting plays onlinemeeting-createorget.md: with an external id that is known it gives the meeting of then, whatever else is said.
func createOrGetMeeting(c *call) (reply, *problem) {
	b, p := c.bytes()
	if p != nil {
		return reply{}, p
	}
	in, p := readObject(b)
	if p != nil {
		return reply{}, p
	}
	external := world.Text(in, "externalId")
	if external == "" {
		return reply{}, badRequest("The externalId is required.")
	}
	for _, o := range c.s.world.Scan(c.box, world.OnlineMeetings) {
		if world.Text(o, "externalId") == external {
			return c.oneMeeting(o)
		}
	}
	o, p := c.makeMeeting(in)
	if p != nil {
		return reply{}, p
	}
	rep, p := c.oneMeeting(o)
	rep.status = http.StatusCreated
	return rep, p
}

func (c *call) newMeeting() (world.Object, *problem) {
	in, p := c.json()
	if p != nil {
		return nil, p
	}
	return c.makeMeeting(in)
}

func (c *call) makeMeeting(in world.Object) (world.Object, *problem) {
	if p := onlineMeetingForm.check(in); p != nil {
		return nil, p
	}
	now := c.s.world.Now()
	thread := "19:meeting_" + c.s.world.NewKey() + "@thread.v2"
	id := "MSp" + c.s.world.NewKey()
	o := world.Object{"id": id, "creationDateTime": world.Stamp(now), "startDateTime": world.Stamp(now), "endDateTime": world.Stamp(now.Add(time.Hour)), "subject": nil, "externalId": nil, "isBroadcast": false,
		"chatInfo":     world.Object{"threadId": thread, "messageId": "0", "replyChainMessageId": "0"},
		"participants": world.Object{"organizer": c.participant(c.user, "presenter"), "attendees": []any{}},
		"joinWebUrl":   "https://teams.microsoft.com/l/meetup-join/" + url.PathEscape(thread) + "/0?context=" + url.QueryEscape(`{"Tid":"`+c.token.Tenant+`","Oid":"`+c.userID()+`"}`)}
	if p := c.applyMeeting(o, in); p != nil {
		return nil, p
	}
	c.s.world.Put(c.meetingKey(id), o)
	return o, nil
}

func (c *call) participant(u world.Object, role string) world.Object {
	return world.Object{"upn": u["userPrincipalName"], "role": role, "identity": world.Object{"user": world.Object{"id": u["id"], "displayName": u["displayName"]}}}
}

func (c *call) applyMeeting(o, in world.Object) *problem {
	for k, v := range in {
		switch k {
		case "startDateTime", "endDateTime":
			at, err := time.Parse(time.RFC3339Nano, world.Text(in, k))
			if err != nil {
				return badRequest("The " + k + " is not a time.")
			}
			o[k] = world.Stamp(at)
		case "participants":
			attendees := []any{}
			for _, a := range world.Objects(paramObject(in, "participants")["attendees"]) {
				u, found := c.s.world.User(c.token.Tenant, world.Text(a, "upn"))
				if !found {
					u = world.Object{"userPrincipalName": a["upn"]}
				}
				attendees = append(attendees, c.participant(u, "attendee"))
			}
			o["participants"] = world.Object{"organizer": c.participant(c.user, "presenter"), "attendees": attendees}
		default:
			o[k] = v
		}
	}
	if world.Time(o, "endDateTime").Before(world.Time(o, "startDateTime")) {
		return badRequest("The end is before the start.")
	}
	return nil
}

// findOnlineMeeting plays the one way to find a meeting: by joinWebUrl or the like (onlinemeeting-get.md). What it answers where there is none
// is not on the page: here an empty list.
func findOnlineMeeting(c *call) (reply, *problem) {
	if c.q.Filter == nil || !strings.HasPrefix(strings.ToLower(c.q.FilterRaw), "joinweburl eq") {
		return reply{}, badRequest("Filter expression expected - /onlineMeetings?$filter=joinWebUrl eq '{joinWebUrl}'.")
	}
	_, wanted, _ := strings.Cut(c.q.FilterRaw, "'")
	wanted = strings.ReplaceAll(strings.TrimSuffix(wanted, "'"), "''", "'")
	out := []any{}
	for _, o := range c.s.world.Scan(c.box, world.OnlineMeetings) {
		if world.Text(o, "joinWebUrl") == wanted {
			out = append(out, public(o))
		}
	}
	return ok(world.Object{"@odata.context": c.context("users('" + c.userID() + "')/onlineMeetings"), "value": out}), nil
}

func getOnlineMeeting(c *call) (reply, *problem) {
	_, o, p := c.onlineMeeting()
	if p != nil {
		return reply{}, p
	}
	return c.oneMeeting(o)
}

func patchOnlineMeeting(c *call) (reply, *problem) {
	id, o, p := c.onlineMeeting()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := onlineMeetingForm.check(in); p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	if p := c.applyMeeting(n, in); p != nil {
		return reply{}, p
	}
	c.s.world.Put(c.meetingKey(id), n)
	return c.oneMeeting(n)
}

func deleteOnlineMeeting(c *call) (reply, *problem) {
	id, _, p := c.onlineMeeting()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(c.meetingKey(id))
	return empty(http.StatusNoContent), nil
}
