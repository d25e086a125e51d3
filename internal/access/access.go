package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Migrations are the tables of people, sessions and keys.
//
//go:embed migrations
var Migrations embed.FS

const (
	loginLinkLife = 15 * time.Minute
	keyPrefix     = "snk_" // lets secret scanners and people recognise one
	touchEvery    = time.Minute
)

// Access keeps people, sessions and keys.
type Access struct {
	Store *store.Store
	Clock clock.Clock
	Audit *audit.Log
}

// Person is somebody who signs in to the console.
type Person struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`

	sessionsAfter time.Time
}

// Caller is the person as a caller.
func (p Person) Caller() Caller { return Caller{Kind: "person", ID: p.ID, Name: p.Name, Role: p.Role} }

// AddPerson makes a person.
func (a *Access) AddPerson(ctx context.Context, by Caller, name string, role Role) (Person, error) {
	name = strings.TrimSpace(name)
	var wrong []fault.Field
	if name == "" {
		wrong = append(wrong, fault.Field{Name: "name", Message: "is empty"})
	}
	if !slices.Contains(Roles(), role) {
		wrong = append(wrong, fault.Field{Name: "role", Message: "must be viewer, member or admin"})
	}
	if len(wrong) > 0 {
		return Person{}, fault.BadFields(wrong...)
	}
	now := a.Clock.Now()
	p := Person{ID: store.NewID(now), Name: name, Role: role, CreatedAt: now}
	err := a.Store.InTx(ctx, "access.person", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into access_person (id, name, role, disabled, created_at, sessions_after) values ($1, $2, $3, 0, $4, 0)",
			p.ID, p.Name, string(p.Role), store.Millis(now)); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.add", Target: p.ID, Outcome: "done", Detail: map[string]any{"role": role}})
	})
	if store.IsDuplicate(err) {
		err = &fault.Error{Kind: fault.Conflict, Code: "name_taken", Message: "There is a person of that name already", Fix: "Use another name", Who: "you"}
	}
	return p, err
}

const personColumns = "id, name, role, disabled, created_at, sessions_after"

func scanPerson(s store.Scanner) (p Person, err error) {
	var created, after, disabled int64
	err = s.Scan(&p.ID, &p.Name, &p.Role, &disabled, &created, &after)
	p.CreatedAt, p.Disabled, p.sessionsAfter = store.Time(created), disabled != 0, store.Time(after)
	return p, err
}

// People lists everybody by name.
func (a *Access) People(ctx context.Context) ([]Person, error) {
	return store.Select(ctx, a.Store.Reader(), scanPerson, "select "+personColumns+" from access_person order by name")
}

// LookupPerson finds a person by id or name.
func (a *Access) LookupPerson(ctx context.Context, idOrName string) (Person, error) {
	p, err := scanPerson(a.Store.Reader().QueryRowContext(ctx, "select "+personColumns+" from access_person where id = $1 or name = $2", idOrName, idOrName))
	if store.IsNoRows(err) {
		return p, fault.Missing("person", idOrName)
	}
	return p, err
}

// RemovePerson deletes a person with links and sessions; the last admin stays.
func (a *Access) RemovePerson(ctx context.Context, by Caller, idOrName string) error {
	p, err := a.LookupPerson(ctx, idOrName)
	if err != nil {
		return err
	}
	return a.Store.InTx(ctx, "access.person", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "delete from access_person where id = $1", p.ID); err != nil {
			return err
		}
		var admins int
		if err := tx.QueryRowContext(ctx, "select count(*) from access_person where role = $1 and disabled = 0", string(Admin)).Scan(&admins); err != nil {
			return err
		}
		if p.Role == Admin && admins == 0 {
			return &fault.Error{Kind: fault.Conflict, Code: "last_admin", Message: p.Name + " is the last admin", Fix: "Add another admin first", Who: "you"}
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.remove", Target: p.ID, Outcome: "done"})
	})
}

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

// RedeemLogin turns a login token into its person, once.
func (a *Access) RedeemLogin(ctx context.Context, token string) (Person, error) {
	var p Person
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
		p, err = scanPerson(tx.QueryRowContext(ctx, "select "+personColumns+" from access_person where id = $1", id))
		if err != nil {
			return err
		}
		if p.Disabled {
			return refused("This person is disabled", "Ask an admin of this hub", "an admin of this hub", nil)
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: p.Caller().String(), Action: "person.sign_in", Target: p.ID, Outcome: "done", Detail: map[string]any{"by": "login link"}})
	})
	return p, err
}

// SessionPerson gives the person of a session that began at a time; an error when the person is gone, disabled or signed out everywhere.
func (a *Access) SessionPerson(ctx context.Context, id string, since time.Time) (Person, error) {
	p, err := a.LookupPerson(ctx, id)
	if err != nil {
		return p, err
	}
	if p.Disabled || since.Before(p.sessionsAfter) {
		return p, Allow(Caller{}, Want{})
	}
	return p, nil
}

// EndSessions signs a person out everywhere.
func (a *Access) EndSessions(ctx context.Context, by Caller, idOrName string) error {
	p, err := a.LookupPerson(ctx, idOrName)
	if err != nil {
		return err
	}
	return a.Store.InTx(ctx, "access.end_sessions", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "update access_person set sessions_after = $1 where id = $2", store.Millis(a.Clock.Now())+1, p.ID); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.end_sessions", Target: p.ID, Outcome: "done"})
	})
}

// EnsureFirstAdmin makes the person "admin" on an empty hub and reports whether it did.
func (a *Access) EnsureFirstAdmin(ctx context.Context) (bool, error) {
	people, err := a.People(ctx)
	if err != nil || len(people) > 0 {
		return false, err
	}
	_, err = a.AddPerson(ctx, System("setup"), "admin", Admin)
	if fault.CodeOf(err) == "name_taken" { // another instance was faster
		return false, nil
	}
	return err == nil, err
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Export gives what access keeps of a person.
func (a *Access) Export(ctx context.Context, person string) (any, error) {
	p, err := a.LookupPerson(ctx, person)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return p, err
}

// Erase forgets a person, with sessions and links.
func (a *Access) Erase(ctx context.Context, tx *store.Tx, person string) error {
	_, err := tx.ExecContext(ctx, "delete from access_person where id = $1 or name = $2", person, person)
	return err
}

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

// CommitCtx keeps a session's data.
func (s SessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.Access.Store.InTx(ctx, "access.session", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "delete from access_session where expires_at < $1", store.Millis(s.Access.Clock.Now())); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `insert into access_session (token_hash, data, expires_at) values ($1, $2, $3)
			on conflict (token_hash) do update set data = excluded.data, expires_at = excluded.expires_at`, token, data, store.Millis(expiry))
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
