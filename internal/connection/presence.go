package connection

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// arrive joins the instances on the database when a budget is first needed, and again when we were away for longer than our presence.
func (b *Budgets) arrive(ctx context.Context) error {
	if b.Clock.Now().Before(b.until) {
		return nil
	}
	if b.id == "" {
		b.id, b.parts = b.Instance+"/"+rand.Text(), map[wire.Key]*part{}
		b.begin()
	}
	for _, p := range b.parts {
		p.until = b.Clock.Now() // others took us for dead, and our places for free
	}
	return b.join(ctx)
}

// join says that we are here, and takes the standing part as far as nobody else is or was.
func (b *Budgets) join(ctx context.Context) error {
	now, before := b.Clock.Now(), b.yielding || b.window > 0
	b.yielding = b.window == 0 // should the answer to the commit be lost, the database may count a standing part
	var window time.Duration
	var reserved map[string]time.Time
	err := b.pass(ctx, "connection.join", func(tx *store.Tx) error {
		if err := putInstance(ctx, tx, instance{id: b.id, until: now.Add(presence)}); err != nil {
			return err
		}
		all, err := instances(ctx, tx)
		if err != nil {
			return err
		}
		if window = alone(all, b.id, now); window == 0 {
			return nil
		}
		if reserved, err = heavilyUsed(ctx, tx, b.id, now); err != nil {
			return err
		}
		if err := setStanding(ctx, tx, b.id, window); err != nil {
			return err
		}
		return purge(ctx, tx, now)
	})
	if err != nil {
		return err
	}
	b.until, b.window, b.reserved, b.yielding = now.Add(presence), window, reserved, window == 0 && before
	return nil
}

// alone is up to which window budgets may have a standing part: all where nobody else is or was, none where somebody lives.
func alone(all []instance, me string, now time.Time) time.Duration {
	window := longest
	for _, i := range all {
		if i.id == me {
			continue
		}
		if i.living(now) {
			return 0
		}
		if i.standing > 0 {
			window = min(window, now.Sub(i.gone()))
		}
	}
	return window
}

// lastWords is how long what a process had under way may go on after its end: the machine closes its connections for it.
const lastWords = 2 * time.Second

// Succeed ends the presence of earlier processes with our instance's name, which a kill left behind: without it, a restarted hub would wait
// for its own former self. What they may have used stays counted for its window. Only a process that serves may say so: one instance serves
// at a time.
func (b *Budgets) Succeed(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	over := b.Clock.Now().Add(lastWords - grace) // and the skew of clocks: see gone
	return b.pass(ctx, "connection.succeed", func(tx *store.Tx) error { return endPresence(ctx, tx, b.Instance+"/", b.id, over) })
}

// begin looks around until leave.
func (b *Budgets) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	b.stop = cancel
	b.looking.Go(func() {
		for b.Clock.Sleep(ctx, lookEvery) == nil {
			if err := b.look(ctx); err != nil && ctx.Err() == nil {
				b.Log.WarnContext(ctx, "the request budgets could not be shared; while this lasts, nothing is sent", "error", err)
			}
		}
	})
}

// look does what time and the others ask of us.
func (b *Budgets) look(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, databaseMax)
	defer cancel()
	if err := b.renew(ctx); err != nil {
		return err
	}
	all, err := instances(ctx, b.Store.Reader())
	if err != nil {
		return err
	}
	now := b.Clock.Now()
	switch window := alone(all, b.id, now); {
	case window == 0 && b.window > 0:
		b.window, b.yielding = 0, true // slices of it are still out: yield when they are over
	case window == 0 && b.yielding && !now.Before(b.lent):
		err = b.yield(ctx, now)
	case window > 2*b.window, window == longest && b.window < longest:
		err = b.join(ctx)
	}
	if err != nil {
		return err
	}
	if len(all) > 1 {
		if err := b.giveWay(ctx, now); err != nil {
			return err
		}
	}
	return b.settle(ctx, now)
}

// renew prolongs our presence. Whoever comes too late begins anew.
func (b *Budgets) renew(ctx context.Context) error {
	now := b.Clock.Now()
	if b.until.Sub(now) >= renewAt {
		return nil
	}
	if !now.Before(b.until) {
		return b.arrive(ctx)
	}
	found, err := prolong(ctx, b.Store.Writer(), b.id, now.Add(presence))
	if err != nil {
		return err
	}
	if !found || !b.Clock.Now().Before(b.until) {
		b.until = time.Time{}
		return b.arrive(ctx)
	}
	b.until = now.Add(presence)
	return nil
}

// giveWay ends our parts of budgets of which somebody else has too little; they are divided anew when we ask again.
func (b *Budgets) giveWay(ctx context.Context, now time.Time) error {
	if len(b.parts) == 0 {
		return nil
	}
	names, err := waitedFor(ctx, b.Store.Reader(), b.id, now)
	if err != nil || len(names) == 0 {
		return err
	}
	for _, p := range b.parts {
		if slices.Contains(names, p.name) && now.Before(p.until) && !p.closed {
			p.until, p.settle = now, p.lent
		}
	}
	return nil
}

// yield gives up the standing part: its slices are over, and what was used under it gets rows.
func (b *Budgets) yield(ctx context.Context, now time.Time) error {
	var left []remains
	for _, r := range b.Counted() {
		p := b.parts[r.Key]
		if p != nil && now.Before(later(p.until, p.lent)) {
			continue // its row says enough
		}
		left = append(left, b.remains(r, now))
	}
	err := b.pass(ctx, "connection.yield", func(tx *store.Tx) error {
		if err := writeRemains(ctx, tx, left); err != nil {
			return err
		}
		return setStanding(ctx, tx, b.id, 0)
	})
	if err != nil {
		return err
	}
	b.yielding = false
	b.keep(left, now)
	return nil
}

// settle has the rows of parts that were not asked for again say what is left of them.
func (b *Budgets) settle(ctx context.Context, now time.Time) error {
	due := map[wire.Key]wire.Remaining{}
	for k, p := range b.parts {
		if !now.Before(p.settle) {
			due[k] = wire.Remaining{Key: k, Limit: p.whole}
		}
	}
	if len(due) == 0 {
		return nil
	}
	for _, r := range b.Counted() {
		if _, ok := due[r.Key]; ok {
			due[r.Key] = r
		}
	}
	var left []remains
	for _, r := range due {
		left = append(left, b.remains(r, now))
	}
	if err := b.pass(ctx, "connection.settle", func(tx *store.Tx) error { return writeRemains(ctx, tx, left) }); err != nil {
		return err
	}
	b.keep(left, now)
	return nil
}

// remains is what is left of a part that is over.
type remains struct {
	key wire.Key
	row sliceRow
}

func (b *Budgets) remains(r wire.Remaining, now time.Time) remains {
	row := sliceRow{budget: budgetName(r.Key), instance: b.id, whole: r.Limit, until: now, stake: stake{places: r.InFlight, turn: now}}
	if r.Limit.Requests > 0 {
		row.requests = r.Used
	}
	if r.InFlight > 0 {
		row.until = now.Add(grace) // said again before
	}
	row.countedUntil = row.until.Add(r.Limit.Window)
	return remains{r.Key, row}
}

// keep remembers what is still under way: its rows must be written again.
func (b *Budgets) keep(left []remains, now time.Time) {
	for _, r := range left {
		if r.row.places == 0 {
			delete(b.parts, r.key)
			continue
		}
		b.parts[r.key] = &part{name: r.row.budget, whole: r.row.whole, until: now, lent: now, settle: now.Add(sliceTime), grant: grant{stake: r.row.stake, closed: true}}
	}
}

// Leave gives everything back. What was used stays taken for its window.
func (b *Budgets) Leave(ctx context.Context) error {
	b.mu.Lock()
	stop := b.stop
	b.mu.Unlock()
	if stop == nil {
		return nil // no budget was needed
	}
	stop()
	b.looking.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, databaseMax)
	defer cancel()
	now := b.Clock.Now()
	var used []sliceRow
	for _, r := range b.Counted() {
		if row := b.remains(r, now).row; row.requests > 0 {
			used = append(used, row.departed(now))
		}
	}
	err := b.pass(ctx, "connection.leave", func(tx *store.Tx) error {
		if err := addSlices(ctx, tx, used); err != nil {
			return err
		}
		return removeInstance(ctx, tx, b.id)
	})
	b.id, b.until, b.window, b.yielding, b.parts, b.stop = "", time.Time{}, 0, false, nil, nil
	return err
}
