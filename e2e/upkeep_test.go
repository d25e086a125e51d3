package e2e

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

// shared is a log that the hub writes while the test reads it.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds a line.
func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestOnlyDeclaredProxiesAreBelieved(t *testing.T) {
	for _, tt := range []struct{ name, proxies, forwarded, from string }{
		{"nobody is declared", "", "203.0.113.9", "from=127.0.0.1:"},
		{"a declared proxy", "127.0.0.1/32", "203.0.113.9", "from=203.0.113.9:0"},
		{"what the client wrote itself", "127.0.0.1/32", "198.51.100.1, 203.0.113.9", "from=203.0.113.9:0"},
		{"two declared proxies", "127.0.0.1/32,10.0.0.0/8", "203.0.113.9, 10.0.0.7", "from=203.0.113.9:0"},
		{"a proxy that says nothing", "127.0.0.1/32", "", "from=127.0.0.1:"},
		{"no address", "127.0.0.1/32", "unknown", "from=unknown:0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log shared
			h := app.StartForTest(t, app.TestOptions{Log: &log, Change: func(s map[string]string) { s["TRUSTED_PROXIES"] = tt.proxies }})
			req, err := http.NewRequest(http.MethodGet, h.Server.URL()+"/healthz", nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.forwarded != "" {
				req.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			waitUntil(t, "the request is in the log", func() bool { return strings.Contains(log.String(), "/healthz") }) // after the answer
			if !strings.Contains(log.String(), tt.from) {
				t.Errorf("the log does not tell %s:\n%s", tt.from, log.String())
			}
		})
	}
}

// events gives those of a type, oldest first.
func events(t *testing.T, h *app.Hub, want event.Type) []event.Event {
	t.Helper()
	all, err := h.Events.List(t.Context(), event.Everybody(), event.Query{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	var out []event.Event
	for _, e := range all {
		if e.Type == want {
			out = append(out, e)
		}
	}
	slices.Reverse(out)
	return out
}

func TestRemindersBeforeACredentialEnds(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{Change: func(s map[string]string) { s["RETENTION_EVENTS"] = "forever" }})
	f := h.Form("c", "Seneschal")
	f.Credential.ExpiresAt = h.Time.Now().Add(70*24*time.Hour + time.Hour)
	c := h.Connect(f)
	var told []any
	for day := range 71 {
		if day > 0 {
			h.Time.Advance(24 * time.Hour)
		}
		for range 2 { // a second look on the same day says nothing more
			if _, err := h.Connections.Check(t.Context(), c.ID, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range events(t, h, event.SecretExpires) {
		told = append(told, e.Data["days_left"])
	}
	want := []any{60., 30., 14., 7., 1.}
	if len(told) != len(want) {
		t.Fatalf("reminded at %v days, want %v", told, want)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Errorf("reminder %d at %v days, want %v", i, told[i], want[i])
		}
	}
}

func TestARefusalHasTheGrantsReadAnew(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	c := h.Connect(h.Form("c", "Seneschal"))
	play(t, h, sim.Fault{Kind: "consent_withdrawn", App: string(c.ClientID)})
	h.Time.Advance(2 * time.Hour) // the old token has run out; the new one tells of no roles
	_, err := h.Do("c", "mail.message.list", "", map[string]any{"user": "ada@contoso.example"})
	if fault.KindOf(err) == "" {
		t.Fatal("a call without permission succeeded")
	}
	waitUntil(t, "the connection needs an administrator", func() bool {
		if c, err = h.Connections.Lookup(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		return c.State == connection.NeedsAdmin
	})
	changed := events(t, h, event.GrantsChanged)
	if len(changed) != 1 || len(changed[0].Data["lost"].([]any)) == 0 {
		t.Errorf("events of the loss: %+v", changed)
	}
}

// A refresh token that nobody uses for 90 days ends; the daily look uses each, so that a quiet connection stays signed in.
func TestAQuietGrantIsUsedAtLeastWeekly(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	_, c := signedIn(t, h, m365.Calendar, m365.Contacts)
	for week := range 2 {
		before := tokens(h)
		for range 7 {
			seen := c.Proof.At
			h.Time.Advance(25 * time.Hour)
			for begin := time.Now(); !c.Proof.At.After(seen); time.Sleep(5 * time.Millisecond) {
				var err error
				if c, err = h.Connections.Lookup(t.Context(), c.ID); err != nil {
					t.Fatal(err)
				}
				if time.Since(begin) > 20*time.Second {
					t.Fatalf("nobody looked after the connection in week %d: %s since %v", week+1, c.State, seen)
				}
			}
		}
		if n := tokens(h) - before; n == 0 || c.State != connection.Healthy {
			t.Errorf("week %d: %d times refreshed, and the connection is %s", week+1, n, c.State)
		}
	}
}

func tokens(h *app.Hub) (n int) {
	for _, r := range h.Cloud.Requests() {
		if strings.HasSuffix(r.Path, "/oauth2/v2.0/token") && r.Status == http.StatusOK {
			n++
		}
	}
	return n
}
