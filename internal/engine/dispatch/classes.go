package dispatch

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// How long a slot is remembered: withdrawn ones, so that a late question is answered, and past ones, so that the board can be leafed back.
const (
	keepWithdrawn = 30 * 24 * time.Hour
	keepPast      = 400 * 24 * time.Hour
)

// Classes say what dispatch keeps.
func (e *Engine) Classes() []custody.Class {
	return []custody.Class{
		{Name: "slots", Title: "Technicians' slots", What: "When which technician is where, sealed: for which customer, what for, notes; the event that it is, and what somebody changed there by hand. Imports that wait for approval, sealed. Which mailboxes were asked for events of slots that this database did not know, and the ids of those",
			Whose: "technicians and the customers they visit", Tables: []string{"dispatch_slot", "dispatch_import", "dispatch_survey", "dispatch_found"}, Seen: "admins, members, and keys for dispatch",
			Ends: "30 days after it was withdrawn, 400 days after its end; an import's content when it was approved, rejected or overtaken by a newer one; what a mailbox held, 400 days after it was asked or when a slot in it is forgotten", Export: custody.InExport,
			Erase: "the technician's slots go from the hub; their events stay, as they are the mailbox's", Prune: e.prune},
		{Name: "dispatch_settings", Title: "Rules of dispatch, links to calendars", What: "What becomes of events changed by hand, for each connection; digests of the secret addresses under which technicians' slots are read, and who made them; addresses to which planning systems post, and the ids of their calls, for a week", Whose: "technicians",
			Tables: []string{"dispatch_rule", "dispatch_link", "dispatch_intake", "dispatch_call"}, Seen: "admins, members, and keys for dispatch", Ends: "when somebody ends it", Export: custody.InExport, Erase: "the technician's address goes"},
	}
}

// prune forgets what is over.
func (e *Engine) prune(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	n, err := e.pruneSlots(ctx, tx, before, limit)
	if err != nil {
		return n, err
	}
	m, err := store.Affected(ctx, tx, "delete from dispatch_import where id in (select id from dispatch_import where state <> 'waiting' and ended_at < $1 order by ended_at limit $2)", store.Millis(before.Add(-keepWithdrawn)), limit)
	if err != nil {
		return n + m, err
	}
	calls, err := store.Affected(ctx, tx, "delete from dispatch_call where (intake, message) in (select intake, message from dispatch_call where at < $1 limit $2)", store.Millis(before.Add(-keepCalls)), limit)
	if n += calls; err != nil {
		return n + m, err
	}
	_, err = tx.ExecContext(ctx, "delete from dispatch_found where not exists (select 1 from dispatch_survey s where s.connection = dispatch_found.connection and s.mailbox = dispatch_found.mailbox and s.made_at >= $1)", store.Millis(before.Add(-keepPast)))
	return n + m, err
}

// pruneSlots forgets slots. Their events stay in the calendars, so those are asked anew before a slot is made there: a file may name one that is
// forgotten here, and would have it made a second time.
func (e *Engine) pruneSlots(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	left, err := store.Select(ctx, tx, scanLink, `delete from dispatch_slot where id in (select id from dispatch_slot where operation is null and ((state = $1 and changed_at < $2) or end_at < $3) order by end_at limit $4)
		returning event, event_mailbox, etag`, string(Withdrawn), store.Millis(before.Add(-keepWithdrawn)), store.Millis(before.Add(-keepPast)), limit)
	mailboxes := map[string]bool{}
	for _, l := range left {
		if l.event != "" {
			mailboxes[l.mailbox] = true
		}
	}
	if err != nil || len(mailboxes) == 0 {
		return int64(len(left)), err
	}
	var args store.Args
	in := store.List(&args, slices.Sorted(maps.Keys(mailboxes)))
	for _, query := range []string{"delete from dispatch_survey where mailbox in (" + in + ")", "delete from dispatch_found where mailbox in (" + in + ")"} {
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return 0, err
		}
	}
	return int64(len(left)), nil
}

// Export gives a technician's slots.
func (e *Engine) Export(ctx context.Context, person string) (any, error) {
	all, err := e.many(ctx, e.Store.Reader(), "mailbox = $1 order by start_at, id", strings.ToLower(person))
	out := []Slot{}
	for _, r := range all {
		out = append(out, r.shown())
	}
	return out, err
}

// Erase forgets a technician's slots and the address under which they were read.
func (e *Engine) Erase(ctx context.Context, tx *store.Tx, person string) (n int64, err error) {
	ids, err := store.Select(ctx, tx, func(s store.Scanner) (id string, err error) { return id, s.Scan(&id) }, "select id from dispatch_slot where mailbox = $1", strings.ToLower(person))
	for _, id := range ids {
		if err == nil {
			err = e.Jobs.Cancel(ctx, tx, PlaceJob, id)
		}
	}
	for _, query := range []string{"delete from dispatch_slot where mailbox = $1", "delete from dispatch_link where mailbox = $1", "delete from dispatch_found where mailbox = $1", "delete from dispatch_survey where mailbox = $1"} {
		if err != nil {
			break
		}
		var gone int64
		gone, err = store.Affected(ctx, tx, query, strings.ToLower(person))
		n += gone
	}
	return n, err
}
