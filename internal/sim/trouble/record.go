package trouble

import (
	"context"
	"sync"
	"time"
)

// Request is what is remembered of one request: GET /requests.
type Request struct {
	At          time.Time `json:"at"`
	Method      string    `json:"method"`
	Path        string    `json:"path"`
	Query       string    `json:"query,omitempty"`
	Status      int       `json:"status"`
	Tenant      string    `json:"tenant,omitempty"`
	Mailbox     string    `json:"mailbox,omitempty"`
	App         string    `json:"app,omitempty"`
	Operation   string    `json:"operation,omitempty"` // the template the path matched
	Concurrency int       `json:"concurrency"`         // requests of the same app on the same mailbox at that moment, this one included
	RequestID   string    `json:"request_id,omitempty"`
	InBatch     bool      `json:"in_batch,omitempty"`
	Fault       string    `json:"fault,omitempty"`
}

// keep is how many requests are remembered. Counters go on.
const keep = 20000

// Recorder remembers requests. The zero value is ready.
type Recorder struct {
	mu       sync.Mutex
	ring     []Request
	next     int
	counters map[string]int
}

// Add remembers one request and counts it.
func (rec *Recorder) Add(r Request) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.ring) < keep {
		rec.ring = append(rec.ring, r)
	} else {
		rec.ring[rec.next] = r
		rec.next = (rec.next + 1) % keep
	}
	rec.count("requests", 1)
	if r.Status == 429 {
		rec.count("throttled", 1)
	}
	if r.Status >= 500 {
		rec.count("server_errors", 1)
	}
	if r.Fault != "" {
		rec.count("faults", 1)
	}
	if r.Concurrency > rec.counters["concurrency_max"] {
		rec.counters["concurrency_max"] = r.Concurrency
	}
}

// Count adds to a named counter.
func (rec *Recorder) Count(name string, n int) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.count(name, n)
}

func (rec *Recorder) count(name string, n int) {
	if rec.counters == nil {
		rec.counters = map[string]int{}
	}
	rec.counters[name] += n
}

// Requests gives what is remembered, oldest first.
func (rec *Recorder) Requests() []Request {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	out := make([]Request, 0, len(rec.ring))
	out = append(out, rec.ring[rec.next:]...)
	return append(out, rec.ring[:rec.next]...)
}

// Counters gives a copy of the counters.
func (rec *Recorder) Counters() map[string]int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	out := make(map[string]int, len(rec.counters))
	for k, v := range rec.counters {
		out[k] = v
	}
	return out
}

// Reset forgets everything.
func (rec *Recorder) Reset() {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.ring, rec.next, rec.counters = nil, 0, nil
}

type noteKey struct{}

// With carries a request's note, so that a service can fill in what only it knows.
func With(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, noteKey{}, r)
}

// Note gives the note of the request being served; it is never nil.
func Note(ctx context.Context) *Request {
	if r, ok := ctx.Value(noteKey{}).(*Request); ok {
		return r
	}
	return &Request{}
}
