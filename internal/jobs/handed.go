package jobs

import (
	"maps"
	"sync"
	"time"
)

// handed are the rows this process has handed to River that it has not seen again. Another process may have fetched one: so each counts no
// longer than its lease.
type handed struct {
	mu    sync.Mutex
	until map[pointer]time.Time
}

func (h *handed) add(rows []pointer, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[pointer]time.Time{}
	}
	for _, p := range rows {
		h.until[p] = until
	}
}

func (h *handed) done(rows ...pointer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range rows {
		delete(h.until, p)
	}
}

func (h *handed) count(now time.Time) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.until, func(_ pointer, until time.Time) bool { return !now.Before(until) })
	return len(h.until)
}
