package connection

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

const (
	signInLife  = time.Hour          // a person may look for the phone
	consentLife = 7 * 24 * time.Hour // the link is mailed to an administrator
)

// Link is where somebody goes to make a connection work.
type Link struct {
	Kind      string    `json:"kind"` // sign_in, admin_consent
	URL       string    `json:"url"`
	For       string    `json:"for"` // who opens it
	Redirect  string    `json:"redirect_uri"`
	ExpiresAt time.Time `json:"expires_at"`
	Also      *Link     `json:"also,omitempty"` // a delegated connection in a tenant that lets nobody consent needs an administrator first
}

// NewLink makes the link of a connection: sign-in for a delegated one, admin consent for an app-only one.
func (s *Service) NewLink(ctx context.Context, by access.Caller, idOrName string) (Link, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return Link{}, err
	}
	consent, err := s.consentLink(ctx, by, c)
	if err != nil || c.Kind == m365.Application {
		return consent, err
	}
	if err := access.Allow(by, access.Want{Scope: access.ActionRead, Connection: c.ID, Owner: c.Owner}); err != nil && by.Kind == "person" {
		return Link{}, err
	}
	link, err := s.signInLink(ctx, by, c)
	if c.TenantID != "" && c.TenantID != m365.ConsumerTenant {
		link.Also = &consent
	}
	return link, err
}

func (s *Service) signInLink(ctx context.Context, by access.Caller, c Connection) (Link, error) {
	tokens, err := s.tokens(ctx, c)
	if err != nil {
		return Link{}, err
	}
	pkce := entra.NewPKCE()
	state, expires, err := s.remember(ctx, by, c, "sign_in", pkce.Verifier, signInLife)
	if err != nil {
		return Link{}, err
	}
	u := tokens.SignInURL(ctx, entra.SignIn{State: state, Redirect: s.Redirect(), PKCE: pkce, LoginHint: c.Account})
	return Link{Kind: "sign_in", URL: u, For: "the person whose data it is", Redirect: s.Redirect(), ExpiresAt: expires}, nil
}

func (s *Service) consentLink(ctx context.Context, by access.Caller, c Connection) (Link, error) {
	state, expires, err := s.remember(ctx, by, c, "admin_consent", "", consentLife)
	if err != nil {
		return Link{}, err
	}
	u, err := s.adminConsentLink(c, state)
	return Link{Kind: "admin_consent", URL: u, For: "a Global Administrator of the tenant", Redirect: s.Redirect(), ExpiresAt: expires}, err
}

func (s *Service) adminConsentLink(c Connection, state string) (string, error) {
	e, err := s.Endpoints(c.Cloud)
	if err != nil {
		return "", err
	}
	tenant := c.TenantID
	if tenant == "" {
		tenant = "organizations"
	}
	return entra.AdminConsentURL(e, tenant, c.ClientID, s.Redirect(), state), nil
}

// remember keeps a sign-in that is under way. Its state is random and stored as a digest; the verifier is sealed to it.
func (s *Service) remember(ctx context.Context, by access.Caller, c Connection, purpose, verifier string, life time.Duration) (string, time.Time, error) {
	state := rand.Text() + rand.Text()
	hash := stateHash(state)
	sealedVerifier, err := s.Vault.Seal("connection_signin/"+hash, []byte(verifier))
	if err != nil {
		return "", time.Time{}, err
	}
	now := s.Clock.Now()
	err = s.Store.InTx(ctx, "connection.link", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "delete from connection_signin where expires_at < $1", store.Millis(now)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "insert into connection_signin (state_hash, connection, purpose, verifier, redirect, expires_at) values ($1, $2, $3, $4, $5, $6)",
			hash, c.ID, purpose, sealedVerifier, s.Redirect(), store.Millis(now.Add(life))); err != nil {
			return err
		}
		if purpose == "admin_consent" && c.Consent == "not_requested" {
			if _, err := tx.ExecContext(ctx, "update connection_entry set consent = 'sent' where id = $1 and consent = 'not_requested'", c.ID); err != nil {
				return err
			}
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "connection.link", Target: c.ID, Outcome: "done", Detail: map[string]any{"purpose": purpose}})
	})
	return state, now.Add(life), err
}

func stateHash(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])
}

// Callback is what Microsoft sends the browser back with.
type Callback struct {
	State, Code             string
	Error, ErrorDescription string
	AdminConsent            string // "True"
	Tenant                  string
}

// Return is the outcome of a finished sign-in or consent.
type Return struct {
	Connection Connection
	Purpose    string
	Test       TestResult
}

// Finish takes the browser's return: it ends a sign-in or an admin consent and proves the connection. A state works once.
func (s *Service) Finish(ctx context.Context, cb Callback) (Return, error) {
	if cb.State == "" && cb.AdminConsent != "" && cb.Error == "" {
		return s.consentedUnasked(ctx, m365.TenantID(cb.Tenant))
	}
	var id, purpose, redirect string
	var sealedVerifier []byte
	hash := stateHash(cb.State)
	err := s.Store.InTx(ctx, "connection.return", func(tx *store.Tx) error {
		err := tx.QueryRowContext(ctx, "delete from connection_signin where state_hash = $1 and expires_at >= $2 returning connection, purpose, verifier, redirect",
			hash, store.Millis(s.Clock.Now())).Scan(&id, &purpose, &sealedVerifier, &redirect)
		if store.IsNoRows(err) {
			return &fault.Error{Kind: fault.Gone, Code: "sign_in_expired", Message: "This sign-in was finished already, or is too old", Cause: "A link works once",
				Fix: "Start again from the connection's page", Who: "you"}
		}
		return err
	})
	if err != nil {
		return Return{}, err
	}
	c, err := s.Lookup(ctx, id)
	if err != nil {
		return Return{}, err
	}
	if cb.Error != "" {
		return Return{Connection: c, Purpose: purpose}, refusedReturn(cb)
	}
	if purpose == "sign_in" {
		verifier, err := s.Vault.Open(ctx, "connection_signin/"+hash, sealedVerifier)
		if err != nil {
			return Return{}, err
		}
		if err := s.signedIn(ctx, c, cb.Code, string(verifier), redirect); err != nil {
			return Return{Connection: c, Purpose: purpose}, err
		}
	} else if err := s.consented(ctx, c); err != nil {
		return Return{}, err
	}
	c, t, err := s.Prove(ctx, id)
	return Return{c, purpose, t}, err
}

// consentedUnasked is the return of a consent link that stood in a text: it names a tenant and nothing else. It proves nothing, so all it
// does is to have the tenant's connections looked at now.
func (s *Service) consentedUnasked(ctx context.Context, tenant m365.TenantID) (Return, error) {
	all, err := s.List(ctx)
	if err != nil {
		return Return{}, err
	}
	err = s.Store.InTx(ctx, "connection.look", func(tx *store.Tx) error {
		for _, c := range all {
			if c.TenantID != tenant || c.State == Healthy {
				continue
			}
			if err := s.Jobs.Schedule(ctx, tx, CheckJob, c.ID, s.Clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	return Return{Purpose: "admin_consent", Test: TestResult{Message: "The hub is looking at the tenant's connections now; their pages show the result in a moment."}}, err
}

func refusedReturn(cb Callback) error {
	f := &fault.Error{Kind: fault.NeedsReauth, Code: cb.Error, Message: "Microsoft ended the sign-in: " + firstSentence(cb.ErrorDescription, cb.Error), Fix: "Start again from the connection's page", Who: "you"}
	for _, word := range strings.FieldsFunc(cb.ErrorDescription, func(r rune) bool { return r == ':' || r == ' ' }) {
		if e, ok := entra.Explain(word); ok && strings.HasPrefix(word, "AADSTS") {
			return &fault.Error{Kind: e.Kind, Code: e.Code, Message: e.Means, Cause: e.Cause, Fix: e.Fix, Who: e.Who}
		}
	}
	return f
}

func firstSentence(text, otherwise string) string {
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	if text == "" {
		return otherwise
	}
	return text
}

// signedIn redeems the code and keeps who it is. Signing in again keeps the connection's id; another person's account is refused,
// so that a connection never changes whose data it reaches without anybody saying so.
func (s *Service) signedIn(ctx context.Context, c Connection, code, verifier, redirect string) error {
	tokens, err := s.tokens(ctx, c)
	if err != nil {
		return err
	}
	account, _, err := tokens.Redeem(ctx, code, verifier, redirect)
	if err != nil {
		return err
	}
	return s.keepAccount(ctx, c, account)
}

func (s *Service) keepAccount(ctx context.Context, c Connection, account entra.Account) error {
	if c.accountID != "" && c.accountID != account.ID {
		s.forget(c.ID)
		return &fault.Error{Kind: fault.Conflict, Code: "other_account", Message: "You signed in as " + account.UPN + ", and this connection is " + c.Account + "'s",
			Fix: "Sign in as " + c.Account + ", or add another connection for " + account.UPN, Who: "you"}
	}
	c.accountID, c.Account = account.ID, lower(account.UPN)
	return s.Store.InTx(ctx, "connection.signed_in", func(tx *store.Tx) error {
		if err := update(ctx, tx, c); err != nil {
			return err
		}
		if err := s.changed(ctx, tx, c.ID); err != nil { // what waited for the person may go on
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: "person:" + c.Owner, Action: "connection.sign_in", Target: c.ID, Outcome: "done", Detail: map[string]any{"tenant": account.Tenant}})
	})
}

func (s *Service) consented(ctx context.Context, c Connection) error {
	err := s.Store.InTx(ctx, "connection.consented", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "update connection_entry set consent = 'granted' where id = $1", c.ID); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: "system:admin consent", Action: "connection.consent", Target: c.ID, Outcome: "granted"})
	})
	if err != nil || c.Kind == m365.Delegated {
		return err
	}
	tokens, err := s.tokens(ctx, c)
	if err != nil {
		return err
	}
	if err := tokens.Forget(ctx); err != nil && fault.KindOf(err) == fault.Internal {
		return err // a refusal shows in the proof that follows
	}
	return nil
}

// DeviceSignIn is a sign-in by typing a code elsewhere.
type DeviceSignIn struct {
	UserCode string `json:"user_code"`
	URL      string `json:"verification_url"`
	For      string `json:"for"`
}

const deviceLife = 15 * time.Minute // graph/FACTS §1.2

// StartDevice begins a device code sign-in of a delegated connection. The hub waits for the person in the background; the connection's
// page shows the outcome.
func (s *Service) StartDevice(ctx context.Context, by access.Caller, idOrName string) (DeviceSignIn, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return DeviceSignIn{}, err
	}
	if c.Kind != m365.Delegated {
		return DeviceSignIn{}, fault.BadField("id", "%s is app-only: nobody signs in", c.Name)
	}
	if s.Background == nil {
		return DeviceSignIn{}, &fault.Error{Kind: fault.Conflict, Code: "hub_not_running", Message: "Somebody has to wait for the person, and no hub runs on this database",
			Fix: "Start seneschal serve, then ask again", Who: "the operator of this hub"}
	}
	tokens, err := s.tokens(ctx, c)
	if err != nil {
		return DeviceSignIn{}, err
	}
	code, err := tokens.StartDeviceCode(ctx)
	if err != nil {
		return DeviceSignIn{}, err
	}
	err = s.Store.InTx(ctx, "connection.device", func(tx *store.Tx) error {
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "connection.link", Target: c.ID, Outcome: "done", Detail: map[string]any{"purpose": "device_code"}})
	})
	if err != nil {
		return DeviceSignIn{}, err
	}
	s.Background(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, deviceLife)
		defer cancel()
		if err := s.finishDevice(ctx, c, tokens, code); err != nil {
			s.Log.WarnContext(ctx, "a device code sign-in did not end well", "connection", c.ID, "error", err)
		}
	})
	return DeviceSignIn{UserCode: code.UserCode, URL: code.VerificationURL, For: "the person whose data it is"}, nil
}

func (s *Service) finishDevice(ctx context.Context, c Connection, tokens *entra.Client, code *entra.DeviceCode) error {
	account, _, err := tokens.FinishDeviceCode(ctx, code)
	if err != nil {
		return err
	}
	if err := s.keepAccount(ctx, c, account); err != nil {
		return err
	}
	_, _, err = s.Prove(ctx, c.ID)
	return err
}
