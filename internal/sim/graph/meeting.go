package graph

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
)

// invite brings an organiser's event to the attendees who have a mailbox in this world: an event in their calendar and a message about it.
// For those invited before it is an update.
func (s *Server) invite(organizer, o world.Object, comment string) {
	for _, a := range world.Objects(o["attendees"]) {
		_, address := world.Address(a)
		_, user, err := s.mailboxOf(address)
		if err != nil || world.Text(user, "id") == world.Text(organizer, "id") {
			s.record.Count("invitations_left_the_world", 1)
			continue
		}
		s.inviteOne(organizer, user, o, comment)
	}
}

// shared are the properties that the organiser's event gives to the copies.
var shared = []string{"subject", "body", "bodyPreview", "start", "end", "originalStartTimeZone", "originalEndTimeZone", "location", "locations", "isAllDay", "recurrence", "type", "onlineMeeting", "isOnlineMeeting", "onlineMeetingProvider", "attendees", "importance", "sensitivity", "~cancelled"}

func (s *Server) inviteOne(organizer, user, o world.Object, comment string) {
	userID := world.Text(user, "id")
	box := world.Mailbox(userID)
	key, copied, known := s.copyOf(box, o)
	if !known {
		key = s.world.NewKey()
		copied = world.Clone(o)
		delete(copied, "~properties")
		copied["isOrganizer"], copied["~calendar"], copied["transactionId"], copied["showAs"] = false, s.world.CalendarKey(userID), nil, "tentative"
		copied["responseStatus"] = world.Object{"response": "notResponded", "time": "0001-01-01T00:00:00Z"}
		copied["seriesMasterId"] = nil
		if world.Text(o, "type") == "exception" {
			copied["type"] = "singleInstance"
		}
	} else {
		before := copied
		copied = bump(s.world, copied)
		for _, name := range shared {
			copied[name] = o[name]
		}
		if world.Text(before, "type") != "" && world.Text(o, "type") == "exception" {
			copied["type"] = before["type"]
		}
	}
	room := world.Text(user, "~purpose") == "room"
	if room {
		copied["responseStatus"], copied["showAs"] = world.Object{"response": "accepted", "time": world.Stamp(s.world.Now())}, "busy"
	}
	s.world.Put(world.Key{Scope: box, Collection: world.Events, ID: key}, copied)
	if room { // rooms answer by themselves
		s.recordResponse(copied, world.Text(user, "mail"), "accepted", "", user, "Accepted: ")
		return
	}
	s.meetingMail(organizer, user, o, world.Text(o, "subject"), comment, "meetingRequest")
}

// copyOf finds the copy of an event in another mailbox by its iCalUId: graph/FACTS §8.
func (s *Server) copyOf(box string, o world.Object) (string, world.Object, bool) {
	for key, e := range s.world.Scan(box, world.Events) {
		if world.Text(e, "iCalUId") == world.Text(o, "iCalUId") {
			return key, e, true
		}
	}
	return "", nil, false
}

// meetingMail puts the message about a meeting into a mailbox.
func (s *Server) meetingMail(from, to, event world.Object, subject, comment, kind string) {
	userID := world.Text(to, "id")
	_, domain, _ := strings.Cut(world.Text(from, "userPrincipalName"), "@")
	m := world.Message(world.Mail{
		Folder: s.world.FolderKey(userID, "inbox"), Subject: subject, Text: comment, From: world.Recipient(world.Text(from, "displayName"), world.Text(from, "mail")),
		To: []world.Object{world.Recipient(world.Text(to, "displayName"), world.Text(to, "mail"))}, At: s.world.Now(), InternetID: "<" + s.world.NewGUID() + "@" + domain + ">", Conversation: s.world.ItemKey("meeting", world.Text(event, "iCalUId")),
	})
	if comment == "" {
		m["body"], m["bodyPreview"] = event["body"], event["bodyPreview"]
	}
	m["@odata.type"], m["meetingMessageType"] = "#microsoft.graph.eventMessage", kind
	if kind == "meetingRequest" {
		m["@odata.type"] = "#microsoft.graph.eventMessageRequest"
	}
	if strings.HasPrefix(kind, "meeting") && strings.HasSuffix(kind, "ed") && kind != "meetingCancelled" {
		m["@odata.type"] = "#microsoft.graph.eventMessageResponse"
	}
	m["startDateTime"], m["endDateTime"], m["isOutOfDate"], m["isAllDay"], m["isDelegated"], m["type"] = event["start"], event["end"], false, event["isAllDay"], false, event["type"]
	s.world.Put(world.Key{Scope: world.Mailbox(userID), Collection: world.Messages, ID: s.world.NewKey()}, m)
}

// uninvite tells the attendees that a meeting is off: their copy is marked cancelled and a message says so.
func (s *Server) uninvite(organizer, o world.Object, comment string) {
	for _, a := range world.Objects(o["attendees"]) {
		_, address := world.Address(a)
		_, user, err := s.mailboxOf(address)
		if err != nil || world.Text(user, "id") == world.Text(organizer, "id") {
			continue
		}
		box := world.Mailbox(world.Text(user, "id"))
		if world.Text(o, "type") == "occurrence" {
			continue // the copies of a series keep one cancelled occurrence; see docs/fidelity.md
		}
		if key, e, found := s.copyOf(box, o); found {
			n := bump(s.world, e)
			n["isCancelled"], n["showAs"], n["subject"] = true, "free", "Canceled: "+strings.TrimPrefix(world.Text(e, "subject"), "Canceled: ")
			s.world.Put(world.Key{Scope: box, Collection: world.Events, ID: key}, n)
			s.meetingMail(organizer, user, o, "Canceled: "+world.Text(o, "subject"), comment, "meetingCancelled")
		}
	}
}

// cancelEvent is the organiser's alone: an attendee gets 400, graph/FACTS §8.
func cancelEvent(c *call) (reply, *problem) {
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if !world.Flag(o, "isOrganizer") {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "Your request can't be completed. You need to be an organizer to cancel a meeting.")
	}
	c.s.uninvite(c.user, o, paramText(in, "comment"))
	c.s.dropEvent(c.box, ref, o)
	return empty(http.StatusAccepted), nil
}

func forwardEvent(c *call) (reply, *problem) {
	_, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	for _, r := range world.Objects(param(in, "toRecipients")) {
		_, address := world.Address(r)
		if _, user, err := c.s.mailboxOf(address); err == nil {
			c.s.inviteOne(c.user, user, o, paramText(in, "comment"))
		}
	}
	return empty(http.StatusAccepted), nil
}

// respond plays accept, decline, tentativelyAccept: graph/FACTS §8.
func respond(response, prefix string) handler {
	return func(c *call) (reply, *problem) {
		ref, o, p := c.event()
		if p != nil {
			return reply{}, p
		}
		in, p := c.json()
		if p != nil {
			return reply{}, p
		}
		send := paramBool(in, "sendResponse", true)
		switch proposed := param(in, "proposedNewTime"); {
		case world.Flag(o, "isOrganizer"):
			return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.")
		case proposed != nil && (response == "accepted" || !send):
			return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "A new time can be proposed only when declining or tentatively accepting, and only with a response.")
		}
		k := world.Key{Scope: c.box, Collection: world.Events, ID: ref.key}
		if response == "declined" {
			c.s.dropEvent(c.box, ref, o)
		} else if ref.occurrence == 0 {
			n := c.changed(o)
			n["responseStatus"] = world.Object{"response": response, "time": world.Stamp(c.s.world.Now())}
			n["showAs"] = "busy"
			if response == "tentativelyAccepted" {
				n["showAs"] = "tentative"
			}
			c.s.world.Put(k, n)
		}
		if send {
			c.s.recordResponse(o, world.Text(c.user, "mail"), response, paramText(in, "comment"), c.user, prefix)
		}
		return empty(http.StatusAccepted), nil
	}
}

// recordResponse brings an answer to the organiser: the attendee's status in the event, and a message.
func (s *Server) recordResponse(o world.Object, address, response, comment string, from world.Object, prefix string) {
	_, organizer := world.Address(o["organizer"])
	_, user, err := s.mailboxOf(organizer)
	if err != nil {
		return
	}
	box := world.Mailbox(world.Text(user, "id"))
	key, e, found := s.copyOf(box, o)
	if !found {
		return
	}
	n := bump(s.world, e)
	list := []any{}
	for _, a := range world.Objects(e["attendees"]) {
		if _, who := world.Address(a); strings.EqualFold(who, address) {
			a = world.Clone(a)
			a["status"] = world.Object{"response": response, "time": world.Stamp(s.world.Now())}
		}
		list = append(list, a)
	}
	n["attendees"] = list
	s.world.Put(world.Key{Scope: box, Collection: world.Events, ID: key}, n)
	kind := map[string]string{"accepted": "meetingAccepted", "declined": "meetingDeclined", "tentativelyAccepted": "meetingTenativelyAccepted"}[response] // Microsoft's spelling
	s.meetingMail(from, user, o, prefix+world.Text(o, "subject"), comment, kind)
}

// Bounds of getSchedule: graph/FACTS §8.
const (
	scheduleItems = 1000
	leastInterval = 5
	mostInterval  = 1440
)

func getSchedule(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	from, _, p := moment(param(in, "startTime"))
	if p != nil {
		return reply{}, p
	}
	to, _, p := moment(param(in, "endTime"))
	if p != nil {
		return reply{}, p
	}
	interval := 30
	if v := param(in, "availabilityViewInterval"); v != nil {
		interval = world.Number(world.Object{"v": v}, "v")
	}
	if interval < leastInterval || interval > mostInterval || !to.After(from) {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "The interval must lie between 5 and 1440 minutes, and the end after the start.")
	}
	out := []any{}
	for _, address := range world.Strings(param(in, "schedules")) {
		out = append(out, c.schedule(address, from, to, time.Duration(interval)*time.Minute, z))
	}
	return ok(world.Object{"@odata.context": c.context("Collection(microsoft.graph.scheduleInformation)"), "value": out}), nil
}

// busyDigits are availabilityView's: graph/FACTS §8.
var busyDigits = map[string]byte{"free": '0', "tentative": '1', "busy": '2', "oof": '3', "workingElsewhere": '4'}

func (c *call) schedule(address string, from, to time.Time, interval time.Duration, z shown) world.Object {
	out := world.Object{"scheduleId": address}
	user, found := c.s.world.User(c.token.Tenant, address)
	if !found || !world.HasMailbox(user) {
		out["error"] = world.Object{"message": "Mailbox for the e-mail address could not be found.", "responseCode": "ErrorMailRecipientNotFound"}
		return out
	}
	box := world.Mailbox(world.Text(user, "id"))
	view := c.s.view(box, "", from, to)
	if len(view) > scheduleItems {
		out["error"] = world.Object{"message": "The result set contains too many calendar entries.", "responseCode": "5006"}
		return out
	}
	slots := max(1, int((to.Sub(from)+interval-1)/interval))
	digits := []byte(strings.Repeat("0", slots))
	items := []any{}
	for _, x := range view {
		o := x.object
		status := world.Text(o, "showAs")
		start, end := world.Instant(o["start"]), world.Instant(o["end"])
		for i := range digits {
			a := from.Add(time.Duration(i) * interval)
			if start.Before(a.Add(interval)) && end.After(a) && busyDigits[status] > digits[i] {
				digits[i] = busyDigits[status]
			}
		}
		items = append(items, scheduleItem(o, status, z))
	}
	out["availabilityView"], out["scheduleItems"] = string(digits), items
	if s, ok := c.s.world.Get(world.Key{Scope: box, Collection: world.Settings, ID: "settings"}); ok {
		out["workingHours"] = s["workingHours"]
	}
	return out
}

func scheduleItem(o world.Object, status string, z shown) world.Object {
	private := world.Text(o, "sensitivity") == "private"
	item := world.Object{
		"isPrivate": private, "status": status, "start": z.write(o["start"], world.Flag(o, "isAllDay")), "end": z.write(o["end"], world.Flag(o, "isAllDay")),
	}
	if !private {
		place, _ := o["location"].(world.Object)
		item["subject"], item["location"] = o["subject"], world.Text(place, "displayName")
	}
	return item
}

// search is one findMeetingTimes: api/user-findmeetingtimes.md, resources/meetingtimesuggestionsresult.md.
type search struct {
	length     time.Duration
	most       int
	least      float64 // minimumAttendeePercentage
	withoutMe  bool    // isOrganizerOptional
	reasons    bool    // returnSuggestionReasons
	domain     string  // activityDomain
	spans      [][2]time.Time
	organizer  guest
	attendees  []guest
	seen       bool // a time in working hours was looked at
	absent     bool // the organizer alone was in the way
	unknown    bool // somebody's times are not known
	candidates []candidate
}

// guest is somebody to meet; without a mailbox here nothing is known of them.
type guest struct {
	box   string
	asked world.Object // the attendee as the client wrote it
}

type candidate struct {
	from       time.Time
	confidence float64
	organizer  string
	attendees  []string
}

// findMeetingTimes suggests slots. App-only is refused by the permission table: graph/FACTS §8.
func findMeetingTimes(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	s, p := c.newSearch(in)
	if p != nil {
		return reply{}, p
	}
	c.look(s)
	return ok(world.Object{"@odata.context": c.context("microsoft.graph.meetingTimeSuggestionsResult"), "emptySuggestionsReason": s.reason(), "meetingTimeSuggestions": s.suggestions(z)}), nil
}

func (c *call) newSearch(in world.Object) (*search, *problem) {
	s := &search{length: isoDuration(paramText(in, "meetingDuration")), most: 5, least: 50, withoutMe: paramBool(in, "isOrganizerOptional", false),
		reasons: paramBool(in, "returnSuggestionReasons", false), organizer: guest{box: c.box}, attendees: c.guests(world.Objects(param(in, "attendees")))}
	if s.length <= 0 {
		s.length = 30 * time.Minute
	}
	if n := world.Number(world.Object{"v": param(in, "maxCandidates")}, "v"); n > 0 {
		s.most = n
	}
	if v := param(in, "minimumAttendeePercentage"); v != nil {
		least, err := strconv.ParseFloat(fmt.Sprint(v), 64) // the page's own example writes a text
		if err != nil || least < 0 || least > 100 {
			return nil, fail(http.StatusBadRequest, "ErrorInvalidRequest", "MinimumAttendeePercentage must lie between 0 and 100.")
		}
		s.least = least
	}
	when := paramObject(in, "timeConstraint")
	if s.domain = strings.ToLower(paramText(when, "activityDomain")); s.domain == "" || s.domain == "unknown" {
		s.domain = "work"
	}
	var p *problem
	s.spans, p = c.constraint(when)
	return s, p
}

func (c *call) guests(asked []world.Object) []guest {
	var out []guest
	for _, a := range asked {
		g := guest{asked: a}
		_, address := world.Address(a)
		if u, found := c.s.world.User(c.token.Tenant, address); found && world.HasMailbox(u) {
			g.box = world.Mailbox(world.Text(u, "id"))
		}
		out = append(out, g)
	}
	return out
}

func (c *call) constraint(v world.Object) ([][2]time.Time, *problem) {
	var out [][2]time.Time
	for _, slot := range world.Objects(param(v, "timeSlots")) {
		from, _, p := moment(param(slot, "start"))
		if p != nil {
			return nil, p
		}
		to, _, p := moment(param(slot, "end"))
		if p != nil {
			return nil, p
		}
		out = append(out, [2]time.Time{from, to})
	}
	if out == nil {
		now := c.s.world.Now().Truncate(time.Hour).Add(time.Hour)
		out = [][2]time.Time{{now, now.AddDate(0, 0, 7)}}
	}
	return out, nil
}

// look goes through the spans by half hours. The best are those most likely attended, the earlier first among equals.
func (c *call) look(s *search) {
	for _, span := range s.spans {
		for at := span[0].Truncate(30 * time.Minute); !at.Add(s.length).After(span[1]); at = at.Add(30 * time.Minute) {
			if !at.Before(span[0]) && c.inHours(s, at) {
				c.judge(s, at)
			}
		}
	}
	slices.SortStableFunc(s.candidates, func(a, b candidate) int { return cmp.Compare(b.confidence, a.confidence) })
	s.candidates = s.candidates[:min(s.most, len(s.candidates))]
}

// chances are how likely somebody attends: the page names free, unknown and busy.
var chances = map[string]float64{"free": 100, "workingElsewhere": 100, "unknown": 49}

func (c *call) judge(s *search, at time.Time) {
	s.seen = true
	found := candidate{from: at, organizer: c.availability(s.organizer, at, at.Add(s.length)), confidence: 100}
	sum := 0.0
	for _, g := range s.attendees {
		status := c.availability(g, at, at.Add(s.length))
		s.unknown = s.unknown || status == "unknown"
		sum += chances[status]
		found.attendees = append(found.attendees, status)
	}
	if len(s.attendees) > 0 {
		found.confidence = sum / float64(len(s.attendees))
	}
	if found.confidence < s.least {
		return
	}
	if !s.withoutMe && chances[found.organizer] < 100 {
		s.absent = true
		return
	}
	s.candidates = append(s.candidates, found)
}

// lessFree orders what may stand in a calendar.
var lessFree = []string{"free", "workingElsewhere", "tentative", "busy", "oof"}

// availability is the least free of what stands in somebody's calendar.
func (c *call) availability(g guest, from, to time.Time) string {
	if g.box == "" {
		return "unknown"
	}
	worst := 0
	for _, x := range c.s.view(g.box, "", from, to) {
		worst = max(worst, slices.Index(lessFree, world.Text(x.object, "showAs")))
	}
	return lessFree[worst]
}

// inHours tells whether a time suits the kind of activity: for work the working hours of the organizer and of all attendees
// (concepts/findmeetingtimes-example.md), for personal ones the weekend too.
func (c *call) inHours(s *search, at time.Time) bool {
	if s.domain == "unrestricted" {
		return true
	}
	for _, g := range append([]guest{s.organizer}, s.attendees...) {
		if g.box != "" && !c.working(g.box, at, at.Add(s.length), s.domain == "personal") {
			return false
		}
	}
	return true
}

func (c *call) working(box string, from, to time.Time, weekend bool) bool {
	settings, _ := c.s.world.Get(world.Key{Scope: box, Collection: world.Settings, ID: "settings"})
	hours, _ := settings["workingHours"].(world.Object)
	where, _ := hours["timeZone"].(world.Object)
	loc, known := zone.Load(world.Text(where, "name"))
	if !known {
		loc = time.UTC
	}
	from, to = from.In(loc), to.In(loc)
	day := strings.ToLower(from.Weekday().String())
	days := world.Strings(hours["daysOfWeek"])
	if weekend {
		days = append(slices.Clone(days), "saturday", "sunday")
	}
	if !slices.Contains(days, day) {
		return false
	}
	const wall = "15:04:05.0000000"
	return from.YearDay() == to.YearDay() && from.Format(wall) >= world.Text(hours, "startTime") && to.Format(wall) <= world.Text(hours, "endTime")
}

// reason is why there is nothing to suggest; empty where there is.
func (s *search) reason() string {
	switch {
	case len(s.candidates) > 0:
		return ""
	case !s.seen:
		return "Unknown"
	case s.absent:
		return "OrganizerUnavailable"
	case s.unknown:
		return "AttendeesUnavailableOrUnknown"
	}
	return "AttendeesUnavailable"
}

func (s *search) suggestions(z shown) []any {
	out := []any{}
	for i, found := range s.candidates {
		attendees := []any{}
		for k, g := range s.attendees {
			attendees = append(attendees, world.Object{"availability": found.attendees[k], "attendee": g.asked})
		}
		why := ""
		if s.reasons {
			why = "Suggested because it is one of the nearest times when all attendees are available."
		}
		out = append(out, world.Object{
			"confidence": found.confidence, "order": i + 1, "organizerAvailability": found.organizer, "attendeeAvailability": attendees, "locations": []any{}, "suggestionReason": why,
			"meetingTimeSlot": world.Object{"start": z.write(world.UTC(found.from), false), "end": z.write(world.UTC(found.from.Add(s.length)), false)},
		})
	}
	return out
}

// isoDuration reads PT1H30M and P1D.
func isoDuration(s string) time.Duration {
	days, clock, _ := strings.Cut(strings.TrimPrefix(strings.ToUpper(s), "P"), "T")
	d, err := time.ParseDuration(strings.ToLower(clock))
	if err != nil {
		d = 0
	}
	if n, ok := strings.CutSuffix(days, "D"); ok {
		if h, err := time.ParseDuration(n + "h"); err == nil {
			d += 24 * h
		}
	}
	return d
}
