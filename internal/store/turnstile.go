package store

import (
	"context"
	"slices"
	"sync"
)

// The lines at SQLite's one writer.
const (
	ordinary = iota
	ahead
	lines
)

// turnstile lets one transaction after the other at the one writer. There are two lines, each in the order of arrival, and they take turns:
// however long the one is, the other waits for one transaction of it.
type turnstile struct {
	mu     sync.Mutex
	taken  bool
	served int // the line that had the last turn
	wait   [lines][]chan struct{}
}

// enter waits for a turn; leave ends it.
func (t *turnstile) enter(ctx context.Context, line int) error {
	t.mu.Lock()
	if !t.taken {
		t.taken, t.served = true, line
		t.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	t.wait[line] = append(t.wait[line], turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		if i := slices.Index(t.wait[line], turn); i >= 0 {
			t.wait[line] = slices.Delete(t.wait[line], i, i+1)
		} else {
			t.next() // the turn came in the same moment
		}
		return ctx.Err()
	}
}

func (t *turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

// next gives the turn on, to the other line first.
func (t *turnstile) next() {
	for _, line := range [lines]int{lines - 1 - t.served, t.served} {
		if len(t.wait[line]) > 0 {
			turn := t.wait[line][0]
			t.wait[line], t.served = t.wait[line][1:], line
			close(turn)
			return
		}
	}
	t.taken = false
}
