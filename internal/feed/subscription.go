package feed

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// TendJob is the kind of job that keeps subscriptions alive; its id is a connection's.
const TendJob = "feed.tend"

// Subscription is Microsoft's promise to tell of changes. It only ever wakes a feed.
type Subscription struct {
	ID        string    `json:"id"`
	ExpiresAt time.Time `json:"expires_at"`
	HeardAt   time.Time `json:"heard_at,omitzero"` // the last notification
	Rich      bool      `json:"rich,omitempty"`    // notifications carry who takes part, encrypted for us
	Refused   []Refused `json:"refused,omitempty"` // contents that were not believed, by reason

	feed, connection string
	certificate      string // "": nothing is carried
	madeAt           time.Time
	renewedAt        time.Time
}

// Remote are Microsoft's subscriptions; app joins it to graph.
type Remote interface {
	// Subscribe makes one for the feed's collection and gives it as Microsoft has it.
	Subscribe(ctx context.Context, b connection.Bound, f Feed, s graph.Subscription) (graph.Subscription, error)
	// Renew puts its end off; a certificate in it takes the place of the one before.
	Renew(ctx context.Context, b connection.Bound, id string, s graph.Subscription) (graph.Subscription, error)
	Unsubscribe(ctx context.Context, b connection.Bound, id string) error
	List(ctx context.Context, b connection.Bound) ([]graph.Subscription, error)
}

// lifetimes are Microsoft's longest (graph/FACTS §6.2). Folders, contact folders and sites have no subscriptions.
var lifetimes = map[Kind]time.Duration{Mail: 10_080 * time.Minute, Calendar: 10_080 * time.Minute, Users: 41_760 * time.Minute,
	Drive: 42_300 * time.Minute, List: 42_300 * time.Minute, Contacts: 10_080 * time.Minute}

// richLife is the longest where notifications carry content.
const richLife = 1_440 * time.Minute

func lifetime(k Kind, rich bool) time.Duration {
	if rich {
		return richLife
	}
	return lifetimes[k]
}

const (
	tendEvery   = time.Hour
	lookEvery   = 7 * 24 * time.Hour // unknown subscriptions are looked for
	tendSoon    = 2 * time.Second    // a mailbox's folders become feeds one after the other
	tendAgain   = 20 * time.Second   // while feeds wait for their first page
	stateLength = 24
)

const subscriptionColumns = "id, feed, connection, expires_at, made_at, renewed_at, heard_at, certificate"

func scanSubscription(r store.Scanner) (s Subscription, err error) {
	var expires, made, renewed, heard int64
	err = r.Scan(&s.ID, &s.feed, &s.connection, &expires, &made, &renewed, &heard, &s.certificate)
	s.Rich = s.certificate != ""
	s.ExpiresAt, s.madeAt, s.renewedAt, s.HeardAt = store.Time(expires), store.Time(made), store.Time(renewed), store.Time(heard)
	return s, err
}

// Tend is the job: every feed that can have a subscription has a living one, renewed at half its life, and nobody else has.
func (s *Service) Tend(ctx context.Context, connectionID string, _ int) (time.Time, error) {
	now := s.Clock.Now()
	bound, err := s.Connections.Bind(ctx, connectionID, connection.ForTimeline)
	if fault.KindOf(err) == fault.NotFound {
		return time.Time{}, s.forgetSubscriptions(ctx, connectionID)
	}
	if err != nil {
		return now.Add(tendEvery), nil //nolint:nilerr // the connection's own state says what is wrong with it
	}
	ctx = wire.WithPriority(ctx, wire.Dispatch)
	if err := s.endOrphans(ctx, bound); err != nil {
		return time.Time{}, err
	}
	if unreachable := s.reachable(ctx); unreachable != "" {
		next := now.Add(tendEvery)
		if s.NotifyURL() != "" {
			next = now.Add(reachAgain)
		}
		return next, errors.Join(s.excuse(ctx, connectionID, unreachable), s.tidy(ctx))
	}
	all, err := s.List(ctx, connectionID)
	if err != nil {
		return time.Time{}, err
	}
	next := now.Add(tendEvery)
	for _, f := range all {
		if f.State == New {
			next = now.Add(tendAgain)
		}
		if lifetimes[f.Kind] == 0 || (f.State != Live && f.State != Backfill) {
			continue
		}
		through, err := s.Connections.Bind(ctx, connectionID, f.Purpose) // its fence is the purpose's
		if err != nil {
			return time.Time{}, err
		}
		if err := s.tend(ctx, through, f); err != nil {
			return time.Time{}, err
		}
	}
	if err := s.endUnknown(ctx, bound, false); err != nil {
		s.Log.WarnContext(ctx, "unknown subscriptions were not looked for", "connection", connectionID, "error", err)
	}
	return next, s.tidy(ctx)
}

// excuse keeps why Microsoft cannot tell of changes with the feeds of a connection that it does not tell of, for people to read: with those
// that have not been walked yet, too, as the next tending may be an hour away.
func (s *Service) excuse(ctx context.Context, connectionID, unreachable string) error {
	return s.Store.InTx(ctx, "feed.excused", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "update feed_entry set push_note = $1 where connection = $2 and kind not in ($3, $4, $5) and push_note <> $6 and told_until <= $7", unreachable, connectionID,
			string(Folders), string(ContactFolders), string(Site), unreachable, store.Millis(s.Clock.Now()))
		return err
	})
}

// tend gives one feed its subscription. Why there is none is kept with the feed, for people to read.
func (s *Service) tend(ctx context.Context, b connection.Bound, f Feed) error {
	now := s.Clock.Now()
	if f.Push != nil && f.Push.ExpiresAt.After(now) && (f.Push.Rich || f.PushNote != "" || !s.carries(b.Connection, f.Kind)) {
		if now.Sub(f.Push.renewedAt) < lifetime(f.Kind, f.Push.Rich)/2 {
			return nil
		}
		asked := graph.Subscription{ExpirationDateTime: now.Add(lifetime(f.Kind, f.Push.Rich)).UTC()}
		if f.Push.Rich {
			if err := s.enclose(ctx, &asked); err != nil {
				return err
			}
		}
		renewed, err := s.Remote.Renew(ctx, b, f.Push.ID, asked)
		if err == nil {
			return s.renewed(ctx, b, f, renewed, asked.EncryptionCertificateID)
		}
		if fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Gone {
			return s.set(ctx, "push_note = $1", f.ID, sentence(err))
		}
	}
	return s.subscribe(ctx, b, f)
}

func sentence(err error) string {
	f := fault.As(err)
	if f.Cause == "" {
		return f.Message
	}
	return f.Message + ". " + f.Cause
}

// untold says why a feed has no subscription. Of files and lists Microsoft tells only who may write (graph/FACTS §6.1), and refuses others as
// it does at a closed mailbox.
func untold(k Kind, err error) string {
	f := fault.As(err)
	if (k == Drive || k == List) && f.Upstream != nil && f.Upstream.Status == http.StatusForbidden {
		return "Microsoft tells of changed files and list items only an application that may write to all of them (Files.ReadWrite.All for OneDrives, Sites.ReadWrite.All for sites), so the hub asks instead"
	}
	return sentence(err)
}

// carries says whether notifications of a kind are to carry content. Its rules are known of the global cloud alone (docs/fidelity.md).
func (s *Service) carries(c connection.Connection, k Kind) bool {
	_, reads := s.Contents[k]
	return reads && (c.Cloud == m365.Global || c.Cloud == m365.Custom)
}

// enclose has notifications carry content, encrypted for the present certificate.
func (s *Service) enclose(ctx context.Context, asked *graph.Subscription) error {
	c, err := s.certificate(ctx)
	asked.EncryptionCertificate, asked.EncryptionCertificateID = c.der, c.id
	return err
}

// subscribe makes a subscription, and has the feed walked: what happened before it nobody told. Where Microsoft will not send content, one
// without serves as well, only that nothing can wait.
func (s *Service) subscribe(ctx context.Context, b connection.Bound, f Feed) error {
	secret, note := rand.Text()[:stateLength], ""
	asked := graph.Subscription{ChangeType: changeTypes(f.Kind), NotificationURL: s.NotifyURL(), LifecycleNotificationURL: s.NotifyURL(), ClientState: secret}
	asked.IncludeResourceData = s.carries(b.Connection, f.Kind)
	if asked.IncludeResourceData {
		if err := s.enclose(ctx, &asked); err != nil {
			return err
		}
	}
	made, err := s.subscribeOnce(ctx, b, f, asked)
	if kind := fault.KindOf(err); asked.IncludeResourceData && (kind == fault.Invalid || kind == fault.NotSupported) {
		note = "Without content: " + sentence(err)
		asked.IncludeResourceData, asked.EncryptionCertificate, asked.EncryptionCertificateID = false, "", ""
		made, err = s.subscribeOnce(ctx, b, f, asked)
	}
	if err != nil {
		s.Log.InfoContext(ctx, "a feed has no subscription and is polled", "feed", f.ID, "error", err)
		if fault.KindOf(err) == fault.Unclear { // there may be one that nobody here knows
			if err := s.lookSoon(ctx, f.Connection); err != nil {
				return err
			}
		}
		return s.set(ctx, "push_note = $1", f.ID, untold(f.Kind, err))
	}
	return s.subscribed(ctx, b, f, made, asked, note)
}

// subscribeOnce asks, and asks again where one of this collection that nobody here knows was in the way.
func (s *Service) subscribeOnce(ctx context.Context, b connection.Bound, f Feed, asked graph.Subscription) (graph.Subscription, error) {
	asked.ExpirationDateTime = s.Clock.Now().Add(lifetime(f.Kind, asked.IncludeResourceData)).UTC()
	made, err := s.Remote.Subscribe(ctx, b, f, asked)
	if fault.KindOf(err) != fault.Conflict {
		return made, err
	}
	if err := s.endUnknown(ctx, b, true); err != nil {
		return made, err
	}
	return s.Remote.Subscribe(ctx, b, f, asked)
}

// subscribed keeps what was made. One that lives beside it, made before notifications carried content, becomes nobody's and is deleted.
func (s *Service) subscribed(ctx context.Context, b connection.Bound, f Feed, made, asked graph.Subscription, note string) error {
	now := s.Clock.Now()
	return s.Store.InTx(ctx, "feed.subscribed", func(tx *store.Tx) error {
		if f.Push != nil && f.Push.Rich != asked.IncludeResourceData {
			if _, err := tx.ExecContext(ctx, "update feed_subscription set feed = '' where id = $1", f.Push.ID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "delete from feed_subscription where feed = $1", f.ID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "insert into feed_subscription (id, feed, connection, state_hash, expires_at, made_at, renewed_at, heard_at, tenant, certificate) values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)",
			made.ID, f.ID, f.Connection, stateHash(asked.ClientState), store.Millis(made.ExpirationDateTime), store.Millis(now), store.Millis(now), string(b.Connection.Home()), asked.EncryptionCertificateID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "update feed_entry set push_note = $1, told_until = $2 where id = $3", note, store.Millis(made.ExpirationDateTime), f.ID); err != nil {
			return err
		}
		return s.Jobs.Schedule(ctx, tx, WalkJob, f.ID, now)
	})
}

func changeTypes(k Kind) string {
	switch k {
	case Users:
		return "updated,deleted" // creation and soft deletion come as updated (graph/FACTS §6.2)
	case Drive, List:
		return "updated" // the only one there is, whatever happened (graph/FACTS §6.2)
	}
	return "created,updated,deleted"
}

func stateHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func (s *Service) renewed(ctx context.Context, b connection.Bound, f Feed, r graph.Subscription, certificate string) error {
	return s.Store.InTx(ctx, "feed.renewed", func(tx *store.Tx) error {
		until := store.Millis(r.ExpirationDateTime)
		if _, err := tx.ExecContext(ctx, "update feed_subscription set expires_at = $1, renewed_at = $2, tenant = $3, certificate = $4 where id = $5", until, store.Millis(s.Clock.Now()),
			string(b.Connection.Home()), certificate, f.Push.ID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "update feed_entry set told_until = $1 where id = $2", until, f.ID)
		if err != nil || !f.Push.renewedAt.IsZero() {
			return err
		}
		return s.Jobs.Schedule(ctx, tx, WalkJob, f.ID, s.Clock.Now()) // it was doubted: what happened meanwhile nobody told (graph/FACTS §6.4)
	})
}

// endOrphans deletes at Microsoft what belonged to feeds that are no more.
func (s *Service) endOrphans(ctx context.Context, b connection.Bound) error {
	orphans, err := store.Select(ctx, s.Store.Reader(), scanSubscription, "select "+subscriptionColumns+" from feed_subscription where connection = $1 and feed = ''", b.Connection.ID)
	if err != nil {
		return err
	}
	for _, o := range orphans {
		if err := s.unsubscribe(ctx, b, o.ID); err != nil {
			s.Log.InfoContext(ctx, "a subscription was not deleted yet", "subscription", o.ID, "error", err)
		}
	}
	return nil
}

func (s *Service) unsubscribe(ctx context.Context, b connection.Bound, id string) error {
	if err := s.Remote.Unsubscribe(ctx, b, id); err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	return s.Store.InTx(ctx, "feed.unsubscribed", func(tx *store.Tx) error { return forgetSubscription(ctx, tx, id) })
}

// forgetSubscription drops the row of a subscription that is no more: its feed is told of nothing from now on.
func forgetSubscription(ctx context.Context, tx *store.Tx, id string) error {
	for _, query := range []string{"update feed_entry set told_until = 0 where id = (select feed from feed_subscription where id = $1)", "delete from feed_subscription where id = $1"} {
		if _, err := tx.ExecContext(ctx, query, id); err != nil {
			return err
		}
	}
	return nil
}

// endUnknown deletes, once a week or when asked to, subscriptions that lead here and that nobody here knows: answers that were lost, databases restored.
func (s *Service) endUnknown(ctx context.Context, b connection.Bound, now bool) error {
	at := s.Clock.Now()
	var looked int64
	err := s.Store.Reader().QueryRowContext(ctx, "select at from feed_look where connection = $1", b.Connection.ID).Scan(&looked)
	if err != nil && !store.IsNoRows(err) {
		return err
	}
	if !now && at.Sub(store.Time(looked)) < lookEvery {
		return nil
	}
	there, err := s.Remote.List(ctx, b)
	if err != nil {
		return err
	}
	// The list is the application's, and several connections may share one: those of all of them are known (subscription-list.md).
	known, err := store.Select(ctx, s.Store.Reader(), scanSubscription, "select "+subscriptionColumns+" from feed_subscription")
	if err != nil {
		return err
	}
	ours := map[string]bool{}
	for _, k := range known {
		ours[k.ID] = true
	}
	for _, t := range there {
		// A person's are asked for as "me", the app's own never: neither kind ends what the other is just making.
		mine := strings.HasPrefix(t.Resource, "me/") == (b.Connection.Kind == m365.Delegated)
		if ours[t.ID] || !mine || t.NotificationURL != s.NotifyURL() {
			continue
		}
		if err := s.unsubscribe(ctx, b, t.ID); err != nil {
			return err
		}
		s.Log.InfoContext(ctx, "a subscription that nobody here knew was deleted", "subscription", t.ID, "resource", t.Resource)
	}
	return s.Store.InTx(ctx, "feed.looked", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into feed_look (connection, at) values ($1, $2) on conflict (connection) do update set at = excluded.at", b.Connection.ID, store.Millis(at)); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: "system:feed", Action: "feed.subscriptions_listed", Target: b.Connection.ID, Outcome: "done", Detail: map[string]any{"listed": len(there), "known": len(known)}})
	})
}

// lookSoon has unknown subscriptions looked for at the end of this tending, and what is missing made by the next, soon.
func (s *Service) lookSoon(ctx context.Context, connectionID string) error {
	return s.Store.InTx(ctx, "feed.look_soon", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "delete from feed_look where connection = $1", connectionID); err != nil {
			return err
		}
		return s.Jobs.ScheduleBy(ctx, tx, TendJob, connectionID, s.Clock.Now().Add(tendAgain))
	})
}

// forgetSubscriptions drops the rows of a connection that is gone; Leave has deleted them at Microsoft as far as it could.
func (s *Service) forgetSubscriptions(ctx context.Context, connectionID string) error {
	return s.Store.InTx(ctx, "feed.forgotten", func(tx *store.Tx) error {
		for _, query := range []string{"delete from feed_subscription where connection = $1", "delete from feed_look where connection = $1"} {
			if _, err := tx.ExecContext(ctx, query, connectionID); err != nil {
				return err
			}
		}
		return nil
	})
}

// Leave deletes all subscriptions of a connection at Microsoft, while its credential still works: it is being disconnected.
func (s *Service) Leave(ctx context.Context, b connection.Bound) {
	known, err := store.Select(ctx, s.Store.Reader(), scanSubscription, "select "+subscriptionColumns+" from feed_subscription where connection = $1", b.Connection.ID)
	if err != nil {
		s.Log.WarnContext(ctx, "subscriptions were not read before disconnecting", "connection", b.Connection.ID, "error", err)
	}
	for _, k := range known {
		if err := s.unsubscribe(ctx, b, k.ID); err != nil {
			s.Log.WarnContext(ctx, "a subscription was not deleted; it runs out by itself", "subscription", k.ID, "expires", k.ExpiresAt, "error", err)
		}
	}
}
