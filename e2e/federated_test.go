package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"seneschal/internal/store"
)

// issuer is an identity provider of somebody else's: it publishes its keys, and signs what it says of its workloads.
type issuer struct {
	*httptest.Server
	t    *testing.T
	keys []*rsa.PrivateKey // the last one signs
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t}
	i.rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.write(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{}
		for n, k := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: &k.PublicKey, KeyID: fmt.Sprint(n), Algorithm: "RS256", Use: "sig"})
		}
		i.write(w, set)
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		i.t.Error(err)
	}
}

// rotate makes a new key; the older ones stay published.
func (i *issuer) rotate() {
	i.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		i.t.Fatal(err)
	}
	i.keys = append(i.keys, key)
}

// token says who a workload is.
func (i *issuer) token(key *rsa.PrivateKey, claims map[string]any) string {
	i.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		i.t.Fatal(err)
	}
	all := map[string]any{"iss": i.URL, "sub": "system:serviceaccount:hub:seneschal", "aud": "api://AzureADTokenExchange", "iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range claims {
		all[k] = v
	}
	text, err := json.Marshal(all)
	if err != nil {
		i.t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		i.t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return compact
}

// trust registers the issuer with the app, as an administrator of the tenant does (FACTS §1.3).
func (g *ground) trust(i *issuer) {
	g.t.Helper()
	r := g.cloud.Ready()
	client := g.cloud.HTTPClient()
	send := func(method, address, contentType string, body io.Reader, token string) map[string]any {
		g.t.Helper()
		req, err := http.NewRequestWithContext(g.t.Context(), method, address, body)
		if err != nil {
			g.t.Fatal(err)
		}
		req.Header = http.Header{"Content-Type": {contentType}, "Authorization": {"Bearer " + token}}
		resp, err := client.Do(req)
		if err != nil {
			g.t.Fatal(err)
		}
		defer resp.Body.Close()
		var out map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode >= 300 {
			g.t.Fatalf("%s %s: %d %v %v", method, address, resp.StatusCode, out, err)
		}
		return out
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {r.Tenants[0].Apps[0].ClientID}, "client_secret": {r.Tenants[0].Apps[0].ClientSecret}, "scope": {"https://graph.microsoft.com/.default"}}
	token, _ := send("POST", r.LoginURL+"/"+r.Tenants[0].TenantID+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), "")["access_token"].(string)
	apps := send("GET", r.GraphURL+"/v1.0/applications?$filter=appId%20eq%20'"+r.Tenants[0].Apps[0].ClientID+"'", "", nil, token)["value"].([]any)
	id := apps[0].(map[string]any)["id"].(string)
	text, err := json.Marshal(map[string]any{"name": "cluster", "issuer": i.URL, "subject": "system:serviceaccount:hub:seneschal", "audiences": []string{"api://AzureADTokenExchange"}})
	if err != nil {
		g.t.Fatal(err)
	}
	send("POST", r.GraphURL+"/v1.0/applications/"+id+"/federatedIdentityCredentials", "application/json", bytes.NewReader(text), token)
}

// A hub in a cluster has no secret: its platform's identity provider vouches for it, and the tenant trusts that provider.
func TestAnotherProvidersTokenConnects(t *testing.T) {
	world, err := os.ReadFile("../internal/sim/world/worlds/contoso.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// The administrator's own permission to register a trust, given to the one app of this test.
	file := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(file, bytes.ReplaceAll(world, []byte("Domain.Read.All,"), []byte("Domain.Read.All, Application.ReadWrite.All,")), 0o600); err != nil {
		t.Fatal(err)
	}
	g := newGroundOf(t, store.SQLite, file)
	provider, stranger := newIssuer(t), newIssuer(t)
	tokenFile := filepath.Join(g.dir, "token")
	put := func(token string) {
		t.Helper()
		if err := os.WriteFile(tokenFile, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	form := g.form()
	form["credential"] = map[string]any{"type": "federated", "token_file": tokenFile}
	try := func() string {
		t.Helper()
		out, _ := g.run(form, nil, "connection", "try", "--input", "-")
		return out
	}
	put(provider.token(provider.keys[0], nil))
	if out := try(); !strings.Contains(out, "AADSTS50012") {
		t.Errorf("before the tenant trusts the provider: %s", out)
	}
	g.trust(provider)
	for _, tt := range []struct{ name, token, says string }{
		{"as the trust says", provider.token(provider.keys[0], nil), "Connected to Contoso IT Services"},
		{"for another workload", provider.token(provider.keys[0], map[string]any{"sub": "system:serviceaccount:hub:other"}), "AADSTS50012"},
		{"for another audience", provider.token(provider.keys[0], map[string]any{"aud": "https://elsewhere.example"}), "AADSTS50012"},
		{"of another provider", stranger.token(stranger.keys[0], nil), "AADSTS50012"},
		{"signed by somebody else", provider.token(stranger.keys[0], nil), "AADSTS700027"},
		{"of yesterday", provider.token(provider.keys[0], map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), "AADSTS700027"},
	} {
		put(tt.token)
		if out := try(); !strings.Contains(out, tt.says) || (tt.says[:6] == "AADSTS") == strings.Contains(out, "Connected to") {
			t.Errorf("a token %s: %s", tt.name, out)
		}
	}
	put(provider.token(provider.keys[0], nil))
	if out, _ := g.run(form, nil, "connection", "add", "--input", "-"); !strings.Contains(out, "state: healthy") {
		t.Fatal(out)
	}
	provider.rotate() // the provider's key, and the platform's file with it
	put(provider.token(provider.keys[1], nil))
	g.time.Advance(3 * time.Hour)
	put(provider.token(provider.keys[1], map[string]any{"exp": g.time.Now().Add(time.Hour).Unix()}))
	if out, _ := g.run(nil, nil, "connection", "test", "contoso"); !strings.Contains(out, "state: healthy") {
		t.Errorf("with a renewed token: %s", out)
	}
	if n := g.asked("/oauth2/v2.0/token"); n < 3 {
		t.Errorf("only %d tokens were asked for", n)
	}
}

// asked counts the requests that the cloud saw at a path.
func (g *ground) asked(path string) int {
	n := 0
	for _, r := range g.cloud.Requests() {
		if strings.Contains(r.Path, path) {
			n++
		}
	}
	return n
}
