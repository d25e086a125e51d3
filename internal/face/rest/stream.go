package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

const (
	maxStreams  = 512             // open at a time; each holds a connection
	slowReader  = 5 * time.Second // a reader that takes nothing for so long is cut; it goes on from its last id
	askAgain    = time.Second     // how old the answer to "who is this?" may be while a stream runs
	reconnectMS = 2000            // what browsers wait before they come back
)

// stream serves an action that streams messages, as server-sent events (WHATWG HTML, 9.2). Nothing is buffered: the action waits for its reader,
// and a reader that does not read is cut. Every message carries the id to go on from, which browsers send back by themselves.
func (f *Face) stream(w http.ResponseWriter, r *http.Request, a action.Action) {
	caller, err := f.Caller(r)
	if err != nil {
		WriteFault(w, err)
		return
	}
	if f.streams.Add(1) > maxStreams {
		f.streams.Add(-1)
		WriteFault(w, &fault.Error{Kind: fault.Throttled, Code: "too_many_streams", Message: fmt.Sprintf("%d streams are open already", maxStreams), Fix: "Close one, or try again in a minute", Who: "you", RetryAfter: time.Minute})
		return
	}
	defer f.streams.Add(-1)
	in, files, err := input(w, r, a, false)
	closeAll(files)
	if err != nil {
		WriteFault(w, err)
		return
	}
	ctx, cancel := f.untilClosing(r)
	defer cancel()
	s := &sse{face: f, w: w, r: r, caller: caller, asked: f.Now()}
	defer func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) }() // the connection may serve others after this
	_, err = f.Runner.Do(ctx, action.Request{Action: a.Name, Caller: caller, Input: in, Send: s.send})
	if err != nil && !s.begun {
		WriteFault(w, err)
	}
}

// sse writes one stream.
type sse struct {
	face   *Face
	w      http.ResponseWriter
	r      *http.Request
	caller access.Caller
	asked  time.Time
	begun  bool
}

// send writes one message and waits until it has left. Who is reading is asked again meanwhile: a key may have been removed.
func (s *sse) send(m action.Message) error {
	if err := s.stillAllowed(); err != nil {
		return err
	}
	c := http.NewResponseController(s.w)
	if err := c.SetWriteDeadline(s.face.MachineNow().Add(slowReader)); err != nil {
		return err
	}
	var b bytes.Buffer
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", action.EventStream)
		s.w.Header().Set("Cache-Control", "no-store")
		s.w.Header().Set("X-Accel-Buffering", "no") // nginx would hold messages back
		fmt.Fprintf(&b, "retry: %d\n: whoever reads nothing for %s is cut; come back with Last-Event-ID\n\n", reconnectMS, slowReader)
	}
	if err := frame(&b, m); err != nil {
		return err
	}
	if _, err := s.w.Write(b.Bytes()); err != nil {
		return err
	}
	return c.Flush()
}

// frame writes a message in the stream's form. JSON has no line breaks outside its strings, and escapes them inside.
func frame(b *bytes.Buffer, m action.Message) error {
	if m.Data == nil {
		b.WriteString(":\n\n")
		return nil
	}
	text, err := json.Marshal(m.Data)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "id: %s\nevent: %s\ndata: %s\n\n", m.ID, m.Type, text)
	return nil
}

func (s *sse) stillAllowed() error {
	now := s.face.Now()
	if now.Sub(s.asked) < askAgain {
		return nil
	}
	who, err := s.face.Caller(s.r)
	if err != nil {
		return err
	}
	if who.Kind != s.caller.Kind || who.ID != s.caller.ID || who.Role != s.caller.Role {
		return &fault.Error{Kind: fault.Unauthenticated, Code: "session_ended", Message: "Whoever opened this stream may not read it any more", Fix: "Sign in again", Who: "you"}
	}
	s.asked = now
	return nil
}

// untilClosing gives a context that also ends when the hub stops.
func (f *Face) untilClosing(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	go func() {
		select {
		case <-f.Closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
