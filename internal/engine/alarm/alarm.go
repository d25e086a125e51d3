package alarm

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/store"
)

// Migrations are the tables of alarms.
//
//go:embed migrations
var Migrations embed.FS

// Alarm is something that needs somebody.
type Alarm struct {
	ID             string     `json:"id"`
	Kind           event.Type `json:"kind"`
	Connection     string     `json:"connection"`
	Title          string     `json:"title"`
	Cause          string     `json:"cause,omitempty"`
	Fix            string     `json:"fix,omitempty"`
	Who            string     `json:"who,omitempty"`
	RaisedAt       time.Time  `json:"raised_at"`
	AcknowledgedAt time.Time  `json:"acknowledged_at,omitzero"`
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	ResolvedAt     time.Time  `json:"resolved_at,omitzero"`
	Mails          []Mail     `json:"mails,omitempty"`

	told, closed bool
}

// Engine raises alarms and tells people of them.
type Engine struct {
	Store       *store.Store
	Clock       clock.Clock
	Log         *slog.Logger
	Audit       *audit.Log
	Events      *event.Log
	Access      *access.Access
	Connections *connection.Service
	Feeds       *feed.Service
	Runner      *action.Runner
	Jobs        connection.Scheduler
	// Addresses gives a person's own addresses.
	Addresses func(ctx context.Context, person string) ([]string, error)
	Routes    Routes
	Base      func() string // where the console is
}

// The kinds of jobs.
const (
	SurveyJob = "alarm.survey" // id: all
	MailJob   = "alarm.mail"   // id: a mail's
)

const (
	surveyEvery = time.Minute
	calm        = 10 * time.Minute // how long a condition must be gone before its end is told; coming back sooner it is the same alarm
	expiresSoon = 30 * 24 * time.Hour
	kept        = 30 * 24 * time.Hour // how long resolved ones are remembered
)

// Wake has the survey look now; for event.Log.Told.
func (e *Engine) Wake(ctx context.Context, tx *store.Tx, told event.Event) error {
	switch told.Type {
	case event.NeedsReauth, event.NeedsAdmin, event.Healthy, event.SecretExpires, event.FeedLagging:
		return e.Jobs.Schedule(ctx, tx, SurveyJob, "all", e.Clock.Now())
	default:
		return nil
	}
}

type key struct {
	kind       event.Type
	connection string
}

// conditions are the alarms there should be now.
func (e *Engine) conditions(ctx context.Context) (map[key]Alarm, error) {
	all, err := e.Connections.List(ctx)
	if err != nil {
		return nil, err
	}
	behind, err := e.Feeds.Lagging(ctx)
	if err != nil {
		return nil, err
	}
	out := map[key]Alarm{}
	for _, c := range all {
		for _, a := range e.ofConnection(c, behind[c.ID]) {
			a.Connection = c.ID
			out[key{a.Kind, c.ID}] = a
		}
	}
	return out, nil
}

// ofConnection says what is wrong with one connection. What an admin paused is as they want it.
func (e *Engine) ofConnection(c connection.Connection, behind int) (out []Alarm) {
	now := e.Clock.Now()
	state := c.Current(now)
	if state == connection.Paused {
		return nil
	}
	words := map[connection.State]Alarm{
		connection.NeedsReauth: {Kind: event.NeedsReauth, Title: c.Name + " needs a sign-in"},
		connection.NeedsAdmin:  {Kind: event.NeedsAdmin, Title: c.Name + " needs an administrator"},
	}
	if a, ok := words[state]; ok {
		if c.Reason != nil {
			a.Cause, a.Fix, a.Who = c.Reason.Title, c.Reason.Fix, c.Reason.Who
		}
		out = append(out, a)
	}
	if ends := c.Credential.ExpiresAt; !ends.IsZero() && ends.Sub(now) < expiresSoon {
		out = append(out, Alarm{Kind: event.SecretExpires, Title: fmt.Sprintf("The %s of %s ends on %s", c.Credential.Type, c.Name, ends.UTC().Format("2 January 2006")),
			Cause: "Without a new one the connection stops working on that day", Fix: "Make a new one in the app registration, then: seneschal connection rotate " + c.Name, Who: "an administrator of the app registration"})
	}
	if behind > 0 {
		out = append(out, Alarm{Kind: event.FeedLagging, Title: fmt.Sprintf("What is followed of %s is behind", c.Name), Cause: "Walks fail or do not come to their end; the feeds page has the reason of each",
			Fix: "See what the feeds say: seneschal feed list --connection " + c.Name, Who: "an admin of this hub"})
	}
	return out
}

const alarmColumns = "id, kind, connection, title, cause, fix, who, raised_at, acknowledged_at, acknowledged_by, resolved_at, told, closed"

func scanAlarm(s store.Scanner) (a Alarm, err error) {
	var raised, acknowledged, resolved, told, closed int64
	err = s.Scan(&a.ID, &a.Kind, &a.Connection, &a.Title, &a.Cause, &a.Fix, &a.Who, &raised, &acknowledged, &a.AcknowledgedBy, &resolved, &told, &closed)
	a.RaisedAt, a.AcknowledgedAt, a.ResolvedAt, a.told, a.closed = store.Time(raised), store.Time(acknowledged), store.Time(resolved), told != 0, closed != 0
	return a, err
}

// List gives the open alarms and those resolved lately, open and oldest first.
func (e *Engine) List(ctx context.Context) ([]Alarm, error) {
	all, err := store.Select(ctx, e.Store.Reader(), scanAlarm, "select "+alarmColumns+" from alarm_entry where resolved_at = 0 or resolved_at > $1 order by case when resolved_at = 0 then 0 else 1 end, raised_at, id",
		store.Millis(e.Clock.Now().Add(-kept)))
	for i := range all {
		if err == nil {
			all[i].Mails, err = mailsOf(ctx, e.Store.Reader(), all[i].ID)
		}
	}
	return all, err
}

// Acknowledge notes that somebody has taken an alarm on.
func (e *Engine) Acknowledge(ctx context.Context, by access.Caller, id string) (Alarm, error) {
	err := e.Store.InTx(ctx, "alarm.acknowledge", func(tx *store.Tx) error {
		n, err := store.Affected(ctx, tx, "update alarm_entry set acknowledged_at = $1, acknowledged_by = $2 where id = $3 and acknowledged_at = 0", store.Millis(e.Clock.Now()), by.String(), id)
		if err != nil {
			return err
		}
		if n > 0 {
			return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "alarm.acknowledge", Target: id, Outcome: "done"})
		}
		var one string
		if err := tx.QueryRowContext(ctx, "select id from alarm_entry where id = $1", id).Scan(&one); store.IsNoRows(err) {
			return fault.Missing("alarm", id)
		} else if err != nil {
			return err
		}
		return nil // somebody was faster; that stands
	})
	if err != nil {
		return Alarm{}, err
	}
	return e.lookup(ctx, e.Store.Reader(), id)
}

func (e *Engine) lookup(ctx context.Context, q store.Querier, id string) (Alarm, error) {
	a, err := scanAlarm(q.QueryRowContext(ctx, "select "+alarmColumns+" from alarm_entry where id = $1", id))
	if store.IsNoRows(err) {
		return a, fault.Missing("alarm", id)
	}
	return a, err
}

// Export gives the mails that went to a person.
func (e *Engine) Export(ctx context.Context, person string) (any, error) {
	return store.Select(ctx, e.Store.Reader(), scanMail, "select "+mailColumns+" from alarm_mail where recipient = lower($1) order by id", person)
}

// Erase forgets them, and who acknowledged. A mail that is on its way no longer leaves.
func (e *Engine) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	named, err := store.Affected(ctx, tx, "update alarm_entry set acknowledged_by = '' where acknowledged_by = $1", person)
	if err != nil {
		return 0, err
	}
	n, err := store.Affected(ctx, tx, "delete from alarm_mail where recipient = lower($1)", person)
	return named + n, err
}
