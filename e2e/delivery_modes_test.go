package e2e

import (
	"fmt"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// A mail that Microsoft was too busy for waits, and leaves once by what is granted when its turn comes, whatever was granted before. What may
// have left stays with its mode.
func TestAMailThatWaitsFollowsTheGrants(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		for _, tt := range []struct {
			by, then string
			mode     delivery.Mode
			after    delivery.Mode
			doubt    sim.Fault // after which it is not known whether a mail left
		}{
			{"Seneschal", sendingAlone, delivery.Verified, delivery.SendOnly, sim.Fault{Kind: "sent_late", Delay: "20m", Times: 1}},
			{sendingAlone, "Seneschal", delivery.SendOnly, delivery.Verified, sim.Fault{Kind: "timeout_after_accept", Times: 1}},
		} {
			t.Run(fmt.Sprintf("%s, %s and then %s", engine, tt.mode, tt.after), func(t *testing.T) {
				t.Parallel()
				p := &post{delivering(t, engine, tt.by, nil), t, tt.mode}
				tt.doubt.Match = matching("POST", p.asks())
				play(t, p.Hub, tt.doubt)
				left := mustHandIn(t, p.App, "left", letterTo(ben, "Left"))
				becomes(t, p.Hub, left.ID, delivery.Unsure)
				play(t, p.Hub, sim.Fault{Match: matching("POST", p.asks()), Kind: "429", RetryAfter: "7"})
				waits := mustHandIn(t, p.App, "waits", letterTo(ben, "Waits"))
				p.hurry("Microsoft was too busy for it", func() bool {
					d := showDelivery(t, p.App, waits.ID)
					return d.State == delivery.Queued && d.Problem != nil && d.Problem.Code == "throttled"
				})
				replaceApp(t, p.Hub, tt.then)
				p.Cloud.ClearFaults()
				if d := becomes(t, p.Hub, waits.ID, delivery.Sent); d.Mode != tt.after {
					t.Errorf("it left by %s: %+v", d.Mode, d.Steps)
				}
				until := p.Time.Now().Add(25 * time.Minute)
				p.hurry("it stays so", func() bool { return p.Time.Now().After(until) })
				for _, subject := range []string{"Left", "Waits"} {
					if n := copies(t, p.Cloud, "ben@", subject); n != 1 {
						t.Errorf("Ben has %q %d times", subject, n)
					}
				}
				if d := showDelivery(t, p.App, left.ID); d.Mode != tt.mode || d.State != delivery.Unsure {
					t.Errorf("what had left is %s by %s: %+v", d.State, d.Mode, d.Steps)
				}
			})
		}
	}
}

// replaceApp has the connection that sends act by another app, which was granted something else.
func replaceApp(t *testing.T, h *app.Hub, name string) {
	t.Helper()
	next := h.ReadyApp(name)
	if _, err := h.Connections.ReplaceApp(t.Context(), access.Local("test"), "post", m365.ClientID(next.ClientID), connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(next.ClientSecret)}); err != nil {
		t.Fatal(err)
	}
}
