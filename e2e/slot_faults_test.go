package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// refusedSlots are slots that are not taken, by what is said of them beside the usual.
var refusedSlots = map[string]map[string]any{
	"a zone that does not exist":                {"time_zone": "Mars/Olympus"},
	"a time that the clock never shows":         {"start": "2027-03-28T02:30:00", "end": "2027-03-28T04:00:00"},
	"a time that the clock shows twice":         {"start": "2027-10-31T02:30:00", "end": "2027-10-31T04:00:00"},
	"no time at all":                            {"start": "tomorrow"},
	"an end before its start":                   {"start": "2027-03-01T10:00:00Z", "end": "2027-03-01T09:00:00Z"},
	"a day that ends on itself":                 {"all_day": true, "start": "2027-03-01", "end": "2027-03-01"},
	"whole days for more than five years":       {"all_day": true, "start": "2027-03-01", "end": "2032-03-02"},
	"a subject of 10,000 characters":            {"subject": strings.Repeat("x", 10_000)},
	"a subject of blanks":                       {"subject": "  "},
	"a technician whom nobody knows":            {"technician": "nobody@contoso.example"},
	"a mailbox that is not listed for dispatch": {"technician": dispatching, "connection": "c"},
	"a connection that does not dispatch":       {"connection": "other"},
	"a field that there is not":                 {"subjcet": "x"},
	"an id with control characters":             {"external_id": "a\x00b"},
	"a status that there is not":                {"status": "maybe"},
	"a reminder more than two weeks before":     {"reminder_minutes": 50_000},
}

// slotTrouble is what goes wrong for a slot that is in the calendar and has changed since, and how it is mended. Without an end it mends itself.
type slotTrouble struct {
	begin, end func(t *testing.T, h *app.Hub, s dispatch.Slot)
	then       func(t *testing.T, h *app.Hub) // what the calendars hold in the end; nil: one event with the change
	mails      bool                           // people were invited by hand, and are mailed by whoever did it
	changed    bool                           // the slot has changed already when it begins
}

func always(f sim.Fault) func(*testing.T, *app.Hub, dispatch.Slot) {
	return func(t *testing.T, h *app.Hub, _ dispatch.Slot) { play(t, h, f) }
}

// answers has Microsoft answer every change of events so.
func answers(status int, code string, times int) func(*testing.T, *app.Hub, dispatch.Slot) {
	return always(sim.Fault{Match: matching(http.MethodPatch, "/events"), Kind: "status", Status: status, Code: code, Times: times})
}

func calm(_ *testing.T, h *app.Hub, _ dispatch.Slot) { h.Cloud.ClearFaults() }

func asPerson(action string, in map[string]any) func(*testing.T, *app.Hub, dispatch.Slot) {
	return func(t *testing.T, h *app.Hub, s dispatch.Slot) {
		in["user"], in["event"] = s.Technician, s.Event
		if _, err := runOn(t, h, access.Local("test"), action, "c", in); err != nil {
			t.Fatal(err)
		}
	}
}

func reached(addresses string) func(*testing.T, *app.Hub, dispatch.Slot) {
	return func(t *testing.T, h *app.Hub, _ dispatch.Slot) {
		list := dispatched(addresses)
		if _, _, err := h.Connections.Change(t.Context(), access.Local("test"), "c", connection.Edit{Mailboxes: &list}); err != nil {
			t.Fatal(err)
		}
	}
}

var slotTroubles = map[string]slotTrouble{
	"the event is deleted": {begin: asPerson("calendar.event.delete", map[string]any{})},
	"the event is changed by hand, and somebody is to be asked": {
		begin: func(t *testing.T, h *app.Hub, s dispatch.Slot) {
			if _, err := runAs(t, h, access.Local("test"), "dispatch.rule.set", map[string]any{"connection": "c", "rule": "ask"}); err != nil {
				t.Fatal(err)
			}
			asPerson("calendar.event.update", map[string]any{"subject": "By hand"})(t, h, s)
		},
		end: func(t *testing.T, h *app.Hub, _ dispatch.Slot) { resolve(t, h, "slot") },
	},
	"people were invited to it by hand": {mails: true,
		begin: asPerson("calendar.event.update", map[string]any{"attendees": []map[string]any{{"address": "nora@northwind.example"}}}),
		end: func(t *testing.T, h *app.Hub, _ dispatch.Slot) {
			if _, err := runAs(t, h, planner(), "dispatch.slot.release", map[string]any{"external_id": "1"}); err != nil {
				t.Fatal(err)
			}
		}},
	"somebody wants to delete the calendar": {begin: func(t *testing.T, h *app.Hub, _ dispatch.Slot) {
		r, err := runOn(t, h, access.Local("test"), "calendar.calendar.list", "c", map[string]any{"user": ada})
		var list struct {
			Calendars []calendar.Calendar `json:"calendars"`
		}
		if err == nil {
			err = json.Unmarshal(r.Output, &list)
		}
		i := slices.IndexFunc(list.Calendars, func(c calendar.Calendar) bool { return c.IsDefault })
		if err != nil || i < 0 {
			t.Fatalf("%v: %+v", err, list)
		}
		if _, err := runOn(t, h, access.Local("test"), "calendar.calendar.delete", "c", map[string]any{"user": ada, "calendar": list.Calendars[i].ID}); fault.CodeOf(err) != "default_calendar" {
			t.Errorf("the default calendar is deleted: %v", err)
		}
	}},
	"the app may read the calendar and not write":           {begin: answers(http.StatusForbidden, "ErrorAccessDenied", 0), end: calm},
	"Exchange keeps the app out of the mailbox":             {begin: answers(http.StatusForbidden, "ExtensionError", 0), end: calm},
	"its mailbox is being moved by Microsoft":               {begin: answers(http.StatusServiceUnavailable, "ErrorMailboxMoveInProgress", 0), end: calm},
	"its mailbox is full":                                   {begin: answers(http.StatusInsufficientStorage, "ErrorQuotaExceeded", 0), end: calm},
	"Microsoft is throttling":                               {begin: always(sim.Fault{Match: matching(http.MethodPatch, "/events"), Kind: "429", RetryAfter: "900"}), end: calm},
	"Microsoft accepts it, and the answer is lost":          {begin: always(sim.Fault{Match: matching(http.MethodPatch, "/events"), Kind: "timeout_after_accept", Times: 1})},
	"Microsoft refuses it for a reason that nobody expects": {begin: answers(http.StatusBadRequest, "ErrorCalendarInvalidPropertyValue", 0), end: calm},
	"its mailbox has no licence any more":                   {begin: always(sim.Fault{Kind: "mailbox_removed", User: ada}), end: always(sim.Fault{Kind: "mailbox_returned", User: ada})},
	"its account is deleted":                                {begin: always(sim.Fault{Kind: "user_deleted", User: ada}), end: always(sim.Fault{Kind: "user_restored", User: ada})},
	"its mailbox was moved to another tenant": {begin: always(sim.Fault{Kind: "mailbox_removed", User: ada}), // Microsoft answers as where there is no licence
		end: func(t *testing.T, h *app.Hub, _ dispatch.Slot) {
			f := dispatchForm(h) // that another tenant's is no other for the slot
			f.Name, f.Mailboxes = "theirs", dispatched(dispatching)
			if c := h.Connect(f); c.State != connection.Healthy {
				t.Fatalf("%s %+v", c.State, c.Reason)
			}
			waitUntil(t, "it is taken there, as nothing is under way here", func() bool {
				_, err := runAs(t, h, planner(), "dispatch.slot.put", slotFor(h, "1", dispatching, map[string]any{"location": "Harbour 2"}))
				return err == nil
			})
		},
		then: func(t *testing.T, h *app.Hub) {
			if s := slotIs(t, h, "1", dispatch.Placed); s.Technician != dispatching || s.Event == "" {
				t.Errorf("it is %+v", s)
			}
		}},
	"the consent is taken away": {
		begin: func(t *testing.T, h *app.Hub, _ dispatch.Slot) {
			gone(t, h, sim.Fault{Kind: "consent_withdrawn", App: h.ReadyApp("Seneschal").ClientID})
		},
		end: func(t *testing.T, h *app.Hub, _ dispatch.Slot) {
			play(t, h, sim.Fault{Kind: "consent_given", App: h.ReadyApp("Seneschal").ClientID})
			h.Time.Advance(3 * time.Hour) // the token without rights ends
		}},
	"its mailbox is taken off the list": {changed: true, end: reached(ada + " " + ben), begin: func(t *testing.T, h *app.Hub, s dispatch.Slot) {
		answers(http.StatusServiceUnavailable, "", 0)(t, h, s)
		put(t, h, changedSlot(h)) // afterwards it would not be taken
		waitUntil(t, "it is on its way", func() bool { return slotIs(t, h, "1", dispatch.Placing).Problem != nil })
		reached(ben)(t, h, s)
		calm(t, h, s)
	}},
	"the connection is paused": {begin: func(t *testing.T, h *app.Hub, _ dispatch.Slot) { paused(t, h, true) },
		end: func(t *testing.T, h *app.Hub, _ dispatch.Slot) { paused(t, h, false) }},
}

func changedSlot(h *app.Hub) map[string]any {
	return slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"})
}

// dispatched are mailboxes whose calendars take slots.
func dispatched(addresses string) connection.MailboxList {
	list := connection.ParseMailboxes(addresses)
	for i := range list {
		list[i].Purposes = []connection.Purpose{connection.ForDispatch, connection.ForActions}
	}
	return list
}

func TestFaultsOfSlots(t *testing.T) {
	t.Parallel()
	rows := table(t, "situation of a slot | state | code | what it says to do | who")
	if len(rows) != len(refusedSlots)+len(slotTroubles) {
		t.Errorf("docs/faults.md has %d rows, the test knows %d", len(rows), len(refusedSlots)+len(slotTroubles))
	}
	door := dispatchHub(t, store.SQLite)
	for _, row := range rows {
		t.Run(row[0], func(t *testing.T) {
			if more, ok := refusedSlots[row[0]]; ok {
				_, err := runAs(t, door, planner(), "dispatch.slot.put", slotFor(door, "f", ada, more))
				f := fault.As(err)
				if f == nil {
					t.Fatal("it was taken")
				}
				p := f.Problem()
				if got, want := saying("not taken", &p), strings.Join(row[1:], " | "); got != want {
					t.Errorf("got\n| %s | %s |\nwant\n| %s | %s |", row[0], got, row[0], want)
				}
				return
			}
			trouble, ok := slotTroubles[row[0]]
			if !ok {
				t.Fatal("the test does not know how to make this happen")
			}
			trouble.goThrough(t, row)
		})
	}
	if all, err := door.Dispatch.List(t.Context(), dispatch.Query{Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("%v: %+v were taken", err, all)
	}
}

// saying is what a row says of a slot.
func saying(state string, p *fault.Problem) string {
	if p == nil {
		return state
	}
	return fmt.Sprintf("%s | %s | %s | %s", state, p.Code, advice(p), p.Who)
}

// goThrough has a placed slot meet the trouble, compares what it says with the row, and wants it in the calendar once when all is over.
func (w slotTrouble) goThrough(t *testing.T, row []string) {
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, nil))
	s := slotIs(t, h, "1", dispatch.Placed)
	walked(t, h)
	w.begin(t, h, s)
	before := outgoing(h)
	want, said := strings.Join(row[1:], " | "), ""
	if !w.changed {
		put(t, h, changedSlot(h))
	}
	for range 3000 {
		h.Time.Advance(200 * time.Millisecond)
		var err error
		if s, err = h.Dispatch.Lookup(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		if said = saying(string(s.State), s.Problem); said == want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if said != want {
		t.Errorf("got\n| %s | %s |\nwant\n| %s | %s |", row[0], said, row[0], want)
	}
	if p := s.Problem; p != nil && (p.Title == "" || p.Fix == "" || p.Who == "") {
		t.Errorf("it does not say all: %+v", p)
	}
	if w.end != nil {
		w.end(t, h, s)
	}
	waitUntil(t, "it is mended by itself", func() bool {
		h.Time.Advance(5 * time.Second)
		s, err := h.Dispatch.Lookup(t.Context(), "1")
		return err == nil && (s.State == dispatch.Placed || w.mails && s.State == dispatch.Drifted) && s.Problem == nil
	})
	if w.then != nil {
		w.then(t, h)
	} else if e := inCalendar(t, h, ada); len(e) != 1 || e[0].Location != "Harbour 2" {
		t.Errorf("the calendar has %+v", e)
	}
	if n := outgoing(h) - before; n > 0 && !w.mails {
		t.Errorf("people were mailed: %d times", n)
	}
}

// A slot that no calendar holds goes through another connection, also where nothing else of it changes; one that a calendar holds does not.
func TestASlotGoesThroughAnotherConnection(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	play(t, h, sim.Fault{Match: matching(http.MethodPost, "/events"), Kind: "status", Status: http.StatusForbidden, Code: "ErrorAccessDenied"})
	put(t, h, slotFor(h, "1", ada, nil))
	slotIs(t, h, "1", dispatch.Failed)
	f := dispatchForm(h)
	f.Name = "other"
	h.Connect(f)
	h.Cloud.ClearFaults()
	waitUntil(t, "it is taken, as nothing is under way", func() bool {
		_, err := runAs(t, h, planner(), "dispatch.slot.put", slotFor(h, "1", ada, map[string]any{"connection": "other"}))
		return err == nil
	})
	s := slotIs(t, h, "1", dispatch.Placed)
	other, err := h.Connections.Lookup(t.Context(), "other")
	if err != nil || s.Connection != other.ID || len(inCalendar(t, h, ada)) != 1 {
		t.Errorf("it goes through %s, want %s: %v", s.Connection, other.ID, err)
	}
	_, err = runAs(t, h, planner(), "dispatch.slot.put", slotFor(h, "1", ada, map[string]any{"connection": "c"}))
	if f := fault.As(err); f == nil || len(f.Fields) != 1 || f.Fields[0].Name != "connection" {
		t.Errorf("it left a calendar that holds it: %v", err)
	}
	nobodyWasMailed(t, h)
}
