package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/audit"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/store"
)

// psa is a planning system that signs its calls as Standard Webhooks has it, with code of its own.
type psa struct {
	url, secret string
}

type madeIntake struct {
	ID, URL, Secret string
}

func newPSA(t *testing.T, h *app.Hub, in map[string]any) psa {
	t.Helper()
	m := operated[madeIntake](t, h, "dispatch.intake.add", in)
	return psa{m.URL, m.Secret}
}

// operated runs an action of the hub as its operator, and reads what it gives.
func operated[T any](t *testing.T, h *app.Hub, action string, in map[string]any) (out T) {
	t.Helper()
	r, err := runAs(t, h, access.Local("test"), action, in)
	if err == nil {
		err = json.Unmarshal(r.Output, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// call posts; change may spoil the request before it leaves.
func (p psa) call(t *testing.T, h *app.Hub, id string, body any, change func(*http.Request)) (status int, answer map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	at := strconv.FormatInt(h.Time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, at, text)
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", at)
	r.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func (p psa) mustCall(t *testing.T, h *app.Hub, id string, body any) map[string]any {
	t.Helper()
	status, answer := p.call(t, h, id, body, nil)
	if status != http.StatusOK {
		t.Fatalf("got %d %v", status, answer)
	}
	return answer
}

// A planning system posts its slots in signed calls: each call counts once, and an old one does not undo a newer.
func TestAPlanningSystemPostsItsSlots(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := dispatchHub(t, engine)
			p := newPSA(t, h, map[string]any{"name": "psa", "connection": "c", "source": "psa"})
			if got := p.mustCall(t, h, "m1", slotFor(h, "1", ada, nil)); got["created"] != 1.0 {
				t.Errorf("a slot: got %v", got)
			}
			if s := slotIs(t, h, "1", dispatch.Placed); s.Source != "psa" {
				t.Errorf("got %+v", s)
			}
			if got := p.mustCall(t, h, "m1", slotFor(h, "1", ben, nil)); got["repeated"] != true || got["updated"] != 0.0 {
				t.Errorf("the same call again: got %v", got)
			}
			now := h.Time.Now()
			if got := p.mustCall(t, h, "m3", letter(now.Add(2*time.Minute), slotFor(h, "1", ada, map[string]any{"location": "New"}), slotFor(h, "2", ada, nil))); got["updated"] != 1.0 || got["created"] != 1.0 {
				t.Errorf("a letter: got %v", got)
			}
			if got := p.mustCall(t, h, "m2", letter(now.Add(time.Minute), slotFor(h, "1", ada, map[string]any{"location": "Old"}))); got["outdated"] != 1.0 || got["updated"] != 0.0 {
				t.Errorf("a letter that comes late: got %v", got)
			}
			slotIs(t, h, "2", dispatch.Placed)
			if s := slotIs(t, h, "1", dispatch.Placed); s.Location != "New" || s.Technician != ada {
				t.Errorf("got %+v", s)
			}
			if got := p.mustCall(t, h, "m4", []any{slotFor(h, "1", ada, map[string]any{"status": "cancelled"})}); got["updated"] != 1.0 {
				t.Errorf("cancelled: got %v", got)
			}
			slotIs(t, h, "1", dispatch.Withdrawn)
			all, err := h.Audit.List(t.Context(), 0, 100)
			if err != nil || !slices.ContainsFunc(all, func(e audit.Entry) bool { return e.Action == "dispatch.slot.put" && e.Actor == "intake:psa" }) {
				t.Errorf("audited: %+v, %v", all, err)
			}
			list := operated[struct{ Intakes []dispatch.Intake }](t, h, "dispatch.intake.list", map[string]any{})
			if i := list.Intakes[0]; i.CalledAt.IsZero() || i.URL != p.url || !i.RefusedAt.IsZero() {
				t.Errorf("listed: %+v", i)
			}
			nobodyWasMailed(t, h)
		})
	}
}

// Whatever is not signed with the address's own secret, or says nothing that can be planned, changes nothing and is told why.
func TestAnIntakeRefuses(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	p := newPSA(t, h, map[string]any{"name": "psa"})
	other := newPSA(t, h, map[string]any{"name": "other"})
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, tt := range []struct {
		name   string
		as     psa
		body   any
		change func(*http.Request)
		status int
		code   string
	}{
		{"not signed", p, slotFor(h, "1", ada, nil), set("webhook-signature", ""), 401, "signature_missing"},
		{"signed with another address's secret", psa{p.url, other.secret}, slotFor(h, "1", ada, nil), nil, 401, "signature_wrong"},
		{"of an hour ago", p, slotFor(h, "1", ada, nil), set("webhook-timestamp", strconv.FormatInt(h.Time.Now().Add(-time.Hour).Unix(), 10)), 401, "signature_old"},
		{"an address that is none", psa{p.url + "x", p.secret}, slotFor(h, "1", ada, nil), nil, 404, "not_found"},
		{"no slot", p, map[string]any{"hello": "world"}, nil, 400, "invalid_input"},
		{"no object", p, "hello", nil, 400, "invalid_input"},
		{"a technician whom nobody listed", p, slotFor(h, "1", "chloe@contoso.example", nil), nil, 400, "invalid_input"},
		{"a field that is unknown", p, slotFor(h, "1", ada, map[string]any{"colour": "red"}), nil, 400, "invalid_input"},
		{"more than 10 MB", p, slotFor(h, "1", ada, map[string]any{"notes": strings.Repeat("x", 11<<20)}), nil, 413, "body_too_large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, answer := tt.as.call(t, h, "m", tt.body, tt.change)
			if status != tt.status || answer["code"] != tt.code || answer["fix"] == "" {
				t.Errorf("got %d %v", status, answer)
			}
		})
	}
	if all, err := h.Dispatch.List(t.Context(), dispatch.Query{Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("slots: %v, %v", all, err)
	}
	if i := operated[struct{ Intakes []dispatch.Intake }](t, h, "dispatch.intake.list", map[string]any{}).Intakes[1]; i.Name != "psa" || i.Refused == "" || !i.CalledAt.IsZero() {
		t.Errorf("listed: %+v", i)
	}
	if got := p.mustCall(t, h, "m", slotFor(h, "1", ada, nil)); got["created"] != 1.0 { // what was refused under its id did not count
		t.Errorf("got %v", got)
	}
}

// A new secret is good at once, the old one as long as it was said; an address that was removed takes nothing.
func TestAnIntakesSecretIsReplaced(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	old := newPSA(t, h, map[string]any{"name": "psa"})
	fresh := psa{old.url, operated[madeIntake](t, h, "dispatch.intake.rotate", map[string]any{"name": "psa", "overlap": "1h"}).Secret}
	fresh.mustCall(t, h, "m1", slotFor(h, "1", ada, nil))
	old.mustCall(t, h, "m2", slotFor(h, "2", ada, nil))
	h.Time.Advance(61 * time.Minute)
	if status, answer := old.call(t, h, "m3", slotFor(h, "3", ada, nil), nil); status != 401 || answer["code"] != "signature_wrong" {
		t.Errorf("the old secret, too late: %d %v", status, answer)
	}
	fresh.mustCall(t, h, "m4", slotFor(h, "3", ada, nil))
	if _, err := runAs(t, h, access.Local("test"), "dispatch.intake.remove", map[string]any{"name": "psa"}); err != nil {
		t.Fatal(err)
	}
	if status, _ := fresh.call(t, h, "m5", slotFor(h, "4", ada, nil), nil); status != 404 {
		t.Errorf("after its end it answers %d", status)
	}
}

// An admin makes an address on the page, is shown its secret once, and sees whether anything calls.
func TestThePageOfPlanningSystems(t *testing.T) {
	h := dispatchHub(t, store.SQLite)
	p := browser(t)
	p.enter(h)
	p.do(chromedp.Navigate(h.Server.URL()+"/dispatch"), see(`a[href="/dispatch/intakes"]`), click(`a[href="/dispatch/intakes"]`), see(".empty"))
	p.do(fill(`input[name="name"]`, "a/b"), click("#add button.primary"), see(".problem"))
	has(t, "a name that cannot be", p.text(".problem"), "without a slash")
	p.do(fill(`input[name="name"]`, "psa"), click("#add button.primary"), see("#secret"))
	has(t, "made", p.text("#main"), "psa", "not called yet", "shown this one time", "/notify/dispatch/")
	system := psa{strings.TrimSpace(p.text("#secret code")), strings.TrimSpace(p.text("#secret pre"))}
	system.mustCall(t, h, "m1", slotFor(h, "1", ada, nil))
	p.do(chromedp.Navigate(h.Server.URL()+"/dispatch/intakes"), see("tbody"))
	has(t, "called", p.text("tbody"), "taken")
	if strings.Contains(get(p, chromedp.Evaluate[string]("document.documentElement.outerHTML")), system.secret) {
		t.Error("the secret is shown again")
	}
	p.sound(h, map[string]string{"intakes": "/dispatch/intakes"})
	p.do(chromedp.Navigate(h.Server.URL()+"/dispatch/intakes"), click(`form[action$="/rotate"] button`), see("#secret"))
	has(t, "rotated", p.text("#secret"), "The old one is good as well")
	p.do(chromedp.Navigate(h.Server.URL()+"/dispatch/intakes"), click("tbody details > summary"), press(`form[action$="/remove"] button`, ".flash"))
	has(t, "ended", p.text("#main"), "Ended; what it brought stays in the plan.", "Nothing posts slots yet")

	viewer := browser(t)
	staff(t, h, "Ben", access.Member, "")
	viewer.enterAs(h, "Ben")
	viewer.do(chromedp.Navigate(h.Server.URL()+"/dispatch/intakes"), see("main"))
	if strings.Contains(viewer.text("main"), "Make an address") {
		t.Error("a member makes addresses")
	}
}
