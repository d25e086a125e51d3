package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// Get reads one entry.
func Get[T any](ctx context.Context, c *Client, p Path, opts ...Option) (T, error) {
	return send[T](ctx, c, http.MethodGet, p, nil, opts)
}

// Post creates an entry, or calls an action that answers with one. A nil body sends {}: actions want one even without parameters.
func Post[T any](ctx context.Context, c *Client, p Path, body any, opts ...Option) (T, error) {
	return send[T](ctx, c, http.MethodPost, p, orEmpty(body), opts)
}

// Patch changes an entry and answers with it as it is then. Fields that the body leaves out stay.
func Patch[T any](ctx context.Context, c *Client, p Path, body any, opts ...Option) (T, error) {
	return send[T](ctx, c, http.MethodPatch, p, orEmpty(body), opts)
}

// Call runs an action without an answer (202, 204): send, reply, cancel.
func Call(ctx context.Context, c *Client, p Path, body any, opts ...Option) error {
	_, err := send[ignored](ctx, c, http.MethodPost, p, orEmpty(body), opts)
	return err
}

// Delete removes an entry. When an earlier answer was lost and the entry is gone at the next attempt, that is success.
func Delete(ctx context.Context, c *Client, p Path, opts ...Option) error {
	_, err := send[ignored](ctx, c, http.MethodDelete, p, nil, opts)
	return err
}

// ignored takes any answer and keeps nothing of it.
type ignored struct{}

// UnmarshalJSON reads nothing.
func (*ignored) UnmarshalJSON([]byte) error { return nil }

func orEmpty(body any) any {
	if body == nil {
		return struct{}{}
	}
	return body
}

func send[T any](ctx context.Context, c *Client, method string, p Path, body any, opts []Option) (T, error) {
	var zero T
	r, k, err := c.request(method, p, opts)
	if err != nil {
		return zero, err
	}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return zero, unencodable(r.Operation, err)
		}
		c.setBody(&r, "application/json", b)
	}
	return exchange[T](ctx, c, r, k)
}

func exchange[T any](ctx context.Context, c *Client, r wire.Request, k *call) (T, error) {
	var out T
	r.Decode = func(body []byte) error {
		var fresh T // an attempt that broke off must leave nothing behind
		out = fresh
		if len(body) == 0 {
			return nil
		}
		return json.Unmarshal(body, &out)
	}
	answer, err := c.do(ctx, r)
	if err != nil {
		c.forgetSites(err, r.Target.Site)
		var zero T
		return zero, err
	}
	k.prove(answer)
	answer.Release()
	return out, nil
}

// Content reads the bytes of an entry as a stream, which the caller closes: a message's MIME or an attachment ($value), a file (content).
func (c *Client) Content(ctx context.Context, p Path, opts ...Option) (*wire.Stream, error) {
	r, k, err := c.request(http.MethodGet, p, opts)
	if err != nil {
		return nil, err
	}
	r.Raw = true
	s, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	if k.proof != nil {
		*k.proof = Proof{At: s.At, RequestID: s.RequestID}
	}
	return s, nil
}

// Put replaces the bytes of an entry: a photo ($value).
func (c *Client) Put(ctx context.Context, p Path, contentType string, content []byte, opts ...Option) error {
	r, k, err := c.request(http.MethodPut, p, opts)
	if err != nil {
		return err
	}
	c.setBody(&r, contentType, content)
	_, err = exchange[ignored](ctx, c, r, k)
	return err
}

// PutFile gives a file its bytes, in one request.
func (c *Client) PutFile(ctx context.Context, p Path, content []byte, opts ...Option) (DriveItem, error) {
	r, k, err := c.request(http.MethodPut, p, opts)
	if err != nil {
		return DriveItem{}, err
	}
	c.setBody(&r, "application/octet-stream", content)
	return exchange[DriveItem](ctx, c, r, k)
}

// MIME is the path of a message's or attachment's bytes.
func (p Path) MIME() Path { return p.Sub("$value") }

// maxMIME is Graph's bound for one request of 4 MB, less the third that base64 adds (graph/FACTS §7).
const maxMIME = 3 << 20

// CreateMIME makes a draft from RFC 822 bytes: p is a mailbox's messages or a folder's.
func (c *Client) CreateMIME(ctx context.Context, p Path, mime []byte, opts ...Option) (Message, error) {
	r, k, err := c.request(http.MethodPost, p, opts)
	if err != nil {
		return Message{}, err
	}
	if len(mime) > maxMIME {
		return Message{}, &fault.Error{Kind: fault.TooLarge, Code: "mime_too_large", Operation: r.Operation,
			Message: "The message is larger than Microsoft takes as one piece of MIME",
			Fix:     "Create a draft and add its attachments by upload session", Who: "you"}
	}
	c.setBody(&r, "text/plain", []byte(base64.StdEncoding.EncodeToString(mime)))
	return exchange[Message](ctx, c, r, k)
}

func unencodable(operation string, err error) *fault.Error {
	return &fault.Error{Kind: fault.Internal, Code: "bad_request_built", Operation: operation, Message: "The hub built a request that cannot be written as JSON",
		Fix: "Report this with the log of this time", Who: "the operator of this hub", Err: err}
}
