package graph

import (
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
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
		"POST /users/{user-id}/findMeetingTimes":          findMeetingTimes,
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

// event finds the event of the path; an occurrence's id is expanded from its series.
func (c *call) event() (itemRef, world.Object, *problem) {
	ref, p := parseItemID(c.params["event-id"])
	if p != nil {
		return ref, nil, p
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.Events, ID: ref.key})
	if !found {
		return ref, nil, itemNotFound()
	}
	if ref.occurrence == 0 {
		return ref, o, nil
	}
	at := time.Unix(ref.occurrence, 0).UTC()
	for _, x := range c.s.occurrences(c.box, ref.key, o, at, at.Add(time.Second)) {
		if x.original == ref.occurrence {
			return ref, x.object, nil
		}
	}
	for key, x := range c.s.world.Scan(c.box, world.Events) {
		if world.Text(x, "seriesMasterId") == ref.key && world.Text(x, "~original") == world.Stamp(at) {
			return itemRef{key: key}, x, nil
		}
	}
	return ref, nil, itemNotFound()
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
	return out
}

func listCalendars(c *call) (reply, *problem) {
	items := func(yield func(world.Object) bool) {
		for key, o := range c.s.world.Scan(c.box, world.Calendars) {
			if !yield(c.renderCalendar(key, o)) {
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
	n, key := world.Clone(def), c.s.world.NewKey()
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
	c.s.world.Delete(world.Key{Scope: c.box, Collection: world.Calendars, ID: key})
	return empty(http.StatusNoContent), nil
}

// shown is how an event's times are written in this answer.
type shown struct {
	name string
	loc  *time.Location
}

func (c *call) shown() (shown, *problem) {
	name, loc, p := c.timeZone()
	if p == nil && c.prefer("outlook.timezone") != "" {
		c.preferenceApplied = append(c.preferenceApplied, `outlook.timezone="`+name+`"`)
	}
	return shown{name, loc}, p
}

// write converts a stored UTC time; days without a time stand still.
func (z shown) write(v any, allDay bool) world.Object {
	t := world.Instant(v)
	if !allDay {
		t = t.In(z.loc)
	}
	return world.Object{"dateTime": t.Format("2006-01-02T15:04:05.0000000"), "timeZone": z.name}
}

func (c *call) renderEvent(x occurrence, z shown) world.Object {
	o := x.object
	out := public(o)
	moves := world.Number(o, "~moves")
	out["id"] = itemID(x.key, moves, c.immutable)
	if x.original != 0 {
		out["id"] = occurrenceID(x.key, moves, x.original, c.immutable)
	}
	if master := world.Text(o, "seriesMasterId"); master != "" {
		out["seriesMasterId"] = itemID(master, 0, c.immutable)
	}
	if original := world.Text(o, "~original"); original != "" {
		out["originalStart"] = original
	}
	if o["transactionId"] == nil {
		delete(out, "transactionId") // returned only if set: graph/FACTS §8
	}
	allDay := world.Flag(o, "isAllDay")
	out["start"], out["end"] = z.write(o["start"], allDay), z.write(o["end"], allDay)
	out["changeKey"], out["@odata.etag"] = changeKey(x.key, o), etag(x.key, o)
	out["webLink"] = "https://outlook.office365.com/owa/?itemid=" + out["id"].(string) + "&exvsurl=1&path=/calendar/item"
	c.bodyForm(out)
	c.expandMessage(out, x.key, o)
	return out
}

// stored yields the stored events of a calendar; "" is all of the mailbox's.
func (c *call) stored(calendar string) iter.Seq2[string, world.Object] {
	return func(yield func(string, world.Object) bool) {
		for key, o := range c.s.world.Scan(c.box, world.Events) {
			if (calendar == "" || world.Text(o, "~calendar") == calendar) && !yield(key, o) {
				return
			}
		}
	}
}

// eventsOf is the calendar whose events the path means: /events are the default calendar's.
func (c *call) eventsOf() (string, shown, *problem) {
	z, p := c.shown()
	if p != nil {
		return "", z, p
	}
	key, _, p := c.calendar()
	return key, z, p
}

// listEvents gives single events and series masters only: graph/FACTS §8.
func listEvents(c *call) (reply, *problem) {
	calendar, z, p := c.eventsOf()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for key, o := range c.stored(calendar) {
			if world.Text(o, "type") == "exception" {
				continue
			}
			if !yield(c.renderEvent(occurrence{key: key, object: o}, z)) {
				return
			}
		}
	}
	return c.page(c.mailPage("events"), items, itself)
}

func getEvent(c *call) (reply, *problem) {
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/events", c.renderEvent(occurrence{ref.key, ref.occurrence, o}, z))
}

// window reads startDateTime and endDateTime; their offset counts, without one they are UTC: graph/FACTS §8.
func (c *call) window() (from, to time.Time, p *problem) {
	v := c.r.URL.Query()
	get := func(name string) (time.Time, bool) {
		for k, values := range v {
			if strings.EqualFold(k, name) {
				return bound(values[0])
			}
		}
		return time.Time{}, false
	}
	from, ok1 := get("startDateTime")
	to, ok2 := get("endDateTime")
	if !ok1 || !ok2 {
		return from, to, fail(http.StatusBadRequest, "ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
	}
	if to.Before(from) {
		return from, to, fail(http.StatusBadRequest, "ErrorInvalidParameter", "The end of the time window lies before its start.")
	}
	return from, to, nil
}

func bound(s string) (time.Time, bool) {
	s = strings.ReplaceAll(s, " ", "+") // an unescaped offset
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// view expands a calendar in a window, in the order of the starts.
func (s *Server) view(box, calendar string, from, to time.Time) []occurrence {
	var out []occurrence
	for key, o := range s.world.Scan(box, world.Events) {
		if calendar != "" && world.Text(o, "~calendar") != calendar {
			continue
		}
		if world.Text(o, "type") == "seriesMaster" {
			out = append(out, s.occurrences(box, key, o, from, to)...)
		} else if overlaps(o, from, to) {
			out = append(out, occurrence{key: key, object: o})
		}
	}
	slices.SortStableFunc(out, func(a, b occurrence) int {
		return world.Instant(a.object["start"]).Compare(world.Instant(b.object["start"]))
	})
	return out
}

func overlaps(o world.Object, from, to time.Time) bool {
	start, end := world.Instant(o["start"]), world.Instant(o["end"])
	return start.Before(to) && (end.After(from) || start.Equal(end) && !start.Before(from))
}

func calendarView(c *call) (reply, *problem) {
	calendar, z, p := c.eventsOf()
	if p != nil {
		return reply{}, p
	}
	from, to, p := c.window()
	if p != nil {
		return reply{}, p
	}
	return c.page(c.mailPage("calendarView"), c.renderAll(c.s.view(c.box, calendar, from, to), z), itself)
}

func (c *call) renderAll(list []occurrence, z shown) iter.Seq[world.Object] {
	return func(yield func(world.Object) bool) {
		for _, x := range list {
			if !yield(c.renderEvent(x, z)) {
				return
			}
		}
	}
}

func listInstances(c *call) (reply, *problem) {
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	from, to, p := c.window()
	if p != nil {
		return reply{}, p
	}
	list := c.s.occurrences(c.box, ref.key, o, from, to)
	for key, x := range c.s.world.Scan(c.box, world.Events) {
		if world.Text(x, "seriesMasterId") == ref.key && overlaps(x, from, to) {
			list = append(list, occurrence{key: key, object: x})
		}
	}
	return c.page(c.mailPage("instances"), c.renderAll(list, z), itself)
}

// viewToken is the state in a calendarView delta link; the window is fixed in it: graph/FACTS §5.
type viewToken struct {
	Since    uint64    `json:"s"`
	From, To time.Time `json:",omitzero"`
	First    bool      `json:"i,omitempty"`
	Skip     int       `json:"n,omitempty"`
}

func deltaView(c *call) (reply, *problem) {
	calendar, z, p := c.eventsOf()
	if p != nil {
		return reply{}, p
	}
	if len(c.q.Select) > 0 || len(c.q.Expand) > 0 || c.q.Filter != nil || len(c.q.OrderBy) > 0 || c.q.Search != "" {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidUrlQuery", "The following parameters are not supported with change tracking over the 'CalendarView' resource: '$orderby, $filter, $select, $expand, $search'.")
	}
	t := viewToken{Since: c.s.world.Point(), First: true}
	if raw, given := c.tokenOf(); given {
		t = viewToken{}
		if !decodeToken(raw, &t) || c.deltaGone() {
			return reply{}, syncLost()
		}
	} else if t.From, t.To, p = c.window(); p != nil {
		return reply{}, p
	}
	items := c.changedView(calendar, &t, z)
	size := c.deltaPage()
	body := world.Object{"@odata.context": c.context("Collection(event)")}
	if t.Skip+size < len(items) {
		body["value"] = items[t.Skip : t.Skip+size]
		t.Skip += size
		body["@odata.nextLink"] = c.nextLink(t)
		return ok(body), nil
	}
	body["value"] = append([]any{}, items[min(t.Skip, len(items)):]...)
	next := viewToken{Since: t.Since, From: t.From, To: t.To}
	if !t.First {
		_, next.Since = c.s.world.Since(c.box, world.Events, t.Since)
	}
	body["@odata.deltaLink"] = c.deltaLink(next)
	return ok(body), nil
}

// changedView lists a round. A series comes as its master and its occurrences; a change outside the window as @removed: graph/FACTS §5.
func (c *call) changedView(calendar string, t *viewToken, z shown) []any {
	var out []any
	show := func(x occurrence) { out = append(out, c.renderEvent(x, z)) }
	one := func(key string, o world.Object, first bool) {
		switch {
		case world.Text(o, "~calendar") != calendar:
		case world.Text(o, "type") == "seriesMaster":
			list := c.s.occurrences(c.box, key, o, t.From, t.To)
			if len(list) > 0 || !first {
				show(occurrence{key: key, object: o})
			}
			for _, x := range list {
				show(x)
			}
			out = append(out, c.cancelled(key, o, first)...)
		case overlaps(o, t.From, t.To):
			show(occurrence{key: key, object: o})
		case !first:
			out = append(out, removed(itemID(key, world.Number(o, "~moves"), c.immutable)))
		}
	}
	if t.First {
		for key, o := range c.stored(calendar) {
			one(key, o, true)
		}
		return out
	}
	changes, _ := c.s.world.Since(c.box, world.Events, t.Since)
	for _, d := range changes {
		if d.Object == nil {
			out = append(out, removed(itemID(d.ID, d.Moves, c.immutable)))
			continue
		}
		one(d.ID, d.Object, false)
	}
	return out
}

func (c *call) cancelled(key string, master world.Object, first bool) []any {
	var out []any
	if first {
		return nil
	}
	for _, at := range world.Strings(master["~cancelled"]) {
		if t, err := time.Parse(time.RFC3339, at); err == nil {
			out = append(out, removed(occurrenceID(key, 0, t.Unix(), c.immutable)))
		}
	}
	return out
}

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
			day, err := time.Parse("2006-01-02", paramText(wall, "dateTime")[:min(10, len(paramText(wall, "dateTime")))])
			if err != nil || !strings.Contains(paramText(wall, "dateTime")+"T00:00", "T00:00") {
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
	key := ref.key
	if ref.occurrence != 0 { // a patched occurrence becomes an exception: graph/FACTS §8
		key = c.s.world.NewKey()
		n["type"], n["seriesMasterId"], n["~original"] = "exception", ref.key, world.Stamp(time.Unix(ref.occurrence, 0))
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Events, ID: key}, n)
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

func setReminder(c *call) (reply, *problem) {
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	if ref.occurrence == 0 {
		n := c.changed(o)
		n["isReminderOn"] = strings.HasSuffix(c.op.canonical, "snoozeReminder")
		c.s.world.Put(world.Key{Scope: c.box, Collection: world.Events, ID: ref.key}, n)
	}
	return ok(world.Object{"@odata.context": c.context("Edm.Null"), "@odata.null": true}), nil
}

func supportedZones(c *call) (reply, *problem) {
	out := []any{}
	for _, name := range zone.Windows() {
		out = append(out, world.Object{"alias": name, "displayName": name})
	}
	return ok(world.Object{"@odata.context": c.context("Collection(microsoft.graph.timeZoneInformation)"), "value": out}), nil
}
