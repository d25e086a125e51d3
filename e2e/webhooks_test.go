package e2e

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// startFickle is a receiver that answers as it is told, and a hub that trusts its certificate.
func startFickle(t *testing.T) (*app.Hub, *httptest.Server, *atomic.Int64) {
	t.Helper()
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, 7)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	status := new(atomic.Int64)
	status.Store(http.StatusNoContent)
	r := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	r.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	r.StartTLS()
	t.Cleanup(r.Close)
	h := app.StartForTest(t, app.TestOptions{Engine: store.SQLite, Change: func(s map[string]string) {
		var all []byte
		for _, file := range []string{s["CA_FILE"], cert} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text...)
		}
		s["CA_FILE"] = filepath.Join(dir, "ca.pem")
		if err := os.WriteFile(s["CA_FILE"], all, 0o600); err != nil {
			t.Fatal(err)
		}
	}})
	return h, r, status
}

// A webhook's whole life on the pages: added, its secret shown once, tried, failing, delivered again, paused, its secret replaced, removed.
func TestThePageWebhooks(t *testing.T) {
	h, receiver, status := startFickle(t)
	h.Connect(h.Form("contoso", "Seneschal"))
	p := browser(t)
	p.enter(h)
	p.do(click(`nav a[href="/webhooks"]`), see(".empty"))
	has(t, "the empty page", p.text("main"), "Nobody outside is told of events", "Enter the first address")
	p.sound(h, map[string]string{"webhooks-empty": "/webhooks"})

	p.do(fill(`input[name="name"]`, "psa"), fill(`input[name="url"]`, receiver.URL+"/hook?token=abc"), click(`input[name="type"][value="message.received"]`), click("#add button.primary"), see(".problem"))
	has(t, "a private address", p.text(".problem"), "url")
	if !get(p, chromedp.Evaluate[bool](`document.querySelector('input[name="type"][value="message.received"]').checked && document.querySelector('input[name="name"]').value === "psa"`)) {
		t.Error("what was typed in is gone")
	}
	p.do(click(`input[name="allow_private"]`), click("#add button.primary"), see("#secret"))
	has(t, "the new webhook", p.text("main"), "psa", "not called yet", "shown this one time", "message.received, of all connections")
	secret := strings.TrimSpace(p.text("#secret pre"))
	if !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the secret is %q", secret)
	}
	p.do(press("#secret button", ".flash"))
	has(t, "the test", p.text("main"), "The test arrived: the address answered 204.", "reached", "delivered")
	if strings.Contains(get(p, chromedp.Evaluate[string]("document.documentElement.outerHTML")), secret) {
		t.Error("the secret is shown again")
	}

	status.Store(http.StatusInternalServerError)
	p.do(chromedp.Navigate(get(p, chromedp.Location())), see("header button.primary")) // without the word of the first test
	p.do(press("header button.primary", ".flash"))
	has(t, "a test that fails", p.text("main"), "The test did not arrive: the receiver answered 500", "given up")
	if err := h.Store.InTx(t.Context(), "test", func(tx *store.Tx) error {
		return h.Events.Emit(t.Context(), tx, event.Event{Type: event.MailReceived, About: "a mail", Data: map[string]any{"item": "a mail"}})
	}); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the event is given up after days", func() bool {
		h.Time.Advance(time.Hour)
		hook, err := h.Webhooks.Lookup(t.Context(), "psa")
		return err == nil && hook.Dead == 1
	})
	p.enter(h) // the session did not last that long
	p.do(click(`nav a[href="/webhooks"]`), see("#dead"))
	has(t, "the list", p.text("main"), "psa", "Given up", "the receiver answered 500 Internal Server Error")
	id := strings.TrimPrefix(get(p, chromedp.Evaluate[string](`document.querySelector("tbody th a").getAttribute("href")`)), "/webhooks/")
	p.sound(h, map[string]string{"webhooks": "/webhooks", "webhook": "/webhooks/" + id, "webhook-none": "/webhooks/" + id + "?state=sending"})

	status.Store(http.StatusNoContent)
	p.do(chromedp.Navigate(h.Server.URL()+"/webhooks"), see("#dead"), press("#dead button", ".flash"))
	has(t, "delivered again", p.text(".flash"), "1 event will be delivered again")
	waitUntil(t, "it arrives", func() bool {
		h.Time.Advance(time.Second)
		hook, err := h.Webhooks.Lookup(t.Context(), "psa")
		return err == nil && hook.Dead == 0 && hook.Waiting == 0
	})
	p.do(chromedp.Navigate(h.Server.URL()+"/webhooks/"+id), see("#deliveries"), press(`form[action$="/pause"] button`, ".flash"))
	has(t, "paused", p.text("main"), "paused", "Go on calling it")
	p.do(press(`header form[action$="/resume"] button`, ".flash"))
	has(t, "resumed", p.text("main"), "It is called again", "Send a test")
	p.do(click(`form[action$="/rotate"] button`), see("#secret"))
	if again := strings.TrimSpace(p.text("#secret pre")); again == secret || !strings.HasPrefix(again, "whsec_") {
		t.Errorf("the new secret is %q", again)
	}
	has(t, "two secrets", p.text("main"), "the old one signs as well; ends in")
	p.do(chromedp.Navigate(h.Server.URL()+"/webhooks/"+id), see("details"), click("section:last-of-type > details > summary"), click("button.danger"), see(".empty"))
	if all, err := h.Webhooks.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("left: %v %v", all, err)
	}

	viewer := browser(t)
	someone := staff(t, h, "Ben", access.Viewer, "")
	token, err := h.Access.LoginLink(t.Context(), access.Local("test"), someone.Name)
	if err != nil {
		t.Fatal(err)
	}
	viewer.do(chromedp.Navigate(h.Server.URL()+"/login?token="+token.Reveal()), click("main button"), see(".tiles"))
	if strings.Contains(viewer.text("nav"), "Webhooks") {
		t.Error("a viewer is led to the webhooks")
	}
	viewer.do(chromedp.Navigate(h.Server.URL()+"/webhooks"), see(".problem"))
}
