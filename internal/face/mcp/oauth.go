package mcp

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"seneschal/internal/access"
	"seneschal/internal/fault"
)

// Where the parts of the authorization lie, below the hub's own address. The page that asks the person is the console's.
const (
	AuthorizePath    = "/oauth/authorize"
	registerPath     = "/oauth/register"
	tokenPath        = "/oauth/token"
	revokePath       = "/oauth/revoke"
	resourceMetaPath = "/.well-known/oauth-protected-resource"
	serverMetaPath   = "/.well-known/oauth-authorization-server"
)

// maxForm is what may be sent to register or for a token.
const maxForm = 64 << 10

// Scopes are what a person can allow.
var scopes = []string{access.ReadScope, access.WriteScope}

// granter is what the authorization needs of access.
type granter interface {
	RegisterClient(ctx context.Context, name string, redirects []string) (access.Client, error)
	RedeemCode(ctx context.Context, code, client, redirect, verifier string) (access.Tokens, error)
	RefreshTokens(ctx context.Context, token, client string) (access.Tokens, error)
	RevokeToken(ctx context.Context, token string) error
}

// OAuth lets programs ask people for access to the face: OAuth 2.1 with PKCE (RFC 7636), metadata (RFC 8414, RFC 9728), registration by the
// program itself (RFC 7591), tokens bound to this resource (RFC 8707), revocation (RFC 7009), as the authorization part of the protocol wants it.
type OAuth struct {
	Grants  granter
	Base    func() string // the hub's address, without a slash at the end
	Limiter *access.Limiter
}

// Mount adds the routes.
func (o *OAuth) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+resourceMetaPath, o.resource)
	mux.HandleFunc("GET "+resourceMetaPath+Path, o.resource)
	mux.HandleFunc("GET "+serverMetaPath, o.server)
	mux.HandleFunc("POST "+registerPath, o.limited("register", o.register))
	mux.HandleFunc("POST "+tokenPath, o.limited("token", o.token))
	mux.HandleFunc("POST "+revokePath, o.limited("revoke", o.revoke))
}

func (o *OAuth) limited(kind string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := o.Limiter.Allow(kind, r.RemoteAddr); err != nil {
			deny(w, err)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		h(w, r)
	}
}

func (o *OAuth) resource(w http.ResponseWriter, _ *http.Request) {
	public(w, oauthex.ProtectedResourceMetadata{Resource: o.Base() + Path, AuthorizationServers: []string{o.Base()}, ScopesSupported: scopes, BearerMethodsSupported: []string{"header"}, ResourceName: "Seneschal"})
}

// serverMeta is what programs need to know; the SDK's own form would claim keys that there are none of.
type serverMeta struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	RegistrationEndpoint  string   `json:"registration_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	Scopes                []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	ClientAuth            []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuth        []string `json:"revocation_endpoint_auth_methods_supported"`
	Challenges            []string `json:"code_challenge_methods_supported"`
	Iss                   bool     `json:"authorization_response_iss_parameter_supported"`
}

func (o *OAuth) server(w http.ResponseWriter, _ *http.Request) {
	base, none := o.Base(), []string{"none"}
	public(w, serverMeta{Issuer: base, AuthorizationEndpoint: base + AuthorizePath, TokenEndpoint: base + tokenPath, RegistrationEndpoint: base + registerPath, RevocationEndpoint: base + revokePath,
		Scopes: scopes, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code", "refresh_token"}, ClientAuth: none, RevocationAuth: none, Challenges: []string{"S256"}, Iss: true})
}

// public answers what anybody may read, from any page.
func public(w http.ResponseWriter, v any) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	reply(w, http.StatusOK, v)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// deny answers as RFC 6749, 5.2 has it, with what the hub knows besides.
func deny(w http.ResponseWriter, err error) {
	p := fault.As(err).Problem()
	code, status := "invalid_request", http.StatusBadRequest
	switch {
	case p.Code == "invalid_grant" || p.Code == "invalid_target" || p.Code == "unsupported_grant_type":
		code = p.Code
	case p.Code == "client_unknown":
		code = "invalid_client"
	case p.Status >= 500 || p.Status == http.StatusTooManyRequests:
		code, status = "temporarily_unavailable", p.Status
	case len(p.Errors) > 0 && p.Errors[0].Name == "redirect_uris":
		code = "invalid_redirect_uri"
	}
	text := p.Title
	for _, f := range p.Errors {
		text += "; " + f.Name + " " + f.Message
	}
	reply(w, status, map[string]string{"error": code, "error_description": text})
}

// registration is what a program tells about itself, as far as it matters here.
type registration struct {
	Redirects []string `json:"redirect_uris"`
	Name      string   `json:"client_name"`
}

// registered is the answer (RFC 7591, 3.2.1). No program gets a secret: it could not keep one.
type registered struct {
	ClientID   string   `json:"client_id"`
	IssuedAt   int64    `json:"client_id_issued_at"`
	Name       string   `json:"client_name"`
	Redirects  []string `json:"redirect_uris"`
	Grants     []string `json:"grant_types"`
	Responses  []string `json:"response_types"`
	AuthMethod string   `json:"token_endpoint_auth_method"`
	Scope      string   `json:"scope"`
}

func (o *OAuth) register(w http.ResponseWriter, r *http.Request) {
	var in registration
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		deny(w, fault.BadField("(body)", "is no client metadata"))
		return
	}
	c, err := o.Grants.RegisterClient(r.Context(), in.Name, in.Redirects)
	if err != nil {
		deny(w, err)
		return
	}
	reply(w, http.StatusCreated, registered{ClientID: c.ID, IssuedAt: c.CreatedAt.Unix(), Name: c.Name, Redirects: c.Redirects, Grants: []string{"authorization_code", "refresh_token"},
		Responses: []string{"code"}, AuthMethod: "none", Scope: strings.Join(scopes, " ")})
}

func (o *OAuth) token(w http.ResponseWriter, r *http.Request) {
	form, err := o.form(r)
	if err != nil {
		deny(w, err)
		return
	}
	var t access.Tokens
	switch form.Get("grant_type") {
	case "authorization_code":
		t, err = o.Grants.RedeemCode(r.Context(), form.Get("code"), form.Get("client_id"), form.Get("redirect_uri"), form.Get("code_verifier"))
	case "refresh_token":
		t, err = o.Grants.RefreshTokens(r.Context(), form.Get("refresh_token"), form.Get("client_id"))
	default:
		err = &fault.Error{Kind: fault.Invalid, Code: "unsupported_grant_type", Message: "The grant type must be authorization_code or refresh_token"}
	}
	if err != nil {
		deny(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": t.Access.Reveal(), "token_type": "Bearer", "expires_in": int(t.ExpiresIn.Seconds()), "refresh_token": t.Refresh.Reveal(), "scope": access.ScopeText(t.Writes)})
}

// form reads a request for a token. Where it names a resource, it is ours.
func (o *OAuth) form(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, fault.BadField("(body)", "is no form")
	}
	if res := r.PostForm.Get("resource"); res != "" && res != o.Base()+Path {
		return nil, &fault.Error{Kind: fault.Invalid, Code: "invalid_target", Message: "Tokens of this hub are good for " + o.Base() + Path + " alone"}
	}
	return r.PostForm, nil
}

func (o *OAuth) revoke(w http.ResponseWriter, r *http.Request) {
	form, err := o.form(r)
	if err == nil {
		err = o.Grants.RevokeToken(r.Context(), form.Get("token"))
	}
	if err != nil {
		deny(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}
