package access

import (
	"context"
	"crypto/rand"

	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// LoginLink makes a one-time token that signs the person in within a quarter of an hour.
func (a *Access) LoginLink(ctx context.Context, by Caller, idOrName string) (vault.Secret, error) {
	p, err := a.LookupPerson(ctx, idOrName)
	if err != nil {
		return vault.Secret{}, err
	}
	token := rand.Text() + rand.Text()
	err = a.Store.InTx(ctx, "access.login", func(tx *store.Tx) error {
		now := a.Clock.Now()
		if _, err := tx.ExecContext(ctx, "delete from access_login where expires_at < $1", store.Millis(now)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "insert into access_login (token_hash, person, expires_at) values ($1, $2, $3)", digest(token), p.ID, store.Millis(now.Add(loginLinkLife))); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.login_link", Target: p.ID, Outcome: "done"})
	})
	return vault.NewSecret(token), err
}

// RedeemLogin turns a login token into a session of its person, once. The agent is what the browser calls itself.
func (a *Access) RedeemLogin(ctx context.Context, token, agent string) (Session, error) {
	var s Session
	err := a.Store.InTx(ctx, "access.redeem", func(tx *store.Tx) error {
		var id string
		err := tx.QueryRowContext(ctx, "delete from access_login where token_hash = $1 and expires_at >= $2 returning person", digest(token), store.Millis(a.Clock.Now())).Scan(&id)
		if store.IsNoRows(err) {
			return &fault.Error{Kind: fault.Gone, Code: "login_link_used", Message: "This sign-in link was used or is too old",
				Cause: "A link works once, for 15 minutes", Fix: "Make another on the host: seneschal person login-link NAME", Who: "the operator of this hub"}
		}
		if err != nil {
			return err
		}
		p, err := scanPerson(tx.QueryRowContext(ctx, "select "+personColumns+" from access_person where id = $1", id))
		if err != nil {
			return err
		}
		if s, err = a.begin(ctx, tx, p, Session{Method: ByLink, Agent: agent}); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: p.Caller().String(), Action: "person.sign_in", Target: p.ID, Outcome: "done", Detail: map[string]any{"by": "login link"}})
	})
	return s, err
}
