package dispatch

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"seneschal/internal/connector/calendar"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// A calendar may hold events of slots that this database does not know: it was restored from a backup, or is a new one beside a plan that
// went on. So each mailbox is asked once, before the first slot is made in it, which events of ours it has; a slot that is there already is
// taken up where it stands.

// surveyed asks a mailbox which slots it holds, unless that was done. Jobs of one mailbox that come at once wait for one answer.
func (e *Engine) surveyed(ctx context.Context, connection, mailbox string) error {
	_, err, _ := e.surveys.Do(connection+"/"+mailbox, func() (any, error) { return nil, e.survey(ctx, connection, mailbox) })
	if errors.Is(err, context.Canceled) && ctx.Err() == nil { // whoever asked for both was called off
		return e.survey(ctx, connection, mailbox)
	}
	return err
}

func (e *Engine) survey(ctx context.Context, connection, mailbox string) error {
	var done int
	if err := e.Store.Reader().QueryRowContext(ctx, "select count(*) from dispatch_survey where connection = $1 and mailbox = $2", connection, mailbox).Scan(&done); err != nil || done > 0 {
		return err
	}
	there, err := ask[calendar.Referred](ctx, e, connection, "calendar.event.find", map[string]any{"user": mailbox})
	if err != nil {
		return err
	}
	t, err := e.routes(ctx)
	if err != nil {
		return err
	}
	return e.Store.InTx(ctx, "dispatch.survey", func(tx *store.Tx) error {
		for _, ev := range there.Events {
			if err := t.note(ctx, tx, link{ev.ID, mailbox, ev.ETag}, connection, ev.Reference); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "insert into dispatch_survey (connection, mailbox, made_at) values ($1, $2, $3) on conflict (connection, mailbox) do nothing", connection, mailbox, store.Millis(e.Clock.Now()))
		return err
	})
}

// note keeps an event that is there and is no slot's, as far as there is a connection to that slot.
func (t routes) note(ctx context.Context, tx *store.Tx, l link, connection, reference string) error {
	args := store.Args{l.event, connection, l.mailbox, reference, l.etag}
	live := store.List(&args, slices.Sorted(maps.Keys(t.ids)))
	_, err := tx.ExecContext(ctx, `insert into dispatch_found (event, connection, mailbox, reference, etag) select $1, $2, $3, $4, $5
		where not exists (select 1 from dispatch_slot where (event = $1 or old_event = $1) and connection in (`+live+`)) on conflict (event) do nothing`, args...)
	return err
}

// foundFor are the events of a slot: which of two connections asked the mailbox makes no difference.
const foundFor = "reference = $2 and (connection = $1 or mailbox = $3)"

// takeUp has a slot that is about to be made go on with an event that is there already. The rest of the way it is like one that somebody
// changed: how it is must be seen before anything is written, as people may be invited to it.
func (e *Engine) takeUp(ctx context.Context, r row) (taken bool, err error) {
	if err := e.surveyed(ctx, r.connection, r.op.Mailbox); err != nil {
		return false, err
	}
	if err := e.surveyedBefore(ctx, r); err != nil {
		return false, err
	}
	var there int
	err = e.Store.Reader().QueryRowContext(ctx, "select count(*) from dispatch_found where "+foundFor, r.connection, r.externalID, r.op.Mailbox).Scan(&there)
	if err != nil || there == 0 {
		return false, err
	}
	err = e.change(ctx, r.id, func(tx *store.Tx, now *row, rule Rule) error {
		if now.op == nil || now.op.Key != r.op.Key {
			return nil
		}
		found, err := store.Select(ctx, tx, scanLink, "select event, mailbox, etag from dispatch_found where "+foundFor+" order by event", r.connection, r.externalID, r.op.Mailbox)
		if err != nil || len(found) == 0 {
			return err
		}
		taken = true
		now.resume(found, r.op.Mailbox)
		now.plan(rule)
		_, err = tx.ExecContext(ctx, "delete from dispatch_found where event in ($1, $2)", now.at.event, now.old.event)
		return err
	})
	return taken, err
}

// surveyedBefore asks the mailbox in which a slot stood through another connection, if its own reaches that: the event there is left when the slot
// is elsewhere. A mailbox that is gone holds none.
func (e *Engine) surveyedBefore(ctx context.Context, r row) error {
	if r.away.Stood == "" || r.away.Stood == r.op.Mailbox {
		return nil
	}
	t, err := e.routes(ctx)
	if err != nil || !t.lists(r.connection, r.away.Stood) {
		return err
	}
	if err = e.surveyed(ctx, r.connection, r.away.Stood); noMailbox(fault.CodeOf(err)) {
		return nil
	}
	return err
}

// resume goes on with events that were found: with the one in the right mailbox where there is one. Another is left, as the one before is.
func (r *row) resume(found []link, mailbox string) {
	slices.SortStableFunc(found, func(a, b link) int { return cmp.Compare(number(a.mailbox != mailbox), number(b.mailbox != mailbox)) })
	if r.at.event != "" {
		r.leave(r.at, true)
	} else if len(found) > 1 {
		r.leave(found[1], true)
	}
	r.at, r.url, r.placed, r.placedDigest, r.look, r.op = found[0], "", nil, "", true, nil
}

// leave has an event deleted that the slot is no longer. Where it may have changed, it is looked at first: people may be invited to it.
func (r *row) leave(l link, changed bool) {
	if changed {
		l.etag = ""
	}
	r.old, r.oldProblem, r.away.Invited = l, "", nil
}

// Restored forgets what was known of calendars: since the backup was made, slots may have been placed that it does not know.
func Restored(ctx context.Context, tx *store.Tx) error {
	_, one := tx.ExecContext(ctx, "delete from dispatch_survey")
	_, other := tx.ExecContext(ctx, "delete from dispatch_found")
	return errors.Join(one, other)
}

// SweepJob is the kind of job that compares all slots of a calendar with what it holds; its id is "connection mailbox".
const SweepJob = "dispatch.sweep"

// fewLooks is how many slots of a calendar are looked at one by one. Of what lies beyond a feed's window every change is told as a removal, our
// own as well (graph/FACTS §5): one list of the mailbox costs less than a look at each.
const fewLooks = 3

// Sweep lists what slots a mailbox holds, and has those looked at that are gone or another version than we wrote, through whichever connection
// they were placed.
func (e *Engine) Sweep(ctx context.Context, id string, _ int) (time.Time, error) {
	connection, mailbox, _ := strings.Cut(id, " ")
	there, err := ask[calendar.Referred](ctx, e, connection, "calendar.event.find", map[string]any{"user": mailbox})
	if err != nil {
		return e.sweepAgain(err)
	}
	now := map[string]string{}
	for _, ev := range there.Events {
		now[ev.ID] = ev.ETag
	}
	return time.Time{}, e.Store.InTx(ctx, "dispatch.sweep", func(tx *store.Tx) error {
		ours, err := store.Select(ctx, tx, scanLink, "select event, event_mailbox, etag from dispatch_slot where event_mailbox = $1 order by id", mailbox)
		if err != nil {
			return err
		}
		for _, l := range ours {
			if etag := now[l.event]; etag != l.etag {
				if err := e.lookAt(ctx, tx, l.event, etag); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// sweepAgain gives the time for another try; none where nobody may look into the mailbox any more: each slot tells that by itself.
func (e *Engine) sweepAgain(err error) (time.Time, error) {
	switch f := fault.As(err); f.Kind {
	case fault.Throttled, fault.Unavailable:
		return e.Clock.Now().Add(max(f.RetryAfter, waitLeast)), nil
	case fault.Internal:
		return time.Time{}, err
	default:
		return time.Time{}, nil
	}
}

func scanLink(s store.Scanner) (l link, err error) { return l, s.Scan(&l.event, &l.mailbox, &l.etag) }
