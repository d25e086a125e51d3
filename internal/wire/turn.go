package wire

import (
	"slices"
	"time"

	"seneschal/internal/fault"
)

// putOff tells w when to come again. A job is given a turn of its own, as it comes when it was told to: if all were told the first moment at
// which one of them fits, all the others would come in vain, in each window anew. A person may come at any time, and keeps nobody away.
func (b *budget) putOff(w *waiter, when, now time.Time) *fault.Error {
	if limit := b.requests(w.priority); w.priority == Dispatch && limit > 0 && when.After(now) {
		cost, _ := w.takes(b)
		when = b.turn(when, now, cost, limit)
		b.promise(when, cost)
	}
	return spent(when, now)
}

// turn is the earliest time from when on at which cost fits: beside what counts by then of what was sent or is under way, and of those whose
// turn comes before.
func (b *budget) turn(when, now time.Time, cost, limit int) time.Time {
	landed := now.Add(b.latency + b.whole.Window)
	past, flying := b.past, b.flying
	come, gone, used := b.promised, b.promised, b.spent+b.flying
	for t := when; ; {
		for len(past) > 0 && !b.leaves(past[0]).After(t) {
			used -= past[0].cost
			past = past[1:]
		}
		if !landed.After(t) {
			used -= flying
			flying = 0
		}
		for len(come) > 0 && !come[0].to.After(t) {
			used += come[0].cost
			come = come[1:]
		}
		for len(gone) > len(come) && !b.leaves(gone[0]).After(t) {
			used -= gone[0].cost
			gone = gone[1:]
		}
		if used+cost <= limit || used == 0 {
			return t
		}
		t = soonest(b.leavesFirst(past), b.leavesFirst(gone), inFlight(flying, landed))
	}
}

func (b *budget) leaves(r run) time.Time { return r.to.Add(b.whole.Window) }

// leavesFirst is when the first of them leaves the window; zero where there is none.
func (b *budget) leavesFirst(runs []run) time.Time {
	if len(runs) == 0 {
		return time.Time{}
	}
	return b.leaves(runs[0])
}

func inFlight(flying int, landed time.Time) time.Time {
	if flying == 0 {
		return time.Time{}
	}
	return landed
}

// soonest of times, of which zero ones do not count.
func soonest(times ...time.Time) time.Time {
	times = slices.DeleteFunc(times, time.Time.IsZero)
	return slices.MinFunc(times, time.Time.Compare)
}

// promise keeps a turn in mind.
func (b *budget) promise(at time.Time, cost int) {
	i, _ := slices.BinarySearchFunc(b.promised, at, func(r run, t time.Time) int {
		if r.to.After(t) {
			return 1
		}
		return -1
	})
	if i > 0 && b.joins(b.promised[i-1], at, cost) {
		b.promised[i-1].to, b.promised[i-1].cost = at, b.promised[i-1].cost+cost
		return
	}
	b.promised = slices.Insert(b.promised, i, run{from: at, to: at, cost: cost})
}
