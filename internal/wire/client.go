package wire

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
)

// Config is what a Client is made of. Clock, Random, Tokens and Hosts are required; every other zero value is a sensible one.
type Config struct {
	Transport http.RoundTripper // shared by all clients of the hub; see NewTransport
	Bulk      http.RoundTripper // for pre-signed addresses; Transport without. See NewBulkTransport
	Hosts     []string          // hosts, with port where it is not 443, that may see the token
	Tokens    TokenSource
	Fence     Fence
	Governor  *Governor
	Decode    DecodeError
	Clock     clock.Clock
	Random    func() uint64 // for request ids and jitter
	Hook      clock.Hook
	Log       *slog.Logger
	Observer  Observer
	Used      func(operation string, status int) // told of every answer, those inside a batch too; may be nil
	Recorder  Recorder
	UserAgent string // SharePoint ranks decorated traffic higher: graph/FACTS §3.2

	Timeout       time.Duration // of one attempt, answer included; 100 s
	StreamTimeout time.Duration // of one streamed answer; 15 min
	MaxAnswer     int64         // bytes of one answer that is held in memory; 32 MB
	Attempts      int           // of one request that may be repeated; 4
}

// Client sends requests for one connection. It is safe for concurrent use.
type Client struct {
	Config
	hosts   map[string]bool
	buffers sync.Pool
	refresh sync.Mutex // one at a time asks for a new token
}

// New completes the configuration and makes a client of it.
func New(c Config) *Client {
	if c.Transport == nil {
		c.Transport = NewTransport(TransportConfig{})
	}
	if c.Bulk == nil {
		c.Bulk = c.Transport
	}
	if c.Governor == nil {
		c.Governor = NewGovernor(c.Clock, nil, nil)
	}
	if c.Decode == nil {
		c.Decode = plainRefusal
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.UserAgent == "" {
		c.UserAgent = "NONISV|Seneschal|Seneschal/1"
	}
	c.Timeout = or(c.Timeout, 100*time.Second)
	c.StreamTimeout = or(c.StreamTimeout, 15*time.Minute)
	c.MaxAnswer = or(c.MaxAnswer, 32<<20)
	c.Attempts = or(c.Attempts, 4)
	hosts := map[string]bool{}
	for _, h := range c.Hosts {
		hosts[canonicalHost(h)] = true
	}
	return &Client{Config: c, hosts: hosts, buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Do sends the request and reads the whole answer. Every error is a *fault.Error.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	x, err := c.begin(&r)
	if err != nil {
		return nil, err
	}
	got, err := x.run(ctx, false)
	if err != nil {
		return nil, err
	}
	return got.answer, nil
}

// Open sends the request and hands over the answer's body as it comes. The stream must be closed:
// until then it holds its place in the governor.
func (c *Client) Open(ctx context.Context, r Request) (*Stream, error) {
	x, err := c.begin(&r)
	if err != nil {
		return nil, err
	}
	got, err := x.run(ctx, true)
	if err != nil {
		return nil, err
	}
	return got.stream, nil
}

// Fenced asks the fence alone, for whoever has the answer already.
func (c *Client) Fenced(r Request) error {
	if c.Fence == nil {
		return nil
	}
	return c.Fence(r)
}

// begin checks what must hold before anything leaves.
func (c *Client) begin(r *Request) (*exchange, error) {
	if err := c.Fenced(*r); err != nil {
		return nil, err
	}
	if err := c.checkHost(r); err != nil {
		return nil, err
	}
	return &exchange{c: c, r: r}, nil
}

// exchange is one request with all its attempts.
type exchange struct {
	c       *Client
	r       *Request
	attempt int
	token   Token
	claims  string // of a challenge, for the next token
	renew   bool   // the token was refused: get another
	renewed bool   // that happened; a second refusal is final
	lost    bool   // an earlier attempt left without an answer, or with one that says nothing
	waited  time.Duration
}

type result struct {
	answer *Answer
	stream *Stream
}

// run repeats the attempt as long as that is safe and worthwhile.
func (x *exchange) run(ctx context.Context, stream bool) (result, error) {
	priority := priorityOf(ctx)
	for x.attempt = 1; ; x.attempt++ {
		got, failed := x.try(ctx, priority, stream)
		if failed == nil {
			return got, nil
		}
		f := *failed.Error // a copy: the token source may hand the same fault to many
		f.Operation = or(f.Operation, x.r.Operation)
		f.MayBeDone = x.lost && x.r.changes()
		failed.Error = &f
		if !failed.again || x.attempt >= x.c.limit(failed) || failed.wait > priority.Patience()-x.waited {
			return result{}, failed.Error
		}
		x.waited += failed.wait
		if err := x.c.Clock.Sleep(ctx, failed.wait); err != nil {
			failed.Err = err
			return result{}, failed.Error
		}
	}
}

// limit allows a throttled request twice the attempts: waiting is all it needs.
func (c *Client) limit(f *failure) int {
	if f.Kind == fault.Throttled {
		return 2 * c.Attempts
	}
	return c.Attempts
}

// failure is one attempt's fault, and whether and when to try again.
type failure struct {
	*fault.Error
	again bool
	wait  time.Duration
}
