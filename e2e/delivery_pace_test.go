package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// strangers are recipients outside the tenant.
func strangers(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("r%d@x.example", i))
	}
	return out
}

// expectedWithin wants a queued mail to be foreseen so soon, and to leave then.
func expectedWithin(t *testing.T, h *app.Hub, d delivery.Delivery, most time.Duration) {
	t.Helper()
	if wait := d.ExpectedAt.Sub(h.Time.Now()); wait > most {
		t.Errorf("%s is expected in %v", d.Key, wait)
	}
	until := h.Time.Now().Add(most + 20*time.Second)
	waitUntil(t, d.Key+" is let go, or its time is over", func() bool {
		h.Time.Advance(paceOf(t, h))
		return h.Time.Now().After(until) || showDelivery(t, h.App, d.ID).State != delivery.Queued
	})
	if got := showDelivery(t, h.App, d.ID); got.State == delivery.Queued {
		t.Errorf("%s is %s, expected in %v", d.Key, got.State, got.ExpectedAt.Sub(h.Time.Now()))
	}
	becomes(t, h, d.ID, delivery.Sent) // however long Microsoft takes for it
}

// paceOf is how fast time may pass: slowly while the hub works on what is due, or has yet to begin it.
func paceOf(t *testing.T, h *app.Hub) time.Duration {
	t.Helper()
	if atRest(t, h) {
		return time.Second
	}
	return 50 * time.Millisecond
}

// Mail that is taken back or erased, mail that waits for something of its own, and what did not leave: none of it keeps other mail of the mailbox
// waiting, or counts against its limits.
func TestWhatDoesNotLeaveHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := app.StartForTest(t, app.TestOptions{Engine: engine, Change: func(s map[string]string) { s["DELIVERY_PER_MINUTE"], s["DELIVERY_PER_DAY"] = "6", "10" }})
			f := sender(h, "post", "Seneschal")
			f.Mailboxes = append(f.Mailboxes, connection.MailboxEntry{Address: ben, Purposes: []connection.Purpose{connection.ForSend}})
			h.Connect(f)
			mail := func(key string, to ...string) delivery.Delivery {
				return mustHandIn(t, h.App, key, fields{"from": ada, "to": to, "subject": key})
			}
			becomes(t, h, mail("first", strangers(6)...).ID, delivery.Sent)
			for i := range 15 {
				d := mail(fmt.Sprint("taken back ", i), ben)
				ask(t, h, access.Local("ops"), "delivery.cancel", `{"id":"`+d.ID+`"}`)
				mail(fmt.Sprint("erased ", i), "carla@outside.example")
			}
			ask(t, h, access.Local("ops"), "privacy.erase", `{"person":"carla@outside.example"}`)
			expectedWithin(t, h, mail("after them", ben), 20*time.Second)

			large, another := mail("too large for this day", strangers(5)...), mail("another of them", strangers(5)...)
			waitUntil(t, "they wait for the next day", func() bool {
				h.Time.Advance(time.Second)
				first, second := showDelivery(t, h.App, large.ID).ExpectedAt, showDelivery(t, h.App, another.ID).ExpectedAt
				return first.Sub(h.Time.Now()) > 23*time.Hour && second.After(first)
			})
			expectedWithin(t, h, mail("one that fits", ben), 20*time.Second)
			if got := showDelivery(t, h.App, large.ID); got.State != delivery.Queued {
				t.Errorf("the large one is %s", got.State)
			}

			play(t, h, sim.Fault{Match: matching("POST", "/v1.0/users/*/messages"), Kind: "429", RetryAfter: "7"})
			throttled := mustHandIn(t, h.App, "throttled", fields{"from": ben, "to": strangers(6), "subject": "throttled"})
			waitUntil(t, "it was tried", func() bool {
				h.Time.Advance(time.Second)
				throttled = showDelivery(t, h.App, throttled.ID).Delivery
				return throttled.State == delivery.Queued && throttled.Problem != nil
			})
			if !throttled.StartedAt.IsZero() {
				t.Errorf("it was handed over at %v, though nothing left", throttled.StartedAt)
			}
			h.Cloud.ClearFaults()
			expectedWithin(t, h, throttled, time.Minute)
		})
	}
}

// Small mails that come all the time do not overtake one to many for ever.
func TestAMailToManyLeavesAmongSmallOnes(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, sendingAlone, func(s map[string]string) { s["DELIVERY_PER_DAY"] = "10" })
	var many delivery.Delivery
	for i := range 20 { // of two hours each; after the tenth the day's recipients are in use
		mustHandIn(t, h.App, fmt.Sprint("small ", i), letterTo(ben, "Small"))
		if i == 9 {
			in := letterTo(ben, "Many")
			in["to"] = strangers(5)
			many = mustHandIn(t, h.App, "many", in)
		}
		letPass(t, h, 2*time.Hour)
	}
	if got := showDelivery(t, h.App, many.ID); got.State != delivery.Sent {
		t.Errorf("after a day it is %s, expected in %v", got.State, got.ExpectedAt.Sub(h.Time.Now()))
	}
}

// The end of mail for a later time is foreseen by the pace and the days that it takes from then on.
func TestTheEndOfWhatIsScheduledIsForeseen(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, sendingAlone, func(s map[string]string) { s["DELIVERY_PER_MINUTE"], s["DELIVERY_PER_DAY"] = "6", "6" })
	at := h.Time.Now().Add(48 * time.Hour).Truncate(time.Second)
	for i := range 9 {
		in := letterTo(ben, "Burst")
		in["send_at"] = at.Format(time.RFC3339)
		mustHandIn(t, h.App, fmt.Sprint(i), in)
	}
	page, err := h.Deliveries.List(t.Context(), delivery.Query{Limit: 1})
	if err != nil || len(page.Queues) != 1 {
		t.Fatalf("%+v %v", page.Queues, err)
	}
	if after := page.Queues[0].EndsAt.Sub(at); after != 24*time.Hour+20*time.Second {
		t.Errorf("the end is foreseen %v after their time", after)
	}
}

// Two processes that claim at the same moment do not both count what left before: one mail leaves, and the other waits.
func TestTwoThatClaimAtOnceKeepThePace(t *testing.T) {
	t.Parallel()
	m := &mailing{ground: posting(t, store.Postgres, "Seneschal")}
	m.env = append(m.env, "SENESCHAL_DELIVERY_PER_MINUTE=1")
	b := m.join(nil)
	defer func() { _ = b.Close() }()
	one, two := mustHandIn(t, b, "1", letterTo(ben, "One")), mustHandIn(t, b, "2", letterTo(ben, "Two"))
	m.time.Advance(10 * time.Minute)
	claiming, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a := m.join(func(p clock.Point, what string) {
		if p == clock.BeforeCommit && what == "delivery.claim" {
			once.Do(func() { close(claiming); <-release })
		}
	})
	defer func() { _ = a.Close() }()
	var both sync.WaitGroup
	post := func(hub *app.App, id string) {
		if _, err := hub.Deliveries.Post(t.Context(), id, 1); err != nil {
			t.Error(err)
		}
	}
	both.Go(func() { post(a, one.ID) })
	<-claiming
	second := make(chan struct{})
	both.Go(func() { defer close(second); post(b, two.ID) })
	waitUntil(t, "the second has claimed, or waits for the first", func() bool {
		select {
		case <-second:
			return true
		default:
		}
		var waiting int
		err := b.Store.Reader().QueryRowContext(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'").Scan(&waiting)
		return err == nil && waiting > 0
	})
	close(release)
	both.Wait()
	if s := showDelivery(t, b, one.ID).State; s == delivery.Queued {
		t.Errorf("the first is %s", s)
	}
	if d := showDelivery(t, b, two.ID); d.State != delivery.Queued || !d.ExpectedAt.After(m.time.Now()) {
		t.Errorf("the second is %s, expected at %v", d.State, d.ExpectedAt)
	}
}
