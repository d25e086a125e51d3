package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// disbelieved gives what the inbox's notifications carried and was not believed, by reason.
func disbelieved(t *testing.T, h *app.Hub) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	if f := inboxOf(t, h, ada); f.Push != nil {
		for _, r := range f.Push.Refused {
			out[r.Reason] = r.Count
		}
	}
	return out
}

// Each row has one notification carry something wrong. It is refused for that, counted, and the mail is on the page all the same: at once.
func TestWhatNotificationsCarryIsRefused(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := toldOn(t, engine)
			if f := inboxOf(t, h, ada); !f.Push.Rich {
				t.Fatalf("the inbox's notifications carry nothing: %q", f.PushNote)
			}
			counts := map[string]int64{}
			for _, tt := range []struct{ name, wrong, reason string }{
				{"nothing is wrong", "", ""},
				{"a bad signature", "token_signature", "token_signature"},
				{"a token for another application", "token_audience", feed.TokenAudience},
				{"a token about another tenant", "token_tenant", feed.TokenTenant},
				{"a token in another tenant's name", "token_issuer", "token_issuer"},
				{"a token that another application asked for", "token_sender", "token_sender"},
				{"a token that is too old", "token_expired", "token_expired"},
				{"no token", "token_missing", feed.TokenMissing},
				{"a certificate that is not ours", "certificate_unknown", feed.CertificateUnknown},
				{"a key for somebody else", "key_foreign", feed.KeyUnopened},
				{"data that were changed", "data_tampered", feed.DataSignature},
				{"a data signature that was changed", "data_signature", feed.DataSignature},
				{"an older one again", "replay", feed.Repeated},
				{"nothing is wrong any more", "", ""},
			} {
				t.Run(tt.name, func(t *testing.T) {
					if tt.wrong != "" {
						play(t, h, sim.Fault{Kind: "wrong_content", Code: tt.wrong, Times: 1})
						counts[tt.reason]++
					}
					begin := h.Time.Now()
					deliver(t, h, ada, "About "+tt.name, "Nora <nora@northwind.example>", ada)
					waitUntil(t, "the mail is on the customer's page", func() bool {
						h.Time.Advance(10 * time.Millisecond) // no faster than a slow machine answers: what can wait waits 30 seconds
						return with(lines(t, h, access.Local("test")), "About "+tt.name) == 1
					})
					if took := h.Time.Now().Sub(begin); took > 20*time.Second {
						t.Errorf("it took %v: it waited as if nothing had been told", took)
					}
					waitUntil(t, "it is counted", func() bool { return fmt.Sprint(disbelieved(t, h)) == fmt.Sprint(counts) })
				})
			}
		})
	}
}

// asked counts what was asked of mailboxes; Microsoft's signing keys are fetched besides.
func asked(h *app.Hub) int {
	n := 0
	for _, r := range h.Cloud.Requests() {
		if r.Mailbox != "" {
			n++
		}
	}
	return n
}

// A mail that concerns no customer can wait: it costs no request of its own, and leaves nothing.
func TestWhatConcernsNobodyWaits(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := toldOn(t, engine)
			quiet(h)
			before := asked(h)
			for i := range 5 {
				deliver(t, h, ada, fmt.Sprint("Lunch ", i), "Mallory <mallory@elsewhere.example>", ada)
			}
			waitUntil(t, "all are told", func() bool { return h.Cloud.Counters()["notifications_delivered"] >= 5 })
			for range 10 {
				h.Time.Advance(time.Second)
				quiet(h)
			}
			if n := asked(h) - before; n > 0 {
				t.Errorf("%d requests for what concerns nobody", n)
			}
			deliver(t, h, ada, "VPN is down", "Nora <nora@northwind.example>", ada)
			waitUntil(t, "a customer's mail does not wait", shown(t, h, "VPN is down"))
			if n := asked(h) - before; n > 1 {
				t.Errorf("%d requests for six mails, want one", n)
			}
			deliver(t, h, ada, "Cake", "Mallory <mallory@elsewhere.example>", ada)
			quiet(h)
			before = asked(h)
			waitUntil(t, "the walk follows", func() bool { h.Time.Advance(time.Second); return asked(h) > before })
			if len(disbelieved(t, h)) != 0 {
				t.Errorf("refused: %v", disbelieved(t, h))
			}
			if path, ok := strings.CutPrefix(h.Config.DatabaseURL, "file:"); ok {
				for _, file := range []string{path, path + "-wal"} {
					if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), "elsewhere.example") {
						t.Errorf("%s knows of somebody who is no customer's", file)
					}
				}
			}
		})
	}
}

// A notification that comes again does not bring back what was deleted meanwhile.
func TestAnOldNotificationBringsNothingBack(t *testing.T) {
	h := toldOn(t, store.SQLite)
	deliver(t, h, ada, "Deleted soon", "Nora <nora@northwind.example>", ada)
	waitUntil(t, "the mail is there", shown(t, h, "Deleted soon"))
	if _, err := h.Do("c", "mail.message.delete", "k", map[string]any{"user": ada, "message": messageID(t, h, ada, "Deleted soon")}); err != nil {
		t.Fatal(err)
	}
	gone := func() bool {
		h.Time.Advance(200 * time.Millisecond)
		return with(lines(t, h, access.Local("test")), "Deleted soon") == 0
	}
	waitUntil(t, "it is gone", gone)
	play(t, h, sim.Fault{Kind: "wrong_content", Code: "replay", Times: 1})
	deliver(t, h, ada, "Whose note is replaced", "Nora <nora@northwind.example>", ada)
	waitUntil(t, "the replay is refused", func() bool { h.Time.Advance(200 * time.Millisecond); return disbelieved(t, h)[feed.Repeated] == 1 })
	waitUntil(t, "and walked", shown(t, h, "Whose note is replaced"))
	if !gone() {
		t.Error("an old notification brought a deleted mail back")
	}
}

// A certificate that is replaced opens until nothing can name it any more, and is refused from then on.
func TestAReplacedCertificate(t *testing.T) {
	h := toldOn(t, store.SQLite)
	deliver(t, h, ada, "Encrypted for the first", "Nora <nora@northwind.example>", ada)
	waitUntil(t, "the mail is there", shown(t, h, "Encrypted for the first"))
	first := certificates(t, h)
	if status, _, text := h.REST("POST", "/api/v1/feeds/certificate", map[string]any{}, "Idempotency-Key", "k"); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	old := func(subject string) {
		t.Helper()
		play(t, h, sim.Fault{Kind: "wrong_content", Code: "certificate_old", Times: 1})
		deliver(t, h, ada, subject, "Nora <nora@northwind.example>", ada)
		waitUntil(t, "the mail is there", shown(t, h, subject))
	}
	pass := func(hours time.Duration) {
		h.Time.Advance(hours * time.Hour)
		quiet(h)
		pushed(t, h)
	}
	pass(13) // half a life: the subscriptions were renewed
	if len(first) != 1 {
		t.Fatalf("the subscriptions named %v before", first)
	}
	waitUntil(t, "the subscriptions name the new one", func() bool {
		h.Time.Advance(time.Second)
		now := certificates(t, h)
		return len(now) == 1 && now[0] != first[0]
	})
	old("Encrypted before")
	if r := disbelieved(t, h); len(r) != 0 {
		t.Errorf("refused while both open: %v", r)
	}
	pass(9)
	pass(9) // and the old ones have run out for certain
	waitUntil(t, "the old key is erased", func() bool {
		h.Time.Advance(time.Second)
		_, err := h.Vault.Get(t.Context(), h.Store.Reader(), "feed/certificate/"+first[0])
		return fault.KindOf(err) == fault.NotFound
	})
	old("Encrypted long before")
	waitUntil(t, "the retired one is refused", func() bool { return disbelieved(t, h)[feed.CertificateRetired] == 1 })
}

// certificates are those that the subscriptions name.
func certificates(t *testing.T, h *app.Hub) []string {
	t.Helper()
	var out []string
	for _, s := range subscriptions(t, h) {
		if id, ok := s["encryptionCertificateId"].(string); ok && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
