package timeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/feed"
	"seneschal/internal/store"
)

// copyRow is one copy of a communication.
type copyRow struct {
	connection, mailbox, item, webLink string
}

// copyKey names a copy in the tables that hang on it.
func copyKey(connection, mailbox, item string) string { return digest(connection, mailbox, item) }

// heldOf gives which of the items are kept as copies of the feed. One that another folder's feed has taken over meanwhile is that one's.
func (e *Engine) heldOf(ctx context.Context, f feed.Feed, items []string) ([]string, error) {
	var out []string
	for chunk := range slices.Chunk(items, 300) {
		args := store.Args{f.Connection, f.Mailbox, f.ID}
		in := store.List(&args, chunk)
		held, err := store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) },
			"select item from timeline_copy where connection = $1 and mailbox = $2 and feed = $3 and item in ("+in+")", args...)
		if err != nil {
			return nil, err
		}
		out = append(out, held...)
	}
	return out, nil
}

// unseen gives the feed's copies that a full round did not come upon.
func (e *Engine) unseen(ctx context.Context, f feed.Feed, round int64) ([]string, error) {
	return store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) },
		"select item from timeline_copy where feed = $1 and round < $2", f.ID, round)
}

// keep writes one copy down, with the communication it belongs to, and tells whether the copy was kept before.
func (e *Engine) keep(ctx context.Context, tx *store.Tx, f feed.Feed, k kept, round int64) (id string, known bool, err error) {
	var before string
	err = tx.QueryRowContext(ctx, "select communication from timeline_copy where connection = $1 and mailbox = $2 and item = $3", f.Connection, f.Mailbox, k.item).Scan(&before)
	if err != nil && !store.IsNoRows(err) {
		return "", false, err
	}
	err = tx.QueryRowContext(ctx, `insert into timeline_communication (id, kind, message_key, subject, preview, at, ends_at, all_day, cancelled, thread, place, attachments)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (message_key) do update set subject = excluded.subject, preview = excluded.preview, at = excluded.at, ends_at = excluded.ends_at, all_day = excluded.all_day,
		cancelled = excluded.cancelled, thread = excluded.thread, place = excluded.place, attachments = excluded.attachments returning id`,
		store.NewID(e.Clock.Now()), string(k.kind), k.key, k.subject, k.preview, store.Millis(k.at), store.Millis(k.ends), flag(k.allDay), flag(k.cancelled), k.thread, k.place, flag(k.attachments)).Scan(&id)
	if err != nil {
		return "", false, err
	}
	if _, err := tx.ExecContext(ctx, `insert into timeline_copy (connection, mailbox, item, feed, round, communication, web_link) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (connection, mailbox, item) do update set feed = excluded.feed, round = excluded.round, communication = excluded.communication, web_link = excluded.web_link`,
		f.Connection, f.Mailbox, k.item, f.ID, round, id, k.webLink); err != nil {
		return "", false, err
	}
	if err := keepPeople(ctx, tx, id, copyKey(f.Connection, f.Mailbox, k.item), k); err != nil {
		return "", false, err
	}
	if before != "" && before != id { // a meeting that was moved is another communication
		err = dropLonely(ctx, tx, before)
	}
	return id, before != "", err
}

// keepPeople replaces what one copy says of participants and customers.
func keepPeople(ctx context.Context, tx *store.Tx, id, key string, k kept) error {
	if err := forgetPeople(ctx, tx, key); err != nil {
		return err
	}
	for chunk := range slices.Chunk(k.participants, 100) {
		var rows []string
		var args []any
		for _, p := range chunk {
			n := len(args)
			rows = append(rows, fmt.Sprintf("($%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5))
			args = append(args, id, p.Address, string(p.Role), key, p.Name)
		}
		if _, err := tx.ExecContext(ctx, "insert into timeline_participant (communication, address, role, copy, name) values "+strings.Join(rows, ", "), args...); err != nil {
			return err
		}
	}
	for _, c := range k.customers {
		if _, err := tx.ExecContext(ctx, "insert into timeline_customer (customer, communication, at, copy) values ($1, $2, $3, $4)", c, id, store.Millis(k.at), key); err != nil {
			return err
		}
	}
	return nil
}

func forgetPeople(ctx context.Context, tx *store.Tx, key string) error {
	for _, query := range []string{"delete from timeline_participant where copy = $1", "delete from timeline_customer where copy = $1"} {
		if _, err := tx.ExecContext(ctx, query, key); err != nil {
			return err
		}
	}
	return nil
}

// forgetCopy takes a copy away, if it is the feed's, and with the last one its communication. It gives whose copy it was.
func forgetCopy(ctx context.Context, tx *store.Tx, f feed.Feed, item string) (id string, err error) {
	err = tx.QueryRowContext(ctx, "delete from timeline_copy where connection = $1 and mailbox = $2 and item = $3 and feed = $4 returning communication", f.Connection, f.Mailbox, item, f.ID).Scan(&id)
	if store.IsNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if err := forgetPeople(ctx, tx, copyKey(f.Connection, f.Mailbox, item)); err != nil {
		return "", err
	}
	return id, dropLonely(ctx, tx, id)
}

func dropLonely(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.ExecContext(ctx, "delete from timeline_communication where id = $1 and not exists (select 1 from timeline_copy where communication = $2)", id, id)
	return err
}

// moveCopy hands a copy to the feed of the folder it lies in now.
func moveCopy(ctx context.Context, tx *store.Tx, f feed.Feed, item string, to feed.Feed) error {
	_, err := tx.ExecContext(ctx, "update timeline_copy set feed = $1, round = $2 where connection = $3 and mailbox = $4 and item = $5 and feed = $6",
		to.ID, to.Round(), f.Connection, f.Mailbox, item, f.ID)
	return err
}

// countDropped adds to the counts by reason; a full round counts anew.
func countDropped(ctx context.Context, tx *store.Tx, f feed.Feed, p feed.Page, dropped map[Reason]int64) error {
	for reason, n := range dropped {
		if _, err := tx.ExecContext(ctx, `insert into timeline_dropped (feed, reason, round, count) values ($1, $2, $3, $4)
			on conflict (feed, reason) do update set count = excluded.count + case when timeline_dropped.round < excluded.round then 0 else timeline_dropped.count end, round = excluded.round`,
			f.ID, string(reason), p.Round, n); err != nil {
			return err
		}
	}
	if !p.Full || !p.Last {
		return nil
	}
	_, err := tx.ExecContext(ctx, "delete from timeline_dropped where feed = $1 and round < $2", f.ID, p.Round)
	return err
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
