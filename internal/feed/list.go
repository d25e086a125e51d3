package feed

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Query narrows a list of feeds; empty fields do not.
type Query struct {
	Connection string // id
	Mailbox    string // part of the address
	Behind     bool   // only those that are not up to date
	Limit      int
}

// Summary is how feeds stand altogether.
type Summary struct {
	Feeds  int       `json:"feeds"`
	Behind int       `json:"behind"`          // not up to date
	Told   int       `json:"told"`            // learn of changes from Microsoft; the others ask
	AsOf   time.Time `json:"as_of,omitzero"`  // what is asked for is at least as new as this; zero: nothing is asked for, or nothing came yet
	Import *Import   `json:"import,omitzero"` // reading of everything under way
}

// Lookup finds a feed by id.
func (s *Service) Lookup(ctx context.Context, id string) (Feed, error) {
	f, err := scan(s.Store.Reader().QueryRowContext(ctx, "select "+columns+" from feed_entry where id = $1", id))
	if store.IsNoRows(err) {
		return f, fault.Missing("feed", id)
	}
	if err != nil {
		return f, err
	}
	all := []Feed{f}
	err = s.complete(ctx, all)
	return all[0], err
}

// List gives the feeds of a connection, or all (""), by connection, mailbox and kind.
func (s *Service) List(ctx context.Context, connectionID string) ([]Feed, error) {
	return s.Find(ctx, Query{Connection: connectionID})
}

// Find gives the feeds of a query, by connection, mailbox or site, and kind.
func (s *Service) Find(ctx context.Context, q Query) ([]Feed, error) {
	limit := q.Limit
	if limit == 0 {
		limit = -1
	}
	part := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(q.Mailbox)) + "%"
	all, err := store.Select(ctx, s.Store.Reader(), scan, "select "+columns+` from feed_entry where ($1 = '' or connection = $2) and mailbox like $3 escape '\' and ($4 = 0 or state <> $5)
		order by connection, mailbox, site, kind, title, id limit case when $6 < 0 then 9223372036854775807 else $7 end`, q.Connection, q.Connection, part, flag(q.Behind), string(Live), limit, limit)
	if err != nil {
		return nil, err
	}
	return all, s.complete(ctx, all)
}

// complete adds what lies in the other tables: subscriptions, and what was refused or set aside.
func (s *Service) complete(ctx context.Context, all []Feed) error {
	for some := range slices.Chunk(all, batch) {
		if err := s.completeSome(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) completeSome(ctx context.Context, some []Feed) error {
	byID, ids, args := map[string]*Feed{}, make([]string, len(some)), store.Args{}
	for i := range some {
		byID[some[i].ID], ids[i] = &some[i], some[i].ID
	}
	in := "feed in (" + store.List(&args, ids) + ")"
	if _, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (n Subscription, err error) {
		n, err = scanSubscription(r)
		if err == nil && n.ExpiresAt.After(s.Clock.Now()) {
			byID[n.feed].Push = &n
		}
		return n, err
	}, "select "+subscriptionColumns+" from feed_subscription where "+in, args...); err != nil {
		return err
	}
	if _, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (id string, err error) {
		var n int
		err = r.Scan(&id, &n)
		byID[id].Parked = n
		return id, err
	}, "select feed, count(*) from feed_parked where parked = 1 and "+in+" group by feed", args...); err != nil {
		return err
	}
	_, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (one Refused, err error) {
		var id string
		if id, one, err = scanRefused(r); err == nil && byID[id].Push != nil {
			byID[id].Push.Refused = append(byID[id].Push.Refused, one)
		}
		return one, err
	}, "select "+refusedColumns+" from feed_refused where "+in+" order by feed, reason", args...)
	return err
}

// Summary adds up the feeds of mail and meetings, of one connection or of all (""). It stands on every customer's page: each part is written
// so that feed_entry_fresh alone answers it.
func (s *Service) Summary(ctx context.Context, connectionID string) (Summary, error) {
	now := s.Clock.Now()
	out, err := s.tally(ctx, connectionID, now)
	if err != nil {
		return out, err
	}
	var oldest [3]*int64
	err = s.sum(ctx, connectionID, now, []string{
		"count(*) from feed_entry where kind in ('mail', 'calendar') and state in ('new', 'backfill', 'waiting', 'failing', 'paused')",
		"min(proven_at) from feed_entry where kind = 'mail' and state = 'live' and told_until = 0",
		"min(proven_at) from feed_entry where kind = 'calendar' and state = 'live' and told_until = 0",
		"min(proven_at) from feed_entry where kind in ('mail', 'calendar') and state = 'live' and told_until > 0 and told_until <= $1",
	}, &out.Behind, &oldest[0], &oldest[1], &oldest[2])
	if err != nil {
		return out, err
	}
	for _, o := range oldest {
		if o != nil && (out.AsOf.IsZero() || store.Time(*o).Before(out.AsOf)) {
			out.AsOf = store.Time(*o)
		}
	}
	out.Import, err = s.importing(ctx, connectionID)
	return out, err
}

// sum reads several sums at once; $1 is now.
func (s *Service) sum(ctx context.Context, connectionID string, now time.Time, parts []string, into ...any) error {
	only, args := "", []any{store.Millis(now)}
	if connectionID != "" {
		only, args = " and connection = $2", append(args, connectionID)
	}
	var all []string
	for _, p := range parts {
		all = append(all, "(select "+p+only+")")
	}
	return s.Store.Reader().QueryRowContext(ctx, "select "+strings.Join(all, ", "), args...).Scan(into...)
}

// Counting is most of the work of a sum, and grows with the feeds, of which there is seldom one more: where there are many, all are counted
// this often.
const (
	manyFeeds  = 5000
	countEvery = 10 * time.Second
)

// counted is what the last count of all feeds gave.
type counted struct {
	mu sync.Mutex
	at time.Time
	Summary
}

// tally gives how many feeds there are, and how many are told of changes.
func (s *Service) tally(ctx context.Context, connectionID string, now time.Time) (out Summary, err error) {
	const told = "count(*) from feed_entry where kind in ('mail', 'calendar') and state in ('live', 'new', 'backfill', 'waiting', 'failing', 'paused') and told_until > $1"
	parts := []string{"count(*) from feed_entry where kind in ('mail', 'calendar')", told}
	if connectionID != "" {
		err = s.sum(ctx, connectionID, now, parts, &out.Feeds, &out.Told)
		return out, err
	}
	s.counted.mu.Lock()
	defer s.counted.mu.Unlock()
	if s.counted.Feeds >= manyFeeds && now.Sub(s.counted.at) < countEvery {
		return s.counted.Summary, nil
	}
	err = s.sum(ctx, "", now, parts, &out.Feeds, &out.Told)
	s.counted.at, s.counted.Summary = now, out
	return out, err
}

// Mailboxes gives whose each feed is, by the feed's id.
func (s *Service) Mailboxes(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	_, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (id string, err error) {
		var mailbox string
		err = r.Scan(&id, &mailbox)
		out[id] = mailbox
		return id, err
	}, "select id, mailbox from feed_entry")
	return out, err
}

// Lagging counts the feeds that are behind their promise, by connection.
func (s *Service) Lagging(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	_, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (id string, err error) {
		var n int
		err = r.Scan(&id, &n)
		out[id] = n
		return id, err
	}, "select connection, count(*) from feed_entry where lagging = 1 group by connection")
	return out, err
}
