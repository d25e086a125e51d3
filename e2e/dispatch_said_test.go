package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
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

// What somebody changed in the calendar, and the plan took over, stays until something new is said: the same row every night is nothing new.
func TestTheSameRowAgainDoesNotUndoTheCalendar(t *testing.T) {
	onBoth(t, func(t *testing.T, h *app.Hub) {
		operated[any](t, h, "dispatch.rule.set", map[string]any{"connection": "c", "rule": "calendar"})
		put(t, h, slotFor(h, "1", ada, map[string]any{"source": "psa"}))
		s := slotIs(t, h, "1", dispatch.Placed)
		walked(t, h)
		moveByHand(t, h, s)
		byHands := monday(h).Add(5 * time.Hour)
		waitUntil(t, "the slot takes it over", func() bool {
			h.Time.Advance(200 * time.Millisecond)
			return slotIs(t, h, "1", dispatch.Placed).Start.Equal(byHands)
		})
		stays := func(why string, want time.Time, out dispatch.Outcome, updated int) {
			t.Helper()
			if out.Updated != updated || out.Unchanged != 1-updated {
				t.Errorf("%s: got %+v", why, out)
			}
			slotIs(t, h, "1", dispatch.Placed)
			if e := inCalendar(t, h, ada); len(e) != 1 || !e[0].Start.Equal(want) {
				t.Errorf("%s: the calendar has %+v", why, e)
			}
		}
		night := map[string]any{"connection": "c", "source": "psa", "complete": true}
		row := slotFor(h, "1", ada, nil)
		stays("the same row", byHands, imported(t, h, night, []any{row}), 0)
		operated[dispatch.Slot](t, h, "dispatch.slot.move", map[string]any{"external_id": "1", "technician": ada, "day": byHands.Format(time.DateOnly)})
		stays("the same row, after the board let it go where it was", byHands, imported(t, h, night, []any{row}), 0)
		stays("the same row of another system", byHands, imported(t, h, map[string]any{"connection": "c", "source": "erp"}, []any{row}), 1)
		row["start"], row["end"] = monday(h).Add(time.Hour).Format(time.RFC3339), monday(h).Add(2*time.Hour).Format(time.RFC3339)
		stays("a new time", monday(h).Add(time.Hour), imported(t, h, night, []any{row}), 1)
		nobodyWasMailed(t, h)
	})
}

// An event that was deleted by hand with good reason is not made anew by the same row, and nobody is shown its slot; a row that says something
// new, or a slot that was removed and is said again, is placed.
func TestTheSameRowAgainDoesNotUndoADeletion(t *testing.T) {
	onBoth(t, func(t *testing.T, h *app.Hub) {
		operated[any](t, h, "dispatch.rule.set", map[string]any{"connection": "c", "rule": "ask"})
		deleted := func(in map[string]any) {
			t.Helper()
			put(t, h, in)
			s := slotIs(t, h, "1", dispatch.Placed)
			walked(t, h)
			deleteByHand(t, h, s)
			slotIs(t, h, "1", dispatch.Drifted)
			operated[dispatch.Slot](t, h, "dispatch.drift.resolve", map[string]any{"external_id": "1", "keep": "calendar"})
			if s := slotIs(t, h, "1", dispatch.Withdrawn); s.Status != "cancelled" || len(s.Drift) > 0 {
				t.Errorf("got %+v", s)
			}
			put(t, h, in)
			slotIs(t, h, "1", dispatch.Withdrawn)
			if e := inCalendar(t, h, ada); len(e) != 0 {
				t.Errorf("Ada has %v", subjects(e))
			}
		}
		row := slotFor(h, "1", ada, nil)
		deleted(row)
		clash := operated[dispatch.Conflicts](t, h, "dispatch.conflict.list", map[string]any{"technician": ada, "start": row["start"], "end": row["end"]})
		if len(clash.Slots) != 0 {
			t.Errorf("it stands against others: %+v", clash)
		}
		feed, err := url.Parse(operated[dispatch.Link](t, h, "dispatch.link.make", map[string]any{"technician": ada}).URL)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := fetched(t, h.Server.URL()+feed.Path); status != http.StatusOK || strings.Contains(body, "Visit 1") {
			t.Errorf("the technician's calendar has it: %d %s", status, body)
		}
		row["location"] = "Harbour 2"
		deleted(row)
		operated[dispatch.Slot](t, h, "dispatch.slot.remove", map[string]any{"external_id": "1"})
		put(t, h, row)
		slotIs(t, h, "1", dispatch.Placed)
		if e := inCalendar(t, h, ada); len(e) != 1 || e[0].Location != "Harbour 2" {
			t.Errorf("Ada has %+v", e)
		}
	})
}

// A move and a change of the same moment are both kept, whichever comes first.
func TestAMoveKeepsWhatIsSaidInTheSameMoment(t *testing.T) {
	onBoth(t, func(t *testing.T, h *app.Hub) {
		put(t, h, slotFor(h, "1", ada, nil))
		for i := range 30 {
			location, done := fmt.Sprint("Harbour ", i), make(chan error, 2)
			go func() {
				_, err := runAs(t, h, planner(), "dispatch.slot.put", slotFor(h, "1", ada, map[string]any{"location": location}))
				done <- err
			}()
			go func() {
				_, err := runAs(t, h, planner(), "dispatch.slot.move", map[string]any{"external_id": "1", "technician": ben})
				done <- err
			}()
			for range 2 {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
			if s, err := h.Dispatch.Lookup(t.Context(), "1"); err != nil || s.Location != location {
				t.Fatalf("move %d brought %q back, for %q: %v", i, s.Location, location, err)
			}
		}
	})
}
