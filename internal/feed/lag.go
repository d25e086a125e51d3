package feed

import (
	"context"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// LagJob looks for feeds that fell behind; its id is "all".
const LagJob = "feed.lag"

const (
	lagEvery = time.Minute
	// grace is what a feed may be late beyond the pause it promised: its freshness objective is pause and grace together.
	grace = 15 * time.Minute
)

// Lag is the job: it finds feeds that missed their objective and says so, once each. What holds up a whole connection is told of the
// connection, and not of each of its feeds.
func (s *Service) Lag(ctx context.Context, _ string, _ int) (time.Time, error) {
	now := s.Clock.Now()
	connections, err := s.Connections.List(ctx)
	if err != nil {
		return time.Time{}, err
	}
	works := map[string]bool{}
	for _, c := range connections {
		switch c.Current(now) {
		case connection.NeedsReauth, connection.NeedsAdmin, connection.PendingConsent, connection.Verifying, connection.Paused:
		default:
			works[c.ID] = true
		}
	}
	late, err := s.late(ctx, now)
	if err != nil {
		return time.Time{}, err
	}
	for _, f := range late {
		behind := works[f.Connection] && f.State != Paused && now.After(f.freshUntil(s.pause(f)))
		if behind == f.Lagging {
			continue
		}
		if err := s.setLagging(ctx, f, behind); err != nil {
			return time.Time{}, err
		}
	}
	return now.Add(lagEvery), nil
}

// late gives the feeds that may have missed their objective, and those of which that was told: freshUntil decides.
func (s *Service) late(ctx context.Context, now time.Time) ([]Feed, error) {
	return store.Select(ctx, s.Store.Reader(), scan, "select "+columns+" from feed_entry where lagging = 1 or proven_at < $1 and (told_until <= $2 or proven_at < $3)",
		store.Millis(now.Add(-grace)), store.Millis(now), store.Millis(now.Add(-grace-trustSilence)))
}

// freshUntil is when a feed will have missed its objective. A long import is no delay as long as it gets on.
func (f Feed) freshUntil(pause time.Duration) time.Time {
	last := f.CreatedAt
	if f.Proof.At.After(last) {
		last = f.Proof.At
	}
	if f.State == Backfill && f.WalkedAt.After(last) {
		last = f.WalkedAt
	}
	return last.Add(max(pause, paces[f.Kind].least) + grace)
}

func (s *Service) setLagging(ctx context.Context, f Feed, behind bool) error {
	return s.Store.InTx(ctx, "feed.lag", func(tx *store.Tx) error {
		n, err := store.Affected(ctx, tx, "update feed_entry set lagging = $1 where id = $2 and lagging = $3", flag(behind), f.ID, flag(!behind))
		if err != nil || n == 0 || !behind {
			return err
		}
		data := map[string]any{"feed": f.ID, "kind": f.Kind, "as_of": f.Proof.At, "fix": "seneschal feed list shows why", "who": "an admin of this hub"}
		if f.Reason != nil {
			data["code"], data["cause"], data["fix"], data["who"] = f.Reason.Code, f.Reason.Title, f.Reason.Fix, f.Reason.Who
		}
		return s.Events.Emit(ctx, tx, event.Event{Type: event.FeedLagging, Connection: f.Connection, About: f.ID, Data: data})
	})
}
