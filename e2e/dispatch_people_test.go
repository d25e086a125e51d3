package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

const guest = "nora@northwind.example"

func release(t *testing.T, h *app.Hub, id string) {
	t.Helper()
	if _, err := runAs(t, h, planner(), "dispatch.slot.release", map[string]any{"external_id": id}); err != nil {
		t.Fatal(err)
	}
}

// invitedIn are the attendees of the one event that a mailbox has on that Monday.
func invitedIn(t *testing.T, h *app.Hub, user string) (out []string) {
	t.Helper()
	events := inCalendar(t, h, user)
	if len(events) != 1 {
		t.Fatalf("%s has %v", user, subjects(events))
	}
	r, err := runOn(t, h, access.Local("test"), "calendar.event.get", "c", map[string]any{"user": user, "event": events[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	var ev calendar.Event
	if err := json.Unmarshal(r.Output, &ev); err != nil {
		t.Fatal(err)
	}
	for _, a := range ev.Attendees {
		out = append(out, a.Address)
	}
	return out
}

// Whatever a run of dispatch asks for, nobody is mailed by it: attendees, an online meeting, another technician, drift written over.
func TestNoRunOfDispatchMailsAnybody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, h *app.Hub)
	}{
		{"with attendees", func(t *testing.T, h *app.Hub) {
			put(t, h, slotFor(h, "1", ada, map[string]any{"attendees": []string{guest}}))
			slotIs(t, h, "1", dispatch.Held)
			put(t, h, slotFor(h, "1", ada, map[string]any{"attendees": []string{guest}, "location": "Harbour 2"}))
			waitUntil(t, "the rest of the change is written", func() bool {
				h.Time.Advance(200 * time.Millisecond)
				e := inCalendar(t, h, ada)
				return len(e) == 1 && e[0].Location == "Harbour 2"
			})
			slotIs(t, h, "1", dispatch.Held)
		}},
		{"with attendees, given to somebody else", func(t *testing.T, h *app.Hub) {
			put(t, h, slotFor(h, "1", ada, map[string]any{"attendees": []string{guest}}))
			slotIs(t, h, "1", dispatch.Held)
			put(t, h, slotFor(h, "1", ben, map[string]any{"attendees": []string{guest}}))
			waitUntil(t, "Ben has it, and Ada no more", func() bool {
				h.Time.Advance(200 * time.Millisecond)
				return len(inCalendar(t, h, ben)) == 1 && len(inCalendar(t, h, ada)) == 0
			})
			slotIs(t, h, "1", dispatch.Held)
		}},
		{"an online meeting, given to somebody else, taken out", func(t *testing.T, h *app.Hub) {
			put(t, h, slotFor(h, "1", ada, map[string]any{"online_meeting": true}))
			slotIs(t, h, "1", dispatch.Placed)
			put(t, h, slotFor(h, "1", ben, map[string]any{"online_meeting": true}))
			slotIs(t, h, "1", dispatch.Placed)
			put(t, h, slotFor(h, "1", ben, map[string]any{"online_meeting": true, "status": "cancelled"}))
			slotIs(t, h, "1", dispatch.Withdrawn)
		}},
		{"drift written over", func(t *testing.T, h *app.Hub) {
			put(t, h, slotFor(h, "1", ada, nil))
			s := slotIs(t, h, "1", dispatch.Placed)
			walked(t, h)
			byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "location": "Elsewhere"})
			slotIs(t, h, "1", dispatch.Drifted)
			if _, err := runAs(t, h, planner(), "dispatch.drift.resolve", map[string]any{"external_id": "1", "keep": "slot"}); err != nil {
				t.Fatal(err)
			}
			slotIs(t, h, "1", dispatch.Placed)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := dispatchHub(t, store.SQLite)
			tt.do(t, h)
			nobodyWasMailed(t, h)
		})
	}
}

// Whom a slot asks for is invited when somebody says so, and told of later changes only then.
func TestASlotInvitesWhomSomebodyLetsIt(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	mailed := 0
	step := func(what string, mails int) {
		t.Helper()
		now := outgoing(h)
		if now-mailed != mails {
			t.Errorf("%s mailed %d times, want %d", what, now-mailed, mails)
		}
		mailed = now
	}
	put(t, h, slotFor(h, "1", ada, map[string]any{"attendees": []string{guest}}))
	if s := slotIs(t, h, "1", dispatch.Held); s.Problem == nil || s.Problem.Code != "would_mail" || s.Event == "" {
		t.Errorf("got %+v", s)
	}
	if got := invitedIn(t, h, ada); len(got) != 0 {
		t.Errorf("before anybody let it, %v are invited", got)
	}
	step("placing it", 0)
	release(t, h, "1")
	slotIs(t, h, "1", dispatch.Placed)
	if got := invitedIn(t, h, ada); !slices.Equal(got, []string{guest}) {
		t.Errorf("invited are %v", got)
	}
	if step("inviting her", 1); t.Failed() {
		return
	}
	put(t, h, slotFor(h, "1", ada, map[string]any{"attendees": []string{guest}, "location": "Harbour 2"}))
	slotIs(t, h, "1", dispatch.Held)
	step("a change that is held", 0)
	release(t, h, "1")
	slotIs(t, h, "1", dispatch.Placed)
	step("the change", 1)
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"})) // without her
	slotIs(t, h, "1", dispatch.Held)
	step("uninviting that is held", 0)
	release(t, h, "1")
	slotIs(t, h, "1", dispatch.Placed)
	if got := invitedIn(t, h, ada); len(got) != 0 {
		t.Errorf("uninvited, there still are %v", got)
	}
	step("uninviting her", 1)
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 3"}))
	slotIs(t, h, "1", dispatch.Placed)
	step("a change with nobody invited", 0)
}

// A person's word lets one change out to the people they were shown, once: neither to others who were invited meanwhile, nor a second time where
// the answer to it was lost, whatever it changed.
func TestAWordIsForOneChangeAndItsPeople(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	asks := func(notes string) map[string]any {
		return slotFor(h, "1", ada, map[string]any{"attendees": []string{guest}, "notes": notes})
	}
	put(t, h, asks("Bring the keys"))
	slotIs(t, h, "1", dispatch.Held)
	release(t, h, "1")
	slotIs(t, h, "1", dispatch.Placed)
	before := outgoing(h)
	put(t, h, asks("Bring the keys and the drill"))
	slotIs(t, h, "1", dispatch.Held)
	play(t, h, sim.Fault{Match: matching(http.MethodPatch, "/events"), Kind: "timeout_after_accept", Times: 1})
	release(t, h, "1")
	comesToRest(t, h, "1")
	if s := slotIs(t, h, "1", dispatch.Placed); outgoing(h) != before+1 {
		t.Fatalf("one word had %d mails sent: %s %+v", outgoing(h)-before, s.State, s.Problem)
	}
	put(t, h, asks("Ring twice"))
	s := slotIs(t, h, "1", dispatch.Held)
	walked(t, h)
	play(t, h, sim.Fault{Match: matching(http.MethodPatch, "/events"), Kind: "status", Status: http.StatusForbidden, Code: "ErrorAccessDenied", Times: 1})
	release(t, h, "1")
	slotIs(t, h, "1", dispatch.Failed)
	invited := []map[string]any{{"address": guest}, {"address": "olaf@northwind.example"}, {"address": "pia@northwind.example"}}
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "attendees": invited})
	before = outgoing(h)
	waitUntil(t, "somebody is asked about the others as well", func() bool {
		h.Time.Advance(500 * time.Millisecond)
		s, err := h.Dispatch.Lookup(t.Context(), "1")
		return err == nil && s.State == dispatch.Held && strings.Contains(s.Problem.Title, "olaf@northwind.example")
	})
	if n := outgoing(h) - before; n != 0 {
		t.Errorf("a word for one had %d mails sent", n)
	}
	release(t, h, "1")
	comesToRest(t, h, "1")
	if n := outgoing(h) - before; n == 0 {
		t.Error("a word for all of them had nothing sent")
	}
}

// Whom somebody invited by hand is somebody's to decide, and either answer ends it: they are the plan's as well, or they are called off on a word.
func TestPeopleInvitedByHandAreDecided(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, nil))
	s := slotIs(t, h, "1", dispatch.Placed)
	walked(t, h)
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "attendees": []map[string]any{{"address": guest}}})
	slotIs(t, h, "1", dispatch.Drifted)
	before := outgoing(h)
	resolve(t, h, "calendar")
	if s = slotIs(t, h, "1", dispatch.Placed); len(s.Drift) > 0 || !slices.Equal(s.Attendees, []string{guest}) || outgoing(h) != before {
		t.Errorf("taken over, it is %+v, and %d mails left", s, outgoing(h)-before)
	}
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "attendees": []map[string]any{{"address": guest}, {"address": "olaf@northwind.example"}}})
	slotIs(t, h, "1", dispatch.Drifted)
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"})) // which wants nobody
	slotIs(t, h, "1", dispatch.Held)
	if _, err := runAs(t, h, planner(), "dispatch.drift.resolve", map[string]any{"external_id": "1", "keep": "slot"}); err != nil {
		t.Fatal(err)
	}
	slotIs(t, h, "1", dispatch.Held)
	release(t, h, "1")
	comesToRest(t, h, "1")
	if s = slotIs(t, h, "1", dispatch.Placed); len(s.Drift) > 0 {
		t.Errorf("called off, it still differs: %+v", s.Drift)
	}
	if got := invitedIn(t, h, ada); len(got) > 0 {
		t.Errorf("called off, there still are %v", got)
	}
}

// The text of an online meeting is not written over, as Teams' part of it must stay: newer notes are not told as placed without a word, and somebody
// may write them there.
func TestNotesOfAnOnlineMeetingAreNotLostSilently(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, map[string]any{"online_meeting": true}))
	if s := slotIs(t, h, "1", dispatch.Placed); s.Problem != nil {
		t.Errorf("just made, it says %+v", s.Problem)
	}
	walked(t, h)
	put(t, h, slotFor(h, "1", ada, map[string]any{"online_meeting": true, "notes": "The code of the door is 4711", "location": "Harbour 2"}))
	s := slotIs(t, h, "1", dispatch.Placed)
	if s.Problem == nil || s.Problem.Code != "notes_not_written" || s.Problem.Fix == "" || s.Location != "Harbour 2" || strings.Contains(eventOf(t, h, s).Body, "4711") {
		t.Errorf("it says %+v of %s", s.Problem, eventOf(t, h, s).Body)
	}
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "body": "Customer: Northwind\n\nThe code of the door is 4711\n\nJoin the meeting now"})
	waitUntil(t, "the slot sees what somebody wrote", func() bool {
		h.Time.Advance(200 * time.Millisecond)
		s, err := h.Dispatch.Lookup(t.Context(), "1")
		return err == nil && s.State == dispatch.Placed && s.Problem == nil
	})
}
