package timeline

import (
	"cmp"
	"context"
	"embed"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/customer"
	"seneschal/internal/event"
	"seneschal/internal/feed"
	"seneschal/internal/store"
)

// Migrations are the tables of communications.
//
//go:embed migrations
var Migrations embed.FS

// Engine keeps the timeline.
type Engine struct {
	Store       *store.Store
	Clock       clock.Clock
	Audit       *audit.Log
	Access      *access.Access
	Events      *event.Log
	Customers   *customer.Service
	Connections *connection.Service
	Feeds       *feed.Service
	// Addresses gives a person's own addresses.
	Addresses func(ctx context.Context, person string) ([]string, error)
	// Keep is how long communications are kept; 0: for ever.
	Keep time.Duration
	// Unwanted gives the judgement of which addresses were erased and shall not come back.
	Unwanted func(ctx context.Context, q store.Querier) (func(address string) bool, error)
}

// sight is what a caller may see.
type sight struct {
	all       bool
	addresses []string // only what one of these takes part in
}

// sees is the one place that says who sees which communications (DESIGN §5): admins all; an API key only with that explicit scope;
// everybody else what one of their own addresses takes part in.
func (e *Engine) sees(ctx context.Context, c access.Caller) (sight, error) {
	if err := access.Allow(c, access.Want{Scope: access.Communications}); err != nil {
		return sight{}, err
	}
	if c.Kind != "person" || c.Role == access.Admin {
		return sight{all: true}, nil
	}
	addresses, err := e.Addresses(ctx, c.ID)
	return sight{addresses: addresses}, err
}

// Export gives what the timeline holds of a person: the communications one of their addresses takes part in.
func (e *Engine) Export(ctx context.Context, person string) (any, error) {
	return store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (m map[string]any, err error) {
		var id, kind, subject, role string
		var at int64
		err = r.Scan(&id, &kind, &subject, &at, &role)
		return map[string]any{"communication": id, "kind": kind, "subject": subject, "at": store.Time(at), "role": role}, err
	}, `select distinct c.id, c.kind, c.subject, c.at, p.role from timeline_participant p join timeline_communication c on c.id = p.communication
		where p.address = lower($1) order by c.at, c.id, p.role`, person)
}

// Erase forgets every communication that a person's address takes part in, with all its copies. What is still in a listed mailbox would come
// back with the next full walk, if Unwanted did not keep it out.
func (e *Engine) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	if err := standStill(ctx, tx, "share row exclusive"); err != nil {
		return 0, err
	}
	ids, err := store.Select(ctx, tx, func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) }, "select distinct communication from timeline_participant where address = lower($1)", person)
	if err != nil {
		return 0, err
	}
	return int64(len(ids)), forget(ctx, tx, ids)
}

// standStill orders writing against erasing: an erasure waits for walks that are writing, and a walk that writes later asks Unwanted after
// it. SQLite has one writer, and needs nothing.
func standStill(ctx context.Context, tx *store.Tx, mode string) error {
	if tx.Engine == store.SQLite {
		return nil
	}
	_, err := tx.ExecContext(ctx, "lock table timeline_participant in "+mode+" mode")
	return err
}

// Drops are the entries that were not kept.
type Drops struct {
	Mailboxes []Drop `json:"mailboxes"`
}

// Drop is a count of one mailbox and reason.
type Drop struct {
	Mailbox string `json:"mailbox"`
	Reason  Reason `json:"reason"`
	Count   int64  `json:"count"`
}

// Dropped adds up what was not kept, by mailbox and reason.
func (e *Engine) Dropped(ctx context.Context) (Drops, error) {
	out := Drops{Mailboxes: []Drop{}}
	mailbox, err := e.Feeds.Mailboxes(ctx)
	if err != nil {
		return out, err
	}
	sums := map[Drop]int64{}
	if _, err := store.Select(ctx, e.Store.Reader(), func(r store.Scanner) (n int64, err error) {
		var feedID string
		var d Drop
		err = r.Scan(&feedID, &d.Reason, &n)
		d.Mailbox = mailbox[feedID]
		sums[d] += n
		return n, err
	}, "select feed, reason, count from timeline_dropped"); err != nil {
		return out, err
	}
	for d, n := range sums {
		d.Count = n
		out.Mailboxes = append(out.Mailboxes, d)
	}
	slices.SortFunc(out.Mailboxes, func(a, b Drop) int {
		return cmp.Or(strings.Compare(a.Mailbox, b.Mailbox), strings.Compare(string(a.Reason), string(b.Reason)))
	})
	return out, nil
}
