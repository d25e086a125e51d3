package wire

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Observer counts requests for metrics. Status is 0 when no answer came.
type Observer interface {
	Request(operation string, status int, d time.Duration, attempt int)
}

// Recorder sees the traffic, for contract checks in tests. What it gets stays valid.
type Recorder interface {
	Record(Exchange)
}

// Exchange is one attempt as the recorder sees it; Status is 0 when no answer came. Tokens are redacted.
type Exchange struct {
	Operation, Method, URL string
	RequestHeader          http.Header
	RequestBody            []byte
	Status                 int
	Header                 http.Header
	Body                   []byte // nil for streams
}

// report tells log, metrics and recorder of one attempt. The log has the template, never path, address or body.
func (a *attempt) report(status int, h http.Header, body []byte) {
	c, r := a.x.c, a.x.r
	took := c.Clock.Now().Sub(a.began)
	Leave(a.ctx, RequestID(h))
	c.Log.DebugContext(a.ctx, "request sent", slog.String("operation", r.Operation), slog.Int("status", status), slog.Int("attempt", a.x.attempt),
		slog.Duration("took", took), slog.String("request_id", RequestID(h)), slog.String("client_request_id", a.header.Get("Client-Request-Id")))
	if c.Observer != nil {
		c.Observer.Request(r.Operation, status, took, a.x.attempt)
	}
	if c.Used != nil {
		c.Used(r.Operation, status)
	}
	if c.Recorder != nil {
		link := r.URL
		if r.Anonymous {
			link = withoutQuery(link)
		}
		c.Recorder.Record(Exchange{Operation: r.Operation, Method: r.Method, URL: link, RequestHeader: redacted(a.header),
			RequestBody: slices.Clone(r.Body), Status: status, Header: redacted(h), Body: slices.Clone(body)})
	}
}

// redacted hides what opens doors: tokens, cookies, and the query of a link, where a pre-signed URL has its signature.
func redacted(h http.Header) http.Header {
	out := h.Clone()
	for _, name := range []string{"Authorization", "Set-Cookie"} {
		if out.Get(name) != "" {
			out.Set(name, secret)
		}
	}
	if link := out.Get("Location"); link != "" {
		out.Set("Location", withoutQuery(link))
	}
	return out
}

func withoutQuery(link string) string {
	link, _, _ = strings.Cut(link, "?")
	return link
}

// guid is a random (version 4) id in the form that Microsoft expects of client-request-id.
func (c *Client) guid() string {
	hi, lo := c.Random(), c.Random()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
}
