package feed

import (
	"context"
	"strings"
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

// Find gives the feeds of a query, by connection, mailbox and kind.
func (s *Service) Find(ctx context.Context, q Query) ([]Feed, error) {
	limit := q.Limit
	if limit == 0 {
		limit = -1
	}
	part := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(q.Mailbox)) + "%"
	all, err := store.Select(ctx, s.Store.Reader(), scan, "select "+columns+` from feed_entry where ($1 = '' or connection = $2) and mailbox like $3 escape '\' and ($4 = 0 or state <> $5)
		order by connection, mailbox, kind, title, id limit case when $6 < 0 then 9223372036854775807 else $7 end`, q.Connection, q.Connection, part, flag(q.Behind), string(Live), limit, limit)
	if err != nil {
		return nil, err
	}
	return all, s.complete(ctx, all)
}

// complete adds what lies in the other tables: subscriptions and the number of parked items.
func (s *Service) complete(ctx context.Context, all []Feed) error {
	only := "" // one feed's, or everybody's
	if len(all) == 1 {
		only = all[0].ID
	}
	push := map[string]*Subscription{}
	if _, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (n Subscription, err error) {
		n, err = scanSubscription(r)
		push[n.feed] = &n
		return n, err
	}, "select "+subscriptionColumns+" from feed_subscription where feed <> '' and "+oneOrAll(only), only); err != nil {
		return err
	}
	refused, err := s.refusedOf(ctx, only)
	if err != nil {
		return err
	}
	parked := map[string]int{}
	if _, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (id string, err error) {
		var n int
		err = r.Scan(&id, &n)
		parked[id] = n
		return id, err
	}, "select feed, count(*) from feed_parked where parked = 1 and "+oneOrAll(only)+" group by feed", only); err != nil {
		return err
	}
	for i := range all {
		if p := push[all[i].ID]; p != nil && p.ExpiresAt.After(s.Clock.Now()) {
			all[i].Push, p.Refused = p, refused[all[i].ID]
		}
		all[i].Parked = parked[all[i].ID]
	}
	return nil
}

// oneOrAll is a condition that an index serves in both cases.
func oneOrAll(feed string) string {
	if feed == "" {
		return "$1 = ''"
	}
	return "feed = $1"
}

// Summary adds up the feeds of mail and meetings, of one connection or of all ("").
func (s *Service) Summary(ctx context.Context, connectionID string) (Summary, error) {
	var out Summary
	var asOf int64
	now := s.Clock.Now()
	err := s.Store.Reader().QueryRowContext(ctx, `select count(*), coalesce(sum(case when state <> $1 then 1 else 0 end), 0), coalesce(sum(case when n.feed is not null then 1 else 0 end), 0),
		coalesce(min(case when state = $2 and n.feed is null then proven_at end), 0)
		from feed_entry left join (select distinct feed from feed_subscription where feed <> '' and expires_at > $3) n on n.feed = id
		where kind in ($4, $5) and ($6 = '' or connection = $7)`,
		string(Live), string(Live), store.Millis(now), string(Mail), string(Calendar), connectionID, connectionID).Scan(&out.Feeds, &out.Behind, &out.Told, &asOf)
	if err != nil {
		return out, err
	}
	out.AsOf = store.Time(asOf)
	out.Import, err = s.importing(ctx, connectionID)
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
