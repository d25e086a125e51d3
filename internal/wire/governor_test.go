package wire_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

var realClock = clock.Real{}

// server counts as Microsoft might: concurrency, a sliding window, and fixed windows that begin at any phase.
type server struct {
	limit    wire.Limit
	latency  func() time.Duration
	mu       sync.Mutex
	arrivals map[string][]time.Time
	inside   map[string]int
	refused  int
}

func newServer(limit wire.Limit, latency func() time.Duration) *server {
	return &server{limit: limit, latency: latency, arrivals: map[string][]time.Time{}, inside: map[string]int{}}
}

// serve takes the request after a random part of the latency, and answers after the rest.
func (s *server) serve(mailbox string, cost int) {
	total := s.latency()
	there := time.Duration(rand.Int64N(int64(total) + 1))
	time.Sleep(there)
	s.mu.Lock()
	now := time.Now()
	for range cost {
		s.arrivals[mailbox] = append(s.arrivals[mailbox], now)
	}
	s.inside[mailbox]++
	if s.limit.Concurrent > 0 && s.inside[mailbox] > s.limit.Concurrent {
		s.refused++
	}
	s.mu.Unlock()
	time.Sleep(total - there)
	s.mu.Lock()
	s.inside[mailbox]--
	s.mu.Unlock()
}

// overruns counts arrivals beyond the limit in any window: sliding ones contain every fixed one.
func (s *server) overruns() int {
	n := s.refused
	for _, at := range s.arrivals {
		for i := s.limit.Requests; i < len(at); i++ {
			if at[i].Sub(at[i-s.limit.Requests]) < s.limit.Window {
				n++
			}
		}
	}
	return n
}

func key(tenant, mailbox string) wire.Key {
	return wire.Key{Class: "outlook", Tenant: tenant, App: "app", Part: mailbox}
}

func TestManyMailboxesUnderScaledLimits(t *testing.T) {
	limit := wire.Limit{Requests: 50, Window: 10 * time.Second, Concurrent: 4}
	tests := []struct {
		name    string
		latency func() time.Duration
		budget  float64 // of the bound
	}{
		{"steady network", func() time.Duration { return 20 * time.Millisecond }, 1.05},
		{"jitter of 200 ms", func() time.Duration {
			return 10*time.Millisecond + time.Duration(rand.Int64N(int64(200*time.Millisecond)))
		}, 1.10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const mailboxes, pages = 40, 220
				srv := newServer(limit, test.latency)
				g := wire.NewGovernor(realClock, wire.Limits{"outlook": limit}, nil)
				start := time.Now()
				var wg sync.WaitGroup
				for m := range mailboxes {
					box := fmt.Sprint("m", m)
					next := make(chan int, pages)
					for i := range pages {
						next <- i
					}
					close(next)
					for range 6 { // more workers than places
						wg.Go(func() {
							for range next {
								p, err := g.Acquire(t.Context(), wire.Backfill, []wire.Charge{{Key: key("t", box)}})
								if err != nil {
									t.Error(err)
									return
								}
								srv.serve(box, 1)
								p.Done()
							}
						})
					}
				}
				wg.Wait()
				took := time.Since(start)
				windows := (pages - 1) / limit.Requests
				rest := pages - windows*limit.Requests
				bound := time.Duration(windows)*limit.Window + time.Duration((rest+3)/4)*20*time.Millisecond
				t.Logf("bound %v, took %v (%.3f), 429 caused: %d", bound, took, float64(took)/float64(bound), srv.overruns())
				if n := srv.overruns(); n != 0 {
					t.Errorf("%d requests over Microsoft's limit", n)
				}
				if float64(took) > test.budget*float64(bound) {
					t.Errorf("took %v, bound %v", took, bound)
				}
			})
		})
	}
}

// Jobs that are told to come again have turns of their own: few come in vain, and the pace is kept, also where they are late.
func TestWhoIsPutOffHasATurn(t *testing.T) {
	limit := wire.Limit{Requests: 48, Window: 10 * time.Minute, Concurrent: 4}
	for _, tt := range []struct {
		name   string
		late   time.Duration // by how much all of them come later than told, once
		budget float64
	}{
		{"they come when they were told to", 0, 1.01},
		{"a machine that slept", 45 * time.Second, 1.03},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const jobs = 220
				srv := newServer(limit, func() time.Duration { return 20 * time.Millisecond })
				g := wire.NewGovernor(realClock, wire.Limits{"outlook": limit}, nil)
				start := time.Now()
				var vain, asked atomic.Int64
				var all sync.WaitGroup
				for range jobs {
					all.Go(func() {
						for {
							p, err := g.Acquire(t.Context(), wire.Dispatch, []wire.Charge{{Key: key("t", "m")}})
							if err == nil {
								srv.serve("m", 1)
								p.Done()
								return
							}
							wait := fault.As(err).RetryAfter
							if asked.Add(1) <= jobs && time.Since(start) < limit.Window {
								wait += tt.late
							}
							vain.Add(1)
							time.Sleep(wait)
						}
					})
				}
				all.Wait()
				bound := time.Duration((jobs-1)/limit.Requests) * limit.Window
				took := time.Since(start)
				t.Logf("bound %v, took %v (%.3f), %d came in vain, 429 caused: %d", bound, took, float64(took)/float64(bound), vain.Load(), srv.overruns())
				if n := srv.overruns(); n != 0 {
					t.Errorf("%d requests beyond the limit", n)
				}
				if got := float64(took) / float64(bound); got > tt.budget {
					t.Errorf("%.3f of the bound", got)
				}
				if n := int(vain.Load()); n != jobs-limit.Requests {
					t.Errorf("of %d jobs %d were told to come later: each but the first %d, once", jobs, n, limit.Requests)
				}
			})
		})
	}
}

func TestLargeLimitKeepsItsPaceInSmallMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := wire.Limit{Requests: 10_000, Window: 10 * time.Minute, Concurrent: 4}
		srv := newServer(limit, func() time.Duration { return 100 * time.Millisecond })
		g := wire.NewGovernor(realClock, wire.Limits{"outlook": limit}, nil)
		start := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 25_000 / 4 {
					p, err := g.Acquire(t.Context(), wire.Interactive, []wire.Charge{{Key: key("t", "m")}})
					if f := fault.As(err); err != nil && f.Code == "budget_spent" {
						time.Sleep(f.RetryAfter)
						p, err = g.Acquire(t.Context(), wire.Interactive, []wire.Charge{{Key: key("t", "m")}})
					}
					if err != nil {
						t.Error(err)
						return
					}
					srv.serve("m", 1)
					p.Done()
				}
			})
		}
		wg.Wait()
		took, bound := time.Since(start), 20*time.Minute+5000/4*100*time.Millisecond
		t.Logf("bound %v, took %v, 429 caused: %d", bound, took, srv.overruns())
		if float64(took) > 1.05*float64(bound) || srv.overruns() > 0 {
			t.Errorf("took %v, bound %v, overruns %d", took, bound, srv.overruns())
		}
	})
}

func TestPeopleGoFirstAndNobodyStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := wire.NewGovernor(realClock, wire.Limits{"app": {Requests: 10, Window: time.Second}}, nil)
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		ask := func(tenant string, p wire.Priority) {
			wg.Go(func() {
				permit, err := g.Acquire(t.Context(), p, []wire.Charge{{Key: wire.Key{Class: "app", App: "app"}}, {Key: wire.Key{Class: "none", Tenant: tenant}}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, fmt.Sprintf("%s%d", tenant, p))
				mu.Unlock()
				permit.Done()
			})
			synctest.Wait()
		}
		for range 10 {
			ask("first", wire.Dispatch) // spends the window
		}
		for range 30 {
			ask("greedy", wire.Backfill)
		}
		for range 5 {
			ask("small", wire.Backfill)
		}
		ask("person", wire.Interactive)
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		mu.Lock()
		window := order[10:]
		small := 0
		for _, who := range window {
			if who == "small3" {
				small++
			}
		}
		mu.Unlock()
		if !slices.Contains(window[:min(10, len(window))], "person1") {
			t.Errorf("the person is not among the first of the window: %v", window)
		}
		if small < 4 {
			t.Errorf("the small tenant got %d of %v, want a fair half", small, window)
		}
		wg.Wait()
	})
}

func TestBackfillMovesUnderSteadyDispatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := wire.NewGovernor(realClock, wire.Limits{"c": {Concurrent: 1}}, nil)
		k := []wire.Charge{{Key: wire.Key{Class: "c"}}}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					p, err := g.Acquire(ctx, wire.Dispatch, k)
					if err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
					p.Done()
				}
			})
		}
		time.Sleep(time.Millisecond)
		start := time.Now()
		p, err := g.Acquire(t.Context(), wire.Backfill, k)
		if err != nil {
			t.Fatal(err)
		}
		p.Done()
		if waited := time.Since(start); waited > 200*time.Millisecond {
			t.Errorf("backfill waited %v", waited)
		}
		stop()
		wg.Wait()
	})
}

func TestRetryAfterHoldsForAllWhoShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := wire.NewGovernor(realClock, wire.Limits{"outlook": {Requests: 100, Window: time.Minute, Concurrent: 4}}, nil)
		g.Block(key("t", "a"), 7*time.Second)
		g.Block(key("t", "a"), time.Second) // a shorter one does not shorten it
		start := time.Now()
		p, err := g.Acquire(t.Context(), wire.Dispatch, []wire.Charge{{Key: key("t", "b")}})
		if err != nil || time.Since(start) != 0 {
			t.Fatalf("another mailbox waited %v: %v", time.Since(start), err)
		}
		p.Done()
		if r := g.Remaining(key("t", "a")); !r.BlockedUntil.Equal(start.Add(7*time.Second)) || r.Left != 0 {
			t.Errorf("remaining = %+v", r)
		}
		p, err = g.Acquire(t.Context(), wire.Dispatch, []wire.Charge{{Key: key("t", "a")}})
		if err != nil || time.Since(start) != 7*time.Second {
			t.Fatalf("waited %v, want 7s: %v", time.Since(start), err)
		}
		p.Done()
		g.Block(key("t", "a"), time.Hour)
		if _, err := g.Acquire(t.Context(), wire.Interactive, []wire.Charge{{Key: key("t", "a")}}); fault.KindOf(err) != fault.Throttled || fault.As(err).RetryAfter != time.Hour {
			t.Errorf("a person is told at once: %v", err)
		}
	})
}

func TestGivenUpWaitersLeaveNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := wire.NewGovernor(realClock, wire.Limits{"c": {Requests: 1, Window: time.Minute, Concurrent: 1}}, nil)
		k := wire.Key{Class: "c"}
		first, err := g.Acquire(t.Context(), wire.Dispatch, []wire.Charge{{Key: k}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Acquire(ctx, wire.Dispatch, []wire.Charge{{Key: k}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("err = %v", err)
		}
		if r := g.Remaining(k); r.Waiting != 0 || r.InFlight != 1 {
			t.Errorf("remaining = %+v", r)
		}
		first.Unused()
		if r := g.Remaining(k); r.Used != 0 || r.Left != 1 {
			t.Errorf("an unsent request counts: %+v", r)
		}
	})
}

func TestBatchCountsItsParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := wire.NewGovernor(realClock, wire.Limits{"c": {Requests: 20, Window: time.Second, Concurrent: 4}}, nil)
		k := wire.Key{Class: "c"}
		p, err := g.Acquire(t.Context(), wire.Interactive, []wire.Charge{{Key: k, Cost: 20, Slots: 4}})
		if err != nil {
			t.Fatal(err)
		}
		if r := g.Remaining(k); r.Left != 0 || r.InFlight != 4 {
			t.Errorf("remaining = %+v", r)
		}
		p.Done()
		start := time.Now()
		if at := g.Forecast(k, 41); at.Sub(start) < 3*time.Second || at.Sub(start) > 3100*time.Millisecond {
			t.Errorf("41 more are done in %v, want 3s: the window now is spent, then two and a bit", at.Sub(start))
		}
	})
}

// leaser answers as it is told, and remembers what it was asked.
type leaser struct {
	mu     sync.Mutex
	asked  []wire.Ask
	answer func(wire.Ask) (wire.Slice, error)
	takes  time.Duration
}

func (l *leaser) Lease(_ context.Context, a wire.Ask) (wire.Slice, error) {
	time.Sleep(l.takes)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, a)
	return l.answer(a)
}

func TestInstancesShareByLeasedSlices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaser{answer: func(a wire.Ask) (wire.Slice, error) {
			a.Whole.Requests /= 2
			return wire.Slice{Limit: a.Whole, Until: time.Now().Add(5 * time.Second)}, nil
		}}
		g := wire.NewGovernor(realClock, wire.Limits{"c": {Requests: 10, Window: time.Second}}, l)
		start := time.Now()
		for range 55 {
			p, err := g.Acquire(t.Context(), wire.Dispatch, []wire.Charge{{Key: wire.Key{Class: "c"}}, {Key: wire.Key{Class: "unbounded"}}})
			if err != nil {
				t.Fatal(err)
			}
			p.Done()
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %v, want 10s at five a second", took)
		}
		if len(l.asked) > 4 {
			t.Errorf("asked %d times for 55 requests", len(l.asked))
		}
	})
}

// A slice that is asked for under pressure suffices for whoever waits, with what is kept from their priority: else they would ask again at
// once, and again.
func TestASliceThatIsAskedForSuffices(t *testing.T) {
	for _, p := range []wire.Priority{wire.Interactive, wire.Dispatch, wire.Backfill} {
		t.Run(fmt.Sprint("priority ", p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &leaser{}
				l.answer = func(a wire.Ask) (wire.Slice, error) {
					if len(l.asked) > 10_000 {
						return wire.Slice{}, errors.New("asked without end")
					}
					if a.Cost < 1 || a.Slots < 1 || a.Cost > 10 || a.Slots > 2 {
						t.Errorf("%d in use, asked for %d more and %d places", a.Used, a.Cost, a.Slots)
					}
					a.Whole.Requests, a.Whole.Concurrent = min(a.Whole.Requests, a.Used+a.Cost), min(a.Whole.Concurrent, a.InFlight+a.Slots)
					return wire.Slice{Limit: a.Whole, Until: time.Now().Add(time.Minute), More: time.Now()}, nil
				}
				g := wire.NewGovernor(realClock, wire.Limits{"c": {Requests: 500, Window: time.Hour, Concurrent: 8}}, l)
				var held []*wire.Permit
				for n := range 490 {
					one, err := g.Acquire(t.Context(), p, []wire.Charge{{Key: wire.Key{Class: "c"}}})
					if err != nil {
						t.Fatalf("request %d: %v", n, err)
					}
					if held = append(held, one); len(held) == 7 { // the most that a backfill has of eight places
						for _, h := range held {
							h.Done()
						}
						held = nil
					}
				}
				if n := len(l.asked); n > 490 {
					t.Errorf("asked %d times for 490 requests", n)
				}
			})
		})
	}
}

// What the leaser was told of a budget stays true until it has answered, and a hundred who wait ask once.
func TestNothingIsGrantedWhileASliceIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaser{takes: 100 * time.Millisecond}
		g := wire.NewGovernor(realClock, wire.Limits{"c": {Concurrent: 8}}, l)
		k := wire.Key{Class: "c"}
		l.answer = func(a wire.Ask) (wire.Slice, error) {
			if now := g.Remaining(k).InFlight; now > a.InFlight {
				t.Errorf("%d are under way, the leaser was told of %d", now, a.InFlight)
			}
			s := wire.Slice{Limit: a.Whole, Until: time.Now().Add(time.Second)}
			if s.Limit.Concurrent = 2; a.Pressed {
				s.Limit.Concurrent = 4
			} else {
				s.More = time.Now()
			}
			return s, nil
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				p, err := g.Acquire(t.Context(), wire.Dispatch, []wire.Charge{{Key: k}})
				if err != nil {
					t.Error(err)
					return
				}
				if n := g.Remaining(k).InFlight; n > 4 {
					t.Errorf("%d are under way, the slice has 4", n)
				}
				time.Sleep(50 * time.Millisecond)
				p.Done()
			})
		}
		wg.Wait()
		if n := len(l.asked); n > 6 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestSlices(t *testing.T) {
	limit := wire.Limit{Requests: 100, Window: time.Minute, Concurrent: 4}
	tests := []struct {
		name     string
		slice    func(wire.Ask) wire.Slice
		priority wire.Priority
		slots    int
		wait     time.Duration
		code     string
		asked    int
	}{
		{"closed for three seconds", func(a wire.Ask) wire.Slice {
			if time.Since(epoch) < 3*time.Second {
				return wire.Slice{Closed: true, Until: time.Now().Add(time.Second), More: time.Now().Add(time.Second)}
			}
			return wire.Slice{Limit: a.Whole}
		}, wire.Interactive, 1, 3 * time.Second, "", 4},
		{"closed for ever, and a person waits", func(wire.Ask) wire.Slice {
			return wire.Slice{Closed: true, Until: time.Now().Add(time.Second), More: time.Now().Add(time.Second)}
		}, wire.Interactive, 1, 31 * time.Second, "budget_spent", 32},
		{"closed for a known hour, and a person waits", func(wire.Ask) wire.Slice {
			return wire.Slice{Closed: true, Until: time.Now().Add(time.Second), More: time.Now().Add(time.Second), Reopens: epoch.Add(time.Hour)}
		}, wire.Interactive, 1, 0, "budget_spent", 1},
		{"a batch larger than the slice asks for what it needs", func(a wire.Ask) wire.Slice {
			s := wire.Slice{Limit: a.Whole, Until: time.Now().Add(time.Minute), More: time.Now().Add(time.Second)}
			if s.Limit.Concurrent = 2; a.Pressed {
				s.Limit.Concurrent = a.Slots
			}
			return s
		}, wire.Dispatch, 4, time.Second, "", 2},
		{"a larger slice is not asked for where it is no help", func(a wire.Ask) wire.Slice {
			s := wire.Slice{Limit: a.Whole, More: epoch}
			s.Limit.Requests = 50
			return s
		}, wire.Dispatch, 4, 0, "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &leaser{answer: func(a wire.Ask) (wire.Slice, error) { return test.slice(a), nil }}
				g := wire.NewGovernor(realClock, wire.Limits{"c": limit}, l)
				p, err := g.Acquire(t.Context(), test.priority, []wire.Charge{{Key: wire.Key{Class: "c"}, Slots: test.slots}})
				if waited := time.Since(epoch); fault.CodeOf(err) != test.code || waited != test.wait {
					t.Errorf("got %v after %v, want %q after %v", err, waited, test.code, test.wait)
				}
				if err == nil { // the next finds the places taken
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					defer cancel()
					if test.slots == 4 {
						_, _ = g.Acquire(ctx, wire.Dispatch, []wire.Charge{{Key: wire.Key{Class: "c"}}})
					}
					p.Done()
				}
				if len(l.asked) != test.asked {
					t.Errorf("asked %d times, want %d", len(l.asked), test.asked)
				}
			})
		})
	}
}

// epoch is when synctest's clock begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestALeaserThatFailsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &leaser{answer: func(wire.Ask) (wire.Slice, error) { return wire.Slice{}, errors.New("no database") }}
		g := wire.NewGovernor(realClock, wire.Limits{"c": {Concurrent: 4}}, l)
		for range 2 {
			if _, err := g.Acquire(t.Context(), wire.Interactive, []wire.Charge{{Key: wire.Key{Class: "c"}}}); err == nil || err.Error() != "no database" {
				t.Errorf("err = %v", err)
			}
		}
		l.answer = func(a wire.Ask) (wire.Slice, error) { return wire.Slice{Limit: a.Whole}, nil }
		if _, err := g.Acquire(t.Context(), wire.Interactive, []wire.Charge{{Key: wire.Key{Class: "c"}}}); err != nil || len(l.asked) != 3 {
			t.Errorf("asked %d times, %v", len(l.asked), err)
		}
	})
}

func TestIdleBudgetsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := wire.NewGovernor(realClock, wire.Limits{"outlook": {Requests: 10, Window: time.Second}}, nil)
		for i := range 10_000 {
			p, err := g.Acquire(t.Context(), wire.Backfill, []wire.Charge{{Key: key("t", fmt.Sprint(i))}})
			if err != nil {
				t.Fatal(err)
			}
			p.Done()
			time.Sleep(10 * time.Millisecond)
		}
		if n := wire.Budgets(g); n > 1000 {
			t.Errorf("%d budgets are kept, about a hundred are in use", n)
		}
	})
}

// A request that waits for one budget must find its others as they are when its turn comes.
func TestBudgetsOfWaitingRequestsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := wire.NewGovernor(realClock, wire.Limits{"app": {Requests: 1, Window: time.Second}, "outlook": {Concurrent: 1}}, nil)
		charges := func(box string) []wire.Charge {
			return []wire.Charge{{Key: wire.Key{Class: "app"}}, {Key: key("t", box)}}
		}
		first, err := g.Acquire(t.Context(), wire.Dispatch, charges("first"))
		if err != nil {
			t.Fatal(err)
		}
		first.Done()
		var wg sync.WaitGroup
		var mu sync.Mutex
		under := 0
		for range 3 {
			wg.Go(func() {
				p, err := g.Acquire(t.Context(), wire.Dispatch, charges("waited for"))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if under++; under > 1 {
					t.Errorf("%d requests at the same time, one is allowed", under)
				}
				mu.Unlock()
				time.Sleep(5 * time.Second)
				mu.Lock()
				under--
				mu.Unlock()
				p.Done()
			})
			for i := range 100 { // what makes the governor look for idle budgets
				if p, err := g.Acquire(t.Context(), wire.Dispatch, []wire.Charge{{Key: key("t", fmt.Sprint(i))}}); err == nil {
					p.Unused()
				}
			}
		}
		wg.Wait()
	})
}
