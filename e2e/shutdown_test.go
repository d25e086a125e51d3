package e2e

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"seneschal/internal/app"
)

// A stop takes nothing new and lets what is under way end: the caller has the answer, and Microsoft the mail, once.
func TestAStopLetsWorkUnderWayEnd(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	play(t, h, slowUploads("10s"))
	ended := make(chan error, 1)
	go func() { ended <- sendWithFile(h, make([]byte, 9_000_000)) }()
	waitUntil(t, "the run has begun", func() bool { _, ok := running(t, h); return ok })
	stopped := make(chan error, 1)
	go func() { stopped <- h.Server.Stop(t.Context()) }()
	for refused := false; !refused; { // its listener closes first
		resp, err := http.Get(h.Server.URL() + "/healthz")
		if refused = err != nil; !refused {
			_ = resp.Body.Close()
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("the hub stopped (%v) before the work under way had ended", err)
	default:
	}
	for sent, down := false, false; !sent || !down; {
		select {
		case err := <-ended:
			if sent = true; err != nil {
				t.Fatalf("the work under way ended with %v", err)
			}
		case err := <-stopped:
			if down = true; err != nil {
				t.Fatalf("stopping: %v", err)
			}
		default:
			h.Time.Advance(time.Second)
			time.Sleep(5 * time.Millisecond)
		}
	}
	h.Time.Advance(time.Hour) // mail takes its time
	if n := arrivals(t, h, "Plans"); n != 1 {
		t.Errorf("the mail arrived %d times", n)
	}
}

// A connection on which nothing was asked, as browsers open them ahead of need, does not hold up a stop until its time is over.
func TestAStopWaitsForNobodyWhoAsksNothing(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	idle, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.Server.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	resp, err := http.Get(h.Server.URL() + "/healthz") // the one before was accepted by then
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := h.Server.Stop(t.Context()); err != nil {
		t.Errorf("stopping: %v", err)
	}
}
