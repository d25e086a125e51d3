package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/store"
)

const backTo = "http://127.0.0.1:7777/callback"

// passer is a browser without script: cookies, forms, and no redirect away from the hub.
type passer struct {
	t    *testing.T
	hub  string
	http *http.Client
}

// visitAs gives a browser in which a person is signed in by link.
func visitAs(t *testing.T, h *app.Hub, person string) *passer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &passer{t: t, hub: h.Server.URL(), http: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if "http://"+r.URL.Host != h.Server.URL() {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
	link, err := h.Access.LoginLink(t.Context(), access.Local("test"), person)
	if err != nil {
		t.Fatal(err)
	}
	if resp, text := v.post("/login", url.Values{"token": {link.Reveal()}}); resp.StatusCode != http.StatusOK {
		t.Fatalf("signing in: %d %s", resp.StatusCode, text)
	}
	return v
}

func (v *passer) read(resp *http.Response, err error) (*http.Response, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp, string(text)
}

func (v *passer) get(address string) (*http.Response, string) {
	v.t.Helper()
	return v.read(v.http.Get(address))
}

func (v *passer) post(path string, form url.Values) (*http.Response, string) {
	v.t.Helper()
	return v.read(v.http.PostForm(v.hub+path, form))
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// decide opens the page that asks, and presses a button of it.
func (v *passer) decide(address, word string) (back *url.URL, page string) {
	v.t.Helper()
	resp, page := v.get(address)
	if resp.StatusCode != http.StatusOK {
		v.t.Fatalf("the page that asks: %d %s", resp.StatusCode, page)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://127.0.0.1:7777;") {
		v.t.Errorf("the button cannot lead back: %s", csp)
	}
	form := url.Values{"allow": {word}}
	for _, m := range hiddenInput.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#39;", "'").Replace(m[2]))
	}
	resp, text := v.post("/oauth/authorize", form)
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to.String(), backTo) {
		v.t.Fatalf("after the button: %d %s %s", resp.StatusCode, to, text)
	}
	return to, page
}

// program that connects by itself, as the SDK does it: metadata, registration, the person's word, tokens.
func connectProgram(t *testing.T, h *app.Hub, v *passer, word string) (*sdk.ClientSession, *auth.AuthorizationCodeHandler, error) {
	t.Helper()
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{RedirectURIs: []string{backTo}, ClientName: "Curious Assistant"}},
		RedirectURL:                     backTo,
		AuthorizationCodeFetcher: func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			back, page := v.decide(args.URL, word)
			if !strings.Contains(page, "Curious Assistant") {
				t.Errorf("the page does not say who asks: %s", page)
			}
			q := back.Query()
			if q.Get("error") != "" {
				return nil, fmt.Errorf("the person says %s", q.Get("error"))
			}
			return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &sdk.StreamableClientTransport{Endpoint: h.Server.URL() + "/mcp", OAuthHandler: handler}, nil)
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, handler, err
}

func tokenOf(t *testing.T, handler *auth.AuthorizationCodeHandler) string {
	t.Helper()
	source, err := handler.TokenSource(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := source.Token()
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

func TestAProgramIsAllowedByAPerson(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := app.StartForTest(t, app.TestOptions{Engine: engine})
			h.Connect(h.Form("contoso", "Seneschal"))
			boss := staff(t, h, "boss", access.Admin, "")
			v := visitAs(t, h, "boss")

			if _, _, err := connectProgram(t, h, v, "no"); err == nil || !strings.Contains(err.Error(), "access_denied") {
				t.Errorf("a person who does not allow it: %v", err)
			}
			reader, _, err := connectProgram(t, h, v, access.ReadScope)
			if err != nil {
				t.Fatal(err)
			}
			for name, tool := range tools(t, reader) {
				if !tool.Annotations.ReadOnlyHint {
					t.Errorf("a program that may read is offered %s", name)
				}
			}
			writer, handler, err := connectProgram(t, h, v, access.WriteScope)
			if err != nil {
				t.Fatal(err)
			}
			text, refused := call(t, writer, "mail_message_send", toBen("by a program"))
			plan := planIn(t, text)
			if refused || plan.Proposer != "person:boss" || !strings.HasPrefix(plan.Agent, "client:") {
				t.Errorf("proposing: %s", text)
			}
			if shown, refused := call(t, reader, "plan_show", map[string]any{"id": plan.ID}); !refused {
				t.Errorf("another program sees the plan: %s", shown)
			}
			resp, page := v.get(v.hub + "/agents")
			if resp.StatusCode != http.StatusOK || !strings.Contains(page, "Curious Assistant") || !strings.Contains(page, "by a program") {
				t.Errorf("the page Agents: %d %s", resp.StatusCode, page)
			}
			if _, page = v.post("/agents/approve", url.Values{"id": {plan.ID}, "digest": {plan.InputDigest}}); !strings.Contains(page, "Approved and done.") {
				t.Errorf("approving on the page: %s", page)
			}
			leftOnce(t, h, "by a program")

			if review := ask(t, h, boss, "access.review", `{}`); !strings.Contains(review, "Curious Assistant") {
				t.Errorf("the access review leaves the program out: %s", review)
			}

			// The token is good for this door alone.
			token := tokenOf(t, handler)
			h.Key = token
			if status, _, body := h.REST(http.MethodGet, "/api/v1/connections", nil); status != http.StatusUnauthorized {
				t.Errorf("a program's token at REST: %d %s", status, body)
			}
			// What was allowed is taken back: at once, plans included.
			text, _ = call(t, writer, "mail_message_send", toBen("too late"))
			late := planIn(t, text)
			for _, g := range granted(t, h, boss) {
				if "client:"+g.Client == plan.Agent {
					if err := h.Access.RevokeGrant(t.Context(), boss, g.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			if _, err := h.Access.TokenCaller(t.Context(), token, h.Server.URL()+"/mcp"); err == nil {
				t.Error("the token outlives what was allowed")
			}
			if p, err := h.Runner.Approve(t.Context(), boss, late.ID, late.InputDigest); err != nil || p.State != action.PlanRefused {
				t.Errorf("a plan of a program that lost its leave: %+v %v", p, err)
			}
			if n := sent(t, h, "too late"); n != 0 {
				t.Errorf("%d mails", n)
			}
		})
	}
}

func granted(t *testing.T, h *app.Hub, who access.Caller) []access.ClientGrant {
	t.Helper()
	grants, err := h.Access.Grants(t.Context(), who.ID)
	if err != nil {
		t.Fatal(err)
	}
	return grants
}

// exchange asks the token endpoint, and gives the answer's error or access token.
func exchange(t *testing.T, h *app.Hub, form url.Values) (failed string, out map[string]any) {
	t.Helper()
	resp, err := http.PostForm(h.Server.URL()+"/oauth/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	failed, _ = out["error"].(string)
	return failed, out
}

// Codes and refresh tokens work once, for whom they were made, with the verifier; one that comes twice ends everything it gave.
func TestTokensOfPrograms(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	boss := staff(t, h, "boss", access.Admin, "")
	c, err := h.Access.RegisterClient(t.Context(), "a program", []string{backTo})
	if err != nil {
		t.Fatal(err)
	}
	other, err := h.Access.RegisterClient(t.Context(), "another", []string{backTo})
	if err != nil {
		t.Fatal(err)
	}
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
	code := func() url.Values {
		h.Time.Advance(time.Millisecond) // the newest grant is listed first
		secret, err := h.Access.Grant(t.Context(), boss, access.Ask{Client: c.ID, Redirect: backTo, Challenge: challenge, Resource: h.Server.URL() + "/mcp"}, true)
		if err != nil {
			t.Fatal(err)
		}
		return url.Values{"grant_type": {"authorization_code"}, "code": {secret.Reveal()}, "client_id": {c.ID}, "redirect_uri": {backTo}, "code_verifier": {verifier}}
	}
	for situation, change := range map[string]func(url.Values) string{
		"another verifier":     func(v url.Values) string { v.Set("code_verifier", "x"); return "invalid_grant" },
		"no verifier":          func(v url.Values) string { v.Del("code_verifier"); return "invalid_grant" },
		"another program":      func(v url.Values) string { v.Set("client_id", other.ID); return "invalid_grant" },
		"another address":      func(v url.Values) string { v.Set("redirect_uri", backTo+"/x"); return "invalid_grant" },
		"another resource":     func(v url.Values) string { v.Set("resource", "https://elsewhere.example/mcp"); return "invalid_target" },
		"a code there is none": func(v url.Values) string { v.Set("code", "x"); return "invalid_grant" },
		"a password":           func(v url.Values) string { v.Set("grant_type", "password"); return "unsupported_grant_type" },
		"three minutes later":  func(url.Values) string { h.Time.Advance(3 * time.Minute); return "invalid_grant" },
	} {
		form := code()
		want := change(form)
		if got, _ := exchange(t, h, form); got != want {
			t.Errorf("%s: %q, want %q", situation, got, want)
		}
	}
	resource := h.Server.URL() + "/mcp"
	form := code()
	grant := granted(t, h, boss)[0].ID
	failed, first := exchange(t, h, form)
	token, _ := first["access_token"].(string)
	if who, err := h.Access.TokenCaller(t.Context(), token, resource); failed != "" || err != nil || who.ID != boss.ID || who.Agent.ID != "client:"+c.ID {
		t.Fatalf("%q %v: %+v", failed, err, who)
	}
	if _, err := h.Access.TokenCaller(t.Context(), token, "https://elsewhere.example/mcp"); err == nil {
		t.Error("the token is good elsewhere")
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first["refresh_token"].(string)}, "client_id": {c.ID}}
	failed, second := exchange(t, h, refresh)
	if failed != "" {
		t.Fatalf("renewing: %s", failed)
	}
	h.Time.Advance(61 * time.Minute)
	if _, err := h.Access.TokenCaller(t.Context(), second["access_token"].(string), resource); err == nil {
		t.Error("the token outlives its hour")
	}
	// Asked of this one grant: those whose codes ran out unused go by themselves meanwhile.
	stands := func() bool {
		return slices.ContainsFunc(granted(t, h, boss), func(g access.ClientGrant) bool { return g.ID == grant })
	}
	stood := stands()
	if failed, _ := exchange(t, h, refresh); failed != "invalid_grant" || !stood || stands() {
		t.Errorf("a refresh token that comes twice: %q; the grant stood %v, stands %v", failed, stood, stands())
	}
	form = code()
	grant = granted(t, h, boss)[0].ID
	if failed, _ := exchange(t, h, form); failed != "" {
		t.Fatal(failed)
	}
	stood = stands()
	if failed, _ := exchange(t, h, form); failed != "invalid_grant" || !stood || stands() {
		t.Errorf("a code that comes twice: %q; the grant stood %v, stands %v", failed, stood, stands())
	}
	_, last := exchange(t, h, code())
	resp, err := http.PostForm(h.Server.URL()+"/oauth/revoke", url.Values{"token": {last["refresh_token"].(string)}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if _, err := h.Access.TokenCaller(t.Context(), last["access_token"].(string), resource); err == nil || resp.StatusCode != http.StatusOK {
		t.Errorf("given up (%d), and still good", resp.StatusCode)
	}
}

// What a program asks with is checked before anybody is asked, and the browser is sent nowhere that was not registered.
func TestWhatProgramsMayAskWith(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	staff(t, h, "boss", access.Admin, "")
	v := visitAs(t, h, "boss")
	for address, ok := range map[string]bool{
		"https://claude.example/callback": true, "http://localhost/callback": true, "http://127.0.0.1:1/x": true, "http://[::1]/x": true, "cursor://anysphere/callback": true,
		"http://claude.example/callback": false, "javascript:alert(1)": false, "data:text/html,x": false, "https://claude.example/#x": false, "https://u@claude.example/": false, "": false, "/relative": false,
		"https://claude.example/; script-src *": false,
	} {
		if _, err := h.Access.RegisterClient(t.Context(), "p", []string{address}); (err == nil) != ok {
			t.Errorf("registering %q: %v", address, err)
		}
	}
	c, err := h.Access.RegisterClient(t.Context(), "<b>Bold\u202e</b>", []string{backTo, "http://127.0.0.1/any"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(change url.Values) (*http.Response, string) {
		q := url.Values{"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {backTo}, "code_challenge": {strings.Repeat("x", 43)}, "code_challenge_method": {"S256"}, "state": {"s&t"}}
		for name, value := range change {
			q[name] = value
		}
		return v.get(v.hub + "/oauth/authorize?" + q.Encode())
	}
	if resp, page := ask(nil); resp.StatusCode != http.StatusOK || strings.Contains(page, "<b>Bold") || strings.Contains(page, "\u202e") {
		t.Errorf("the page: %d %s", resp.StatusCode, page)
	}
	if resp, page := ask(url.Values{"redirect_uri": {"http://127.0.0.1:65000/any"}}); resp.StatusCode != http.StatusOK {
		t.Errorf("another port of this machine: %d %s", resp.StatusCode, page)
	}
	for situation, change := range map[string]url.Values{
		"an address that was not registered": {"redirect_uri": {"https://evil.example/"}}, "a program that is not known": {"client_id": {"x"}}, "no address": {"redirect_uri": {""}},
	} {
		if resp, _ := ask(change); resp.StatusCode < 400 || resp.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", situation, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	for want, change := range map[string]url.Values{
		"unsupported_response_type": {"response_type": {"token"}}, "invalid_request": {"code_challenge_method": {"plain"}}, "invalid_target": {"resource": {"https://elsewhere.example/mcp"}},
	} {
		resp, _ := ask(change)
		to, err := url.Parse(resp.Header.Get("Location"))
		if q := to.Query(); err != nil || !strings.HasPrefix(to.String(), backTo) || q.Get("error") != want || q.Get("state") != "s&t" || q.Get("iss") != v.hub {
			t.Errorf("%s: to %s", want, to)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger := &passer{t: t, hub: v.hub, http: &http.Client{Jar: jar}}
	if resp, _ := stranger.get(v.hub + "/oauth/authorize?client_id=" + c.ID); resp.Request.URL.Path != "/login" || !strings.Contains(resp.Request.URL.Query().Get("return"), c.ID) {
		t.Errorf("nobody is signed in: %s", resp.Request.URL)
	}
}

// An admin stops an agent at once, whatever it came in with; and none asks more often than it may.
func TestAnAgentIsStoppedAndBounded(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	h.Connect(h.Form("contoso", "Seneschal"))
	boss := staff(t, h, "boss", access.Admin, "")
	key, secret := keyFor(t, h, boss, "assistant", access.HubRead, access.ActionRead, access.ActionWrite)
	s := agent(t, h, secret.Reveal(), "")
	text, _ := call(t, s, "mail_message_send", toBen("of a stopped agent"))
	plan := planIn(t, text)
	v := visitAs(t, h, "boss")
	if _, page := v.post("/agents/stop", url.Values{"id": {plan.Agent}}); !strings.Contains(page, "nothing: stopped") {
		t.Errorf("the page: %s", page)
	}
	if text, refused := call(t, s, "connection_list", nil); !refused || !strings.Contains(text, "agent_stopped") {
		t.Errorf("a stopped agent reads: %s", text)
	}
	if p, err := h.Runner.Approve(t.Context(), boss, plan.ID, plan.InputDigest); err != nil || p.State != action.PlanRefused || p.Problem.Code != "agent_stopped" {
		t.Errorf("a stopped agent's plan: %+v %v", p, err)
	}
	if n := sent(t, h, "of a stopped agent"); n != 0 {
		t.Errorf("%d mails of a stopped agent", n)
	}
	ask(t, h, boss, "agent.start", `{"id":"apikey:`+key.ID+`"}`)
	h.Time.Advance(h.Time.Now().Truncate(time.Hour).Add(time.Hour).Sub(h.Time.Now())) // calls are counted by the hours of the clock
	ask(t, h, boss, "agent.budget", `{"id":"apikey:`+key.ID+`","hourly_calls":3}`)
	for n := 1; n <= 4; n++ {
		if text, refused := call(t, s, "connection_list", nil); refused != (n > 3) || refused && !strings.Contains(text, "agent_budget") {
			t.Errorf("call %d of 3: %s", n, text)
		}
	}
	h.Time.Advance(time.Hour)
	if text, refused := call(t, s, "connection_list", nil); refused {
		t.Errorf("an hour later: %s", text)
	}
	if list := ask(t, h, boss, "agent.list", `{}`); !strings.Contains(list, `"calls_this_hour":1`) || !strings.Contains(list, `"hourly_calls":3`) || !strings.Contains(list, `"for":"person:boss"`) {
		t.Errorf("the list: %s", list)
	}
}
