package feed

import (
	"context"
	"slices"
	"strings"

	"seneschal/internal/store"
)

// entryMark is what was told of an item. Of name and version only numbers are kept, which differ from feed to feed: they tell that something is
// another one, and not what it is.
type entryMark struct {
	item, place   string
	name, version int64
	round         int64 // that it was last seen in
}

// gone is the round of what was removed, until the present one ends.
const gone = -1

func (t *telling) mark(id string, e Entry) entryMark {
	return entryMark{id, e.Place, hash(t.ID + "\nname\n" + e.Name), hash(t.ID + "\nversion\n" + e.Version), t.Page.Round}
}

// markBatch is how many marks one statement carries, six parameters each.
const markBatch = 150

func marksOf(ctx context.Context, tx *store.Tx, feed int64, items []string) (map[string]entryMark, error) {
	out := map[string]entryMark{}
	for some := range slices.Chunk(items, batch) {
		args := store.Args{feed}
		in := store.List(&args, some)
		found, err := store.Select(ctx, tx, func(r store.Scanner) (m entryMark, err error) {
			return m, r.Scan(&m.item, &m.place, &m.name, &m.version, &m.round)
		}, "select item, place, name, version, round from feed_mark where feed = $1 and item in ("+in+")", args...)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			out[m.item] = m
		}
	}
	return out, nil
}

func keepMarks(ctx context.Context, tx *store.Tx, feed int64, marks []entryMark) error {
	for some := range slices.Chunk(marks, markBatch) {
		var rows []string
		var args store.Args
		for _, m := range some {
			rows = append(rows, "("+store.List(&args, []any{feed, m.item, m.place, m.name, m.version, m.round})+")")
		}
		if _, err := tx.ExecContext(ctx, "insert into feed_mark (feed, item, place, name, version, round) values "+strings.Join(rows, ", ")+
			" on conflict (feed, item) do update set place = excluded.place, name = excluded.name, version = excluded.version, round = excluded.round", args...); err != nil {
			return err
		}
	}
	return nil
}

// marked reads the items of a query.
func marked(ctx context.Context, tx *store.Tx, query string, args ...any) ([]string, error) {
	return store.Select(ctx, tx, func(r store.Scanner) (item string, err error) { return item, r.Scan(&item) }, query, args...)
}
