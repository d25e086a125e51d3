package wire_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// tokens counts how often it was asked, and hands out a new one only when forced.
type tokens struct {
	mu     sync.Mutex
	n      int
	forced []wire.Refresh
}

func (s *tokens) Token(_ context.Context, why wire.Refresh) (wire.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why.Force {
		s.n++
		s.forced = append(s.forced, why)
	}
	return wire.Token{Value: fmt.Sprint("token", s.n)}, nil
}

// fastClock is the machine's clock, except that waiting is written down instead of done.
type fastClock struct {
	clock.Real
	mu    sync.Mutex
	slept []time.Duration
}

func (c *fastClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.slept = append(c.slept, d)
	c.mu.Unlock()
	return ctx.Err()
}

type bench struct {
	*wire.Client
	tokens *tokens
	clock  *fastClock
	calls  *atomic.Int32
	url    string
	points *[]string
}

// start runs a server whose handler learns the number of the call, from 1.
func start(t *testing.T, serve func(n int, w http.ResponseWriter, r *http.Request), with ...func(*wire.Config)) bench {
	t.Helper()
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(int(calls.Add(1)), w, r)
	}))
	t.Cleanup(srv.Close)
	transport := wire.NewTransport(wire.TransportConfig{HeaderTimeout: 2 * time.Second})
	t.Cleanup(transport.CloseIdleConnections)
	var points []string
	b := bench{tokens: &tokens{}, clock: &fastClock{}, calls: &calls, url: srv.URL, points: &points}
	cfg := wire.Config{Transport: transport, Hosts: []string{strings.TrimPrefix(srv.URL, "http://")}, Tokens: b.tokens,
		Clock: b.clock, Random: rand.Uint64, Timeout: 5 * time.Second, MaxAnswer: 1 << 20,
		Hook: func(p clock.Point, _ string) { points = append(points, string(p)) }}
	for _, f := range with {
		f(&cfg)
	}
	b.Client = wire.New(cfg)
	return b
}

func (b bench) request(method string) wire.Request {
	return wire.Request{Operation: method + " /things/{id}", Method: method, URL: b.url + "/things/1",
		Decode: func(body []byte) error {
			var v any
			return json.Unmarshal(body, &v)
		}}
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "rid-1")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestSituations(t *testing.T) {
	ok := func(w http.ResponseWriter) { answerJSON(w, 200, `{"ok":true}`) }
	status := func(code int, header ...string) func(int, http.ResponseWriter, *http.Request) {
		return func(n int, w http.ResponseWriter, _ *http.Request) {
			if n > 1 {
				ok(w)
				return
			}
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			answerJSON(w, code, `{"error":{"code":"X"}}`)
		}
	}
	always := func(f func(w http.ResponseWriter)) func(int, http.ResponseWriter, *http.Request) {
		return func(_ int, w http.ResponseWriter, _ *http.Request) { f(w) }
	}
	once := func(f func(w http.ResponseWriter)) func(int, http.ResponseWriter, *http.Request) {
		return func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				f(w)
				return
			}
			ok(w)
		}
	}
	html := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html>sign in</html>")
	}
	huge := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		chunk := bytes.Repeat([]byte(" "), 64<<10)
		for range 3200 { // 200 MB
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	bomb := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(bytes.Repeat([]byte(" "), 20<<20))
		_ = z.Close()
	}
	cut := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"value":[`)
	}
	half := func(w http.ResponseWriter) { answerJSON(w, 200, `{"value":[{"id":"1"`) }
	tests := []struct {
		name   string
		method string
		serve  func(int, http.ResponseWriter, *http.Request)
		kind   fault.Kind // "" for success
		code   string
		calls  int32
	}{
		{"an answer", "GET", always(ok), "", "", 1},
		{"429 with seconds", "POST", status(429, "Retry-After", "7"), "", "", 2},
		{"429 without Retry-After", "POST", status(429), "", "", 2},
		{"503 with Retry-After proves that nothing happened", "POST", status(503, "Retry-After", "2.128"), "", "", 2},
		{"503 without Retry-After does not", "POST", status(503), fault.Unclear, "outcome_unknown", 1},
		{"503 on a read", "GET", status(503), "", "", 2},
		{"504 on a write", "POST", status(504), fault.Unclear, "outcome_unknown", 1},
		{"500 on a read", "GET", status(500), "", "", 2},
		{"501 is final", "GET", status(501), fault.UpstreamRefused, "refused", 1},
		{"507 is final", "PUT", status(507), fault.UpstreamRefused, "refused", 1},
		{"404", "GET", status(404), fault.NotFound, "refused", 1},
		{"PATCH without If-Match", "PATCH", status(502), fault.Unclear, "outcome_unknown", 1},
		{"reset on a read", "GET", once(hangUp), "", "", 2},
		{"reset on a write", "POST", once(hangUp), fault.Unclear, "outcome_unknown", 1},
		{"reset for ever", "PUT", always(hangUp), fault.Unavailable, "connection_lost", 4},
		{"lost answer of a DELETE, then 404", "DELETE", func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				hangUp(w)
				return
			}
			answerJSON(w, 404, `{}`)
		}, "", "", 2},
		{"lost answer of a conditional write, then 412", "PUT", func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				hangUp(w)
				return
			}
			answerJSON(w, 412, `{}`)
		}, fault.Unclear, "outcome_unknown", 2},
		{"HTML instead of JSON", "GET", always(html), fault.Unavailable, "html_instead_of_json", 1},
		{"HTML instead of JSON after a write", "POST", always(html), fault.Unclear, "outcome_unknown", 1},
		{"an answer of 200 MB", "GET", always(huge), fault.TooLarge, "answer_too_large", 1},
		{"an answer that unpacks into 20 MB", "GET", always(bomb), fault.TooLarge, "answer_too_large", 1},
		{"body breaks off once", "GET", once(cut), "", "", 2},
		{"body breaks off after a write", "POST", once(cut), fault.Unclear, "outcome_unknown", 1},
		{"truncated JSON for ever", "GET", always(half), fault.Unavailable, "malformed_answer", 4},
		{"401 for ever asks for one new token", "GET", always(func(w http.ResponseWriter) { answerJSON(w, 401, `{}`) }), fault.NeedsReauth, "refused", 2},
		{"429 for ever ends", "GET", always(func(w http.ResponseWriter) { answerJSON(w, 429, `{}`) }), fault.Throttled, "refused", 6}, // as many as fit into a job's patience
		{"429 asking for an hour is handed on", "GET", status(429, "Retry-After", "3600"), fault.Throttled, "refused", 1},
		{"redirect loop", "GET", always(func(w http.ResponseWriter) { w.Header().Set("Location", "/again"); w.WriteHeader(302) }), fault.UpstreamRefused, "redirect_refused", 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, test.serve)
			r := b.request(test.method)
			if test.method == "POST" || test.method == "PATCH" {
				r.Body = []byte(`{}`)
			}
			answer, err := b.Do(t.Context(), r)
			if fault.KindOf(err) != test.kind || fault.CodeOf(err) != test.code {
				t.Errorf("fault %q %q, want %q %q (%v)", fault.KindOf(err), fault.CodeOf(err), test.kind, test.code, err)
			}
			if err == nil && answer == nil {
				t.Error("neither answer nor fault")
			}
			if err != nil && fault.As(err).Operation != r.Operation {
				t.Errorf("operation %q", fault.As(err).Operation)
			}
			if n := b.calls.Load(); n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
		})
	}
}

// What refuses a later attempt says nothing of one whose answer was lost: the effect may be there.
func TestWhatWasLostMayBeDone(t *testing.T) {
	hangUpFirst := func(status int) func(int, http.ResponseWriter, *http.Request) {
		return func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				hangUp(w)
				return
			}
			answerJSON(w, status, `{}`)
		}
	}
	for _, test := range []struct {
		name, method string
		serve        func(int, http.ResponseWriter, *http.Request)
		may          bool
	}{
		{"lost, then refused", "PUT", hangUpFirst(403), true},
		{"lost, then out of order", "PUT", hangUpFirst(503), true},
		{"lost, then too much", "DELETE", hangUpFirst(429), true},
		{"an answer that cannot be read", "PUT", func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"value":[`) }, true},
		{"a read", "GET", hangUpFirst(403), false},
		{"refused at once", "PUT", func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 403, `{}`) }, false},
		{"too much at once", "PUT", func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 429, `{}`) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t, test.serve)
			_, err := b.Do(t.Context(), b.request(test.method))
			if err == nil || fault.MayBeDone(err) != test.may {
				t.Errorf("may be done: %v, want %v (%v)", fault.MayBeDone(err), test.may, err)
			}
		})
	}
}

func TestNoConnectionIsTriedAgainEvenForWrites(t *testing.T) {
	b := start(t, func(int, http.ResponseWriter, *http.Request) {}, func(c *wire.Config) { c.Hosts = []string{"127.0.0.1:1"} })
	r := b.request("POST")
	r.URL = "http://127.0.0.1:1/"
	_, err := b.Do(t.Context(), r)
	if fault.CodeOf(err) != "unreachable" || len(b.clock.slept) != 3 {
		t.Errorf("err = %v after %d waits", err, len(b.clock.slept))
	}
}

func TestClaimsChallengeReachesTheTokenSource(t *testing.T) {
	claims := `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`
	b := start(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token0" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.example/oauth2", error="insufficient_claims", claims="`+
				base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
			answerJSON(w, 401, `{}`)
			return
		}
		answerJSON(w, 200, `{}`)
	})
	if _, err := b.Do(t.Context(), b.request("GET")); err != nil {
		t.Fatal(err)
	}
	if len(b.tokens.forced) != 1 || b.tokens.forced[0].Claims != claims {
		t.Errorf("forced = %v", b.tokens.forced)
	}
}

func TestManyRefusedRequestsFetchOneToken(t *testing.T) {
	b := start(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token0" {
			time.Sleep(20 * time.Millisecond)
			answerJSON(w, 401, `{}`)
			return
		}
		answerJSON(w, 200, `{}`)
	}, func(c *wire.Config) { c.Hook = nil })
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if _, err := b.Do(t.Context(), b.request("GET")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(b.tokens.forced) != 1 {
		t.Errorf("%d new tokens for one refusal", len(b.tokens.forced))
	}
}

func TestTheTokenStaysAtItsHost(t *testing.T) {
	var seen []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, "bytes")
	}))
	defer other.Close()
	b := start(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		http.Redirect(w, r, other.URL+"/signed?sig=x", http.StatusFound)
	})
	r := b.request("GET")
	r.Raw, r.Decode = true, nil
	if a, err := b.Do(t.Context(), r); err != nil || string(a.Body) != "bytes" {
		t.Fatalf("answer %v, %v", a, err)
	}
	if fmt.Sprint(seen) != "[Bearer token0 ]" {
		t.Errorf("authorizations = %q", seen)
	}
	for _, u := range []string{other.URL, "https://graph.microsoft.com.evil.example/v1.0", "https://user@" + strings.TrimPrefix(b.url, "http://") + "/", "ftp://x"} {
		r.URL = u
		if _, err := b.Do(t.Context(), r); err == nil {
			t.Errorf("%s was sent the token", u)
		}
	}
	r.URL, r.Anonymous = other.URL, true
	if _, err := b.Do(t.Context(), r); err != nil || seen[len(seen)-1] != "" {
		t.Errorf("anonymous request: %v, %q", err, seen)
	}
}

func TestAHangingServerEndsAtTheTimeout(t *testing.T) {
	release := make(chan struct{})
	b := start(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}, func(c *wire.Config) { c.Timeout, c.Attempts = 50*time.Millisecond, 2 })
	defer close(release)
	if _, err := b.Do(t.Context(), b.request("GET")); fault.CodeOf(err) != "timeout" {
		t.Errorf("read: %v", err)
	}
	if _, err := b.Do(t.Context(), b.request("POST")); fault.KindOf(err) != fault.Unclear {
		t.Errorf("write: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := b.Do(ctx, b.request("GET")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("caller's deadline: %v", err)
	}
}

func TestFenceRunsBeforeAnythingElse(t *testing.T) {
	refusal := &fault.Error{Kind: fault.Forbidden, Code: "outside"}
	b := start(t, func(int, http.ResponseWriter, *http.Request) {}, func(c *wire.Config) {
		c.Fence = func(wire.Request) error { return refusal }
	})
	if _, err := b.Do(t.Context(), b.request("GET")); !errors.Is(err, refusal) || b.calls.Load() != 0 || len(*b.points) != 0 {
		t.Errorf("err = %v, calls %d, points %v", err, b.calls.Load(), *b.points)
	}
}

type recorder struct{ got []wire.Exchange }

func (r *recorder) Record(x wire.Exchange) { r.got = append(r.got, x) }

type observer struct{ got []string }

func (o *observer) Request(op string, status int, _ time.Duration, attempt int) {
	o.got = append(o.got, fmt.Sprintf("%s %d #%d", op, status, attempt))
}

func TestTraceTellsEverythingButSecrets(t *testing.T) {
	var log bytes.Buffer
	rec, obs := &recorder{}, &observer{}
	b := start(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Traceparent") != "00-trace" || len(r.Header.Get("Client-Request-Id")) != 36 {
			t.Errorf("headers = %v", r.Header)
		}
		answerJSON(w, []int{503, 200}[n-1], `{"subject":"private"}`)
	}, func(c *wire.Config) {
		c.Log, c.Recorder, c.Observer = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), rec, obs
	})
	answer, err := b.Do(wire.WithTraceparent(t.Context(), "00-trace"), b.request("GET"))
	if err != nil || answer.RequestID != "rid-1" || answer.At.IsZero() {
		t.Fatalf("answer %+v, %v", answer, err)
	}
	if want := "[GET /things/{id} 503 #1 GET /things/{id} 200 #2]"; fmt.Sprint(obs.got) != want {
		t.Errorf("observed %v", obs.got)
	}
	if len(rec.got) != 2 || rec.got[1].RequestHeader.Get("Authorization") != "[secret]" || string(rec.got[1].Body) != `{"subject":"private"}` {
		t.Errorf("recorded %+v", rec.got)
	}
	for _, hidden := range []string{"token0", "/things/1", "private"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the log tells %q: %s", hidden, log.String())
		}
	}
	if !strings.Contains(log.String(), "request_id=rid-1") {
		t.Errorf("the log lacks the request id: %s", log.String())
	}
	want := "[wire.send.before wire.send.after wire.answer.after wire.send.before wire.send.after wire.answer.after]"
	if fmt.Sprint(*b.points) != want {
		t.Errorf("crash points %v", *b.points)
	}
}

func TestAStreamIsBoundedAndHoldsItsPlace(t *testing.T) {
	k := wire.Key{Class: "c"}
	g := wire.NewGovernor(clock.Real{}, wire.Limits{"c": {Concurrent: 4}}, nil)
	b := start(t, func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) },
		func(c *wire.Config) { c.Governor = g })
	r := b.request("GET")
	r.Raw, r.Decode, r.Charges = true, nil, []wire.Charge{{Key: k}}
	s, err := b.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, s); n != 1<<20 || err != nil || g.Remaining(k).InFlight != 1 {
		t.Errorf("%d bytes, %v, %+v", n, err, g.Remaining(k))
	}
	if err := s.Close(); err != nil || g.Remaining(k).InFlight != 0 {
		t.Errorf("%v, %+v", err, g.Remaining(k))
	}
	r.MaxAnswer = 1000
	s, err = b.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := io.Copy(io.Discard, s); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("err = %v", err)
	}
}

func TestTokenIsNeverPrinted(t *testing.T) {
	token := wire.Token{Value: "hunter2"}
	js, err := json.Marshal(struct{ T wire.Token }{token})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "t", token, "in", []wire.Token{token})
	all := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %s %s", token, token, token, token, token, token, token, &token, js, log.String())
	if strings.Contains(all, "hunter2") || strings.Contains(all, fmt.Sprintf("%x", "hunter2")) {
		t.Error(all)
	}
}

func TestRetryAfterForms(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		value string
		want  time.Duration
		told  bool
	}{
		{"", 0, false}, {"7", 7 * time.Second, true}, {"2.128", 2128 * time.Millisecond, true}, {" 3 ", 3 * time.Second, true},
		{"Sun, 01 Nov 2026 12:00:30 GMT", 30 * time.Second, true}, {"Sun, 01 Nov 2026 11:00:00 GMT", 0, true},
		{"-1", 0, false}, {"soon", 0, false}, {"NaN", 0, false}, {"1e300", 24 * time.Hour, true},
	}
	for _, test := range tests {
		got, told := wire.RetryAfter(http.Header{"Retry-After": {test.value}}, now)
		if got != test.want || told != test.told {
			t.Errorf("%q: %v %v, want %v %v", test.value, got, told, test.want, test.told)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"7", "2.128", "Sun, 01 Nov 2026 12:00:30 GMT", "+Inf", "0x1p5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, _ := wire.RetryAfter(http.Header{"Retry-After": {s}}, time.Unix(1, 0))
		if d < 0 || d > 24*time.Hour {
			t.Errorf("%q: %v", s, d)
		}
	})
}

func FuzzClaimsChallenge(f *testing.F) {
	f.Add(`Bearer realm="", claims="eyJhIjoxfQ=="`)
	f.Add(`Bearer error="insufficient_claims", claims=eyJhIjoxfQ`)
	f.Add(`Bearer error_description="no claims=\"here\"", claims="e30="`)
	f.Fuzz(func(t *testing.T, s string) {
		if claims := wire.ClaimsChallenge([]string{s}); claims != "" && !json.Valid([]byte(claims)) {
			t.Errorf("%q gave %q", s, claims)
		}
	})
}
