package wire

import (
	"context"
	"net/http"
	"time"

	"seneschal/internal/fault"
)

// Request is one call on the wire, complete before it starts: the pipeline may send it more than once.
type Request struct {
	Operation string // template for logs, metrics and errors: "GET /users/{user-id}/messages/{message-id}"
	Method    string
	URL       string // absolute; may hold ids and addresses, so it is never logged
	Header    http.Header
	Body      []byte
	Target    Target   // whose data it touches, for the fence
	Into      Target   // whose data it touches besides: where a copy goes
	Charges   []Charge // what it costs; the narrowest budget last, because a throttling answer closes that one

	// Idempotent says that sending it twice has the effect of sending it once. GET, HEAD, PUT and DELETE always are;
	// a POST is when it only reads (getSchedule) or carries a key that Microsoft honours (an event's transactionId).
	Idempotent bool
	// Once says that sending it twice has two effects whatever its method: a PUT that takes another name each time.
	Once bool
	// Anonymous requests carry no token: pre-signed upload and download URLs (graph/FACTS §7 and §10).
	Anonymous bool
	// Raw answers are bytes; all others must be JSON.
	Raw bool
	// MaxAnswer bounds the answer's body in bytes; zero takes the client's bound.
	MaxAnswer int64
	// Decode reads a successful body. What it cannot read counts as damaged on the way, and is asked for again where that is safe.
	// The bytes are reused after Do returns when the caller releases the answer.
	Decode func(body []byte) error
}

// Target names whose data a request touches, as the caller's typed path says; a link of Microsoft's keeps the target of its first page.
type Target struct {
	Mailbox string // id or address of a user's mailbox; Me for the signed-in user's
	Site    string // site id or URL path
	Drive   string
	Team    string // team id: the one place where a call's team is named
	Section string // first path segment behind the owner: "messages", "calendar"; "" for the owner's own entry
}

// Me is the mailbox of the signed-in user.
const Me = "me"

// Fence refuses what a connection may not touch. It runs before anything else.
type Fence func(Request) error

// Answer is a successful answer, completely read.
type Answer struct {
	Status    int
	Header    http.Header
	Body      []byte
	RequestID string
	At        time.Time // when it arrived, on our clock
	release   func()
}

// Release gives the body's memory back; Body must not be used afterwards. Calling it is optional.
func (a *Answer) Release() {
	if a.release != nil {
		a.release()
		a.release, a.Body = nil, nil
	}
}

type contextKey uint8

const (
	priorityKey contextKey = iota
	traceKey
	trailKey
	fenceKey
)

// WithPriority sets the priority of the requests made under ctx.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey, p)
}

// WithTraceparent makes the requests under ctx part of a trace (W3C Trace Context, header traceparent).
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, traceKey, traceparent)
}

// WithFence has held asked before any request under ctx that may have an effect leaves, each attempt anew; an error keeps it here. Who waited
// long, or slept, may no longer be the one who is to send it.
func WithFence(ctx context.Context, held func(context.Context) error) context.Context {
	return context.WithValue(ctx, fenceKey, held)
}

// fenced is the error that keeps the request here.
func (r Request) fenced(ctx context.Context) *failure {
	held, ok := ctx.Value(fenceKey).(func(context.Context) error)
	if !ok || !r.changes() {
		return nil
	}
	if err := held(ctx); err != nil {
		return &failure{Error: fault.As(err)}
	}
	return nil
}

// priorityOf is the context's priority, Dispatch without.
func priorityOf(ctx context.Context) Priority {
	if p, ok := ctx.Value(priorityKey).(Priority); ok && p != 0 {
		return p
	}
	return Dispatch
}

// changes says that the request may have an effect. A POST that only asks is taken for one that does.
func (r Request) changes() bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// Repeatable says whether sending it again after an unknown outcome is harmless.
// A PATCH is only with If-Match: without it, the repetition could overwrite somebody else's change, or mail attendees twice.
func (r Request) Repeatable() bool {
	if r.Once {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	case http.MethodPatch:
		return r.Idempotent || r.Header.Get("If-Match") != ""
	}
	return r.Idempotent
}
