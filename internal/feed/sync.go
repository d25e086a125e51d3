package feed

import (
	"context"
	"fmt"
	"strings"
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

// Sync is the job: feeds are what the connection's mailboxes and sites are listed for, no more. A connection that is gone has none.
func (s *Service) Sync(ctx context.Context, connectionID string, _ int) (time.Time, error) {
	c, err := s.Connections.Lookup(ctx, connectionID)
	gone := fault.KindOf(err) == fault.NotFound
	if err != nil && !gone {
		return time.Time{}, err
	}
	err = s.Store.InTx(ctx, "feed.sync", func(tx *store.Tx) error {
		have, err := store.Select(ctx, tx, scan, "select "+columns+" from feed_entry where connection = $1 and (resource = '' or kind = $2) order by number", connectionID, string(Site))
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
		if h.Kind == Site {
			key.Site, key.Title = h.Site, h.Title
		}
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
	if err := s.startOver(ctx, tx, "connection = $1 and kind = $2", connectionID, string(Users)); err != nil {
		return err
	}
	_, err := s.wakeThose(ctx, tx, "connection = $1 and kind = $2", connectionID, string(Users))
	return err
}

// followed are the capabilities that follow mailboxes, with their purpose and the feeds that each mailbox has for it.
var followed = []struct {
	capability m365.Capability
	purpose    connection.Purpose
	kinds      []Kind
}{
	{m365.Timeline, connection.ForTimeline, []Kind{Folders, Calendar}},
	{m365.Dispatch, connection.ForDispatch, []Kind{Calendar}},
	{m365.FollowFiles, connection.ForFiles, []Kind{Drive}},
	{m365.FollowContacts, connection.ForContacts, []Kind{ContactFolders}},
}

// wants lists the feeds a connection needs, each with its mailbox's account. Those of single folders, libraries and lists follow from the
// feeds that find them.
func wants(c connection.Connection) map[Feed]string {
	out := map[Feed]string{}
	for _, w := range followed {
		if !c.Serves(w.capability) {
			continue
		}
		for _, m := range c.For(w.purpose) {
			if w.purpose == connection.ForDispatch && m.Has(connection.ForTimeline) && c.Serves(m365.Timeline) {
				continue // its calendar is followed already, and whoever follows a calendar learns of all that is in it
			}
			for _, kind := range w.kinds {
				out[Feed{Connection: c.ID, Kind: kind, Mailbox: m.Address, Purpose: w.purpose}] = m.ObjectID
			}
		}
		if w.capability == m365.Timeline && len(out) > 0 && c.Kind == m365.Application { // a person reads the directory as themselves, and it tells nothing of their mailbox
			out[Feed{Connection: c.ID, Kind: Users, Purpose: w.purpose}] = ""
		}
	}
	if !c.Serves(m365.FollowSites) {
		return out
	}
	for _, s := range c.SiteStates {
		if s.ID != "" { // a site that nobody has found yet is followed once it is
			out[Feed{Connection: c.ID, Kind: Site, Resource: s.ID, Site: s.ID, Title: s.URL, Purpose: connection.ForSites}] = ""
		}
	}
	return out
}

// begin makes a feed and has it walked.
func (s *Service) begin(ctx context.Context, tx *store.Tx, f Feed) error {
	now := s.Clock.Now()
	f.ID, f.CreatedAt, f.Poll = store.NewID(now), now, paces[f.Kind].least
	if f.newsFrom.IsZero() {
		f.newsFrom = now
	}
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
		_, err := s.wakeThose(ctx, tx, "connection = $1", c.ID)
		return err
	default:
		_, err := s.wakeThose(ctx, tx, "connection = $1 and state in ($2, $3)", c.ID, string(Waiting), string(Paused))
		return err
	}
}

// wakeThose has the feeds of a condition walked now, and counts them.
func (s *Service) wakeThose(ctx context.Context, tx *store.Tx, condition string, args ...any) (int, error) {
	found, err := store.Select(ctx, tx, func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) }, "select id from feed_entry where "+condition+" order by id", args...)
	if err != nil {
		return 0, err
	}
	for _, id := range found {
		if err := s.Jobs.Schedule(ctx, tx, WalkJob, id, s.Clock.Now()); err != nil {
			return 0, err
		}
	}
	return len(found), nil
}

// WakeAll has the feeds of a connection, of a mailbox, or of a mailbox of a connection walked now, and counts them.
func (s *Service) WakeAll(ctx context.Context, connectionID, mailbox string) (n int, err error) {
	wake := func(tx *store.Tx) error {
		n, err = s.wakeThose(ctx, tx, "($1 = '' or connection = $2) and ($3 = '' or mailbox = $4)", connectionID, connectionID, strings.ToLower(mailbox), strings.ToLower(mailbox))
		return err
	}
	err = s.Store.InTx(ctx, "feed.wake", wake)
	for again := 0; again < wakeRaces && store.LostRace(err); again++ { // it takes many rows, and walks that end take them in another order
		err = s.Store.InTx(ctx, "feed.wake", wake)
	}
	return n, err
}

const wakeRaces = 5

// Wake has a feed walked now. From the start means that everything is read again, and what is no longer there is forgotten.
func (s *Service) Wake(ctx context.Context, id string, fromStart bool) error {
	f, err := s.Lookup(ctx, id)
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, "feed.wake", func(tx *store.Tx) error {
		if fromStart {
			if err := s.startOver(ctx, tx, "id = $1", f.ID); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "delete from feed_parked where feed = $1", f.ID); err != nil {
				return err
			}
		}
		return s.Jobs.Schedule(ctx, tx, WalkJob, f.ID, s.Clock.Now())
	})
}

// startOver has the next walk of some feeds read everything; the new round tells a walk under way that what it judged is out of date. A feed
// that was live is not, until that walk has reached its end.
func (s *Service) startOver(ctx context.Context, tx *store.Tx, condition string, args ...any) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("update feed_entry set link = '', round = round + 1, state = case when state = 'live' then 'backfill' else state end, entries_read = 0, wanted_at = $%d where %s", len(args)+1, condition),
		append(args, store.Millis(s.Clock.Now()))...)
	return err
}

// Restart has every Mail and Calendar feed of timeline mailboxes read from the start: what is worth keeping has changed.
func (s *Service) Restart(ctx context.Context, tx *store.Tx) error {
	all, err := store.Select(ctx, tx, scan, "select "+columns+" from feed_entry where purpose = $1 and kind in ($2, $3)", string(connection.ForTimeline), string(Mail), string(Calendar))
	if err != nil {
		return err
	}
	for _, f := range all {
		if err := s.startOver(ctx, tx, "id = $1", f.ID); err != nil {
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
