package graph

import (
	"net/http"
	"strings"
	"time"

	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
)

func createEvent(c *call) (reply, *problem) {
	calendar, z, p := c.eventsOf()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if id := paramText(in, "transactionId"); id != "" {
		for key, o := range c.stored("") {
			if world.Text(o, "transactionId") == id {
				return created(c.renderEvent(occurrence{key: key, object: o}, z)), nil // the retry of a POST finds its event: graph/FACTS §8
			}
		}
	}
	w := c.s.world
	me := world.Recipient(world.Text(c.user, "displayName"), world.Text(c.user, "mail"))
	o := world.Event(world.Meeting{UID: "040000008200E00074C5B7101A82E008" + strings.ToUpper(strings.ReplaceAll(w.NewGUID(), "-", "")), Calendar: calendar, Zone: "UTC", Organizer: me, Mine: true, Created: w.Now(), Start: w.Now(), End: w.Now()})
	if param(in, "start") == nil || param(in, "end") == nil {
		return reply{}, fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "At least one property failed validation: Start and End are required.")
	}
	if v := paramText(in, "transactionId"); v != "" {
		o["transactionId"] = v
	}
	if p := c.applyEvent(o, in); p != nil {
		return reply{}, p
	}
	key := w.NewKey()
	w.Put(world.Key{Scope: c.box, Collection: world.Events, ID: key}, o)
	c.s.invite(c.user, o, "")
	rep := created(c.renderEvent(occurrence{key: key, object: o}, z))
	return rep, nil
}

// moment reads a dateTimeTimeZone.
func moment(v any) (time.Time, string, *problem) {
	o, _ := v.(world.Object)
	name := paramText(o, "timeZone")
	if name == "" {
		name = "UTC"
	}
	loc, known := zone.Load(name)
	if !known {
		return time.Time{}, "", fail(http.StatusBadRequest, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified. The following TimeZone value is not supported: '"+name+"'.")
	}
	text := paramText(o, "dateTime")
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), name, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, loc); err == nil {
			return t.UTC(), name, nil
		}
	}
	return time.Time{}, "", fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "The time '"+text+"' cannot be read.")
}

// plainEvent are the properties a client may set as they are.
var plainEvent = []string{"subject", "importance", "sensitivity", "showAs", "categories", "isReminderOn", "reminderMinutesBeforeStart", "responseRequested", "allowNewTimeProposals", "hideAttendees", "isAllDay", "isDraft"}

func (c *call) applyEvent(o, in world.Object) *problem {
	for _, name := range plainEvent {
		if v := param(in, name); v != nil {
			o[name] = v
		}
	}
	if body, ok := param(in, "body").(world.Object); ok {
		kind := strings.ToLower(paramText(body, "contentType"))
		if kind == "" {
			kind = "html"
		}
		o["body"] = world.Object{"contentType": kind, "content": paramText(body, "content")}
		o["bodyPreview"] = world.Preview(plainOf(o["body"].(world.Object)))
	}
	if p := applyTimes(o, in); p != nil {
		return p
	}
	applyPlaces(o, in)
	if list, given := param(in, "attendees").([]any); given {
		o["attendees"] = c.attendees(o, list)
	}
	setProperties(o, in)
	if paramBool(in, "isOnlineMeeting", false) && o["onlineMeeting"] == nil {
		o["isOnlineMeeting"], o["onlineMeetingProvider"] = true, "teamsForBusiness"
		o["onlineMeeting"] = world.Object{"joinUrl": "https://teams.microsoft.com/l/meetup-join/19%3ameeting_" + c.s.world.NewKey() + "%40thread.v2/0?context=%7b%22Tid%22%3a%22" + c.token.Tenant + "%22%7d"}
	}
	return nil
}

func applyTimes(o, in world.Object) *problem {
	for name, original := range map[string]string{"start": "originalStartTimeZone", "end": "originalEndTimeZone"} {
		v := param(in, name)
		if v == nil {
			continue
		}
		t, zoneName, p := moment(v)
		if p != nil {
			return p
		}
		if world.Flag(o, "isAllDay") {
			wall, _ := v.(world.Object)
			date, clock, _ := strings.Cut(paramText(wall, "dateTime"), "T")
			day, err := time.Parse(time.DateOnly, date)
			if err != nil || strings.Trim(clock, "0:.Z") != "" {
				return fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "The start and end of an all-day event must be midnight.")
			}
			t = day
		}
		o[name], o[original] = world.UTC(t), zoneName
	}
	if world.Instant(o["end"]).Before(world.Instant(o["start"])) {
		return fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "At least one property failed validation: the end lies before the start.")
	}
	if rec, given := in["recurrence"]; given {
		o["recurrence"] = rec
		o["type"] = "singleInstance"
		if rec != nil {
			o["type"] = "seriesMaster"
			if _, good := rule(o); !good {
				return fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "The recurrence is not valid.")
			}
		}
	}
	return nil
}

func applyPlaces(o, in world.Object) {
	if l, ok := param(in, "location").(world.Object); ok {
		place := world.Clone(l)
		for k, v := range map[string]any{"locationType": "default", "uniqueIdType": "unknown"} {
			if place[k] == nil {
				place[k] = v
			}
		}
		o["location"], o["locations"] = place, []any{place}
	}
	if l, ok := param(in, "locations").([]any); ok && len(l) > 0 {
		o["locations"], o["location"] = l, l[0]
	}
}

// attendees keeps the answers of those who were invited before.
func (c *call) attendees(o world.Object, list []any) []any {
	before := map[string]any{}
	for _, a := range world.Objects(o["attendees"]) {
		_, address := world.Address(a)
		before[strings.ToLower(address)] = a["status"]
	}
	out := []any{}
	for _, v := range list {
		a, _ := v.(world.Object)
		name, address := world.Address(a)
		if name == "" {
			name = address
		}
		kind := paramText(a, "type")
		if kind == "" {
			kind = "required"
		}
		n := world.Attendee(name, address, kind, "none", c.s.world.Now())
		if status := before[strings.ToLower(address)]; status != nil {
			n["status"] = status
		}
		out = append(out, n)
	}
	return out
}

func patchEvent(c *call) (reply, *problem) {
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	if p := c.ifMatch(ref.key, o); p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	n := c.changed(o)
	if p := c.applyEvent(n, in); p != nil {
		return reply{}, p
	}
	key := c.s.keep(c.box, ref, n)
	if world.Flag(n, "isOrganizer") {
		c.s.invite(c.user, n, "")
		c.s.uninvite(c.user, without(o, n), "")
	}
	return c.one("users('"+c.userID()+"')/events", c.renderEvent(occurrence{key: key, object: n}, z))
}

// without is an event as those see it who are not invited any more: a change of the attendees is told to those whom it concerns
// (event-update.md), and to these it is a cancellation (recall).
func without(before, after world.Object) world.Object {
	stay := map[string]bool{}
	for _, a := range world.Objects(after["attendees"]) {
		_, address := world.Address(a)
		stay[strings.ToLower(address)] = true
	}
	gone := []any{}
	for _, a := range world.Objects(before["attendees"]) {
		if _, address := world.Address(a); !stay[strings.ToLower(address)] {
			gone = append(gone, a)
		}
	}
	out := world.Clone(after)
	out["attendees"] = gone
	return out
}

func deleteEvent(c *call) (reply, *problem) {
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	if p := c.ifMatch(ref.key, o); p != nil {
		return reply{}, p
	}
	if world.Flag(o, "isOrganizer") {
		c.s.uninvite(c.user, o, "")
	}
	c.s.dropEvent(c.box, ref, o)
	return empty(http.StatusNoContent), nil
}

// dropEvent removes an event; of a series one occurrence, or the whole with its exceptions.
func (s *Server) dropEvent(box string, ref itemRef, o world.Object) {
	k := world.Key{Scope: box, Collection: world.Events, ID: ref.key}
	if ref.occurrence != 0 {
		master, _ := s.world.Get(k)
		n := bump(s.world, master)
		n["~cancelled"] = appended(toAny(master["~cancelled"]), world.Stamp(time.Unix(ref.occurrence, 0)))
		s.world.Put(k, n)
		return
	}
	if world.Text(o, "type") == "exception" {
		mk := world.Key{Scope: box, Collection: world.Events, ID: world.Text(o, "seriesMasterId")}
		if master, found := s.world.Get(mk); found {
			n := bump(s.world, master)
			n["~cancelled"] = appended(toAny(master["~cancelled"]), world.Text(o, "~original"))
			s.world.Put(mk, n)
		}
	}
	for id, x := range s.world.Scan(box, world.Events) {
		if world.Text(x, "seriesMasterId") == ref.key {
			s.world.Delete(world.Key{Scope: box, Collection: world.Events, ID: id})
		}
	}
	s.world.Delete(k)
}

func toAny(v any) []any {
	out := []any{}
	for _, s := range world.Strings(v) {
		out = append(out, s)
	}
	return out
}
