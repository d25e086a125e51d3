package e2e

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// interrupted is a clock at whose first look something else happens before.
type interrupted struct {
	clock.Clock
	once sync.Once
	by   func()
}

func (c *interrupted) Now() time.Time {
	c.once.Do(c.by)
	return c.Clock.Now()
}

// A mail may be claimed by a process that dies, in the moment in which another has read that it is queued. The other comes again and brings it
// to its end; and how long it may be on its way counts from when it was handed over, not from the claim.
func TestAMailClaimedByWhoDiesIsTakenOver(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			m := &mailing{ground: posting(t, engine, "Seneschal")}
			b := m.join(nil)
			defer func() { _ = b.Close() }()
			m.id = mustHandIn(t, b, "claimed", letterTo(ben, "Claimed")).ID
			b.Deliveries.Clock = &interrupted{Clock: m.time, by: m.claimedByTheDying}
			next, err := b.Deliveries.Post(t.Context(), m.id, 1)
			if d := showDelivery(t, b, m.id); err != nil || next.IsZero() || d.State != delivery.Sending {
				t.Fatalf("it is %s, and looked after again at %v: %v", d.State, next, err)
			}
			m.time.Advance(time.Hour)
			if err := m.cloud.Fault(sim.Fault{Kind: "sent_late", Delay: "10m", Times: 1, Match: matching("POST", "/v1.0/users/*/messages/*/send")}); err != nil {
				t.Fatal(err)
			}
			if err := m.bring(t.Context(), b, m.id, delivery.Unsure); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Deliveries.Resolve(t.Context(), access.Local("test"), delivery.ResolveIn{ID: m.id, As: delivery.SendAgain}); fault.CodeOf(err) != "may_still_arrive" {
				t.Errorf("sent again at once: %v", err)
			}
			if err := m.bring(t.Context(), b, m.id, delivery.Sent); err != nil {
				t.Fatal(err)
			}
			if d, n := showDelivery(t, b, m.id), copies(t, m.cloud, "ben@", "Claimed"); d.State != delivery.Sent || n != 1 {
				t.Errorf("it is %s, and Ben has it %d times", d.State, n)
			}
		})
	}
}

// claimedByTheDying has another process claim the mail and get no further.
func (m *mailing) claimedByTheDying() {
	var a *app.App
	done := make(chan struct{})
	go func() {
		defer close(done)
		a = m.join(func(p clock.Point, what string) {
			if p == clock.AfterCommit && what == "delivery.claim" {
				runtime.Goexit()
			}
		})
		_, err := a.Deliveries.Post(m.t.Context(), m.id, 1)
		m.t.Errorf("it lives: %v", err)
	}()
	<-done
	_ = a.Store.Close()
}
