package wire

import (
	"context"
	"time"
)

// SliceLeaser splits a budget among several instances of the hub. It is asked when a slice is first needed, when it ran out, and when it
// turned out too small; never per request. What it hands out at any time must add up to no more than the whole, and a slice that was
// given back stays taken for one more window: requests made under it still count at Microsoft.
type SliceLeaser interface {
	Lease(ctx context.Context, a Ask) (Slice, error)
}

// Ask is what a governor tells of a budget when it needs a slice. Until it has the answer it grants nothing more.
type Ask struct {
	Key      Key
	Whole    Limit // what Microsoft grants
	Used     int   // cost that counts now, in flight included: no slice makes it less
	InFlight int   // concurrent places taken
	Cost     int   // what the next request needs of the window beside that, with what a slice of that size keeps from its priority
	Slots    int   // and of the places
	Pressed  bool  // the present slice, still good, is too small for it
}

// Slice is one instance's part of a budget.
type Slice struct {
	Limit   Limit
	Until   time.Time // ask again then; zero: it is good for ever
	More    time.Time // from when on asking may give more, where the limit is reached; zero: not before Until
	Closed  bool      // nothing may be sent under it: others hold all there is
	Reopens time.Time // of a closed one: certainly not before; zero: not known
	Sharers int       // instances that want a part of this budget, this one included
}

// ask has the best waiter's need of a slice answered. The leaser may ask a database, so no lock is held meanwhile.
func (g *Governor) ask(b *budget) {
	now := g.clock.Now()
	b.expire(now)
	b.asking = true
	a := Ask{Key: b.key, Whole: b.whole, Used: b.spent + b.flying, InFlight: b.inFlight, Pressed: b.valid(now)}
	a.Cost, a.Slots = b.needs(b.queue.best())
	go func() {
		slice, err := g.leaser.Lease(context.Background(), a) // many wait for it: it ends with none of them
		g.answered(b, slice, err)
	}()
}

// answered puts a slice in force and moves the queue on. Who is told to come back later is told now.
func (g *Governor) answered(b *budget, s Slice, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b.asking = false
	if err != nil {
		b.leased = false // whether the part became another is not known
		for _, w := range b.queue.drain() {
			w.fail(err)
		}
		return
	}
	b.leased, b.limit, b.until, b.more, b.closed, b.reopens, b.sharers = true, s.Limit, s.Until, s.More, s.Closed, s.Reopens, s.Sharers
	now := g.clock.Now()
	for _, w := range b.queue.waiters() {
		if o, when := w.obstacle(now); o == b && w.outlasted(b, when, now) {
			b.queue.remove(w)
			w.fail(b.putOff(w, when, now))
		}
	}
	g.dispatch(b, now)
}
