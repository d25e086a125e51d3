package wire

import (
	"slices"
	"time"
)

// budget is what is known of one key. Its memory is bounded: the past is kept as at most about 2*grains runs of requests,
// and so is each window that turns were given in.
type budget struct {
	key   Key
	whole Limit // what Microsoft grants

	// The slice: see Slice.
	limit   Limit
	until   time.Time
	more    time.Time
	reopens time.Time
	closed  bool
	sharers int
	leased  bool // there was one
	asking  bool // another is being asked for; nothing is granted meanwhile, so that what the leaser was told stays true

	blocked time.Time

	claims   int // requests that wait for it, or for another budget of theirs, or are under way
	inFlight int // concurrent places
	flying   int // cost in flight
	past     []run
	spent    int   // cost in past
	promised []run // turns to come, of those who were put off: see turn

	latency time.Duration // smoothed
	grants  int
	queue   queue

	alarmAt time.Time
	alarm   int // index in the heap of alarms; -1: none
}

// run is a stretch of answered requests that leave the window together, a full window after the last of them.
type run struct {
	from, to time.Time
	cost     int
}

// grains is into how many runs a full window is cut: the pace loses at most 1/grains of a window.
const grains = 64

func (b *budget) record(now time.Time, cost int) {
	if b.whole.Requests == 0 {
		return
	}
	b.spent += cost
	if n := len(b.past); n > 0 && b.joins(b.past[n-1], now, cost) {
		b.past[n-1].to, b.past[n-1].cost = now, b.past[n-1].cost+cost
		return
	}
	b.past = append(b.past, run{from: now, to: now, cost: cost})
}

// joins says that a run may hold cost more, at a later time. Small limits keep each request by itself, so nothing is lost to rounding.
func (b *budget) joins(r run, at time.Time, cost int) bool {
	return r.cost+cost <= (b.limit.Requests+grains-1)/grains && at.Sub(r.from) < b.whole.Window/grains
}

func (b *budget) expire(now time.Time) {
	n := 0
	for n < len(b.past) && !b.leaves(b.past[n]).After(now) {
		b.spent -= b.past[n].cost
		n++
	}
	b.past = slices.Delete(b.past, 0, n)
	n = 0
	for n < len(b.promised) && !b.promised[n].to.After(now) { // they have come, or never will
		n++
	}
	b.promised = slices.Delete(b.promised, 0, n)
}

// observe smooths the time between grant and answer, for forecasts.
func (b *budget) observe(d time.Duration) {
	if b.latency == 0 {
		b.latency = d
		return
	}
	b.latency += (d - b.latency) / 8
}

// idle says that forgetting the budget changes nothing. A leased slice is not idle: asking for it again may cost a database call.
func (b *budget) idle(now time.Time) bool {
	if b.claims > 0 || b.asking || (!b.until.IsZero() && b.valid(now)) {
		return false
	}
	b.expire(now)
	return len(b.past) == 0 && len(b.promised) == 0 && !b.blocked.After(now)
}

// valid says that there is a slice, and that it has not run out.
func (b *budget) valid(now time.Time) bool {
	return b.leased && (b.until.IsZero() || now.Before(b.until))
}

// mayGrow says that another slice than the present one may come to w's help.
func (b *budget) mayGrow(w *waiter, now time.Time) bool {
	return b.asking || !b.valid(now) || (!b.more.IsZero() && b.tooSmall(w))
}

// askNow says that w, who waits, is helped by asking for another slice.
func (b *budget) askNow(w *waiter, now time.Time) bool {
	if b.blocked.After(now) {
		return false
	}
	return !b.valid(now) || (!b.more.IsZero() && !now.Before(b.more) && b.tooSmall(w))
}

// tooSmall says that what holds w up is the slice, and not what Microsoft grants.
func (b *budget) tooSmall(w *waiter) bool {
	if b.closed {
		return true
	}
	cost, slots := w.takes(b)
	places := b.limit.Concurrent < b.whole.Concurrent && b.inFlight+slots > b.concurrent(w.priority)
	requests := b.limit.Requests < b.whole.Requests && b.spent+b.flying+cost > b.requests(w.priority)
	return places || requests
}

// obstacle says whether p may take cost and slots now; if not, from when it may be, zero where only an answer can tell.
func (b *budget) obstacle(p Priority, cost, slots int, now time.Time) (blocked bool, when time.Time) {
	b.expire(now)
	switch {
	case b.blocked.After(now):
		return true, b.blocked
	case b.asking || !b.valid(now):
		return true, time.Time{}
	case b.closed && b.reopens.After(now):
		return true, b.reopens
	case b.closed:
		return true, time.Time{}
	}
	// Alone and with nothing beside it, even a request larger than the limit may go: it could never go otherwise.
	if n := b.limit.Concurrent; n > 0 && b.inFlight+slots > b.concurrent(p) && (b.inFlight > 0 || n < b.whole.Concurrent) {
		return true, time.Time{}
	}
	if n := b.limit.Requests; n > 0 && (b.spent+b.flying > 0 || n < b.whole.Requests) {
		if over := b.spent + b.flying + cost - b.requests(p); over > 0 {
			return true, b.freed(over)
		}
	}
	return false, time.Time{}
}

// freed is when the past will have given back n; zero where requests in flight must end first.
func (b *budget) freed(n int) time.Time {
	for _, r := range b.past {
		if n -= r.cost; n <= 0 {
			return r.to.Add(b.whole.Window)
		}
	}
	if b.flying == 0 && len(b.past) > 0 {
		return b.past[len(b.past)-1].to.Add(b.whole.Window)
	}
	return time.Time{}
}

// needs is by how much a slice must be larger than what is in use, so that w can go: a smaller one would be asked about again at once.
func (b *budget) needs(w *waiter) (cost, slots int) {
	cost, slots = w.takes(b)
	if w.priority != Interactive {
		cost += max(0, b.spent+b.flying+cost-1) / 99 // what requests keeps of as many
	}
	if w.priority == Backfill && b.inFlight+slots >= 4 {
		slots++ // as concurrent keeps one
	}
	return cost, slots
}

// requests keeps one per cent of a window for people, so that a backfill cannot make them wait for its end.
func (b *budget) requests(p Priority) int {
	if p == Interactive {
		return b.limit.Requests
	}
	return b.limit.Requests - b.limit.Requests/100
}

// concurrent keeps one of four places from backfills.
func (b *budget) concurrent(p Priority) int {
	if p == Backfill && b.limit.Concurrent >= 4 {
		return b.limit.Concurrent - 1
	}
	return b.limit.Concurrent
}

// reach is what this instance can have at most as things are: all of it while nobody else wants a part.
func (b *budget) reach() Limit {
	if b.sharers > 1 && !b.closed {
		return b.limit
	}
	return b.whole
}

func (b *budget) remaining(now time.Time) Remaining {
	b.expire(now)
	r := Remaining{Key: b.key, Limit: b.whole, Slice: b.reach(), Sharers: max(1, b.sharers), Used: b.spent + b.flying, Left: -1, InFlight: b.inFlight, Waiting: b.queue.n}
	if b.whole.Requests > 0 {
		r.Left = max(0, r.Slice.Requests-r.Used)
	}
	if n := len(b.past); n > 0 {
		r.Reset = b.past[n-1].to.Add(b.whole.Window)
	}
	if b.flying > 0 && b.whole.Requests > 0 {
		r.Reset = now.Add(b.latency + b.whole.Window)
	}
	if b.closed {
		r.Slice, r.Left = Limit{Window: b.whole.Window}, 0
	}
	if b.blocked.After(now) {
		r.BlockedUntil, r.Left = b.blocked, 0
	}
	return r
}

// forecast says how long n more take. Windows repeat themselves: whole ones first, then the place of the rest in the present one.
func (b *budget) forecast(now time.Time, n int) time.Duration {
	b.expire(now)
	n += b.queue.cost
	if n <= 0 {
		return 0
	}
	var wait time.Duration
	reach := b.reach()
	if limit := reach.Requests; limit > 0 {
		wait = time.Duration((n-1)/limit) * reach.Window
		rest := (n-1)%limit + 1
		if over := b.spent + b.flying + rest - limit; over > 0 {
			if at := b.freed(over); !at.IsZero() {
				wait += at.Sub(now)
			} else {
				wait += b.latency + reach.Window
			}
		}
		n = rest
	}
	if c := reach.Concurrent; c > 0 {
		wait += time.Duration((n+c-1)/c) * b.latency
	} else {
		wait += b.latency
	}
	if b.blocked.After(now) {
		wait = max(wait, b.blocked.Sub(now)+b.latency)
	}
	return wait
}
