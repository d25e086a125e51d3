package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

const dispatching = "dispatch@contoso.example"

// dispatchForm lets the hub put slots into the calendars of Ada and Ben, and act in these.
func dispatchForm(h *app.Hub, more ...m365.Capability) connection.Form {
	f := h.Form("c", "Seneschal", append([]m365.Capability{m365.Dispatch, m365.Calendar}, more...)...)
	f.Mailboxes = dispatched(ada + " " + ben)
	return f
}

func dispatchHub(t *testing.T, engine store.Engine) *app.Hub {
	t.Helper()
	h := app.StartForTest(t, app.TestOptions{Engine: engine})
	h.Connect(dispatchForm(h))
	return h
}

// monday is far from the world's seeded meetings, and the same one for the whole of a test.
func monday(h *app.Hub) time.Time {
	y, m, d := h.Began.UTC().Date()
	return time.Date(y, m, d+20, 3, 0, 0, 0, time.UTC)
}

func slotFor(h *app.Hub, id, technician string, more map[string]any) map[string]any {
	in := map[string]any{"external_id": id, "technician": technician, "start": monday(h).Format(time.RFC3339), "end": monday(h).Add(time.Hour).Format(time.RFC3339), "subject": "Visit " + id,
		"customer": "Northwind", "notes": "Bring the keys", "location": "Harbour 1", "time_zone": "Europe/Berlin", "categories": []string{"Field"}, "reminder_minutes": 30}
	for k, v := range more {
		in[k] = v
	}
	return in
}

// planner is who plans: a key for nothing else.
func planner() access.Caller {
	return access.Caller{Kind: "apikey", ID: "psa", Name: "psa", Scopes: []access.Scope{access.Dispatch}}
}

func put(t *testing.T, h *app.Hub, in map[string]any) {
	t.Helper()
	if _, err := runAs(t, h, planner(), "dispatch.slot.put", in); err != nil {
		t.Fatal(err)
	}
}

// inCalendar are the events of a mailbox on that Monday as Microsoft has them, each with what a technician sees.
func inCalendar(t *testing.T, h *app.Hub, user string) (out []calendar.Summary) {
	t.Helper()
	r, err := runOn(t, h, access.Local("test"), "calendar.event.list", "c", map[string]any{"user": user, "start": monday(h).Add(-2 * time.Hour), "end": monday(h).Add(20 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	var v calendar.View
	if err := json.Unmarshal(r.Output, &v); err != nil {
		t.Fatal(err)
	}
	return v.Events
}

func subjects(events []calendar.Summary) (out []string) {
	for _, e := range events {
		out = append(out, e.Subject)
	}
	slices.Sort(out)
	return out
}

func slotIs(t *testing.T, h *app.Hub, id string, states ...dispatch.State) dispatch.Slot {
	t.Helper()
	var s dispatch.Slot
	waitUntil(t, fmt.Sprintf("slot %s is %v", id, states), func() bool {
		h.Time.Advance(200 * time.Millisecond)
		var err error
		if s, err = h.Dispatch.Lookup(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(states, s.State)
	})
	return s
}

// byHand changes an event as its technician does in Outlook.
func byHand(t *testing.T, h *app.Hub, action string, in map[string]any) {
	t.Helper()
	if _, err := runOn(t, h, access.Local("test"), action, "c", in); err != nil {
		t.Fatal(err)
	}
	walked(t, h)
}

// outgoing counts what left the simulated Exchange by mail, whether it was asked to or did so by itself.
func outgoing(h *app.Hub) int { return mailsOf(h.Cloud) }

func mailsOf(cloud *sim.Sim) int {
	n := 0
	for _, r := range cloud.Requests() {
		if strings.HasSuffix(r.Path, "/send") || strings.HasSuffix(r.Path, "/sendMail") {
			n++
		}
	}
	counted := cloud.Counters()
	return n + counted["meeting_mails"] + counted["invitations_left_the_world"] + counted["invitations_mailed"]
}

func nobodyWasMailed(t *testing.T, h *app.Hub) {
	t.Helper()
	if n := outgoing(h); n > 0 {
		t.Errorf("people were mailed: %d times", n)
	}
}

// writes counts the requests that create or change events.
func writes(h *app.Hub) int { return requestsTo(h, "/events", http.MethodPost, http.MethodPatch) }

// requestsTo counts the requests by such methods whose path has the part.
func requestsTo(h *app.Hub, part string, methods ...string) int {
	n := 0
	for _, r := range h.Cloud.Requests() {
		if slices.Contains(methods, r.Method) && strings.Contains(r.Path, part) {
			n++
		}
	}
	return n
}

func slotEvents(t *testing.T, h *app.Hub, types ...event.Type) (out []string) {
	t.Helper()
	all, err := h.Events.List(t.Context(), event.Everybody(), event.Query{Types: types, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		out = append([]string{fmt.Sprintf("%s %v", e.Type, e.Data["slot"])}, out...)
	}
	return out
}

func TestASlotBecomesOneEvent(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := dispatchHub(t, engine)
			put(t, h, slotFor(h, "1", ada, nil))
			s := slotIs(t, h, "1", dispatch.Placed)
			events := inCalendar(t, h, ada)
			if len(events) != 1 || events[0].Subject != "Visit 1" || !events[0].Start.Equal(monday(h)) || events[0].Location != "Harbour 1" || events[0].ID != s.Event || s.PlacedAt.IsZero() {
				t.Fatalf("the calendar has %+v, the slot %+v", events, s)
			}
			before := writes(h)
			put(t, h, slotFor(h, "1", ada, nil)) // says nothing new
			put(t, h, slotFor(h, "1", ada, map[string]any{"start": monday(h).Add(time.Hour).Format(time.RFC3339), "end": monday(h).Add(3 * time.Hour).Format(time.RFC3339), "notes": "Ring twice"}))
			slotIs(t, h, "1", dispatch.Placed)
			if events = inCalendar(t, h, ada); len(events) != 1 || !events[0].Start.Equal(monday(h).Add(time.Hour)) || events[0].ID != s.Event {
				t.Errorf("after the change: %+v", events)
			}
			if n := writes(h) - before; n != 1 {
				t.Errorf("a change and a repetition took %d writes", n)
			}
			put(t, h, slotFor(h, "1", ben, nil)) // re-assigned
			slotIs(t, h, "1", dispatch.Placed)
			if a, b := inCalendar(t, h, ada), inCalendar(t, h, ben); len(a) != 0 || len(b) != 1 || !b[0].Start.Equal(monday(h)) {
				t.Errorf("after re-assigning Ada has %v, Ben %v", subjects(a), subjects(b))
			}
			put(t, h, slotFor(h, "1", ben, map[string]any{"status": "cancelled"}))
			slotIs(t, h, "1", dispatch.Withdrawn)
			put(t, h, slotFor(h, "1", ben, nil)) // not cancelled after all
			slotIs(t, h, "1", dispatch.Placed)
			if b := inCalendar(t, h, ben); len(b) != 1 {
				t.Errorf("taken up again, Ben has %v", subjects(b))
			}
			if _, err := runAs(t, h, planner(), "dispatch.slot.remove", map[string]any{"external_id": "1"}); err != nil {
				t.Fatal(err)
			}
			slotIs(t, h, "1", dispatch.Withdrawn)
			if a, b := inCalendar(t, h, ada), inCalendar(t, h, ben); len(a)+len(b) != 0 {
				t.Errorf("removed, Ada has %v, Ben %v", subjects(a), subjects(b))
			}
			nobodyWasMailed(t, h)
		})
	}
}

func TestWhatIsDoneByHandIsSeen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		rule dispatch.Rule
		do   func(t *testing.T, h *app.Hub, s dispatch.Slot)
		want dispatch.State
		then func(t *testing.T, h *app.Hub)
	}{
		{"moved, the slot wins at its next change", dispatch.SlotWins, moveByHand, dispatch.Drifted, func(t *testing.T, h *app.Hub) {
			if e := inCalendar(t, h, ada); len(e) != 1 || !e[0].Start.Equal(monday(h).Add(5*time.Hour)) {
				t.Errorf("it was written back at once: %+v", e)
			}
			put(t, h, slotFor(h, "1", ada, map[string]any{"notes": "changed"}))
			slotIs(t, h, "1", dispatch.Placed)
			if e := inCalendar(t, h, ada); len(e) != 1 || !e[0].Start.Equal(monday(h)) {
				t.Errorf("after the slot's next change: %+v", e)
			}
		}},
		{"moved, the calendar wins", dispatch.CalendarWins, moveByHand, dispatch.Placed, func(t *testing.T, h *app.Hub) {
			if s := slotIs(t, h, "1", dispatch.Placed); !s.Start.Equal(monday(h).Add(5 * time.Hour)) {
				t.Errorf("the slot is at %v", s.Start)
			}
		}},
		{"moved while the plan changes, the calendar wins what it changed", dispatch.CalendarWins, func(t *testing.T, h *app.Hub, s dispatch.Slot) {
			in := map[string]any{"user": ada, "event": s.Event, "start": s.Start.Add(5 * time.Hour), "end": s.End.Add(5 * time.Hour)}
			if _, err := runOn(t, h, access.Local("test"), "calendar.event.update", "c", in); err != nil {
				t.Fatal(err)
			}
			put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 9"}))
		}, dispatch.Placed, func(t *testing.T, h *app.Hub) {
			waitUntil(t, "both changes are in the calendar", func() bool {
				h.Time.Advance(200 * time.Millisecond)
				e := inCalendar(t, h, ada)
				return len(e) == 1 && e[0].Location == "Harbour 9" && e[0].Start.Equal(monday(h).Add(5*time.Hour))
			})
		}},
		{"moved, somebody is asked and says the slot", dispatch.Ask, moveByHand, dispatch.Drifted, func(t *testing.T, h *app.Hub) {
			put(t, h, slotFor(h, "1", ada, map[string]any{"notes": "changed"}))
			if s := slotIs(t, h, "1", dispatch.Drifted); len(s.Drift) == 0 {
				t.Error("nothing is told of what differs")
			}
			resolve(t, h, "slot")
			if e := inCalendar(t, h, ada); len(e) != 1 || !e[0].Start.Equal(monday(h)) {
				t.Errorf("got %+v", e)
			}
		}},
		{"moved, somebody is asked and says the calendar", dispatch.Ask, moveByHand, dispatch.Drifted, func(t *testing.T, h *app.Hub) {
			resolve(t, h, "calendar")
			s := slotIs(t, h, "1", dispatch.Placed)
			if e := inCalendar(t, h, ada); len(e) != 1 || !e[0].Start.Equal(s.Start) || !s.Start.Equal(monday(h).Add(5*time.Hour)) {
				t.Errorf("slot at %v, event %+v", s.Start, e)
			}
		}},
		{"moved, then the plan changes something else, and somebody says the calendar", dispatch.Ask, moveByHand, dispatch.Drifted, func(t *testing.T, h *app.Hub) {
			put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 9", "notes": "changed"}))
			if s := slotIs(t, h, "1", dispatch.Drifted); s.Location != "Harbour 9" {
				t.Errorf("the plan says %s", s.Location)
			}
			resolve(t, h, "calendar")
			s := slotIs(t, h, "1", dispatch.Placed)
			if e := inCalendar(t, h, ada); len(e) != 1 || e[0].Location != "Harbour 9" || !e[0].Start.Equal(monday(h).Add(5*time.Hour)) || !s.Start.Equal(e[0].Start) || s.Notes != "changed" {
				t.Errorf("slot %+v, event %+v", s, e)
			}
		}},
		{"two categories made one that has a comma", dispatch.Ask, func(t *testing.T, h *app.Hub, _ dispatch.Slot) {
			put(t, h, slotFor(h, "1", ada, map[string]any{"categories": []string{"Field", "VIP"}}))
			s := slotIs(t, h, "1", dispatch.Placed)
			byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "categories": []string{"Field, VIP"}})
		}, dispatch.Drifted, func(t *testing.T, h *app.Hub) {
			if s := slotIs(t, h, "1", dispatch.Drifted); len(s.Drift) != 1 || s.Drift[0] != (dispatch.Difference{Field: "categories", Slot: "Field, VIP", Calendar: `"Field, VIP"`}) {
				t.Errorf("got %+v", s.Drift)
			}
			resolve(t, h, "calendar")
			if s := slotIs(t, h, "1", dispatch.Placed); !slices.Equal(s.Categories, []string{"Field, VIP"}) {
				t.Errorf("the slot has %q", s.Categories)
			}
		}},
		{"made a whole day, the calendar wins", dispatch.CalendarWins, func(t *testing.T, h *app.Hub, s dispatch.Slot) {
			day := monday(h).Truncate(24 * time.Hour)
			byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "all_day": true, "start": day, "end": day.AddDate(0, 0, 1), "time_zone": "UTC"})
		}, dispatch.Placed, func(t *testing.T, h *app.Hub) {
			berlin, err := time.LoadLocation("Europe/Berlin")
			if err != nil {
				t.Fatal(err)
			}
			y, m, d := monday(h).Date()
			s := slotIs(t, h, "1", dispatch.Placed)
			if want := time.Date(y, m, d, 0, 0, 0, 0, berlin); !s.AllDay || !s.Start.Equal(want) || !s.End.Equal(want.AddDate(0, 0, 1)) {
				t.Errorf("the slot is %+v", s)
			}
			put(t, h, slotFor(h, "1", ada, map[string]any{"all_day": true, "start": s.Start.Format(time.DateOnly), "end": s.End.Format(time.DateOnly), "location": "Harbour 9"}))
			slotIs(t, h, "1", dispatch.Placed)
			walked(t, h)
			slotIs(t, h, "1", dispatch.Placed)
			if e := inCalendar(t, h, ada); len(e) != 1 || !e[0].AllDay || e[0].Location != "Harbour 9" || !e[0].Start.UTC().Equal(monday(h).Truncate(24*time.Hour)) {
				t.Errorf("the calendar has %+v", e)
			}
			if told := slotEvents(t, h, event.SlotDrifted); len(told) != 1 {
				t.Errorf("our own change is taken for somebody's: %v", told)
			}
		}},
		{"deleted, made anew once, then reported", dispatch.SlotWins, deleteByHand, dispatch.Placed, func(t *testing.T, h *app.Hub) {
			s := slotIs(t, h, "1", dispatch.Placed)
			deleteByHand(t, h, s)
			if s = slotIs(t, h, "1", dispatch.Drifted); len(s.Drift) != 1 || s.Drift[0].Field != "event" || len(inCalendar(t, h, ada)) != 0 {
				t.Errorf("deleted twice: %+v", s)
			}
			put(t, h, slotFor(h, "1", ada, map[string]any{"subject": "Visit anew"}))
			slotIs(t, h, "1", dispatch.Placed)
			if e := subjects(inCalendar(t, h, ada)); len(e) != 1 || e[0] != "Visit anew" {
				t.Errorf("got %v", e)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := dispatchHub(t, store.SQLite)
			if _, err := runAs(t, h, access.Local("test"), "dispatch.rule.set", map[string]any{"connection": "c", "rule": tt.rule}); err != nil {
				t.Fatal(err)
			}
			put(t, h, slotFor(h, "1", ada, nil))
			s := slotIs(t, h, "1", dispatch.Placed)
			walked(t, h)
			if told := slotEvents(t, h, event.SlotDrifted); len(told) != 0 {
				t.Fatalf("our own event is taken for somebody's: %v", told)
			}
			tt.do(t, h, s)
			waitUntil(t, "it is told", func() bool {
				h.Time.Advance(200 * time.Millisecond)
				return len(slotEvents(t, h, event.SlotDrifted)) == 1
			})
			slotIs(t, h, "1", tt.want)
			tt.then(t, h)
			nobodyWasMailed(t, h)
		})
	}
}

// A calendar that is followed for the timeline tells of slots as well: it is followed once.
func TestOneFeedServesTimelineAndDispatch(t *testing.T) {
	t.Parallel()
	h := app.StartForTest(t, app.TestOptions{})
	f := dispatchForm(h, m365.Timeline)
	f.Mailboxes[0].Purposes = append(f.Mailboxes[0].Purposes, connection.ForTimeline)
	h.Connect(f)
	put(t, h, slotFor(h, "1", ada, nil))
	s := slotIs(t, h, "1", dispatch.Placed)
	waitUntil(t, "both calendars are followed", func() bool {
		h.Time.Advance(time.Second)
		calendars := map[string]int{}
		for _, user := range []string{ada, ben} {
			for _, one := range feedsOf(t, h, user) {
				if one.Kind == feed.Calendar && one.State == feed.Live {
					calendars[user]++
				}
			}
		}
		return calendars[ada] == 1 && calendars[ben] == 1
	})
	moveByHand(t, h, s)
	slotIs(t, h, "1", dispatch.Drifted)
}

func moveByHand(t *testing.T, h *app.Hub, s dispatch.Slot) {
	t.Helper()
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "start": s.Start.Add(5 * time.Hour), "end": s.End.Add(5 * time.Hour)})
}

func deleteByHand(t *testing.T, h *app.Hub, s dispatch.Slot) {
	t.Helper()
	byHand(t, h, "calendar.event.delete", map[string]any{"user": ada, "event": s.Event})
}

func resolve(t *testing.T, h *app.Hub, keep string) {
	t.Helper()
	if _, err := runAs(t, h, planner(), "dispatch.drift.resolve", map[string]any{"external_id": "1", "keep": keep}); err != nil {
		t.Fatal(err)
	}
	slotIs(t, h, "1", dispatch.Placed)
}

// Whom somebody invited to a slot's event by hand is not mailed by us, unless somebody says so.
func TestTheBrakeHoldsWhatWouldMail(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, nil))
	s := slotIs(t, h, "1", dispatch.Placed)
	walked(t, h) // of what lies beyond the feed's window Microsoft tells once the feed has begun
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "attendees": []map[string]any{{"address": "nora@northwind.example"}}})
	slotIs(t, h, "1", dispatch.Drifted)
	before := outgoing(h) // Ada's own invitation
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"}))
	if s = slotIs(t, h, "1", dispatch.Held); s.Problem == nil || s.Problem.Code != "would_mail" || !strings.Contains(s.Problem.Title, "nora@northwind.example") {
		t.Fatalf("got %+v", s.Problem)
	}
	if got := slotEvents(t, h, event.SlotFailed); !slices.Equal(got, []string{"slot.failed 1"}) {
		t.Errorf("told: %v", got)
	}
	if after := outgoing(h); after != before {
		t.Errorf("%d mails left", after-before)
	}
	if _, err := runAs(t, h, planner(), "dispatch.slot.release", map[string]any{"external_id": "1"}); err != nil {
		t.Fatal(err)
	}
	slotIs(t, h, "1", dispatch.Placed, dispatch.Drifted)
	if e := inCalendar(t, h, ada); len(e) != 1 || e[0].Location != "Harbour 2" {
		t.Errorf("got %+v", e)
	}
}

// Where the calendar refuses for a while the slot says why, and is placed by itself afterwards, once.
func TestASlotSurvivesWhatGoesWrong(t *testing.T) {
	t.Parallel()
	at := func(kind, method string, status int) sim.Fault {
		return sim.Fault{Match: matching(method, "/events"), Kind: kind, Status: status, Times: 1}
	}
	for _, tt := range []struct {
		name   string
		faults []sim.Fault
	}{
		{"the answer to the creation is lost", []sim.Fault{at("timeout_after_accept", "POST", 0)}},
		{"the answer to the change is lost", []sim.Fault{at("timeout_after_accept", "PATCH", 0)}},
		{"the answer to the deletion is lost", []sim.Fault{at("timeout_after_accept", "DELETE", 0)}},
		{"every request is lost once", []sim.Fault{at("reset", "POST", 0), at("reset", "PATCH", 0), at("reset", "DELETE", 0)}},
		{"Microsoft is busy", []sim.Fault{at("status", "POST", 503), at("status", "PATCH", 429), at("status", "DELETE", 500)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := dispatchHub(t, store.SQLite)
			for _, f := range tt.faults {
				play(t, h, f)
			}
			put(t, h, slotFor(h, "1", ada, nil))
			slotIs(t, h, "1", dispatch.Placed)
			put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"}))
			slotIs(t, h, "1", dispatch.Placed)
			if e := inCalendar(t, h, ada); len(e) != 1 || e[0].Location != "Harbour 2" {
				t.Errorf("Ada has %+v", e)
			}
			put(t, h, slotFor(h, "1", ben, map[string]any{"location": "Harbour 2"}))
			slotIs(t, h, "1", dispatch.Placed)
			if a, b := inCalendar(t, h, ada), inCalendar(t, h, ben); len(a) != 0 || len(b) != 1 {
				t.Errorf("Ada has %v, Ben %v", subjects(a), subjects(b))
			}
			if told := slotEvents(t, h, event.SlotDrifted); len(told) != 0 {
				t.Errorf("our own changes are taken for somebody's: %v", told)
			}
			nobodyWasMailed(t, h)
		})
	}
}

func TestSlotsOfAFile(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	rows := func(n int) []byte {
		var b strings.Builder
		b.WriteString("external_id;technician;start;end;time_zone;subject;categories\n")
		for i := range n {
			fmt.Fprintf(&b, "job-%02d;%s;2027-03-0%dT09:00;2027-03-0%dT10:00;Europe/Berlin;\"Visit; %d\";Field;VIP\n", i, []string{ada, ben}[i%2], 1+i%9, 1+i%9, i)
		}
		return []byte(strings.ReplaceAll(b.String(), ";Field;VIP", ";\"Field;VIP\""))
	}
	imported := func(in map[string]any, file []byte) (out dispatch.Outcome, err error) {
		var raw []byte
		if raw, err = runWithFile(t, h, planner(), "dispatch.slot.import", in, file); err == nil {
			err = json.Unmarshal(raw, &out)
		}
		return out, err
	}
	if out, err := imported(map[string]any{"dry_run": true}, rows(60)); err != nil || out.Created != 60 {
		t.Fatalf("dry: %+v, %v", out, err)
	}
	if all, _ := h.Dispatch.List(t.Context(), dispatch.Query{Limit: 10}); len(all) != 0 {
		t.Fatalf("a dry run took %d", len(all))
	}
	if out, err := imported(nil, rows(60)); err != nil || out.Created != 60 || out.Waits != "" {
		t.Fatalf("%+v, %v", out, err)
	}
	slotIs(t, h, "job-59", dispatch.Placed)
	if out, err := imported(nil, rows(20)); err != nil || out.Unchanged != 20 || out.Removed+out.Created+out.Updated != 0 {
		t.Errorf("fewer rows, not complete: %+v, %v", out, err)
	}
	if out, err := imported(map[string]any{"complete": true, "connection": "c"}, rows(50)); err != nil || out.Removed != 10 {
		t.Errorf("ten fewer: %+v, %v", out, err)
	}
	older, err := imported(map[string]any{"complete": true, "connection": "c"}, rows(19))
	if err != nil || older.Waits == "" {
		t.Fatalf("thirty-one fewer: %+v, %v", older, err)
	}
	out, err := imported(map[string]any{"complete": true, "connection": "c"}, rows(20))
	if err != nil || out.Waits == "" || out.Import == "" || out.Removed != 0 {
		t.Fatalf("thirty fewer: %+v, %v", out, err)
	}
	slotIs(t, h, "job-49", dispatch.Placed)
	if _, err := runAs(t, h, planner(), "dispatch.import.approve", map[string]any{"id": older.Import}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("what a newer file overtook is approved: %v", err)
	}
	if _, err := runAs(t, h, planner(), "dispatch.import.approve", map[string]any{"id": out.Import}); err != nil {
		t.Fatal(err)
	}
	slotIs(t, h, "job-49", dispatch.Withdrawn)
	slotIs(t, h, "job-19", dispatch.Placed)
	if out, err = imported(map[string]any{"complete": true, "connection": "c"}, rows(1)); err != nil || out.Waits == "" {
		t.Fatalf("nineteen fewer: %+v, %v", out, err)
	}
	if _, err := imported(map[string]any{"complete": true, "connection": "c"}, rows(18)); err != nil {
		t.Fatal(err)
	}
	if waiting, err := h.Dispatch.Imports(t.Context()); err != nil || len(waiting) != 0 {
		t.Errorf("a newer file was taken, and an older one waits: %+v %v", waiting, err)
	}
	for _, bad := range []struct{ name, file, says string }{
		{"a column that does not exist", "external_id,when\n1,2\n", `has a column "when"`},
		{"a row that is wrong", "external_id,technician,start,end,subject\nx," + ada + ",2027-03-01T09:00Z,2027-03-01T08:00Z,A\ny,nobody@contoso.example,2027-03-01T09:00Z,2027-03-01T10:00Z,B\n", "row 1"},
		{"an empty file", "", "is empty"},
		{"no list", `{"slot": []}`, "unknown field"},
		{"an unknown field", `[{"external_id": "x", "colour": 1}]`, "colour"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			if _, err := imported(nil, []byte(bad.file)); err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(fmt.Sprintf("%+v", fault.As(err).Fields), bad.says) {
				t.Errorf("got %v %+v", err, fault.As(err))
			}
		})
	}
}

// A technician's slots are read as a calendar by whoever has the secret address, until it is ended.
func TestATechniciansCalendarIsRead(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, nil))
	put(t, h, slotFor(h, "2", ben, nil))
	slotIs(t, h, "1", dispatch.Placed)
	address := func() string {
		r, err := runAs(t, h, planner(), "dispatch.link.make", map[string]any{"technician": ada})
		if err != nil {
			t.Fatal(err)
		}
		var l dispatch.Link
		if err := json.Unmarshal(r.Output, &l); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(l.URL)
		if err != nil {
			t.Fatal(err)
		}
		return h.Server.URL() + u.Path
	}
	read := func(at string) (int, string) {
		status, body := fetched(t, at)
		return status, body
	}
	first := address()
	if status, body := read(first); status != http.StatusOK || !strings.Contains(body, "SUMMARY:Visit 1") || strings.Contains(body, "Visit 2") || !strings.Contains(body, "Bring the keys") {
		t.Errorf("%d: %s", status, body)
	}
	h.Time.Advance(time.Hour)
	put(t, h, slotFor(h, "1", ada, map[string]any{"notes": "Ring twice\r\nBring the keys\x00 " + strings.Repeat("and the ladder ", 10)}))
	changed := slotIs(t, h, "1", dispatch.Placed).ChangedAt
	h.Time.Advance(time.Hour)
	status, body := read(first)
	if !strings.Contains(body, `Ring twice\nBring the keys and`) || !strings.Contains(body, "DTSTAMP:"+changed.UTC().Format("20060102T150405Z")) {
		t.Errorf("with lines as browsers send them: %d: %s", status, body)
	}
	for line := range strings.Lines(body) {
		if len(line) > 75+len("\r\n") {
			t.Errorf("not folded: %q", line)
		}
	}
	writesBefore := writes(h)
	put(t, h, slotFor(h, "1", ada, map[string]any{"notes": "Ring twice\nBring the keys\x00 " + strings.Repeat("and the ladder ", 10)}))
	slotIs(t, h, "1", dispatch.Placed)
	if n := writes(h) - writesBefore; n > 0 {
		t.Errorf("other ends of lines took %d writes", n)
	}
	second := address()
	if status, _ := read(first); status != http.StatusNotFound {
		t.Errorf("the older address still answers %d", status)
	}
	if _, err := runAs(t, h, planner(), "dispatch.link.remove", map[string]any{"technician": ada}); err != nil {
		t.Fatal(err)
	}
	if status, _ := read(second); status != http.StatusNotFound {
		t.Errorf("an ended address answers %d", status)
	}
}

// runWithFile runs one of the hub's own actions that takes a file.
func runWithFile(t *testing.T, h *app.Hub, by access.Caller, name string, in map[string]any, file []byte) (json.RawMessage, error) {
	t.Helper()
	if in == nil {
		in = map[string]any{}
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	c, err := action.Spool("file", "", bytes.NewReader(file), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	r, err := h.Runner.Do(t.Context(), action.Request{Action: name, Caller: by, Input: text, Files: map[string]*action.Content{"file": c}})
	return r.Output, err
}

// fetched reads an address as any program does.
func fetched(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
