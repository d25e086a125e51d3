package entra

import (
	"context"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"seneschal/internal/sim/world"
)

// client is who calls the token endpoint.
type client struct {
	home    string
	app     world.Object
	proven  bool
	appAuth string
}

func (c client) id() string { return world.Text(c.app, "appId") }

// client finds the app and checks what proof of it was sent: form, HTTP Basic, or an assertion.
func (s *Server) client(r *http.Request, a audience) (client, *refusal) {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		// RFC 6749 §2.3.1: both parts are form-encoded.
		if u, err := url.QueryUnescape(user); err == nil {
			id = u
		}
		secret = pass
		if p, err := url.QueryUnescape(pass); err == nil {
			secret = p
		}
	}
	if id == "" {
		if id = assertionIssuer(r.PostForm.Get("client_assertion")); id == "" {
			return client{}, refuse(900144, "client_id")
		}
	}
	c, ref := s.app(id, a)
	if ref != nil {
		return client{}, ref
	}
	assertion := r.PostForm.Get("client_assertion")
	switch {
	case assertion != "":
		c.appAuth = "2"
		ref = s.checkAssertion(r, a, c, assertion)
	case secret != "":
		c.appAuth = "1"
		ref = s.checkSecret(c, secret)
	default:
		c.appAuth = "0"
		return c, nil
	}
	c.proven = ref == nil
	return c, ref
}

// app finds an app registration as seen from a tenant.
func (s *Server) app(id string, a audience) (client, *refusal) {
	home, app, ok := s.world.App(id)
	if !ok {
		return client{}, refuse(700016, id)
	}
	if !world.Flag(app, "~enabled") {
		return client{}, refuse(7000112, id)
	}
	multi := world.Text(app, "signInAudience") != "AzureADMyOrg"
	if a.many() && !multi {
		return client{}, refuse(50194, id)
	}
	if !a.many() && a.tenant.ID != home && !multi {
		return client{}, refuse(700016, id)
	}
	return client{home: home, app: app}, nil
}

func (s *Server) checkSecret(c client, secret string) *refusal {
	values, _ := c.app["~secrets"].(world.Object)
	if len(values) == 0 && len(world.Objects(c.app["keyCredentials"])) == 0 {
		return refuse(700025, "")
	}
	for _, p := range world.Objects(c.app["passwordCredentials"]) {
		if world.Text(values, world.Text(p, "keyId")) != secret {
			continue
		}
		if world.Time(p, "endDateTime").Before(s.world.Now()) {
			return refuse(7000222, c.id())
		}
		return nil
	}
	return refuse(7000215, c.id())
}

type assertionHead struct {
	Alg  string
	X5t  string `json:"x5t"`
	X256 string `json:"x5t#S256"`
	Kid  string
}

type assertionClaims struct {
	Iss, Sub, Jti string
	Aud           any
	Nbf, Exp      int64
}

func (c assertionClaims) audiences() []string {
	if s, ok := c.Aud.(string); ok {
		return []string{s}
	}
	return world.Strings(c.Aud)
}

func readAssertion(raw string) (h assertionHead, c assertionClaims, ok bool) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return h, c, false
	}
	hb, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	cb, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	ok = err1 == nil && err2 == nil && json.Unmarshal(hb, &h) == nil && json.Unmarshal(cb, &c) == nil
	return h, c, ok
}

func assertionIssuer(raw string) string {
	_, c, _ := readAssertion(raw)
	return c.Iss
}

var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256}

// checkAssertion accepts a certificate's signature (graph/FACTS §1.3, both header forms) or another identity provider's token.
func (s *Server) checkAssertion(r *http.Request, a audience, c client, raw string) *refusal {
	if t := r.PostForm.Get("client_assertion_type"); t != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return refuse(50012, "The client_assertion_type is not supported.")
	}
	h, claims, ok := readAssertion(raw)
	if !ok {
		return refuse(50012, "The assertion is malformed.")
	}
	now := s.world.Now()
	if time.Unix(claims.Exp, 0).Before(now) || time.Unix(claims.Nbf, 0).After(now.Add(5*time.Minute)) {
		return refuse(700027, "Client assertion is not within its valid time range. Check the clock.")
	}
	if h.X5t == "" && h.X256 == "" {
		return s.checkFederated(r.Context(), c, raw, claims)
	}
	key := s.certificate(c.app, h)
	if key == nil {
		return refuse(700027, "The certificate with identifier used to sign the client assertion is not registered on application. Thumbprint of key used by client: '"+h.X5t+h.X256+"'")
	}
	sig, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return refuse(50012, "The assertion's algorithm is not supported.")
	}
	if _, err := sig.Verify(key); err != nil {
		return refuse(700027, "The key was found, but the signature does not match.")
	}
	if claims.Iss != c.id() || claims.Sub != c.id() {
		return refuse(50012, "Issuer and subject must both be the client id.")
	}
	if !s.ourTokenEndpoint(r, a, claims.audiences()) {
		return refuse(50012, "The audience is not the token endpoint of this tenant.")
	}
	return nil
}

// ourTokenEndpoint accepts the tenant's token endpoint under this host or Microsoft's, and its issuer.
func (s *Server) ourTokenEndpoint(r *http.Request, a audience, auds []string) bool {
	for _, aud := range auds {
		u, err := url.Parse(aud)
		if err != nil || u.Host != r.Host && u.Host != "login.microsoftonline.com" {
			continue
		}
		tenant, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		known := strings.EqualFold(tenant, a.path) || strings.EqualFold(tenant, a.tenant.ID) || strings.EqualFold(tenant, a.tenant.Domain)
		if known && (rest == "oauth2/v2.0/token" || rest == "v2.0" || rest == "oauth2/token") {
			return true
		}
	}
	return false
}

func (s *Server) certificate(app world.Object, h assertionHead) any {
	held, _ := app["~certificates"].(world.Object)
	for _, k := range world.Objects(app["keyCredentials"]) {
		der, err := base64.StdEncoding.DecodeString(world.Text(held, world.Text(k, "keyId")))
		if err != nil || len(der) == 0 || world.Time(k, "endDateTime").Before(s.world.Now()) {
			continue
		}
		s1, s256 := sha1.Sum(der), sha256.Sum256(der)
		if !sameThumb(h.X5t, s1[:]) && !sameThumb(h.X256, s256[:]) {
			continue
		}
		if cert, err := x509.ParseCertificate(der); err == nil {
			return cert.PublicKey
		}
	}
	return nil
}

// sameThumb takes both base64 alphabets: MSAL for Go 1.10 writes the plain one with padding.
func sameThumb(given string, sum []byte) bool {
	b, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(given))
	return err == nil && string(b) == string(sum)
}

// checkFederated matches issuer, subject and audience with a federated credential of the app: graph/FACTS §1.3.
func (s *Server) checkFederated(ctx context.Context, c client, raw string, claims assertionClaims) *refusal {
	for _, f := range world.Objects(c.app["~federated"]) {
		if world.Text(f, "issuer") != claims.Iss || world.Text(f, "subject") != claims.Sub || !overlap(world.Strings(f["audiences"]), claims.audiences()) {
			continue
		}
		keys, err := s.issuerKeys(ctx, claims.Iss)
		if err != nil {
			return refuse(50012, "The keys of the assertion's issuer cannot be read: "+err.Error())
		}
		sig, err := jose.ParseSignedCompact(raw, algorithms)
		if err != nil {
			return refuse(50012, "The assertion's algorithm is not supported.")
		}
		for _, k := range keys {
			if _, err := sig.Verify(k); err == nil {
				return nil
			}
		}
		return refuse(700027, "The signature of the federated assertion does not match any key of its issuer.")
	}
	return refuse(50012, "No matching federated identity record found for presented assertion issuer '"+claims.Iss+"', subject '"+claims.Sub+"'.")
}

func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// issuerKeys gives the built-in external identity provider's key, or asks an issuer on this machine. Nothing beyond loopback is ever called.
func (s *Server) issuerKeys(ctx context.Context, iss string) ([]any, error) {
	if iss == world.ExternalIssuer {
		return []any{&s.extern.PublicKey}, nil
	}
	u, err := url.Parse(iss)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, &net.AddrError{Err: "the simulator asks issuers on loopback only", Addr: iss}
	}
	hc := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // a test issuer on this machine
	defer hc.CloseIdleConnections()
	var doc struct {
		JwksURI string `json:"jwks_uri"`
	}
	if err := getJSON(ctx, hc, strings.TrimSuffix(iss, "/")+"/.well-known/openid-configuration", &doc); err != nil {
		return nil, err
	}
	var set jose.JSONWebKeySet
	if err := getJSON(ctx, hc, doc.JwksURI, &set); err != nil {
		return nil, err
	}
	var out []any
	for _, k := range set.Keys {
		out = append(out, k.Key)
	}
	return out, nil
}

func getJSON(ctx context.Context, hc *http.Client, address string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return json.NewDecoder(resp.Body).Decode(v)
}

// FederatedToken makes a token of the built-in external identity provider: what a CI system would hand to its job.
func (s *Server) FederatedToken(subject string, life time.Duration) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.extern}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", thumbprint(s.externPublic())))
	if err != nil {
		return "", err
	}
	now := s.world.Now()
	b, err := json.Marshal(map[string]any{"iss": world.ExternalIssuer, "sub": subject, "aud": world.FederatedAudience, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(life).Unix(), "jti": s.world.NewGUID()})
	if err != nil {
		return "", err
	}
	sig, err := signer.Sign(b)
	if err != nil {
		return "", err
	}
	return sig.CompactSerialize()
}

func (s *Server) externPublic() *rsa.PublicKey { return &s.extern.PublicKey }
