package wire

import (
	"context"
	"math"
	"sync"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
)

// Priority orders the requests that wait for one budget.
type Priority uint8

// The priorities. No zero: an unset one is taken from the context, else it is Dispatch.
const (
	_           Priority = iota
	Interactive          // a person waits
	Dispatch             // a promise with a time
	Backfill             // everything that may take hours
)

// Patience is how long a request of the priority may wait for a known time before it is told to come back later:
// a person is told, a job is put off to its due column, as its worker has others to do, and a backfill has all the time there is.
func (p Priority) Patience() time.Duration {
	if p == Backfill {
		return math.MaxInt64
	}
	return 30 * time.Second
}

// Key names one budget. An empty part means "all together": the budget of an app over all tenants has no Tenant.
type Key struct {
	Class  string // names the limit in the table: "outlook"
	Tenant string
	App    string
	Part   string // mailbox or report
}

// Limit is what Microsoft allows under one key. Zero fields do not bound.
type Limit struct {
	Requests   int           // at most this cost in any Window
	Window     time.Duration // length of the window
	Concurrent int           // at most this many at the same time
}

// Limits holds the limit of each class; a class without one is not bounded.
type Limits map[string]Limit

// Scale multiplies the request counts, for tests and benchmarks; windows and concurrency stay.
func (l Limits) Scale(factor float64) Limits {
	scaled := make(Limits, len(l))
	for class, limit := range l {
		if limit.Requests > 0 {
			limit.Requests = max(1, int(float64(limit.Requests)*factor))
		}
		scaled[class] = limit
	}
	return scaled
}

// Charge is what a request takes from one budget.
type Charge struct {
	Key   Key
	Cost  int // requests or resource units in the window; zero counts as one
	Slots int // concurrent places; zero counts as one, a batch takes several
}

// Governor shares Microsoft's request budgets among all that spend them, so that we are never the reason of a 429.
//
// Microsoft counts a request at some moment between our sending it and our reading the answer, in windows we do not see.
// So a request counts from before it is sent until a full window after its answer arrived: then no window of that length,
// wherever it starts and however the network delays, holds more than the limit.
type Governor struct {
	clock  clock.Clock
	limits Limits
	leaser SliceLeaser

	mu      sync.Mutex
	budgets map[Key]*budget
	fresh   int // budgets made since idle ones were last looked for
	alarms  alarms
	pumping bool
	nudge   chan struct{}
}

// NewGovernor makes a governor for one process. A nil leaser means that no other instance spends the same budgets.
func NewGovernor(c clock.Clock, limits Limits, leaser SliceLeaser) *Governor {
	return &Governor{clock: c, limits: limits, leaser: leaser, budgets: map[Key]*budget{}, nudge: make(chan struct{}, 1)}
}

// Permit is the right to send one request. Exactly one of Done and Unused ends it; further calls do nothing.
type Permit struct {
	g       *Governor
	taken   []taken
	granted time.Time
	ended   bool
}

type taken struct {
	b           *budget
	cost, slots int
}

// Acquire waits until every charge fits its budget. It fails with a Throttled fault
// at once when the wait is known to be longer than the priority's patience.
func (g *Governor) Acquire(ctx context.Context, p Priority, charges []Charge) (*Permit, error) {
	w := g.enter(p, charges)
	select {
	case <-w.ready:
		return w.permit, w.err
	case <-ctx.Done():
		g.leave(w)
		return nil, interrupted(ctx)
	}
}

// enter grants or refuses at once, or queues.
func (g *Governor) enter(p Priority, charges []Charge) *waiter {
	if p == 0 {
		p = Dispatch
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.forgetIdle() // last: the budgets of this request are in use by then
	now := g.clock.Now()
	w := &waiter{priority: p, since: now, ready: make(chan struct{}), want: make([]taken, 0, len(charges))}
	for _, c := range charges {
		b := g.budget(c.Key)
		b.claims++
		w.want = append(w.want, taken{b: b, cost: max(1, c.Cost), slots: max(1, c.Slots)})
		if c.Key.Tenant != "" {
			w.tenant = c.Key.Tenant
		}
	}
	for _, t := range w.want {
		if !t.b.queue.empty() { // no overtaking: let the queue decide who is next
			g.wait(w, t.b, time.Time{}, now)
			g.dispatch(t.b, now)
			return w
		}
	}
	b, when := w.obstacle(now)
	if b == nil {
		g.grant(w, now)
		return w
	}
	if w.outlasted(b, when, now) {
		w.fail(b.putOff(w, when, now))
		return w
	}
	g.wait(w, b, when, now)
	return w
}

// wait queues w behind b. A known time sets the alarm.
func (g *Governor) wait(w *waiter, b *budget, when, now time.Time) {
	w.at = b
	b.queue.push(w)
	g.arm(b, when, now)
}

func (g *Governor) leave(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.permit != nil {
		g.end(w.permit, false)
		return
	}
	if w.at != nil {
		b := w.at
		b.queue.remove(w)
		w.fail(nil)
		g.dispatch(b, g.clock.Now())
	}
}

func (g *Governor) grant(w *waiter, now time.Time) {
	for _, t := range w.want {
		t.b.inFlight += t.slots
		t.b.flying += t.cost
	}
	w.at = nil
	w.permit = &Permit{g: g, taken: w.want, granted: now}
	close(w.ready)
}

// dispatch grants what fits b, best first, and moves on those whom another budget holds up.
func (g *Governor) dispatch(b *budget, now time.Time) {
	for !b.queue.empty() {
		w := b.queue.best()
		if old := b.queue.oldest(); b.grants%agingEvery == agingEvery-1 && old != w {
			if obstacle, _ := old.obstacle(now); obstacle == nil {
				w = old
			}
		}
		obstacle, when := w.obstacle(now)
		// It came while answers were awaited, and they left no room.
		outlasted := obstacle == b && !b.asking && !b.askNow(w, now) && w.outlasted(b, when, now)
		if obstacle == b && !outlasted {
			g.arm(b, when, now)
			return
		}
		b.queue.remove(w)
		if outlasted {
			w.fail(b.putOff(w, when, now))
			continue
		}
		if obstacle != nil {
			g.wait(w, obstacle, when, now)
			continue
		}
		b.grants++
		g.grant(w, now)
	}
	g.disarm(b)
}

// agingEvery lets every eighth grant of a contested budget go to whoever waited longest, so that backfill slows down but never starves.
const agingEvery = 8

// Done ends the permit when the answer has arrived, or will not.
func (p *Permit) Done() {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	p.g.end(p, true)
}

// Unused ends the permit of a request that never left.
func (p *Permit) Unused() {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	p.g.end(p, false)
}

func (g *Governor) end(p *Permit, sent bool) {
	if p.ended {
		return
	}
	p.ended = true
	now := g.clock.Now()
	for _, t := range p.taken {
		t.b.claims--
		t.b.inFlight -= t.slots
		t.b.flying -= t.cost
		if sent {
			t.b.record(now, t.cost)
			t.b.observe(now.Sub(p.granted))
		}
	}
	for _, t := range p.taken {
		g.dispatch(t.b, now)
	}
}

// Block closes a budget for d: a Retry-After that everybody who shares the budget obeys. A shorter block never shortens a longer one.
func (g *Governor) Block(k Key, d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.budget(k)
	if until := g.clock.Now().Add(d); until.After(b.blocked) {
		b.blocked = until
	}
}

// budget finds or makes the budget of a key. Unbounded classes have one too: a Retry-After must have a place to hold.
func (g *Governor) budget(k Key) *budget {
	if b, ok := g.budgets[k]; ok {
		return b
	}
	b := g.make(k)
	g.budgets[k] = b
	g.fresh++
	return b
}

// make gives a budget that nobody has used yet. Where nothing is bounded there is nothing to share either.
func (g *Governor) make(k Key) *budget {
	whole := g.limits[k.Class]
	return &budget{key: k, whole: whole, limit: whole, leased: g.leaser == nil || whole == Limit{}, alarm: -1}
}

// forgetIdle looks at a few budgets for each new one and drops the idle, so that the table stays as large as what is in use.
func (g *Governor) forgetIdle() {
	if g.fresh == 0 {
		return
	}
	now, look := g.clock.Now(), 8*g.fresh
	g.fresh = 0
	for k, b := range g.budgets { // in random order, so all get their turn
		if b.idle(now) {
			delete(g.budgets, k)
		}
		if look--; look == 0 {
			return
		}
	}
}

// Remaining tells what is left of a budget.
type Remaining struct {
	Key          Key
	Limit        Limit     // what Microsoft grants
	Slice        Limit     // the part of it that is ours now; the same where nobody shares it
	Sharers      int       // instances that share it at this moment, this one included
	Used         int       // cost counted now, in flight included
	Left         int       // cost that may be spent at once; -1 where nothing bounds it
	InFlight     int       // concurrent places taken
	Waiting      int       // requests in the queue
	Reset        time.Time // when all that is used now will be free again; zero when nothing is used
	BlockedUntil time.Time // zero unless a Retry-After holds
}

// Remaining reads a budget without touching it.
func (g *Governor) Remaining(k Key) Remaining {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.look(k).remaining(g.clock.Now())
}

// Budgets reads all budgets that are remembered: those in use, and some that were until just now.
func (g *Governor) Budgets() []Remaining {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	all := make([]Remaining, 0, len(g.budgets))
	for _, b := range g.budgets {
		all = append(all, b.remaining(now))
	}
	return all
}

// look finds a budget, or shows how it would begin.
func (g *Governor) look(k Key) *budget {
	if b, ok := g.budgets[k]; ok {
		return b
	}
	return g.make(k)
}

// Forecast says when n more requests will be done, those already waiting included, if nothing else comes.
func (g *Governor) Forecast(k Key, n int) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	return now.Add(g.look(k).forecast(now, n))
}

// spent refuses a request that would wait longer than its priority may.
func spent(when, now time.Time) *fault.Error {
	return &fault.Error{Kind: fault.Throttled, Code: "budget_spent", RetryAfter: max(when.Sub(now), comeAgain),
		Message: "The request budget that Microsoft grants is spent for now",
		Cause:   "Earlier requests under the same limit, or a throttling answer with a waiting time",
		Fix:     "Try again after the given time", Who: "you"}
}

// comeAgain is when to ask again where nobody knows.
const comeAgain = 10 * time.Second
