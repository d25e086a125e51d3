package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

const (
	renewBefore    = 5 * time.Minute  // a token is renewed this long before it ends, so that none ends on the way
	acquireTime    = 30 * time.Second // for one token, retries included
	lockTime       = 45 * time.Second
	transientTries = 3
	// bypass asks for a token that is none of those at hand. As claims it asks for nothing, and yet has MSAL skip its cached app token.
	bypass = `{"access_token":{}}`
)

// App is one app registration as a connection uses it.
type App struct {
	Key           string // names the connection in locks and cache
	Endpoints     m365.Endpoints
	Authority     string // tenant id, or organizations, common, consumers
	Client        m365.ClientID
	Mode          m365.Mode
	Credential    Credential // nil: public client
	Scopes        []string   // delegated: what was asked for at sign-in
	AccountID     string     // delegated: MSAL's home account id; "" before the first sign-in
	CustomAddress bool       // the login host is not Microsoft's: no instance discovery there
}

// TokenCache keeps MSAL's opaque cache, one blob a partition. Load gives nil where there is none.
type TokenCache interface {
	Load(ctx context.Context, key, partition string) ([]byte, error)
	Save(ctx context.Context, key, partition string, blob []byte) error
}

// Lock excludes all other refreshes of the same connection, in every process.
type Lock interface {
	With(ctx context.Context, name string, ttl time.Duration, f func(context.Context) error) error
}

// Outside is what a Client needs from its surroundings.
type Outside struct {
	HTTP  *http.Client
	Clock clock.Clock
	// MachineNow is the clock that MSAL measures expiry on; it is not ours in demo and tests.
	MachineNow func() time.Time
	Cache      TokenCache
	Lock       Lock
}

// Client hands out tokens for one App. It is safe for concurrent use.
type Client struct {
	app App
	out Outside

	mu       sync.Mutex
	backend  backend
	token    wire.Token
	raw      string
	obtained time.Time
}

// backend is MSAL's confidential or public client.
type backend interface {
	silent(ctx context.Context, a App, claims string) (result, error)
	byCode(ctx context.Context, code, verifier, redirect string, scopes []string) (result, error)
}

type result struct {
	token   string
	expires time.Time // on the machine's clock
	account Account
	scopes  []string
}

// Account is who signed in.
type Account struct {
	ID       string // MSAL's home account id
	UPN      string
	ObjectID string
	Tenant   m365.TenantID
}

// New makes a client; nothing is sent yet.
func New(app App, out Outside) *Client { return &Client{app: app, out: out} }

func (c *Client) authority() string { return c.app.Endpoints.Login + "/" + c.app.Authority }

// resourceScopes are what a token request names: everything granted to the app, or the scopes of the sign-in.
func (c *Client) resourceScopes() []string {
	if c.app.Mode == m365.Application {
		return []string{c.app.Endpoints.GraphAudience + "/.default"}
	}
	return c.app.Scopes
}

// Token gives a valid token: the one at hand while it lasts, else a new one. One refresh runs at a time for the connection, across processes.
func (c *Client) Token(ctx context.Context, why wire.Refresh) (wire.Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !why.Force && why.Claims == "" && c.usable() {
		return c.token, nil
	}
	refused := ""
	if why.Force {
		refused = c.raw
	}
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	err := c.out.Lock.With(ctx, "entra/"+c.app.Key, lockTime, func(ctx context.Context) error {
		return c.refresh(ctx, refused, why.Claims)
	})
	if err != nil {
		return wire.Token{}, asFault(err, c.app)
	}
	return c.token, nil
}

func (c *Client) usable() bool {
	return c.raw != "" && c.out.Clock.Now().Add(renewBefore).Before(c.token.Expires)
}

// refresh takes a token that another process fetched meanwhile, or fetches one. The refused token never comes back.
func (c *Client) refresh(ctx context.Context, refused, claims string) error {
	expired := c.raw != "" && !c.usable()
	if claims == "" {
		r, err := c.acquire(ctx, "")
		if err != nil {
			return err
		}
		stale := r.token == refused || (expired && r.token == c.raw)
		if !stale {
			c.take(r)
			return nil
		}
		claims = bypass
	}
	r, err := c.acquire(ctx, claims)
	if err != nil {
		return err
	}
	c.take(r)
	return nil
}

// acquire asks MSAL, and asks again when Entra says that it is only busy.
func (c *Client) acquire(ctx context.Context, claims string) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, acquireTime)
	defer cancel()
	for try := 1; ; try++ {
		r, err := c.acquireOnce(ctx, claims)
		if err == nil || try == transientTries || !transient(err) {
			return r, err
		}
		if err := c.out.Clock.Sleep(ctx, time.Duration(try)*time.Second); err != nil {
			return result{}, err
		}
	}
}

func (c *Client) acquireOnce(ctx context.Context, claims string) (result, error) {
	b, err := c.msal()
	if err != nil {
		return result{}, err
	}
	if c.app.Mode == m365.Delegated && claims != "" {
		// MSAL meets no claims without the person (confidential.AcquireTokenSilent). For any other new token, the old one leaves the cache
		// and the refresh token does the rest.
		if claims != bypass {
			return result{}, challenged(c.app)
		}
		if err := (accessor{c.out.Cache, c.app.Key, c.app.Credential == nil}).dropAccessTokens(ctx, c.app.AccountID); err != nil {
			return result{}, err
		}
		claims = ""
	}
	return b.silent(ctx, c.app, claims)
}

// challenged tells a person why signing in again is needed.
func challenged(app App) error {
	return &fault.Error{Kind: fault.NeedsReauth, Code: "claims_challenge", Mode: string(app.Mode), Message: "Sign in again, because a Conditional Access policy of the tenant asks for it",
		Cause: "The policy changed, or the sign-in happened in another place or long ago", Fix: "Open the connection's sign-in link", Who: theUser}
}

func (c *Client) take(r result) {
	now := c.out.Clock.Now()
	c.raw, c.obtained = r.token, now
	c.token = wire.Token{Value: r.token, Expires: now.Add(r.expires.Sub(c.out.MachineNow()))}
}

// Forget drops the token at hand, after a consent: an app token that is cached does not gain the new role (dynamics/AUTH-MATRIX §1, rule 5).
// The next Token fetches a new one.
func (c *Client) Forget(ctx context.Context) error {
	_, err := c.Token(ctx, wire.Refresh{Claims: bypass})
	return err
}

// Claims reads the claims of a valid token, for diagnosis only: an access token is opaque by contract (graph/FACTS §1.4).
func (c *Client) Claims(ctx context.Context) (Claims, error) {
	if _, err := c.Token(ctx, wire.Refresh{}); err != nil {
		return Claims{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return ReadClaims(c.raw)
}

// msal makes MSAL's client once: it asks discovery once per object (DEPENDENCIES, MSAL).
func (c *Client) msal() (backend, error) {
	if c.backend != nil {
		return c.backend, nil
	}
	cache := accessor{c.out.Cache, c.app.Key, c.app.Credential == nil}
	if c.app.Credential == nil {
		pc, err := public.New(string(c.app.Client), public.WithAuthority(c.authority()), public.WithHTTPClient(c.out.HTTP), public.WithCache(cache),
			public.WithInstanceDiscovery(!c.app.CustomAddress), public.WithClientCapabilities([]string{"cp1"}))
		if err != nil {
			return nil, fmt.Errorf("preparing the sign-in: %w", err)
		}
		c.backend = publicBackend{pc}
		return c.backend, nil
	}
	cred, err := c.app.Credential.msal()
	if err != nil {
		return nil, fmt.Errorf("preparing the credential: %w", err)
	}
	cc, err := confidential.New(c.authority(), string(c.app.Client), cred, confidential.WithHTTPClient(c.out.HTTP), confidential.WithCache(cache),
		confidential.WithInstanceDiscovery(!c.app.CustomAddress), confidential.WithClientCapabilities([]string{"cp1"}))
	if err != nil {
		return nil, fmt.Errorf("preparing the sign-in: %w", err)
	}
	c.backend = confidentialBackend{cc, c.resourceScopes()}
	return c.backend, nil
}

type confidentialBackend struct {
	client confidential.Client
	scopes []string
}

func (b confidentialBackend) silent(ctx context.Context, a App, claims string) (result, error) {
	if a.Mode == m365.Application {
		r, err := b.client.AcquireTokenByCredential(ctx, b.scopes, confidential.WithClaims(claims))
		return fromMSAL(r), err
	}
	account, err := b.client.Account(ctx, a.AccountID)
	if err != nil {
		return result{}, err
	}
	if account.IsZero() {
		return result{}, errNoAccount
	}
	r, err := b.client.AcquireTokenSilent(ctx, b.scopes, confidential.WithSilentAccount(account))
	return fromMSAL(r), err
}

func (b confidentialBackend) byCode(ctx context.Context, code, verifier, redirect string, scopes []string) (result, error) {
	r, err := b.client.AcquireTokenByAuthCode(ctx, code, redirect, scopes, confidential.WithChallenge(verifier))
	return fromMSAL(r), err
}

type publicBackend struct{ client public.Client }

func (b publicBackend) silent(ctx context.Context, a App, _ string) (result, error) {
	accounts, err := b.client.Accounts(ctx)
	if err != nil {
		return result{}, err
	}
	for _, account := range accounts {
		if account.HomeAccountID == a.AccountID {
			r, err := b.client.AcquireTokenSilent(ctx, a.Scopes, public.WithSilentAccount(account))
			return fromMSAL(r), err
		}
	}
	return result{}, errNoAccount
}

func (b publicBackend) byCode(ctx context.Context, code, verifier, redirect string, scopes []string) (result, error) {
	r, err := b.client.AcquireTokenByAuthCode(ctx, code, redirect, scopes, public.WithChallenge(verifier))
	return fromMSAL(r), err
}

func fromMSAL(r confidential.AuthResult) result {
	return result{token: r.AccessToken, expires: r.ExpiresOn, scopes: r.GrantedScopes, account: Account{
		ID: r.Account.HomeAccountID, UPN: r.Account.PreferredUsername, ObjectID: r.IDToken.Oid, Tenant: m365.TenantID(r.IDToken.TenantID)}}
}

var errNoAccount = errors.New("nobody is signed in on this connection")

// DeviceCode is what a person types in elsewhere.
type DeviceCode struct {
	UserCode        string
	VerificationURL string
	Expires         time.Time // on the machine's clock, as Entra counts it
	wait            func(context.Context) (result, error)
}

// StartDeviceCode asks for a code. Only a public client may: the app registration must allow public client flows.
func (c *Client) StartDeviceCode(ctx context.Context) (*DeviceCode, error) {
	b, err := c.msal()
	if err != nil {
		return nil, asFault(err, c.app)
	}
	p, ok := b.(publicBackend)
	if !ok {
		return nil, &fault.Error{Kind: fault.Invalid, Code: "device_code_needs_public_client", Message: "A device code sign-in uses no client secret",
			Fix: "Leave the credential out of this connection and allow public client flows in the app registration, or use the sign-in link", Who: "you"}
	}
	code, err := p.client.AcquireTokenByDeviceCode(ctx, c.app.Scopes)
	if err != nil {
		return nil, asFault(err, c.app)
	}
	return &DeviceCode{UserCode: code.Result.UserCode, VerificationURL: code.Result.VerificationURL, Expires: code.Result.ExpiresOn,
		wait: func(ctx context.Context) (result, error) {
			r, err := code.AuthenticationResult(ctx)
			return fromMSAL(r), err
		}}, nil
}

// FinishDeviceCode waits until the person has signed in, or the code runs out.
func (c *Client) FinishDeviceCode(ctx context.Context, d *DeviceCode) (Account, []string, error) {
	r, err := d.wait(ctx)
	return c.signedIn(ctx, r, err)
}

// Redeem turns the code of a finished sign-in into tokens.
func (c *Client) Redeem(ctx context.Context, code, verifier, redirect string) (Account, []string, error) {
	b, err := c.msal()
	if err != nil {
		return Account{}, nil, asFault(err, c.app)
	}
	r, err := b.byCode(ctx, code, verifier, redirect, c.app.Scopes)
	return c.signedIn(ctx, r, err)
}

// signedIn checks that the sign-in will last: without a refresh token the connection would die within the hour (dynamics/AUTH-MATRIX §1, rule 4).
func (c *Client) signedIn(ctx context.Context, r result, err error) (Account, []string, error) {
	if err != nil {
		return Account{}, nil, asFault(err, c.app)
	}
	partition := accessor{whole: c.app.Credential == nil}.partition(r.account.ID)
	blob, err := c.out.Cache.Load(ctx, c.app.Key, partition)
	if err != nil {
		return Account{}, nil, err
	}
	if !hasRefreshToken(blob) {
		return Account{}, nil, &fault.Error{Kind: fault.NeedsReauth, Code: "refresh_token_missing", Mode: string(m365.Delegated),
			Message: "Microsoft gave no refresh token, so the connection would stop within the hour",
			Cause:   "The permission offline_access was not granted, or the redirect URI is registered as a single-page application",
			Fix:     "Register the redirect URI under Web, grant offline_access, and sign in again", Who: "the administrator of the app registration"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.app.AccountID = r.account.ID
	c.take(r)
	return r.account, r.scopes, nil
}

// OnBehalfOf exchanges a token that a person's program presented for one of this app.
func (c *Client) OnBehalfOf(ctx context.Context, assertion string) (wire.Token, error) {
	b, err := c.msal()
	if err != nil {
		return wire.Token{}, asFault(err, c.app)
	}
	conf, ok := b.(confidentialBackend)
	if !ok {
		return wire.Token{}, &fault.Error{Kind: fault.Invalid, Code: "on_behalf_of_needs_credential", Message: "Acting on behalf of a caller needs a credential of the app",
			Fix: "Give the connection a certificate or secret", Who: "you"}
	}
	r, err := conf.client.AcquireTokenOnBehalfOf(ctx, assertion, c.app.Scopes)
	if err != nil {
		return wire.Token{}, asFault(err, c.app)
	}
	return wire.Token{Value: r.AccessToken, Expires: c.out.Clock.Now().Add(r.ExpiresOn.Sub(c.out.MachineNow()))}, nil
}

// SignInScopes are the scopes a delegated App asks for. They stand without a resource: Entra takes those for Graph's own, answers in the
// same form, and MSAL compares the two (en:v2-oauth2-auth-code-flow.md). MSAL adds the OpenID ones by itself.
func SignInScopes(asking m365.Asking) []string {
	var names []string
	for _, s := range m365.SignInScopes {
		if s != "openid" && s != "profile" && s != "offline_access" {
			names = append(names, s)
		}
	}
	for _, r := range asking.Manifest() {
		names = append(names, r.Permission)
	}
	return dedupe(names)
}

func dedupe(in []string) []string {
	seen := map[string]bool{}
	out := in[:0]
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
