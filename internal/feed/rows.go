package feed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

const columns = `id, number, connection, kind, mailbox, resource, title, purpose, state, reason, since, link, round, round_open, window_from, items, expected, failures,
	walked_at, proven_at, proof, changed_at, poll_ms, push_note, lagging, compared_at, created_at, account, entries_read, wanted_at, read_at, told_until, site, drive, news_from`

func scan(s store.Scanner) (f Feed, err error) {
	var reason string
	var since, open, from, walked, proven, changed, poll, lagging, compared, created, wanted, read, told, news int64
	err = s.Scan(&f.ID, &f.number, &f.Connection, &f.Kind, &f.Mailbox, &f.Resource, &f.Title, &f.Purpose, &f.State, &reason, &since, &f.link, &f.round, &open, &from, &f.Items,
		&f.Expected, &f.failures, &walked, &proven, &f.Proof.RequestID, &changed, &poll, &f.PushNote, &lagging, &compared, &created, &f.account, &f.Read, &wanted, &read, &told, &f.Site, &f.Drive, &news)
	if err != nil {
		return f, err
	}
	f.Since, f.windowFrom, f.WalkedAt, f.Proof.At = store.Time(since), store.Time(from), store.Time(walked), store.Time(proven)
	f.ChangedAt, f.comparedAt, f.CreatedAt, f.Poll = store.Time(changed), store.Time(compared), store.Time(created), time.Duration(poll)*time.Millisecond
	f.held, f.wantedAt, f.readAt = f.link, store.Time(wanted), store.Time(read)
	f.toldUntil, f.newsFrom = store.Time(told), store.Time(news)
	f.roundOpen, f.Lagging = open != 0, lagging != 0
	if reason != "" {
		f.Reason = new(fault.Problem)
		err = json.Unmarshal([]byte(reason), f.Reason)
	}
	return f, err
}

// insert makes the feed unless there is one of the same collection already.
func insert(ctx context.Context, tx *store.Tx, f Feed) (made bool, err error) {
	n, err := store.Affected(ctx, tx, `insert into feed_entry (`+columns+`) values ($1, (select coalesce(max(number), 0) + 1 from feed_entry), $2, $3, $4, $5, $6, $7, $8, '', $9,
		'', 0, 0, $10, 0, $13, 0, 0, 0, '', 0, $11, '', 0, 0, $12, $14, 0, $12, 0, 0, $15, $16, $17) on conflict (connection, kind, mailbox, resource) do nothing`,
		f.ID, f.Connection, string(f.Kind), f.Mailbox, f.Resource, f.Title, string(f.Purpose), string(New), store.Millis(f.CreatedAt),
		store.Millis(f.windowFrom), f.Poll.Milliseconds(), store.Millis(f.CreatedAt), f.Expected, f.account, f.Site, f.Drive, store.Millis(f.newsFrom))
	return n > 0, err
}

// save writes what a walk changes. It fails as moved when another walker was here since f was read: only one may move a link.
func save(ctx context.Context, tx *store.Tx, was, f Feed) error {
	n, err := store.Affected(ctx, tx, `update feed_entry set state = $1, reason = $2, since = $3, link = $4, round = $5, round_open = $6, window_from = $7, items = $8, failures = $9,
		walked_at = $10, proven_at = $11, proof = $12, changed_at = $13, poll_ms = $14,
		entries_read = $15, wanted_at = $16, read_at = $17 where id = $18 and link = $19 and round = $20`,
		string(f.State), reasonText(f.Reason), store.Millis(f.Since), string(f.link), f.round, flag(f.roundOpen), store.Millis(f.windowFrom), f.Items, f.failures,
		store.Millis(f.WalkedAt), store.Millis(f.Proof.At), f.Proof.RequestID, store.Millis(f.ChangedAt), f.Poll.Milliseconds(), f.Read, store.Millis(f.wantedAt), store.Millis(f.readAt), f.ID, string(was.held), was.round)
	if err == nil && n == 0 {
		return errMoved
	}
	return err
}

var errMoved = &fault.Error{Kind: fault.Conflict, Code: "feed_moved", Message: "Another instance has walked this feed meanwhile", Fix: "Nothing: it goes on there", Who: "nobody"}

func reasonText(p *fault.Problem) string {
	if p == nil {
		return ""
	}
	text, _ := json.Marshal(p) // a problem always encodes
	return string(text)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hash names an entry of a collection in eight bytes: what was dropped leaves nothing readable behind.
func hash(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // all bits are used, the sign is one of them
}

func hashes(ids []string) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = hash(id)
	}
	return out
}

// batch is how many rows one statement carries: SQLite takes at least 999 parameters, three a row.
const batch = 300

// known tells which entries of a collection were seen before.
func (s *Service) known(ctx context.Context, f Feed, ids []string) (map[int64]bool, error) {
	have := map[int64]bool{}
	for some := range slices.Chunk(ids, batch) {
		args := store.Args{f.number}
		in := store.List(&args, hashes(some))
		found, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (h int64, err error) { return h, r.Scan(&h) },
			"select item from feed_item where feed = $1 and item in ("+in+")", args...)
		if err != nil {
			return nil, err
		}
		for _, h := range found {
			have[h] = true
		}
	}
	return have, nil
}

// remember writes down that the entries are in the collection, as of a round.
func remember(ctx context.Context, tx *store.Tx, f Feed, ids []string) error {
	for some := range slices.Chunk(ids, batch) {
		var rows []string
		var args store.Args
		seen := map[int64]bool{}
		for _, id := range some {
			h := hash(id)
			if seen[h] { // an entry may come twice in a page
				continue
			}
			seen[h] = true
			rows = append(rows, "("+store.List(&args, []any{f.number, h, f.round})+")")
		}
		if _, err := tx.ExecContext(ctx, "insert into feed_item (feed, item, round) values "+strings.Join(rows, ", ")+
			" on conflict (feed, item) do update set round = excluded.round", args...); err != nil {
			return err
		}
	}
	return nil
}

// forget takes entries out of the collection.
func forget(ctx context.Context, tx *store.Tx, f Feed, ids []string) error {
	for some := range slices.Chunk(ids, batch) {
		args := store.Args{f.number}
		in := store.List(&args, hashes(some))
		if _, err := tx.ExecContext(ctx, "delete from feed_item where feed = $1 and item in ("+in+")", args...); err != nil {
			return err
		}
	}
	return nil
}
