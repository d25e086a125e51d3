package entra

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
)

// Each row is a validation token; the first ones are good, so each other is refused for what it changes.
func TestValidationTokens(t *testing.T) {
	const tenant, other, app = "6f1c2b7e-3a54-4d0e-9b7a-1c5e8f2d4a10", "11111111-2222-4333-8444-555555555555", "0a9d6c1e-72f4-4c39-8b1d-5e3f7a2c9d02"
	key, stranger := newRSA(t), newRSA(t)
	keys := http.StatusOK
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("GET /common/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"issuer": server.URL + "/{tenantid}/v2.0", "authorization_endpoint": server.URL, "token_endpoint": server.URL, "jwks_uri": server.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}}) // what discovery says must not widen what is accepted
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		if keys != http.StatusOK {
			panic(http.ErrAbortHandler)
		}
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Use: "sig", Algorithm: "RS256"}}})
	})
	at := clock.NewAdjustable()
	now := at.Now().Unix()
	good := map[string]any{"aud": app, "iss": "https://sts.windows.net/" + tenant + "/", "tid": tenant, "appid": changeTracking, "iat": now, "nbf": now - 300, "exp": now + 3600}
	with := func(changes map[string]any) map[string]any {
		c := maps.Clone(good)
		maps.Copy(c, changes)
		maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
		return c
	}
	sign := func(alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "k"))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(claims)
		sig, err := s.Sign(text)
		if err != nil {
			t.Fatal(err)
		}
		out, _ := sig.CompactSerialize()
		return out
	}
	text, _ := json.Marshal(good)
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
	changed := strings.Split(sign(jose.RS256, key, good), ".")
	moved, _ := json.Marshal(with(map[string]any{"aud": other}))
	changed[1] = base64.RawURLEncoding.EncodeToString(moved)
	n := &Notary{HTTP: server.Client(), Now: at.Now}
	for _, tt := range []struct{ name, token, code string }{
		{"version 1", sign(jose.RS256, key, good), ""},
		{"version 2", sign(jose.RS256, key, with(map[string]any{"iss": server.URL + "/" + tenant + "/v2.0", "appid": nil, "azp": changeTracking})), ""},
		{"signed by another key", sign(jose.RS256, stranger, good), TokenSignature},
		{"claims changed after signing", strings.Join(changed, "."), TokenSignature},
		{"not signed (alg none)", unsigned, TokenSignature},
		{"signed with a password", sign(jose.HS256, []byte("0123456789abcdef0123456789abcdef"), good), TokenSignature},
		{"no token at all", "x", TokenSignature},
		{"expired", sign(jose.RS256, key, with(map[string]any{"exp": now - 1})), TokenExpired},
		{"without an end", sign(jose.RS256, key, with(map[string]any{"exp": nil})), TokenExpired},
		{"not valid yet", sign(jose.RS256, key, with(map[string]any{"nbf": now + 3000})), TokenSignature},
		{"of no tenant", sign(jose.RS256, key, with(map[string]any{"tid": nil, "iss": "https://sts.windows.net//"})), TokenIssuer},
		{"one tenant in another's name", sign(jose.RS256, key, with(map[string]any{"tid": other})), TokenIssuer},
		{"issued elsewhere", sign(jose.RS256, key, with(map[string]any{"iss": "https://sts.example/" + tenant + "/"})), TokenIssuer},
		{"asked for by another application", sign(jose.RS256, key, with(map[string]any{"appid": app})), TokenSender},
		{"asked for by nobody", sign(jose.RS256, key, with(map[string]any{"appid": nil})), TokenSender},
		{"for two applications", sign(jose.RS256, key, with(map[string]any{"aud": []string{app, other}})), TokenIssuer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := n.Check(t.Context(), server.URL, tt.token)
			if fault.CodeOf(err) != tt.code && (tt.code != "" || err != nil) {
				t.Errorf("%v, want %q", err, tt.code)
			}
			if tt.code == "" && (v.Audience != app || v.Tenant != tenant) {
				t.Errorf("%+v", v)
			}
		})
	}
	t.Run("keys out of reach refuse nothing", func(t *testing.T) {
		keys = 0
		fresh := &Notary{HTTP: server.Client(), Now: at.Now}
		if _, err := fresh.Check(t.Context(), server.URL, sign(jose.RS256, key, good)); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%v", err)
		}
		keys = http.StatusOK
		if _, err := fresh.Check(t.Context(), server.URL, sign(jose.RS256, key, good)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func newRSA(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
