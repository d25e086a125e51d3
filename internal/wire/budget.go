package wire

import "time"

// budget is what is known of one key. Its memory is bounded: the past is kept as at most about 2*grains runs of requests.
type budget struct {
	key     Key
	limit   Limit
	until   time.Time // the slice is ours until then; zero: for ever
	leased  bool
	blocked time.Time

	inFlight int // concurrent places
	flying   int // cost in flight
	past     []run
	spent    int // cost in past

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
	if b.limit.Requests == 0 {
		return
	}
	b.spent += cost
	if n := len(b.past); n > 0 {
		last := &b.past[n-1]
		// Small limits keep each request by itself, so nothing is lost to rounding.
		if last.cost+cost <= (b.limit.Requests+grains-1)/grains && now.Sub(last.from) < b.limit.Window/grains {
			last.to, last.cost = now, last.cost+cost
			return
		}
	}
	b.past = append(b.past, run{from: now, to: now, cost: cost})
}

func (b *budget) expire(now time.Time) {
	n := 0
	for n < len(b.past) && !b.past[n].to.Add(b.limit.Window).After(now) {
		b.spent -= b.past[n].cost
		n++
	}
	if n > 0 {
		b.past = append(b.past[:0], b.past[n:]...)
	}
}

// observe smooths the time between grant and answer, for forecasts.
func (b *budget) observe(d time.Duration) {
	if b.latency == 0 {
		b.latency = d
		return
	}
	b.latency += (d - b.latency) / 8
}

// idle says that forgetting the budget changes nothing. A leased slice is not idle: asking for it again costs a database call.
func (b *budget) idle(now time.Time) bool {
	if !b.until.IsZero() && !b.stale(now) {
		return false
	}
	b.expire(now)
	return b.inFlight == 0 && b.flying == 0 && len(b.past) == 0 && b.queue.empty() && !b.blocked.After(now)
}

// stale says that the slice of a shared budget must be leased anew.
func (b *budget) stale(now time.Time) bool {
	return !b.until.IsZero() && !now.Before(b.until)
}

// obstacle says whether p may take cost and slots now; if not, from when it may be, zero where only an answer can tell.
func (b *budget) obstacle(p Priority, cost, slots int, now time.Time) (blocked bool, when time.Time) {
	b.expire(now)
	if b.blocked.After(now) {
		return true, b.blocked
	}
	// Alone, even a request larger than the limit may go: it could never go otherwise.
	if b.limit.Concurrent > 0 && b.inFlight > 0 && b.inFlight+slots > b.concurrent(p) {
		return true, time.Time{}
	}
	if b.limit.Requests > 0 && b.spent+b.flying > 0 {
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
			return r.to.Add(b.limit.Window)
		}
	}
	if b.flying == 0 && len(b.past) > 0 {
		return b.past[len(b.past)-1].to.Add(b.limit.Window)
	}
	return time.Time{}
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

func (b *budget) remaining(now time.Time) Remaining {
	b.expire(now)
	r := Remaining{Limit: b.limit, Used: b.spent + b.flying, Left: -1, InFlight: b.inFlight, Waiting: b.queue.n}
	if b.limit.Requests > 0 {
		r.Left = max(0, b.limit.Requests-r.Used)
	}
	if n := len(b.past); n > 0 {
		r.Reset = b.past[n-1].to.Add(b.limit.Window)
	}
	if b.flying > 0 && b.limit.Requests > 0 {
		r.Reset = now.Add(b.latency + b.limit.Window)
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
	if limit := b.limit.Requests; limit > 0 {
		wait = time.Duration((n-1)/limit) * b.limit.Window
		rest := (n-1)%limit + 1
		if over := b.spent + b.flying + rest - limit; over > 0 {
			if at := b.freed(over); !at.IsZero() {
				wait += at.Sub(now)
			} else {
				wait += b.latency + b.limit.Window
			}
		}
		n = rest
	}
	if c := b.limit.Concurrent; c > 0 {
		wait += time.Duration((n+c-1)/c) * b.latency
	} else {
		wait += b.latency
	}
	if b.blocked.After(now) {
		wait = max(wait, b.blocked.Sub(now)+b.latency)
	}
	return wait
}
