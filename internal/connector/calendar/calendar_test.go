package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

func start(t *testing.T) *bench.Bench {
	t.Helper()
	return bench.Start(t, m365.Calendar, calendar.Actions(), calendar.Probe)
}

const (
	ada  = "ada@contoso.example"
	ben  = "ben@contoso.example"
	room = "room1@contoso.example"
)

// nine is a Monday morning far from the seeded meetings: nine o'clock in Berlin.
var nine = time.Date(2031, 3, 3, 8, 0, 0, 0, time.UTC)

func rfc(t time.Time) string { return t.Format(time.RFC3339) }

func visit(more bench.In) bench.In {
	in := bench.In{"user": ada, "subject": "Visit", "start": rfc(nine), "end": rfc(nine.Add(time.Hour)), "time_zone": "Europe/Berlin"}
	for k, v := range more {
		in[k] = v
	}
	return in
}

// events lists a mailbox's view of the days from nine on.
func events(b *bench.Bench, user string, days int) []calendar.Summary {
	b.Helper()
	return bench.Do[calendar.View](b, "calendar.event.list", bench.In{"user": user, "start": rfc(nine.Add(-time.Hour)), "end": rfc(nine.AddDate(0, 0, days)), "limit": 1000}).Events
}

func TestProbeGivesEvidence(t *testing.T) { start(t).Evidence(calendar.Probe, ada) }

func TestCreateIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			in := visit(bench.In{"body": "Bring the keys", "location": "Fabrikam", "show_as": "oof", "importance": "high", "sensitivity": "private", "categories": []string{"Customer"}, "reminder_minutes": 20, "online_meeting": true})
			ref := bench.In{"user": ada, "time_zone": "W. Europe Standard Time"}
			if through == bench.Person {
				delete(in, "user")
				delete(ref, "user")
			}
			made := bench.Do[calendar.Event](b, "calendar.event.create", in, bench.Through(through))
			ref["event"] = made.ID
			got := bench.Do[calendar.Event](b, "calendar.event.get", ref, bench.Through(through))
			if got.Subject != "Visit" || !got.Start.Equal(nine) || !got.End.Equal(nine.Add(time.Hour)) || got.Start.Format(time.RFC3339) != "2031-03-03T09:00:00+01:00" || got.TimeZone != "Europe/Berlin" {
				t.Errorf("times: got %+v", got.Summary)
			}
			if got.Body != "Bring the keys" || got.Location != "Fabrikam" || got.ShowAs != "oof" || got.Importance != "high" || got.Sensitivity != "private" || !slices.Equal(got.Categories, []string{"Customer"}) {
				t.Errorf("details: got %+v", got)
			}
			if got.ReminderMinutes == nil || *got.ReminderMinutes != 20 || got.OnlineMeeting == "" || !got.IsOrganizer || len(got.Attendees) != 0 {
				t.Errorf("got %+v", got)
			}
			gone := bench.In{"event": made.ID}
			if through == bench.App {
				gone["user"] = ada
			}
			bench.Do[calendar.Deleted](b, "calendar.event.delete", gone, bench.Through(through))
			if f := b.Refused("calendar.event.get", gone, bench.Through(through)); f.Kind != fault.NotFound {
				t.Errorf("after deleting: got %v", f)
			}
		})
	}
}

// The transaction id follows from the key, so neither replays nor lost answers make a second event.
func TestCreateOnce(t *testing.T) {
	conflict := func() sim.Fault {
		f := bench.FaultAt("status", "POST", "/events")
		f.Status, f.Code = 409, "ErrorDuplicateTransactionId"
		return f
	}
	for _, tt := range []struct {
		name   string
		faults []sim.Fault
	}{
		{"without trouble", nil},
		{"the answer is lost", []sim.Fault{bench.FaultAt("timeout_after_accept", "POST", "/events")}},
		{"the request is lost", []sim.Fault{bench.FaultAt("reset", "POST", "/events")}},
		{"half of the answer comes", []sim.Fault{bench.FaultAt("truncate", "POST", "/events")}},
		{"the repetition is answered with a conflict", []sim.Fault{bench.FaultAt("timeout_after_accept", "POST", "/events"), conflict()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			for _, f := range tt.faults {
				b.Fault(f)
			}
			first := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": ben}}}), bench.Key("k"))
			again := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": ben}}}), bench.Key("k"))
			if first.ID == "" || again.ID != first.ID {
				t.Errorf("got %q, then %q", first.ID, again.ID)
			}
			if f := b.Refused("calendar.event.create", visit(bench.In{"subject": "Other"}), bench.Key("k")); f.Code != "key_reused" {
				t.Errorf("the key with another input: got %v", f)
			}
			if n, m := len(events(b, ada, 1)), len(events(b, ben, 1)); n != 1 || m != 1 {
				t.Errorf("ada has %d, ben %d, want 1 each", n, m)
			}
		})
	}
}

func TestRefusedBeforeAnyCall(t *testing.T) {
	b := start(t)
	weekly := func(more bench.In) bench.In {
		r := bench.In{"frequency": "weekly"}
		for k, v := range more {
			r[k] = v
		}
		return visit(bench.In{"recurrence": r})
	}
	before := len(b.Sim.Requests())
	for _, tt := range []struct {
		name, action string
		in           bench.In
		field        string
	}{
		{"a zone that does not exist", "calendar.event.create", visit(bench.In{"time_zone": "Europe/Berlyn"}), "time_zone"},
		{"the machine's zone", "calendar.event.create", visit(bench.In{"time_zone": "Local"}), "time_zone"},
		{"the end before the start", "calendar.event.create", visit(bench.In{"end": rfc(nine.Add(-time.Hour))}), "end"},
		{"no length", "calendar.event.create", visit(bench.In{"end": rfc(nine)}), "end"},
		{"a time without offset", "calendar.event.create", visit(bench.In{"start": "2031-03-03T09:00:00"}), "start"},
		{"an endless subject", "calendar.event.create", visit(bench.In{"subject": strings.Repeat("x", 256)}), "subject"},
		{"no subject", "calendar.event.create", visit(bench.In{"subject": ""}), "subject"},
		{"whole days that begin at nine", "calendar.event.create", visit(bench.In{"all_day": true}), "start"},
		{"no address", "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": "ben"}}}), "attendees[0].address"},
		{"weekly on no day", "calendar.event.create", weekly(nil), "recurrence.days_of_week"},
		{"weekly on a day that is none", "calendar.event.create", weekly(bench.In{"days_of_week": []string{"funday"}}), "recurrence.days_of_week[0]"},
		{"over before it begins", "calendar.event.create", weekly(bench.In{"days_of_week": []string{"monday"}, "until": "2031-01-01"}), "recurrence.until"},
		{"over the day before it begins at midnight", "calendar.event.create", bench.In{"user": ada, "subject": "x", "start": "2031-03-04T00:00:00Z", "end": "2031-03-05T00:00:00Z", "all_day": true, "recurrence": bench.In{"frequency": "daily", "until": "2031-03-03"}}, "recurrence.until"},
		{"until and count", "calendar.event.create", weekly(bench.In{"days_of_week": []string{"monday"}, "until": "2031-12-31", "count": 3}), "recurrence.count"},
		{"monthly on no day", "calendar.event.create", visit(bench.In{"recurrence": bench.In{"frequency": "monthly"}}), "recurrence.day_of_month"},
		{"yearly in no month", "calendar.event.create", visit(bench.In{"recurrence": bench.In{"frequency": "yearly", "day_of_month": 3}}), "recurrence.month"},
		{"the hour that comes twice", "calendar.event.create", visit(bench.In{"start": "2031-10-26T00:30:00Z", "end": "2031-10-26T04:00:00Z"}), "start"},
		{"a start without end", "calendar.event.update", bench.In{"user": ada, "event": "x", "start": rfc(nine)}, "start"},
		{"a zone without times", "calendar.event.update", bench.In{"user": ada, "event": "x", "time_zone": "UTC"}, "time_zone"},
		{"a window that is none", "calendar.event.list", bench.In{"user": ada, "start": rfc(nine), "end": rfc(nine)}, "end"},
		{"an answer that is none", "calendar.event.respond", bench.In{"user": ada, "event": "x", "response": "maybe"}, "response"},
		{"free times of nobody", "calendar.schedule.get", bench.In{"user": ada, "people": []string{}, "start": rfc(nine), "end": rfc(nine.Add(time.Hour))}, "people"},
		{"free times of a name", "calendar.schedule.get", bench.In{"user": ada, "people": []string{"Ben <" + ben + ">"}, "start": rfc(nine), "end": rfc(nine.Add(time.Hour))}, "people[0]"},
		{"an odd duration", "calendar.times.find", bench.In{"user": ada, "people": []string{ben}, "start": rfc(nine), "end": rfc(nine.Add(time.Hour)), "duration_minutes": 7}, "duration_minutes"},
		{"a search over a year", "calendar.times.find", bench.In{"user": ada, "people": []string{ben}, "start": rfc(nine), "end": rfc(nine.AddDate(1, 0, 0)), "duration_minutes": 30}, "end"},
		{"no mailbox for an app", "calendar.calendar.list", bench.In{}, "user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := b.Refused(tt.action, tt.in)
			if f.Kind != fault.Invalid || !slices.ContainsFunc(f.Fields, func(w fault.Field) bool { return w.Name == tt.field }) {
				t.Errorf("got %v, want the field %s named", f, tt.field)
			}
		})
	}
	for _, tt := range []struct{ through, user, code string }{{bench.App, "emma@contoso.example", "mailbox_not_listed"}, {bench.Person, ben, "mailbox_not_listed"}, {bench.Frozen, ada, "read_only"}} {
		if f := b.Refused("calendar.event.create", visit(bench.In{"user": tt.user}), bench.Through(tt.through)); f.Code != tt.code {
			t.Errorf("%s through %s: got %v, want %s", tt.user, tt.through, f, tt.code)
		}
	}
	if now := len(b.Sim.Requests()); now != before {
		t.Errorf("%d requests left for inputs that cannot be", now-before)
	}
}

func TestWholeDays(t *testing.T) {
	b := start(t)
	made := bench.Do[calendar.Event](b, "calendar.event.create", bench.In{"user": ada, "subject": "Fair", "all_day": true, "time_zone": "Europe/Berlin", "start": "2031-03-03T00:00:00+01:00", "end": "2031-03-05T00:00:00+01:00"})
	got := bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": made.ID, "time_zone": "Europe/Berlin"})
	if !got.AllDay || rfc(got.Start) != "2031-03-03T00:00:00+01:00" || rfc(got.End) != "2031-03-05T00:00:00+01:00" {
		t.Errorf("got %s to %s", rfc(got.Start), rfc(got.End))
	}
}

func TestSeries(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name  string
		rec   bench.In
		dates []string // of the occurrences in the ten weeks from nine on
	}{
		{"every second day, thrice", bench.In{"frequency": "daily", "interval": 2, "count": 3}, []string{"03-03", "03-05", "03-07"}},
		{"mondays and fridays until", bench.In{"frequency": "weekly", "days_of_week": []string{"monday", "friday"}, "until": "2031-03-14"}, []string{"03-03", "03-07", "03-10", "03-14"}},
		{"the third of the month", bench.In{"frequency": "monthly", "day_of_month": 3, "count": 3}, []string{"03-03", "04-03", "05-03"}},
		{"the first monday", bench.In{"frequency": "monthly_by_weekday", "days_of_week": []string{"monday"}, "count": 3}, []string{"03-03", "04-07", "05-05"}},
		{"once a year", bench.In{"frequency": "yearly", "day_of_month": 3, "month": 3, "count": 2}, []string{"03-03"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"subject": tt.name, "recurrence": tt.rec}))
			if made.Type != "seriesMaster" || made.Recurrence == nil || made.Recurrence.Frequency != tt.rec["frequency"] {
				t.Fatalf("got %+v", made)
			}
			in := bench.In{"user": ada, "start": rfc(nine), "end": rfc(nine.AddDate(0, 0, 70)), "time_zone": "Europe/Berlin", "limit": 1000}
			var got []string
			for _, e := range bench.Do[calendar.View](b, "calendar.event.list", in).Events {
				if e.Subject != tt.name {
					continue
				}
				got = append(got, e.Start.Format("01-02"))
				if e.SeriesID != made.ID || e.Start.Format("15:04") != "09:00" { // nine by Berlin's clock, in summer too
					t.Errorf("occurrence %+v", e)
				}
			}
			if !slices.Equal(got, tt.dates) {
				t.Errorf("got %v, want %v", got, tt.dates)
			}
			bench.Do[calendar.Deleted](b, "calendar.event.delete", bench.In{"user": ada, "event": made.ID})
		})
	}
}

func TestOneOccurrenceMoves(t *testing.T) {
	b := start(t)
	bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"recurrence": bench.In{"frequency": "daily", "count": 3}}))
	second := events(b, ada, 7)[1]
	later := second.Start.Add(2 * time.Hour)
	bench.Do[calendar.Event](b, "calendar.event.update", bench.In{"user": ada, "event": second.ID, "start": rfc(later), "end": rfc(later.Add(time.Hour))})
	got := events(b, ada, 7)
	if len(got) != 3 || !got[1].Start.Equal(later) || got[1].Type != "exception" {
		t.Errorf("got %+v", got)
	}
}

func TestViewIsBounded(t *testing.T) {
	b := start(t)
	bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"recurrence": bench.In{"frequency": "daily", "count": 30}}))
	got := bench.Do[calendar.View](b, "calendar.event.list", bench.In{"user": ada, "start": rfc(nine), "end": rfc(nine.AddDate(0, 0, 60)), "limit": 12})
	if len(got.Events) != 12 || !got.Truncated {
		t.Errorf("got %d events, truncated %v", len(got.Events), got.Truncated)
	}
	if whole := bench.Do[calendar.View](b, "calendar.event.list", bench.In{"user": ada, "start": rfc(nine), "end": rfc(nine.AddDate(0, 0, 60))}); len(whole.Events) != 30 || whole.Truncated {
		t.Errorf("got %d events, truncated %v", len(whole.Events), whole.Truncated)
	}
}

func TestCalendarsByID(t *testing.T) {
	b := start(t)
	list := bench.Do[calendar.List](b, "calendar.calendar.list", bench.In{"user": ada}).Calendars
	i := slices.IndexFunc(list, func(c calendar.Calendar) bool { return c.IsDefault })
	if i < 0 || !list[i].CanEdit {
		t.Fatalf("got %+v", list)
	}
	made := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"calendar": list[i].ID}))
	got := bench.Do[calendar.View](b, "calendar.event.list", bench.In{"user": ada, "calendar": list[i].ID, "start": rfc(nine), "end": rfc(nine.Add(time.Hour))}).Events
	if len(got) != 1 || got[0].ID != made.ID {
		t.Errorf("got %+v", got)
	}
}

func TestUpdate(t *testing.T) {
	b := start(t)
	made := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": ben}}, "location": "Here"}))
	ref := bench.In{"user": ada, "event": made.ID}
	later := nine.Add(3 * time.Hour)
	bench.Do[calendar.Event](b, "calendar.event.update", bench.In{"user": ada, "event": made.ID, "subject": "Later visit", "start": rfc(later), "end": rfc(later.Add(time.Hour)), "show_as": "free", "reminder_minutes": -1, "body": "New plan"})
	got := bench.Do[calendar.Event](b, "calendar.event.get", ref)
	if got.Subject != "Later visit" || !got.Start.Equal(later) || got.ShowAs != "free" || got.ReminderMinutes != nil || got.Body != "New plan" || got.Location != "Here" || len(got.Attendees) != 1 {
		t.Errorf("got %+v", got)
	}
	if copies := events(b, ben, 1); len(copies) != 1 || !copies[0].Start.Equal(later) {
		t.Errorf("ben has %+v", copies)
	}
	bench.Do[calendar.Event](b, "calendar.event.update", bench.In{"user": ada, "event": made.ID, "attendees": []bench.In{{"address": ben}, {"address": room, "type": "resource"}}})
	got = bench.Do[calendar.Event](b, "calendar.event.get", ref)
	if len(got.Attendees) != 2 || got.Attendees[1].Type != "resource" || got.Attendees[1].Response != "accepted" {
		t.Errorf("attendees: got %+v", got.Attendees)
	}
}

// With if_match only the version that the caller saw is touched.
func TestOnlyTheVersionThatIsMeant(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		action string
		in     bench.In
	}{
		{"calendar.event.update", bench.In{"subject": "Mine"}},
		{"calendar.event.cancel", bench.In{"comment": "No time"}},
		{"calendar.event.delete", bench.In{}},
	} {
		t.Run(tt.action, func(t *testing.T) {
			made := bench.Do[calendar.Event](b, "calendar.event.create", visit(nil))
			seen := bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": made.ID})
			if listed := events(b, ada, 1); seen.ETag == "" || seen.ETag != made.ETag || listed[0].ETag != seen.ETag {
				t.Fatalf("etags: %q made, %q read, %q listed", made.ETag, seen.ETag, listed[0].ETag)
			}
			theirs := bench.Do[calendar.Event](b, "calendar.event.update", bench.In{"user": ada, "event": made.ID, "subject": "Theirs"})
			tt.in["user"], tt.in["event"], tt.in["if_match"] = ada, made.ID, seen.ETag
			f := b.Refused(tt.action, tt.in, bench.Key(tt.action))
			if f.Kind != fault.Conflict || f.Code != "changed_meanwhile" || !strings.Contains(f.Fix, "calendar.event.get") {
				t.Errorf("an old version: got %v", f)
			}
			if got := events(b, ada, 1); len(got) != 1 || got[0].Subject != "Theirs" {
				t.Errorf("it was touched: %+v", got)
			}
			tt.in["if_match"] = theirs.ETag
			if _, err := b.Call(tt.action, tt.in); err != nil {
				t.Errorf("the present version: %v", err)
			}
			if tt.action == "calendar.event.update" {
				bench.Do[calendar.Deleted](b, "calendar.event.delete", bench.In{"user": ada, "event": made.ID})
			}
		})
	}
	if f := b.Refused("calendar.event.delete", bench.In{"user": ada, "event": "x", "if_match": "CQAAAB\r\nX: y"}); f.Fields[0].Name != "if_match" {
		t.Errorf("no etag: got %v", f)
	}
}

// A change between the look and the write is Microsoft's to refuse; one whose own answer was lost is not taken for somebody else's.
func TestVersionsUnderTrouble(t *testing.T) {
	b := start(t)
	made := bench.Do[calendar.Event](b, "calendar.event.create", visit(nil))
	in := bench.In{"user": ada, "event": made.ID, "subject": "Mine", "if_match": made.ETag}
	raced := bench.FaultAt("status", "PATCH", "/events/")
	raced.Status, raced.Code = 412, "ErrorIrresolvableConflict"
	b.Fault(raced)
	if f := b.Refused("calendar.event.update", in); f.Code != "changed_meanwhile" || f.Upstream == nil || f.Upstream.RequestID == "" || !strings.Contains(f.Fix, "calendar.event.get") {
		t.Errorf("raced: got %+v", f)
	}
	b.Fault(bench.FaultAt("timeout_after_accept", "PATCH", "/events/"))
	run := b.Unclear("calendar.event.update", in)
	if got := b.Look(run); got != action.Done {
		t.Errorf("our own change: got %s", got)
	}
	if got := events(b, ada, 1); got[0].Subject != "Mine" {
		t.Errorf("got %+v", got)
	}
	gone := bench.In{"user": ada, "event": made.ID, "if_match": events(b, ada, 1)[0].ETag}
	b.Fault(bench.FaultAt("timeout_after_accept", "DELETE", "/events/"))
	bench.Do[calendar.Deleted](b, "calendar.event.delete", gone)
}

// Null takes away what is there; what is left out stays.
func TestUpdateClears(t *testing.T) {
	b := start(t)
	full := bench.In{"attendees": []bench.In{{"address": ben}}, "location": "Here", "body": "Plan", "reminder_minutes": 20, "categories": []string{"Customer"}, "recurrence": bench.In{"frequency": "daily", "count": 3}}
	for _, tt := range []struct {
		name   string
		in     bench.In
		change func(*calendar.Event)
	}{
		{"the place", bench.In{"location": nil}, func(e *calendar.Event) { e.Location = "" }},
		{"the body", bench.In{"body": nil}, func(e *calendar.Event) { e.Body = "" }},
		{"the reminder", bench.In{"reminder_minutes": nil}, func(e *calendar.Event) { e.ReminderMinutes = nil }},
		{"the categories", bench.In{"categories": nil}, func(e *calendar.Event) { e.Categories = nil }},
		{"the categories by an empty list", bench.In{"categories": []string{}}, func(e *calendar.Event) { e.Categories = nil }},
		{"the attendees", bench.In{"attendees": nil}, func(e *calendar.Event) { e.Attendees = []calendar.Attendee{} }},
		{"the series", bench.In{"recurrence": nil}, func(e *calendar.Event) { e.Recurrence, e.Type = nil, "singleInstance" }},
		{"nothing", bench.In{"subject": "Visit"}, func(*calendar.Event) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := bench.Do[calendar.Event](b, "calendar.event.create", visit(full))
			tt.change(&want)
			ref := bench.In{"user": ada, "event": want.ID}
			tt.in["user"], tt.in["event"] = ada, want.ID
			bench.Do[calendar.Event](b, "calendar.event.update", tt.in)
			got := bench.Do[calendar.Event](b, "calendar.event.get", ref)
			want.Start, want.End, want.ETag = got.Start, got.End, got.ETag // the same instants, shown in another zone
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			bench.Do[calendar.Deleted](b, "calendar.event.delete", ref)
		})
	}
	for _, field := range []string{"subject", "show_as", "start", "all_day"} {
		if f := b.Refused("calendar.event.update", bench.In{"user": ada, "event": "x", field: nil}); f.Kind != fault.Invalid || f.Fields[0].Name != field {
			t.Errorf("%s cannot be cleared: got %v", field, f)
		}
	}
}

// A change mails the attendees, so it is asked for once, and what became of it is read from the event.
func TestUpdateWhoseAnswerIsLost(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kind    string
		atOnce  action.State
		inEnd   action.State
		subject string
	}{
		{"it was done", "timeout_after_accept", action.Done, action.Done, "New"},
		{"it was never done", "reset", action.Unclear, action.Refused, "Visit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			made := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": ben}}}))
			b.Fault(bench.FaultAt(tt.kind, "PATCH", "/events/"))
			run := b.Unclear("calendar.event.update", bench.In{"user": ada, "event": made.ID, "subject": "New"})
			if got := b.Look(run); got != tt.atOnce {
				t.Errorf("at once: got %s, want %s", got, tt.atOnce)
			}
			b.Pass(16 * time.Minute)
			if got := b.Look(run); got != tt.inEnd {
				t.Errorf("in the end: got %s, want %s", got, tt.inEnd)
			}
			if got := events(b, ada, 1); got[0].Subject != tt.subject || b.Sent("PATCH", "/events/") != 1 {
				t.Errorf("got %q after %d requests", got[0].Subject, b.Sent("PATCH", "/events/"))
			}
		})
	}
}

func TestInvitationsAndAnswers(t *testing.T) {
	for _, tt := range []struct{ response, status string }{{"accept", "accepted"}, {"tentative", "tentativelyAccepted"}, {"decline", "declined"}} {
		t.Run(tt.response, func(t *testing.T) {
			b := start(t)
			made := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": "Ben Okafor <" + ben + ">"}}}))
			invited := events(b, ben, 1)[0]
			if invited.IsOrganizer || invited.Organizer.Address != ada {
				t.Fatalf("ben's copy: got %+v", invited)
			}
			if f := b.Refused("calendar.event.cancel", bench.In{"user": ben, "event": invited.ID}); f.Code != "not_the_organizer" {
				t.Errorf("cancel by an attendee: got %v", f)
			}
			if f := b.Refused("calendar.event.respond", bench.In{"user": ada, "event": made.ID, "response": tt.response}); f.Code != "is_the_organizer" {
				t.Errorf("an answer of the organizer: got %v", f)
			}
			got := bench.Do[calendar.Responded](b, "calendar.event.respond", bench.In{"user": ben, "event": invited.ID, "response": tt.response, "comment": "Noted"})
			if got.Response != tt.status {
				t.Errorf("got %+v", got)
			}
			mine := bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": made.ID})
			if mine.Attendees[0].Response != tt.status {
				t.Errorf("ada sees %+v", mine.Attendees)
			}
		})
	}
}

func TestAnswerAndCancelWhoseAnswersAreLost(t *testing.T) {
	b := start(t)
	made := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": ben}}}))
	invited := events(b, ben, 1)[0]
	b.Fault(bench.FaultAt("reset", "POST", "/accept"))
	lost := b.Unclear("calendar.event.respond", bench.In{"user": ben, "event": invited.ID, "response": "accept"})
	if got := b.Look(lost); got != action.Unclear {
		t.Errorf("an answer that may still come: got %s", got)
	}
	b.Pass(16 * time.Minute)
	if got := b.Look(lost); got != action.Refused {
		t.Errorf("an answer that did not arrive: got %s", got)
	}
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/accept"))
	if got := b.Look(b.Unclear("calendar.event.respond", bench.In{"user": ben, "event": invited.ID, "response": "accept"})); got != action.Done {
		t.Errorf("an answer that arrived: got %s", got)
	}
	b.Fault(bench.FaultAt("reset", "POST", "/cancel"))
	if got := b.Look(b.Unclear("calendar.event.cancel", bench.In{"user": ada, "event": made.ID})); got != action.Unclear {
		t.Errorf("a cancellation that may still come: got %s", got)
	}
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/cancel"))
	if got := b.Look(b.Unclear("calendar.event.cancel", bench.In{"user": ada, "event": made.ID, "comment": "No time"})); got != action.Done {
		t.Errorf("a cancellation that arrived: got %s", got)
	}
	if copies := events(b, ben, 1); len(copies) != 1 || !copies[0].Cancelled {
		t.Errorf("ben has %+v", copies)
	}
}

func TestDeclineThatEmptiesTheCalendar(t *testing.T) {
	b := start(t)
	bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": ben}}}))
	invited := events(b, ben, 1)[0]
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/decline"))
	if got := b.Look(b.Unclear("calendar.event.respond", bench.In{"user": ben, "event": invited.ID, "response": "decline"})); got != action.Done {
		t.Errorf("got %s", got)
	}
}

func TestDeleteWhoseAnswerIsLost(t *testing.T) {
	b := start(t)
	made := bench.Do[calendar.Event](b, "calendar.event.create", visit(nil))
	b.Fault(bench.FaultAt("timeout_after_accept", "DELETE", "/events/"))
	bench.Do[calendar.Deleted](b, "calendar.event.delete", bench.In{"user": ada, "event": made.ID})
	if f := b.Refused("calendar.event.delete", bench.In{"user": ada, "event": made.ID}); f.Kind != fault.NotFound {
		t.Errorf("deleting what is gone, anew: got %v", f)
	}
}

// An app may ask about those on its connection's list and nobody else; a person asks by their own rights, which Microsoft keeps.
func TestFreeTimesAreFenced(t *testing.T) {
	b := start(t)
	const emma = "emma@contoso.example"
	window := bench.In{"start": rfc(nine), "end": rfc(nine.Add(2 * time.Hour))}
	before := len(b.Sim.Requests())
	for _, tt := range []struct {
		name, action string
		in           bench.In
		fields       []string
	}{
		{"their times", "calendar.schedule.get", bench.In{"people": []string{ada, emma, ben, "x@fabrikam.example"}}, []string{"people[1]", "people[3]"}},
		{"a meeting with them", "calendar.times.find", bench.In{"people": []string{ada, emma}, "optional_people": []string{ben, emma}, "duration_minutes": 30}, []string{"people[1]", "optional_people[1]"}},
	} {
		tt.in["user"], tt.in["start"], tt.in["end"] = ada, window["start"], window["end"]
		f := b.Refused(tt.action, tt.in)
		var named []string
		for _, field := range f.Fields {
			named = append(named, field.Name)
		}
		if f.Kind != fault.Forbidden || f.Code != "mailbox_not_listed" || !slices.Equal(named, tt.fields) {
			t.Errorf("%s: got %v, want %v named", tt.name, f, tt.fields)
		}
	}
	if n := len(b.Sim.Requests()) - before; n != 0 {
		t.Errorf("%d requests left", n)
	}
	got := bench.Do[calendar.Schedules](b, "calendar.schedule.get", bench.In{"people": []string{emma}, "start": window["start"], "end": window["end"]}, bench.Through(bench.Person)).Schedules
	if len(got) != 1 || got[0].Unknown != "" {
		t.Errorf("a person asks: got %+v", got)
	}
}

// listNobody puts an address on the app's list that no mailbox has.
func listNobody(b *bench.Bench) {
	list := connection.ParseMailboxes("ada@contoso.example, ben@contoso.example, room1@contoso.example, nobody@contoso.example")
	for i := range list {
		list[i].Purposes = []connection.Purpose{connection.ForActions}
	}
	b.Relist(list)
}

func TestSchedules(t *testing.T) {
	b := start(t)
	listNobody(b)
	bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"show_as": "oof"}))
	for _, through := range []string{bench.App, bench.Person} {
		in := bench.In{"user": ada, "people": []string{ada, "nobody@contoso.example"}, "start": rfc(nine.Add(-time.Hour)), "end": rfc(nine.Add(2 * time.Hour)), "time_zone": "Europe/Berlin"}
		if through == bench.Person {
			delete(in, "user")
		}
		got := bench.Do[calendar.Schedules](b, "calendar.schedule.get", in, bench.Through(through)).Schedules
		if len(got) != 2 || got[0].View != "003300" || len(got[0].Busy) != 1 || got[0].Busy[0].Status != "oof" || rfc(got[0].Busy[0].Start) != "2031-03-03T09:00:00+01:00" {
			t.Errorf("%s: got %+v", through, got)
		}
		if got[0].Hours == nil || got[0].Hours.Start == "" || len(got[0].Hours.Days) != 5 {
			t.Errorf("%s: hours %+v", through, got[0].Hours)
		}
		if got[1].Unknown == "" || got[1].Busy == nil {
			t.Errorf("%s: an unknown person: got %+v", through, got[1])
		}
	}
}

func TestOuterForm(t *testing.T) { bench.Golden(t, calendar.Actions()) }
