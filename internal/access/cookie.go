package access

import (
	"context"
	"errors"
	"time"

	"seneschal/internal/store"
)

// SessionStore keeps the console's sessions. The session library hands in tokens that it has hashed already.
type SessionStore struct{ Access *Access }

// FindCtx gives a session's data.
func (s SessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var data []byte
	err := s.Access.Store.Reader().QueryRowContext(ctx, "select data from access_session where token_hash = $1 and expires_at >= $2", token, store.Millis(s.Access.Clock.Now())).Scan(&data)
	if store.IsNoRows(err) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx keeps a session's data for as long as a session may be idle. The library's own expiry is not used: it reads the machine's
// clock, and how long a person stays signed in is the person's session's to say.
func (s SessionStore) CommitCtx(ctx context.Context, token string, data []byte, _ time.Time) error {
	now := s.Access.Clock.Now()
	return s.Access.Store.InTx(ctx, "access.session", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "delete from access_session where expires_at < $1", store.Millis(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `insert into access_session (token_hash, data, expires_at) values ($1, $2, $3)
			on conflict (token_hash) do update set data = excluded.data, expires_at = excluded.expires_at`, token, data, store.Millis(now.Add(SessionIdle)))
		return err
	})
}

// DeleteCtx ends a session.
func (s SessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.Access.Store.InTx(ctx, "access.session", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "delete from access_session where token_hash = $1", token)
		return err
	})
}

var errNoContext = errors.New("sessions are only used with a context")

// Find is part of the library's interface; with FindCtx there it is never called.
func (s SessionStore) Find(string) ([]byte, bool, error) { return nil, false, errNoContext }

// Commit is part of the library's interface; with CommitCtx there it is never called.
func (s SessionStore) Commit(string, []byte, time.Time) error { return errNoContext }

// Delete is part of the library's interface; with DeleteCtx there it is never called.
func (s SessionStore) Delete(string) error { return errNoContext }
