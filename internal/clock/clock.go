package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time and waits. Times are in UTC.
type Clock interface {
	Now() time.Time
	// NewTimer fires once after d; a d of zero or less fires at once.
	NewTimer(d time.Duration) *Timer
	// Sleep waits for d or until ctx ends, and then returns the context's error.
	Sleep(ctx context.Context, d time.Duration) error
}

// Timer is one pending wake-up. Its channel receives the time at which it fired.
type Timer struct {
	C    <-chan time.Time
	stop func()
}

// Stop ends the timer; stopping twice, or after it fired, does nothing.
func (t *Timer) Stop() { t.stop() }

// Real is the machine's clock.
type Real struct{}

// Now returns the machine's time in UTC.
func (Real) Now() time.Time { return time.Now().UTC() }

// NewTimer starts a timer of the machine's clock.
func (Real) NewTimer(d time.Duration) *Timer {
	t := time.NewTimer(d)
	return &Timer{C: t.C, stop: func() { t.Stop() }}
}

// Sleep waits on the machine's clock.
func (r Real) Sleep(ctx context.Context, d time.Duration) error { return wait(ctx, r.NewTimer(d)) }

// Adjustable is the machine's clock plus an offset that only grows. Demo, tests and the simulator use it:
// advancing it wakes every timer that became due, so that hours pass in a test without waiting.
type Adjustable struct {
	mu      sync.Mutex
	offset  time.Duration
	pending map[*pendingTimer]struct{}
}

type pendingTimer struct {
	due  time.Time // on this clock
	fire func(now time.Time)
	real *time.Timer
}

// NewAdjustable returns a clock that starts at the machine's time.
func NewAdjustable() *Adjustable {
	return &Adjustable{pending: map[*pendingTimer]struct{}{}}
}

// Now returns the machine's time plus all advances, in UTC.
func (a *Adjustable) Now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now()
}

func (a *Adjustable) now() time.Time { return time.Now().UTC().Add(a.offset) }

// Advance moves the clock forward by d and fires the timers that became due. A negative d does nothing: time never goes back.
func (a *Adjustable) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	a.mu.Lock()
	a.offset += d
	now := a.now()
	var due []*pendingTimer
	for p := range a.pending {
		if !p.due.After(now) {
			due = append(due, p)
			delete(a.pending, p)
		} else {
			p.real.Reset(p.due.Sub(now))
		}
	}
	a.mu.Unlock()
	for _, p := range due {
		p.real.Stop()
		p.fire(now)
	}
}

// NewTimer fires once this clock has moved on by d, by waiting or by Advance.
func (a *Adjustable) NewTimer(d time.Duration) *Timer {
	c := make(chan time.Time, 1)
	p := &pendingTimer{fire: func(now time.Time) {
		select {
		case c <- now:
		default: // already fired
		}
	}}
	a.mu.Lock()
	defer a.mu.Unlock()
	p.due = a.now().Add(d)
	a.pending[p] = struct{}{}
	p.real = time.AfterFunc(max(d, 0), func() {
		if a.forget(p) {
			p.fire(a.Now())
		}
	})
	return &Timer{C: c, stop: func() {
		a.forget(p)
		p.real.Stop()
	}}
}

// forget reports whether the timer was still pending: whoever removes it fires it.
func (a *Adjustable) forget(p *pendingTimer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.pending[p]
	delete(a.pending, p)
	return ok
}

// Sleep waits until this clock has moved on by d.
func (a *Adjustable) Sleep(ctx context.Context, d time.Duration) error {
	return wait(ctx, a.NewTimer(d))
}

func wait(ctx context.Context, t *Timer) error {
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
