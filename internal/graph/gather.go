package graph

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// Gathering puts reads that several workers want at the same moment into one $batch. Who reads need not know: it reads under the
// gathering's context. An envelope leaves when it is full, or when no worker is left that could add to it; nobody waits for a clock.
type Gathering struct {
	ctx context.Context

	mu      sync.Mutex
	busy    int // workers that do not wait for an envelope
	waiting map[*Client][]*wish
}

// wish is one read that waits for its envelope.
type wish struct {
	request wire.Request
	part    PartAnswer
	err     error // of the whole envelope
	gone    bool  // whoever wanted it gave up
	done    chan struct{}
}

type gatheringKey struct{}

// Gather begins a gathering. Every worker joins it before it reads, and leaves it afterwards.
func Gather(ctx context.Context) (context.Context, *Gathering) {
	g := &Gathering{waiting: map[*Client][]*wish{}}
	g.ctx = ctx
	return context.WithValue(ctx, gatheringKey{}, g), g
}

// Join adds a worker.
func (g *Gathering) Join() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy++
}

// Leave takes a worker out: nobody waits for its reads any more.
func (g *Gathering) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.sendIfQuiet()
}

// do sends a request, or has it gathered where that may be.
func (c *Client) do(ctx context.Context, r wire.Request) (*wire.Answer, error) {
	g, ok := ctx.Value(gatheringKey{}).(*Gathering)
	if !ok {
		return c.wire.Do(ctx, r)
	}
	if c.gathers(r) {
		return g.read(ctx, c, r)
	}
	return g.alone(ctx, c, r)
}

// alone sends a request by itself. It may take long, and nobody's envelope shall wait for it.
func (g *Gathering) alone(ctx context.Context, c *Client, r wire.Request) (*wire.Answer, error) {
	g.Leave()
	defer g.Join()
	return c.wire.Do(ctx, r)
}

// open is do for a stream, which is never gathered.
func (c *Client) open(ctx context.Context, r wire.Request) (*wire.Stream, error) {
	if g, ok := ctx.Value(gatheringKey{}).(*Gathering); ok {
		g.Leave()
		defer g.Join()
	}
	return c.wire.Open(ctx, r)
}

// gathers says which requests may be parts: reads of JSON from Graph itself. What writes needs an answer of its own, as a lost envelope
// would leave all its parts unclear.
func (c *Client) gathers(r wire.Request) bool {
	return r.Method == http.MethodGet && !r.Anonymous && !r.Raw && strings.HasPrefix(r.URL, c.base+"/")
}

func (g *Gathering) read(ctx context.Context, c *Client, r wire.Request) (*wire.Answer, error) {
	if c.wire.Fence != nil {
		if err := c.wire.Fence(r); err != nil {
			return nil, err
		}
	}
	w := &wish{request: r, done: make(chan struct{})}
	g.want(c, w)
	select {
	case <-w.done:
	case <-ctx.Done():
		if g.giveUp(w) {
			return nil, givenUp(r.Operation, context.Cause(ctx))
		}
	}
	switch {
	case w.err != nil && !opaque(w.err):
		return nil, w.err
	case w.err != nil:
		return g.alone(ctx, c, r) // one part may have spoiled the envelope: each learns its own answer
	}
	wire.Leave(ctx, w.part.RequestID)
	if w.part.Err != nil {
		return nil, w.part.Err
	}
	if r.Decode != nil && r.Decode(w.part.Body) != nil {
		return g.alone(ctx, c, r) // damaged on the way
	}
	return &wire.Answer{Status: w.part.Status, Header: w.part.Header, Body: w.part.Body, RequestID: w.part.RequestID, At: w.part.At}, nil
}

// opaque says that an envelope's refusal tells nothing about its parts.
func opaque(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.TooLarge, fault.UpstreamRefused:
		return true
	}
	return false
}

// want puts a wish in, and sends what is due.
func (g *Gathering) want(c *Client, w *wish) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.waiting[c] = append(g.waiting[c], w)
	if len(g.waiting[c]) == batchSize {
		g.send(c)
	}
	g.sendIfQuiet()
}

// sendIfQuiet sends every envelope when nobody is left who could add to one. The lock is held.
func (g *Gathering) sendIfQuiet() {
	if g.busy > 0 {
		return
	}
	for c := range g.waiting {
		g.send(c)
	}
}

// send sends a client's envelope. The lock is held.
func (g *Gathering) send(c *Client) {
	wishes := g.waiting[c]
	delete(g.waiting, c)
	if len(wishes) == 0 {
		return
	}
	go func() {
		requests := make([]wire.Request, len(wishes))
		for i, w := range wishes {
			requests[i] = w.request
		}
		answers, err := c.batch(g.ctx, requests, false)
		g.mu.Lock()
		defer g.mu.Unlock()
		for i, w := range wishes {
			if w.err = err; err == nil {
				w.part = answers[i]
			}
			if !w.gone {
				g.busy++
			}
			close(w.done)
		}
	}()
}

// giveUp says that nobody waits for a wish any more; false when its answer has just come.
func (g *Gathering) giveUp(w *wish) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.done:
		return false
	default:
		w.gone = true
		g.busy++
		return true
	}
}

func givenUp(operation string, err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "cancelled", Operation: operation, Message: "The request was given up before it was done", Err: err}
}
