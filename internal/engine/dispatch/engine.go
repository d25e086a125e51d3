package dispatch

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Migrations are the tables of dispatch.
//
//go:embed migrations
var Migrations embed.FS

// Engine keeps calendars in step with slots.
type Engine struct {
	Store       *store.Store
	Clock       clock.Clock
	Vault       *vault.Vault
	Audit       *audit.Log
	Events      *event.Log
	Connections *connection.Service
	Runner      *action.Runner
	Jobs        Scheduler
	Random      func([]byte) // fills with what nobody can guess
	Base        func() string
	Log         *slog.Logger

	surveys singleflight.Group
}

// Scheduler is what slots need of jobs.
type Scheduler interface {
	Schedule(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error
	ScheduleBy(ctx context.Context, tx *store.Tx, kind, id string, by time.Time) error
	Cancel(ctx context.Context, tx *store.Tx, kind, id string) error
}

// PlaceJob is the kind of job that brings one slot nearer to what is wanted; its id is the slot's.
const PlaceJob = "dispatch.place"

// caller is in whose name operations run.
var caller = access.System("dispatch")

// Rule says what becomes of an event that somebody changed by hand.
type Rule string

// The rules.
const (
	SlotWins     Rule = "slot"     // reported, and overwritten by the slot's next change
	CalendarWins Rule = "calendar" // the slot takes over what the calendar says
	Ask          Rule = "ask"      // reported, and nothing is written until somebody says who is right
)

// RuleOf is a connection's rule.
func (e *Engine) RuleOf(ctx context.Context, q store.Querier, connectionID string) (r Rule, err error) {
	err = q.QueryRowContext(ctx, "select rule from dispatch_rule where connection = $1", connectionID).Scan(&r)
	if store.IsNoRows(err) {
		return SlotWins, nil
	}
	return r, err
}

// SetRule changes it. What drifted before is judged by the new rule when its slot or event changes next.
func (e *Engine) SetRule(ctx context.Context, by access.Caller, connectionID string, r Rule) error {
	return e.Store.InTx(ctx, "dispatch.rule", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into dispatch_rule (connection, rule) values ($1, $2) on conflict (connection) do update set rule = excluded.rule", connectionID, string(r)); err != nil {
			return err
		}
		return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "dispatch.rule.set", Target: connectionID, Outcome: "done", Detail: map[string]any{"rule": string(r)}})
	})
}

// Wanted has the slots of a connection that were refused tried again now: it was changed, resumed, or given another list of mailboxes.
func (e *Engine) Wanted(ctx context.Context, tx *store.Tx, connectionID string) error {
	ids, err := store.Select(ctx, tx, func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) }, "select id from dispatch_slot where connection = $1 and state = $2 order by id", connectionID, string(Failed))
	for _, id := range ids {
		if err == nil {
			err = e.Jobs.Schedule(ctx, tx, PlaceJob, id, e.Clock.Now())
		}
	}
	return err
}

// tell emits what became of a slot: ids and addresses, never what it is about.
func (e *Engine) tell(ctx context.Context, tx *store.Tx, t event.Type, r row, more map[string]any) error {
	data := map[string]any{"slot": r.externalID, "technician": r.mailbox, "state": string(r.state)}
	if r.at.event != "" {
		data["event"] = r.at.event
	}
	if r.problem != nil {
		data["code"] = r.problem.Code
	}
	for k, v := range more {
		data[k] = v
	}
	return e.Events.Emit(ctx, tx, event.Event{Type: t, Connection: r.connection, About: r.id, Data: data, Mailbox: r.mailbox})
}

// backoff is how long a slot waits after so many refusals in a row; a new word counts them from the beginning, whatever is under way.
func backoff(failures int64, least time.Duration) time.Duration {
	return min(least<<min(max(failures, 0), 10), time.Hour)
}

// wouldMail is the brake: Exchange mails whoever is invited to an event at every change of it.
func wouldMail() *fault.Problem {
	p := (&fault.Error{Kind: fault.Conflict, Code: "would_mail", Message: "The slot's next change would have Exchange mail its attendees",
		Cause: "The slot asks for them, or somebody invited them to the event by hand; the hub mails nobody by itself", Fix: "Let this one change go out: seneschal dispatch slot release ID. Or take the attendees off the slot and the event", Who: "whoever plans"}).Problem()
	return &p
}
