package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// patience is how often an item may fail before it is set aside, so that the walk goes on.
const patience = 3

// Parked is an item that was set aside.
type Parked struct {
	Feed   string    `json:"feed"`
	Item   string    `json:"item"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// digest has every follower take the page. Items that fail again and again leave the page and are listed; the others go on. It also tells
// which items of earlier trouble went well this time.
func (s *Service) digest(ctx context.Context, b connection.Bound, f Feed, p *Page, broken []Poison) ([]Effect, []string, error) {
	for _, bad := range broken {
		if err := s.poisoned(ctx, f, &bad); err != nil {
			return nil, nil, err
		}
	}
	for {
		effects, err := s.take(ctx, b, f, *p)
		var bad *Poison
		if err == nil {
			return effects, ids(p.Items), nil
		}
		if !errors.As(err, &bad) {
			return nil, nil, err
		}
		if err := s.poisoned(ctx, f, bad); err != nil {
			return nil, nil, err
		}
		p.Items = slices.DeleteFunc(p.Items, func(i Item) bool { return i.ID == bad.Item })
	}
}

// take collects the effects of all followers. A follower that breaks on a whole page is given its items one by one, to find the culprit.
func (s *Service) take(ctx context.Context, b connection.Bound, f Feed, p Page) ([]Effect, error) {
	var effects []Effect
	for _, w := range s.followers(f.Kind) {
		e, err := guard(ctx, w, b, f, p)
		if err != nil && ours(err) {
			err = culprit(ctx, w, b, f, p, err)
		}
		if err != nil {
			return nil, err
		}
		if e != nil {
			effects = append(effects, e)
		}
	}
	return effects, nil
}

// ours tells a follower's own failure from an answer of the world around.
func ours(err error) bool {
	var bad *Poison
	return !errors.As(err, &bad) && fault.KindOf(err) == fault.Internal
}

func culprit(ctx context.Context, w Follower, b connection.Bound, f Feed, p Page, whole error) error {
	for _, i := range p.Items {
		one := p
		one.Items, one.Removed, one.Last = []Item{i}, nil, false
		if _, err := guard(ctx, w, b, f, one); err != nil && ours(err) {
			return &Poison{Item: i.ID, Err: err}
		}
	}
	return whole
}

// guard turns a panic over strangers' data into an error.
func guard(ctx context.Context, w Follower, b connection.Bound, f Feed, p Page) (e Effect, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return w.Take(ctx, b, f, p)
}

// poisoned counts a failure of an item. Before its patience is used up the walk fails, to be tried again; then the item is parked.
func (s *Service) poisoned(ctx context.Context, f Feed, bad *Poison) error {
	var attempts int
	err := s.Store.InTx(ctx, "feed.park", func(tx *store.Tx) error {
		err := tx.QueryRowContext(ctx, `insert into feed_parked (feed, item, attempts, parked, reason, at) values ($1, $2, 1, 0, $3, $4)
			on conflict (feed, item) do update set attempts = feed_parked.attempts + 1, reason = excluded.reason, at = excluded.at returning attempts`,
			f.ID, bad.Item, bad.Err.Error(), store.Millis(s.Clock.Now())).Scan(&attempts)
		if err != nil || attempts != patience {
			return err
		}
		if _, err := tx.ExecContext(ctx, "update feed_parked set parked = 1 where feed = $1 and item = $2", f.ID, bad.Item); err != nil {
			return err
		}
		return s.Events.Emit(ctx, tx, event.Event{Type: event.ItemParked, Connection: f.Connection, About: f.ID, Data: map[string]any{"feed": f.ID, "kind": f.Kind, "mailbox": f.Mailbox, "item": bad.Item, "fix": "seneschal feed walk " + f.ID + " --from-start, once the cause is gone", "who": "an admin of this hub"}})
	})
	if err != nil || attempts >= patience {
		return err
	}
	return bad
}

// unpark forgets the trouble of items that went well.
func unpark(ctx context.Context, tx *store.Tx, f Feed, cured []string) error {
	troubled, err := store.Select(ctx, tx, func(r store.Scanner) (item string, err error) { return item, r.Scan(&item) }, "select item from feed_parked where feed = $1", f.ID)
	if err != nil {
		return err
	}
	for _, item := range troubled {
		if !slices.Contains(cured, item) {
			continue
		}
		if _, err := tx.ExecContext(ctx, "delete from feed_parked where feed = $1 and item = $2", f.ID, item); err != nil {
			return err
		}
	}
	return nil
}

// ListParked lists the items set aside, of one feed or of all ("").
func (s *Service) ListParked(ctx context.Context, feed string) ([]Parked, error) {
	return store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (p Parked, err error) {
		var at int64
		err = r.Scan(&p.Feed, &p.Item, &p.Reason, &at)
		p.At = store.Time(at)
		return p, err
	}, "select feed, item, reason, at from feed_parked where parked = 1 and ($1 = '' or feed = $2) order by at desc limit 500", feed, feed)
}
