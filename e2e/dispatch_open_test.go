package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/event"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// A plan that changes once more while the hub looks what became of a lost change is written: the looking counts no refusals by then.
func TestAPlanChangesWhileALostChangeIsLookedFor(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, nil))
	slotIs(t, h, "1", dispatch.Placed)
	play(t, h, sim.Fault{Match: matching(http.MethodPatch, "/events"), Kind: "reset"})
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"}))
	waitUntil(t, "the change is lost", func() bool {
		h.Time.Advance(200 * time.Millisecond)
		var failures int
		err := h.Store.Reader().QueryRowContext(t.Context(), "select failures from dispatch_slot").Scan(&failures)
		return err == nil && failures > 0
	})
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 3"}))
	h.Cloud.ClearFaults()
	comesToRest(t, h, "1")
	if e := inCalendar(t, h, ada); len(e) != 1 || e[0].Location != "Harbour 3" {
		t.Errorf("the calendar has %+v", e)
	}
}

// A hub that was killed when Microsoft had made the event, and comes back with its connection paused, takes that event up: it makes no second.
func TestAKilledCreationIsKeptWhileItsConnectionIsPaused(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			first := killedLives()[0]
			l := killedLife{words: first.words[:1]}
			whole := &killer{}
			planned(t, engine, l).untilKilled(whole, l)
			made := slices.IndexFunc(whole.passed, func(point string) bool {
				return strings.Contains(point, " POST ") && strings.Contains(point, "/events")
			})
			p := planned(t, engine, l)
			if made < 0 || p.untilKilled(&killer{at: made + 2}, l) || len(p.held(t)) != 1 {
				t.Fatalf("killed after %v it holds %v", whole.passed[:made+1], p.held(t))
			}
			pause := func(on bool) {
				a := p.join(nil)
				defer func() { _ = a.Close() }()
				if err := a.Connections.Pause(t.Context(), access.Local("test"), "plan", on); err != nil {
					t.Fatal(err)
				}
			}
			pause(true)
			p.time.Advance(2 * time.Minute)
			a, stop := p.open()
			defer stop()
			p.patiently(t, "it says that the connection is paused", func() bool { return stands(p, a, "4711") == dispatch.Failed })
			pause(false)
			p.patiently(t, "it is placed", func() bool { return stands(p, a, "4711") == dispatch.Placed })
			if got := p.held(t); len(got) != 1 {
				t.Errorf("the calendar holds %v", got)
			}
		})
	}
}

// What a technician changed while the answer to a creation was lost is seen, and the rule holds for it; and what was lost is told once it is placed.
func TestALostAnswerHidesNobodysChange(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	operated[any](t, h, "dispatch.rule.set", map[string]any{"connection": "c", "rule": "ask"})
	lostThen(t, h, http.MethodPost, sim.Fault{Kind: "status", Status: http.StatusServiceUnavailable})
	put(t, h, slotFor(h, "1", ada, nil))
	waitUntil(t, "it says what is in the way", func() bool {
		h.Time.Advance(2 * time.Second)
		s, err := h.Dispatch.Lookup(t.Context(), "1")
		return err == nil && s.State == dispatch.Placing && s.Problem != nil
	})
	e := inCalendar(t, h, ada)
	byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": e[0].ID, "start": e[0].Start.Add(5 * time.Hour), "end": e[0].End.Add(5 * time.Hour)})
	h.Cloud.ClearFaults()
	comesToRest(t, h, "1")
	if s := slotIs(t, h, "1", dispatch.Drifted); len(s.Drift) != 2 {
		t.Errorf("it differs in %+v", s.Drift)
	}
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 2"}))
	if e := inCalendar(t, h, ada); !e[0].Start.Equal(monday(h).Add(5 * time.Hour)) {
		t.Errorf("it was written over, at %v", e[0].Start)
	}
	resolve(t, h, "calendar")
	told := len(slotEvents(t, h, event.SlotPlaced))
	play(t, h, sim.Fault{Match: matching(http.MethodPatch, "/events"), Kind: "timeout_after_accept", Times: 1})
	put(t, h, slotFor(h, "1", ada, map[string]any{"location": "Harbour 3"}))
	comesToRest(t, h, "1")
	if n := len(slotEvents(t, h, event.SlotPlaced)) - told; n != 1 {
		t.Errorf("a change whose answer was lost was told %d times", n)
	}
}
