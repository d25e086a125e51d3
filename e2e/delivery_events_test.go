package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/event"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// Others hear of every change of a delivery, once and in order, as its history shows it.
func TestEveryChangeOfADeliveryIsTold(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := delivering(t, engine, "Seneschal", nil)
			at := matching("POST", "/v1.0/users/*/messages/*/send")
			later := letterTo(ben, "Later")
			later["send_at"] = h.Time.Now().Add(time.Hour).Format(time.RFC3339)
			mails := []struct {
				in     fields
				meets  sim.Fault
				ends   delivery.State
				states []delivery.State
			}{
				{later, sim.Fault{}, delivery.Queued, []delivery.State{delivery.Queued, delivery.Cancelled}},
				{letterTo(ben, "Throttled"), sim.Fault{Kind: "429", RetryAfter: "7", Times: 8}, delivery.Sent,
					[]delivery.State{delivery.Queued, delivery.Sending, delivery.Queued, delivery.Sending, delivery.Sent}},
				{letterTo(ben, "Late"), sim.Fault{Kind: "sent_late", Delay: "5m", Times: 1}, delivery.Sent,
					[]delivery.State{delivery.Queued, delivery.Sending, delivery.Unsure, delivery.Sent}},
				{letterTo(ben, "Refused"), sim.Fault{Kind: "status", Status: http.StatusBadRequest, Code: "ErrorInvalidRecipients", Times: 1}, delivery.Failed,
					[]delivery.State{delivery.Queued, delivery.Sending, delivery.Failed}},
				{letterTo("nobody@contoso.example", "Returned"), sim.Fault{}, delivery.Bounced,
					[]delivery.State{delivery.Queued, delivery.Sending, delivery.Sent, delivery.Bounced}},
			}
			ids := make([]string, len(mails))
			for i, m := range mails {
				if m.meets.Match = at; m.meets.Kind != "" {
					play(t, h, m.meets)
				}
				ids[i] = mustHandIn(t, h.App, m.in["subject"].(string), m.in).ID
				becomes(t, h, ids[i], m.ends)
			}
			ask(t, h, access.Local("ops"), "delivery.cancel", `{"id":"`+ids[0]+`"}`)
			told := map[string][]delivery.State{}
			all, err := h.Events.List(t.Context(), event.Everybody(), event.Query{Types: event.OfDeliveries(), Limit: 500})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range slices.Backward(all) {
				state, _ := e.Data["state"].(string)
				if e.Type != event.Type("delivery."+state) {
					t.Errorf("%s tells of %q", e.Type, state)
				}
				told[e.About] = append(told[e.About], delivery.State(state))
			}
			for i, m := range mails {
				if got := told["delivery/"+ids[i]]; !slices.Equal(got, m.states) {
					t.Errorf("%s: told %v, want %v", m.in["subject"], got, m.states)
				}
			}
		})
	}
}
