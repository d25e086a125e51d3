package e2e

import (
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// What a delivery says while its end is not known is what is so: it does not doubt what it had no time to see, says what keeps it from looking,
// and does not call sending what the hub itself cannot hand over.
func TestADeliverySaysTrulyWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", nil)
	t.Run("the upload of a file took long", func(t *testing.T) {
		play(t, h, sim.Fault{Match: matching("POST", "/v1.0/users/*/messages/*/attachments"), Kind: "delay", Delay: "80s", Times: 1})
		play(t, h, sim.Fault{Match: matching("POST", "/v1.0/users/*/messages/*/send"), Kind: "sent_late", Delay: "20s", Times: 1})
		d := mustHandIn(t, h.App, "slow", letterTo(ben, "Slow"), pdf(t, "a.pdf", 1000))
		for _, s := range becomes(t, h, d.ID, delivery.Sent).Steps {
			if s.State == delivery.Unsure {
				t.Errorf("it was unsure at %v: %s", s.At, s.Code)
			}
		}
	})
	t.Run("the hub cannot open the mail", func(t *testing.T) {
		in := letterTo(ben, "Closed")
		in["send_at"] = h.Time.Now().Add(time.Minute).Format(time.RFC3339)
		d := mustHandIn(t, h.App, "closed", in, pdf(t, "a.pdf", 1000))
		other := mustHandIn(t, h.App, "taken back", in)
		move := func(by string) {
			if _, err := h.Store.Writer().ExecContext(t.Context(), "update delivery_content set part = part "+by); err != nil {
				t.Fatal(err)
			}
		}
		move("+ 100")
		waitUntil(t, "both were tried", func() bool {
			h.Time.Advance(time.Second)
			one, two := showDelivery(t, h.App, d.ID), showDelivery(t, h.App, other.ID)
			return one.Problem != nil && two.Problem != nil
		})
		got := showDelivery(t, h.App, d.ID)
		if p := got.Problem; got.State != delivery.Queued || !got.CanCancel || !got.StartedAt.IsZero() || p.Code != "hub_in_trouble" || p.Who != "the operator of this hub" {
			t.Errorf("it is %s: %+v", got.State, p)
		}
		ask(t, h, access.Local("ops"), "delivery.cancel", `{"id":"`+other.ID+`"}`)
		move("- 100")
		becomes(t, h, d.ID, delivery.Sent)
		if n := copies(t, h.Cloud, "ben@", "Closed"); n != 1 {
			t.Errorf("Ben has it %d times", n)
		}
	})
	t.Run("the hub may not look", func(t *testing.T) {
		play(t, h, sim.Fault{Match: matching("POST", "/v1.0/users/*/messages/*/send"), Kind: "sent_late", Delay: "10s", Times: 1})
		d := mustHandIn(t, h.App, "look", letterTo(ben, "Look"))
		waitUntil(t, "Microsoft took it", func() bool {
			h.Time.Advance(100 * time.Millisecond)
			return showDelivery(t, h.App, d.ID).MessageID != ""
		})
		ask(t, h, access.Local("ops"), "connection.pause", `{"id":"post"}`)
		got := becomes(t, h, d.ID, delivery.Unsure)
		if p := got.Problem; p.Code != "connection_paused" || !strings.Contains(p.Title, "cannot look") || strings.Contains(p.Who, "nobody") {
			t.Errorf("unsure for %+v", p)
		}
		ask(t, h, access.Local("ops"), "connection.pause", `{"id":"post","resume":true}`)
		becomes(t, h, d.ID, delivery.Sent)
	})
}
