package access

import (
	"context"
	"strings"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// How long a session lasts: whoever leaves it alone is asked sooner.
const (
	SessionLife = 12 * time.Hour
	SessionIdle = 2 * time.Hour
)

// Method is how a session began.
type Method string

// The ways to sign in.
const (
	ByLink      Method = "link"
	ByMicrosoft Method = "microsoft"
)

// Session is one signed-in browser of a person. It is the record that people see and end; the browser's cookie names it.
type Session struct {
	ID        string    `json:"id"`
	Person    string    `json:"person"` // id
	Method    Method    `json:"method"`
	Agent     string    `json:"agent"` // what the browser calls itself: for recognising, proving nothing
	BeganAt   time.Time `json:"began_at"`
	SeenAt    time.Time `json:"seen_at"`
	ExpiresAt time.Time `json:"expires_at"`

	microsoftSID string // the provider's own session: front-channel sign-out names it
}

const (
	sessionColumns = "id, person, method, agent, began_at, seen_at, expires_at"
	maxAgent       = 200
)

func scanSession(r store.Scanner) (s Session, err error) {
	var began, seen, expires int64
	err = r.Scan(&s.ID, &s.Person, &s.Method, &s.Agent, &began, &seen, &expires)
	s.BeganAt, s.SeenAt, s.ExpiresAt = store.Time(began), store.Time(seen), store.Time(expires)
	return s, err
}

func (s Session) over(now time.Time) bool {
	return !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) >= SessionIdle
}

// begin starts a session of a person in the transaction that signs them in.
func (a *Access) begin(ctx context.Context, tx *store.Tx, p Person, s Session) (Session, error) {
	if p.Disabled {
		return s, refused("This person is disabled", "Ask an admin of this hub", "an admin of this hub", nil)
	}
	now := a.Clock.Now()
	if _, err := tx.ExecContext(ctx, "delete from access_person_session where expires_at <= $1", store.Millis(now)); err != nil {
		return s, err
	}
	if len(s.Agent) > maxAgent {
		s.Agent = s.Agent[:maxAgent]
	}
	s.ID, s.Person, s.BeganAt, s.SeenAt, s.ExpiresAt = store.NewID(now), p.ID, now, now, now.Add(SessionLife)
	if _, err := tx.ExecContext(ctx, "insert into access_person_session ("+sessionColumns+", microsoft_sid) values ($1, $2, $3, $4, $5, $6, $7, $8)",
		s.ID, s.Person, string(s.Method), strings.ToValidUTF8(s.Agent, ""), store.Millis(now), store.Millis(now), store.Millis(s.ExpiresAt), s.microsoftSID); err != nil {
		return s, err
	}
	_, err := tx.ExecContext(ctx, "update access_person set last_seen = $1 where id = $2", store.Millis(now), p.ID)
	return s, err
}

// SessionPerson gives the person of a session; an error when it ended, or the person is gone or disabled. The role is today's.
func (a *Access) SessionPerson(ctx context.Context, id string) (Person, error) {
	s, err := a.Session(ctx, id)
	now := a.Clock.Now()
	if fault.KindOf(err) == fault.NotFound || err == nil && s.over(now) {
		return Person{}, Allow(Caller{}, Want{})
	}
	if err != nil {
		return Person{}, err
	}
	p, err := scanPerson(a.Store.Reader().QueryRowContext(ctx, "select "+personColumns+" from access_person where id = $1", s.Person))
	if store.IsNoRows(err) || err == nil && p.Disabled {
		return Person{}, Allow(Caller{}, Want{})
	}
	if err == nil && now.Sub(s.SeenAt) > touchEvery { // at most one write a minute and session, however busy it is
		if _, err = a.Store.Writer().ExecContext(ctx, "update access_person_session set seen_at = $1 where id = $2", store.Millis(now), id); err == nil {
			_, err = a.Store.Writer().ExecContext(ctx, "update access_person set last_seen = $1 where id = $2", store.Millis(now), p.ID)
		}
	}
	return p, err
}

// Session gives a session, living or over.
func (a *Access) Session(ctx context.Context, id string) (Session, error) {
	s, err := scanSession(a.Store.Reader().QueryRowContext(ctx, "select "+sessionColumns+" from access_person_session where id = $1", id))
	if store.IsNoRows(err) {
		return s, fault.Missing("session", id)
	}
	return s, err
}

// Sessions lists the living sessions of a person, the newest first; of everybody without one.
func (a *Access) Sessions(ctx context.Context, person string) ([]Session, error) {
	now := a.Clock.Now()
	return store.Select(ctx, a.Store.Reader(), scanSession, "select "+sessionColumns+" from access_person_session where ($1 = '' or person = $2) and expires_at > $3 and seen_at > $4 order by id desc",
		person, person, store.Millis(now), store.Millis(now.Add(-SessionIdle)))
}

// RevokeSession ends one session at once: a person's own, or as an admin anybody's.
func (a *Access) RevokeSession(ctx context.Context, by Caller, id string) error {
	return a.Store.InTx(ctx, "access.session_end", func(tx *store.Tx) error {
		var person string
		err := tx.QueryRowContext(ctx, "delete from access_person_session where id = $1 returning person", id).Scan(&person)
		if store.IsNoRows(err) {
			return fault.Missing("session", id)
		}
		if err != nil {
			return err
		}
		if person != by.ID && by.Role != Admin {
			return fault.Missing("session", id) // whose it is is nobody else's business
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "session.revoke", Target: person, Outcome: "done"})
	})
}

// SignOut ends a session because its own browser asks to. One that is over already is no error.
func (a *Access) SignOut(ctx context.Context, id string) error {
	return a.Store.InTx(ctx, "access.session_end", func(tx *store.Tx) error {
		p, err := scanPerson(tx.QueryRowContext(ctx, "select "+personColumns+" from access_person where id = (select person from access_person_session where id = $1)", id))
		if store.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "delete from access_person_session where id = $1", id); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: p.Caller().String(), Action: "person.sign_out", Target: p.ID, Outcome: "done"})
	})
}

// EndSessions signs a person out everywhere.
func (a *Access) EndSessions(ctx context.Context, by Caller, idOrName string) error {
	p, err := a.LookupPerson(ctx, idOrName)
	if err != nil {
		return err
	}
	return a.Store.InTx(ctx, "access.end_sessions", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "delete from access_person_session where person = $1", p.ID); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "person.end_sessions", Target: p.ID, Outcome: "done"})
	})
}

// EndMicrosoftSession ends what began with a session at Microsoft that is over now (front-channel sign-out). Its id is random and only
// the browser, Microsoft and the hub have seen it.
func (a *Access) EndMicrosoftSession(ctx context.Context, sid string) error {
	if sid == "" {
		return nil
	}
	return a.Store.InTx(ctx, "access.session_end", func(tx *store.Tx) error {
		ended, err := store.Select(ctx, tx, func(r store.Scanner) (person string, err error) { return person, r.Scan(&person) },
			"delete from access_person_session where microsoft_sid = $1 returning person", sid)
		if err != nil {
			return err
		}
		for _, person := range ended {
			if err := a.Audit.Record(ctx, tx, audit.Entry{Actor: "system:microsoft", Action: "session.revoke", Target: person, Outcome: "done"}); err != nil {
				return err
			}
		}
		return nil
	})
}
