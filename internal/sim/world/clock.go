package world

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time and waits. The product's adjustable clock satisfies it, so hub and simulator can share one.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Advancer is a clock that can be moved forward; POST /clock needs one.
type Advancer interface {
	Advance(d time.Duration)
}

// OffsetClock is the machine's clock plus an offset that only grows: the clock of a simulator that runs by itself.
type OffsetClock struct {
	mu     sync.Mutex
	offset time.Duration
	moved  chan struct{} // closed and replaced by each Advance
}

// NewOffsetClock starts at the machine's time.
func NewOffsetClock() *OffsetClock { return &OffsetClock{moved: make(chan struct{})} }

// Now returns the machine's time plus all advances, in UTC.
func (c *OffsetClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().UTC().Add(c.offset)
}

// Advance moves the clock forward and wakes sleepers to look again.
func (c *OffsetClock) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	close(c.moved)
	c.moved = make(chan struct{})
}

// Sleep waits until this clock has moved on by d or ctx ends.
func (c *OffsetClock) Sleep(ctx context.Context, d time.Duration) error {
	until := c.Now().Add(d)
	for {
		c.mu.Lock()
		moved := c.moved
		c.mu.Unlock()
		left := until.Sub(c.Now())
		if left <= 0 {
			return ctx.Err()
		}
		t := time.NewTimer(left)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-moved:
		case <-t.C:
		}
		t.Stop()
	}
}
