package sim

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// cloud is a started world with the parts of its ready file that the tests name.
type cloud struct {
	*Sim
	t      *testing.T
	ready  Ready
	client *http.Client // does not follow redirects
}

func start(t *testing.T, opts ...func(*Config)) *cloud {
	t.Helper()
	s := StartForTest(t, "contoso", opts...)
	c := &cloud{Sim: s, t: t, ready: s.Ready(), client: s.HTTPClient()}
	c.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(c.client.CloseIdleConnections)
	return c
}

func (c *cloud) tenant(name string) ReadyTenant {
	for _, t := range c.ready.Tenants {
		if t.Name == name {
			return t
		}
	}
	c.t.Fatalf("no tenant %s", name)
	return ReadyTenant{}
}

func (c *cloud) app(name string) ReadyApp {
	for _, t := range c.ready.Tenants {
		for _, a := range t.Apps {
			if a.Name == name {
				return a
			}
		}
	}
	c.t.Fatalf("no app %s", name)
	return ReadyApp{}
}

func (c *cloud) user(upn string) ReadyUser {
	for _, t := range c.ready.Tenants {
		for _, u := range t.Users {
			if u.UPN == upn {
				return u
			}
		}
	}
	c.t.Fatalf("no user %s", upn)
	return ReadyUser{}
}

type answerOf struct {
	status int
	header http.Header
	raw    []byte
	json   map[string]any
}

func (a answerOf) str(path ...string) string {
	var v any = a.json
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (a answerOf) list() []map[string]any {
	var out []map[string]any
	l, _ := a.json["value"].([]any)
	for _, v := range l {
		m, _ := v.(map[string]any)
		out = append(out, m)
	}
	return out
}

func (c *cloud) do(method, address string, body io.Reader, header http.Header) answerOf {
	c.t.Helper()
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		c.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answerOf{status: resp.StatusCode, header: resp.Header, raw: raw}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") && !bytes.HasPrefix(raw, []byte("[")) {
		if err := json.Unmarshal(raw, &a.json); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, address, err, raw)
		}
	}
	return a
}

func (c *cloud) post(address string, v url.Values) answerOf {
	c.t.Helper()
	return c.do(http.MethodPost, address, strings.NewReader(v.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

func (c *cloud) tokenAt(tenant string, v url.Values) answerOf {
	c.t.Helper()
	return c.post(c.ready.LoginURL+"/"+tenant+"/oauth2/v2.0/token", v)
}

func secretForm(a ReadyApp) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {a.ClientID}, "client_secret": {a.ClientSecret}, "scope": {"https://graph.microsoft.com/.default"}}
}

// appToken gets an app-only token by secret.
func (c *cloud) appToken(name string) string {
	c.t.Helper()
	a := c.tokenAt(c.ready.Tenants[0].TenantID, secretForm(c.app(name)))
	if a.status != 200 {
		c.t.Fatalf("token for %s: %d %s", name, a.status, a.raw)
	}
	return a.str("access_token")
}

// graph calls Graph with a token; v is sent as JSON.
func (c *cloud) graph(token, method, path string, v any, header ...string) answerOf {
	c.t.Helper()
	h := http.Header{"Authorization": {"Bearer " + token}}
	var body io.Reader
	if v != nil {
		b, err := json.Marshal(v)
		if err != nil {
			c.t.Fatal(err)
		}
		body = bytes.NewReader(b)
		h.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	if !strings.HasPrefix(path, "https://") {
		path = c.ready.GraphURL + "/v1.0" + path
	}
	return c.do(method, path, body, h)
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %s", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestClientCredentials(t *testing.T) {
	c := start(t)
	good, tenant := c.app("Seneschal"), c.tenant("contoso")
	with := func(change func(url.Values)) url.Values { v := secretForm(good); change(v); return v }
	tests := []struct {
		name   string
		tenant string
		form   url.Values
		status int
		code   string // AADSTS number, "" when a token is expected
		oauth  string
	}{
		{"secret by tenant id", tenant.TenantID, secretForm(good), 200, "", ""},
		{"secret by domain", tenant.Domain, secretForm(good), 200, "", ""},
		{"an app without any grant still gets a token", tenant.TenantID, secretForm(c.app("Nothing granted")), 200, "", ""},
		{"wrong secret", tenant.TenantID, with(func(v url.Values) { v.Set("client_secret", good.SecretID) }), 401, "7000215", "invalid_client"},
		{"expired secret", tenant.TenantID, secretForm(c.app("Seneschal expired")), 401, "7000222", "invalid_client"},
		{"no secret", tenant.TenantID, with(func(v url.Values) { v.Del("client_secret") }), 401, "7000218", "invalid_client"},
		{"unknown app", tenant.TenantID, with(func(v url.Values) { v.Set("client_id", "11111111-0000-0000-0000-000000000000") }), 400, "700016", "unauthorized_client"},
		{"app of another tenant", c.tenant("fabrikam").TenantID, secretForm(good), 400, "700016", "unauthorized_client"},
		{"unknown tenant", "11111111-0000-0000-0000-000000000000", secretForm(good), 400, "90002", "invalid_request"},
		{"common", "common", secretForm(good), 400, "9001023", "invalid_request"},
		{"organizations", "organizations", secretForm(good), 400, "50059", "invalid_request"},
		{"scope without .default", tenant.TenantID, with(func(v url.Values) { v.Set("scope", "https://graph.microsoft.com/Mail.Read") }), 400, "70011", "invalid_scope"},
		{"two resources", tenant.TenantID, with(func(v url.Values) {
			v.Set("scope", "https://graph.microsoft.com/.default https://other.example/.default")
		}), 400, "700022", "invalid_request"},
		{"unknown resource", tenant.TenantID, with(func(v url.Values) { v.Set("scope", "https://other.example/.default") }), 400, "500011", "invalid_resource"},
		{"v1 resource parameter", tenant.TenantID, with(func(v url.Values) { v.Set("resource", "https://graph.microsoft.com") }), 400, "901002", "invalid_request"},
		{"unknown grant", tenant.TenantID, with(func(v url.Values) { v.Set("grant_type", "password2") }), 400, "70003", "unsupported_grant_type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := c.tokenAt(tt.tenant, tt.form)
			if a.status != tt.status {
				t.Fatalf("got status %d, want %d: %s", a.status, tt.status, a.raw)
			}
			if tt.code == "" {
				if claimsOf(t, a.str("access_token"))["idtyp"] != "app" || a.json["refresh_token"] != nil {
					t.Fatalf("got %s, want an app-only token without refresh token", a.raw)
				}
				return
			}
			if a.str("error") != tt.oauth || !strings.HasPrefix(a.str("error_description"), "AADSTS"+tt.code+":") || !strings.Contains(a.str("error_description"), "Trace ID:") {
				t.Errorf("got %s, want AADSTS%s as %s", a.raw, tt.code, tt.oauth)
			}
			if got := fmt.Sprint(a.json["error_codes"]); !strings.Contains(fmt.Sprintf("%.0f", a.json["error_codes"]), tt.code) {
				t.Errorf("got error_codes %s, want %s", got, tt.code)
			}
		})
	}
	t.Run("secret by HTTP Basic", func(t *testing.T) {
		v := with(func(v url.Values) { v.Del("client_secret"); v.Del("client_id") })
		basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(good.ClientID) + ":" + url.QueryEscape(good.ClientSecret)))
		a := c.do("POST", c.ready.LoginURL+"/"+tenant.TenantID+"/oauth2/v2.0/token", strings.NewReader(v.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {"Basic " + basic}})
		if a.status != 200 {
			t.Fatalf("got %d %s, want a token", a.status, a.raw)
		}
	})
	t.Run("claims of the token", func(t *testing.T) {
		got := claimsOf(t, c.appToken("Seneschal"))
		if got["tid"] != tenant.TenantID || got["appid"] != good.ClientID || got["sub"] != got["oid"] || !strings.Contains(fmt.Sprint(got["roles"]), "Mail.ReadWrite") || got["scp"] != nil {
			t.Errorf("got %v", got)
		}
		if got := claimsOf(t, c.appToken("Nothing granted")); got["roles"] != nil {
			t.Errorf("got roles %v without grants, want none", got["roles"])
		}
	})
}

// assertion signs a client assertion as graph/FACTS §1.3 describes it.
func (c *cloud) assertion(a ReadyApp, alg string, change func(head, claims map[string]any)) string {
	c.t.Helper()
	b, err := os.ReadFile(a.CertificateFile)
	if err != nil {
		c.t.Fatal(err)
	}
	block, rest := pem.Decode(b)
	keyBlock, _ := pem.Decode(rest)
	k, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		c.t.Fatal(err)
	}
	now := time.Now()
	head := map[string]any{"alg": alg, "typ": "JWT"}
	s1, s256 := sha1.Sum(block.Bytes), sha256.Sum256(block.Bytes)
	if alg == "PS256" {
		head["x5t#S256"] = base64.RawURLEncoding.EncodeToString(s256[:])
	} else {
		head["x5t"] = base64.RawURLEncoding.EncodeToString(s1[:])
	}
	claims := map[string]any{"aud": c.ready.LoginURL + "/" + c.tenant("contoso").TenantID + "/oauth2/v2.0/token", "iss": a.ClientID, "sub": a.ClientID, "jti": now.String(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	if change != nil {
		change(head, claims)
	}
	hb, _ := json.Marshal(head)
	cb, _ := json.Marshal(claims)
	signed := base64.RawURLEncoding.EncodeToString(hb) + "." + base64.RawURLEncoding.EncodeToString(cb)
	digest := sha256.Sum256([]byte(signed))
	var sig []byte
	if alg == "PS256" {
		sig, err = rsa.SignPSS(rand.Reader, k.(*rsa.PrivateKey), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		sig, err = rsa.SignPKCS1v15(rand.Reader, k.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestAssertions(t *testing.T) {
	c := start(t)
	good := c.app("Seneschal")
	fresh, err := c.FederatedToken("")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(good.FederatedTokenFile)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := c.FederatedToken("repo:someone/else")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, assertion, code string }{
		{"certificate, PS256 with x5t#S256", c.assertion(good, "PS256", nil), ""},
		{"certificate, RS256 with x5t", c.assertion(good, "RS256", nil), ""},
		{"federated token", fresh, ""},
		{"federated token of the file", string(file), ""},
		{"federated token of another subject", stranger, "50012"},
		{"expired", c.assertion(good, "PS256", func(_, m map[string]any) { m["exp"] = time.Now().Add(-time.Hour).Unix() }), "700027"},
		{"unregistered certificate", c.assertion(good, "PS256", func(h, _ map[string]any) { h["x5t#S256"] = "AAAA" }), "700027"},
		{"wrong audience", c.assertion(good, "PS256", func(_, m map[string]any) { m["aud"] = "https://elsewhere.example" }), "50012"},
		{"broken signature", spoiled(c.assertion(good, "PS256", nil)), "700027"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := secretForm(good)
			v.Del("client_secret")
			v.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			v.Set("client_assertion", tt.assertion)
			a := c.tokenAt(c.tenant("contoso").TenantID, v)
			if tt.code == "" && a.status != 200 || tt.code != "" && !strings.HasPrefix(a.str("error_description"), "AADSTS"+tt.code) {
				t.Errorf("got %d %s, want %q", a.status, a.raw, tt.code)
			}
		})
	}
}

// spoiled changes the end of a signature.
func spoiled(jwt string) string { return jwt[:len(jwt)-20] + strings.Repeat("A", 20) }

const verifier = "a-verifier-that-is-long-enough-for-the-rule-of-43-characters"

func challengeOf(v string) string {
	d := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(d[:])
}

const callback = "http://127.0.0.1:8123/auth/microsoft/callback"

func authorizeQuery(a ReadyApp, scope string) url.Values {
	return url.Values{"client_id": {a.ClientID}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {scope}, "state": {"st-1"}, "nonce": {"n-1"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"}}
}

// submit posts a form to a page's own address.
func (c *cloud) submit(path string, q url.Values, fields ...string) answerOf {
	c.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return c.post(c.ready.LoginURL+path+"?"+q.Encode(), v)
}

func redirectQuery(t *testing.T, a answerOf) url.Values {
	t.Helper()
	if a.status != http.StatusFound {
		t.Fatalf("got %d %s, want a redirect", a.status, a.raw)
	}
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

const mailScopes = "openid profile offline_access User.Read Mail.ReadWrite"

// signIn walks the pages and redeems the code.
func (c *cloud) signIn(app ReadyApp, upn, scope string) answerOf {
	c.t.Helper()
	page := c.submit("/organizations/oauth2/v2.0/authorize", authorizeQuery(app, scope), "account", upn, "password", c.user(upn).Password, "accept", "yes")
	code := redirectQuery(c.t, page).Get("code")
	a := c.tokenAt("organizations", url.Values{"grant_type": {"authorization_code"}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}, "scope": {scope}, "client_info": {"1"}})
	if a.status != 200 {
		c.t.Fatalf("code not redeemed: %s", a.raw)
	}
	return a
}

func TestSignIn(t *testing.T) {
	c := start(t)
	app := c.app("Seneschal sign-in")
	a := c.signIn(app, "ada@contoso.example", mailScopes)
	got := claimsOf(t, a.str("access_token"))
	if got["upn"] != "ada@contoso.example" || !strings.Contains(fmt.Sprint(got["scp"]), "Mail.ReadWrite") || got["roles"] != nil || got["idtyp"] != "user" {
		t.Errorf("access token: got %v", got)
	}
	id := claimsOf(t, a.str("id_token"))
	if id["aud"] != app.ClientID || id["nonce"] != "n-1" || id["iss"] != c.ready.LoginURL+"/"+c.tenant("contoso").TenantID+"/v2.0" {
		t.Errorf("id token: got %v", id)
	}
	if a.str("client_info") == "" {
		t.Error("no client_info")
	}
	me := c.graph(a.str("access_token"), "GET", "/me", nil)
	if me.status != 200 || me.str("userPrincipalName") != "ada@contoso.example" {
		t.Errorf("/me: got %d %s", me.status, me.raw)
	}
	if other := c.graph(a.str("access_token"), "GET", "/users/ben@contoso.example/messages", nil); other.status != 403 || other.str("error", "code") != "ErrorAccessDenied" {
		t.Errorf("another's mailbox: got %d %s", other.status, other.raw)
	}
	if got := c.graph(c.appToken("Seneschal"), "GET", "/me", nil); got.status != 400 {
		t.Errorf("/me app-only: got %d, want 400", got.status)
	}
	refresh := func(token string) answerOf {
		return c.tokenAt("organizations", url.Values{"grant_type": {"refresh_token"}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "refresh_token": {token}})
	}
	first := a.str("refresh_token")
	b := refresh(first)
	if b.status != 200 || b.str("refresh_token") == first || b.str("refresh_token") == "" {
		t.Fatalf("refresh: got %d %s, want a new refresh token", b.status, b.raw)
	}
	if again := refresh(first); again.status != 200 {
		t.Errorf("the old refresh token: got %s, want it still valid", again.raw)
	}
	if err := c.Fault(Fault{Kind: "revoke", User: "ada@contoso.example"}); err != nil {
		t.Fatal(err)
	}
	if r := refresh(first); !strings.HasPrefix(r.str("error_description"), "AADSTS50173") {
		t.Errorf("after revocation: got %s", r.raw)
	}
}

func TestRefusedSignIns(t *testing.T) {
	c := start(t)
	app, unconsented := c.app("Seneschal sign-in"), c.app("Seneschal unconsented sign-in")
	type row struct {
		name, path string
		app        ReadyApp
		change     func(url.Values)
		fields     []string
		want       string // in the page or in the redirect's error_description
	}
	ada := []string{"account", "ada@contoso.example", "password", "Ada-Pass-1", "accept", "yes"}
	contoso := "/" + c.tenant("contoso").TenantID
	none := func(url.Values) {}
	for _, tt := range []row{
		{"wrong password", "/organizations", app, none, []string{"account", "ada@contoso.example", "password", "x"}, "AADSTS50126"},
		{"unknown account", "/organizations", app, none, []string{"account", "nobody@contoso.example", "password", "x"}, "AADSTS50034"},
		{"account of another tenant", contoso, app, none, []string{"account", "sam@fabrikam.example", "password", "Sam-Pass-1"}, "AADSTS50020"},
		{"redirect address not registered", "/organizations", app, func(v url.Values) { v.Set("redirect_uri", "https://evil.example/") }, ada, "AADSTS50011"},
		{"no redirect address", "/organizations", app, func(v url.Values) { v.Del("redirect_uri") }, ada, "AADSTS900971"},
		{"unknown app", "/organizations", app, func(v url.Values) { v.Set("client_id", "nope") }, ada, "AADSTS700016"},
		{"single-tenant app at common", "/common", c.app("Seneschal"), none, ada, "AADSTS50194"},
		{"managed policy needs an administrator", "/organizations", unconsented, none, ada, "AADSTS90094"},
		{"declined", "/organizations", unconsented, func(v url.Values) { v.Set("scope", "openid User.Read") }, []string{"account", "ada@contoso.example", "password", "Ada-Pass-1", "accept", "no"}, "AADSTS65004"},
		{"silent without a session", "/organizations", app, func(v url.Values) { v.Set("prompt", "none") }, nil, "AADSTS50058"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := authorizeQuery(tt.app, mailScopes)
			tt.change(q)
			a := c.submit(tt.path+"/oauth2/v2.0/authorize", q, tt.fields...)
			text := string(a.raw)
			if a.status == http.StatusFound {
				r := redirectQuery(t, a)
				text = r.Get("error_description")
				if r.Get("state") != "st-1" {
					t.Errorf("state: got %q", r.Get("state"))
				}
			}
			if !strings.Contains(text, tt.want) {
				t.Errorf("got %d %s, want %s", a.status, text, tt.want)
			}
		})
	}
}

func TestPagesStepByStep(t *testing.T) {
	c := start(t)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.client.Jar = jar
	app := c.app("Seneschal unconsented sign-in")
	q := authorizeQuery(app, "openid User.Read")
	path := "/organizations/oauth2/v2.0/authorize"
	if a := c.do("GET", c.ready.LoginURL+path+"?"+q.Encode(), nil, nil); a.status != 200 || !strings.Contains(string(a.raw), `name="account"`) {
		t.Fatalf("first page: got %d %s", a.status, a.raw)
	}
	consent := c.submit(path, q, "account", "ben@contoso.example", "password", "Ben-Pass-1")
	if consent.status != 200 || !strings.Contains(string(consent.raw), `name="accept"`) {
		t.Fatalf("second page: got %d %s", consent.status, consent.raw)
	}
	_, rest, _ := strings.Cut(string(consent.raw), `name="flow" value="`)
	flow, _, _ := strings.Cut(rest, `"`)
	if code := redirectQuery(t, c.submit(path, q, "flow", flow, "accept", "yes")).Get("code"); code == "" {
		t.Error("no code after consent")
	}
	q.Set("prompt", "none")
	if code := redirectQuery(t, c.do("GET", c.ready.LoginURL+path+"?"+q.Encode(), nil, nil)).Get("code"); code == "" {
		t.Error("no code for a silent sign-in with the session's cookie")
	}
	q.Set("response_mode", "form_post")
	if a := c.do("GET", c.ready.LoginURL+path+"?"+q.Encode(), nil, nil); !strings.Contains(string(a.raw), `name="code"`) {
		t.Errorf("form_post: got %s", a.raw)
	}
}

func TestCodeRedemption(t *testing.T) {
	c := start(t)
	app := c.app("Seneschal sign-in")
	code := func() string {
		a := c.submit("/organizations/oauth2/v2.0/authorize", authorizeQuery(app, mailScopes), "account", "ada@contoso.example", "password", "Ada-Pass-1", "accept", "yes")
		return redirectQuery(t, a).Get("code")
	}
	form := func(code string) url.Values {
		return url.Values{"grant_type": {"authorization_code"}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	}
	used := code()
	if a := c.tokenAt("organizations", form(used)); a.status != 200 {
		t.Fatalf("got %s", a.raw)
	}
	for _, tt := range []struct {
		name, tenant, want string
		form               url.Values
	}{
		{"used twice", "organizations", "54005", form(used)},
		{"unknown", "organizations", "70000", form("nope")},
		{"wrong verifier", "organizations", "501481", with(form(code()), "code_verifier", strings.Repeat("x", 50))},
		{"short verifier", "organizations", "50147", with(form(code()), "code_verifier", "x")},
		{"other redirect address", "organizations", "50011", with(form(code()), "redirect_uri", "http://localhost/other")},
		{"other tenant", c.tenant("fabrikam").TenantID, "700005", form(code())},
		{"no secret", "organizations", "7000218", with(form(code()), "client_secret", "")},
	} {
		if a := c.tokenAt(tt.tenant, tt.form); !strings.HasPrefix(a.str("error_description"), "AADSTS"+tt.want+":") {
			t.Errorf("%s: got %s, want %s", tt.name, a.raw, tt.want)
		}
	}
	late := form(code())
	if err := c.Advance(11 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if a := c.tokenAt("organizations", late); !strings.HasPrefix(a.str("error_description"), "AADSTS70008") {
		t.Errorf("after eleven minutes: got %s", a.raw)
	}
}

func with(v url.Values, name, value string) url.Values {
	v.Set(name, value)
	return v
}

func TestDeviceCode(t *testing.T) {
	c := start(t)
	app := c.app("Seneschal sign-in")
	begin := c.post(c.ready.LoginURL+"/organizations/oauth2/v2.0/devicecode", url.Values{"client_id": {app.ClientID}, "scope": {mailScopes}})
	if begin.status != 200 || begin.json["verification_uri_complete"] != nil || begin.str("interval") != "5" {
		t.Fatalf("got %s", begin.raw)
	}
	poll := func() answerOf {
		return c.tokenAt("organizations", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {app.ClientID}, "device_code": {begin.str("device_code")}})
	}
	if a := poll(); a.str("error") != "authorization_pending" {
		t.Fatalf("before sign-in: got %s", a.raw)
	}
	a := c.post(begin.str("verification_uri"), url.Values{"code": {begin.str("user_code")}, "account": {"emma@contoso.example"}, "password": {"Emma-Pass-1"}, "accept": {"yes"}})
	if a.status != 200 || !strings.Contains(string(a.raw), "You have signed in") {
		t.Fatalf("page: got %d %s", a.status, a.raw)
	}
	if a := poll(); a.status != 200 || claimsOf(t, a.str("access_token"))["upn"] != "emma@contoso.example" {
		t.Fatalf("after sign-in: got %s", a.raw)
	}
	late := c.post(c.ready.LoginURL+"/organizations/oauth2/v2.0/devicecode", url.Values{"client_id": {app.ClientID}, "scope": {mailScopes}})
	if err := c.Advance(16 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if a := c.tokenAt("organizations", url.Values{"grant_type": {"device_code"}, "client_id": {app.ClientID}, "device_code": {late.str("device_code")}}); a.str("error") != "expired_token" {
		t.Errorf("after 16 minutes: got %s", a.raw)
	}
}

func TestAdminConsentRepairsAnApp(t *testing.T) {
	c := start(t)
	app, tenant := c.app("Seneschal to repair"), c.tenant("contoso")
	read := func() answerOf {
		return c.graph(c.appToken(app.Name), "GET", "/users/ada@contoso.example/mailboxSettings", nil)
	}
	if a := read(); a.status != 403 || a.str("error", "code") != "ErrorAccessDenied" {
		t.Fatalf("before consent: got %d %s", a.status, a.raw)
	}
	q := url.Values{"client_id": {app.ClientID}, "redirect_uri": {callback}, "state": {"s"}}
	path := "/" + tenant.TenantID + "/adminconsent"
	if a := c.submit(path, q, "account", "ada@contoso.example", "password", "Ada-Pass-1", "accept", "yes"); !strings.Contains(string(a.raw), "AADSTS90094") {
		t.Errorf("as technician: got %s", a.raw)
	}
	declined := redirectQuery(t, c.submit(path, q, "account", "admin@contoso.example", "password", "Admin-Pass-1", "accept", "no"))
	if declined.Get("error") != "permission_denied" {
		t.Errorf("declined: got %v", declined)
	}
	granted := redirectQuery(t, c.submit(path, q, "account", "admin@contoso.example", "password", "Admin-Pass-1", "accept", "yes"))
	if granted.Get("admin_consent") != "True" || granted.Get("tenant") != tenant.TenantID || granted.Get("state") != "s" {
		t.Fatalf("got %v", granted)
	}
	if a := read(); a.status == 403 {
		t.Errorf("after consent: got %d %s", a.status, a.raw)
	}
	if err := c.Fault(Fault{Kind: "consent_withdrawn", App: app.ClientID}); err != nil {
		t.Fatal(err)
	}
	if a := read(); a.status != 403 {
		t.Errorf("after withdrawal: got %d %s", a.status, a.raw)
	}
}

func TestOnBehalfOf(t *testing.T) {
	c := start(t)
	api := c.app("Seneschal sign-in")
	scope := "api://" + api.ClientID + "/access_as_user openid offline_access"
	user := c.signIn(api, "admin@contoso.example", scope)
	a := c.tokenAt(c.tenant("contoso").TenantID, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "requested_token_use": {"on_behalf_of"}, "client_id": {api.ClientID}, "client_secret": {api.ClientSecret}, "assertion": {user.str("access_token")}, "scope": {"https://graph.microsoft.com/User.Read"}})
	if a.status != 200 || claimsOf(t, a.str("access_token"))["upn"] != "admin@contoso.example" {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
}

func TestDiscovery(t *testing.T) {
	c := start(t)
	for path, issuer := range map[string]string{
		"common": "{tenantid}", "organizations": "{tenantid}", "consumers": "9188040d-6c67-4c5b-b112-36a304b66dad", "contoso.example": c.tenant("contoso").TenantID,
	} {
		a := c.do("GET", c.ready.LoginURL+"/"+path+"/v2.0/.well-known/openid-configuration", nil, nil)
		if want := c.ready.LoginURL + "/" + issuer + "/v2.0"; a.str("issuer") != want || a.str("token_endpoint") != c.ready.LoginURL+"/"+path+"/oauth2/v2.0/token" {
			t.Errorf("%s: got %s, want issuer %s", path, a.raw, want)
		}
		if keys := c.do("GET", a.str("jwks_uri"), nil, nil); keys.status != 200 || len(keys.json["keys"].([]any)) != 1 {
			t.Errorf("keys of %s: got %s", path, keys.raw)
		}
	}
	if a := c.do("GET", c.ready.LoginURL+"/common/discovery/instance?api-version=1.1&authorization_endpoint="+url.QueryEscape(c.ready.LoginURL+"/contoso.example/oauth2/v2.0/authorize"), nil, nil); !strings.Contains(a.str("tenant_discovery_endpoint"), "/contoso.example/") {
		t.Errorf("instance discovery: got %s", a.raw)
	}
}

func TestConditionalAccess(t *testing.T) {
	c := start(t)
	if err := c.Fault(Fault{Kind: "claims", Match: matchPath("/users"), Times: 1}); err != nil {
		t.Fatal(err)
	}
	a := c.graph(c.appToken("Seneschal"), "GET", "/users", nil)
	if a.status != 401 || !strings.Contains(a.header.Get("WWW-Authenticate"), `claims="`) {
		t.Errorf("Graph: got %d %v", a.status, a.header)
	}
	if err := c.Fault(Fault{Kind: "claims", Match: matchPath("/oauth2/v2.0/token")}); err != nil {
		t.Fatal(err)
	}
	form := secretForm(c.app("Seneschal"))
	blocked := c.tokenAt(c.tenant("contoso").TenantID, form)
	if blocked.status != 400 || blocked.str("claims") == "" || !strings.HasPrefix(blocked.str("error_description"), "AADSTS53003") {
		t.Errorf("token: got %s", blocked.raw)
	}
	form.Set("claims", blocked.str("claims"))
	if a := c.tokenAt(c.tenant("contoso").TenantID, form); a.status != 200 {
		t.Errorf("with the claims: got %s", a.raw)
	}
	c.ClearFaults()
	if err := c.Fault(Fault{Kind: "aadsts", Code: "7000112", Times: 1}); err != nil {
		t.Fatal(err)
	}
	if a := c.tokenAt(c.tenant("contoso").TenantID, secretForm(c.app("Seneschal"))); !strings.HasPrefix(a.str("error_description"), "AADSTS7000112") {
		t.Errorf("asked for 7000112: got %s", a.raw)
	}
}
