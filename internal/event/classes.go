package event

import (
	"context"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// Classes say what events keep.
func (l *Log) Classes() []custody.Class {
	return []custody.Class{{Name: "events", Title: "Events", What: "What became true: states of connections, new and changed messages and meetings by id, with the mailbox", Whose: "the people whose mailboxes are listed",
		Tables: []string{"event_entry"}, Seen: "everybody who may see the hub; those of single mailboxes admins alone", Setting: "RETENTION_EVENTS", Ends: "with that age", Export: custody.InExport,
		Erase: "events that name the person's mailbox go", Prune: l.prune}}
}

func (l *Log) prune(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	return store.Affected(ctx, tx, "delete from event_entry where id in (select id from event_entry where at < $1 order by id limit $2)", store.Millis(before), limit)
}
