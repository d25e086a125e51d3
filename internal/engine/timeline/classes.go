package timeline

import (
	"context"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// Classes say what the timeline keeps.
func (e *Engine) Classes() []custody.Class {
	return []custody.Class{
		{Name: "communications", Title: "Communications with customers", What: "Of mail and meetings with a customer: who, subject, short preview, when, thread, place, whether there are attachments, the link to it. Never a body",
			Whose: "outside contacts and staff", Tables: []string{"timeline_communication", "timeline_copy", "timeline_participant", "timeline_customer"},
			Seen: "admins, and whose own address takes part", Setting: "RETENTION_COMMUNICATIONS", Ends: "with that age; sooner when it leaves the mailbox, the mailbox its list, or the customer the hub",
			Export: custody.InExport, Erase: "what the person takes part in goes whole, and does not come back (privacy allow undoes that)", Prune: e.prune},
		{Name: "dropped", Title: "What was not kept", What: "Numbers by feed and reason; nothing else of it is remembered", Whose: custody.NotAbout, Tables: []string{"timeline_dropped"}, Seen: "everybody who may see the hub",
			Ends: "counted anew at each full walk; with the feed", Export: custody.NotIn, Erase: custody.Untouched},
	}
}

// prune forgets what lies further back than it is kept. What Microsoft still has is judged too old when it comes by again: see expired.
func (e *Engine) prune(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	old, err := store.Select(ctx, tx, func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) },
		"select id from timeline_communication where at < $1 order by at limit $2", store.Millis(before), limit)
	if err != nil {
		return 0, err
	}
	return int64(len(old)), forget(ctx, tx, old)
}

// forget takes communications away with all their copies.
func forget(ctx context.Context, tx *store.Tx, communications []string) error {
	for _, id := range communications {
		for _, query := range []string{"delete from timeline_participant where communication = $1", "delete from timeline_customer where communication = $1",
			"delete from timeline_copy where communication = $1", "delete from timeline_communication where id = $1"} {
			if _, err := tx.ExecContext(ctx, query, id); err != nil {
				return err
			}
		}
	}
	return nil
}
