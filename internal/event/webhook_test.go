package event

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// got is one call as the receiver saw it.
type got struct {
	id, about, kind string
	verified        int // how many of its signatures hold
}

// bench is a log with webhooks on a database, a receiver, and a clock that stands still.
type bench struct {
	*testing.T
	log   *Log
	hooks *Webhooks
	time  *clock.Adjustable

	mu      sync.Mutex
	calls   []got
	secrets []string
	answer  func(got) (status int, header http.Header)
	url     string
	due     map[string]time.Time // what a queue would call, and when

	address, keyFile string // of the database and its key
	roots            *x509.CertPool
}

// Schedule notes a row.
func (b *bench) Schedule(_ context.Context, _ *store.Tx, _, id string, due time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.due[id] = due
	return nil
}

// Cancel forgets one.
func (b *bench) Cancel(_ context.Context, _ *store.Tx, _, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.due, id)
	return nil
}

func onBoth(t *testing.T, f func(b *bench)) {
	store.ForTest(t, nil, func(t *testing.T, s *store.Store) {
		b := &bench{T: t, time: clock.NewAdjustable(), due: map[string]time.Time{}, address: store.TestURL(t, s.Engine), keyFile: t.TempDir() + "/key", roots: x509.NewCertPool()}
		s, err := store.Open(t.Context(), b.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		if err := s.Migrate(t.Context(), []fs.FS{vault.Migrations, audit.Migrations, Migrations}...); err != nil {
			t.Fatal(err)
		}
		v, _, err := vault.Open(t.Context(), s, b.time, vault.MasterKey{File: b.keyFile})
		if err != nil {
			t.Fatal(err)
		}
		record := &audit.Log{Store: s, Clock: b.time}
		if err := record.OpenKey(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		receiver := httptest.NewTLSServer(b)
		t.Cleanup(receiver.Close)
		b.roots.AddCert(receiver.Certificate())
		b.url = receiver.URL + "/hook"
		b.log = &Log{Store: s, Clock: b.time, Log: slog.New(slog.DiscardHandler), Jobs: b}
		b.hooks = &Webhooks{Log: b.log, Store: s, Clock: b.time, Vault: v, Audit: record, Jobs: b, Random: func() uint64 { return 0 }, Client: NewClients(ClientConfig{RootCAs: b.roots})}
		f(b)
	})
}

// ServeHTTP is the receiver. It verifies by the text of Standard Webhooks alone, with nothing of ours.
func (b *bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var letter struct{ ID, About, Type string }
	if err := json.Unmarshal(body, &letter); err != nil {
		b.Errorf("the body is not JSON: %v", err)
	}
	g := got{id: r.Header.Get("webhook-id"), about: letter.About, kind: letter.Type}
	b.mu.Lock()
	for _, secret := range b.secrets {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
		if slices.Contains(strings.Split(r.Header.Get("webhook-signature"), " "), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))) {
			g.verified++
		}
	}
	if at, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64); err != nil || b.time.Now().Unix()-at > 5 {
		b.Errorf("webhook-timestamp %q", r.Header.Get("webhook-timestamp"))
	}
	b.calls = append(b.calls, g)
	answer := b.answer
	b.mu.Unlock()
	if answer == nil {
		return
	}
	status, header := answer(g)
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
}

func (b *bench) add(f WebhookForm) Webhook {
	b.Helper()
	f.URL, f.AllowPrivate = b.url, true
	h, secret, err := b.hooks.Add(b.Context(), "test", f)
	if err != nil {
		b.Fatal(err)
	}
	b.secrets = append(b.secrets, secret.Reveal())
	return h
}

func (b *bench) emit(events ...Event) {
	b.Helper()
	for _, e := range events {
		if err := b.log.Store.InTx(b.Context(), "test", func(tx *store.Tx) error { return b.log.Emit(b.Context(), tx, e) }); err != nil {
			b.Fatal(err)
		}
	}
	if err := b.log.Number(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// deliver runs the webhook's job until nothing is due before the time.
func (b *bench) deliver(h Webhook, within time.Duration) {
	b.Helper()
	end := b.time.Now().Add(within)
	for {
		next, err := b.hooks.Deliver(b.Context(), h.ID, 1)
		if err != nil {
			b.Fatal(err)
		}
		if next.IsZero() || next.After(end) {
			return
		}
		if d := next.Sub(b.time.Now()); d > 0 {
			b.time.Advance(d)
		}
	}
}

func (b *bench) states(h Webhook) map[DeliveryState]int {
	b.Helper()
	all, err := b.hooks.Deliveries(b.Context(), DeliveryQuery{Webhook: h.ID, Limit: 500})
	if err != nil {
		b.Fatal(err)
	}
	out := map[DeliveryState]int{}
	for _, d := range all {
		out[d.State]++
	}
	return out
}

func mail(item string) Event {
	return Event{Type: MailReceived, Connection: "c1", About: item, Data: map[string]any{"item": item}}
}

func TestWhatReceiversDo(t *testing.T) {
	always := func(status int) func() func(got) (int, http.Header) {
		return func() func(got) (int, http.Header) {
			return func(got) (int, http.Header) { return status, nil }
		}
	}
	for _, tt := range []struct {
		name     string
		answer   func() func(got) (int, http.Header)
		within   time.Duration
		calls    int
		state    DeliveryState
		problem  string
		isPaused bool
	}{
		{"takes it", always(204), time.Minute, 1, Delivered, "", false},
		{"fails twice, then takes it", func() func(got) (int, http.Header) {
			n := 0
			return func(got) (int, http.Header) {
				if n++; n < 3 {
					return 500, nil
				}
				return 200, nil
			}
		}, 10 * time.Minute, 3, Delivered, "", false},
		{"fails for ever: a dead letter after ten attempts in four days", always(503), 100 * time.Hour, 10, Dead, "503", false},
		{"redirects: not followed", func() func(got) (int, http.Header) {
			return func(got) (int, http.Header) {
				return 307, http.Header{"Location": {"https://127.0.0.1:1/elsewhere"}}
			}
		}, time.Minute, 2, Waiting, "redirects", false},
		{"wants no more", always(410), 100 * time.Hour, 1, Waiting, "410", true},
		{"asks for an hour", func() func(got) (int, http.Header) {
			return func(got) (int, http.Header) { return 429, http.Header{"Retry-After": {"3600"}} }
		}, 59 * time.Minute, 1, Waiting, "429", false},
		{"hangs up", func() func(got) (int, http.Header) {
			return func(got) (int, http.Header) { panic(http.ErrAbortHandler) }
		}, time.Second, 1, Waiting, "no connection", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(b *bench) {
				h := b.add(WebhookForm{Name: "psa"})
				b.answer = tt.answer()
				b.emit(mail("a"))
				b.deliver(h, tt.within)
				all, err := b.hooks.Deliveries(b.Context(), DeliveryQuery{Webhook: h.ID, Limit: 10})
				if err != nil || len(all) != 1 || all[0].State != tt.state || !strings.Contains(all[0].Problem, tt.problem) || len(b.calls) != tt.calls {
					b.Fatalf("%d calls, %+v %v", len(b.calls), all, err)
				}
				for _, c := range b.calls {
					if c.id != all[0].Event || c.verified != 1 {
						b.Errorf("a call under the id %s, want %s; %d signatures hold", c.id, all[0].Event, c.verified)
					}
				}
				if h, err = b.hooks.Lookup(b.Context(), "psa"); err != nil || h.Paused != tt.isPaused {
					b.Errorf("%+v %v", h, err)
				}
			})
		})
	}
}

func TestAReceiverThatIsTooSlowIsCalledAgain(t *testing.T) {
	onBoth(t, func(b *bench) {
		made := b.hooks.Client
		b.hooks.Client = func(private bool) *http.Client {
			c := *made(private)
			c.Timeout = 100 * time.Millisecond
			return &c
		}
		release := make(chan struct{})
		b.Cleanup(func() { close(release) })
		b.answer = func(got) (int, http.Header) { <-release; return 200, nil }
		h := b.add(WebhookForm{Name: "slow"})
		b.emit(mail("a"))
		b.deliver(h, time.Second)
		all, err := b.hooks.Deliveries(b.Context(), DeliveryQuery{Webhook: h.ID, Limit: 10})
		if err != nil || all[0].State != Waiting || !strings.Contains(all[0].Problem, "no answer within") {
			b.Errorf("%+v %v", all, err)
		}
	})
}

func TestEventsAboutOneThingKeepTheirOrder(t *testing.T) {
	onBoth(t, func(b *bench) {
		h := b.add(WebhookForm{Name: "psa", Types: []Type{MailReceived, EventChanged}, Connection: "c1"})
		failing := true
		b.answer = func(g got) (int, http.Header) {
			if g.about == "a" && failing {
				return 500, nil
			}
			return 200, nil
		}
		b.emit(mail("a"), Event{Type: EventChanged, Connection: "c1", About: "a", Data: map[string]any{"n": 2}}, mail("b"),
			Event{Type: Healthy, Connection: "c1"}, Event{Type: MailReceived, Connection: "c2", About: "a"})
		b.deliver(h, time.Second)
		if got := b.states(h); got[Delivered] != 1 || got[Waiting] != 2 {
			b.Fatalf("one thing's trouble holds up another's, or the filter lets others through: %v", got)
		}
		failing = false
		b.deliver(h, time.Hour)
		var order []string
		for _, c := range b.calls {
			if c.about == "a" {
				order = append(order, c.kind)
			}
		}
		if got := b.states(h); got[Delivered] != 3 || order[len(order)-1] != string(EventChanged) || slices.Contains(order[:len(order)-1], string(EventChanged)) {
			b.Errorf("%v %v", got, order)
		}
	})
}

func TestAReceiverThatIsDownIsNotHammered(t *testing.T) {
	onBoth(t, func(b *bench) {
		h := b.add(WebhookForm{Name: "psa"})
		b.answer = func(got) (int, http.Header) { return 502, nil }
		for n := range 40 {
			b.emit(mail(strconv.Itoa(n)))
		}
		b.deliver(h, 10*time.Minute)
		if n := len(b.calls); n < batchSize || n > batchSize+20 {
			b.Errorf("%d calls in ten minutes", n)
		}
		b.answer = func(got) (int, http.Header) { return 200, nil }
		b.deliver(h, 3*time.Hour)
		if got := b.states(h); got[Delivered] != 40 {
			b.Errorf("once it is up again: %v", got)
		}
	})
}

func TestDeadLettersAreListedAndReplayed(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.emit(mail("before there was a webhook"))
		h := b.add(WebhookForm{Name: "psa"})
		b.answer = func(got) (int, http.Header) { return 500, nil }
		b.emit(mail("a"))
		b.deliver(h, 100*time.Hour)
		dead, err := b.hooks.Deliveries(b.Context(), DeliveryQuery{State: Dead, Limit: 10})
		if err != nil || len(dead) != 1 {
			b.Fatalf("%v %v", dead, err)
		}
		b.answer = nil
		for _, tt := range []struct {
			name string
			q    ReplayQuery
			want int64
		}{
			{"the dead letters", ReplayQuery{}, 1}, {"none is left", ReplayQuery{}, 0}, {"one event again", ReplayQuery{Event: dead[0].Event}, 1},
			{"everything since a week ago, also what was before the webhook", ReplayQuery{Since: b.time.Now().Add(-7 * 24 * time.Hour)}, 2},
		} {
			n, err := b.hooks.Replay(b.Context(), "test", "psa", tt.q)
			b.deliver(h, time.Minute)
			if got := b.states(h); err != nil || n != tt.want || got[Waiting]+got[Dead] != 0 {
				b.Errorf("%s: %d %v %v", tt.name, n, got, err)
			}
		}
		if _, err := b.hooks.Replay(b.Context(), "test", "psa", ReplayQuery{Event: "nothing"}); fault.KindOf(err) != fault.Invalid {
			b.Errorf("an unknown event: %v", err)
		}
	})
}

func TestBothSecretsSignWhileTheyOverlap(t *testing.T) {
	onBoth(t, func(b *bench) {
		h := b.add(WebhookForm{Name: "psa"})
		_, secret, err := b.hooks.Rotate(b.Context(), "test", "psa", time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		b.secrets = append(b.secrets, secret.Reveal())
		b.emit(mail("a"))
		b.deliver(h, time.Second)
		b.time.Advance(2 * time.Hour)
		b.emit(mail("b"))
		b.deliver(h, time.Second)
		if len(b.calls) != 2 || b.calls[0].verified != 2 || b.calls[1].verified != 1 {
			b.Errorf("%+v", b.calls)
		}
	})
}

func TestATestIsOneCallAndTellsWhatCameOfIt(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.add(WebhookForm{Name: "psa", Types: []Type{Healthy}})
		b.answer = func(got) (int, http.Header) { return 404, nil }
		d, err := b.hooks.Test(b.Context(), "test", "psa")
		if err != nil || d.State != Dead || d.Status != 404 || len(b.calls) != 1 || b.calls[0].verified != 1 || b.calls[0].kind != "webhook.test" {
			b.Errorf("%+v %v %+v", d, err, b.calls)
		}
		b.emit()
		if h, err := b.hooks.Lookup(b.Context(), "psa"); err != nil || h.Dead+h.Waiting != 0 {
			b.Errorf("a test is no dead letter: %+v %v", h, err)
		}
	})
}

func TestOnlyTheOpenInternetIsReached(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.215.14": true, "2606:2800:21f:cb07:6820:80da:af6b:8b2c": true,
		"127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "::": false,
		"224.0.0.1": false, "255.255.255.255": false, "fe80::1": false, "fd00::1": false, "::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "198.18.0.1": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: public %v, want %v", address, got, want)
		}
	}
	onBoth(t, func(b *bench) {
		for name, url := range map[string]string{"not https": "http://example.com/x", "this host": b.url, "a password": "https://u:p@example.com", "no host": "https:///x", "nothing": "", "a fragment": "https://example.com/#x"} {
			if _, _, err := b.hooks.Add(b.Context(), "test", WebhookForm{Name: name, URL: url}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "url") {
				b.Errorf("%s: %v", name, err)
			}
		}
		// A name that leads inside passes when it is entered, and is refused when it is called.
		h, _, err := b.hooks.Add(b.Context(), "test", WebhookForm{Name: "rebound", URL: strings.Replace(b.url, "127.0.0.1", "localhost", 1)})
		if err != nil {
			b.Fatal(err)
		}
		b.emit(mail("a"))
		b.deliver(h, time.Second)
		all, err := b.hooks.Deliveries(b.Context(), DeliveryQuery{Webhook: h.ID, Limit: 10})
		if err != nil || len(all) != 1 || all[0].State != Waiting || !strings.Contains(all[0].Problem, "not in the open internet") || len(b.calls) != 0 {
			b.Errorf("%+v %v, %d calls", all, err, len(b.calls))
		}
	})
}

func TestNoSecretIsReadableInTheDatabase(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.add(WebhookForm{Name: "psa"})
		for _, query := range []string{"select name || url || types || reason || created_by from event_webhook", "select actor || action || target || detail from audit_entry", "select cast(sealed as text) from vault_secret where length(ref) > 0 and 1 = 0"} {
			rows, err := store.Select(b.Context(), b.log.Store.Reader(), func(s store.Scanner) (text string, err error) { return text, s.Scan(&text) }, query)
			if err != nil || strings.Contains(fmt.Sprint(rows), b.secrets[0]) {
				b.Errorf("%v %v", rows, err)
			}
		}
	})
}
