package entra_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/sim/person"
	"seneschal/internal/vault"
	"seneschal/internal/wire"
)

// bench is one simulated cloud and what a client needs around it.
type bench struct {
	t     *testing.T
	cloud *sim.Sim
	clock *clock.Adjustable
	cache *memory
	lock  *oneAtATime
}

func newBench(t *testing.T) *bench {
	c := clock.NewAdjustable()
	return &bench{t: t, clock: c, cache: &memory{blobs: map[string][]byte{}}, lock: &oneAtATime{},
		cloud: sim.StartForTest(t, "contoso", func(s *sim.Config) { s.Clock = c })}
}

type memory struct {
	mu    sync.Mutex
	blobs map[string][]byte
}

func (m *memory) Load(_ context.Context, key, partition string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blobs[key+"/"+partition], nil
}

func (m *memory) Save(_ context.Context, key, partition string, blob []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[key+"/"+partition] = blob
	return nil
}

type oneAtATime struct{ mu sync.Mutex }

func (l *oneAtATime) With(ctx context.Context, _ string, _ time.Duration, f func(context.Context) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return f(ctx)
}

func (b *bench) app(name string) sim.ReadyApp {
	b.t.Helper()
	for _, a := range b.cloud.Ready().Tenants[0].Apps {
		if a.Name == name {
			return a
		}
	}
	b.t.Fatalf("the world has no app %q", name)
	return sim.ReadyApp{}
}

func (b *bench) endpoints() m365.Endpoints {
	r := b.cloud.Ready()
	return m365.Endpoints{Login: r.LoginURL, Graph: r.GraphURL, GraphAudience: "https://graph.microsoft.com"}
}

func (b *bench) client(mode m365.Mode, app sim.ReadyApp, cred entra.Credential, change ...func(*entra.App)) *entra.Client {
	a := entra.App{Key: "c1", Endpoints: b.endpoints(), Authority: b.cloud.Ready().Tenants[0].TenantID, Client: m365.ClientID(app.ClientID), Mode: mode,
		Credential: cred, CustomAddress: true}
	if mode == m365.Delegated {
		a.Scopes = entra.SignInScopes(m365.Asking{Mode: m365.Delegated, Capabilities: []m365.Capability{m365.Mail, m365.Calendar}})
	}
	for _, f := range change {
		f(&a)
	}
	return entra.New(a, entra.Outside{HTTP: b.cloud.HTTPClient(), Clock: b.clock, MachineNow: time.Now, Cache: b.cache, Lock: b.lock})
}

func secret(app sim.ReadyApp) entra.Secret {
	return entra.Secret{Value: vault.NewSecret(app.ClientSecret)}
}

func certificate(t *testing.T, app sim.ReadyApp) entra.Certificate {
	t.Helper()
	text, err := os.ReadFile(app.CertificateFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := entra.ParseCertificate(text, vault.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAppOnlyByEveryCredential(t *testing.T) {
	b := newBench(t)
	good := b.app("Seneschal")
	for name, cred := range map[string]entra.Credential{
		"secret": secret(good), "certificate": certificate(t, good), "federated": entra.Federated{TokenFile: good.FederatedTokenFile},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.client(m365.Application, good, cred, func(a *entra.App) { a.Key = name })
			claims, err := c.Claims(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(claims.Granted(m365.Application), "Mail.ReadWrite") || string(claims.Client) != good.ClientID {
				t.Errorf("got %+v", claims)
			}
		})
	}
}

func TestEveryRefusalNamesCauseFixAndWho(t *testing.T) {
	b := newBench(t)
	good, expired := b.app("Seneschal"), b.app("Seneschal expired")
	other := b.cloud.Ready().Tenants[1].TenantID
	for _, tt := range []struct {
		name, code string
		kind       fault.Kind
		says       string
		client     *entra.Client
	}{
		{"a wrong secret", "AADSTS7000215", fault.NeedsAdmin, "secret", b.client(m365.Application, good, entra.Secret{Value: vault.NewSecret("wrong")})},
		{"the secret's id", "AADSTS7000215", fault.NeedsAdmin, "form of a secret's ID", b.client(m365.Application, good, entra.Secret{Value: vault.NewSecret("4c1f5f3a-6a53-4cf6-8d4b-111111111111")})},
		{"an expired secret", "AADSTS7000222", fault.NeedsAdmin, "expired", b.client(m365.Application, expired, secret(expired))},
		{"an unknown app", "AADSTS700016", fault.NeedsAdmin, "does not know", b.client(m365.Application, good, secret(good), func(a *entra.App) { a.Client = "11111111-1111-1111-1111-111111111111" })},
		{"an unknown tenant", "AADSTS90002", fault.NeedsAdmin, "no such tenant", b.client(m365.Application, good, secret(good), func(a *entra.App) { a.Authority = "22222222-2222-2222-2222-222222222222" })},
		{"another tenant", "AADSTS700016", fault.NeedsAdmin, "does not know", b.client(m365.Application, good, secret(good), func(a *entra.App) { a.Authority = other })},
	} {
		_, err := tt.client.Token(t.Context(), wire.Refresh{})
		f := fault.As(err)
		if f == nil || f.Code != tt.code || f.Kind != tt.kind || !strings.Contains(f.Message+f.Cause, tt.says) || f.Fix == "" || f.Who == "" {
			t.Errorf("%s: got %+v, want %s %s with %q", tt.name, f, tt.kind, tt.code, tt.says)
		}
		if f != nil && (f.Upstream == nil || f.Upstream.RequestID == "") {
			t.Errorf("%s: Microsoft's trace id is missing", tt.name)
		}
	}
}

func TestAnUnknownCodeKeepsMicrosoftsWords(t *testing.T) {
	b := newBench(t)
	if err := b.cloud.Fault(sim.Fault{Kind: "aadsts", Code: "99999999", Times: 10}); err != nil {
		t.Fatal(err)
	}
	good := b.app("Seneschal")
	_, err := b.client(m365.Application, good, secret(good)).Token(t.Context(), wire.Refresh{})
	f := fault.As(err)
	if f == nil || f.Code != "AADSTS99999999" || !strings.Contains(f.Message, "AADSTS99999999") || f.Upstream == nil || f.Upstream.RequestID == "" {
		t.Errorf("got %+v", f)
	}
}

func TestTokensAreKeptRenewedAndForced(t *testing.T) {
	b := newBench(t)
	good := b.app("Seneschal")
	c := b.client(m365.Application, good, secret(good))
	token := func(why wire.Refresh) string {
		t.Helper()
		tk, err := c.Token(t.Context(), why)
		if err != nil {
			t.Fatal(err)
		}
		if left := tk.Expires.Sub(b.clock.Now()); left < 5*time.Minute {
			t.Errorf("a token with %v left was handed out", left)
		}
		return tk.Value
	}
	first := token(wire.Refresh{})
	if token(wire.Refresh{}) != first {
		t.Error("a token that lasts must be kept")
	}
	forced := token(wire.Refresh{Force: true})
	if forced == first {
		t.Error("a refused token must not come back")
	}
	b.clock.Advance(3 * time.Hour)
	if renewed := token(wire.Refresh{}); renewed == forced {
		t.Error("a token past its end must be renewed")
	}
	again := b.client(m365.Application, good, secret(good))
	if tk, err := again.Token(t.Context(), wire.Refresh{}); err != nil || tk.Value == "" {
		t.Errorf("another process with the same cache: %v", err)
	}
}

func TestManyAskersCauseOneRefresh(t *testing.T) {
	b := newBench(t)
	good := b.app("Seneschal")
	c := b.client(m365.Application, good, secret(good))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := c.Token(t.Context(), wire.Refresh{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	asked := 0
	for _, r := range b.cloud.Requests() {
		if strings.HasSuffix(r.Path, "/oauth2/v2.0/token") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the token endpoint was asked %d times, want 1", asked)
	}
}

const redirect = "http://127.0.0.1/auth/microsoft/callback"

// signIn walks the pages and gives the code that the browser brings back.
func (b *bench) signIn(c *entra.Client, pkce entra.PKCE, account, password string) url.Values {
	b.t.Helper()
	link := c.SignInURL(b.t.Context(), entra.SignIn{State: "s1", Redirect: redirect, PKCE: pkce})
	caught := &catch{next: b.cloud.HTTPClient().Transport}
	if _, err := person.New(caught).SignIn(b.t.Context(), link, account, password, "/auth/microsoft/callback"); err != nil {
		b.t.Fatal(err)
	}
	return caught.query
}

// catch answers for the callback address, which nobody serves here.
type catch struct {
	next  http.RoundTripper
	query url.Values
}

func (c *catch) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/auth/microsoft/callback" {
		return c.next.RoundTrip(r)
	}
	c.query = r.URL.Query()
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r, Header: http.Header{}}, nil
}

func TestAPersonSignsInAndStaysSignedIn(t *testing.T) {
	for _, public := range []bool{false, true} {
		b := newBench(t)
		app := b.app("Seneschal sign-in")
		var cred entra.Credential = secret(app)
		if public {
			cred = nil
		}
		c := b.client(m365.Delegated, app, cred)
		if _, err := c.Token(t.Context(), wire.Refresh{}); fault.CodeOf(err) != "not_signed_in" {
			t.Fatalf("before signing in: got %v", err)
		}
		if public {
			continue // a web redirect wants the credential; the public way in is the device code
		}
		pkce := entra.NewPKCE()
		back := b.signIn(c, pkce, "ada@contoso.example", "Ada-Pass-1")
		if back.Get("state") != "s1" || back.Get("code") == "" {
			t.Fatalf("came back with %v", back)
		}
		account, scopes, err := c.Redeem(t.Context(), back.Get("code"), pkce.Verifier, redirect)
		if err != nil {
			t.Fatal(err)
		}
		if account.UPN != "ada@contoso.example" || account.ObjectID == "" || len(scopes) == 0 {
			t.Errorf("account %+v, scopes %v", account, scopes)
		}
		before, err := c.Token(t.Context(), wire.Refresh{})
		if err != nil {
			t.Fatal(err)
		}
		if forced, err := c.Token(t.Context(), wire.Refresh{Force: true}); err != nil || forced.Value == before.Value {
			t.Errorf("a refused token: %v, the same again %v", err, forced.Value == before.Value)
		}
		if _, err := c.Token(t.Context(), wire.Refresh{Claims: `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`}); fault.CodeOf(err) != "claims_challenge" {
			t.Errorf("a claims challenge: got %v", err)
		}
		b.clock.Advance(26 * time.Hour)
		claims, err := c.Claims(t.Context())
		if err != nil || claims.UPN != "ada@contoso.example" || !slices.Contains(claims.Scopes, "Mail.ReadWrite") {
			t.Errorf("after a day: %+v %v", claims, err)
		}
		if _, _, err := c.Redeem(t.Context(), back.Get("code"), pkce.Verifier, redirect); fault.KindOf(err) != fault.NeedsReauth {
			t.Errorf("a code used twice: got %v", err)
		}
	}
}

func TestOnBehalfOfACallersToken(t *testing.T) {
	b := newBench(t)
	app := b.app("Seneschal sign-in")
	caller := b.client(m365.Delegated, app, secret(app), func(a *entra.App) {
		a.Key, a.Scopes = "caller", []string{"api://" + app.ClientID + "/access_as_user"}
	})
	pkce := entra.NewPKCE()
	back := b.signIn(caller, pkce, "ada@contoso.example", "Ada-Pass-1")
	if _, _, err := caller.Redeem(t.Context(), back.Get("code"), pkce.Verifier, redirect); err != nil {
		t.Fatal(err)
	}
	presented, err := caller.Token(t.Context(), wire.Refresh{})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := b.client(m365.Delegated, app, secret(app)).OnBehalfOf(t.Context(), presented.Value)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := entra.ReadClaims(ours.Value)
	if err != nil || claims.UPN != "ada@contoso.example" || claims.Audience != "https://graph.microsoft.com" {
		t.Errorf("got %+v %v", claims, err)
	}
	if _, err := b.client(m365.Delegated, app, nil).OnBehalfOf(t.Context(), presented.Value); fault.CodeOf(err) != "on_behalf_of_needs_credential" {
		t.Errorf("without a credential: got %v", err)
	}
}

func TestDeviceCode(t *testing.T) {
	b := newBench(t)
	app := b.app("Seneschal sign-in")
	if _, err := b.client(m365.Delegated, app, secret(app)).StartDeviceCode(t.Context()); fault.CodeOf(err) != "device_code_needs_public_client" {
		t.Errorf("with a secret: got %v", err)
	}
	c := b.client(m365.Delegated, app, nil)
	code, err := c.StartDeviceCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	link := code.VerificationURL + "?code=" + url.QueryEscape(code.UserCode)
	signedIn := make(chan error, 1)
	go func() {
		_, err := person.New(b.cloud.HTTPClient().Transport).SignIn(t.Context(), link, "ada@contoso.example", "Ada-Pass-1", "/nowhere")
		signedIn <- err
	}()
	account, _, err := c.FinishDeviceCode(t.Context(), code)
	if err != nil || account.UPN != "ada@contoso.example" {
		t.Errorf("got %+v %v", account, err)
	}
	<-signedIn // it ends on a page without a form
	if claims, err := c.Claims(t.Context()); err != nil || claims.UPN != "ada@contoso.example" {
		t.Errorf("token: %+v %v", claims, err)
	}
}

func TestConditionalAccessNamesThePolicysAdmin(t *testing.T) {
	b := newBench(t)
	if err := b.cloud.Fault(sim.Fault{Kind: "aadsts", Code: "53003", Times: 10}); err != nil {
		t.Fatal(err)
	}
	good := b.app("Seneschal")
	_, err := b.client(m365.Application, good, secret(good)).Token(t.Context(), wire.Refresh{})
	f := fault.As(err)
	if f == nil || f.Kind != fault.NeedsAdmin || !strings.Contains(f.Cause, good.ClientID) || !strings.Contains(f.Fix, "named location") || !strings.Contains(f.Who, "Conditional Access") {
		t.Errorf("got %+v", f)
	}
}

func TestTheTableExplainsEveryCodeWholly(t *testing.T) {
	for _, e := range entra.Codes() {
		if e.Means == "" || e.Cause == "" || e.Fix == "" || e.Who == "" || e.Kind == "" {
			t.Errorf("%s is not explained wholly: %+v", e.Code, e)
		}
	}
	for _, spelling := range []string{"AADSTS7000215", "7000215", " aadsts7000215 "} {
		if e, ok := entra.Explain(spelling); !ok || e.Code != "AADSTS7000215" {
			t.Errorf("%q: got %+v %v", spelling, e, ok)
		}
	}
}

// Every code of the facts we were given is in the table.
func TestTheTableCoversTheFacts(t *testing.T) {
	root := os.Getenv("SENESCHAL_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(root, "graph", "FACTS.md"))
	if err != nil {
		t.Log("used 0 files: no shared data beside this checkout")
		return
	}
	_, section, _ := strings.Cut(string(text), "### 1.6 AADSTS codes")
	section, _, _ = strings.Cut(section, "### 1.7")
	n := 0
	for _, line := range strings.Split(section, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, code := range strings.FieldsFunc(cells[1], func(r rune) bool { return strings.ContainsRune(" ,/()", r) }) {
			if code == "" || code[0] < '0' || code[0] > '9' {
				continue
			}
			from, to, isRange := strings.Cut(code, "–")
			if isRange {
				code = from
				_ = to
			}
			n++
			if _, ok := entra.Explain(code); !ok {
				t.Errorf("AADSTS%s is not explained", code)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d codes found in the facts", n)
	}
	t.Logf("used 1 file: %d codes", n)
}

func TestSetupNamesEveryPermissionInEveryForm(t *testing.T) {
	for _, mode := range []m365.Mode{m365.Application, m365.Delegated} {
		s, err := entra.NewSetup(m365.Asking{Mode: mode, Capabilities: []m365.Capability{m365.Directory, m365.Mail, m365.Calendar}}, "Seneschal o'test", redirect)
		if err != nil {
			t.Fatal(err)
		}
		var manifest struct {
			RequiredResourceAccess []struct{ ResourceAccess []struct{ ID, Type string } }
		}
		if err := json.Unmarshal(s.Manifest, &manifest); err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Permissions {
			ids, _ := m365.LookupPermission(p.Permission)
			id := ids.AppRole
			if mode == m365.Delegated {
				id = ids.Scope
			}
			for form, text := range map[string]string{"manifest": string(s.Manifest), "az": s.AzureCLI, "PowerShell": s.PowerShell, "Graph": s.Graph} {
				if !strings.Contains(text, id) {
					t.Errorf("%s, %s: %s is missing", mode, form, p.Permission)
				}
			}
		}
		if !strings.Contains(s.AzureCLI, `'Seneschal o'\''test'`) || !strings.Contains(s.PowerShell, `'Seneschal o''test'`) {
			t.Error("a name with a quote must be quoted")
		}
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add("a.eyJ0aWQiOiJ4In0.c")
	f.Add("..")
	f.Fuzz(func(_ *testing.T, token string) { _, _ = entra.ReadClaims(token) })
}
