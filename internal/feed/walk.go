package feed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// pace is how often a collection is walked when nobody wakes it.
type pace struct{ least, most time.Duration }

var paces = map[Kind]pace{
	Folders:  {5 * time.Minute, 15 * time.Minute},
	Mail:     {30 * time.Second, 10 * time.Minute},
	Calendar: {time.Minute, 15 * time.Minute},
	Users:    {time.Hour, time.Hour},

	Drive:          {time.Minute, 15 * time.Minute},
	ContactFolders: {5 * time.Minute, 15 * time.Minute},
	Contacts:       {time.Minute, 15 * time.Minute},
	Site:           {5 * time.Minute, 15 * time.Minute},
	List:           {time.Minute, 15 * time.Minute},
}

// Walk is the job: it walks a feed to its present end, and says when to walk it again. What went wrong stands in the feed's state.
func (s *Service) Walk(ctx context.Context, id string, _ int) (time.Time, error) {
	f, err := s.Lookup(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	walked, err := s.walk(ctx, f)
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if fault.CodeOf(err) == errMoved.Code {
		return s.Clock.Now(), nil // from where it stands now
	}
	if err != nil {
		return s.failed(ctx, walked, err)
	}
	return s.next(walked), nil
}

// next is when the feed is walked again if nobody wakes it.
func (s *Service) next(f Feed) time.Time {
	at := s.Clock.Now().Add(s.pause(f))
	if moves := f.slides(); f.Kind == Calendar && moves.Before(at) {
		return moves
	}
	return at
}

// walk goes page by page. Each page commits by itself, so that a kill loses one at most.
func (s *Service) walk(ctx context.Context, f Feed) (Feed, error) {
	bound, err := s.Connections.Bind(ctx, f.Connection, f.Purpose)
	if err != nil {
		return f, err
	}
	source := s.Sources[f.Kind]
	if source == nil {
		return f, fmt.Errorf("no source walks feeds of kind %s", f.Kind)
	}
	f = s.slide(f)
	priority := wire.Dispatch
	if f.Proof.At.IsZero() || f.roundOpen {
		priority = wire.Backfill
	}
	ctx = wire.WithPriority(ctx, priority)
	began := f
	for raw, err := range source.Walk(ctx, bound, f, f.link) {
		if err != nil {
			return f, err
		}
		if f, err = s.page(ctx, bound, f, raw); err != nil {
			return f, err
		}
	}
	if !f.changedSince(began) {
		f.Poll = min(max(f.Poll, paces[f.Kind].least)*3/2, paces[f.Kind].most)
	} else {
		f.Poll = paces[f.Kind].least
	}
	return f, s.set(ctx, "poll_ms = $1, lagging = 0", f.ID, f.Poll.Milliseconds())
}

func (f Feed) changedSince(before Feed) bool { return f.ChangedAt.After(before.ChangedAt) }

// slides is when a calendar's window is due to move on: after midnight, and not those of all mailboxes at once.
func (f Feed) slides() time.Time {
	const spread = 15 * time.Minute
	return f.windowFrom.Add(CalendarWindow.Past + 24*time.Hour + time.Duration(f.number%int64(spread/time.Second))*time.Second)
}

// slide moves a calendar's window on at midnight. A window is fixed in its link, so a new one is a new round (graph/FACTS §5).
func (s *Service) slide(f Feed) Feed {
	if f.Kind != Calendar {
		return f
	}
	from := s.Clock.Now().UTC().Truncate(24 * time.Hour).Add(-CalendarWindow.Past)
	if !from.Equal(f.windowFrom) {
		f.windowFrom, f.link = from, ""
	}
	return f
}

// page digests one page: what followers make of it, what the collection now holds, and the new link commit together.
func (s *Service) page(ctx context.Context, b connection.Bound, was Feed, raw Raw) (Feed, error) {
	f, now := was, s.Clock.Now()
	if raw.Reset || was.link == "" {
		if f.Read = 0; raw.Reset {
			f.wantedAt = now
		}
		f.round, f.roundOpen = was.round+1, true
	}
	known, err := s.known(ctx, f, append(ids(raw.Items), raw.Removed...))
	if err != nil {
		return was, err
	}
	p := Page{Items: raw.Items, Removed: raw.Removed, Round: f.round, Full: f.roundOpen, Last: raw.Last, Quiet: f.Proof.At.IsZero()}
	fresh, gone := mark(&p, known)
	effects, cured, err := s.digest(ctx, b, f, &p, raw.Broken)
	if err != nil {
		return was, err
	}
	if f.roundOpen {
		f.Read += int64(len(raw.Items))
	}
	f.link, f.WalkedAt, f.failures, f.Reason = raw.Link, now, 0, nil
	if fresh+gone > 0 || (len(p.Items) > 0 && !p.Full) {
		f.ChangedAt = now
	}
	if raw.Last {
		if f.roundOpen {
			f.readAt = now
		}
		f.roundOpen, f.Proof = false, raw.Proof
	}
	f.setState(progress(f), now)
	err = s.Store.InTx(ctx, "feed.page", func(tx *store.Tx) error {
		swept, err := s.keepItems(ctx, tx, f, p)
		if err != nil {
			return err
		}
		f.Items = was.Items + int64(fresh-gone) - swept
		for _, effect := range effects {
			if err := effect(ctx, tx); err != nil {
				return err
			}
		}
		if err := unpark(ctx, tx, f, cured); err != nil {
			return err
		}
		if was.State == Waiting || was.State == Paused {
			if err := s.returned(ctx, tx, f); err != nil {
				return err
			}
		}
		return save(ctx, tx, was, f)
	})
	f.held = f.link
	return f, err
}

func ids(items []Item) []string {
	out := make([]string, 0, len(items))
	for _, i := range items {
		out = append(out, i.ID)
	}
	return out
}

// mark tells new entries from known ones, and counts what comes and what goes.
func mark(p *Page, known map[int64]bool) (fresh, gone int) {
	for i := range p.Items {
		h := hash(p.Items[i].ID)
		if !known[h] {
			p.Items[i].New, known[h] = true, true
			fresh++
		}
	}
	for _, id := range p.Removed {
		if h := hash(id); known[h] {
			known[h] = false
			gone++
		}
	}
	return fresh, gone
}

func progress(f Feed) State {
	if f.roundOpen {
		return Backfill
	}
	return Live
}

func (f *Feed) setState(st State, now time.Time) {
	if f.State != st {
		f.State, f.Since = st, now
	}
}

// keepItems writes down what the collection holds now; at the end of a full round, what was not seen in it is gone.
func (s *Service) keepItems(ctx context.Context, tx *store.Tx, f Feed, p Page) (swept int64, err error) {
	if err := forget(ctx, tx, f, p.Removed); err != nil {
		return 0, err
	}
	if err := remember(ctx, tx, f, ids(p.Items)); err != nil {
		return 0, err
	}
	if !p.Full || !p.Last {
		return 0, nil
	}
	return store.Affected(ctx, tx, "delete from feed_item where feed = $1 and round < $2", f.number, f.round)
}

// failed writes down why a walk ended, and says when the next begins.
func (s *Service) failed(ctx context.Context, f Feed, err error) (time.Time, error) {
	now, cause := s.Clock.Now(), fault.As(err)
	f.failures++
	state, pause := s.consequence(f, cause)
	f.setState(state, now)
	problem := cause.Problem()
	if problem.Code == "permission_missing" { // the request's own least permission may be too little for what is read from the answer
		problem.Fix = "Grant " + strings.Join(s.permissions(ctx, f), ", ") + " to the application and give admin consent; seneschal doctor says which is missing"
	}
	f.Reason = &problem
	s.Log.WarnContext(ctx, "a feed was not walked to its end", "feed", f.ID, "kind", f.Kind, "failures", f.failures, "error", err)
	if state == Waiting && f.failures == 1 {
		if err := s.suspect(ctx, f, cause); err != nil {
			return time.Time{}, err
		}
	}
	return now.Add(pause), s.set(ctx, "state = $1, reason = $2, since = $3, failures = $4, walked_at = $5", f.ID, string(f.State), reasonText(f.Reason), store.Millis(f.Since), f.failures, store.Millis(now))
}

// permissions are those that what the feed is for needs.
func (s *Service) permissions(ctx context.Context, f Feed) []string {
	c, err := s.Connections.Lookup(ctx, f.Connection)
	if err != nil {
		return []string{"the permissions of this feed"}
	}
	var out []string
	for _, name := range c.Capabilities {
		info, _ := m365.LookupCapability(name)
		for _, n := range info.Needs {
			if p := n.Name(c.Kind); info.Purpose == string(f.Purpose) && p != "" && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// suspect has the connection or the mailbox looked at: what one feed was refused for may be true of others. Those of the same mailbox are
// walked at once: a subscription that has ended tells nothing.
func (s *Service) suspect(ctx context.Context, f Feed, cause *fault.Error) error {
	switch {
	case cause.Kind == fault.NeedsAdmin, cause.Kind == fault.NeedsReauth:
		return s.Store.InTx(ctx, "feed.suspect", func(tx *store.Tx) error { return s.Connections.Suspect(ctx, tx, f.Connection) })
	case !graph.NoMailbox(cause):
		return nil
	}
	return s.Store.InTx(ctx, "feed.suspect", func(tx *store.Tx) error {
		if _, err := s.wakeThose(ctx, tx, "connection = $1 and mailbox = $2 and state not in ($3, $4)", f.Connection, f.Mailbox, string(Waiting), string(Paused)); err != nil {
			return err
		}
		return s.Connections.Recheck(ctx, tx, f.Connection, f.Mailbox)
	})
}

// returned has the subscription of a feed that waited for somebody renewed or made anew: Microsoft may have ended it without a word.
func (s *Service) returned(ctx context.Context, tx *store.Tx, f Feed) error {
	if _, err := tx.ExecContext(ctx, "update feed_subscription set renewed_at = 0 where feed = $1", f.ID); err != nil {
		return err
	}
	return s.Jobs.Schedule(ctx, tx, TendJob, f.Connection, s.Clock.Now())
}

const (
	waitForPeople = 15 * time.Minute
	longestPause  = 15 * time.Minute
)

// consequence is what a failure makes of a feed, and how long it rests.
func (s *Service) consequence(f Feed, cause *fault.Error) (State, time.Duration) {
	backoff := min(5*time.Second<<min(f.failures, 10), longestPause)
	switch {
	case cause.Code == "connection_paused":
		return Paused, 24 * time.Hour // resuming the connection wakes it
	case cause.Kind == fault.NeedsReauth:
		return Waiting, 24 * time.Hour // and so does a sign-in: a grant that was revoked is not asked for again and again (graph/FACTS §1.6)
	case cause.Kind == fault.Throttled:
		return f.State, max(cause.RetryAfter, time.Second)
	case cause.Kind == fault.NeedsAdmin, cause.Kind == fault.NotFound, cause.Kind == fault.Forbidden, cause.Kind == fault.NotSupported:
		return Waiting, waitForPeople
	default:
		return Failing, backoff
	}
}

// pause is how long the feed rests when nobody wakes it: with a living subscription the next walk is a mere precaution.
func (s *Service) pause(f Feed) time.Duration {
	if f.toldUntil.After(s.Clock.Now()) {
		return trustSilence
	}
	return f.Poll
}

// trustSilence is how long a subscription that tells nothing is believed: one may be made and then stay silent for ever.
const trustSilence = 6 * time.Hour

func (s *Service) set(ctx context.Context, columns, id string, args ...any) error {
	return s.Store.InTx(ctx, "feed.state", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("update feed_entry set %s where id = $%d", columns, len(args)+1), append(args, id)...)
		return err
	})
}
