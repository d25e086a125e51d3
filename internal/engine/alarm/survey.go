package alarm

import (
	"context"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// Survey is the job: it raises what is wrong, resolves what is not any more, and has people told.
func (e *Engine) Survey(ctx context.Context, _ string, _ int) (time.Time, error) {
	want, err := e.conditions(ctx)
	if err != nil {
		return time.Time{}, err
	}
	recipients, err := e.recipients(ctx, want)
	if err != nil {
		return time.Time{}, err
	}
	err = e.Store.InTx(ctx, "alarm.survey", func(tx *store.Tx) error {
		open, err := store.Select(ctx, tx, scanAlarm, "select "+alarmColumns+" from alarm_entry where resolved_at = 0")
		if err != nil {
			return err
		}
		for _, a := range open {
			k := key{a.Kind, a.Connection}
			now, still := want[k]
			delete(want, k)
			if err := e.compare(ctx, tx, a, now, still); err != nil {
				return err
			}
		}
		for _, a := range want {
			if err := e.raise(ctx, tx, a); err != nil {
				return err
			}
		}
		if err := e.queueRaised(ctx, tx, recipients); err != nil {
			return err
		}
		if err := e.queueResolved(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "delete from alarm_entry where closed = 1 and resolved_at > 0 and resolved_at < $1", store.Millis(e.Clock.Now().Add(-kept)))
		return err
	})
	return e.Clock.Now().Add(surveyEvery), err
}

// compare resolves an open alarm whose condition is gone, and keeps the words of the others true.
func (e *Engine) compare(ctx context.Context, tx *store.Tx, a, now Alarm, still bool) error {
	if still {
		_, err := tx.ExecContext(ctx, "update alarm_entry set title = $1, cause = $2, fix = $3, who = $4 where id = $5", now.Title, now.Cause, now.Fix, now.Who, a.ID)
		return err
	}
	if _, err := tx.ExecContext(ctx, "update alarm_entry set resolved_at = $1 where id = $2", store.Millis(e.Clock.Now()), a.ID); err != nil {
		return err
	}
	return e.emit(ctx, tx, event.AlarmResolved, a)
}

// raise opens an alarm. One that was resolved a moment ago, and nobody was told so yet, is opened again instead: it never ended.
func (e *Engine) raise(ctx context.Context, tx *store.Tx, a Alarm) error {
	now := e.Clock.Now()
	again, err := scanAlarm(tx.QueryRowContext(ctx, "select "+alarmColumns+" from alarm_entry where kind = $1 and connection = $2 and resolved_at > $3 and closed = 0 order by resolved_at desc limit 1",
		string(a.Kind), a.Connection, store.Millis(now.Add(-calm))))
	switch {
	case err == nil:
		_, err = tx.ExecContext(ctx, "update alarm_entry set resolved_at = 0 where id = $1", again.ID)
		return err
	case !store.IsNoRows(err):
		return err
	}
	a.ID = store.NewID(now)
	if _, err := tx.ExecContext(ctx, "insert into alarm_entry ("+alarmColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', 0, 0, 0)",
		a.ID, string(a.Kind), a.Connection, a.Title, a.Cause, a.Fix, a.Who, store.Millis(now)); err != nil {
		return err
	}
	return e.emit(ctx, tx, event.AlarmRaised, a)
}

func (e *Engine) emit(ctx context.Context, tx *store.Tx, t event.Type, a Alarm) error {
	return e.Events.Emit(ctx, tx, event.Event{Type: t, Connection: a.Connection, About: "alarm/" + a.ID, Data: map[string]any{"alarm": a.ID, "kind": a.Kind, "title": a.Title, "cause": a.Cause, "fix": a.Fix, "who": a.Who}})
}

// queueRaised puts the mails of new alarms into the ledger. Without a way to send, an alarm waits for one; with nobody to send to as well.
func (e *Engine) queueRaised(ctx context.Context, tx *store.Tx, recipients map[string][]string) error {
	if !e.Routes.Any() {
		return nil
	}
	fresh, err := store.Select(ctx, tx, scanAlarm, "select "+alarmColumns+" from alarm_entry where resolved_at = 0 and told = 0")
	if err != nil {
		return err
	}
	for _, a := range fresh {
		to := recipients[a.Connection]
		if len(to) == 0 {
			continue
		}
		for _, address := range to {
			if err := e.queue(ctx, tx, a.ID, Raised, address); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "update alarm_entry set told = 1 where id = $1", a.ID); err != nil {
			return err
		}
	}
	return nil
}

// queueResolved tells those who were told, or may have been, once the condition has been gone for a while. What became of a mail under way is
// waited for: whoever gets it hears of the end as well.
func (e *Engine) queueResolved(ctx context.Context, tx *store.Tx) error {
	over, err := store.Select(ctx, tx, scanAlarm, "select "+alarmColumns+" from alarm_entry where resolved_at > 0 and resolved_at <= $1 and closed = 0", store.Millis(e.Clock.Now().Add(-calm)))
	if err != nil {
		return err
	}
	for _, a := range over {
		mails, err := mailsOf(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(mails, Mail.underWay) {
			continue
		}
		for _, m := range mails {
			if m.State != Done && m.State != Unclear {
				continue
			}
			if err := e.queue(ctx, tx, a.ID, Resolved, m.Recipient); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "update alarm_entry set closed = 1 where id = $1", a.ID); err != nil {
			return err
		}
	}
	return nil
}

// recipients are, by connection, its owner, the admins, and whom the settings name; of each person the first address.
func (e *Engine) recipients(ctx context.Context, want map[key]Alarm) (map[string][]string, error) {
	people, err := e.Access.People(ctx)
	if err != nil {
		return nil, err
	}
	first := map[string]string{}
	everybody := slices.Clone(e.Routes.To)
	for _, p := range people {
		addresses, err := e.Addresses(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		if len(addresses) == 0 || p.Disabled {
			continue
		}
		first[p.ID] = addresses[0]
		if p.Role == access.Admin {
			everybody = append(everybody, addresses[0])
		}
	}
	out := map[string][]string{}
	for k := range want {
		c, err := e.Connections.Lookup(ctx, k.connection)
		if err != nil {
			return nil, err
		}
		to := everybody
		if owner := first[c.Owner]; owner != "" {
			to = append(slices.Clone(to), owner)
		}
		out[k.connection] = distinct(to)
	}
	return out, nil
}

func distinct(addresses []string) []string {
	var out []string
	for _, a := range addresses {
		if a = strings.ToLower(a); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
