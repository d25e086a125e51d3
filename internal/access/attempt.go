package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

const (
	// AttemptLife is how long a sign-in at Microsoft may take; a person may look for the phone.
	AttemptLife  = time.Hour
	signInPrefix = "person." // tells the state of a sign-in from that of a connection
	textLength   = 26        // of rand.Text
)

// NewBrowser makes the secret that a browser keeps in a cookie while it signs in.
func NewBrowser() string { return rand.Text() + rand.Text() }

// IsBrowser tells whether a cookie can be such a secret.
func IsBrowser(cookie string) bool { return len(cookie) == 2*textLength }

// IsSignIn tells whether a state belongs to a person's sign-in.
func IsSignIn(state string) bool { return strings.HasPrefix(state, signInPrefix) }

// Attempt is a sign-in as it begins.
type Attempt struct {
	Browser  string // the cookie's secret: only this browser can finish
	Person   string // who adds a Microsoft account to their own person; "" for a sign-in
	ReturnTo string
}

// Begin gives the address at Microsoft to send the browser to. What proves the browser's return is derived from its secret and the
// state, so the database holds nothing that could finish a sign-in.
func (s *SSO) Begin(ctx context.Context, t Attempt) (string, error) {
	p, err := s.discover(ctx)
	if err != nil {
		return "", err
	}
	a, state := s.Access, signInPrefix+rand.Text()+rand.Text()
	err = a.Store.InTx(ctx, "access.attempt", func(tx *store.Tx) error {
		now := a.Clock.Now()
		if _, err := tx.ExecContext(ctx, "delete from access_attempt where expires_at < $1", store.Millis(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "insert into access_attempt (state_hash, browser_hash, person, return_to, expires_at) values ($1, $2, $3, $4, $5)",
			digest(state), digest(t.Browser), t.Person, LocalPath(t.ReturnTo), store.Millis(now.Add(AttemptLife)))
		return err
	})
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(derived(t.Browser, state, "verifier")), oidc.Nonce(derived(t.Browser, state, "nonce"))}
	if t.Person != "" { // no session at Microsoft may decide silently which account becomes somebody's
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	return s.config(p, vault.Secret{}).AuthCodeURL(state, options...), nil
}

// derived is a value that only the browser's secret and the state together give.
func derived(browser, state, what string) string {
	m := hmac.New(sha256.New, []byte(browser))
	m.Write([]byte(what + " " + state))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// take ends an attempt: a state works once, in the browser that began it.
func (s *SSO) take(ctx context.Context, state, browser string) (Attempt, error) {
	t := Attempt{Browser: browser}
	var hash string
	err := s.Access.Store.InTx(ctx, "access.attempt", func(tx *store.Tx) error {
		return tx.QueryRowContext(ctx, "delete from access_attempt where state_hash = $1 and expires_at >= $2 returning browser_hash, person, return_to",
			digest(state), store.Millis(s.Access.Clock.Now())).Scan(&hash, &t.Person, &t.ReturnTo)
	})
	if store.IsNoRows(err) {
		return t, &fault.Error{Kind: fault.Gone, Code: "sign_in_expired", Message: "This sign-in was finished already, or is too old", Cause: "Each works once", Fix: "Start again from the sign-in page", Who: "you"}
	}
	if err != nil {
		return t, err
	}
	if browser == "" || !same(hash, digest(browser)) {
		return t, &fault.Error{Kind: fault.Forbidden, Code: "other_browser", Message: "This sign-in was started in another browser", Cause: "Its address was passed on, or this browser keeps no cookies",
			Fix: "Start again from the sign-in page, in this browser", Who: "you"}
	}
	return t, nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// LocalPath is where to go after signing in: a page of this hub, whatever was asked for. Browsers read a backslash as a slash and leave
// control characters out, so both are refused and not repaired.
func LocalPath(asked string) string {
	u, err := url.Parse(asked)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") || strings.ContainsFunc(asked+u.Path, hostile) {
		return "/"
	}
	clean := url.URL{Path: path.Clean(u.Path), RawQuery: u.RawQuery}
	if strings.HasPrefix(clean.Path, "//") {
		return "/"
	}
	return clean.String()
}

func hostile(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }
