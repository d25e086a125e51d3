package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
)

var (
	appScopes      = []string{"https://graph.microsoft.com/.default"}
	personalScopes = []string{"https://graph.microsoft.com/User.Read", "https://graph.microsoft.com/Mail.ReadWrite"}
)

func secretOf(t *testing.T, a app) confidential.Credential {
	t.Helper()
	c, err := confidential.NewCredFromSecret(a.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func certificateOf(t *testing.T, a app) confidential.Credential {
	t.Helper()
	text, err := os.ReadFile(a.CertificateFile)
	if err != nil {
		t.Fatal(err)
	}
	certs, key, err := confidential.CertFromPEM(text, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := confidential.NewCredFromCert(certs, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func confidentialClient(t *testing.T, c tenant, a app, credential confidential.Credential) confidential.Client {
	t.Helper()
	client, err := confidential.New(cloud.LoginURL+"/"+c.TenantID, a.ClientID, credential, confidential.WithInstanceDiscovery(false), confidential.WithHTTPClient(&http.Client{Transport: cloud.transport}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func publicClient(t *testing.T, c tenant, a app, transport http.RoundTripper) public.Client {
	t.Helper()
	client, err := public.New(a.ClientID, public.WithAuthority(cloud.LoginURL+"/"+c.TenantID), public.WithInstanceDiscovery(false), public.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestSignInAsApplication(t *testing.T) {
	contoso := cloud.tenant(t, "contoso")
	good, expired := contoso.app(t, "Seneschal"), contoso.app(t, "Seneschal expired")
	mistyped := good
	mistyped.ClientSecret += "x"
	for _, c := range []struct {
		situation  string
		app        app
		credential confidential.Credential
		refusal    string // empty: a token
	}{
		{"with a secret", good, secretOf(t, good), ""},
		{"with a certificate", good, certificateOf(t, good), ""},
		{"with a wrong secret", mistyped, secretOf(t, mistyped), "AADSTS7000215"},
		{"with an expired secret", expired, secretOf(t, expired), "AADSTS7000222"},
	} {
		t.Run(c.situation, func(t *testing.T) {
			client := confidentialClient(t, contoso, c.app, c.credential)
			got, err := client.AcquireTokenByCredential(t.Context(), appScopes)
			if c.refusal != "" {
				var call msalerrors.CallErr
				if !errors.As(err, &call) || call.Resp.StatusCode != http.StatusUnauthorized || !strings.Contains(err.Error(), c.refusal) {
					t.Fatalf("got %v, want a CallErr with 401 and %s", err, c.refusal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := client.AcquireTokenByCredential(t.Context(), appScopes)
			if err != nil || again.AccessToken != got.AccessToken || again.Metadata.TokenSource != confidential.TokenSourceCache {
				t.Errorf("the token was not kept: %v", err)
			}
		})
	}
}

func TestSignInAsPerson(t *testing.T) {
	contoso := cloud.tenant(t, "contoso")
	signIn := contoso.app(t, "Seneschal sign-in")
	for _, c := range []struct {
		situation string
		upn       string
		acquire   func(*testing.T, human) (token, silently tokenSource)
	}{
		{"in a browser opened by MSAL", "ada@contoso.example", func(t *testing.T, who human) (tokenSource, tokenSource) {
			return byInteraction(t, publicClient(t, contoso, signIn, cloud.transport), who)
		}},
		{"on a web application's page", "ben@contoso.example", func(t *testing.T, who human) (tokenSource, tokenSource) {
			return byAuthCode(t, confidentialClient(t, contoso, signIn, secretOf(t, signIn)), signIn, who)
		}},
		{"with a device code", "chloe@contoso.example", func(t *testing.T, who human) (tokenSource, tokenSource) {
			return byDeviceCode(t, contoso, signIn, who)
		}},
	} {
		t.Run(c.situation, func(t *testing.T) {
			who := contoso.user(t, c.upn)
			token, silently := c.acquire(t, who)
			for round, source := range map[string]tokenSource{"first": token, "renewed": silently} {
				me, err := graphClient(t, source).Me().Get(t.Context(), nil)
				if err != nil {
					t.Fatalf("%s token: %v", round, explain(err))
				}
				if *me.GetUserPrincipalName() != who.UPN || *me.GetId() != who.ID {
					t.Errorf("%s token: /me is %s, want %s", round, *me.GetUserPrincipalName(), who.UPN)
				}
			}
		})
	}
}

// renewalClaims make MSAL pass over the access token it keeps, so that it uses the refresh token.
const renewalClaims = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`

func byInteraction(t *testing.T, client public.Client, who human) (tokenSource, tokenSource) {
	t.Helper()
	shown := make(chan error, 1)
	got, err := client.AcquireTokenInteractive(t.Context(), personalScopes, public.WithOpenURL(func(link string) error {
		go func() {
			_, err := browse(link, who)
			shown <- err
		}()
		return nil
	}))
	if err := errors.Join(err, <-shown); err != nil {
		t.Fatal(err)
	}
	return fixed(got.AccessToken), renewedByPublic(client, got.Account)
}

func byDeviceCode(t *testing.T, c tenant, a app, who human) (tokenSource, tokenSource) {
	t.Helper()
	// The person types the code in only after MSAL has asked once in vain: it must understand "not yet".
	pending := make(chan struct{})
	client := publicClient(t, c, a, firstRefusal{cloud.transport, pending})
	code, err := client.AcquireTokenByDeviceCode(t.Context(), personalScopes)
	if err != nil {
		t.Fatal(err)
	}
	page, err := url.Parse(code.Result.VerificationURL)
	if err != nil {
		t.Fatal(err)
	}
	page.RawQuery = url.Values{"code": {code.Result.UserCode}}.Encode()
	shown := make(chan error, 1)
	go func() {
		<-pending
		_, err := browse(page.String(), who)
		shown <- err
	}()
	got, err := code.AuthenticationResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := <-shown; err != nil {
		t.Fatal(err)
	}
	return fixed(got.AccessToken), renewedByPublic(client, got.Account)
}

// firstRefusal tells when the token endpoint refused for the first time.
type firstRefusal struct {
	http.RoundTripper
	seen chan struct{}
}

func (f firstRefusal) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := f.RoundTripper.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusBadRequest {
		close(f.seen) // a second refusal would be a fault of MSAL's or ours, and panics
	}
	return resp, err
}

func renewedByPublic(client public.Client, account public.Account) tokenSource {
	return func(ctx context.Context) (string, error) {
		got, err := client.AcquireTokenSilent(ctx, personalScopes, public.WithSilentAccount(account), public.WithClaims(renewalClaims))
		if err == nil && got.Metadata.TokenSource != public.TokenSourceIdentityProvider {
			err = errors.New("the token came from MSAL's cache")
		}
		return got.AccessToken, err
	}
}

// byAuthCode plays a web application: MSAL for Go leaves state and PKCE to it.
func byAuthCode(t *testing.T, client confidential.Client, a app, who human) (tokenSource, tokenSource) {
	t.Helper()
	const state, verifier = "state-of-this-sign-in", "a-verifier-of-at-least-forty-three-characters"
	answers := make(chan url.Values, 1)
	callback := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { answers <- r.URL.Query() }))
	defer callback.Close()
	redirect := callback.URL + "/auth/microsoft/callback"
	link, err := client.AuthCodeURL(t.Context(), a.ClientID, redirect, personalScopes)
	if err != nil {
		t.Fatal(err)
	}
	challenge := sha256.Sum256([]byte(verifier))
	link += "&" + url.Values{"state": {state}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"}}.Encode()
	if page, err := browse(link, who); err != nil || page != "" {
		t.Fatalf("the pages ended with %q, %v", page, err)
	}
	answer := <-answers
	if answer.Get("state") != state || answer.Get("code") == "" {
		t.Fatalf("the callback got %v", answer)
	}
	got, err := client.AcquireTokenByAuthCode(t.Context(), answer.Get("code"), redirect, personalScopes, confidential.WithChallenge(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(got.GrantedScopes, personalScopes[0]) {
		t.Errorf("granted %v, want %v among them", got.GrantedScopes, personalScopes)
	}
	return fixed(got.AccessToken), func(ctx context.Context) (string, error) {
		// A confidential client of MSAL for Go offers no way to pass over the token it keeps; renewal is shown by the public client.
		again, err := client.AcquireTokenSilent(ctx, personalScopes, confidential.WithSilentAccount(got.Account))
		return again.AccessToken, err
	}
}
