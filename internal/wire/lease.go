package wire

import (
	"context"
	"time"
)

// SliceLeaser splits a budget among several instances of the hub. It is asked when a slice is first needed and when it ran out,
// never per request. What it hands out at any time must add up to no more than the whole, and a slice that was given back
// stays taken for one more window: requests made under it still count at Microsoft.
type SliceLeaser interface {
	Lease(ctx context.Context, k Key, whole Limit) (Slice, error)
}

// Slice is one instance's part of a budget.
type Slice struct {
	Limit Limit
	Until time.Time // zero: for ever
}

// Whole is the leaser of a hub that runs as one process: every slice is the whole budget.
type Whole struct{}

// Lease gives everything, for ever.
func (Whole) Lease(_ context.Context, _ Key, whole Limit) (Slice, error) {
	return Slice{Limit: whole}, nil
}

// lease makes sure that the budgets of the charges hold a valid slice. The leaser may ask a database, so no lock is held meanwhile;
// two callers may ask at the same time, and the later answer counts.
func (g *Governor) lease(ctx context.Context, charges []Charge) error {
	for _, c := range charges {
		whole, ask := g.unleased(c.Key)
		if !ask {
			continue
		}
		slice, err := g.leaser.Lease(ctx, c.Key, whole)
		if err != nil {
			return err
		}
		g.mu.Lock()
		b := g.budget(c.Key)
		b.limit, b.until, b.leased = slice.Limit, slice.Until, true
		g.mu.Unlock()
	}
	return nil
}

func (g *Governor) unleased(k Key) (whole Limit, ask bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.budget(k)
	return g.limits[k.Class], !b.leased || b.stale(g.clock.Now())
}
