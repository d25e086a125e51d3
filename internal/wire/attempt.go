package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
)

// attempt is one sending of a request.
type attempt struct {
	x         *exchange
	ctx       context.Context // of the caller, for the log's ids and the trail
	permit    *Permit
	cancel    context.CancelFunc
	began     time.Time
	connected atomic.Bool // bytes may have left
	elsewhere bool        // a redirect was followed: the answer is not from the host that knows the token
	header    http.Header // as sent
	bodies    sync.WaitGroup
}

// try sends once. The permit and the timeout live until the answer is read, or the stream is closed.
func (x *exchange) try(ctx context.Context, p Priority, stream bool) (result, *failure) {
	permit, err := x.c.Governor.Acquire(ctx, p, x.r.Charges)
	if err != nil {
		return result{}, &failure{Error: fault.As(err)}
	}
	if err := x.authorize(ctx); err != nil {
		permit.Unused()
		return result{}, &failure{Error: fault.As(err)}
	}
	timeout := x.c.Timeout
	if stream {
		timeout = x.c.StreamTimeout
	}
	// A socket lives in machine time: advancing the practice clock must not cut off a request in flight.
	actx, cancel := context.WithTimeout(ctx, timeout)
	a := &attempt{x: x, ctx: ctx, permit: permit, cancel: cancel, began: x.c.Clock.Now()}
	got, failed, open := a.send(ctx, actx, stream)
	if !open {
		a.end()
	}
	return got, failed
}

// end gives everything back. The transport may read a request's body until it closes it, even after it failed,
// and the caller may reuse the memory at once: so the close is waited for.
func (a *attempt) end() {
	a.cancel()
	a.bodies.Wait()
	a.permit.Done()
}

// body is the request's content for one reading by the transport.
func (a *attempt) body() (io.ReadCloser, error) {
	a.bodies.Add(1)
	return &sentBody{Reader: bytes.NewReader(a.x.r.Body), closed: sync.OnceFunc(a.bodies.Done)}, nil
}

type sentBody struct {
	*bytes.Reader
	closed func()
}

// Close tells that the transport is done with the body.
func (b *sentBody) Close() error {
	b.closed()
	return nil
}

// authorize gets the token. After a refusal it takes what another request may have fetched meanwhile, and forces a new one
// only if that is still the refused one: fifty refused requests fetch one token, not fifty.
func (x *exchange) authorize(ctx context.Context) error {
	if x.r.Anonymous {
		return nil
	}
	if !x.renew {
		t, err := x.c.Tokens.Token(ctx, Refresh{})
		x.token = t
		return err
	}
	x.c.refresh.Lock()
	defer x.c.refresh.Unlock()
	x.renew = false
	t, err := x.c.Tokens.Token(ctx, Refresh{})
	if err != nil || t.Value == x.token.Value {
		t, err = x.c.Tokens.Token(ctx, Refresh{Force: true, Claims: x.claims})
	}
	x.token = t
	return err
}

// send does the round trip and judges what came back. open says that a stream now owns permit and timeout.
func (a *attempt) send(ctx, actx context.Context, stream bool) (got result, failed *failure, open bool) {
	c, r := a.x.c, a.x.r
	c.Hook.At(clock.BeforeSend, r.Operation)
	if failed := r.fenced(ctx); failed != nil {
		return result{}, failed, false
	}
	req, err := a.build(actx)
	if err != nil {
		return result{}, &failure{Error: badRequest(err)}, false
	}
	resp, err := a.roundTrip(req)
	c.Hook.At(clock.AfterSend, r.Operation)
	if err != nil {
		a.report(0, nil, nil)
		return result{}, a.broken(ctx, err), false
	}
	if stream && resp.StatusCode < 300 {
		a.report(resp.StatusCode, resp.Header, nil)
		return result{stream: a.stream(resp)}, nil, true
	}
	defer func() { _ = resp.Body.Close() }()
	got, failed = a.read(ctx, resp)
	c.Hook.At(clock.AfterAnswer, r.Operation)
	return got, failed, false
}

func (a *attempt) build(ctx context.Context) (*http.Request, error) {
	c, r := a.x.c, a.x.r
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range r.Header {
		req.Header[k] = v
	}
	if len(r.Body) > 0 {
		req.ContentLength, req.GetBody = int64(len(r.Body)), a.body
		if req.Body, err = a.body(); err != nil {
			return nil, err
		}
	}
	req.Header.Set("User-Agent", c.UserAgent)
	if !r.Anonymous {
		req.Header.Set("Client-Request-Id", c.guid())
		req.Header.Set("Authorization", "Bearer "+a.x.token.Value)
	}
	if !r.Raw && req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if t, ok := ctx.Value(traceKey).(string); ok && t != "" {
		req.Header.Set("Traceparent", t)
	}
	a.header = req.Header
	return req, nil
}

// maxRedirects bounds a chain of pre-signed URLs; Microsoft's have one step.
const maxRedirects = 5

// roundTrip follows redirects of reads, without the token: they lead to pre-signed URLs (graph/FACTS §10).
func (a *attempt) roundTrip(req *http.Request) (*http.Response, error) {
	for range maxRedirects {
		transport := a.x.c.Transport
		if a.x.r.Anonymous || a.elsewhere {
			transport = a.x.c.Bulk
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		location := resp.Header.Get("Location")
		if resp.StatusCode/100 != 3 || location == "" || (req.Method != http.MethodGet && req.Method != http.MethodHead) {
			return resp, nil
		}
		_ = resp.Body.Close()
		next, err := req.URL.Parse(location)
		if err != nil {
			return nil, errRedirect
		}
		if next.Scheme != "https" && next.Scheme != req.URL.Scheme {
			return nil, errRedirect
		}
		req, err = http.NewRequestWithContext(req.Context(), req.Method, next.String(), nil)
		if err != nil {
			return nil, errRedirect
		}
		req.Header.Set("User-Agent", a.x.c.UserAgent)
		if ranges := a.header.Get("Range"); ranges != "" {
			req.Header.Set("Range", ranges)
		}
		a.elsewhere = true
	}
	return nil, errRedirect
}

var errRedirect = errors.New("the answer redirects to a place that is not followed")

// checkHost keeps the token from every host but the client's own: links come from answers, and answers may lie.
func (c *Client) checkHost(r *Request) error {
	u, err := url.Parse(r.URL)
	if err != nil || u.User != nil {
		return badRequest(errors.New("not a URL"))
	}
	safe := u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname()))
	if safe && (r.Anonymous || c.hosts[canonicalHost(u.Host)]) {
		return nil
	}
	return &fault.Error{Kind: fault.UpstreamRefused, Code: "foreign_host", Operation: r.Operation,
		Message: "The request would leave for a host that this connection does not belong to",
		Cause:   "An answer contained a link to another host, or the connection's cloud is set wrongly",
		Fix:     "Check the cloud and the URLs of the connection; if they are right, report this", Who: "the operator of this hub"}
}

func canonicalHost(h string) string { return strings.TrimSuffix(strings.ToLower(h), ":443") }

func loopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }
