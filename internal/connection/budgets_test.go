package connection

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// hands is a clock that is moved by hand. What waits on it waits for ever: the test looks around in place of the instances' loops.
type hands struct {
	at  *time.Time
	off time.Duration // how wrong this machine's clock is
}

func (h hands) Now() time.Time { return h.at.Add(h.off) }

func (h hands) NewTimer(time.Duration) *clock.Timer { return clock.Real{}.NewTimer(time.Hour) }

func (h hands) Sleep(ctx context.Context, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// ground is one database with instances on it.
type ground struct {
	t     *testing.T
	store *store.Store
	now   *time.Time
	hubs  []*hub
	dead  []*hub // what they used still counts
}

// hub is an instance with what its governor would count.
type hub struct {
	*Budgets
	g     *ground
	uses  map[wire.Key]*use
	stall time.Time // it does nothing until then
	next  time.Time // its next look
}

type use struct {
	whole  wire.Limit
	slice  wire.Slice
	leased bool
	sent   []sent
}

type sent struct {
	cost, slots int
	done        time.Time // the answer; Microsoft counts from before until a window after
}

func newGround(t *testing.T, s *store.Store) *ground {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	return &ground{t: t, store: s, now: &now}
}

func (g *ground) join(off time.Duration) *hub {
	h := &hub{g: g, uses: map[wire.Key]*use{}}
	h.Budgets = &Budgets{Store: g.store, Clock: hands{g.now, off}, Log: slog.New(slog.DiscardHandler), Instance: fmt.Sprint("hub", len(g.hubs)+len(g.dead)), Counted: h.counted}
	g.hubs = append(g.hubs, h)
	return h
}

// crash ends an instance between two instructions.
func (g *ground) crash(h *hub) {
	if h.stop != nil {
		h.stop()
	}
	h.answered(*g.now)
	g.gone(h)
}

// restart ends an instance between two instructions and begins it anew at once. What was under way may be answered a moment later.
func (g *ground) restart(h *hub) *hub {
	if h.stop != nil {
		h.stop()
	}
	h.answered(g.now.Add(lastWords))
	g.gone(h)
	next := g.join(time.Duration(0))
	next.Instance, next.Clock = h.Instance, h.Clock
	if err := next.Succeed(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	return next
}

// leave ends an instance in peace: it waits for its answers.
func (g *ground) leave(h *hub) {
	h.answered(*g.now)
	if err := h.Leave(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	g.gone(h)
}

// answered has nothing under way any more after a time.
func (h *hub) answered(by time.Time) {
	for _, u := range h.uses {
		for i := range u.sent {
			u.sent[i].done = sooner(u.sent[i].done, by)
		}
	}
}

func (g *ground) gone(h *hub) {
	for i := range g.hubs {
		if g.hubs[i] == h {
			g.hubs = append(g.hubs[:i], g.hubs[i+1:]...)
			break
		}
	}
	g.dead = append(g.dead, h)
}

// pass moves time on in small steps; every instance that is not stalled looks around about once a second.
func (g *ground) pass(d time.Duration) {
	for end := g.now.Add(d); g.now.Before(end); {
		*g.now = g.now.Add(min(250*time.Millisecond, end.Sub(*g.now)))
		for _, h := range g.hubs {
			if h.id == "" || g.now.Before(h.next) || g.now.Before(h.stall) {
				continue
			}
			h.next = g.now.Add(lookEvery)
			if err := h.look(g.t.Context()); err != nil {
				g.t.Fatal(err)
			}
		}
		g.check()
	}
}

// jump moves time on without anybody noticing on the way.
func (g *ground) jump(d time.Duration) { *g.now = g.now.Add(d) }

// check is what all of this is for.
func (g *ground) check() {
	g.t.Helper()
	type sum struct{ cost, places int }
	sums, wholes := map[wire.Key]sum{}, map[wire.Key]wire.Limit{}
	for _, h := range append(append([]*hub{}, g.hubs...), g.dead...) {
		for k, u := range h.uses {
			s := sums[k]
			cost, places := u.counted(*g.now)
			sums[k], wholes[k] = sum{s.cost + cost, s.places + places}, u.whole
		}
	}
	for k, s := range sums {
		if w := wholes[k]; (w.Requests > 0 && s.cost > w.Requests) || (w.Concurrent > 0 && s.places > w.Concurrent) {
			g.t.Fatalf("%s: %d requests in a window of %d, %d at the same time of %d", k.Class, s.cost, w.Requests, s.places, w.Concurrent)
		}
	}
}

// counted drops what counts no longer.
func (u *use) counted(now time.Time) (cost, places int) {
	kept := u.sent[:0]
	for _, s := range u.sent {
		if now.Before(s.done.Add(u.whole.Window)) || now.Before(s.done) {
			kept = append(kept, s)
			cost += s.cost
		}
		if now.Before(s.done) {
			places += s.slots
		}
	}
	u.sent = kept
	return cost, places
}

func (h *hub) counted() []wire.Remaining {
	var all []wire.Remaining
	for k, u := range h.uses {
		cost, places := u.counted(*h.g.now)
		all = append(all, wire.Remaining{Key: k, Limit: u.whole, Used: cost, InFlight: places})
	}
	return all
}

// try sends a request if it may go now, as a governor decides it.
func (h *hub) try(k wire.Key, whole wire.Limit, cost, slots int, takes time.Duration) bool {
	h.g.t.Helper()
	u := h.uses[k]
	if u == nil {
		u = &use{whole: whole}
		h.uses[k] = u
	}
	for range 2 { // a slice that does not suffice is asked about once
		now := h.Clock.Now()
		used, places := u.counted(*h.g.now)
		valid := u.leased && now.Before(u.slice.Until)
		fits := valid && !u.slice.Closed && (whole.Requests == 0 || used+cost <= u.slice.Limit.Requests) && (whole.Concurrent == 0 || places+slots <= u.slice.Limit.Concurrent)
		if fits {
			u.sent = append(u.sent, sent{cost, slots, h.g.now.Add(takes)})
			return true
		}
		l := u.slice.Limit
		tooSmall := u.slice.Closed || (l.Requests < whole.Requests && used+cost > l.Requests) || (l.Concurrent < whole.Concurrent && places+slots > l.Concurrent)
		if valid && (!tooSmall || u.slice.More.IsZero() || now.Before(u.slice.More)) {
			return false
		}
		var err error
		u.slice, err = h.Lease(h.g.t.Context(), wire.Ask{Key: k, Whole: whole, Used: used, InFlight: places, Cost: cost, Slots: slots, Pressed: valid})
		if err != nil {
			h.g.t.Fatal(err)
		}
		u.leased = true
	}
	return false
}

// burst sends as many as may go, each taking so long, and says how many went.
func (h *hub) burst(k wire.Key, whole wire.Limit, n int, takes time.Duration) (went int) {
	for went < n && h.try(k, whole, 1, 1, takes) {
		went++
	}
	h.g.check()
	return went
}

func onBothDatabases(t *testing.T, f func(t *testing.T, g *ground)) {
	store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, s *store.Store) { f(t, newGround(t, s)) })
}

var (
	mailboxLimit = wire.Limit{Requests: 100, Window: 10 * time.Minute, Concurrent: 4}
	mailbox      = wire.Key{Class: "outlook", Tenant: "t", App: "a", Part: "ada@contoso.example"}
)

// Instances come, go, stall and die at random, with clocks that differ, and send what they may.
func TestPartsNeverAddUpToMoreThanTheWhole(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4}
	if os.Getenv("SENESCHAL_SOAK") != "" {
		for range 100 {
			seeds = append(seeds, rand.Uint64())
		}
	}
	limits := map[string]wire.Limit{
		"mailbox": {Requests: 40, Window: 10 * time.Minute, Concurrent: 4},
		"app":     {Requests: 200, Window: 10 * time.Second},
		"reports": {Requests: 5, Window: 10 * time.Second},
		"policy":  {Requests: 1, Window: time.Second},
		"single":  {Concurrent: 1},
		"scores":  {Requests: 15, Window: time.Minute, Concurrent: 4},
		"day":     {Requests: 320, Window: 24 * time.Hour},
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			onBothDatabases(t, func(t *testing.T, g *ground) {
				r := rand.New(rand.NewPCG(seed, 0))
				went := 0
				for range 400 {
					went += g.something(r, limits)
				}
				t.Logf("seed %d: %d requests were sent, %d instances lived", seed, went, len(g.dead)+len(g.hubs))
				if went < 200 {
					t.Errorf("only %d requests were sent: the test shows little", went)
				}
			})
		})
	}
}

// something happens.
func (g *ground) something(r *rand.Rand, limits map[string]wire.Limit) (went int) {
	moment := func() time.Duration { return time.Duration(r.Int64N(int64(3 * time.Second))) }
	any := func() *hub { return g.hubs[r.IntN(len(g.hubs))] }
	switch n := r.IntN(40); {
	case len(g.hubs) == 0, n == 0 && len(g.hubs) < 5:
		g.join(time.Duration(r.Int64N(int64(skew))) - skew/2)
	case n == 1:
		g.leave(any())
	case n == 2:
		if r.IntN(2) == 0 {
			g.restart(any())
		} else {
			g.crash(any())
		}
	case n == 3:
		h := any()
		h.stall = g.now.Add(time.Duration(r.Int64N(int64(time.Minute))))
		h.answered(g.now.Add(grace / 2)) // what a stopped machine sent ends by itself
	case n == 4:
		g.pass(time.Duration(r.Int64N(int64(time.Minute))))
	case n == 5 && r.IntN(4) == 0:
		g.jump(time.Duration(r.Int64N(int64(12 * time.Hour))))
	case n < 12:
		g.pass(moment())
	default:
		h := any()
		if g.now.Before(h.stall) {
			return 0
		}
		classes := []string{"mailbox", "app", "reports", "policy", "single", "scores", "day"}
		class := classes[r.IntN(len(classes))]
		for range 1 + r.IntN(12) {
			cost, slots, takes := 1, 1, moment()
			if r.IntN(8) == 0 {
				cost, slots = 1+r.IntN(5), 1+r.IntN(4)
			}
			if r.IntN(10) == 0 {
				takes = time.Duration(r.Int64N(int64(40 * time.Second)))
			}
			if limits[class].Concurrent == 1 {
				slots = 1
			}
			if h.try(wire.Key{Class: class}, limits[class], cost, slots, takes) {
				went++
			}
			g.check()
		}
	}
	return went
}

// passed is how many changes of parts the database has seen.
func (g *ground) passed() (n int) {
	g.t.Helper()
	if err := g.store.Reader().QueryRowContext(g.t.Context(), "select coalesce(sum(passed), 0) from connection_gate").Scan(&n); err != nil {
		g.t.Fatal(err)
	}
	return n
}

func TestAnInstanceAloneHasEverythingAlmostForNothing(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		h := g.join(0)
		if g.passed() != 0 {
			t.Error("an instance that needs no budget wrote something")
		}
		for i := range 200 {
			box := wire.Key{Class: "outlook", Part: fmt.Sprint(i)}
			if h.burst(box, mailboxLimit, 2, time.Second) != 2 || h.burst(wire.Key{Class: "app"}, wire.Limit{Requests: 1000, Window: 10 * time.Second}, 2, time.Second) != 2 {
				t.Fatal("an instance alone had to wait")
			}
		}
		g.pass(30 * time.Second)
		if n := g.passed(); n != 1 {
			t.Errorf("%d writes for 200 mailboxes, want the arrival alone", n)
		}
		if n := h.burst(mailbox, mailboxLimit, 10, 20*time.Second); n != 4 {
			t.Errorf("%d places, want all 4", n)
		}
		g.pass(30 * time.Second)
		if n := h.burst(mailbox, mailboxLimit, 1000, 0); n != 96 {
			t.Errorf("%d requests after the first 4, want all that the window has", n)
		}
		if n := g.passed(); n > 12 { // some of them while requests were under way for long
			t.Errorf("%d writes in all", n)
		}
	})
}

func TestABusyMailboxNeedsARowInTwoMinutes(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		limit := wire.Limit{Requests: 10_000, Window: 10 * time.Minute, Concurrent: 4}
		h := g.join(0)
		went := 0
		for range 4 * 110 {
			for i := range 5 {
				went += h.burst(wire.Key{Class: "outlook", Part: fmt.Sprint(i)}, limit, 6, 400*time.Millisecond)
			}
			g.pass(250 * time.Millisecond)
		}
		t.Logf("%d requests, %d writes", went, g.passed())
		if n := g.passed(); n > 1+5 || went < 4000 {
			t.Errorf("%d writes for %d requests to five mailboxes in 110 s, want the arrival and one each", n, went)
		}
	})
}

func TestWhoComesSecondHasItsPartAtOnceAndThenTheHalf(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		first, second := g.join(0), g.join(0)
		if first.burst(mailbox, mailboxLimit, 2, time.Second) != 2 {
			t.Fatal("the first had to wait")
		}
		if n := second.burst(mailbox, mailboxLimit, 2, time.Second); n != 2 {
			t.Errorf("the second had %d of 2 places at once", n)
		}
		g.pass(10 * time.Second)
		for range 5 { // both want more than they can have
			first.burst(mailbox, mailboxLimit, 4, 500*time.Millisecond)
			second.burst(mailbox, mailboxLimit, 4, 500*time.Millisecond)
			g.pass(3 * time.Second)
		}
		if a, b := first.burst(mailbox, mailboxLimit, 4, 500*time.Millisecond), second.burst(mailbox, mailboxLimit, 4, 500*time.Millisecond); a != 2 || b != 2 {
			t.Errorf("places %d and %d, want 2 and 2", a, b)
		}
		g.pass(15 * time.Second)
		other := wire.Key{Class: "outlook", Part: "another"}
		if n := first.burst(other, mailboxLimit, 4, time.Second); n != 4 {
			t.Errorf("%d places of a mailbox that nobody else needs, want 4", n)
		}
		start := *g.now
		for !second.try(other, mailboxLimit, 1, 1, time.Second) && g.now.Sub(start) < time.Minute {
			first.burst(other, mailboxLimit, 4, time.Second)
			g.pass(250 * time.Millisecond)
		}
		if waited := g.now.Sub(start); waited > 8*time.Second {
			t.Errorf("who needs it as well waited %v", waited)
		}
	})
}

func TestOnePlaceGoesRound(t *testing.T) {
	one := wire.Limit{Requests: 1, Window: time.Second}
	place := wire.Limit{Concurrent: 1}
	for name, limit := range map[string]wire.Limit{"one request a second": one, "one at a time": place} {
		t.Run(name, func(t *testing.T) {
			onBothDatabases(t, func(t *testing.T, g *ground) {
				k := wire.Key{Class: "one"}
				hubs := []*hub{g.join(0), g.join(0), g.join(0)}
				went, last, longest := map[*hub]int{}, map[*hub]time.Time{}, time.Duration(0)
				for _, h := range hubs {
					last[h] = *g.now
				}
				for range 400 {
					for _, h := range hubs {
						if h.try(k, limit, 1, 1, 300*time.Millisecond) {
							went[h]++
							longest, last[h] = max(longest, g.now.Sub(last[h])), *g.now
						}
					}
					g.pass(250 * time.Millisecond)
				}
				t.Logf("in 100 s: %d, %d and %d requests; the longest wait was %v", went[hubs[0]], went[hubs[1]], went[hubs[2]], longest)
				for _, h := range hubs {
					if went[h] < 8 {
						t.Errorf("one instance was served %d times", went[h])
					}
				}
				if longest > 30*time.Second { // a person's patience
					t.Errorf("one instance waited %v", longest)
				}
			})
		})
	}
}

func TestARequestLargerThanAShareGetsItsTurn(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		small, batch := g.join(0), g.join(0)
		done := time.Time{}
		for start := *g.now; done.IsZero() && g.now.Sub(start) < 40*time.Second; g.pass(250 * time.Millisecond) {
			small.burst(mailbox, wire.Limit{Concurrent: 4}, 4, 200*time.Millisecond)
			if batch.try(mailbox, wire.Limit{Concurrent: 4}, 1, 4, 200*time.Millisecond) {
				done = *g.now
			}
		}
		if done.IsZero() {
			t.Error("a batch that needs all four places never got them")
		}
	})
}

func TestWhatACrashLeavesBehind(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		h := g.join(0)
		h.burst(mailbox, mailboxLimit, 1, time.Second)
		for crash := range 4 {
			g.crash(h)
			h = g.join(0)
			if n := h.burst(mailbox, mailboxLimit, 3, 0); n != 3 {
				t.Fatalf("after %d crashes only %d requests are left at once", crash+1, n)
			}
			g.pass(presence + grace + skew + time.Second)
		}
		if n := h.burst(mailbox, mailboxLimit, 1000, 0); n == 100 {
			t.Error("what the dead may have used does not count")
		}
		g.pass(mailboxLimit.Window + time.Minute)
		if n := h.burst(mailbox, mailboxLimit, 1000, 0); n != 100 {
			t.Errorf("%d requests a window later, want all", n)
		}
	})
}

// A hub that is killed and started again does not wait for its former self to be taken for dead.
func TestARestartedInstanceSucceedsItself(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		h := g.join(0)
		h.burst(mailbox, mailboxLimit, 4, time.Second)
		h = g.restart(h)
		g.pass(lastWords + skew + lookEvery)
		if n := h.burst(mailbox, mailboxLimit, 4, time.Second); n != 4 {
			t.Errorf("%d requests at the same time, want all 4", n)
		}
	})
}

// A hub that is killed every minute keeps working: no restart takes all that is left.
func TestManyRestartsLeaveSomething(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		outlook := wire.Limit{Requests: 10_000, Window: 10 * time.Minute, Concurrent: 4}
		h := g.join(0)
		for restart := range 9 {
			if n := h.burst(mailbox, outlook, 4, time.Second); n == 0 {
				t.Fatalf("after %d restarts nothing is left", restart)
			}
			g.pass(time.Second)
			h = g.restart(h)
			h.burst(mailbox, outlook, 4, time.Second) // while its former self may still be answered
			g.pass(time.Minute)
		}
	})
}

func TestTheDeadHaveUsedAllTheyCould(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		for range 5 {
			h := g.join(0)
			h.burst(mailbox, mailboxLimit, 1000, 0)
			g.pass(time.Second)
			h.burst(mailbox, mailboxLimit, 1000, 0)
			g.crash(h)
			g.pass(presence + grace + skew + time.Second)
		}
	})
}

// A hub that is killed many times in a day keeps working with the limits of a day.
func TestManyCrashesLeaveMostOfADay(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		day, k := wire.Limit{Requests: 1_200_000, Window: 24 * time.Hour}, wire.Key{Class: "day"}
		for range 10 {
			h := g.join(0)
			h.burst(k, day, 10, 0)
			g.pass(30 * time.Second)
			g.crash(h)
		}
		h := g.join(0)
		if !h.try(k, day, 20_000, 1, 0) {
			t.Error("ten crashes took a day's limit away")
		}
	})
}

func TestWhoLeavesLeavesAllButWhatItUsed(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		for range 20 { // commands, one after the other
			h := g.join(0)
			if h.burst(mailbox, mailboxLimit, 2, 0) != 2 {
				t.Fatal("a command had to wait")
			}
			g.leave(h)
			g.pass(time.Second)
		}
		var rows int
		if err := g.store.Reader().QueryRowContext(t.Context(), "select count(*) from connection_slice").Scan(&rows); err != nil || rows > 9 {
			t.Errorf("%d rows for one budget (%v)", rows, err)
		}
		h := g.join(0)
		if n := h.burst(mailbox, mailboxLimit, 1000, 0); n != 60 {
			t.Errorf("%d requests, want the 60 that the commands left", n)
		}
	})
}

// A machine that stood still finds its parts gone.
func TestWhoSleptBeginsAnew(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, g *ground) {
		sleeper := g.join(0)
		if n := sleeper.burst(mailbox, mailboxLimit, 4, time.Second); n != 4 {
			t.Fatalf("%d places, want 4", n)
		}
		sleeper.stall = g.now.Add(40 * time.Second)
		g.pass(35 * time.Second)
		other := g.join(0)
		if n := other.burst(mailbox, mailboxLimit, 4, 10*time.Second); n != 4 {
			t.Errorf("%d places beside a sleeper, want 4", n)
		}
		sleeper.burst(mailbox, mailboxLimit, 4, 10*time.Second)
		g.check()
	})
}
