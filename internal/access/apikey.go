package access

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// APIKey is a program's way in. The key itself is shown once, when it is made.
type APIKey struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Scopes    []Scope   `json:"scopes"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	LastUsed  time.Time `json:"last_used,omitzero"`
}

// AddAPIKey makes a key. A lifetime of zero means it does not expire.
func (a *Access) AddAPIKey(ctx context.Context, by Caller, name string, scopes []Scope, lifetime time.Duration) (APIKey, vault.Secret, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return APIKey{}, vault.Secret{}, fault.BadField("name", "is empty")
	}
	if lifetime < 0 {
		return APIKey{}, vault.Secret{}, fault.BadField("expires_in", "is negative")
	}
	now := a.Clock.Now()
	k := APIKey{ID: store.NewID(now), Name: name, Scopes: scopes, CreatedBy: by.String(), CreatedAt: now}
	if lifetime > 0 {
		k.ExpiresAt = now.Add(lifetime)
	}
	key := keyPrefix + rand.Text() + rand.Text()
	list, err := json.Marshal(scopes)
	if err != nil {
		return k, vault.Secret{}, err
	}
	err = a.Store.InTx(ctx, "access.apikey", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into access_apikey (id, name, token_hash, scopes, expires_at, created_by, created_at, last_used) values ($1, $2, $3, $4, $5, $6, $7, 0)",
			k.ID, k.Name, digest(key), string(list), store.Millis(k.ExpiresAt), k.CreatedBy, store.Millis(now)); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "apikey.add", Target: k.ID, Outcome: "done", Detail: map[string]any{"scopes": scopes}})
	})
	if store.IsDuplicate(err) {
		err = &fault.Error{Kind: fault.Conflict, Code: "name_taken", Message: "There is an API key of that name already", Fix: "Use another name, or remove the old key", Who: "you"}
	}
	return k, vault.NewSecret(key), err
}

const keyColumns = "id, name, scopes, expires_at, created_by, created_at, last_used"

func scanKey(s store.Scanner) (k APIKey, err error) {
	var scopes string
	var expires, created, used int64
	if err = s.Scan(&k.ID, &k.Name, &scopes, &expires, &k.CreatedBy, &created, &used); err != nil {
		return k, err
	}
	k.ExpiresAt, k.CreatedAt, k.LastUsed = store.Time(expires), store.Time(created), store.Time(used)
	return k, json.Unmarshal([]byte(scopes), &k.Scopes)
}

// APIKeys lists the keys by name.
func (a *Access) APIKeys(ctx context.Context) ([]APIKey, error) {
	return store.Select(ctx, a.Store.Reader(), scanKey, "select "+keyColumns+" from access_apikey order by name")
}

// RemoveAPIKey ends a key at once.
func (a *Access) RemoveAPIKey(ctx context.Context, by Caller, idOrName string) error {
	return a.Store.InTx(ctx, "access.apikey", func(tx *store.Tx) error {
		var id string
		err := tx.QueryRowContext(ctx, "delete from access_apikey where id = $1 or name = $2 returning id", idOrName, idOrName).Scan(&id)
		if store.IsNoRows(err) {
			return fault.Missing("apikey", idOrName)
		}
		if err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "apikey.remove", Target: id, Outcome: "done"})
	})
}

func (k APIKey) caller() Caller {
	return Caller{Kind: "apikey", ID: k.ID, Name: k.Name, Scopes: k.Scopes, madeBy: k.CreatedBy}
}

func (k APIKey) over(now time.Time) bool { return !k.ExpiresAt.IsZero() && now.After(k.ExpiresAt) }

func (k APIKey) expired() error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "api_key_expired", Message: "The API key " + k.Name + " expired on " + k.ExpiresAt.Format(time.DateOnly),
		Fix: "Have a new one made: seneschal apikey add", Who: "an admin of this hub"}
}

// KeyCaller gives the caller of an API key.
func (a *Access) KeyCaller(ctx context.Context, key string) (Caller, error) {
	k, err := scanKey(a.Store.Reader().QueryRowContext(ctx, "select "+keyColumns+" from access_apikey where token_hash = $1", digest(key)))
	if store.IsNoRows(err) {
		return Caller{}, &fault.Error{Kind: fault.Unauthenticated, Code: "api_key_unknown", Message: "The API key is not one of this hub's",
			Cause: "It was mistyped, removed, or belongs to another hub", Fix: "Check the key, or have a new one made", Who: "you"}
	}
	if err != nil {
		return Caller{}, err
	}
	now := a.Clock.Now()
	if k.over(now) {
		return Caller{}, k.expired()
	}
	if now.Sub(k.LastUsed) > touchEvery { // at most one write a minute and key, however busy it is
		if _, err := a.Store.Writer().ExecContext(ctx, "update access_apikey set last_used = $1 where id = $2", store.Millis(now), k.ID); err != nil {
			return Caller{}, err
		}
	}
	return k.caller(), nil
}
