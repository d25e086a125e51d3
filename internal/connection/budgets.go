package connection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

const (
	lookEvery   = time.Second      // how soon an instance sees that another one came, or wants more
	sliceTime   = 3 * time.Second  // a slice is asked for again this often, mostly without the database
	presence    = 10 * time.Second // an instance may send so long after it last said that it is there
	renewAt     = 6 * time.Second  // it says so again when less than this is left
	grace       = 10 * time.Second // what was sent before the end of a part is done by then, unless its instance says otherwise
	rowTime     = 2 * time.Minute  // a part that nobody else wants needs its row renewed this often
	askAside    = 10 * time.Second // a part that is as large as it may be is asked about again, should it not suffice
	skew        = 2 * time.Second  // the clocks of the machines on one database differ by less
	longest     = 24 * time.Hour   // no window is longer
	databaseMax = 10 * time.Second // a database that takes longer counts as gone
)

// Budgets shares the request budgets that Microsoft grants among the instances of the hub on one database: it is wire's leaser.
//
// # What counts
//
// An instance's part of a budget is what the database says that it may have used of it:
//   - the row of the budget and the instance, its requests until counted_until, its places until until;
//   - while the instance is alone, beside that the standing part of every budget: about half, without a row.
//
// # Why the parts never add up to more than the whole
//
// 1. All changes of parts pass one gate (a row that each of them locks until its commit), so they happen one after the other, and each
// sees all before it.
//
// 2. A change never makes a part smaller than what the governor counts under it in that moment, and the governor grants nothing
// between telling that and having its new slice. It makes a part larger only out of what the parts of all others leave (see divide).
//
// 3. A standing part is taken only when nobody else is alive, and only of budgets whose window has passed since the last who may have had
// one; budgets of which others' rows have used more than the other half are left out (reserved). It is given up only after its last slice
// has run out, in the change that writes a row for all that was used under it.
//
// 4. The governor grants only while a slice is good, and no slice is good for longer than its row or its instance's presence. So what an
// instance has used is never more than its part while it lives; when it died, its part stays what it was until a window after the last
// moment in which it could have sent.
//
// Clocks may differ by less than skew: everything that is read of others is taken to last so much longer. An instance that was
// stopped and goes on finds its presence over by its own clock and grants nothing; a request that was granted and not yet sent when the
// machine was stopped leaves late all the same, one for each place.
//
// # What it costs
//
// An instance alone says every four seconds that it is there; what it uses of a budget up to half, and two of four places, needs
// nothing more, and beyond that one row in two minutes. Several instances need a row in two minutes for each budget in use.
// docs/adr/0005-shared-budgets.md has the reasons.
type Budgets struct {
	Store    *store.Store
	Clock    clock.Clock
	Log      *slog.Logger
	Instance string
	Counted  func() []wire.Remaining // what the governor counts

	mu       sync.Mutex
	id       string        // of this process among those on the database; empty until a budget is needed
	until    time.Time     // we may send until then
	window   time.Duration // we have the standing part of budgets with windows up to this; zero: of none
	lent     time.Time     // the last slice of a standing part ends
	yielding bool          // the database may still count a standing part that we use no more
	reserved map[string]time.Time
	parts    map[wire.Key]*part
	stop     context.CancelFunc
	looking  sync.WaitGroup
}

// part is what a row gave us.
type part struct {
	grant
	name   string
	whole  wire.Limit
	until  time.Time // it is good until then, or until somebody else wants more
	lent   time.Time // its last slice ends
	askAt  time.Time // asking for more may help from then on; zero: never
	settle time.Time // when its row is to say what is left of it, if it was not asked for again
}

// Lease gives this instance its slice: from memory where it can.
func (b *Budgets) Lease(ctx context.Context, a wire.Ask) (wire.Slice, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, databaseMax)
	defer cancel()
	if err := b.arrive(ctx); err != nil {
		return wire.Slice{}, unshared(err)
	}
	now := b.Clock.Now().Truncate(time.Millisecond) // as others will read it
	a.Cost, a.Slots = need(a.Cost, a.Whole.Requests), need(a.Slots, a.Whole.Concurrent)
	if p := b.parts[a.Key]; p == nil || !now.Before(p.until) {
		if s, ok := b.stand(a, now); ok {
			return s, nil
		}
	} else if !p.closed && (fits(a, p.limit) && !a.Pressed || !p.mayGrow(now)) {
		return b.lend(p, now), nil
	}
	p, err := b.take(ctx, a, now)
	if err != nil {
		return wire.Slice{}, unshared(err)
	}
	return b.lend(p, now), nil
}

// unshared says that a request did not leave, as nobody could tell whether it may.
func unshared(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "budgets_unshared", Message: "The hub's database did not say what of Microsoft's request budgets is ours; nothing was sent",
		Cause: "The database is away or overloaded", Fix: "Look at the database and the hub's log; then try again", Who: "the operator of this hub", Err: err}
}

// stand gives a slice of the standing part, where that is enough.
func (b *Budgets) stand(a wire.Ask, now time.Time) (wire.Slice, bool) {
	limit := standing(a.Whole)
	if b.window == 0 || a.Whole.Window > b.window || a.Pressed || !fits(a, limit) || now.Before(b.reserved[budgetName(a.Key)]) {
		return wire.Slice{}, false
	}
	s := wire.Slice{Limit: limit, Until: b.end(b.until, now), Sharers: 1}
	if limit != a.Whole {
		s.More = now
	}
	b.lent = later(b.lent, s.Until)
	return s, true
}

// lend makes a slice of a part.
func (b *Budgets) lend(p *part, now time.Time) wire.Slice {
	s := wire.Slice{Limit: p.limit, Until: b.end(p.until, now), More: p.askAt, Closed: p.closed, Reopens: p.reopens, Sharers: p.sharers}
	if p.closed {
		s.More = s.Until
	}
	p.lent, p.settle = s.Until, s.Until.Add(sliceTime)
	return s
}

// mayGrow says that dividing the budget anew may give us more.
func (p *part) mayGrow(now time.Time) bool { return !p.askAt.IsZero() && !now.Before(p.askAt) }

// whenToAsk is from when on that is so; never, if the part is the whole.
func (p *part) whenToAsk(now time.Time) time.Time {
	switch {
	case p.limit == p.whole:
		return time.Time{}
	case p.waiting:
		return now.Add(p.retry())
	case p.more && !p.short:
		return now
	}
	return now.Add(askAside)
}

// end is when a slice of something that is good until then ends.
func (b *Budgets) end(until, now time.Time) time.Time {
	return sooner(sooner(until, now.Add(sliceTime)), b.until)
}

// take has the row of a budget say what our part is from now on.
func (b *Budgets) take(ctx context.Context, a wire.Ask, now time.Time) (*part, error) {
	me := stake{instance: b.id, turn: now}
	if p := b.parts[a.Key]; p != nil {
		me.turn, me.waiting = p.turn, p.waiting
		p.until = now // whatever comes of this, the old part is over
	}
	p := &part{name: budgetName(a.Key), whole: a.Whole, until: now.Add(rowTime)}
	err := b.pass(ctx, "connection.lease", func(tx *store.Tx) error {
		others, err := b.others(ctx, tx, p.name, a.Whole, now)
		if err != nil {
			return err
		}
		p.grant = divide(a, me, others, now)
		p.askAt = p.whenToAsk(now)
		if p.closed {
			p.until = now.Add(p.retry())
		}
		return putSlices(ctx, tx, p.row(now))
	})
	if err != nil {
		return nil, err
	}
	b.parts[a.Key] = p
	return p, nil
}

// need is at least one, and no more than there ever is: a request larger than the whole goes when it is alone.
func need(n, whole int) int { return max(1, min(n, max(1, whole))) }

// retry is how soon somebody who waits asks again: a place may be free at any moment, a window passes slowly.
func (p *part) retry() time.Duration {
	if p.soon {
		return time.Second
	}
	return min(max(p.whole.Window/64, time.Second), 10*time.Second)
}

// row is what the others see of the part.
func (p *part) row(now time.Time) sliceRow {
	r := sliceRow{budget: p.name, instance: p.instance, whole: p.whole, stake: p.stake, wantedUntil: p.until, until: p.until.Add(grace)}
	if p.waiting {
		r.waitingUntil = now.Add(p.retry() + 2*time.Second)
		r.wantedUntil = later(r.wantedUntil, r.waitingUntil)
	}
	r.countedUntil = r.until.Add(p.whole.Window)
	return r
}

// budgetName is the key as the database knows it: a digest, as the key may name a person's mailbox.
func budgetName(k wire.Key) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{k.Class, k.Tenant, k.App, k.Part}, "\x00")))
	return k.Class + "/" + hex.EncodeToString(sum[:16])
}

func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
