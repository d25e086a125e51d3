package e2e

import (
	"slices"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/store"
)

// Slots whose connection was removed go on through the one that lists the mailboxes now: with the events that they had.
func TestSlotsOutliveTheirConnection(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := dispatchHub(t, engine)
			for _, id := range []string{"same", "changed", "cancelled", "removed", "given"} {
				put(t, h, slotFor(h, id, ada, nil))
				slotIs(t, h, id, dispatch.Placed)
			}
			if _, err := h.Connections.Remove(t.Context(), access.Local("test"), "c"); err != nil {
				t.Fatal(err)
			}
			h.Connect(dispatchForm(h))
			for _, in := range []map[string]any{slotFor(h, "same", ada, nil), slotFor(h, "changed", ada, map[string]any{"location": "Harbour 2"}), slotFor(h, "cancelled", ada, map[string]any{"status": "cancelled"}), slotFor(h, "given", ben, nil)} {
				put(t, h, in)
			}
			if _, err := runAs(t, h, planner(), "dispatch.slot.remove", map[string]any{"external_id": "removed"}); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"same", "changed", "given"} {
				slotIs(t, h, id, dispatch.Placed)
			}
			for _, id := range []string{"cancelled", "removed"} {
				slotIs(t, h, id, dispatch.Withdrawn)
			}
			if a, b := subjects(inCalendar(t, h, ada)), subjects(inCalendar(t, h, ben)); !slices.Equal(a, []string{"Visit changed", "Visit same"}) || !slices.Equal(b, []string{"Visit given"}) {
				t.Errorf("Ada has %v, Ben has %v", a, b)
			}
			nobodyWasMailed(t, h)
		})
	}
}

// A slot that goes to somebody else once its connection was removed leaves no event behind, also where nothing else has its older mailbox asked.
func TestARehomedSlotLeavesItsOlderMailbox(t *testing.T) {
	onBoth(t, func(t *testing.T, h *app.Hub) {
		put(t, h, slotFor(h, "1", ada, nil))
		slotIs(t, h, "1", dispatch.Placed)
		if _, err := h.Connections.Remove(t.Context(), access.Local("test"), "c"); err != nil {
			t.Fatal(err)
		}
		h.Connect(dispatchForm(h))
		put(t, h, slotFor(h, "1", ben, nil))
		comesToRest(t, h, "1")
		if a, b := subjects(inCalendar(t, h, ada)), subjects(inCalendar(t, h, ben)); len(a) != 0 || !slices.Equal(b, []string{"Visit 1"}) {
			t.Errorf("Ada has %v, Ben has %v", a, b)
		}
		nobodyWasMailed(t, h)
	})
}
