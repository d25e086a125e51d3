package delivery

import (
	"context"
	"strings"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// Classes say what deliveries keep.
func (e *Engine) Classes() []custody.Class {
	return []custody.Class{
		{Name: "deliveries", Title: "Deliveries", What: "Of mail that was handed in to be sent: mailbox, recipients, when, how it went, Microsoft's ids; subject and names of files sealed", Whose: "recipients, and the people whose mailboxes send",
			Tables: []string{"delivery_entry", "delivery_recipient", "delivery_step", "delivery_lane"}, Seen: "admins, and keys that may read through every app-only connection", Setting: "RETENTION_DELIVERIES",
			Ends: "with that age since their last change; one that is queued, being sent or unsure stays", Export: custody.InExport, Erase: "deliveries to or from the person go whole, one on its way no longer leaves", Prune: e.prune},
		{Name: "letters", Title: "Letters on their way", What: "Bodies and files of mail that was handed in and not sent yet, sealed", Whose: "recipients, and the people whose mailboxes send", Tables: []string{"delivery_content"}, Seen: custody.Nobody,
			Ends: "as soon as the mail is sent or taken back; with its delivery where it failed", Export: custody.NotIn, Erase: "with their delivery", Prune: e.sweep},
	}
}

// prune forgets old deliveries that are over.
func (e *Engine) prune(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	return e.forget(ctx, tx, "state in ($1, $2, $3, $4) and changed_at < $5 order by changed_at limit $6", string(Sent), string(Failed), string(Cancelled), string(Bounced), store.Millis(before), limit)
}

func (e *Engine) forget(ctx context.Context, tx *store.Tx, where string, args ...any) (int64, error) {
	old, err := store.Select(ctx, tx, func(s store.Scanner) (id string, err error) { return id, s.Scan(&id) }, "select id from delivery_entry where "+where, args...)
	if err != nil {
		return 0, err
	}
	for _, id := range old {
		for _, query := range []string{"delete from delivery_content where delivery = $1", "delete from delivery_step where delivery = $1", "delete from delivery_recipient where delivery = $1", "delete from delivery_entry where id = $1"} {
			if _, err := tx.ExecContext(ctx, query, id); err != nil {
				return 0, err
			}
		}
		if err := e.Jobs.Cancel(ctx, tx, PostJob, id); err != nil {
			return 0, err
		}
	}
	return int64(len(old)), nil
}

// abandoned is how long an intake may take: ids begin with when they were made.
const abandoned = 24 * time.Hour

// sweep forgets the pieces of intakes that broke off.
func (e *Engine) sweep(ctx context.Context, tx *store.Tx, now time.Time, limit int) (int64, error) {
	return store.Affected(ctx, tx, `delete from delivery_content where delivery in (select distinct c.delivery from delivery_content c where c.delivery < $1
		and not exists (select 1 from delivery_entry e where e.id = c.delivery) limit $2)`, store.NewID(now.Add(-abandoned)), limit)
}

// Export gives the deliveries to or from a person.
func (e *Engine) Export(ctx context.Context, person string) (any, error) {
	all, err := store.Select(ctx, e.Store.Reader(), scan, "select "+columns+" from delivery_entry where "+ofPerson+" or caller = $1 order by id", person)
	for i := range all {
		if err == nil {
			all[i], err = e.shown(ctx, all[i])
		}
	}
	return all, err
}

const ofPerson = "(mailbox = lower($1) or id in (select delivery from delivery_recipient where address = lower($1)))"

// withdraw forgets them, and gives their places in the mailboxes' paces back.
func (e *Engine) withdraw(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	open, err := store.Select(ctx, tx, func(s store.Scanner) (d Delivery, err error) { return d, s.Scan(&d.Connection, &d.Mailbox) },
		"select distinct connection, mailbox from delivery_entry where state in ($2, $3, $4) and "+ofPerson+" order by connection, mailbox", person, string(Queued), string(Sending), string(Unsure))
	if err != nil {
		return 0, err
	}
	for _, d := range open {
		if _, err := e.free(ctx, tx, d); err != nil { // before the deliveries' rows, as everybody does
			return 0, err
		}
	}
	n, err := e.forget(ctx, tx, ofPerson, person)
	for _, d := range open {
		if err == nil {
			err = e.shorten(ctx, tx, d)
		}
	}
	return n, err
}

// Erase forgets them, with the mail that has not left, and who asked for others.
func (e *Engine) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	n, err := e.withdraw(ctx, tx, person)
	if err != nil {
		return n, err
	}
	lanes, err := store.Select(ctx, tx, func(s store.Scanner) (connection string, err error) { return connection, s.Scan(&connection) }, "select connection from delivery_lane where mailbox = lower($1)", person)
	for _, connection := range lanes {
		if err == nil {
			err = e.Jobs.Cancel(ctx, tx, ReportsJob, laneID(connection, strings.ToLower(person)))
		}
	}
	if err != nil {
		return n, err
	}
	for _, query := range []string{"update delivery_entry set caller = '' where caller = $1", "update delivery_step set caller = '' where caller = $1", "delete from delivery_lane where mailbox = lower($1)"} {
		k, err := store.Affected(ctx, tx, query, person)
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}
