package access

import (
	"context"
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Client is a program that registered itself (RFC 7591) to ask people for access. It proves nothing by that: what counts is that a person
// allows it, and that codes go to its registered addresses alone.
type Client struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Redirects []string  `json:"redirect_uris"`
	CreatedAt time.Time `json:"created_at"`
}

const (
	maxClients    = 1000           // registered and never allowed by anybody, at a time
	unusedClients = 24 * time.Hour // then they are forgotten
	maxRedirects  = 10
	maxRedirect   = 2000
	maxClientName = 100
)

// RegisterClient takes a client on. Everybody may ask: it has no rights before a person gives it some.
func (a *Access) RegisterClient(ctx context.Context, name string, redirects []string) (Client, error) {
	name = strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(name, "")))
	if runes := []rune(name); len(runes) > maxClientName {
		name = string(runes[:maxClientName])
	}
	if name == "" {
		name = "A program that does not say its name"
	}
	if len(redirects) == 0 || len(redirects) > maxRedirects {
		return Client{}, fault.BadField("redirect_uris", "must be 1 to %d addresses", maxRedirects)
	}
	for _, r := range redirects {
		if err := checkRedirect(r); err != nil {
			return Client{}, err
		}
	}
	now := a.Clock.Now()
	c := Client{ID: store.NewID(now), Name: name, Redirects: redirects, CreatedAt: now}
	list, err := json.Marshal(redirects)
	if err != nil {
		return c, err
	}
	return c, a.Store.InTx(ctx, "access.client", func(tx *store.Tx) error {
		if err := forgetClients(ctx, tx, now); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "select count(*) from access_client where id not in (select client from access_grant)").Scan(&n); err != nil {
			return err
		}
		if n >= maxClients {
			return &fault.Error{Kind: fault.Throttled, Code: "too_many_clients", Message: "Too many programs have registered and were not used", Fix: "Try again tomorrow, or use an API key", Who: "you", RetryAfter: unusedClients}
		}
		_, err := tx.ExecContext(ctx, "insert into access_client (id, name, redirects, created_at) values ($1, $2, $3, $4)", c.ID, c.Name, string(list), store.Millis(now))
		return err
	})
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 { // no controls, no turning of the writing direction on the page that asks
		return -1
	}
	return r
}

// forgetClients drops who registered and was never allowed anything.
func forgetClients(ctx context.Context, tx *store.Tx, now time.Time) error {
	_, err := tx.ExecContext(ctx, "delete from access_client where created_at < $1 and id not in (select client from access_grant)", store.Millis(now.Add(-unusedClients)))
	return err
}

var ownScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)

// checkRedirect takes https anywhere, http on this machine, and a native program's own scheme (RFC 8252, 7); nothing that a browser would run.
func checkRedirect(raw string) error {
	u, err := url.Parse(raw)
	bad := fault.BadField("redirect_uris", "%q must be https, http on localhost, or a program's own scheme, without a fragment", raw)
	switch {
	case err != nil || len(raw) > maxRedirect || u.Fragment != "" || u.User != nil || strings.ContainsFunc(raw, hostile) || strings.ContainsAny(raw, " ;,'\""):
		return bad
	case u.Scheme == "https" && u.Host != "":
		return nil
	case u.Scheme == "http" && isLoopback(u):
		return nil
	case slices.Contains([]string{"", "http", "https", "javascript", "data", "file", "vbscript", "about", "blob", "ws", "wss", "ftp"}, u.Scheme) || !ownScheme.MatchString(u.Scheme):
		return bad
	default:
		return nil
	}
}

func isLoopback(u *url.URL) bool {
	if u.Hostname() == "localhost" {
		return true
	}
	at, err := netip.ParseAddr(u.Hostname())
	return err == nil && at.IsLoopback()
}

// takes says whether a code may go to an address. On this machine the port is the client's of the moment (RFC 8252, 7.3).
func (c Client) takes(redirect string) bool {
	asked, err := url.Parse(redirect)
	if err != nil || checkRedirect(redirect) != nil {
		return false
	}
	return slices.ContainsFunc(c.Redirects, func(r string) bool {
		u, err := url.Parse(r)
		if err != nil || r == redirect {
			return err == nil
		}
		return u.Scheme == "http" && isLoopback(u) && asked.Scheme == "http" && asked.Hostname() == u.Hostname() && asked.RequestURI() == u.RequestURI()
	})
}

// ClientOf finds a client.
func (a *Access) ClientOf(ctx context.Context, id string) (c Client, err error) {
	var list string
	var created int64
	err = a.Store.Reader().QueryRowContext(ctx, "select id, name, redirects, created_at from access_client where id = $1", id).Scan(&c.ID, &c.Name, &list, &created)
	if store.IsNoRows(err) {
		return c, &fault.Error{Kind: fault.NotFound, Code: "client_unknown", Message: "This program is not registered here", Cause: "It was registered at another hub, or so long ago that it was forgotten",
			Fix: "Remove the hub in that program and add it again", Who: "you"}
	}
	if err != nil {
		return c, err
	}
	c.CreatedAt = store.Time(created)
	return c, json.Unmarshal([]byte(list), &c.Redirects)
}
