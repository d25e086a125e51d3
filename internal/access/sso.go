package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"seneschal/internal/fault"
	"seneschal/internal/vault"
)

// SSO signs people in with Microsoft: OpenID Connect, authorization code with PKCE, nonce and state. It has an app registration of its
// own and shares nothing with connections but the redirect address.
type SSO struct {
	Access    *Access
	Log       *slog.Logger
	HTTP      *http.Client
	Issuer    string // may hold TenantMark
	ClientID  string
	Secret    func() (vault.Secret, error) // read anew at each sign-in
	Tenants   []string
	Rule      RoleRule
	Scope     string        // the delegated permission to read the person's own directory entry
	Redirect  func() string // where Microsoft sends the browser back to
	Directory Directory
	Explain   func(code string) *fault.Error // nil for a code that is not known

	mu       sync.Mutex
	provider *provider
}

// TenantMark stands for the tenant in an issuer that many tenants share.
const TenantMark = "{tenantid}"

// Grant is what a sign-in may read: the person's own entry, for the moment of the sign-in.
type Grant struct {
	Tenant string
	Token  vault.Secret
}

// Entry is what the directory says about the person who signs in. Addresses are those of domains that the tenant has proven to own.
type Entry struct {
	ObjectID  string
	Addresses []string
}

// Directory asks Microsoft about the person of a grant.
type Directory interface {
	Entry(ctx context.Context, g Grant) (Entry, error)
	// Groups gives the object ids of all groups the person is in, directly or through others.
	Groups(ctx context.Context, g Grant) ([]string, error)
}

// provider is what discovery told.
type provider struct {
	endpoint   oauth2.Endpoint
	verifier   *oidc.IDTokenVerifier
	endSession string
}

// discover asks once, and again after a failure.
func (s *SSO) discover(ctx context.Context) (*provider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider != nil {
		return s.provider, nil
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), s.HTTP) // the keys are fetched with it later, too
	authority := "organizations"
	if len(s.Tenants) == 1 {
		authority = s.Tenants[0]
	}
	issuer := s.Issuer
	if len(s.Tenants) == 1 {
		issuer = strings.ReplaceAll(issuer, TenantMark, s.Tenants[0])
	}
	p, err := oidc.NewProvider(oidc.InsecureIssuerURLContext(ctx, issuer), strings.ReplaceAll(s.Issuer, TenantMark, authority))
	if err != nil {
		return nil, &fault.Error{Kind: fault.Unavailable, Code: "sign_in_unreachable", Message: "Microsoft's sign-in service did not answer as expected", Cause: "It is out of reach, or SENESCHAL_SSO_ISSUER names another",
			Fix: "Try again in a minute; if it stays, check the network and SENESCHAL_SSO_ISSUER. A link signs you in meanwhile: seneschal person login-link NAME", Who: "the operator of this hub", Err: err}
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, err
	}
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	// RS256 alone: an answer of discovery must not widen what is accepted. The issuer depends on the token's tenant and is checked by issued.
	s.provider = &provider{endpoint, p.VerifierContext(ctx, &oidc.Config{ClientID: s.ClientID, SupportedSigningAlgs: []string{oidc.RS256}, SkipIssuerCheck: true, Now: s.Access.Clock.Now}), more.EndSession}
	return s.provider, nil
}

func (s *SSO) config(p *provider, secret vault.Secret) *oauth2.Config {
	return &oauth2.Config{ClientID: s.ClientID, ClientSecret: secret.Reveal(), Endpoint: p.endpoint, RedirectURL: s.Redirect(), Scopes: []string{oidc.ScopeOpenID, "profile", s.Scope}}
}

// SignOutURL is where the browser ends its session at Microsoft; it comes back to the redirect address, which needs no other registration.
func (s *SSO) SignOutURL(ctx context.Context) (string, error) {
	p, err := s.discover(ctx)
	if err != nil || p.endSession == "" {
		return "", err
	}
	return p.endSession + "?" + url.Values{"post_logout_redirect_uri": {s.Redirect()}}.Encode(), nil
}

// idClaims are the claims of an ID token that matter here: en:id-token-claims-reference.md.
type idClaims struct {
	Tenant    string            `json:"tid"`
	Object    string            `json:"oid"`
	Name      string            `json:"name"`
	UPN       string            `json:"preferred_username"` // for reading alone: it may change hands
	SID       string            `json:"sid"`
	Roles     []string          `json:"roles"`
	Groups    []string          `json:"groups"`
	HasGroups bool              `json:"hasgroups"`
	Elsewhere map[string]string `json:"_claim_names"` // claims that were too long for the token
}

// proof is what a finished exchange gave.
type proof struct {
	idClaims
	grant Grant
}

// exchange redeems the code and checks the ID token: signature, audience and times by the library, nonce, tenant and issuer here.
func (s *SSO) exchange(ctx context.Context, code, verifier, nonce string) (proof, error) {
	p, err := s.discover(ctx)
	if err != nil {
		return proof{}, err
	}
	secret, err := s.Secret()
	if err != nil {
		return proof{}, &fault.Error{Kind: fault.Misconfigured, Code: "sso_secret", Message: "The hub cannot read its secret for signing people in", Fix: "Check the file of SENESCHAL_SSO_CLIENT_SECRET_FILE and its owner",
			Who: "the operator of this hub", Err: err}
	}
	token, err := s.config(p, secret).Exchange(oidc.ClientContext(ctx, s.HTTP), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return proof{}, s.exchangeRefused(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return proof{}, untrusted("it holds no ID token", nil)
	}
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return proof{}, untrusted(whyUntrusted(err), err)
	}
	if id.Nonce == "" || !same(id.Nonce, nonce) {
		return proof{}, untrusted("the ID token belongs to another sign-in", nil)
	}
	out := proof{grant: Grant{Token: vault.NewSecret(token.AccessToken)}}
	if err := id.Claims(&out.idClaims); err != nil {
		return proof{}, untrusted("the ID token's claims cannot be read", err)
	}
	out.grant.Tenant = out.Tenant
	return out, s.issued(id.Issuer, out.idClaims)
}

func whyUntrusted(err error) string {
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) {
		return "the ID token is too old, or this machine's clock is wrong"
	}
	return "the ID token is not one that Microsoft made for this hub"
}

// issued checks that a listed tenant issued the token, and no other in its name.
func (s *SSO) issued(issuer string, c idClaims) error {
	if c.Tenant == "" || c.Object == "" {
		return untrusted("the ID token does not say who it is about", nil)
	}
	if issuer != strings.ReplaceAll(s.Issuer, TenantMark, c.Tenant) {
		return untrusted("the ID token's issuer is not the sign-in service of its tenant", nil)
	}
	if !slices.Contains(s.Tenants, strings.ToLower(c.Tenant)) {
		return &fault.Error{Kind: fault.Forbidden, Code: "tenant_not_listed", Message: "People of your organisation do not sign in to this hub",
			Cause: "Its directory " + c.Tenant + " is not among SENESCHAL_SSO_TENANTS", Fix: "Sign in with an account of a listed organisation, or have yours added to the setting", Who: "the operator of this hub"}
	}
	return nil
}

func untrusted(why string, err error) *fault.Error {
	return &fault.Error{Kind: fault.Forbidden, Code: "id_token_refused", Message: "Microsoft's answer did not prove who you are", Cause: why,
		Fix: "Start the sign-in again; if it stays, tell the operator, as somebody may be trying to get in", Who: "you", Err: err}
}

// exchangeRefused explains why Microsoft did not redeem a code.
func (s *SSO) exchangeRefused(err error) error {
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) {
		return &fault.Error{Kind: fault.Unavailable, Code: "sign_in_unreachable", Message: "Microsoft's sign-in service did not answer", Fix: "Try again in a minute", Who: "you", Err: err}
	}
	return s.explain(refusal.ErrorCode, refusal.ErrorDescription)
}

// explain looks for a code we know in Microsoft's words: the answer to the browser carries it nowhere else.
func (s *SSO) explain(code, description string) error {
	for _, word := range strings.FieldsFunc(description, func(r rune) bool { return r == ':' || r == ' ' }) {
		if !strings.HasPrefix(word, "AADSTS") {
			continue
		}
		if f := s.Explain(word); f != nil {
			return f
		}
	}
	first, _, _ := strings.Cut(description, "\n")
	return &fault.Error{Kind: fault.Forbidden, Code: "sign_in_ended", Message: "Microsoft ended the sign-in", Cause: fmt.Sprintf("%s: %s", code, strings.TrimSpace(first)), Fix: "Start again from the sign-in page", Who: "you"}
}
