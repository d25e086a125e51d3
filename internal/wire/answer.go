package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"seneschal/internal/fault"
)

// maxRefusal bounds the body of an error; what is behind it explains nothing.
const maxRefusal = 1 << 20

// read takes in the answer and judges it.
func (a *attempt) read(ctx context.Context, resp *http.Response) (result, *failure) {
	ok := resp.StatusCode < 300
	buf := a.x.c.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	keep := false
	defer func() {
		if !keep {
			a.x.c.recycle(buf)
		}
	}()
	err := a.fill(buf, resp, ok)
	a.report(resp.StatusCode, resp.Header, buf.Bytes())
	if !ok { // an error's status counts, even when its body broke off
		if resp.StatusCode == http.StatusNotFound && a.x.lost && a.x.r.Method == http.MethodDelete {
			// The attempt whose answer was lost did it.
			return result{answer: a.answer(resp, nil)}, nil
		}
		return result{}, a.refused(resp, buf.Bytes())
	}
	if err != nil {
		return result{}, a.damaged(ctx, resp, err)
	}
	if err := a.check(resp, buf.Bytes()); err != nil {
		return result{}, a.damaged(ctx, resp, err)
	}
	answer := a.answer(resp, buf.Bytes())
	answer.release = func() { a.x.c.recycle(buf) }
	keep = true
	return result{answer: answer}, nil
}

// fill reads the body up to its bound. The bound counts unpacked bytes, so that a small answer cannot unpack into a large one.
func (a *attempt) fill(buf *bytes.Buffer, resp *http.Response, ok bool) error {
	bound := or(a.x.r.MaxAnswer, a.x.c.MaxAnswer)
	if !ok {
		_, err := buf.ReadFrom(io.LimitReader(resp.Body, maxRefusal))
		return err
	}
	if resp.ContentLength > bound {
		return errTooLarge
	}
	if resp.ContentLength > 0 {
		buf.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(io.LimitReader(resp.Body, bound+1)); err != nil {
		return err
	}
	if int64(buf.Len()) > bound {
		return errTooLarge
	}
	return nil
}

// recycle keeps buffers of ordinary pages; one huge answer must not stay in memory.
func (c *Client) recycle(buf *bytes.Buffer) {
	if buf.Cap() <= 4<<20 {
		c.buffers.Put(buf)
	}
}

var (
	errTooLarge = errors.New("larger than the bound for one answer")
	errHTML     = errors.New("HTML instead of JSON")
)

// check finds answers that are complete as HTTP but are not what was asked for.
func (a *attempt) check(resp *http.Response, body []byte) error {
	if !a.x.r.Raw && len(body) > 0 {
		if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
			return errHTML
		}
	}
	if a.x.r.Decode == nil {
		return nil
	}
	if err := a.x.r.Decode(body); err != nil {
		return &undecodable{err}
	}
	return nil
}

// undecodable marks a body that arrived but cannot be read.
type undecodable struct{ error }

func (a *attempt) answer(resp *http.Response, body []byte) *Answer {
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, RequestID: RequestID(resp.Header), At: a.x.c.Clock.Now()}
}

// RequestID is Microsoft's id of an answer, for a support case.
func RequestID(h http.Header) string {
	for _, name := range []string{"Request-Id", "X-Ms-Request-Id", "Sprequestguid"} {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}

// Stream is a successful answer whose body is still coming.
type Stream struct {
	Status    int
	Header    http.Header
	Size      int64 // -1 when unknown
	RequestID string
	At        time.Time

	a    *attempt
	body io.ReadCloser
	left int64 // -1: unbounded
}

func (a *attempt) stream(resp *http.Response) *Stream {
	left := int64(-1)
	if a.x.r.MaxAnswer > 0 {
		left = a.x.r.MaxAnswer
	}
	return &Stream{Status: resp.StatusCode, Header: resp.Header, Size: resp.ContentLength, RequestID: RequestID(resp.Header),
		At: a.x.c.Clock.Now(), a: a, body: resp.Body, left: left}
}

// Read reads on. A break in the middle is a fault: the reader has less than was promised.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if s.left >= 0 {
		if s.left -= int64(n); s.left < 0 {
			return 0, s.a.tooLarge()
		}
	}
	if err != nil && err != io.EOF {
		f := unavailable("connection_lost", "The answer broke off", err)
		f.Operation, f.Upstream = s.a.x.r.Operation, &fault.Upstream{Status: s.Status, RequestID: s.RequestID, At: s.At}
		return n, f
	}
	return n, err
}

// Close ends the answer and frees its place.
func (s *Stream) Close() error {
	err := s.body.Close()
	s.a.end()
	return err
}
