package feed

import (
	"context"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// syncEvery is how often feeds are compared with the mailbox list even when nothing was changed.
const syncEvery = time.Hour

// Wanted has the connection's feeds compared with its mailbox list now: it was made, changed, paused, resumed or removed.
func (s *Service) Wanted(ctx context.Context, tx *store.Tx, connectionID string) error {
	return s.Jobs.Schedule(ctx, tx, SyncJob, connectionID, s.Clock.Now())
}

// Sync is the job: feeds are what the connection's mailboxes with purpose timeline need, no more. A connection that is gone has none.
func (s *Service) Sync(ctx context.Context, connectionID string, _ int) (time.Time, error) {
	c, err := s.Connections.Lookup(ctx, connectionID)
	gone := fault.KindOf(err) == fault.NotFound
	if err != nil && !gone {
		return time.Time{}, err
	}
	err = s.Store.InTx(ctx, "feed.sync", func(tx *store.Tx) error {
		have, err := store.Select(ctx, tx, scan, "select "+columns+" from feed_entry where connection = $1 and kind <> $2 order by number", connectionID, string(Mail))
		if err != nil {
			return err
		}
		wanted := map[Feed]string{}
		if !gone {
			wanted = wants(c)
		}
		begun, err := s.match(ctx, tx, connectionID, have, wanted)
		if err != nil {
			return err
		}
		if begun {
			if err := s.Jobs.EnsureScheduled(ctx, tx, AuditJob, connectionID, s.Clock.Now().Add(auditEvery)); err != nil {
				return err
			}
		}
		if gone {
			return s.Jobs.Cancel(ctx, tx, AuditJob, connectionID)
		}
		return s.wakeStopped(ctx, tx, c)
	})
	if err != nil || gone {
		return time.Time{}, err
	}
	return s.Clock.Now().Add(syncEvery), nil
}

// match ends feeds that are not wanted any more, or whose mailbox is another account now, and begins those that are missing.
func (s *Service) match(ctx context.Context, tx *store.Tx, connectionID string, have []Feed, wanted map[Feed]string) (begun bool, err error) {
	now, ended, mailboxes := s.Clock.Now(), false, 0
	for _, h := range have {
		if h.Kind == Folders {
			mailboxes++
		}
		key := Feed{Connection: h.Connection, Kind: h.Kind, Mailbox: h.Mailbox, Resource: h.Resource, Purpose: h.Purpose}
		account, ok := wanted[key]
		if ok && (account == h.account || account == "" || h.account == "") {
			if account != "" && account != h.account {
				if _, err := tx.ExecContext(ctx, "update feed_entry set account = $1 where id = $2", account, h.ID); err != nil {
					return false, err
				}
			}
			delete(wanted, key)
			continue
		}
		ended = true
		if err := s.end(ctx, tx, h); err != nil {
			return false, err
		}
		if err := s.Jobs.Schedule(ctx, tx, TendJob, connectionID, now); err != nil {
			return false, err
		}
	}
	for key, account := range wanted {
		key.account, begun = account, true
		if err := s.begin(ctx, tx, key); err != nil {
			return false, err
		}
	}
	if (ended || begun) && mailboxes <= named {
		err = s.rename(ctx, tx, connectionID)
	}
	return begun, err
}

// named is up to how many people a walk of the directory names those it is about; above, it goes over everybody (graph/FACTS §5).
const named = 50

// rename has the connection's people walked from the start.
func (s *Service) rename(ctx context.Context, tx *store.Tx, connectionID string) error {
	if _, err := tx.ExecContext(ctx, startOver+"connection = $1 and kind = $2", connectionID, string(Users)); err != nil {
		return err
	}
	return s.wakeThose(ctx, tx, "connection = $1 and kind = $2", connectionID, string(Users))
}

// wants lists the feeds a connection needs, each with its mailbox's account; a mailbox's Mail feeds follow from its Folders feed.
func wants(c connection.Connection) map[Feed]string {
	out := map[Feed]string{}
	if !c.Serves(m365.Timeline) {
		return out
	}
	for _, m := range c.For(connection.ForTimeline) {
		for _, kind := range []Kind{Folders, Calendar} {
			out[Feed{Connection: c.ID, Kind: kind, Mailbox: m.Address, Purpose: connection.ForTimeline}] = m.ObjectID
		}
	}
	if len(out) > 0 {
		out[Feed{Connection: c.ID, Kind: Users, Purpose: connection.ForTimeline}] = ""
	}
	return out
}

// begin makes a feed and has it walked.
func (s *Service) begin(ctx context.Context, tx *store.Tx, f Feed) error {
	now := s.Clock.Now()
	f.ID, f.CreatedAt, f.Poll = store.NewID(now), now, paces[f.Kind].least
	made, err := insert(ctx, tx, f)
	if err != nil || !made {
		return err
	}
	if err := s.Jobs.Schedule(ctx, tx, TendJob, f.Connection, now.Add(tendSoon)); err != nil {
		return err
	}
	return s.Jobs.Schedule(ctx, tx, WalkJob, f.ID, now)
}

// end forgets a feed and what was learned from it. Its subscription becomes nobody's, and is deleted at Microsoft by the next tending.
func (s *Service) end(ctx context.Context, tx *store.Tx, f Feed) error {
	for _, w := range s.followers(f.Kind) {
		if err := w.Drop(ctx, tx, f); err != nil {
			return err
		}
	}
	if err := s.Jobs.Cancel(ctx, tx, WalkJob, f.ID); err != nil {
		return err
	}
	for _, query := range []string{"delete from feed_item where feed = (select number from feed_entry where id = $1)",
		"update feed_subscription set feed = '' where feed = $1", "delete from feed_entry where id = $1"} {
		if _, err := tx.ExecContext(ctx, query, f.ID); err != nil {
			return err
		}
	}
	return nil
}

// wakeStopped has feeds walked that waited for somebody: what held them up may be mended. Where the whole connection is held up, all are:
// each says by itself what that means for it.
func (s *Service) wakeStopped(ctx context.Context, tx *store.Tx, c connection.Connection) error {
	switch c.Current(s.Clock.Now()) {
	case connection.NeedsAdmin, connection.NeedsReauth, connection.Paused:
		return s.wakeThose(ctx, tx, "connection = $1", c.ID)
	default:
		return s.wakeThose(ctx, tx, "connection = $1 and state in ($2, $3)", c.ID, string(Waiting), string(Paused))
	}
}

// wakeThose has the feeds of a condition walked now.
func (s *Service) wakeThose(ctx context.Context, tx *store.Tx, condition string, args ...any) error {
	found, err := store.Select(ctx, tx, scan, "select "+columns+" from feed_entry where "+condition, args...)
	if err != nil {
		return err
	}
	for _, f := range found {
		if err := s.Jobs.Schedule(ctx, tx, WalkJob, f.ID, s.Clock.Now()); err != nil {
			return err
		}
	}
	return nil
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
	all, err := store.Select(ctx, s.Store.Reader(), scan, "select "+columns+" from feed_entry where ($1 = '' or connection = $2) order by connection, mailbox, kind, title, id", connectionID, connectionID)
	if err != nil {
		return nil, err
	}
	return all, s.complete(ctx, all)
}

// complete adds what lies in the other tables: subscriptions and the number of parked items.
func (s *Service) complete(ctx context.Context, all []Feed) error {
	push := map[string]*Subscription{}
	if _, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (n Subscription, err error) {
		n, err = scanSubscription(r)
		push[n.feed] = &n
		return n, err
	}, "select "+subscriptionColumns+" from feed_subscription where feed <> ''"); err != nil {
		return err
	}
	refused, err := s.refusedOf(ctx)
	if err != nil {
		return err
	}
	parked := map[string]int{}
	if _, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (id string, err error) {
		var n int
		err = r.Scan(&id, &n)
		parked[id] = n
		return id, err
	}, "select feed, count(*) from feed_parked where parked = 1 group by feed"); err != nil {
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

// Wake has a feed walked now. From the start means that everything is read again, and what is no longer there is forgotten.
func (s *Service) Wake(ctx context.Context, id string, fromStart bool) error {
	f, err := s.Lookup(ctx, id)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, "feed.wake", func(tx *store.Tx) error {
		if fromStart {
			if _, err := tx.ExecContext(ctx, startOver+"id = $1", f.ID); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "delete from feed_parked where feed = $1", f.ID); err != nil {
				return err
			}
		}
		return s.Jobs.Schedule(ctx, tx, WalkJob, f.ID, s.Clock.Now())
	})
}

// startOver, with the condition that follows, has the next walk read everything; the new round tells a walk under way that what it judged is out of date. A feed that was live is not, until that walk has reached its end.
const startOver = "update feed_entry set link = '', round = round + 1, state = case when state = 'live' then 'backfill' else state end where "

// Restart has every Mail and Calendar feed of timeline mailboxes read from the start: what is worth keeping has changed.
func (s *Service) Restart(ctx context.Context, tx *store.Tx) error {
	all, err := store.Select(ctx, tx, scan, "select "+columns+" from feed_entry where purpose = $1 and kind in ($2, $3)", string(connection.ForTimeline), string(Mail), string(Calendar))
	if err != nil {
		return err
	}
	for _, f := range all {
		if _, err := tx.ExecContext(ctx, startOver+"id = $1", f.ID); err != nil {
			return err
		}
		if err := s.Jobs.Schedule(ctx, tx, WalkJob, f.ID, s.Clock.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Of gives the feed that follows a mail folder, if there is one.
func (s *Service) Of(ctx context.Context, connectionID, mailbox, folder string) (Feed, bool) {
	f, err := scan(s.Store.Reader().QueryRowContext(ctx, "select "+columns+" from feed_entry where connection = $1 and kind = $2 and mailbox = $3 and resource = $4", connectionID, string(Mail), mailbox, folder))
	return f, err == nil
}
