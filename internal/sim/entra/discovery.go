package entra

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// issuer follows the request's host; for many tenants it is a template with literal braces: graph/FACTS §1.1.
func issuer(host, tenantID string) string { return "https://" + host + "/" + tenantID + "/v2.0" }

func (s *Server) discovery(w http.ResponseWriter, r *http.Request, a audience) {
	tenant := a.tenant.ID
	if a.many() {
		tenant = "{tenantid}"
	}
	base := "https://" + r.Host + "/" + a.path
	writeJSON(w, map[string]any{
		"issuer": issuer(r.Host, tenant), "authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token",
		"device_authorization_endpoint": base + "/oauth2/v2.0/devicecode", "end_session_endpoint": base + "/oauth2/v2.0/logout", "jwks_uri": base + "/discovery/v2.0/keys",
		"userinfo_endpoint":                     "https://" + graphHost(r.Host) + "/oidc/userinfo",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"}, "subject_types_supported": []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"},
		"scopes_supported":                []string{"openid", "profile", "email", "offline_access"},
		"claims_supported":                []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"},
		"request_uri_parameter_supported": false, "http_logout_supported": true, "frontchannel_logout_supported": true,
		"tenant_region_scope": nil, "cloud_instance_name": "microsoftonline.com", "cloud_graph_host_name": "graph.windows.net", "msgraph_host": graphHost(r.Host),
	})
}

// graphHost is where Graph answers for a login host: with Microsoft's names its own, otherwise the same listener.
func graphHost(host string) string {
	switch {
	case strings.HasPrefix(host, "login.microsoftonline.com"):
		return strings.Replace(host, "login.microsoftonline.com", "graph.microsoft.com", 1)
	case strings.HasPrefix(host, "login.microsoftonline.us"):
		return strings.Replace(host, "login.microsoftonline.us", "graph.microsoft.us", 1)
	case strings.HasPrefix(host, "login.partner.microsoftonline.cn"), strings.HasPrefix(host, "login.chinacloudapi.cn"):
		return "microsoftgraph.chinacloudapi.cn"
	}
	return host
}

// instanceDiscovery is what MSAL asks before it trusts an authority.
func (s *Server) instanceDiscovery(w http.ResponseWriter, r *http.Request) {
	u, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	tenant := common
	if err == nil {
		tenant, _, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	}
	writeJSON(w, map[string]any{
		"tenant_discovery_endpoint": "https://" + r.Host + "/" + tenant + "/v2.0/.well-known/openid-configuration", "api-version": "1.1",
		"metadata": []any{map[string]any{"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host}}},
	})
}

func (s *Server) keys(w http.ResponseWriter, r *http.Request, a audience) {
	k := jose.JSONWebKey{Key: &s.key.PublicKey, KeyID: s.keyID, Use: "sig", Algorithm: "RS256"}
	b, err := k.MarshalJSON()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	tenant := a.tenant.ID
	if a.many() {
		tenant = "{tenantid}"
	}
	// Microsoft adds the issuer to each key.
	out := strings.TrimSuffix(string(b), "}") + `,"issuer":"` + issuer(r.Host, tenant) + `"}`
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write([]byte(`{"keys":[` + out + `]}`)) // the client went away
}

func thumbprint(k *rsa.PublicKey) string {
	d := sha256.Sum256(x509.MarshalPKCS1PublicKey(k))
	return base64.RawURLEncoding.EncodeToString(d[:20])
}
