package feed

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"seneschal/internal/clock"
)

// Each row is what Microsoft would meet at the public address; the reason is told before any subscription is made.
func TestThePublicAddressIsTestedFirst(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.FormValue("validationToken"))) }
	now := clock.NewAdjustable()
	for _, tt := range []struct {
		name    string
		answers http.HandlerFunc
		change  func(*Service, *httptest.Server)
		reason  string
	}{
		{"this hub", echo, nil, ""},
		{"none is set", echo, func(s *Service, _ *httptest.Server) { s.NotifyURL = func() string { return "" } }, "No public address is set (SENESCHAL_PUBLIC_URL)"},
		{"nobody listens", echo, func(_ *Service, srv *httptest.Server) { srv.Close() }, "does not answer"},
		{"a certificate that nobody trusts", echo, func(s *Service, _ *httptest.Server) { s.HTTP = &http.Client{} }, "Check the name, the certificate"},
		{"a name the certificate is not for", echo, func(s *Service, srv *httptest.Server) {
			s.NotifyURL = func() string { return strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) }
		}, "Check the name, the certificate"},
		{"another program", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "what?", http.StatusNotFound) }, nil, "answers 404 and not as this hub does"},
		{"a page in between", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>Please sign in")) }, nil, "another program, or a page in between"},
		{"too slow for Microsoft", func(w http.ResponseWriter, r *http.Request) { now.Advance(4 * time.Second); echo(w, r) }, nil, "needs 4s to answer; Microsoft gives three seconds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewTLSServer(tt.answers)
			defer srv.Close()
			s := &Service{Clock: now, HTTP: srv.Client(), NotifyURL: func() string { return srv.URL }}
			if tt.change != nil {
				tt.change(s, srv)
			}
			got := s.reachable(t.Context())
			if (tt.reason == "") != (got == "") || !strings.Contains(got, tt.reason) {
				t.Errorf("%q, want %q", got, tt.reason)
			}
		})
	}
}

// What the address was found to be counts for an hour; a failure counts for a minute, as somebody may be mending it.
func TestAFailedAddressIsTestedAgainSoon(t *testing.T) {
	now, works, asked := clock.NewAdjustable(), false, 0
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; works {
			_, _ = w.Write([]byte(r.FormValue("validationToken")))
		}
	}))
	defer srv.Close()
	s := &Service{Clock: now, HTTP: srv.Client(), NotifyURL: func() string { return srv.URL }}
	for _, step := range []struct {
		pass   time.Duration
		works  bool
		counts bool // the address is good
		asked  int  // so far
	}{
		{0, false, false, 1},
		{30 * time.Second, true, false, 1},
		{31 * time.Second, true, true, 2},
		{59 * time.Minute, false, true, 2},
		{time.Minute, false, false, 3},
	} {
		now.Advance(step.pass)
		works = step.works
		if got := s.reachable(t.Context()); (got == "") != step.counts || asked != step.asked {
			t.Fatalf("after another %v: %q, asked %d times; want %+v", step.pass, got, asked, step)
		}
	}
}
