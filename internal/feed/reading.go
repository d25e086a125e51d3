package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

const (
	// leisure is how long a change may wait for its walk that concerns nobody, as far as its notification tells: docs/adr/0007.
	leisure = 30 * time.Second
	// unread bounds the contents that wait to be read. Beyond it nothing is read, and the feeds are walked at once.
	unread = 1024
	// readMemory is how long a content is recognised as one that came before; the tokens that vouch for it are older than they may be by then.
	readMemory = 48 * time.Hour
)

// Judge is a follower that can tell from a notification's content whether its change can wait a little. What is not asked of a judge, or is
// beyond one, is walked at once.
type Judge interface {
	CanWait(ctx context.Context, b connection.Bound, f Feed, item any) (bool, error)
}

// ContentReader reads what a notification carried; app joins it to a connector.
type ContentReader func(plain []byte) (any, error)

// Notary checks the tokens that vouch for contents; entra has it. It gives the application and the tenant that a token is for.
type Notary interface {
	Check(ctx context.Context, login, token string) (m365.ClientID, m365.TenantID, error)
}

// letter is a note with content whose feed is due in any case.
type letter struct {
	note Note
	have expected
	seen bool // the same content came before
}

// hand gives letters to the reader. What it cannot take is walked at once.
func (s *Service) hand(ctx context.Context, letters []letter) {
	var hurried []string
	for _, l := range letters {
		select {
		case s.postbox.letters() <- l:
		default:
			hurried = append(hurried, l.have.feed)
		}
	}
	if err := s.hurry(ctx, hurried...); err != nil {
		s.Log.WarnContext(ctx, "feeds are walked a little later than they could be", "feeds", len(hurried), "error", err)
	}
}

// postbox holds the contents that wait to be read.
type postbox struct {
	once sync.Once
	box  chan letter
}

func (p *postbox) letters() chan letter {
	p.once.Do(func() { p.box = make(chan letter, unread) })
	return p.box
}

// ReadContents reads what notifications carried, until ctx ends. It runs beside the door: 202 is given before any content is looked at, and what
// dies with the process costs no more than leisure.
func (s *Service) ReadContents(ctx context.Context) {
	box := s.postbox.letters()
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-box:
			if err := s.read(ctx, l); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "a notification's content was not read, and its feed is walked a little later", "feed", l.have.feed, "error", err)
			}
		}
	}
}

// read decides when the feed is walked. A content that is refused is counted, and the feed is walked at once like one that was told without.
func (s *Service) read(ctx context.Context, l letter) error {
	wait, err := s.canWait(ctx, l)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f := (*fault.Error)(nil); errors.As(err, &f) && f.Kind == fault.Forbidden {
		s.Log.InfoContext(ctx, "a notification's content was refused", "feed", l.have.feed, "subscription", l.have.ID, "reason", f.Code)
		if err := s.countRefused(ctx, l.have.feed, f.Code); err != nil {
			return err
		}
	} else if err != nil {
		s.Log.InfoContext(ctx, "a notification's content was not read", "feed", l.have.feed, "error", err)
	}
	if wait && err == nil {
		return nil
	}
	return s.hurry(ctx, l.have.feed)
}

func (s *Service) hurry(ctx context.Context, feeds ...string) error {
	if len(feeds) == 0 {
		return nil
	}
	slices.Sort(feeds)
	return s.Store.InTx(ctx, "feed.hurry", func(tx *store.Tx) error {
		for _, id := range slices.Compact(feeds) {
			if err := s.Jobs.Schedule(ctx, tx, WalkJob, id, s.Clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// canWait opens the content and asks every follower. What it holds is forgotten with the answer.
func (s *Service) canWait(ctx context.Context, l letter) (bool, error) {
	f, err := scan(s.Store.Reader().QueryRowContext(ctx, "select "+columns+" from feed_entry where id = $1", l.have.feed))
	if store.IsNoRows(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	b, err := s.Connections.Bind(ctx, f.Connection, f.Purpose)
	if err != nil {
		return false, err
	}
	plain, err := s.openLetter(ctx, b.Connection, l)
	if err != nil {
		return false, err
	}
	read, ok := s.Contents[f.Kind]
	if !ok {
		return false, nil
	}
	item, err := read(plain)
	if err != nil {
		return false, refusal(DataUnreadable, "The item is nothing that this hub reads")
	}
	for _, w := range s.followers(f.Kind) {
		judge, ok := w.(Judge)
		if !ok {
			return false, nil
		}
		if wait, err := judge.CanWait(ctx, b, f, item); err != nil || !wait {
			return false, err
		}
	}
	return true, nil
}

// openLetter checks who vouches for the content, and opens it.
func (s *Service) openLetter(ctx context.Context, c connection.Connection, l letter) ([]byte, error) {
	if l.seen {
		return nil, refusal(Repeated, "The same content came before")
	}
	if err := s.vouched(ctx, c, l.note); err != nil {
		return nil, err
	}
	key, err := s.privateKey(ctx, l.note.Content.Certificate)
	if err != nil {
		return nil, err
	}
	return l.note.Content.open(key)
}

// vouched checks the POST's tokens. A POST may mix tenants and applications, each with its token; one that is bad makes the whole suspect
// (graph/FACTS §6.5), and one must be for this note.
func (s *Service) vouched(ctx context.Context, c connection.Connection, n Note) error {
	e, err := s.Connections.Endpoints(c.Cloud)
	if err != nil {
		return err
	}
	why := refusal(TokenMissing, "No validation token came with it")
	good := false
	for _, token := range n.Tokens {
		client, tenant, err := s.Notary.Check(ctx, e.Login, token)
		switch {
		case err != nil:
			return err
		case !strings.EqualFold(string(client), string(c.ClientID)):
			why = refusal(TokenAudience, "Its validation token is for another application")
		case !strings.EqualFold(string(tenant), string(n.Tenant)):
			why = refusal(TokenTenant, "Its validation token is about another tenant")
		default:
			good = true
		}
	}
	if !good {
		return why
	}
	return nil
}

// markRead tells which of the contents came before, and remembers them all.
func markRead(ctx context.Context, tx *store.Tx, letters []letter, now time.Time) error {
	for some := range slices.Chunk(letters, batch) {
		var rows []string
		var args store.Args
		for _, l := range some {
			rows = append(rows, "("+store.List(&args, []any{l.note.Content.print(), store.Millis(now)})+")")
		}
		fresh, err := store.Select(ctx, tx, func(r store.Scanner) (h int64, err error) { return h, r.Scan(&h) },
			"insert into feed_read (content, at) values "+strings.Join(rows, ", ")+" on conflict (content) do nothing returning content", args...)
		if err != nil {
			return err
		}
		for i := range some {
			at := slices.Index(fresh, some[i].note.Content.print())
			some[i].seen = at < 0
			if at >= 0 {
				fresh = slices.Delete(fresh, at, at+1) // a second of the same in one POST came before, too
			}
		}
	}
	return nil
}

// Refused is how often contents were refused for a reason.
type Refused struct {
	Reason string    `json:"reason"`
	Count  int64     `json:"count"`
	At     time.Time `json:"at"` // the last one
}

func (s *Service) countRefused(ctx context.Context, feed, reason string) error {
	return s.Store.InTx(ctx, "feed.refused", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, `insert into feed_refused (feed, reason, count, at) select id, cast($1 as text), 1, cast($2 as bigint) from feed_entry where id = $3
			on conflict (feed, reason) do update set count = feed_refused.count + 1, at = excluded.at`, reason, store.Millis(s.Clock.Now()), feed)
		return err
	})
}

const refusedColumns = "feed, reason, count, at"

func scanRefused(r store.Scanner) (feed string, one Refused, err error) {
	var at int64
	err = r.Scan(&feed, &one.Reason, &one.Count, &at)
	one.At = store.Time(at)
	return feed, one, err
}

// tidy forgets contents that no token can vouch for any more, and certificates that nothing names.
func (s *Service) tidy(ctx context.Context) error {
	err := s.Store.InTx(ctx, "feed.tidied", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "delete from feed_read where at < $1", store.Millis(s.Clock.Now().Add(-readMemory)))
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting contents: %w", err)
	}
	return s.retire(ctx)
}
