package wire

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"seneschal/internal/fault"
)

// Refusal is an error answer, for the product that knows its codes.
type Refusal struct {
	Request *Request
	Status  int
	Header  http.Header
	Body    []byte
	Claims  string // of a claims challenge, as JSON
	Final   bool   // a 401 that no other token will heal
	Signed  bool   // the refused URL was a pre-signed one; the token played no part
}

// DecodeError turns an error answer into the fault that a reader can act on. Pipeline facts (operation, request id, time,
// waiting time) are added where it leaves them empty.
type DecodeError func(Refusal) *fault.Error

// plainRefusal knows only HTTP.
func plainRefusal(r Refusal) *fault.Error {
	kinds := map[int]fault.Kind{
		http.StatusBadRequest: fault.Invalid, http.StatusUnauthorized: fault.NeedsReauth, http.StatusForbidden: fault.NeedsAdmin,
		http.StatusNotFound: fault.NotFound, http.StatusConflict: fault.Conflict, http.StatusPreconditionFailed: fault.Conflict,
		http.StatusGone: fault.Gone, http.StatusRequestEntityTooLarge: fault.TooLarge, http.StatusTooManyRequests: fault.Throttled,
		http.StatusServiceUnavailable: fault.Unavailable, http.StatusBadGateway: fault.Unavailable, http.StatusGatewayTimeout: fault.Unavailable,
		http.StatusInternalServerError: fault.Unavailable,
	}
	kind, ok := kinds[r.Status]
	if !ok {
		kind = fault.UpstreamRefused
	}
	return &fault.Error{Kind: kind, Code: "refused", Message: "The other side refused: " + http.StatusText(r.Status)}
}

// refused judges an error answer.
func (a *attempt) refused(resp *http.Response, body []byte) *failure {
	x := a.x
	r := Refusal{Request: x.r, Status: resp.StatusCode, Header: resp.Header, Body: body, Signed: x.r.Anonymous || a.elsewhere}
	r.Final = x.renewed || r.Signed
	if resp.StatusCode == http.StatusUnauthorized {
		r.Claims = ClaimsChallenge(resp.Header.Values("WWW-Authenticate"))
	}
	return x.refused(r)
}

func (x *exchange) refused(r Refusal) *failure {
	now := x.c.Clock.Now()
	f := x.c.Decode(r)
	if f.Upstream == nil {
		f.Upstream = &fault.Upstream{}
	}
	f.Upstream.Status, f.Upstream.At = r.Status, now
	f.Upstream.RequestID = or(RequestID(r.Header), f.Upstream.RequestID)
	f.Operation = or(f.Operation, x.r.Operation)
	after, told := RetryAfter(r.Header, now)
	f.RetryAfter = or(f.RetryAfter, after)
	return x.judge(f, r.Status, r, told)
}

// Inner judges an error answer that came inside another one, a part of a batch, by the same rules. A throttled part closes its budget.
// wait is how long to wait before sending the part again, if again says so.
func (c *Client) Inner(ctx context.Context, r Request, refusal Refusal, attempt int) (f *fault.Error, wait time.Duration, again bool) {
	x := &exchange{c: c, r: &r, attempt: attempt}
	failed := x.refused(refusal)
	failed.MayBeDone = x.lost && r.changes()
	return failed.Error, failed.wait, failed.again && failed.wait <= priorityOf(ctx).Patience()
}

// judge decides what an error answer means for repeating the request.
//
// 401, 429 and 509, and a 503 with Retry-After, are given before any work is done (graph/FACTS §2 and §3.2), so any request may be
// repeated after them. Every other 5xx may come after the work: only what is repeatable is sent again, the rest is unclear.
func (x *exchange) judge(f *fault.Error, status int, r Refusal, told bool) *failure {
	switch {
	case status == http.StatusUnauthorized:
		return x.unauthorized(f, r)
	case status == http.StatusTooManyRequests, status == 509, status == http.StatusServiceUnavailable && told:
		if !told {
			f.RetryAfter = x.backoff(time.Second)
		}
		if n := len(x.r.Charges); n > 0 {
			x.c.Governor.Block(x.r.Charges[n-1].Key, f.RetryAfter)
		}
		return &failure{Error: f, again: true, wait: f.RetryAfter}
	case status == http.StatusBadGateway && f.Kind == fault.NotSupported:
		return &failure{Error: f} // the product knows that nothing was done, and never will be (dynamics/AUTH-MATRIX §2)
	case status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported && status != http.StatusInsufficientStorage:
		if !x.r.Repeatable() {
			return &failure{Error: unclear(f)}
		}
		x.lost = true
		return &failure{Error: f, again: true, wait: max(f.RetryAfter, x.backoff(500*time.Millisecond))}
	case status == http.StatusPreconditionFailed && x.lost:
		return &failure{Error: unclear(f)} // the change that is in the way may be the one whose answer was lost
	}
	return &failure{Error: f}
}

// unauthorized renews the token once. A refusal that no token can heal is final at once: Teams answers an app's posting with
// 401 although the token is fine (dynamics/AUTH-MATRIX §1, rule 7), and the decoder says so with NotSupported.
func (x *exchange) unauthorized(f *fault.Error, r Refusal) *failure {
	if r.Final || f.Kind == fault.NotSupported {
		return &failure{Error: f}
	}
	x.renewed, x.renew, x.claims = true, true, r.Claims
	return &failure{Error: f, again: true}
}

// broken judges an attempt without an answer.
func (a *attempt) broken(ctx context.Context, err error) *failure {
	switch {
	case errors.Is(err, errRedirect):
		return &failure{Error: &fault.Error{Kind: fault.UpstreamRefused, Code: "redirect_refused", Message: "The answer redirects to a place that is not followed",
			Cause: "The redirect leaves HTTPS, is not a URL, or never ends", Fix: "Try again; if it stays, check proxies between the hub and Microsoft", Who: "the operator of this hub"}}
	case !a.connected.Load() && ctx.Err() == nil:
		// No connection came about, so nothing can have happened.
		return &failure{Error: unavailable("unreachable", "No connection to the server came about", err), again: true, wait: a.x.backoff(500 * time.Millisecond)}
	case !a.connected.Load():
		return &failure{Error: interrupted(ctx)}
	}
	return a.unanswered(ctx, err)
}

// unanswered judges a request that may have arrived but whose answer did not.
func (a *attempt) unanswered(ctx context.Context, err error) *failure {
	f := unavailable("connection_lost", "The connection broke before the answer was complete", err)
	if ctx.Err() != nil {
		f = interrupted(ctx)
	} else if errors.Is(err, context.DeadlineExceeded) || timedOut(err) {
		f = unavailable("timeout", "No answer came in time", err)
	}
	if !a.x.r.Repeatable() {
		return &failure{Error: unclear(f)}
	}
	a.x.lost = true
	return &failure{Error: f, again: ctx.Err() == nil, wait: a.x.backoff(500 * time.Millisecond)}
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// damaged judges a successful status with a body that is not what it should be.
func (a *attempt) damaged(ctx context.Context, resp *http.Response, err error) *failure {
	a.x.lost = true
	var failed *failure
	var bad *undecodable
	switch {
	case errors.Is(err, errTooLarge):
		failed = &failure{Error: a.tooLarge()}
	case errors.Is(err, errHTML):
		failed = &failure{Error: &fault.Error{Kind: fault.Unavailable, Code: "html_instead_of_json", Message: "A web page came instead of data",
			Cause: "A proxy, firewall or sign-in page answered in Microsoft's place", Fix: "Let the hub reach Microsoft without interception, or set its proxy", Who: "the operator of this hub"}}
	case errors.As(err, &bad):
		// A value of another type is no damage on the way: it would come again.
		var other *json.UnmarshalTypeError
		failed = &failure{Error: unavailable("malformed_answer", "The answer is damaged or not of the documented shape", bad.error),
			again: !errors.As(bad.error, &other), wait: a.x.backoff(500 * time.Millisecond)}
	default:
		failed = a.unanswered(ctx, err)
	}
	failed.Upstream = &fault.Upstream{Status: resp.StatusCode, RequestID: RequestID(resp.Header), At: a.x.c.Clock.Now()}
	if !a.x.r.Repeatable() && failed.Kind != fault.Unclear {
		return &failure{Error: unclear(failed.Error)}
	}
	return failed
}

func (a *attempt) tooLarge() *fault.Error {
	return &fault.Error{Kind: fault.TooLarge, Code: "answer_too_large", Operation: a.x.r.Operation, Message: "The answer is larger than the hub takes into memory at once",
		Fix: "Ask for less: a smaller page, fewer fields, or the content as a stream", Who: "you"}
}

func unavailable(code, message string, err error) *fault.Error {
	return &fault.Error{Kind: fault.Unavailable, Code: code, Message: message, Err: err,
		Cause: "The network between the hub and Microsoft, or Microsoft's service, failed", Fix: "Wait and try again; if it stays, check network, proxy and Microsoft's service health", Who: "the operator of this hub"}
}

// unclear keeps what is known of the failure, and says the one thing that counts: it may have been done.
func unclear(f *fault.Error) *fault.Error {
	return &fault.Error{Kind: fault.Unclear, Code: "outcome_unknown", Operation: f.Operation, Upstream: f.Upstream, Err: f,
		Message: "Microsoft did not say whether it was done", Cause: f.Message,
		Fix: "Look whether the effect is there before sending it again", Who: "you",
		WrongFixes: []string{"sending it again at once: it may then happen twice"}}
}

func interrupted(ctx context.Context) *fault.Error {
	f := &fault.Error{Kind: fault.Unavailable, Code: "cancelled", Message: "The request was given up before it was done", Err: context.Cause(ctx)}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.Code, f.Message, f.Fix, f.Who = "deadline_exceeded", "The time for this request was over before it was done", "Try again, with more time if it may take it", "you"
	}
	return f
}

func badRequest(err error) *fault.Error {
	return &fault.Error{Kind: fault.Internal, Code: "bad_request_built", Message: "The hub built a request that cannot be sent", Err: err,
		Fix: "Report this with the log of this time", Who: "the operator of this hub"}
}
