package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/store"
)

// letter is what a planning system posts, with the time since when it is so.
func letter(at time.Time, slots ...any) map[string]any {
	return map[string]any{"type": "slots.changed", "timestamp": at.Format(time.RFC3339Nano), "data": map[string]any{"slots": slots}}
}

// onBoth runs a test on either database.
func onBoth(t *testing.T, f func(t *testing.T, h *app.Hub)) {
	t.Helper()
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) { f(t, dispatchHub(t, engine)) })
	}
}

// What was so before a slot was taken out of the plan does not bring it back.
func TestALateLetterDoesNotBringARemovedSlotBack(t *testing.T) {
	onBoth(t, func(t *testing.T, h *app.Hub) {
		p := newPSA(t, h, map[string]any{"name": "psa", "connection": "c"})
		put(t, h, slotFor(h, "1", ada, nil))
		slotIs(t, h, "1", dispatch.Placed)
		before := h.Time.Now()
		h.Time.Advance(time.Minute)
		operated[dispatch.Slot](t, h, "dispatch.slot.remove", map[string]any{"external_id": "1"})
		if got := p.mustCall(t, h, "m1", letter(before, slotFor(h, "1", ada, map[string]any{"location": "Old"}))); got["outdated"] != 1.0 || got["updated"] != 0.0 {
			t.Errorf("a letter that comes late: got %v", got)
		}
		slotIs(t, h, "1", dispatch.Withdrawn)
		if got := p.mustCall(t, h, "m2", letter(h.Time.Now(), slotFor(h, "1", ada, nil))); got["updated"] != 1.0 {
			t.Errorf("said anew: got %v", got)
		}
		slotIs(t, h, "1", dispatch.Placed)
		if e := inCalendar(t, h, ada); len(e) != 1 {
			t.Errorf("Ada has %v", subjects(e))
		}
	})
}

// A sender whose clock is wrong cannot silence whatever is said after it.
func TestALetterFromTheFutureIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, h *app.Hub) {
		p := newPSA(t, h, map[string]any{"name": "psa", "connection": "c"})
		status, answer := p.call(t, h, "m1", letter(h.Time.Now().Add(5*time.Minute+time.Second), slotFor(h, "1", ada, nil)), nil)
		if status != 400 || answer["code"] != "invalid_input" {
			t.Fatalf("got %d %v", status, answer)
		}
		has(t, "the refusal", fmt.Sprint(answer["errors"]), "name:timestamp", "set the sender's clock")
		if all, err := h.Dispatch.List(t.Context(), dispatch.Query{Limit: 10}); err != nil || len(all) != 0 {
			t.Errorf("slots: %v, %v", all, err)
		}
		if got := p.mustCall(t, h, "m1", letter(h.Time.Now().Add(4*time.Minute), slotFor(h, "1", ada, nil))); got["created"] != 1.0 { // its id was not taken either
			t.Errorf("a clock that is a little ahead: got %v", got)
		}
	})
}

// A file that waits is no word on what is said until it is approved, be that new or not.
func TestAnApprovedFileKeepsWhatWasSaidSince(t *testing.T) {
	onBoth(t, func(t *testing.T, h *app.Hub) {
		var all, file []any
		for i := range 14 {
			all = append(all, slotFor(h, fmt.Sprint(i), ada, map[string]any{"connection": "c"}))
		}
		file = append(file, all[0], all[1], slotFor(h, "of the file", ada, map[string]any{"connection": "c"}))
		operated[dispatch.Outcome](t, h, "dispatch.slot.put_all", map[string]any{"slots": all})
		h.Time.Advance(time.Minute)
		waiting := imported(t, h, map[string]any{"complete": true, "connection": "c"}, file)
		if waiting.Import == "" {
			t.Fatalf("it does not wait: %+v", waiting)
		}
		h.Time.Advance(time.Minute)
		put(t, h, slotFor(h, "0", ada, map[string]any{"connection": "c", "location": "Said since"}))
		put(t, h, slotFor(h, "2", ada, map[string]any{"connection": "c"})) // says nothing new, and that it is still so
		put(t, h, slotFor(h, "new", ada, map[string]any{"connection": "c"}))
		operated[dispatch.Slot](t, h, "dispatch.slot.remove", map[string]any{"external_id": "1"})
		got := operated[dispatch.Outcome](t, h, "dispatch.import.approve", map[string]any{"id": waiting.Import})
		if got.Outdated != 2 || got.Created != 1 || got.Removed != 11 || got.Updated != 0 {
			t.Errorf("got %+v", got)
		}
		for id, want := range map[string]dispatch.State{"0": dispatch.Placed, "2": dispatch.Placed, "new": dispatch.Placed, "of the file": dispatch.Placed, "1": dispatch.Withdrawn, "13": dispatch.Withdrawn} {
			slotIs(t, h, id, want)
		}
		if s := slotIs(t, h, "0", dispatch.Placed); s.Location != "Said since" {
			t.Errorf("got %+v", s)
		}
	})
}

// imported has the slots taken as a file.
func imported(t *testing.T, h *app.Hub, in map[string]any, slots []any) (out dispatch.Outcome) {
	t.Helper()
	file, err := json.Marshal(slots)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := runWithFile(t, h, planner(), "dispatch.slot.import", in, file)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}
