package feed

import (
	"context"
	"crypto/subtle"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// Note is one notification as it came.
type Note struct {
	Subscription string
	ClientState  string
	Tenant       m365.TenantID
	Lifecycle    string   // reauthorizationRequired, subscriptionRemoved, missed; "" for a change
	Content      *Content // nil: it only tells that something changed
	Tokens       []string // those of its POST, which vouch for contents
}

// delivery is one POST's notes, waiting for their commit.
type delivery struct {
	notes []Note
	done  chan error
}

// desk gathers what arrives while a commit is under way, so that thousands of POSTs a second share a few commits.
type desk struct {
	mu      sync.Mutex
	waiting []delivery
	busy    bool
}

// Notice makes the feeds of genuine notes due. It returns when that is durable. A note that is forged or of a subscription we do not know
// changes nothing and is no error: whoever sent it learns nothing.
func (s *Service) Notice(ctx context.Context, notes []Note) error {
	d := delivery{notes: notes, done: make(chan error, 1)}
	s.desk.mu.Lock()
	s.desk.waiting = append(s.desk.waiting, d)
	lead := !s.desk.busy
	s.desk.busy = true
	s.desk.mu.Unlock()
	if lead {
		go s.clear(context.WithoutCancel(ctx)) // whoever came first waits for their own commit, and not for those of all who come after
	}
	return <-d.done
}

// clear commits what waits until nothing does.
func (s *Service) clear(ctx context.Context) {
	for {
		s.desk.mu.Lock()
		batch := s.desk.waiting
		s.desk.waiting = nil
		if len(batch) == 0 {
			s.desk.busy = false
			s.desk.mu.Unlock()
			return
		}
		s.desk.mu.Unlock()
		var notes []Note
		for _, d := range batch {
			notes = append(notes, d.notes...)
		}
		var letters []letter
		err := s.Store.InTxAhead(ctx, "feed.notice", func(tx *store.Tx) (err error) {
			letters, err = s.wakeFeeds(ctx, tx, notes)
			return err
		})
		for _, d := range batch {
			d.done <- err
		}
		if err == nil {
			s.hand(ctx, letters)
		}
	}
}

// expected is a subscription with what its notes carry: the hash of the secret, and the tenant.
type expected struct {
	Subscription
	hash   string
	tenant m365.TenantID // "": not known, as of a person's connection to any tenant
}

// doubts says what is wrong with a note, "" if nothing is (graph/FACTS §6.3). A POST may mix subscriptions and tenants: each note counts for itself.
func (e expected) doubts(n Note) string {
	switch {
	case e.feed == "":
		return "of no subscription of ours"
	case subtle.ConstantTimeCompare([]byte(stateHash(n.ClientState)), []byte(e.hash)) != 1:
		return "without its secret"
	case e.tenant != "" && !strings.EqualFold(string(n.Tenant), string(e.tenant)):
		return "of another tenant"
	}
	return ""
}

// wakeFeeds makes due what genuine notes name: at once, or within leisure where a content is still to be read, which it gives back.
func (s *Service) wakeFeeds(ctx context.Context, tx *store.Tx, notes []Note) ([]letter, error) {
	subscriptions, err := expectedOf(ctx, tx, notes)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	feeds, connections, heard := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var letters []letter
	for _, n := range notes {
		have := subscriptions[strings.ToLower(n.Subscription)]
		if why := have.doubts(n); why != "" {
			s.Log.InfoContext(ctx, "a notification was not believed", "subscription", have.ID, "why", why)
			continue
		}
		heard[have.ID] = true
		if n.Content != nil && n.Lifecycle == "" && have.certificate != "" {
			letters = append(letters, letter{note: n, have: have})
			continue
		}
		feeds[have.feed] = true
		if n.Lifecycle == "reauthorizationRequired" || n.Lifecycle == "subscriptionRemoved" {
			connections[have.connection] = true
			if err := s.doubt(ctx, tx, have, n.Lifecycle); err != nil {
				return nil, err
			}
		}
	}
	letters = slices.DeleteFunc(letters, func(l letter) bool { return feeds[l.have.feed] }) // due at once: nothing is left to decide
	for _, l := range letters {
		if err := s.Jobs.ScheduleBy(ctx, tx, WalkJob, l.have.feed, now.Add(leisure)); err != nil {
			return nil, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(feeds)) { // two that lock rows in one order do not wait for each other
		if err := s.Jobs.Schedule(ctx, tx, WalkJob, id, now); err != nil {
			return nil, err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(connections)) {
		if err := s.Jobs.Schedule(ctx, tx, TendJob, id, now); err != nil {
			return nil, err
		}
	}
	if err := markRead(ctx, tx, letters, now); err != nil {
		return nil, err
	}
	return letters, markHeard(ctx, tx, heard, now)
}

// doubt has a subscription renewed or made anew by the next tending.
func (s *Service) doubt(ctx context.Context, tx *store.Tx, have expected, event string) error {
	if event == "subscriptionRemoved" {
		return forgetSubscription(ctx, tx, have.ID)
	}
	_, err := tx.ExecContext(ctx, "update feed_subscription set renewed_at = 0 where id = $1", have.ID)
	return err
}

// expectedOf reads the subscriptions that the notes name.
func expectedOf(ctx context.Context, tx *store.Tx, notes []Note) (map[string]expected, error) {
	seen := map[string]bool{}
	var names []string
	for _, n := range notes {
		if id := strings.ToLower(n.Subscription); !seen[id] {
			seen[id] = true
			names = append(names, id)
		}
	}
	out := map[string]expected{}
	for some := range slices.Chunk(names, batch) {
		var args store.Args
		in := store.List(&args, some)
		found, err := store.Select(ctx, tx, func(r store.Scanner) (e expected, err error) {
			return e, r.Scan(&e.ID, &e.feed, &e.connection, &e.hash, &e.tenant, &e.certificate)
		}, "select id, feed, connection, state_hash, tenant, certificate from feed_subscription where lower(id) in ("+in+")", args...)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			out[strings.ToLower(e.ID)] = e
		}
	}
	return out, nil
}

func markHeard(ctx context.Context, tx *store.Tx, heard map[string]bool, now time.Time) error {
	for some := range slices.Chunk(slices.Collect(maps.Keys(heard)), batch) {
		args := store.Args{store.Millis(now)}
		in := store.List(&args, some)
		if _, err := tx.ExecContext(ctx, "update feed_subscription set heard_at = $1 where id in ("+in+")", args...); err != nil {
			return err
		}
	}
	return nil
}
