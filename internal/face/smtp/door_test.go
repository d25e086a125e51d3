package smtp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/textproto"
	"os"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/clock"
)

// A client that talks and does not sign in is sent away when its time is over, however often it talks.
func TestWhoDoesNotSignInIsSentAway(t *testing.T) {
	ago := func() time.Time { return time.Now().Add(300*time.Millisecond - introduction) } // its minute is over soon
	f := &Face{Limiter: &access.Limiter{Clock: clock.NewAdjustable()}, Recipients: 5, Domain: "localhost", Clear: true, Log: slog.New(slog.DiscardHandler), MachineNow: ago}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := f.Server(context.Background())
	go func() { _ = s.Serve(l) }() // ends with Stop
	defer func() { _ = s.Stop(context.Background()) }()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	if err := raw.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := textproto.NewConn(raw)
	for {
		if err := c.PrintfLine("NOOP"); err != nil {
			return
		}
		if _, _, err := c.ReadResponse(0); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("it was still listened to")
		} else if err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
