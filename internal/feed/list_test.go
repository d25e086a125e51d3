package feed

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/graph"
	"seneschal/internal/store"
)

// More feeds than one statement takes: each has what is its own, and the sum says the same as the list.
func TestFeedsAreListedWithWhatIsTheirs(t *testing.T) {
	const feeds = 2*batch + 7
	store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, db *store.Store) {
		now := clock.NewAdjustable()
		s := &Service{Store: db, Clock: now, Jobs: diary{map[string]time.Time{}}}
		if err := db.InTx(t.Context(), "test", func(tx *store.Tx) error {
			return set(t.Context(), s, tx, slices.Repeat([]importing{{Mail, Live, 1, 1}}, feeds))
		}); err != nil {
			t.Fatal(err)
		}
		all := listed(t, s, feeds)
		for i, f := range all {
			var err error
			switch i % 3 {
			case 0:
				err = s.subscribed(t.Context(), connection.Bound{}, f, graph.Subscription{ID: "told " + f.ID, ExpirationDateTime: now.Now().Add(time.Hour)}, graph.Subscription{}, "")
			case 1:
				err = db.InTx(t.Context(), "test", func(tx *store.Tx) error { return setAside(t.Context(), tx, f, i) })
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		told := 0
		for i, f := range listed(t, s, feeds) {
			if (f.Push != nil) != (i%3 == 0) || f.Push != nil && f.Push.ID != "told "+f.ID || (f.Parked > 0) != (i%3 == 1) {
				t.Errorf("%d: %+v", i, f)
			}
			if f.Push != nil {
				told++
			}
		}
		standing(t, s, feeds, told)
		if err := db.InTx(t.Context(), "test", func(tx *store.Tx) error { return forgetSubscription(t.Context(), tx, "told "+all[3].ID) }); err != nil {
			t.Fatal(err)
		}
		standing(t, s, feeds, told-1)
		now.Advance(2 * time.Hour)
		standing(t, s, feeds, 0)
	})
}

func listed(t *testing.T, s *Service, want int) []Feed {
	t.Helper()
	all, err := s.List(t.Context(), "c")
	if err != nil || len(all) != want {
		t.Fatalf("%d feeds, want %d: %v", len(all), want, err)
	}
	return all
}

func setAside(ctx context.Context, tx *store.Tx, f Feed, n int) error {
	_, err := tx.ExecContext(ctx, "insert into feed_parked (feed, item, attempts, parked, reason, at) values ($1, $2, 3, 1, '{}', 0)", f.ID, fmt.Sprint("item ", n))
	return err
}

// standing checks the sum against what is so.
func standing(t *testing.T, s *Service, feeds, told int) {
	t.Helper()
	sum, err := s.Summary(t.Context(), "")
	if err != nil || sum.Feeds != feeds || sum.Told != told {
		t.Errorf("%+v %v; want %d feeds, %d told of", sum, err, feeds, told)
	}
}
