package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// A hub's machine falls asleep while it sends a mail, for longer than a run's lease; another hub on the same database finds out that nothing
// left, and sends it, or asks a person where it cannot know. Waking up, the first one sends nothing any more, wherever it was.
func TestWhoSleptSendsNothingAnyMore(t *testing.T) {
	for _, tt := range []struct {
		name, by string
		asleep   func(p clock.Point, what string) bool
	}{
		{"once the run is claimed", sendingAlone, func(p clock.Point, what string) bool { return p == clock.AfterCommit && what == "action.claim" }},
		{"before it hands the mail over", sendingAlone, func(p clock.Point, what string) bool {
			return p == clock.BeforeSend && strings.HasSuffix(what, "/sendMail")
		}},
		{"once it knows the draft", "Seneschal", func(p clock.Point, what string) bool { return p == clock.AfterCommit && what == "action.checkpoint" }},
		{"before it sends the draft", "Seneschal", func(p clock.Point, what string) bool {
			return p == clock.BeforeSend && strings.HasSuffix(what, "/send")
		}},
	} {
		for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
			t.Run(tt.name+" "+string(engine), func(t *testing.T) {
				t.Parallel()
				m := &mailing{ground: posting(t, engine, tt.by)}
				awake := m.join(nil)
				defer func() { _ = awake.Close() }()
				m.id = mustHandIn(t, awake, "invoice", letterTo(ben, "Once")).ID
				fell, wake, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
				var once sync.Once
				sleeper := *m.ground
				sleeper.time = clock.NewAdjustable() // the clock of a machine that sleeps stands still
				sleeper.time.Advance(m.time.Now().Sub(sleeper.time.Now()))
				a := sleeper.join(func(p clock.Point, what string) {
					if tt.asleep(p, what) {
						once.Do(func() { close(fell); <-wake })
					}
				})
				defer func() { _ = a.Close() }()
				go func() {
					defer close(done)
					_, _ = a.Deliveries.Post(t.Context(), m.id, 1) // what it finds is another's by now
				}()
				<-fell
				m.time.Advance(2 * time.Minute)
				for !isSentOrParked(m, showDelivery(t, awake, m.id)) {
					sweep(t, awake)
					next, err := awake.Deliveries.Post(t.Context(), m.id, 1)
					if err != nil {
						t.Fatal(err)
					}
					m.time.Advance(max(0, next.Sub(m.time.Now())))
				}
				before := accepted(m.cloud)
				sleeper.time.Advance(m.time.Now().Sub(sleeper.time.Now()))
				close(wake)
				<-done
				d := showDelivery(t, awake, m.id)
				if n := accepted(m.cloud); n != before || n > 1 || n == 0 && d.State != delivery.Unsure {
					t.Errorf("it is %s; Microsoft took %d mails, and %d before the other woke up", d.State, n, before)
				}
			})
		}
	}
}

// accepted counts the mails that Microsoft took.
func accepted(cloud *sim.Sim) (n int) {
	for _, r := range cloud.Requests() {
		if r.Status == http.StatusAccepted {
			n++
		}
	}
	return n
}

// sweep has runs without an outcome looked at.
func sweep(t *testing.T, a *app.App) {
	t.Helper()
	runs, err := a.Runner.Runs(t.Context(), action.RunsQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if _, err := a.Runner.Sweep(t.Context(), r.ID, 1); err != nil {
			t.Fatal(err)
		}
	}
}

// The hub cannot write down that an event was made. It asks again under the same key, and there is one event.
func TestAnOutcomeThatCannotBeWrittenDown(t *testing.T) {
	h := dispatchHub(t, store.SQLite)
	spoil := func(statement string) {
		t.Helper()
		if _, err := h.Store.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	spoil("create trigger full before update on action_run when new.state = 'done' begin select raise(abort, 'disk full'); end")
	put(t, h, slotFor(h, "1", ada, nil))
	waitUntil(t, "the event is made", func() bool { return requestsTo(h, "/events", http.MethodPost) > 0 })
	minutes(h, 1)
	spoil("drop trigger full")
	comesToRest(t, h, "1")
	slotIs(t, h, "1", dispatch.Placed)
	if got := subjects(inCalendar(t, h, ada)); len(got) != 1 {
		t.Errorf("one slot is in the calendar as %v", got)
	}
}

// Who forgets the file of an action of the hub's own is told so.
func TestAnImportWithoutItsFile(t *testing.T) {
	h := dispatchHub(t, store.SQLite)
	_, err := runAs(t, h, access.Local("test"), "dispatch.slot.import", map[string]any{})
	if fault.CodeOf(err) != "invalid_input" || !strings.Contains(err.Error(), "file: is missing: this action takes a file") {
		t.Error(err)
	}
}
