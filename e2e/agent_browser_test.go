package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
)

// In a real browser: a program is allowed and the button leads back to it, its plan is read and approved, a rule is made, and it is stopped.
func TestThePageAgents(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	var came url.Values
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			came = r.URL.Query()
			_, _ = w.Write([]byte(`<p id="back">You may close this page.</p>`))
		}
	}))
	t.Cleanup(program.Close)
	c, err := h.Access.RegisterClient(t.Context(), "Curious Assistant", []string{program.URL + "/callback"})
	if err != nil {
		t.Fatal(err)
	}
	p := browser(t)
	p.enter(h)
	p.do(click(`nav a[href="/agents"]`), see(".empty"))
	has(t, "the empty page", p.text("main"), "Nothing waits for a decision", "No agent has asked yet", "/mcp")
	asks := "/oauth/authorize?" + url.Values{"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {program.URL + "/callback"}, "code_challenge": {strings.Repeat("x", 43)}, "code_challenge_method": {"S256"}, "scope": {"read write"}}.Encode()
	p.sound(h, map[string]string{"agents-empty": "/agents", "authorize": asks})
	p.do(chromedp.Navigate(h.Server.URL()+asks), see(`button[value="write"]`))
	has(t, "the page that asks", p.text("main"), "Allow Curious Assistant?", "Nobody has checked the name", strings.TrimPrefix(program.URL, "http://"))
	p.do(click(`button[value="write"]`), see("#back"))
	if came.Get("code") == "" || came.Get("iss") != h.Server.URL() {
		t.Errorf("the program hears %v", came)
	}

	people, err := h.Access.People(t.Context())
	if err != nil || len(people) != 1 {
		t.Fatal(people, err)
	}
	caller, err := h.Access.Returning(t.Context(), "person", people[0].ID, "client:"+c.ID)
	if err != nil {
		t.Fatal(err)
	}
	propose := func(subject string) action.Plan {
		input, err := json.Marshal(map[string]any{"user": ada, "to": []string{ben}, "subject": subject, "body": "<script>alert(1)</script>"})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := h.Runner.Propose(t.Context(), action.Request{Action: "mail.message.send", Connection: "contoso", Caller: caller, Input: input})
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	propose("read and approved")
	propose("read and rejected")
	p.do(chromedp.Navigate(h.Server.URL()+"/agents"), see("#waiting"))
	has(t, "what waits", p.text("main"), "2 waiting for your word", "mail.message.send through contoso", "read and approved", "<script>alert(1)</script>", "Curious Assistant", "read and propose")
	p.sound(h, map[string]string{"agents": "/agents"})
	p.do(chromedp.Navigate(h.Server.URL()+"/agents"), see("#waiting"), press(`#waiting li:last-child form[action="/agents/approve"] button`, ".flash"))
	has(t, "approved", p.text("main"), "Approved and done.", "1 waiting for your word")
	p.do(press(`form[action="/agents/reject"] button`, ".flash"))
	has(t, "rejected", p.text("main"), "It never happens", "Nothing waits for a decision")
	leftOnce(t, h, "read and approved")
	if n := sent(t, h, "read and rejected"); n != 0 {
		t.Errorf("what was rejected was sent %d times", n)
	}
	propose("always")
	p.do(chromedp.Navigate(h.Server.URL()+"/agents"), see("#waiting"), click("#waiting details:last-of-type summary"), click(`form[action="/agents/rule"] button`), see(`form[action="/agents/remove-rule"]`))
	if plan := propose("by the rule"); plan.State != action.PlanDone {
		t.Errorf("after the rule: %+v", plan)
	}
	if err := h.Access.SwitchAgent(t.Context(), access.Local("test"), "client:"+c.ID, false); err != nil { // it has a row now, as one that asked by itself
		t.Fatal(err)
	}
	p.do(click(`form[action="/agents/stop"] button`), see(`form[action="/agents/start"]`))
	has(t, "stopped", p.text("main"), "nothing: stopped")
	p.do(click(`form[action="/agents/revoke"] button`), see(".empty"))
	has(t, "taken back", p.text("main"), "No agent has asked yet")
}
