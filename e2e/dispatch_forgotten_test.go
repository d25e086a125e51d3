package e2e

import (
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/store"
)

// made counts the events that there are of a subject, in all calendars and at any time.
func made(t *testing.T, h *app.Hub, subject string) (n int) {
	t.Helper()
	events, err := h.Cloud.State(h.Cloud.Ready().Tenants[0].TenantID, "events")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e["subject"] == subject {
			n++
		}
	}
	return n
}

// A slot that lies so long back that the hub forgets it, and that a file still names, is found in the calendar: it is not made a second time.
func TestAForgottenSlotIsNotMadeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, h *app.Hub) {
		begun := h.Time.Now().UTC().AddDate(0, 0, -401).Truncate(time.Hour)
		in := slotFor(h, "1", ada, map[string]any{"start": begun.Format(time.RFC3339), "end": begun.Add(time.Hour).Format(time.RFC3339)})
		for range 2 {
			put(t, h, in)
			slotIs(t, h, "1", dispatch.Placed)
			err := h.Store.InTx(t.Context(), "test.prune", func(tx *store.Tx) error {
				n, err := h.Dispatch.Classes()[0].Prune(t.Context(), tx, h.Time.Now(), 1000)
				if n == 0 {
					t.Error("nothing was forgotten")
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		put(t, h, in)
		slotIs(t, h, "1", dispatch.Placed)
		if n := made(t, h, "Visit 1"); n != 1 {
			t.Errorf("there are %d events of it", n)
		}
	})
}
