package event

import (
	"context"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// Classes say what events and webhooks keep.
func (l *Log) Classes() []custody.Class {
	return []custody.Class{
		{Name: "events", Title: "Events", What: "What became true: states of connections, new and changed messages and meetings by id, with the mailbox; how each event's calls to webhooks went, without what was answered", Whose: "the people whose mailboxes are listed",
			Tables: []string{"event_entry", "event_delivery", "event_head"}, Seen: "everybody who may see the hub; those of single mailboxes admins, keys for communications, and people who would see it on a customer's page; deliveries admins",
			Setting: "RETENTION_EVENTS", Ends: "with that age; one that is still to be delivered stays", Export: custody.InExport, Erase: "events that name the person's mailbox go, with what of them was still to be delivered", Prune: l.prune},
		{Name: "webhooks", Title: "Webhooks", What: "Addresses that are told of events, of which kinds, and who added them; their secrets lie in the vault", Whose: "the people who configure the hub",
			Tables: []string{"event_webhook"}, Seen: custody.AdminsOnly, Ends: "until removed", Export: custody.NotIn, Erase: "they stay, without the name"},
	}
}

// prune forgets old events with what is known of their deliveries. One that is still to be delivered, or has no number yet, stays.
func (l *Log) prune(ctx context.Context, tx *store.Tx, before time.Time, limit int) (int64, error) {
	old, err := store.Select(ctx, tx, func(s store.Scanner) (id string, err error) { return id, s.Scan(&id) },
		`select id from event_entry where id < $1 and number > 0 and not exists (select 1 from event_delivery d where d.event = event_entry.id and d.once = 0 and d.state in ($2, $3)) order by id limit $4`,
		store.NewID(before), string(Waiting), string(Sending), limit)
	if err != nil {
		return 0, err
	}
	for _, id := range old {
		for _, query := range []string{"delete from event_delivery where event = $1", "delete from event_entry where id = $1"} {
			if _, err := tx.ExecContext(ctx, query, id); err != nil {
				return 0, err
			}
		}
	}
	return int64(len(old)), nil
}
