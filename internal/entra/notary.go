package entra

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// changeTracking is Microsoft's application that sends change notifications; it alone may have asked for the token (graph/FACTS §6.5).
const changeTracking = "0bf30f3b-4a52-48df-9a82-234910c4a086"

// Notary checks the validation tokens by which Microsoft vouches for a notification's content. It is safe for concurrent use.
type Notary struct {
	HTTP *http.Client
	Now  func() time.Time

	mu     sync.Mutex
	clouds map[string]*signers // by login address
}

// signers are a cloud's keys, and whether the last attempt to fetch them failed: the library tells that only in words.
type signers struct {
	verifier *oidc.IDTokenVerifier
	next     http.RoundTripper
	failed   atomic.Bool
}

// RoundTrip fetches.
func (s *signers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	s.failed.Store(err != nil || resp.StatusCode != http.StatusOK)
	return resp, err
}

// Voucher is what a good validation token says: for which application, about which tenant.
type Voucher struct {
	Audience m365.ClientID
	Tenant   m365.TenantID
}

// Why a validation token is refused. Each is the code of the fault that Check gives; "keys_unreachable" is none, as nothing is known then.
const (
	TokenSignature  = "token_signature"  // no key of Microsoft's signed it
	TokenExpired    = "token_expired"    // or not valid yet
	TokenIssuer     = "token_issuer"     // not issued by the tenant it is about
	TokenSender     = "token_sender"     // asked for by another application than Microsoft's change tracking
	KeysUnreachable = "keys_unreachable" // Microsoft's keys could not be fetched
)

// Check reads a validation token of the cloud with this login address: its signature by a key of the common discovery document, its times,
// its issuer, and who asked for it. Whom it is for is left to the caller, who knows the applications.
func (n *Notary) Check(ctx context.Context, login, raw string) (Voucher, error) {
	s, err := n.signers(ctx, login)
	if err != nil {
		return Voucher{}, refusedToken(fault.Unavailable, KeysUnreachable, "Microsoft's signing keys could not be fetched", err)
	}
	token, err := s.verifier.Verify(ctx, raw)
	if err != nil {
		return Voucher{}, s.explain(err)
	}
	var c struct {
		Tenant string `json:"tid"`
		AppID  string `json:"appid"` // version 1
		AZP    string `json:"azp"`   // version 2
	}
	if err := token.Claims(&c); err != nil {
		return Voucher{}, refusedToken(fault.Forbidden, TokenSignature, "The validation token cannot be read", err)
	}
	if c.Tenant == "" || (token.Issuer != "https://sts.windows.net/"+c.Tenant+"/" && token.Issuer != login+"/"+c.Tenant+"/v2.0") {
		return Voucher{}, refusedToken(fault.Forbidden, TokenIssuer, "The validation token was issued by somebody else than its tenant", nil)
	}
	if sender := c.AppID + c.AZP; !strings.EqualFold(sender, changeTracking) {
		return Voucher{}, refusedToken(fault.Forbidden, TokenSender, "The validation token was made for another sender than Microsoft's change tracking", nil)
	}
	if len(token.Audience) != 1 {
		return Voucher{}, refusedToken(fault.Forbidden, TokenIssuer, "The validation token is not for one application", nil)
	}
	return Voucher{m365.ClientID(token.Audience[0]), m365.TenantID(c.Tenant)}, nil
}

// signers asks for a cloud's discovery document once, and again after a failure; the keys are fetched anew as they change.
func (n *Notary) signers(ctx context.Context, login string) (*signers, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.clouds[login]; s != nil {
		return s, nil
	}
	s := &signers{next: n.HTTP.Transport}
	if s.next == nil {
		s.next = http.DefaultTransport
	}
	client := *n.HTTP
	client.Transport = s
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), &client) // the keys are fetched with it later, too
	p, err := oidc.NewProvider(oidc.InsecureIssuerURLContext(ctx, login+"/{tenantid}/v2.0"), login+"/common/v2.0")
	if err != nil {
		return nil, err
	}
	// RS256 alone: an answer of discovery must not widen what is accepted. Issuer and audience depend on the token, and are checked by hand.
	s.verifier = p.VerifierContext(ctx, &oidc.Config{SkipClientIDCheck: true, SkipIssuerCheck: true, SupportedSigningAlgs: []string{oidc.RS256}, Now: n.Now})
	if n.clouds == nil {
		n.clouds = map[string]*signers{}
	}
	n.clouds[login] = s
	return s, nil
}

// explain tells a token that is wrong from keys that did not come.
func (s *signers) explain(err error) error {
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return refusedToken(fault.Forbidden, TokenExpired, "The validation token is too old, or this machine's clock is wrong", err)
	case s.failed.Load():
		return refusedToken(fault.Unavailable, KeysUnreachable, "Microsoft's signing keys could not be fetched", err)
	}
	return refusedToken(fault.Forbidden, TokenSignature, "The validation token is not one that Microsoft signed", err)
}

func refusedToken(kind fault.Kind, code, message string, err error) *fault.Error {
	return &fault.Error{Kind: kind, Code: code, Message: message, Fix: "Nothing: the feed asks Microsoft instead", Who: "nobody", Err: err}
}
