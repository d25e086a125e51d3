package wire

import (
	"container/heap"
	"slices"
	"time"
)

// waiter is one request that waits for its permit. ready is closed with a permit or an error.
type waiter struct {
	want     []taken
	priority Priority
	tenant   string
	since    time.Time
	at       *budget // in whose queue it stands
	ready    chan struct{}
	permit   *Permit
	err      error
}

// fail ends the waiting. The waiter is in no queue by then.
func (w *waiter) fail(err error) {
	for _, t := range w.want {
		t.b.claims--
	}
	w.at, w.err = nil, err
	close(w.ready)
}

// outlasted says that w must be told to come back later: at once when the wait is known to be longer than its patience, and where
// another slice may come at any moment only after it has waited that long.
func (w *waiter) outlasted(b *budget, when, now time.Time) bool {
	patience := w.priority.Patience()
	long := when.Sub(now) > patience // never for the zero time, which is not known
	if b.blocked.After(now) || !b.mayGrow(w, now) || (b.closed && long) {
		return long
	}
	return now.Sub(w.since) > patience && (long || b.closed)
}

// obstacle is the first budget that holds the waiter up, nil when there is none.
func (w *waiter) obstacle(now time.Time) (*budget, time.Time) {
	for _, t := range w.want {
		if blocked, when := t.b.obstacle(w.priority, t.cost, t.slots, now); blocked {
			return t.b, when
		}
	}
	return nil, time.Time{}
}

// takes is what the waiter will take from b.
func (w *waiter) takes(b *budget) (cost, slots int) {
	for _, t := range w.want {
		if t.b == b {
			return t.cost, t.slots
		}
	}
	return 0, 0
}

// queue holds the waiters of one budget: by priority, then in turns by tenant, then by arrival.
type queue struct {
	lanes [Backfill]lane // indexed by priority-1
	n     int
	cost  int
}

// lane is one priority: a line for each tenant, the one whose turn it is first.
type lane []line

type line struct {
	tenant  string
	waiters []*waiter
}

func (q *queue) empty() bool { return q.n == 0 }

func (q *queue) push(w *waiter) {
	cost, _ := w.takes(w.at)
	q.n++
	q.cost += cost
	l := &q.lanes[w.priority-1]
	for i := range *l {
		if (*l)[i].tenant == w.tenant {
			(*l)[i].waiters = append((*l)[i].waiters, w)
			return
		}
	}
	*l = append(*l, line{tenant: w.tenant, waiters: []*waiter{w}})
}

func (q *queue) best() *waiter {
	for _, l := range q.lanes {
		if len(l) > 0 {
			return l[0].waiters[0]
		}
	}
	return nil
}

func (q *queue) oldest() *waiter {
	var old *waiter
	for _, l := range q.lanes {
		for _, line := range l {
			if w := line.waiters[0]; old == nil || w.since.Before(old.since) {
				old = w
			}
		}
	}
	return old
}

// remove takes w out. Its tenant's line goes behind the others: next time it is their turn.
func (q *queue) remove(w *waiter) {
	l := &q.lanes[w.priority-1]
	i := slices.IndexFunc(*l, func(x line) bool { return x.tenant == w.tenant })
	if i < 0 {
		return
	}
	own := (*l)[i]
	j := slices.Index(own.waiters, w)
	if j < 0 {
		return
	}
	cost, _ := w.takes(w.at)
	q.n--
	q.cost -= cost
	w.at = nil
	own.waiters = slices.Delete(own.waiters, j, j+1)
	*l = slices.Delete(*l, i, i+1)
	if len(own.waiters) > 0 {
		*l = append(*l, own)
	}
}

// waiters lists all, best priority first.
func (q *queue) waiters() []*waiter {
	var all []*waiter
	for _, l := range q.lanes {
		for _, line := range l {
			all = append(all, line.waiters...)
		}
	}
	return all
}

func (q *queue) drain() []*waiter {
	all := q.waiters()
	*q = queue{}
	return all
}

// alarms is a heap of the budgets whose queue moves on at a known time.
type alarms []*budget

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].alarmAt.Before(a[j].alarmAt) }
func (a alarms) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].alarm, a[j].alarm = i, j
}

// Push is part of heap.Interface.
func (a *alarms) Push(x any) {
	b := x.(*budget)
	b.alarm = len(*a)
	*a = append(*a, b)
}

// Pop is part of heap.Interface.
func (a *alarms) Pop() any {
	last := len(*a) - 1
	b := (*a)[last]
	b.alarm = -1
	(*a)[last], *a = nil, (*a)[:last]
	return b
}

// arm sees to it that b's queue moves on: by asking for another slice where that helps now, else by an alarm. A zero time means that
// an answer will move it.
func (g *Governor) arm(b *budget, when, now time.Time) {
	if b.asking {
		return
	}
	if b.askNow(b.queue.best(), now) {
		g.ask(b)
		return
	}
	for _, t := range []time.Time{b.until, b.more} {
		if t.After(now) && (when.IsZero() || t.Before(when)) {
			when = t
		}
	}
	if when.IsZero() {
		return
	}
	b.alarmAt = when
	if b.alarm >= 0 {
		heap.Fix(&g.alarms, b.alarm)
	} else {
		heap.Push(&g.alarms, b)
	}
	if !g.pumping {
		g.pumping = true
		go g.pump()
	} else if b.alarm == 0 {
		g.rouse()
	}
}

func (g *Governor) disarm(b *budget) {
	if b.alarm < 0 {
		return
	}
	heap.Remove(&g.alarms, b.alarm)
	if g.pumping && len(g.alarms) == 0 {
		g.rouse()
	}
}

// rouse makes the pump look again.
func (g *Governor) rouse() {
	select {
	case g.nudge <- struct{}{}:
	default: // it will look anyway
	}
}

// pump lives as long as an alarm is set, so that an idle governor has no goroutine.
func (g *Governor) pump() {
	for {
		d, more := g.ring()
		if !more {
			return
		}
		t := g.clock.NewTimer(d)
		select {
		case <-t.C:
		case <-g.nudge:
		}
		t.Stop()
	}
}

// ring serves the alarms that are due and says how long the next one is away.
func (g *Governor) ring() (time.Duration, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	for len(g.alarms) > 0 && !g.alarms[0].alarmAt.After(now) {
		b := heap.Pop(&g.alarms).(*budget)
		g.dispatch(b, now)
	}
	if len(g.alarms) == 0 {
		g.pumping = false
		return 0, false
	}
	return g.alarms[0].alarmAt.Sub(now), true
}
