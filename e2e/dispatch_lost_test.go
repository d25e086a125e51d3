package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/event"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// lostThen has the next such request done and its answer lost, and those after it refused as often as the hub asks again.
func lostThen(t *testing.T, h *app.Hub, method string, refused sim.Fault) {
	t.Helper()
	refused.Match = matching(method, "/events")
	play(t, h, sim.Fault{Match: matching(method, "/events"), Kind: "timeout_after_accept", Times: 1})
	play(t, h, refused)
}

// What was done although its answer was lost is not done again when Microsoft then refuses: neither as a second event, nor as somebody's change,
// nor as a second mail.
func TestWhatWasDoneIsNotDoneAgainAfterARefusal(t *testing.T) {
	t.Parallel()
	refusals := map[string]sim.Fault{
		"out of order": {Kind: "status", Status: http.StatusServiceUnavailable, Times: 5},
		"not allowed":  {Kind: "status", Status: http.StatusForbidden, Code: "ErrorAccessDenied", Times: 2},
		"busy":         {Kind: "429", RetryAfter: "120", Times: 2},
	}
	for name, refused := range refusals {
		for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
			if engine == store.Postgres && name != "out of order" {
				continue // what the refusal is makes no difference to the store
			}
			t.Run(name+" "+string(engine), func(t *testing.T) {
				t.Parallel()
				h := dispatchHub(t, engine)
				if _, err := runAs(t, h, access.Local("test"), "dispatch.rule.set", map[string]any{"connection": "c", "rule": "ask"}); err != nil {
					t.Fatal(err)
				}
				lostThen(t, h, http.MethodPost, refused)
				put(t, h, slotFor(h, "1", ada, nil))
				comesToRest(t, h, "1")
				if got := subjects(inCalendar(t, h, ada)); len(got) != 1 {
					t.Fatalf("created, the calendar has %v", got)
				}
				lostThen(t, h, http.MethodPatch, refused)
				put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"}))
				comesToRest(t, h, "1")
				if s := slotIs(t, h, "1", dispatch.Placed); len(s.Drift) > 0 || s.Location != "Harbour 2" {
					t.Errorf("the hub's own change is taken for somebody's: %+v", s.Drift)
				}
				nobodyWasMailed(t, h)
				put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2", "attendees": []string{guest}}))
				slotIs(t, h, "1", dispatch.Held)
				lostThen(t, h, http.MethodPatch, refused)
				release(t, h, "1")
				comesToRest(t, h, "1")
				slotIs(t, h, "1", dispatch.Placed)
				if n := outgoing(h); n != 1 {
					t.Errorf("one word of a person had %d mails sent", n)
				}
				if got := slotEvents(t, h, event.SlotDrifted); len(got) > 0 {
					t.Errorf("told of by hand: %v", got)
				}
			})
		}
	}
}

// comesToRest waits until nothing of a slot is under way.
func comesToRest(t *testing.T, h *app.Hub, id string) {
	t.Helper()
	waitUntil(t, "slot "+id+" has come to rest", func() bool {
		h.Time.Advance(2 * time.Second)
		s, err := h.Dispatch.Lookup(t.Context(), id)
		return err == nil && s.State != dispatch.Planned && s.State != dispatch.Placing && s.Problem == nil
	})
}

// A change by hand that the feed tells between Microsoft's answer to a change of ours and its being written down is seen afterwards.
func TestAChangeByHandDuringOursIsSeen(t *testing.T) {
	t.Parallel()
	armed, answered, goOn := atomic.Bool{}, make(chan struct{}), make(chan struct{})
	h := app.StartForTest(t, app.TestOptions{Hook: func(p clock.Point, detail string) {
		if p == clock.AfterAnswer && strings.HasPrefix(detail, "PATCH") && strings.Contains(detail, "/events/") && armed.CompareAndSwap(true, false) {
			close(answered)
			<-goOn
		}
	}})
	h.Connect(dispatchForm(h))
	put(t, h, slotFor(h, "1", ada, nil))
	s := slotIs(t, h, "1", dispatch.Placed)
	walked(t, h)
	armed.Store(true)
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"}))
	<-answered
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "subject": "By hand"})
	close(goOn)
	if s := slotIs(t, h, "1", dispatch.Drifted); len(s.Drift) != 1 || s.Drift[0].Field != "subject" {
		t.Errorf("what differs is %+v", s.Drift)
	}
}

// deletions counts the attempts to delete events.
func deletions(h *app.Hub) int { return requestsTo(h, "/events/", http.MethodDelete) }

// An event that its technician changed just before the slot goes to somebody else is looked at before it is deleted: once, and where people were
// invited to it, a person is asked.
func TestAnEventThatChangedIsLookedAtBeforeItIsLeft(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]map[string]any{"another subject": {"subject": "By hand"}, "somebody invited": {"attendees": []map[string]any{{"address": guest}}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := dispatchHub(t, store.SQLite)
			put(t, h, slotFor(h, "1", ada, nil))
			s := slotIs(t, h, "1", dispatch.Placed)
			walked(t, h)
			play(t, h, sim.Fault{Match: matching(http.MethodGet, "/calendarView"), Kind: "status", Status: http.StatusServiceUnavailable}) // the feed does not know
			in := map[string]any{"user": ada, "event": s.Event}
			for field, v := range change {
				in[field] = v
			}
			if _, err := runOn(t, h, access.Local("test"), "calendar.event.update", "c", in); err != nil {
				t.Fatal(err)
			}
			before := outgoing(h)
			put(t, h, slotFor(h, "1", ben, nil))
			if name == "somebody invited" {
				if s := slotIs(t, h, "1", dispatch.Held); s.Problem == nil || !strings.Contains(s.Problem.Title, guest) {
					t.Errorf("it does not say who would be mailed: %+v", s.Problem)
				}
				if n := outgoing(h); n != before {
					t.Errorf("%d people were mailed without a word", n-before)
				}
				release(t, h, "1")
			}
			slotIs(t, h, "1", dispatch.Placed)
			h.Cloud.ClearFaults()
			if a, b := subjects(inCalendar(t, h, ada)), subjects(inCalendar(t, h, ben)); len(a) != 0 || !slices.Equal(b, []string{"Visit 1"}) {
				t.Errorf("Ada has %v, Ben has %v", a, b)
			}
			if n := deletions(h); n > 2 {
				t.Errorf("it was deleted in %d attempts", n)
			}
		})
	}
}

// A slot that left a mailbox which then is out of reach goes on where it is, and can be given to others; the older event is deleted when the
// mailbox is back.
func TestAMailboxOutOfReachKeepsNoSlot(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]slotTrouble{
		"no licence":   {begin: always(sim.Fault{Kind: "mailbox_removed", User: ada}), end: always(sim.Fault{Kind: "mailbox_returned", User: ada})},
		"not listed":   {begin: reached(ben + " " + dispatching), end: reached(ada + " " + ben + " " + dispatching)},
		"not allowed":  {begin: always(sim.Fault{Match: matching(http.MethodDelete, "/events"), Kind: "status", Status: http.StatusForbidden, Code: "ErrorAccessDenied"}), end: calm},
		"and changed ": {changed: true, begin: always(sim.Fault{Kind: "mailbox_removed", User: ada}), end: always(sim.Fault{Kind: "mailbox_returned", User: ada})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := dispatchHub(t, store.SQLite)
			reached(ada+" "+ben+" "+dispatching)(t, h, dispatch.Slot{})
			put(t, h, slotFor(h, "1", ada, nil))
			s := slotIs(t, h, "1", dispatch.Placed)
			walked(t, h)
			if w.changed {
				byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "subject": "By hand"})
			}
			w.begin(t, h, s)
			put(t, h, slotFor(h, "1", ben, nil))
			if s := slotIs(t, h, "1", dispatch.Failed); s.Problem == nil || !strings.Contains(s.Problem.Title, "older event in the calendar of "+ada) {
				t.Errorf("it does not say what is the matter: %+v", s.Problem)
			}
			put(t, h, slotFor(h, "1", ben, map[string]any{"location": "Harbour 2"}))
			waitUntil(t, "Ben sees where", func() bool {
				h.Time.Advance(200 * time.Millisecond)
				e := inCalendar(t, h, ben)
				return len(e) == 1 && e[0].Location == "Harbour 2"
			})
			w.end(t, h, s)
			waitUntil(t, "the older event is gone", func() bool {
				h.Time.Advance(5 * time.Second)
				s, err := h.Dispatch.Lookup(t.Context(), "1")
				return err == nil && s.State == dispatch.Placed && s.Problem == nil
			})
			if a, b := subjects(inCalendar(t, h, ada)), subjects(inCalendar(t, h, ben)); len(a) != 0 || len(b) != 1 {
				t.Errorf("Ada has %v, Ben has %v", a, b)
			}
			nobodyWasMailed(t, h)
		})
	}
}

// A slot that came in cancelled may be in the calendar from before: it is not at rest until somebody has looked.
func TestACancelledSlotIsLookedForUntilItIsKnown(t *testing.T) {
	t.Parallel()
	lists := matching(http.MethodGet, "/events")
	for name, f := range map[string]sim.Fault{"not allowed": {Match: lists, Kind: "status", Status: http.StatusForbidden, Code: "ErrorAccessDenied"}, "out of order": {Match: lists, Kind: "status", Status: http.StatusServiceUnavailable}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := dispatchHub(t, store.SQLite)
			made := map[string]any{"user": ada, "subject": "Visit 1", "start": monday(h), "end": monday(h).Add(time.Hour), "reference": "1"}
			if _, err := runOn(t, h, access.Local("test"), "calendar.event.create", "c", made); err != nil {
				t.Fatal(err)
			}
			play(t, h, f)
			put(t, h, slotFor(h, "1", ada, map[string]any{"status": "cancelled"}))
			put(t, h, slotFor(h, "2", ada, map[string]any{"status": "cancelled"}))
			waitUntil(t, "it was looked for in vain", func() bool {
				h.Time.Advance(200 * time.Millisecond)
				s, err := h.Dispatch.Lookup(t.Context(), "2")
				return err == nil && s.Problem != nil
			})
			put(t, h, slotFor(h, "2", ada, nil)) // planned again meanwhile
			for range 50 {
				h.Time.Advance(5 * time.Second)
			}
			if s, err := h.Dispatch.Lookup(t.Context(), "1"); err != nil || s.State == dispatch.Withdrawn {
				t.Errorf("it is said to be gone, and nobody has looked: %+v %v", s, err)
			}
			h.Cloud.ClearFaults()
			waitUntil(t, "it is gone", func() bool {
				h.Time.Advance(5 * time.Second)
				s, err := h.Dispatch.Lookup(t.Context(), "1")
				return err == nil && s.State == dispatch.Withdrawn && s.Problem == nil
			})
			waitUntil(t, "the other is there", func() bool {
				h.Time.Advance(5 * time.Second)
				s, err := h.Dispatch.Lookup(t.Context(), "2")
				return err == nil && s.State == dispatch.Placed
			})
			if got := subjects(inCalendar(t, h, ada)); !slices.Equal(got, []string{"Visit 2"}) {
				t.Errorf("the calendar has %v", got)
			}
			if got := slotEvents(t, h, event.SlotDrifted); len(got) > 0 {
				t.Errorf("told of by hand: %v", got)
			}
		})
	}
}

// A creation whose outcome is open stays the same one through whatever the hub refuses meanwhile, and for however long it takes.
func TestAnOpenCreationStaysTheSame(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) *app.Hub {
		t.Helper()
		h := dispatchHub(t, store.SQLite)
		lostThen(t, h, http.MethodPost, sim.Fault{Kind: "status", Status: http.StatusServiceUnavailable})
		put(t, h, slotFor(h, "1", ada, nil))
		waitUntil(t, "it says what is in the way", func() bool {
			h.Time.Advance(2 * time.Second)
			s, err := h.Dispatch.Lookup(t.Context(), "1")
			return err == nil && s.State == dispatch.Placing && s.Problem != nil
		})
		return h
	}
	once := func(t *testing.T, h *app.Hub) {
		t.Helper()
		h.Cloud.ClearFaults()
		waitUntil(t, "it is placed", func() bool {
			h.Time.Advance(10 * time.Second)
			s, err := h.Dispatch.Lookup(t.Context(), "1")
			return err == nil && s.State == dispatch.Placed && s.Problem == nil
		})
		if n := made(t, h, "Visit 1"); n != 1 {
			t.Errorf("there are %d events", n)
		}
	}
	t.Run("paused", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		paused(t, h, true)
		waitUntil(t, "it says so", func() bool {
			h.Time.Advance(2 * time.Second)
			s, err := h.Dispatch.Lookup(t.Context(), "1")
			return err == nil && s.State == dispatch.Failed && s.Problem != nil && s.Problem.Code == "connection_paused"
		})
		paused(t, h, false)
		once(t, h)
	})
	t.Run("more than a day", func(t *testing.T) {
		t.Parallel()
		h := open(t)
		for began := h.Time.Now(); h.Time.Now().Sub(began) < 30*time.Hour; {
			h.Time.Advance(5 * time.Minute)
			time.Sleep(5 * time.Millisecond) // jobs work by the machine's clock
		}
		if n := writes(h); n > 1500 { // each look is up to four attempts
			t.Errorf("Microsoft was asked %d times", n)
		}
		once(t, h)
	})
}

// What cannot be looked for in one mailbox is not looked for when the slot belongs elsewhere.
func TestACancelledSlotOfADeadMailboxIsPlannedElsewhere(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	play(t, h, sim.Fault{Kind: "mailbox_removed", User: ada})
	put(t, h, slotFor(h, "1", ada, map[string]any{"status": "cancelled"}))
	slotIs(t, h, "1", dispatch.Failed)
	put(t, h, slotFor(h, "1", ben, nil))
	if s := slotIs(t, h, "1", dispatch.Placed); s.Technician != ben || s.Problem != nil {
		t.Errorf("it is %+v", s)
	}
}

// An older event that cannot be deleted comes before people are invited: else nobody would see that it is still there.
func TestAnOlderEventComesBeforeInvitations(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, nil))
	slotIs(t, h, "1", dispatch.Placed)
	play(t, h, sim.Fault{Match: matching(http.MethodDelete, "/events"), Kind: "status", Status: http.StatusForbidden, Code: "ErrorAccessDenied"})
	put(t, h, slotFor(h, "1", ben, map[string]any{"attendees": []string{guest}}))
	slotIs(t, h, "1", dispatch.Failed)
	for range 40 {
		h.Time.Advance(5 * time.Second)
		slotIs(t, h, "1", dispatch.Failed)
	}
	h.Cloud.ClearFaults()
	waitUntil(t, "people are waited for", func() bool {
		h.Time.Advance(10 * time.Second)
		s, err := h.Dispatch.Lookup(t.Context(), "1")
		return err == nil && s.State == dispatch.Held
	})
	if a, b := subjects(inCalendar(t, h, ada)), subjects(inCalendar(t, h, ben)); len(a) != 0 || len(b) != 1 {
		t.Errorf("Ada has %v, Ben has %v", a, b)
	}
	nobodyWasMailed(t, h)
}
