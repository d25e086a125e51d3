package graph

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// Part is one request inside a batch.
type Part struct {
	Method      string
	Path        Path
	Options     []Option
	Body        any    // as JSON
	Bytes       []byte // instead of Body: sent as base64url
	ContentType string // of Bytes
}

// PartAnswer is what came of one part: an answer, or its own fault.
type PartAnswer struct {
	Status    int
	Header    http.Header
	Body      json.RawMessage
	RequestID string    // its own, or the envelope's
	At        time.Time // when the envelope's answer arrived, on our clock
	Err       error
}

// Into reads a successful part's JSON.
func (a PartAnswer) Into(v any) error {
	if a.Err != nil || len(a.Body) == 0 {
		return a.Err
	}
	if err := json.Unmarshal(a.Body, v); err != nil {
		return malformed("a part of a batch is not of the documented shape", err)
	}
	return nil
}

// Bytes reads a successful part's binary body, which comes as a base64 string.
func (a PartAnswer) Bytes() ([]byte, error) {
	var s string
	if err := a.Into(&s); err != nil {
		return nil, err
	}
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "="))
	if err != nil {
		return nil, malformed("a binary part of a batch is not base64", err)
	}
	return b, nil
}

// batchSize is how many parts Microsoft takes at once; batchRounds how often parts that were throttled inside are sent again.
const (
	batchSize   = 20
	batchRounds = 5
)

// Batch sends the parts in as few requests as possible and gives an answer for each, in the same order. Only parts that failed inside
// for a passing reason are sent again. The parts may run in any order.
func (c *Client) Batch(ctx context.Context, parts []Part) ([]PartAnswer, error) {
	return c.parts(ctx, parts, false)
}

// BatchInOrder is Batch where each part waits for the one before it; after one that failed, the rest fails too.
func (c *Client) BatchInOrder(ctx context.Context, parts []Part) ([]PartAnswer, error) {
	return c.parts(ctx, parts, true)
}

func (c *Client) parts(ctx context.Context, parts []Part, ordered bool) ([]PartAnswer, error) {
	requests := make([]wire.Request, len(parts))
	for i, p := range parts {
		var err error
		if requests[i], err = c.part(p); err != nil {
			return nil, err
		}
	}
	return c.batch(ctx, requests, ordered)
}

// batch sends requests that the fence has let pass.
func (c *Client) batch(ctx context.Context, requests []wire.Request, ordered bool) ([]PartAnswer, error) {
	b := &batch{c: c, ordered: ordered, answers: make([]PartAnswer, len(requests)), parts: requests}
	for i := range requests {
		b.open = append(b.open, i)
	}
	for len(b.open) > 0 {
		n := b.fit(b.open)
		chunk, rest := b.open[:n], b.open[n:]
		failed, err := b.settle(ctx, chunk)
		if err != nil {
			return nil, err
		}
		if failed && ordered {
			rest = nil
		}
		b.open = rest
	}
	if ordered {
		b.failRest()
	}
	return b.answers, nil
}

// part builds and fences one inner request.
func (c *Client) part(p Part) (wire.Request, error) {
	r, _, err := c.request(p.Method, p.Path, p.Options)
	if err != nil {
		return r, err
	}
	switch {
	case p.Bytes != nil:
		text, err := json.Marshal(base64.URLEncoding.EncodeToString(p.Bytes))
		if err != nil {
			return r, unencodable(r.Operation, err)
		}
		c.setBody(&r, p.ContentType, text)
	case p.Body != nil || p.Method == http.MethodPost: // an action without parameters still needs {}
		body, err := json.Marshal(orEmpty(p.Body))
		if err != nil {
			return r, unencodable(r.Operation, err)
		}
		c.setBody(&r, "application/json", body)
	}
	if c.wire.Fence != nil {
		return r, c.wire.Fence(r)
	}
	return r, nil
}

// batch is a run of Batch. parts and answers have the caller's order; open are those not settled yet.
type batch struct {
	c       *Client
	ordered bool
	parts   []wire.Request
	answers []PartAnswer
	open    []int
}

// fit says how many of the open parts go into one envelope: twenty, and no more than a budget can ever hold.
func (b *batch) fit(open []int) int {
	n := min(len(open), batchSize)
	for ; n > 1; n-- {
		if b.fits(b.charges(open[:n])) {
			break
		}
	}
	return n
}

func (b *batch) fits(charges []wire.Charge) bool {
	for _, ch := range charges {
		limit := b.c.wire.Governor.Remaining(ch.Key).Limit.Requests
		if limit > 0 && ch.Cost > limit-limit/100 {
			return false
		}
	}
	return true
}

// charges adds up the parts' costs by budget. Exchange runs at most four parts of an unordered batch at a time (graph/FACTS §3.1).
func (b *batch) charges(chunk []int) []wire.Charge {
	var sum []wire.Charge
	at := map[wire.Key]int{}
	for _, i := range chunk {
		for _, ch := range b.parts[i].Charges {
			j, ok := at[ch.Key]
			if !ok {
				j = len(sum)
				at[ch.Key] = j
				sum = append(sum, wire.Charge{Key: ch.Key})
			}
			sum[j].Cost += max(1, ch.Cost)
			if !b.ordered {
				sum[j].Slots = min(sum[j].Slots+1, 4)
			}
		}
	}
	return sum
}

// settle sends a chunk until each part has its answer. It reports whether a part failed for good.
func (b *batch) settle(ctx context.Context, chunk []int) (failed bool, err error) {
	for round, open := 1, chunk; len(open) > 0; round++ {
		answers, err := b.send(ctx, open)
		if err != nil {
			return true, err
		}
		var again []int
		var pause time.Duration
		for _, i := range open {
			wait, retry := b.take(ctx, i, answers[i], round)
			if retry {
				again, pause = append(again, i), max(pause, wait)
			} else if b.answers[i].Err != nil {
				failed = true
			}
		}
		if failed && b.ordered {
			return true, nil
		}
		open = again
		if err := b.c.wire.Clock.Sleep(ctx, pause); err != nil {
			return true, &fault.Error{Kind: fault.Unavailable, Code: "cancelled", Operation: "POST /$batch", Message: "The batch was given up before it was done", Err: err}
		}
	}
	return failed, nil
}

// take judges the answer of one part, and says whether and when to send the part again.
func (b *batch) take(ctx context.Context, i int, a inner, round int) (wait time.Duration, again bool) {
	r, before := b.parts[i], b.answers[i].Err
	b.answers[i] = PartAnswer{Status: a.Status, Header: a.header(), Body: a.Body, RequestID: a.requestID, At: a.at}
	if used := b.c.wire.Used; used != nil {
		used(r.Operation, a.Status)
	}
	if a.Status >= 200 && a.Status < 400 {
		return 0, false
	}
	f, wait, again := b.c.wire.Inner(ctx, r, wire.Refusal{Request: &r, Status: a.Status, Header: a.header(), Body: a.Body, Final: true}, round)
	f.MayBeDone = f.MayBeDone || fault.MayBeDone(before) // an earlier round's attempt counts as well
	b.answers[i].Err = f
	if a.Status == http.StatusFailedDependency && b.ordered {
		again = true // together with the one before it, or not at all when that one failed for good
	}
	return wait, again && round < batchRounds
}

// failRest gives the parts that were never sent their reason.
func (b *batch) failRest() {
	for i := range b.answers {
		if b.answers[i].Status == 0 && b.answers[i].Err == nil {
			b.answers[i] = PartAnswer{Status: http.StatusFailedDependency, Err: &fault.Error{Kind: fault.Conflict, Code: "earlier_part_failed",
				Operation: b.parts[i].Operation, Message: "An earlier part of the batch failed, so this one was not sent", Fix: "Correct the earlier part and send both again", Who: "you"}}
		}
	}
}

// inner is one part of the answer.
type inner struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`

	requestID string
	at        time.Time
}

func (a inner) header() http.Header {
	h := http.Header{}
	for k, v := range a.Headers {
		h.Set(k, v)
	}
	return h
}

// envelope is one part of the question.
type envelope struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers,omitempty"`
	Body      json.RawMessage   `json:"body,omitempty"`
	DependsOn []string          `json:"dependsOn,omitempty"`
}

// send sends one envelope. Lost without an answer, it is sent again only if every part may be.
func (b *batch) send(ctx context.Context, chunk []int) (map[int]inner, error) {
	question := struct {
		Requests []envelope `json:"requests"`
	}{}
	r := wire.Request{Operation: "POST /$batch", Method: http.MethodPost, URL: b.c.base + "/$batch", Idempotent: true,
		Header: http.Header{"Content-Type": {"application/json"}, "Prefer": {immutableIDs}}, Charges: b.charges(chunk)}
	for n, i := range chunk {
		question.Requests = append(question.Requests, b.envelope(n, i, chunk))
		r.Idempotent = r.Idempotent && b.parts[i].Repeatable()
	}
	body, err := json.Marshal(question)
	if err != nil {
		return nil, unencodable(r.Operation, err)
	}
	r.Body = body
	var answers map[int]inner
	r.Decode = func(body []byte) error {
		answers, err = decodeBatch(body)
		return err
	}
	answer, err := b.c.wire.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	answer.Release()
	for _, i := range chunk {
		a, ok := answers[i]
		if !ok {
			a = inner{Status: http.StatusGatewayTimeout} // not answered: as if it had timed out
		}
		a.at, a.requestID = answer.At, cmp.Or(wire.RequestID(a.header()), answer.RequestID)
		answers[i] = a
	}
	return answers, nil
}

func (b *batch) envelope(n, i int, chunk []int) envelope {
	r := b.parts[i]
	e := envelope{ID: strconv.Itoa(i), Method: r.Method, URL: strings.TrimPrefix(r.URL, b.c.base), Body: r.Body, Headers: map[string]string{}}
	for name := range r.Header {
		e.Headers[name] = r.Header.Get(name)
	}
	if b.ordered && n > 0 {
		e.DependsOn = []string{strconv.Itoa(chunk[n-1])}
	}
	return e
}

// decodeBatch reads the parts by id: they come in any order.
func decodeBatch(body []byte) (map[int]inner, error) {
	var answer struct {
		Responses []inner `json:"responses"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	parts := make(map[int]inner, len(answer.Responses))
	for _, a := range answer.Responses {
		if i, err := strconv.Atoi(a.ID); err == nil {
			parts[i] = a
		}
	}
	return parts, nil
}
