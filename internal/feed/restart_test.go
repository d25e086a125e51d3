package feed

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// diary notes what is scheduled, and runs nothing.
type diary struct{ due map[string]time.Time }

func (d diary) Schedule(_ context.Context, _ *store.Tx, kind, id string, due time.Time) error {
	d.due[kind+" "+id] = due
	return nil
}

func (d diary) EnsureScheduled(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error {
	return d.Schedule(ctx, tx, kind, id, due)
}

func (d diary) ScheduleBy(ctx context.Context, tx *store.Tx, kind, id string, by time.Time) error {
	if have, ok := d.due[kind+" "+id]; ok && have.Before(by) {
		return nil
	}
	return d.Schedule(ctx, tx, kind, id, by)
}

func (d diary) Cancel(_ context.Context, _ *store.Tx, kind, id string) error {
	delete(d.due, kind+" "+id)
	return nil
}

// pupil is a follower that does something while it judges.
type pupil struct{ during func() error }

func (p pupil) Take(context.Context, connection.Bound, Feed, Page) (Effect, error) {
	return func(context.Context, *store.Tx) error { return nil }, p.during()
}

func (pupil) Drop(context.Context, *store.Tx, Feed) error { return nil }

// A page that was judged before the feed was started over is not kept: what it dropped may be worth keeping now.
func TestStartingOverUndoesAWalkUnderWay(t *testing.T) {
	for _, tt := range []struct {
		name string
		from m365.DeltaLink // where the walk stood
		over func(s *Service, tx *store.Tx) error
	}{
		{"restarted at its first page", "", func(s *Service, tx *store.Tx) error { return s.Restart(t.Context(), tx) }},
		{"restarted at a later page", "https://graph.microsoft.com/v1.0/next", func(s *Service, tx *store.Tx) error { return s.Restart(t.Context(), tx) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, db *store.Store) {
				s := &Service{Store: db, Clock: clock.NewAdjustable(), Jobs: diary{map[string]time.Time{}}}
				f := begun(t, s)
				if tt.from != "" {
					var err error
					if f, err = s.page(t.Context(), connection.Bound{}, f, Raw{Link: tt.from}); err != nil {
						t.Fatal(err)
					}
				}
				s.Followers = map[Kind][]Follower{Mail: {pupil{func() error {
					return db.InTx(t.Context(), "test", func(tx *store.Tx) error { return tt.over(s, tx) })
				}}}}
				if _, err := s.page(t.Context(), connection.Bound{}, f, Raw{Link: "https://graph.microsoft.com/v1.0/delta", Last: true}); !errors.Is(err, errMoved) {
					t.Errorf("the page was kept: %v", err)
				}
				if f, _ := s.Of(t.Context(), "c", "ada@contoso.example", "inbox"); f.link != "" || f.State == Live {
					t.Errorf("the next walk begins at %q, and the feed is %s", f.link, f.State)
				}
			})
		})
	}
}
