package graph

import (
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

func calendarHandlers() map[string]handler {
	out := map[string]handler{
		"GET /users/{user-id}/calendars":                  listCalendars,
		"POST /users/{user-id}/calendars":                 createCalendar,
		"GET /users/{user-id}/calendar":                   getCalendar,
		"PATCH /users/{user-id}/calendar":                 patchCalendar,
		"GET /users/{user-id}/calendars/{calendar-id}":    getCalendar,
		"PATCH /users/{user-id}/calendars/{calendar-id}":  patchCalendar,
		"DELETE /users/{user-id}/calendars/{calendar-id}": deleteCalendar,
		"POST /users/{user-id}/calendar/getSchedule":      getSchedule,

		"GET /users/{user-id}/calendarGroups":                               getCalendarGroups,
		"POST /users/{user-id}/calendarGroups":                              createCalendarGroup,
		"GET /users/{user-id}/calendarGroups/{calendarGroup-id}":            getCalendarGroup,
		"PATCH /users/{user-id}/calendarGroups/{calendarGroup-id}":          patchCalendarGroup,
		"DELETE /users/{user-id}/calendarGroups/{calendarGroup-id}":         deleteCalendarGroup,
		"GET /users/{user-id}/calendarGroups/{calendarGroup-id}/calendars":  listCalendars,
		"POST /users/{user-id}/calendarGroups/{calendarGroup-id}/calendars": createCalendar,
		"POST /users/{user-id}/findMeetingTimes":                            findMeetingTimes,
	}
	const user = "/users/{user-id}"
	for _, in := range []string{user, user + "/calendar", user + "/calendars/{calendar-id}"} {
		out["GET "+in+"/events"] = listEvents
		out["POST "+in+"/events"] = createEvent
		out["GET "+in+"/events/{event-id}"] = getEvent
		out["PATCH "+in+"/events/{event-id}"] = patchEvent
		out["DELETE "+in+"/events/{event-id}"] = deleteEvent
		out["GET "+in+"/calendarView"] = calendarView
		out["GET "+in+"/calendarView/delta()"] = deltaView
	}
	e := user + "/events/{event-id}"
	out["GET "+e+"/instances"] = listInstances
	out["POST "+e+"/accept"] = respond("accepted", "Accepted: ")
	out["POST "+e+"/decline"] = respond("declined", "Declined: ")
	out["POST "+e+"/tentativelyAccept"] = respond("tentativelyAccepted", "Tentative: ")
	out["POST "+e+"/cancel"] = cancelEvent
	out["POST "+e+"/forward"] = forwardEvent
	out["POST "+e+"/dismissReminder"] = setReminder
	out["POST "+e+"/snoozeReminder"] = setReminder
	out["GET "+e+"/attachments"] = listAttachments
	out["POST "+e+"/attachments"] = addAttachment
	out["POST "+e+"/attachments/createUploadSession"] = createUpload
	out["GET "+e+"/attachments/{attachment-id}"] = getAttachment
	out["DELETE "+e+"/attachments/{attachment-id}"] = deleteAttachment
	out["GET "+e+"/attachments/{attachment-id}/$value"] = attachmentValue
	return out
}

// calendar is the calendar of the path; "" means the default one.
func (c *call) calendar() (string, world.Object, *problem) {
	key := c.s.world.CalendarKey(c.userID())
	if id := c.params["calendar-id"]; id != "" {
		var p *problem
		if key, p = parseStable(calendarPrefix, id); p != nil {
			return "", nil, p
		}
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.Calendars, ID: key})
	if !found {
		return "", nil, itemNotFound()
	}
	return key, o, nil
}

func (c *call) renderCalendar(key string, o world.Object) world.Object {
	out := public(o)
	out["id"], out["changeKey"] = stableID(calendarPrefix, key), changeKey(key, o)
	c.expandMessage(out, key, o)
	return out
}

func listCalendars(c *call) (reply, *problem) {
	group, p := c.groupOf()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for key, o := range c.s.world.Scan(c.box, world.Calendars) {
			if (group == "" || world.Text(o, "~group") == group) && !yield(c.renderCalendar(key, o)) {
				return
			}
		}
	}
	return c.page(c.mailPage("calendars"), items, itself)
}

func getCalendar(c *call) (reply, *problem) {
	key, o, p := c.calendar()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/calendars", c.renderCalendar(key, o))
}

func createCalendar(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	name := paramText(in, "name")
	if name == "" {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "A calendar needs a name.")
	}
	for o := range c.s.world.All(c.box, world.Calendars) {
		if strings.EqualFold(world.Text(o, "name"), name) {
			return reply{}, fail(http.StatusConflict, "ErrorFolderExists", "A folder with the specified name already exists.")
		}
	}
	_, def, p := (&call{s: c.s, user: c.user, box: c.box}).calendar()
	if p != nil {
		return reply{}, p
	}
	group, p := c.groupOf()
	if p != nil {
		return reply{}, p
	}
	n, key := world.Clone(def), c.s.world.NewKey()
	if group != "" {
		n["~group"] = group
	}
	setProperties(n, in)
	n["name"], n["isDefaultCalendar"], n["isRemovable"], n["isTallyingResponses"] = name, false, true, false
	if v := paramText(in, "color"); v != "" {
		n["color"] = v
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Calendars, ID: key}, n)
	return created(c.renderCalendar(key, n)), nil
}

func patchCalendar(c *call) (reply, *problem) {
	key, o, p := c.calendar()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	setProperties(n, in)
	for _, name := range []string{"name", "color"} {
		if v := param(in, name); v != nil {
			n[name] = v
		}
	}
	n["~version"] = world.Number(o, "~version") + 1
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Calendars, ID: key}, n)
	return ok(c.renderCalendar(key, n)), nil
}

func deleteCalendar(c *call) (reply, *problem) {
	key, o, p := c.calendar()
	if p != nil {
		return reply{}, p
	}
	if world.Flag(o, "isDefaultCalendar") {
		return reply{}, fail(http.StatusBadRequest, "ErrorDeleteDistinguishedFolder", "The default calendar cannot be deleted.")
	}
	for id, e := range c.s.world.Scan(c.box, world.Events) {
		if world.Text(e, "~calendar") == key {
			c.s.world.Delete(world.Key{Scope: c.box, Collection: world.Events, ID: id})
		}
	}
	for id, share := range c.s.world.Scan(c.box, world.CalendarShares) {
		if world.Text(share, "~calendar") == key {
			c.s.world.Delete(world.Key{Scope: c.box, Collection: world.CalendarShares, ID: id})
		}
	}
	c.s.world.Delete(world.Key{Scope: c.box, Collection: world.Calendars, ID: key})
	return empty(http.StatusNoContent), nil
}
