package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func meeting(subject string, start time.Time, more map[string]any) map[string]any {
	at := func(t time.Time) map[string]any {
		return map[string]any{"dateTime": t.Format("2006-01-02T15:04:05"), "timeZone": "W. Europe Standard Time"}
	}
	m := map[string]any{"subject": subject, "start": at(start), "end": at(start.Add(time.Hour))}
	for k, v := range more {
		m[k] = v
	}
	return m
}

func attendee(address string) []any {
	return []any{map[string]any{"type": "required", "emailAddress": map[string]any{"address": address, "name": address}}}
}

func window(from, to string) string { return "?startDateTime=" + from + "&endDateTime=" + to }

var june = time.Date(2027, 6, 7, 9, 0, 0, 0, time.UTC) // a Monday; summer time in Berlin

func TestEvents(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	e := c.graph(token, "POST", ada+"/events", meeting("Slot", june, map[string]any{"transactionId": "t-1", "isOnlineMeeting": true, "onlineMeetingProvider": "teamsForBusiness"}))
	if e.status != 201 || e.str("start", "dateTime") != "2027-06-07T07:00:00.0000000" || e.str("start", "timeZone") != "UTC" || e.str("onlineMeeting", "joinUrl") == "" {
		t.Fatalf("got %d %s", e.status, e.raw)
	}
	if again := c.graph(token, "POST", ada+"/events", meeting("Slot", june, map[string]any{"transactionId": "t-1"})); again.str("id") != e.str("id") {
		t.Errorf("same transactionId: got another event %s", again.raw)
	}
	path := ada + "/events/" + e.str("id")
	for zone, want := range map[string]string{"W. Europe Standard Time": "2027-06-07T09:00:00.0000000", "Europe/Berlin": "2027-06-07T09:00:00.0000000", "Pacific Standard Time": "2027-06-07T00:00:00.0000000"} {
		if a := c.graph(token, "GET", path, nil, "Prefer", `outlook.timezone="`+zone+`"`); a.str("start", "dateTime") != want || a.str("start", "timeZone") != zone {
			t.Errorf("%s: got %s", zone, a.str("start", "dateTime"))
		}
	}
	if a := c.graph(token, "GET", path, nil, "Prefer", `outlook.timezone="Nowhere"`); a.status != 400 {
		t.Errorf("unknown zone: got %d", a.status)
	}
	if a := c.graph(token, "PATCH", path, map[string]any{"subject": "Moved slot"}); a.status != 200 || a.str("subject") != "Moved slot" {
		t.Errorf("patch: got %d %s", a.status, a.raw)
	}
	if a := c.graph(token, "GET", ada+"/calendarView", nil); a.status != 400 {
		t.Errorf("view without a window: got %d", a.status)
	}
	view := c.graph(token, "GET", ada+"/calendarView"+window("2027-06-07T08:30:00%2B02:00", "2027-06-07T09:30:00%2B02:00"), nil)
	if len(view.list()) != 1 {
		t.Errorf("view with offsets: got %s", view.raw)
	}
	if a := c.graph(token, "DELETE", path, nil); a.status != 204 {
		t.Errorf("delete: got %d", a.status)
	}
	if a := c.graph(token, "GET", path, nil); a.status != 404 {
		t.Errorf("deleted: got %d", a.status)
	}
}

func TestFindMeetingTimes(t *testing.T) {
	c := start(t)
	app := c.appToken("Seneschal")
	if a := c.graph(app, "POST", ada+"/findMeetingTimes", map[string]any{}); a.status != 403 {
		t.Errorf("app-only: got %d", a.status)
	}
	user := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access Calendars.ReadWrite").str("access_token")
	busy := func(who string, from, to int, showAs string) {
		day := june.Truncate(24 * time.Hour)
		at := func(hour int) map[string]any {
			return map[string]any{"dateTime": day.Add(time.Duration(hour) * time.Hour).Format("2006-01-02T15:04:05"), "timeZone": "UTC"}
		}
		c.graph(app, "POST", "/users/"+who+"@contoso.example/events", map[string]any{"subject": "x", "start": at(from), "end": at(to), "showAs": showAs})
	}
	busy("ada", 6, 9, "busy") // 08:00 to 11:00 in Berlin, where it is summer
	busy("ben", 9, 12, "oof")
	on := func(domain string, from, to string) map[string]any {
		bound := func(clock string) map[string]any {
			return map[string]any{"dateTime": june.Format("2006-01-02") + "T" + clock, "timeZone": "W. Europe Standard Time"}
		}
		return map[string]any{"activityDomain": domain, "timeSlots": []any{map[string]any{"start": bound(from), "end": bound(to)}}}
	}
	ben, stranger := attendee("ben@contoso.example"), attendee("nobody@elsewhere.example")
	for _, tt := range []struct {
		name   string
		body   map[string]any
		first  string // start in UTC and confidence of the first suggestion
		count  int
		reason string
	}{
		{"both free in working hours", map[string]any{"attendees": ben, "meetingDuration": "PT1H", "timeConstraint": on("work", "08:00:00", "23:00:00")}, "12:00 100", 5, ""},
		{"at any hour", map[string]any{"attendees": ben, "meetingDuration": "PT1H", "maxCandidates": 50, "timeConstraint": on("unrestricted", "08:00:00", "23:00:00")}, "12:00 100", 17, ""},
		{"the organizer may be missing", map[string]any{"attendees": ben, "isOrganizerOptional": "true", "maxCandidates": 1, "timeConstraint": on("work", "08:00:00", "23:00:00")}, "06:00 100", 1, ""},
		{"the organizer alone", map[string]any{"meetingDuration": "PT3H", "timeConstraint": on("work", "08:00:00", "17:00:00")}, "09:00 100", 5, ""},
		{"the organizer is away", map[string]any{"attendees": ben, "timeConstraint": on("work", "08:00:00", "11:00:00")}, "", 0, "OrganizerUnavailable"},
		{"the attendee is away", map[string]any{"attendees": ben, "timeConstraint": on("work", "11:00:00", "14:00:00")}, "", 0, "AttendeesUnavailable"},
		{"half of two is enough unless more is asked", map[string]any{"attendees": append(attendee("room1@contoso.example"), ben...), "maxCandidates": 1, "timeConstraint": on("work", "11:00:00", "14:00:00")}, "09:00 50", 1, ""},
		{"a stranger counts 49", map[string]any{"attendees": stranger, "timeConstraint": on("work", "14:00:00", "17:00:00")}, "", 0, "AttendeesUnavailableOrUnknown"},
		{"a stranger is good enough", map[string]any{"attendees": stranger, "minimumAttendeePercentage": "49", "maxCandidates": 1, "timeConstraint": on("work", "14:00:00", "17:00:00")}, "12:00 49", 1, ""},
		{"at night", map[string]any{"attendees": ben, "timeConstraint": on("work", "20:00:00", "23:00:00")}, "", 0, "Unknown"},
	} {
		a := c.graph(user, "POST", "/me/findMeetingTimes", tt.body)
		list, _ := a.json["meetingTimeSuggestions"].([]any)
		first := ""
		if len(list) > 0 {
			s := list[0].(map[string]any)
			first = s["meetingTimeSlot"].(map[string]any)["start"].(map[string]any)["dateTime"].(string)[11:16] + fmt.Sprintf(" %v", s["confidence"])
		}
		if a.status != 200 || first != tt.first || len(list) != tt.count || a.str("emptySuggestionsReason") != tt.reason {
			t.Errorf("%s: got %d, %q of %d, %q: %s", tt.name, a.status, first, len(list), a.str("emptySuggestionsReason"), a.raw)
		}
	}
}

func TestRecurrence(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	weekly := map[string]any{"recurrence": map[string]any{
		"pattern": map[string]any{"type": "weekly", "interval": 1, "daysOfWeek": []string{"monday"}},
		"range":   map[string]any{"type": "numbered", "startDate": "2027-03-15", "numberOfOccurrences": 4, "recurrenceTimeZone": "W. Europe Standard Time"},
	}}
	// Summer time begins on 28 March 2027: the wall clock stays, UTC moves.
	series := c.graph(token, "POST", ada+"/events", meeting("Series", time.Date(2027, 3, 15, 9, 0, 0, 0, time.UTC), weekly))
	if series.str("type") != "seriesMaster" {
		t.Fatalf("got %d %s", series.status, series.raw)
	}
	view := ada + "/calendarView" + window("2027-03-01T00:00:00Z", "2027-05-01T00:00:00Z")
	starts := func() string {
		var out []string
		for _, e := range c.graph(token, "GET", view, nil).list() {
			out = append(out, e["start"].(map[string]any)["dateTime"].(string)[5:16])
		}
		return strings.Join(out, " ")
	}
	if got, want := starts(), "03-15T08:00 03-22T08:00 03-29T07:00 04-05T07:00"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	list := c.graph(token, "GET", view, nil).list()
	if list[0]["iCalUId"] == list[1]["iCalUId"] || list[0]["type"] != "occurrence" || list[0]["seriesMasterId"] != series.str("id") {
		t.Errorf("occurrences: got %v", list[0])
	}
	moved := c.graph(token, "PATCH", ada+"/events/"+list[1]["id"].(string), meeting("Series (moved)", time.Date(2027, 3, 23, 9, 0, 0, 0, time.UTC), nil))
	if moved.status != 200 || moved.str("type") != "exception" {
		t.Errorf("patched occurrence: got %d %s", moved.status, moved.raw)
	}
	if a := c.graph(token, "DELETE", ada+"/events/"+list[2]["id"].(string), nil); a.status != 204 {
		t.Errorf("deleted occurrence: got %d", a.status)
	}
	if got, want := starts(), "03-15T08:00 03-23T08:00 04-05T07:00"; got != want {
		t.Errorf("after changes: got %s, want %s", got, want)
	}
	if a := c.graph(token, "GET", ada+"/events/"+series.str("id")+"/instances"+window("2027-03-01", "2027-05-01"), nil); len(a.list()) != 3 {
		t.Errorf("instances: got %s", a.raw)
	}
}

func TestInvitations(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	people := append(attendee("ben@contoso.example"), attendee("room1@contoso.example")...)
	e := c.graph(token, "POST", ada+"/events", meeting("Review", june, map[string]any{"attendees": people}))
	copies := c.graph(token, "GET", "/users/ben@contoso.example/calendarView"+window("2027-06-07T00:00:00Z", "2027-06-08T00:00:00Z"), nil).list()
	if len(copies) != 1 || copies[0]["isOrganizer"] != false || copies[0]["iCalUId"] != e.str("iCalUId") {
		t.Fatalf("copy: got %v", copies)
	}
	if mail := c.graph(token, "GET", "/users/ben@contoso.example/mailFolders/inbox/messages?$top=1", nil).list()[0]; mail["@odata.type"] != "#microsoft.graph.eventMessageRequest" {
		t.Errorf("invitation: got %v", mail)
	}
	benEvent := "/users/ben@contoso.example/events/" + copies[0]["id"].(string)
	for _, tt := range []struct {
		name, path string
		body       map[string]any
		status     int
	}{
		{"organiser accepts", ada + "/events/" + e.str("id") + "/accept", map[string]any{}, 400},
		{"attendee cancels", benEvent + "/cancel", map[string]any{}, 400},
		{"new time on accept", benEvent + "/accept", map[string]any{"proposedNewTime": map[string]any{}}, 400},
		{"tentative", benEvent + "/tentativelyAccept", map[string]any{"Comment": "maybe"}, 202},
	} {
		if a := c.graph(token, "POST", tt.path, tt.body); a.status != tt.status {
			t.Errorf("%s: got %d %s", tt.name, a.status, a.raw)
		}
	}
	answers := c.graph(token, "GET", ada+"/events/"+e.str("id"), nil)
	if !strings.Contains(string(answers.raw), "tentativelyAccepted") || !strings.Contains(string(answers.raw), `"accepted"`) {
		t.Errorf("answers: got %s", answers.raw)
	}
	schedule := c.graph(token, "POST", ada+"/calendar/getSchedule", map[string]any{
		"Schedules": []string{"ben@contoso.example", "nobody@contoso.example"}, "StartTime": map[string]any{"dateTime": "2027-06-07T07:00:00", "timeZone": "UTC"},
		"EndTime": map[string]any{"dateTime": "2027-06-07T09:00:00", "timeZone": "UTC"}, "availabilityViewInterval": 30,
	})
	if l := schedule.list(); len(l) != 2 || l[0]["availabilityView"] != "1100" || l[1]["error"] == nil {
		t.Errorf("schedule: got %s", schedule.raw)
	}
	if a := c.graph(token, "PATCH", ada+"/events/"+e.str("id"), map[string]any{"attendees": attendee("ben@contoso.example")}); a.status != 200 {
		t.Errorf("without the room: got %d %s", a.status, a.raw)
	}
	room := c.graph(token, "GET", "/users/room1@contoso.example/calendarView"+window("2027-06-07T00:00:00Z", "2027-06-08T00:00:00Z"), nil).list()
	if len(room) != 1 || room[0]["isCancelled"] != true {
		t.Errorf("the room's copy: got %v", room)
	}
	if a := c.graph(token, "GET", benEvent, nil); a.str("isCancelled") != "false" {
		t.Errorf("who stays invited: got %s", a.raw)
	}
	if a := c.graph(token, "POST", ada+"/events/"+e.str("id")+"/cancel", map[string]any{"comment": "off"}); a.status != 202 {
		t.Errorf("cancel: got %d", a.status)
	}
	if a := c.graph(token, "GET", benEvent, nil); a.str("isCancelled") != "true" {
		t.Errorf("cancelled copy: got %s", a.raw)
	}
}

// Answers to one occurrence, its cancellation and its change reach the other side's series.
func TestOneOccurrenceOfAnInvitation(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	daily := map[string]any{"attendees": attendee("ben@contoso.example"), "allowNewTimeProposals": false, "recurrence": map[string]any{
		"pattern": map[string]any{"type": "daily", "interval": 1},
		"range":   map[string]any{"type": "numbered", "startDate": "2027-06-07", "numberOfOccurrences": 3, "recurrenceTimeZone": "W. Europe Standard Time"},
	}}
	series := c.graph(token, "POST", ada+"/events", meeting("Stand-up", june, daily)).str("id")
	days := window("2027-06-07T00:00:00Z", "2027-06-12T00:00:00Z")
	view := func(user string) []map[string]any {
		return c.graph(token, "GET", "/users/"+user+"@contoso.example/calendarView"+days, nil).list()
	}
	const benEvents = "/users/ben@contoso.example/events/"
	theirs, mine := view("ben"), view("ada")
	slot := map[string]any{"start": map[string]any{"dateTime": "2027-06-09T09:00:00", "timeZone": "UTC"}, "end": map[string]any{"dateTime": "2027-06-09T10:00:00", "timeZone": "UTC"}}
	for _, tt := range []struct {
		name, path string
		body       map[string]any
		status     int
	}{
		{"a proposal that is not allowed", benEvents + theirs[0]["id"].(string) + "/decline", map[string]any{"proposedNewTime": slot}, 400},
		{"acceptance of one", benEvents + theirs[0]["id"].(string) + "/accept", map[string]any{}, 202},
		{"cancellation of one", ada + "/events/" + mine[2]["id"].(string) + "/cancel", map[string]any{}, 202},
		{"a forward to nobody", ada + "/events/" + series + "/forward", map[string]any{"ToRecipients": []any{}}, 400},
	} {
		if a := c.graph(token, "POST", tt.path, tt.body); a.status != tt.status {
			t.Errorf("%s: got %d %s", tt.name, a.status, a.raw)
		}
	}
	if got := view("ben"); len(got) != 3 || got[0]["type"] != "exception" || got[1]["type"] != "occurrence" || got[2]["isCancelled"] != true {
		t.Errorf("ben: got %v", got)
	}
	if got := view("ada"); len(got) != 2 || !strings.Contains(fmt.Sprint(got[0]["attendees"]), "accepted") || strings.Contains(fmt.Sprint(got[1]["attendees"]), "accepted") {
		t.Errorf("ada: got %v", got)
	}
	whole := c.graph(token, "GET", ada+"/events/"+series+"?$select=subject,cancelledOccurrences,exceptionOccurrences&$expand=exceptionOccurrences", nil)
	if list, _ := whole.json["exceptionOccurrences"].([]any); len(list) != 1 || fmt.Sprint(whole.json["cancelledOccurrences"]) != "[OID."+series+".2027-06-09]" {
		t.Errorf("the series: got %s", whole.raw)
	}
	if a := c.graph(token, "GET", ada+"/events/"+series, nil); a.json["cancelledOccurrences"] != nil || a.json["exceptionOccurrences"] != nil {
		t.Errorf("unasked: got %s", a.raw)
	}
}

func TestCalendarDelta(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	inside := c.graph(token, "POST", ada+"/events", meeting("Inside", june, nil)).str("id")
	outside := c.graph(token, "POST", ada+"/events", meeting("Outside", june.AddDate(0, 1, 0), nil)).str("id")
	base := ada + "/calendarView/delta" + window("2027-06-01T00:00:00Z", "2027-07-01T00:00:00Z")
	if a := c.graph(token, "GET", base+"&$select=subject", nil); a.status != 400 {
		t.Errorf("with $select: got %d", a.status)
	}
	first := c.graph(token, "GET", base, nil)
	if l := first.list(); len(l) != 1 || l[0]["id"] != inside {
		t.Fatalf("first round: got %s", first.raw)
	}
	c.graph(token, "PATCH", ada+"/events/"+outside, map[string]any{"subject": "Still outside"})
	c.graph(token, "DELETE", ada+"/events/"+inside, nil)
	next := c.graph(token, "GET", first.str("@odata.deltaLink"), nil)
	if l := next.list(); len(l) != 2 || l[0]["@removed"] == nil || l[1]["@removed"] == nil {
		t.Errorf("second round: got %s, want both removed", next.raw)
	}
}
