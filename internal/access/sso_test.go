package access

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/vault"
)

const (
	home    = "6f1c2b7e-3a54-4d0e-9b7a-1c5e8f2d4a10"
	branch  = "9d2e4f60-58b1-4a7c-8c3d-7e6a1b0f5c22"
	foreign = "11111111-2222-4333-8444-555555555555"
	hubApp  = "0a9d6c1e-72f4-4c39-8b1d-5e3f7a2c9d02"
	someone = "aaaaaaaa-2222-4333-8444-555555555555"
)

// forger is an issuer that answers every code with the token of the row.
type forger struct {
	*httptest.Server
	key   *rsa.PrivateKey
	token string // "": none

	mu     sync.Mutex
	tokens map[string]string // by code, where they differ
}

func newForger(t *testing.T) *forger {
	t.Helper()
	f := &forger{key: newKey(t), tokens: map[string]string{}}
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /organizations/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": f.URL + "/{tenantid}/v2.0", "authorization_endpoint": f.URL + "/authorize", "token_endpoint": f.URL + "/token", "jwks_uri": f.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}}) // what discovery says must not widen what is accepted
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &f.key.PublicKey, KeyID: "k", Use: "sig", Algorithm: "RS256"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		out := map[string]any{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}
		f.mu.Lock()
		defer f.mu.Unlock()
		if own := f.tokens[r.FormValue("code")]; own != "" {
			out["id_token"] = own
			answer(w, out)
			return
		}
		if f.token != "" {
			out["id_token"] = f.token
		}
		answer(w, out)
	})
	f.Server = httptest.NewTLSServer(mux)
	t.Cleanup(f.Close)
	return f
}

// claims are good ones.
func (f *forger) claims(now time.Time, nonce string) map[string]any {
	return map[string]any{"iss": f.URL + "/" + home + "/v2.0", "aud": hubApp, "tid": home, "oid": someone, "nonce": nonce, "name": "Someone", "preferred_username": "someone@contoso.example",
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(), "roles": []string{"Seneschal.Viewer"}}
}

// sso is a sign-in that believes this issuer.
func (f *forger) sso(a *Access) *SSO {
	return &SSO{Access: a, Log: slog.New(slog.DiscardHandler), HTTP: f.Client(), Issuer: f.URL + "/" + TenantMark + "/v2.0", ClientID: hubApp, Tenants: []string{home, branch},
		Rule:   RoleRule{Claim: "roles", Values: map[Role][]string{Viewer: {"Seneschal.Viewer"}, Admin: {"Seneschal.Admin"}}},
		Secret: func() (vault.Secret, error) { return vault.NewSecret("s"), nil }, Scope: "User.Read", Redirect: func() string { return "https://hub.example/auth/microsoft/callback" },
		Directory: entries{entry: Entry{ObjectID: someone}}, Explain: func(string) *fault.Error { return nil }}
}

// begun is a sign-in under way whose code the issuer answers with a good token.
func (f *forger) begun(t *testing.T, s *SSO) Answer {
	t.Helper()
	return f.begunWith(t, s, f.key)
}

// begunWith is begun, the token signed by this key.
func (f *forger) begunWith(t *testing.T, s *SSO, key *rsa.PrivateKey) Answer {
	t.Helper()
	browser := NewBrowser()
	link, err := s.Begin(t.Context(), Attempt{Browser: browser})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	code := rand.Text()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[code] = signed(t, jose.RS256, key, f.claims(s.Access.Clock.Now(), u.Query().Get("nonce")))
	return Answer{State: u.Query().Get("state"), Code: code, Browser: browser}
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "k"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := sig.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// entries is a directory with one answer.
type entries struct {
	entry Entry
	err   error
}

func (e entries) Entry(context.Context, Grant) (Entry, error) { return e.entry, e.err }

func (e entries) Groups(context.Context, Grant) ([]string, error) {
	return nil, errors.New("not asked")
}

// Each row is a token that must open nothing, and the first one is good: so each is refused for what it changes.
func TestForgedIDTokens(t *testing.T) {
	forTest(t, func(t *testing.T, a *Access, c *clock.Adjustable) {
		f := newForger(t)
		good := func(nonce string) map[string]any { return f.claims(c.Now(), nonce) }
		set := func(changes map[string]any) func(map[string]any) string {
			return func(claims map[string]any) string {
				maps.Copy(claims, changes)
				maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
				return signed(t, jose.RS256, f.key, claims)
			}
		}
		public, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			make func(claims map[string]any) string
			dir  Directory
			code string
		}{
			{name: "the good one", make: set(nil)},
			{name: "another listed tenant", make: set(map[string]any{"tid": branch, "iss": f.URL + "/" + branch + "/v2.0"})},
			{name: "signed by another key", code: "id_token_refused", make: func(c map[string]any) string { return signed(t, jose.RS256, newKey(t), c) }},
			{name: "not signed (alg none)", code: "id_token_refused", make: func(c map[string]any) string {
				text, _ := json.Marshal(c)
				return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
			}},
			{name: "signed with the public key as a secret", code: "id_token_refused", make: func(c map[string]any) string {
				return signed(t, jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), c)
			}},
			{name: "claims changed after signing", code: "id_token_refused", make: func(c map[string]any) string {
				parts := strings.Split(signed(t, jose.RS256, f.key, c), ".")
				c["oid"] = foreign
				text, _ := json.Marshal(c)
				return parts[0] + "." + base64.RawURLEncoding.EncodeToString(text) + "." + parts[2]
			}},
			{name: "expired", code: "id_token_refused", make: set(map[string]any{"exp": c.Now().Add(-time.Minute).Unix()})},
			{name: "not valid yet", code: "id_token_refused", make: set(map[string]any{"nbf": c.Now().Add(time.Hour).Unix(), "exp": c.Now().Add(2 * time.Hour).Unix()})},
			{name: "for another application", code: "id_token_refused", make: set(map[string]any{"aud": foreign})},
			{name: "of another sign-in", code: "id_token_refused", make: set(map[string]any{"nonce": "another"})},
			{name: "without a nonce", code: "id_token_refused", make: set(map[string]any{"nonce": nil})},
			{name: "of a tenant that is not listed", code: "tenant_not_listed", make: set(map[string]any{"tid": foreign, "iss": f.URL + "/" + foreign + "/v2.0"})},
			{name: "one tenant in another's name", code: "id_token_refused", make: set(map[string]any{"iss": f.URL + "/" + foreign + "/v2.0"})},
			{name: "the template itself as issuer", code: "id_token_refused", make: set(map[string]any{"iss": f.URL + "/{tenantid}/v2.0"})},
			{name: "a tenant that is a path", code: "id_token_refused", make: set(map[string]any{"tid": foreign + "/v2.0/../" + home})},
			{name: "without a tenant", code: "id_token_refused", make: set(map[string]any{"tid": nil})},
			{name: "without a person", code: "id_token_refused", make: set(map[string]any{"oid": nil})},
			{name: "roles that are no list", code: "id_token_refused", make: set(map[string]any{"roles": "Seneschal.Admin"})},
			{name: "with nobody's role", code: "no_role", make: set(map[string]any{"roles": []string{"seneschal.admin"}})},
			{name: "no ID token", code: "id_token_refused", make: func(map[string]any) string { return "" }},
			{name: "no token at all", code: "id_token_refused", make: func(map[string]any) string { return "a.b.c" }},
			{name: "the directory's entry is another person's", code: "id_token_refused", make: set(nil), dir: entries{entry: Entry{ObjectID: foreign}}},
		} {
			s := f.sso(a)
			if tt.dir != nil {
				s.Directory = tt.dir
			}
			browser := NewBrowser()
			link, err := s.Begin(t.Context(), Attempt{Browser: browser})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			before := len(everybody(t, a))
			f.token = tt.make(good(u.Query().Get("nonce")))
			_, err = s.Finish(t.Context(), Answer{State: u.Query().Get("state"), Code: "code", Browser: browser})
			if fault.CodeOf(err) != tt.code {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.code)
			}
			if came := len(everybody(t, a)) - before; tt.code != "" && came > 0 {
				t.Errorf("%s: %d came in", tt.name, came)
			}
		}
		if v, err := a.Audit.Verify(t.Context()); err != nil || !v.OK {
			t.Errorf("%+v %v", v, err)
		}
	})
}

func TestANewcomerInTwoTabsIsOnePerson(t *testing.T) {
	forTest(t, func(t *testing.T, a *Access, _ *clock.Adjustable) {
		f := newForger(t)
		s := f.sso(a)
		for range 5 {
			answers := []Answer{f.begun(t, s), f.begun(t, s), f.begun(t, s)}
			done := make(chan error, len(answers))
			for _, w := range answers {
				go func() { _, err := s.Finish(context.WithoutCancel(t.Context()), w); done <- err }()
			}
			for range answers {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			people, err := a.Profiles(t.Context())
			if err != nil || len(people) != 1 || len(people[0].Sessions) != len(answers) {
				t.Fatalf("%+v %v", people, err)
			}
			if err := a.RemovePerson(t.Context(), Local("root"), people[0].ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Microsoft changes its keys without notice: signing-key-rollover.md.
func TestTheIssuersKeysMayChange(t *testing.T) {
	forTest(t, func(t *testing.T, a *Access, _ *clock.Adjustable) {
		f := newForger(t)
		s := f.sso(a)
		if _, err := s.Finish(t.Context(), f.begun(t, s)); err != nil {
			t.Fatal(err)
		}
		before := f.key
		f.key = newKey(t)
		if _, err := s.Finish(t.Context(), f.begun(t, s)); err != nil {
			t.Errorf("with the new key: %v", err)
		}
		// go-oidc answers with the fetched keys first and keeps them a moment later (RemoteKeySet.keysFromRemote): until then the key of before still serves.
		var err error
		for began := time.Now(); err == nil && time.Since(began) < 10*time.Second; {
			_, err = s.Finish(t.Context(), f.begunWith(t, s, before))
		}
		if fault.CodeOf(err) != "id_token_refused" {
			t.Errorf("with the key of before: %v", err)
		}
	})
}

func everybody(t *testing.T, a *Access) []Session {
	t.Helper()
	all, err := a.Sessions(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What leaves the hub is bound to the browser: code challenge by SHA-256, a nonce and a state of their own each time.
func TestBeginBindsTheBrowser(t *testing.T) {
	forTest(t, func(t *testing.T, a *Access, _ *clock.Adjustable) {
		f := newForger(t)
		s := &SSO{Access: a, HTTP: f.Client(), Issuer: f.URL + "/" + TenantMark + "/v2.0", ClientID: hubApp, Tenants: []string{home, branch}, Scope: "User.Read", Redirect: func() string { return "https://hub.example/back" }}
		seen := map[string]bool{}
		browser := NewBrowser()
		for range 3 {
			link, err := s.Begin(t.Context(), Attempt{Browser: browser})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("response_type") != "code" || q.Get("client_id") != hubApp || q.Get("scope") != "openid profile User.Read" ||
				q.Get("redirect_uri") != "https://hub.example/back" || strings.Contains(link, browser) {
				t.Errorf("%s", link)
			}
			for _, name := range []string{"state", "nonce", "code_challenge"} {
				if v := q.Get(name); len(v) < 43 || seen[v] {
					t.Errorf("%s %q was there before, or is short", name, v)
				}
				seen[q.Get(name)] = true
			}
		}
	})
}

func TestTheHighestRoleCounts(t *testing.T) {
	apps := RoleRule{Claim: "roles", Values: map[Role][]string{Admin: {"A"}, Member: {"M", "M2"}, Viewer: {"V"}}}
	groups := RoleRule{Claim: GroupsClaim, Values: map[Role][]string{Admin: {someone}}}
	for _, tt := range []struct {
		name string
		rule RoleRule
		have []string
		want Role
	}{
		{"one", apps, []string{"V"}, Viewer},
		{"several", apps, []string{"V", "M2", "x"}, Member},
		{"the highest last", apps, []string{"V", "M", "A"}, Admin},
		{"none", apps, nil, ""},
		{"another's value", apps, []string{"Other.Admin"}, ""},
		{"app roles are case-sensitive", apps, []string{"a"}, ""},
		{"ids of groups are not", groups, []string{strings.ToUpper(someone)}, Admin},
		{"an empty value", groups, []string{""}, ""},
	} {
		if got := tt.rule.role(tt.have); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLocalPath(t *testing.T) {
	for asked, want := range map[string]string{
		"/customers/1?q=a%20b": "/customers/1?q=a%20b", "/": "/", "": "/", "/a/../b": "/b", "/people#x": "/people",
		"https://evil.example": "/", "//evil.example": "/", "///evil.example": "/evil.example", `/\evil.example`: "/", "/%5cevil.example": "/", "/%2Fevil.example": "/evil.example", "/..//evil.example": "/evil.example",
		"javascript:alert(1)": "/", "people": "/", "/a\r\nSet-Cookie: x": "/", "/%0d%0aSet-Cookie: x": "/", "http:/evil.example": "/", "//user@evil.example/": "/",
	} {
		if got := LocalPath(asked); got != want {
			t.Errorf("%q: got %q, want %q", asked, got, want)
		}
	}
}

// Whatever somebody writes into a link, it leads to a page of the hub that shows it.
func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/customers/1?q=x", "//evil.example", `/\evil.example`, "/%2f%2fevil.example", "/a/../..//evil", "/;//evil", "/@evil.example", "/\t/evil"} {
		f.Add(s)
	}
	hub := &url.URL{Scheme: "https", Host: "hub.example", Path: "/login"}
	f.Fuzz(func(t *testing.T, asked string) {
		got := LocalPath(asked)
		u, err := hub.Parse(got)
		if err != nil || u.Host != "hub.example" || u.Scheme != "https" || u.User != nil || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q leads to %q (%v)", asked, got, err)
		}
		if again := LocalPath(got); again != got {
			t.Errorf("%q, then %q", got, again)
		}
	})
}

// Where only failures are counted, whoever succeeds is asked as often as they come, and whoever failed too often waits like everybody.
func TestWhoSucceedsIsNotCounted(t *testing.T) {
	c := clock.NewAdjustable()
	l := &Limiter{Clock: c}
	const remote = "192.0.2.1:5000"
	for range 10 * triesAtOnce {
		if err := l.Spent("key", remote); err != nil {
			t.Fatal(err)
		}
	}
	for l.Allow("key", remote) == nil {
	}
	if err := l.Spent("key", remote); fault.CodeOf(err) != "too_many_sign_ins" {
		t.Errorf("after the last failure: %v", err)
	}
	if err := l.Spent("key", "192.0.2.2:5000"); err != nil {
		t.Errorf("another address: %v", err)
	}
	c.Advance(2 * tryEvery)
	if err := l.Spent("key", remote); err != nil {
		t.Errorf("after a while: %v", err)
	}
}

func TestTheLimiterForgetsAndIsBounded(t *testing.T) {
	c := clock.NewAdjustable()
	l := &Limiter{Clock: c}
	tries := func(remote string) (n int) {
		for l.Allow("link", remote) == nil {
			n++
		}
		return n
	}
	for _, tt := range []struct {
		name, remote string
		want         int
	}{
		{"the first tries", "192.0.2.1:5000", triesAtOnce},
		{"another port is the same one", "192.0.2.1:5001", 0},
		{"another address", "192.0.2.2:5000", triesAtOnce},
		{"an IPv6 network", "[2001:db8:1:2::1]:5000", triesAtOnce},
		{"another address of it", "[2001:db8:1:2:ffff::9]:5000", 0},
		{"the same address written as IPv6", "[::ffff:192.0.2.1]:5000", 0},
	} {
		if got := tries(tt.remote); got < tt.want || got > tt.want+1 { // the clock goes on
			t.Errorf("%s: %d tries, want %d", tt.name, got, tt.want)
		}
	}
	c.Advance(time.Hour)
	if got := tries("192.0.2.1:5000"); got < triesAtOnce {
		t.Errorf("an hour later: %d tries", got)
	}
	for i := range 3 * maxSeen {
		_ = l.Allow("link", strconv.Itoa(i)) // no address: each is its own
	}
	if len(l.seen) > maxSeen {
		t.Errorf("%d addresses are remembered", len(l.seen))
	}
}

// Two admins who take each other's role in the same moment leave one.
func TestOneAdminIsAlwaysLeft(t *testing.T) {
	forTest(t, func(t *testing.T, a *Access, _ *clock.Adjustable) {
		for range 5 {
			var names []string
			for _, name := range []string{"one", "two"} {
				p, err := a.AddPerson(t.Context(), Local("root"), name+rand.Text(), Admin)
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, p.ID)
			}
			done := make(chan error, 2)
			for _, id := range names {
				go func() {
					_, err := a.SetRole(context.WithoutCancel(t.Context()), Local("root"), id, Viewer)
					done <- err
				}()
			}
			first, second := <-done, <-done
			if (first == nil) == (second == nil) || fault.CodeOf(errors.Join(first, second)) != "last_admin" {
				t.Fatalf("%v, %v: want one to be refused", first, second)
			}
			if _, err := a.Store.Writer().ExecContext(t.Context(), "delete from access_person"); err != nil { // the next round has its own two
				t.Fatal(err)
			}
		}
	})
}
