package entra

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"seneschal/internal/m365"
)

// PKCE is one proof key of a sign-in: the verifier stays here, the challenge travels.
type PKCE struct{ Verifier, Challenge string }

// NewPKCE makes a pair by S256.
func NewPKCE() PKCE {
	v := rand.Text() + rand.Text() // 52 characters; RFC 7636 asks for 43 to 128
	sum := sha256.Sum256([]byte(v))
	return PKCE{v, base64.RawURLEncoding.EncodeToString(sum[:])}
}

// SignIn is one request to sign in.
type SignIn struct {
	State, Redirect string
	PKCE            PKCE
	LoginHint       string
	Claims          string // of a claims challenge
}

// SignInURL is where a person signs in. MSAL's own builder adds neither state nor PKCE (DEPENDENCIES, MSAL), so it is ours.
func (c *Client) SignInURL(_ context.Context, s SignIn) string {
	v := url.Values{
		"client_id": {string(c.app.Client)}, "response_type": {"code"}, "response_mode": {"query"},
		"redirect_uri": {s.Redirect}, "state": {s.State},
		"scope":          {strings.Join(append([]string{"openid", "profile", "offline_access"}, c.app.Scopes...), " ")},
		"code_challenge": {s.PKCE.Challenge}, "code_challenge_method": {"S256"}, "prompt": {"select_account"},
	}
	if s.LoginHint != "" {
		v.Set("login_hint", s.LoginHint)
	}
	if s.Claims != "" {
		v.Set("claims", s.Claims)
	}
	return c.authority() + "/oauth2/v2.0/authorize?" + v.Encode()
}

// AdminConsentURL is where an administrator of the tenant grants what the app registration lists (graph/FACTS §1.1).
func AdminConsentURL(e m365.Endpoints, tenant m365.TenantID, client m365.ClientID, redirect, state string) string {
	v := url.Values{"client_id": {string(client)}, "redirect_uri": {redirect}}
	if state != "" { // a link in a text for anybody carries none
		v.Set("state", state)
	}
	return e.Login + "/" + url.PathEscape(string(tenant)) + "/adminconsent?" + v.Encode()
}
