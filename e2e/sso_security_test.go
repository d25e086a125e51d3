package e2e

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/fault"
	"seneschal/internal/sim/person"
)

// loose is a client that keeps cookies, follows no redirect, and trusts any certificate.
func loose(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the hub's certificate is the test's own
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func sendForm(t *testing.T, c *http.Client, method, address string, form url.Values, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// entered is a client that is signed in by a link.
func entered(t *testing.T, h *app.Hub, name string) *http.Client {
	t.Helper()
	token, err := h.Access.LoginLink(t.Context(), access.Local("test"), name)
	if err != nil {
		t.Fatal(err)
	}
	c := loose(t)
	if r := sendForm(t, c, "POST", h.Server.URL()+"/login", url.Values{"token": {token.Reveal()}}); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("the link: %d", r.StatusCode)
	}
	return c
}

func TestAnotherSitesPageChangesNoAccount(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	if _, err := h.Access.EnsureFirstAdmin(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := entered(t, h, "admin")
	id := profile(t, h, "admin").ID
	for _, path := range []string{"/account/microsoft", "/account/revoke", "/people", "/people/" + id + "/role", "/people/" + id + "/remove", "/people/" + id + "/end-sessions", "/people/" + id + "/move-address", "/logout", "/login"} {
		if r := sendForm(t, c, "POST", h.Server.URL()+path, nil, "Sec-Fetch-Site", "cross-site"); r.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d, want 403", path, r.StatusCode)
		}
	}
	if r := sendForm(t, c, "GET", h.Server.URL()+"/account", nil); r.StatusCode != http.StatusOK {
		t.Errorf("the session did not outlive it: %d", r.StatusCode)
	}
}

// planted sends the hub a session cookie that somebody else knows, and keeps what the hub sets.
type planted struct {
	http.RoundTripper
	hub, cookie string
	set         *[]*http.Cookie
}

func (p planted) RoundTrip(r *http.Request) (*http.Response, error) {
	ours := strings.HasPrefix(r.URL.String(), p.hub)
	if _, err := r.Cookie("seneschal"); ours && err != nil {
		r = r.Clone(r.Context())
		r.AddCookie(&http.Cookie{Name: "seneschal", Value: p.cookie})
	}
	resp, err := p.RoundTripper.RoundTrip(r)
	if err == nil && ours {
		*p.set = append(*p.set, resp.Cookies()...)
	}
	return resp, err
}

func TestASessionKnownBeforeSigningInIsWorthNothing(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	if _, err := h.Access.EnsureFirstAdmin(t.Context()); err != nil {
		t.Fatal(err)
	}
	attacker := entered(t, h, "admin")
	hub, err := url.Parse(h.Server.URL())
	if err != nil {
		t.Fatal(err)
	}
	known := attacker.Jar.Cookies(hub)[0].Value
	if err := h.Access.EndSessions(t.Context(), access.Local("test"), "admin"); err != nil {
		t.Fatal(err)
	}
	var set []*http.Cookie
	browser := person.New(planted{h.Cloud.HTTPClient().Transport, h.Server.URL(), known, &set})
	page, err := browser.SignIn(t.Context(), h.Server.URL()+"/auth/microsoft/login?return=/account", ben, passwords[ben], "/account")
	if err != nil || page.Status != 200 {
		t.Fatalf("%+v %v", page, err)
	}
	fresh := ""
	for _, c := range set {
		if c.Name == "seneschal" {
			fresh = c.Value
		}
	}
	if fresh == "" || fresh == known {
		t.Errorf("the session of before serves on: %q, planted %q", fresh, known)
	}
	if r := sendForm(t, attacker, "GET", h.Server.URL()+"/account", nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("whoever planted the cookie is signed in: %d", r.StatusCode)
	}
}

func TestSigningInLeadsNowhereElse(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	if _, err := h.Access.EnsureFirstAdmin(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "/%5Cevil.example", "javascript:alert(1)", "/\t/evil.example"} {
		browser := access.NewBrowser()
		link, err := h.SSO.Begin(t.Context(), access.Attempt{Browser: browser, ReturnTo: to})
		if err != nil {
			t.Fatal(err)
		}
		if back, err := h.SSO.Finish(t.Context(), answer(t, h, link, ben, browser, "")); err != nil || back.ReturnTo != "/" {
			t.Errorf("with Microsoft, %q: %+v %v", to, back, err)
		}
		token, err := h.Access.LoginLink(t.Context(), access.Local("test"), "admin")
		if err != nil {
			t.Fatal(err)
		}
		if r := sendForm(t, loose(t), "POST", h.Server.URL()+"/login", url.Values{"token": {token.Reveal()}, "return": {to}}); r.Header.Get("Location") != "/" {
			t.Errorf("by link, %q: leads to %s", to, r.Header.Get("Location"))
		}
	}
}

func TestCookiesOfASignInKeepToThemselves(t *testing.T) {
	cert, key := writeCertificate(t, t.TempDir(), 1)
	for name, settings := range map[string][]string{"http on loopback": nil, "https": {"TLS_CERT_FILE", cert, "TLS_KEY_FILE", key}} {
		t.Run(name, func(t *testing.T) {
			h := singleSignOn(t, app.TestOptions{}, settings...)
			if _, err := h.Access.EnsureFirstAdmin(t.Context()); err != nil {
				t.Fatal(err)
			}
			token, err := h.Access.LoginLink(t.Context(), access.Local("test"), "admin")
			if err != nil {
				t.Fatal(err)
			}
			c := loose(t)
			cookies := append(sendForm(t, c, "GET", h.Server.URL()+"/auth/microsoft/login", nil).Cookies(), sendForm(t, c, "POST", h.Server.URL()+"/login", url.Values{"token": {token.Reveal()}}).Cookies()...)
			if len(cookies) != 2 {
				t.Fatalf("%d cookies, want the sign-in's and the session's: %v", len(cookies), cookies)
			}
			for _, k := range cookies {
				secure := settings != nil
				if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" || k.Secure != secure || strings.HasPrefix(k.Name, "__Host-") != secure {
					t.Errorf("%s", k)
				}
			}
		})
	}
}

func TestPagesOfTheSignInRunNoForeignScriptAndAreFramedNowhere(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	if _, err := h.Access.EnsureFirstAdmin(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := entered(t, h, "admin")
	for _, path := range []string{"/login", "/login?token=x&return=/people", "/account", "/people", "/auth/microsoft/login", "/auth/microsoft/callback?state=person.x&code=y", "/auth/microsoft/logout"} {
		r := sendForm(t, c, "GET", h.Server.URL()+path, nil)
		policy := r.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy lacks %s: %s", path, want, policy)
			}
		}
		if strings.Count(policy, "script-src") != 1 || !strings.Contains(policy, "script-src 'self';") || r.Header.Get("Referrer-Policy") != "no-referrer" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
}

func TestSigningInIsLimited(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	for _, tt := range []struct{ name, method, path string }{
		{"guessing links", "POST", "/login"},
		{"starting sign-ins", "GET", "/auth/microsoft/login"},
		{"guessing states", "GET", "/auth/microsoft/callback?state=person.x&code=y"},
	} {
		c := loose(t)
		refused := 0
		for range 40 {
			// What anybody may write into a header changes nothing about who it is.
			r := sendForm(t, c, tt.method, h.Server.URL()+tt.path, nil, "X-Forwarded-For", "198.51.100.7")
			if r.StatusCode == http.StatusTooManyRequests {
				refused++
				if r.Header.Get("Retry-After") != "3" {
					t.Errorf("%s: Retry-After %q", tt.name, r.Header.Get("Retry-After"))
				}
			}
		}
		if refused < 10 {
			t.Errorf("%s: only %d of 40 were refused", tt.name, refused)
		}
	}
	h.Time.Advance(time.Minute)
	if r := sendForm(t, loose(t), "GET", h.Server.URL()+"/auth/microsoft/login", nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("a minute later: %d", r.StatusCode)
	}
}

// Each row brings back something else than what the browser was sent for.
func TestASignInEndsOnceInItsOwnBrowserWithItsOwnCode(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	begin := func(browser string) access.Answer {
		t.Helper()
		link, err := h.SSO.Begin(t.Context(), access.Attempt{Browser: browser})
		if err != nil {
			t.Fatal(err)
		}
		return answer(t, h, link, ben, browser, "")
	}
	for _, tt := range []struct {
		name  string
		spoil func(a access.Answer) access.Answer
		code  string
	}{
		{"a state replayed", func(a access.Answer) access.Answer {
			if _, err := h.SSO.Finish(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			return a
		}, "sign_in_expired"},
		{"another browser", func(a access.Answer) access.Answer { a.Browser = access.NewBrowser(); return a }, "other_browser"},
		{"no cookie", func(a access.Answer) access.Answer { a.Browser = ""; return a }, "other_browser"},
		{"a state nobody gave", func(a access.Answer) access.Answer { a.State = "person.made-up"; return a }, "sign_in_expired"},
		{"an hour too late", func(a access.Answer) access.Answer { h.Time.Advance(access.AttemptLife + time.Second); return a }, "sign_in_expired"},
		{"another sign-in's code", func(a access.Answer) access.Answer { a.Code = begin(a.Browser).Code; return a }, "AADSTS501481"},
		{"a code nobody gave", func(a access.Answer) access.Answer { a.Code = "1.AXmade-up"; return a }, "AADSTS70000"},
		{"the person said no", func(a access.Answer) access.Answer {
			a.Code, a.Error, a.Description = "", "access_denied", "AADSTS65004: User declined to consent."
			return a
		}, "AADSTS65004"},
		{"words nobody knows", func(a access.Answer) access.Answer {
			a.Code, a.Error, a.Description = "", "server_error", "Something.\r\nTrace ID: x"
			return a
		}, "sign_in_ended"},
	} {
		a := tt.spoil(begin(access.NewBrowser()))
		if _, err := h.SSO.Finish(t.Context(), a); fault.CodeOf(err) != tt.code {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.code)
		}
		if tt.code != "sign_in_expired" { // a refusal uses the state up, too
			if _, err := h.SSO.Finish(t.Context(), a); fault.CodeOf(err) != "sign_in_expired" {
				t.Errorf("%s, again: %v", tt.name, err)
			}
		}
	}
}

func TestSessionsEndWhenTheyShould(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	bens, alices := visit(t, h), visit(t, h)
	in := func(v visitor) bool { return v.open("/account").URL.Path == "/account" }
	for _, tt := range []struct {
		name string
		end  func() error
	}{
		{"revoked by an admin", func() error {
			return h.Access.RevokeSession(t.Context(), profile(t, h, "Alice Admin").Caller(), profile(t, h, "Ben Okafor").Sessions[0].ID)
		}},
		{"revoked by the person", func() error {
			b := profile(t, h, "Ben Okafor")
			return h.Access.RevokeSession(t.Context(), b.Caller(), b.Sessions[0].ID)
		}},
		{"all of the person's ended", func() error { return h.Access.EndSessions(t.Context(), access.Local("test"), "Ben Okafor") }},
		{"left alone for two hours", func() error { h.Time.Advance(access.SessionIdle); return nil }},
		{"the person removed", func() error { return h.Access.RemovePerson(t.Context(), access.Local("test"), "Ben Okafor") }},
	} {
		h.Time.Advance(time.Minute)
		for v, account := range map[visitor]string{bens: ben, alices: alice} {
			if page := v.signIn(account); page.Status != 200 {
				t.Fatalf("%s: %d %s", tt.name, page.Status, page.Text)
			}
		}
		if !in(bens) {
			t.Fatalf("%s: not signed in before", tt.name)
		}
		if err := tt.end(); err != nil {
			t.Fatal(err)
		}
		if in(bens) {
			t.Errorf("%s: still signed in", tt.name)
		}
	}
	bens.signIn(ben)
	alices.signIn(alice)
	if err := h.Access.RevokeSession(t.Context(), profile(t, h, "Ben Okafor").Caller(), profile(t, h, "Alice Admin").Sessions[0].ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a viewer ended an admin's session: %v", err)
	}
	for name, want := range map[string]int{"Alice Admin": 2, "Ben Okafor": 1} { // an admin sees everybody's, whoever else is asked for
		r, err := h.Runner.Do(t.Context(), action.Request{Action: "session.list", Caller: profile(t, h, name).Caller(), Input: json.RawMessage(`{}`)})
		if n := strings.Count(string(r.Output), `"person"`); err != nil || n != want {
			t.Errorf("%s sees %d sessions, want %d: %v", name, n, want, err)
		}
	}
	r, err := h.Runner.Do(t.Context(), action.Request{Action: "session.list", Caller: profile(t, h, "Ben Okafor").Caller(), Input: json.RawMessage(`{"name": "Alice Admin"}`)})
	if err != nil || strings.Contains(string(r.Output), profile(t, h, "Alice Admin").ID) {
		t.Errorf("a viewer sees an admin's sessions: %s %v", r.Output, err)
	}
	for range 8 { // busy all day, a session ends all the same
		h.Time.Advance(access.SessionIdle - time.Minute)
		in(bens)
	}
	if in(bens) {
		t.Errorf("a session lives longer than %s", access.SessionLife)
	}
}

// The session at Microsoft and the one here end apart, and each page says which did; when Microsoft tells that its own ended, ours does.
func TestSigningOut(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	v := visit(t, h)
	v.signIn(ben)
	away, err := h.SSO.SignOutURL(t.Context())
	if err != nil || !strings.Contains(away, "/oauth2/v2.0/logout?post_logout_redirect_uri=") {
		t.Fatalf("%s %v", away, err)
	}
	page, err := v.browser.SignIn(t.Context(), away, "", "", "/login")
	if err != nil || !strings.Contains(page.Text, "You are signed in to Seneschal as Ben Okafor") { // the truth: only the session there is over
		t.Errorf("back from Microsoft: %+v %v", page, err)
	}
	sid := ""
	link, err := h.SSO.Begin(t.Context(), access.Attempt{Browser: access.NewBrowser()})
	if err != nil {
		t.Fatal(err)
	}
	// Microsoft's session is over: it asks for the password again.
	if page, _ := v.browser.SignIn(t.Context(), link, "", "", "/"); !strings.Contains(page.Text, "Sign in") {
		t.Errorf("still signed in at Microsoft: %s", page.Text)
	}
	row := h.Store.Reader().QueryRowContext(t.Context(), "select microsoft_sid from access_person_session")
	if err := row.Scan(&sid); err != nil || sid == "" {
		t.Fatalf("%q %v", sid, err)
	}
	v.open("/auth/microsoft/logout?sid=somebody-else")
	if v.open("/account").URL.Path != "/account" {
		t.Error("an unknown session's end ended this one")
	}
	v.open("/auth/microsoft/logout?sid=" + sid)
	if v.open("/account").URL.Path != "/login" {
		t.Error("Microsoft's session is over, and this one is not")
	}
}
