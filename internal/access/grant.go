package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// How long the parts of a grant live.
const (
	codeLife    = 2 * time.Minute
	accessLife  = time.Hour
	refreshLife = 30 * 24 * time.Hour

	// TokenPrefix tells an agent's token from an API key.
	TokenPrefix = "sna_"
)

// What a person can allow a client, as OAuth names it.
const (
	ReadScope  = "read"
	WriteScope = "write" // propose changes, and read
)

// ScopeText is what was allowed.
func ScopeText(writes bool) string {
	if writes {
		return ReadScope + " " + WriteScope
	}
	return ReadScope
}

// The kinds of tokens.
const (
	codeToken    = "code"
	accessToken  = "access"
	refreshToken = "refresh"
)

// Ask is what a client asks a person for (OAuth 2.1, authorization code with PKCE).
type Ask struct {
	Client    string
	Redirect  string
	Challenge string // S256
	Resource  string // what the tokens are good for, and nothing else is (RFC 8707)
}

// ClientGrant is what a person allowed a client.
type ClientGrant struct {
	ID         string    `json:"id"`
	Client     string    `json:"client"`
	Name       string    `json:"name"`
	Person     string    `json:"person"`
	PersonName string    `json:"person_name"`
	Writes     bool      `json:"writes"`
	CreatedAt  time.Time `json:"created_at"`
	UsedAt     time.Time `json:"used_at,omitzero"`
}

// Tokens are what a client gets for a code, or for a refresh token.
type Tokens struct {
	Access, Refresh vault.Secret
	ExpiresIn       time.Duration
	Writes          bool
}

// CheckAsk finds the client of what is asked, and whether the answer may go where it shall. Where not, nobody is sent there.
func (a *Access) CheckAsk(ctx context.Context, q Ask) (Client, error) {
	c, err := a.ClientOf(ctx, q.Client)
	if err != nil {
		return c, err
	}
	if !c.takes(q.Redirect) {
		return c, &fault.Error{Kind: fault.Invalid, Code: "redirect_unknown", Message: "The program asks to be answered at an address it did not register",
			Cause: "Somebody may be trying to get its answer", Fix: "Begin again in the program itself", Who: "you"}
	}
	return c, nil
}

// Grant keeps what a person allows, and gives the code that the client redeems.
func (a *Access) Grant(ctx context.Context, by Caller, q Ask, writes bool) (vault.Secret, error) {
	if by.Kind != "person" || by.Agent.ID != "" {
		return vault.Secret{}, refused("A person allows this", "Sign in to the console", "you", nil)
	}
	c, err := a.CheckAsk(ctx, q)
	if err != nil {
		return vault.Secret{}, err
	}
	now := a.Clock.Now()
	id, code := store.NewID(now), rand.Text()+rand.Text()
	return vault.NewSecret(code), a.Store.InTx(ctx, "access.grant", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into access_grant (id, client, person, writes, resource, created_at, used_at) values ($1, $2, $3, $4, $5, $6, 0)",
			id, c.ID, by.ID, asInt(writes), q.Resource, store.Millis(now)); err != nil {
			return err
		}
		if err := keepToken(ctx, tx, code, id, codeToken, q.Challenge, q.Redirect, now.Add(codeLife)); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "agent.allow", Target: "client:" + c.ID, Outcome: "done", Detail: map[string]any{"grant": id, "writes": writes}})
	})
}

func asInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func keepToken(ctx context.Context, tx *store.Tx, token, grant, kind, challenge, redirect string, until time.Time) error {
	_, err := tx.ExecContext(ctx, "insert into access_token (token_hash, grant_id, kind, challenge, redirect, spent, expires_at) values ($1, $2, $3, $4, $5, 0, $6)",
		digest(token), grant, kind, challenge, redirect, store.Millis(until))
	return err
}

// spend uses a token that works once. One that was used before was copied: the whole grant ends then (RFC 9700, 4.14.2; OAuth 2.1, 4.1.2).
func (a *Access) spend(ctx context.Context, token, kind, client string, fits func(challenge, redirect string) bool) (Tokens, error) {
	var out Tokens
	reused := false
	err := a.Store.InTx(ctx, "access.token", func(tx *store.Tx) error {
		now := a.Clock.Now()
		var grant, of, challenge, redirect string
		var spent, expires, writes int64
		err := tx.QueryRowContext(ctx, `update access_token set spent = spent + 1 where token_hash = $1 and kind = $2
			returning grant_id, challenge, redirect, spent, expires_at`, digest(token), kind).Scan(&grant, &challenge, &redirect, &spent, &expires)
		if store.IsNoRows(err) {
			return errToken
		}
		if err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "select client, writes from access_grant where id = $1", grant).Scan(&of, &writes); err != nil {
			return err
		}
		if reused = spent > 1; reused {
			return a.endGrant(ctx, tx, System("oauth"), grant, "a token was used twice")
		}
		if of != client || !store.Time(expires).After(now) || !fits(challenge, redirect) {
			return errToken
		}
		out = Tokens{Access: vault.NewSecret(TokenPrefix + rand.Text() + rand.Text()), Refresh: vault.NewSecret(rand.Text() + rand.Text()), ExpiresIn: accessLife, Writes: writes == 1}
		if err := keepToken(ctx, tx, out.Access.Reveal(), grant, accessToken, "", "", now.Add(accessLife)); err != nil {
			return err
		}
		return keepToken(ctx, tx, out.Refresh.Reveal(), grant, refreshToken, "", "", now.Add(refreshLife))
	})
	if err == nil && reused {
		err = errToken
	}
	return out, err
}

var errToken = &fault.Error{Kind: fault.Unauthenticated, Code: "invalid_grant", Message: "The code or token is not valid (any more)", Fix: "Have the person allow the program again", Who: "you"}

// RedeemCode gives a client its tokens for a code, once, and only whom it was made for.
func (a *Access) RedeemCode(ctx context.Context, code, client, redirect, verifier string) (Tokens, error) {
	return a.spend(ctx, code, codeToken, client, func(challenge, to string) bool {
		sum := sha256.Sum256([]byte(verifier))
		return same(challenge, base64.RawURLEncoding.EncodeToString(sum[:])) && to == redirect
	})
}

// RefreshTokens gives new tokens for a refresh token, which is spent with it.
func (a *Access) RefreshTokens(ctx context.Context, token, client string) (Tokens, error) {
	return a.spend(ctx, token, refreshToken, client, func(string, string) bool { return true })
}

// TokenCaller gives the caller of an agent's token: the person as of today, narrowed to what was allowed. The token is good for the
// resource it was made for alone.
func (a *Access) TokenCaller(ctx context.Context, token, resource string) (Caller, error) {
	var grant, client, person, of string
	var writes, expires, used int64
	err := a.Store.Reader().QueryRowContext(ctx, `select g.id, g.client, g.person, g.resource, g.writes, g.used_at, t.expires_at from access_token t join access_grant g on g.id = t.grant_id
		where t.token_hash = $1 and t.kind = $2`, digest(token), accessToken).Scan(&grant, &client, &person, &of, &writes, &used, &expires)
	now := a.Clock.Now()
	switch {
	case store.IsNoRows(err), err == nil && (of != resource || !store.Time(expires).After(now)):
		return Caller{}, &fault.Error{Kind: fault.Unauthenticated, Code: "token_unknown", Message: "The token is not valid here (any more)", Fix: "Renew it, or have the person allow the program again", Who: "you"}
	case err != nil:
		return Caller{}, err
	}
	c, err := a.today(ctx, "person", person)
	if err != nil {
		return Caller{}, err
	}
	if now.Sub(store.Time(used)) > touchEvery {
		if _, err := a.Store.Writer().ExecContext(ctx, "update access_grant set used_at = $1 where id = $2", store.Millis(now), grant); err != nil {
			return Caller{}, err
		}
	}
	return c.byClient(client, writes == 1), nil
}

// Grants lists what people allowed clients; of one person where one is named.
func (a *Access) Grants(ctx context.Context, person string) ([]ClientGrant, error) {
	return store.Select(ctx, a.Store.Reader(), func(s store.Scanner) (g ClientGrant, err error) {
		var writes, created, used int64
		err = s.Scan(&g.ID, &g.Client, &g.Name, &g.Person, &g.PersonName, &writes, &created, &used)
		g.Writes, g.CreatedAt, g.UsedAt = writes == 1, store.Time(created), store.Time(used)
		return g, err
	}, `select g.id, g.client, c.name, g.person, p.name, g.writes, g.created_at, g.used_at from access_grant g join access_client c on c.id = g.client join access_person p on p.id = g.person
		where $1 = '' or g.person = $2 order by g.created_at desc, g.id`, person, person)
}

// RevokeGrant ends what a person allowed, with all its tokens: the person's own, or as an admin anybody's.
func (a *Access) RevokeGrant(ctx context.Context, by Caller, id string) error {
	return a.Store.InTx(ctx, "access.revoke", func(tx *store.Tx) error {
		var person string
		err := tx.QueryRowContext(ctx, "select person from access_grant where id = $1", id).Scan(&person)
		if store.IsNoRows(err) || err == nil && person != by.ID && by.Role != Admin {
			return fault.Missing("grant", id)
		}
		if err != nil {
			return err
		}
		return a.endGrant(ctx, tx, by, id, "")
	})
}

// RevokeToken ends the grant of a token that its holder gives up (RFC 7009). One that is unknown is over already.
func (a *Access) RevokeToken(ctx context.Context, token string) error {
	return a.Store.InTx(ctx, "access.revoke", func(tx *store.Tx) error {
		var grant string
		err := tx.QueryRowContext(ctx, "select grant_id from access_token where token_hash = $1 and kind in ($2, $3)", digest(token), accessToken, refreshToken).Scan(&grant)
		if store.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return a.endGrant(ctx, tx, System("oauth"), grant, "given up by its client")
	})
}

func (a *Access) endGrant(ctx context.Context, tx *store.Tx, by Caller, id, why string) error {
	if _, err := tx.ExecContext(ctx, "delete from access_grant where id = $1", id); err != nil {
		return err
	}
	e := audit.Entry{Actor: by.String(), Action: "agent.revoke", Target: id, Outcome: "done"}
	if why != "" {
		e.Detail = map[string]any{"why": why}
	}
	return a.Audit.Record(ctx, tx, e)
}
