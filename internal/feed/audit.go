package feed

import (
	"context"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// AuditJob is the kind of job that compares counts with Microsoft's; its id is a connection's.
const AuditJob = "feed.audit"

const (
	auditEvery  = 24 * time.Hour
	secondCount = 10 * time.Minute // after a walk: what differs still is no mail on its way, but a gap
)

// Counter gives how many messages Microsoft counts in each folder of a mailbox.
type Counter func(ctx context.Context, b connection.Bound, mailbox string) (map[string]int, error)

// Compare is the job: every day each folder's entries are counted against Microsoft's. A difference has the feed walked; one that is
// still there afterwards is a gap, and the folder is read from the start.
func (s *Service) Compare(ctx context.Context, connectionID string, _ int) (time.Time, error) {
	if err := s.count(ctx, connectionID); err != nil {
		return time.Time{}, err
	}
	all, err := s.List(ctx, connectionID)
	if err != nil {
		return time.Time{}, err
	}
	now, again := s.Clock.Now(), false
	for _, f := range all {
		if f.Kind != Mail || f.State != Live || f.Items == f.Expected {
			continue
		}
		again = true
		gap := f.Proof.At.After(f.comparedAt) && now.Sub(f.comparedAt) < auditEvery && !f.comparedAt.IsZero()
		if err := s.repair(ctx, f, gap); err != nil {
			return time.Time{}, err
		}
	}
	if again {
		return now.Add(secondCount), nil
	}
	return now.Add(auditEvery), nil
}

// count asks Microsoft for the counts of every followed mailbox. One that cannot be asked is left for the next time.
func (s *Service) count(ctx context.Context, connectionID string) error {
	bound, err := s.Connections.Bind(ctx, connectionID, connection.ForTimeline)
	if err != nil {
		return nil //nolint:nilerr // the connection's own state says what is wrong with it
	}
	ctx = wire.WithPriority(ctx, wire.Backfill)
	for _, m := range bound.Connection.For(connection.ForTimeline) {
		counts, err := s.Count(ctx, bound, m.Address)
		if err != nil {
			s.Log.InfoContext(ctx, "a mailbox's folders were not counted", "connection", connectionID, "error", err)
			continue
		}
		err = s.Store.InTx(ctx, "feed.count", func(tx *store.Tx) error {
			for folder, n := range counts {
				if _, err := tx.ExecContext(ctx, "update feed_entry set expected = $1 where connection = $2 and kind = $3 and mailbox = $4 and resource = $5", n, connectionID, string(Mail), m.Address, folder); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// repair has a feed walked whose count differs; from the start when a walk has not helped. That is recorded: a gap is a fact to know.
func (s *Service) repair(ctx context.Context, f Feed, gap bool) error {
	return s.Store.InTx(ctx, "feed.repair", func(tx *store.Tx) error {
		now := s.Clock.Now()
		if _, err := tx.ExecContext(ctx, "update feed_entry set compared_at = $1 where id = $2", store.Millis(now), f.ID); err != nil {
			return err
		}
		if gap {
			if _, err := tx.ExecContext(ctx, "update feed_entry set link = '' where id = $1", f.ID); err != nil {
				return err
			}
			if err := s.Audit.Record(ctx, tx, audit.Entry{Actor: "system:feed", Action: "feed.gap", Target: f.ID, Outcome: "read from the start", Detail: map[string]any{"known": f.Items, "counted": f.Expected}}); err != nil {
				return err
			}
		}
		return s.Jobs.Schedule(ctx, tx, WalkJob, f.ID, now)
	})
}
