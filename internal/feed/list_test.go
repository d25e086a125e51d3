package feed

import (
	"context"
	"fmt"
	"io/fs"
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
	var kinds []importing
	for len(kinds) < feeds {
		for _, k := range []Kind{Mail, Calendar, Folders, Users} {
			for _, s := range []State{Live, New, Live, Backfill, Live, Waiting, Failing, Paused} {
				kinds = append(kinds, importing{k, s, 1, 1})
			}
		}
	}
	store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, db *store.Store) {
		now := clock.NewAdjustable()
		s := &Service{Store: db, Clock: now, Jobs: diary{map[string]time.Time{}}}
		if err := db.InTx(t.Context(), "test", func(tx *store.Tx) error {
			return set(t.Context(), s, tx, kinds[:feeds])
		}); err != nil {
			t.Fatal(err)
		}
		all := listed(t, s, feeds)
		for i, f := range all {
			err := db.InTx(t.Context(), "test", func(tx *store.Tx) error {
				_, err := tx.ExecContext(t.Context(), "update feed_entry set proven_at = $1 where id = $2", store.Millis(now.Now().Add(time.Duration(i*37%feeds)*time.Second)), f.ID)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
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
		for i, f := range listed(t, s, feeds) {
			if (f.Push != nil) != (i%3 == 0) || f.Push != nil && f.Push.ID != "told "+f.ID || (f.Parked > 0) != (i%3 == 1) {
				t.Errorf("%d: %+v", i, f)
			}
		}
		standing(t, s, feeds)
		if err := db.InTx(t.Context(), "test", func(tx *store.Tx) error { return forgetSubscription(t.Context(), tx, "told "+all[3].ID) }); err != nil {
			t.Fatal(err)
		}
		standing(t, s, feeds)
		now.Advance(2 * time.Hour)
		standing(t, s, feeds)
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

// standing checks the sum against the list, added up here.
func standing(t *testing.T, s *Service, feeds int) {
	t.Helper()
	var want Summary
	for _, f := range listed(t, s, feeds) {
		if f.Kind != Mail && f.Kind != Calendar {
			continue
		}
		want.Feeds++
		switch {
		case f.State != Live:
			want.Behind++
		case f.Push == nil && (want.AsOf.IsZero() || f.Proof.At.Before(want.AsOf)):
			want.AsOf = f.Proof.At
		}
		if f.Push != nil {
			want.Told++
		}
	}
	for _, of := range []string{"", "c"} {
		got, err := s.Summary(t.Context(), of)
		got.Import = nil
		if err != nil || got != want {
			t.Errorf("%+v %v; want %+v", got, err, want)
		}
	}
}

// Why a feed is asked for is said with every one that Microsoft does not tell of, the newest too.
func TestWhyFeedsAreAskedFor(t *testing.T) {
	store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, db *store.Store) {
		now := clock.NewAdjustable()
		s := &Service{Store: db, Clock: now, Jobs: diary{map[string]time.Time{}}}
		kinds := []importing{{Mail, New, 0, 1}, {Mail, Live, 1, 1}, {Calendar, Waiting, 1, 1}, {Folders, Live, 1, 1}, {Users, Live, 1, 1}}
		if err := db.InTx(t.Context(), "test", func(tx *store.Tx) error { return set(t.Context(), s, tx, kinds) }); err != nil {
			t.Fatal(err)
		}
		for _, f := range listed(t, s, len(kinds)) {
			if f.Kind == Users {
				if err := s.subscribed(t.Context(), connection.Bound{}, f, graph.Subscription{ID: "told", ExpirationDateTime: now.Now().Add(time.Hour)}, graph.Subscription{}, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.excuse(t.Context(), "c", "nobody answers"); err != nil {
			t.Fatal(err)
		}
		for _, f := range listed(t, s, len(kinds)) {
			if asked := f.Kind != Folders && f.Kind != Users; (f.PushNote == "nobody answers") != asked {
				t.Errorf("%s, %s: %q", f.Kind, f.State, f.PushNote)
			}
		}
	})
}
