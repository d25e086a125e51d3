package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/feed"
	"seneschal/internal/store"
)

// looks counts the reads of single events.
func looks(h *app.Hub) int { return requestsTo(h, "/events/", http.MethodGet) }

// Beyond a feed's window every change is told as a removal, our own as well. Many are compared by one list of the mailbox, and what somebody
// deleted or changed among them is seen all the same.
func TestManySlotsAreComparedByOneList(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := dispatchHub(t, engine)
			waitUntil(t, "the calendar is followed", func() bool {
				h.Time.Advance(200 * time.Millisecond)
				return slices.ContainsFunc(feedsOf(t, h, ada), func(f feed.Feed) bool { return f.Kind == feed.Calendar && f.State == feed.Live })
			})
			var slots []dispatch.Slot
			var all []any
			for i := range 8 {
				all = append(all, slotFor(h, fmt.Sprint(i), ada, nil))
			}
			if _, err := runAs(t, h, planner(), "dispatch.slot.put_all", map[string]any{"slots": all}); err != nil {
				t.Fatal(err)
			}
			for i := range 8 {
				slots = append(slots, slotIs(t, h, fmt.Sprint(i), dispatch.Placed))
			}
			walked(t, h)
			slotIs(t, h, "0", dispatch.Placed)
			if n := looks(h); n != 0 {
				t.Errorf("our own events were read one by one: %d times", n)
			}
			for _, s := range slots[:5] {
				if _, err := runOn(t, h, access.Local("test"), "calendar.event.delete", "c", map[string]any{"user": ada, "event": s.Event}); err != nil {
					t.Fatal(err)
				}
			}
			byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": slots[5].Event, "location": "Elsewhere"})
			slotIs(t, h, "5", dispatch.Drifted)
			waitUntil(t, "what was deleted is made anew", func() bool {
				h.Time.Advance(200 * time.Millisecond)
				return len(inCalendar(t, h, ada)) == 8
			})
			for i := range 5 {
				if s := slotIs(t, h, fmt.Sprint(i), dispatch.Placed); s.Event == slots[i].Event {
					t.Errorf("slot %d still is the event that was deleted", i)
				}
			}
			nobodyWasMailed(t, h)
		})
	}
}

// Whoever asks what would happen is told, and nothing happens.
func TestNothingLeavesInADryRun(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, nil))
	slotIs(t, h, "1", dispatch.Placed)
	before := writes(h)
	_, key, err := h.Access.AddAPIKey(t.Context(), access.Local("test"), "psa", []access.Scope{access.Dispatch}, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.Key = key.Reveal()
	for _, tt := range []struct {
		method, path string
		in           any
	}{
		{http.MethodPut, "/dispatch/slots/2?dry_run=true", slotFor(h, "2", ada, nil)},
		{http.MethodPut, "/dispatch/slots?dry_run=true", map[string]any{"slots": []any{slotFor(h, "1", ben, nil)}}},
		{http.MethodDelete, "/dispatch/slots/1?dry_run=true", nil},
		{http.MethodPost, "/dispatch/slots/1/move?dry_run=true", map[string]any{"technician": ben}},
	} {
		if status, _, body := h.REST(tt.method, "/api/v1"+tt.path, tt.in); status != http.StatusOK {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, status, body)
		}
	}
	all, err := h.Dispatch.List(t.Context(), dispatch.Query{Limit: 10})
	if err != nil || len(all) != 1 || all[0].Technician != ada || all[0].State != dispatch.Placed {
		t.Errorf("the plan is %+v, %v", all, err)
	}
	if n := writes(h) - before; n != 0 {
		t.Errorf("%d writes left", n)
	}
}
