package feed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// picky is a follower that cannot take one item, by an error or a panic, and notes what it learned.
type picky struct {
	bad     string
	panics  bool
	learned *[]string
}

func (p picky) Take(_ context.Context, _ connection.Bound, _ Feed, page Page) (Effect, error) {
	for _, i := range page.Items {
		if i.ID == p.bad {
			if p.panics {
				panic("no idea what this is")
			}
			return nil, fmt.Errorf("no idea what this is")
		}
	}
	return func(context.Context, *store.Tx) error {
		*p.learned = append(*p.learned, ids(page.Items)...)
		return nil
	}, nil
}

func (picky) Drop(context.Context, *store.Tx, Feed) error { return nil }

// An item that fails three times is set aside and told of once, the walk goes on with the others; read again from the start, it is tried anew.
func TestAPoisonedItemIsSetAsideAndTheWalkGoesOn(t *testing.T) {
	page := func() Raw {
		return Raw{Items: []Item{{ID: "one"}, {ID: "bad"}, {ID: "two"}}, Link: "https://graph.microsoft.com/v1.0/delta", Last: true}
	}
	unreadable := page()
	unreadable.Items = slices.DeleteFunc(unreadable.Items, func(i Item) bool { return i.ID == "bad" })
	unreadable.Broken = []Poison{{Item: "bad", Err: errors.New("receivedDateTime is no time")}}
	for _, tt := range []struct {
		name  string
		raw   Raw
		picky picky
	}{
		{"a follower fails", page(), picky{bad: "bad"}},
		{"a follower panics", page(), picky{bad: "bad", panics: true}},
		{"the entry cannot be read at all", unreadable, picky{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store.ForTest(t, []fs.FS{Migrations, event.Migrations}, func(t *testing.T, db *store.Store) {
				learned := []string{}
				tt.picky.learned = &learned
				now := clock.NewAdjustable()
				s := &Service{Store: db, Clock: now, Events: &event.Log{Store: db, Clock: now}, Followers: map[Kind][]Follower{Mail: {tt.picky}}}
				s.Jobs = diary{map[string]time.Time{}}
				f := begun(t, s)
				for try := 1; try < patience; try++ {
					var bad *Poison
					if _, err := s.page(t.Context(), connection.Bound{}, f, again(tt.raw)); !errors.As(err, &bad) || bad.Item != "bad" || len(learned) > 0 {
						t.Fatalf("try %d: %v, learned %v", try, err, learned)
					}
				}
				f, err := s.page(t.Context(), connection.Bound{}, f, again(tt.raw))
				if err != nil || f.State != Live || !slices.Equal(learned, []string{"one", "two"}) {
					t.Fatalf("%s %v, learned %v", f.State, err, learned)
				}
				parked, err := s.ListParked(t.Context(), f.ID)
				var told int
				e := db.Reader().QueryRowContext(t.Context(), "select count(*) from event_entry where type = $1", string(event.ItemParked)).Scan(&told)
				if err != nil || e != nil || len(parked) != 1 || parked[0].Item != "bad" || parked[0].Reason == "" || told != 1 {
					t.Fatalf("%+v %v, told %d times, %v", parked, err, told, e)
				}
				s.Followers[Mail][0] = picky{learned: &learned}
				if err := s.Wake(t.Context(), f.ID, true); err != nil {
					t.Fatal(err)
				}
				f, _ = s.Of(t.Context(), "c", "ada@contoso.example", "inbox")
				if _, err := s.page(t.Context(), connection.Bound{}, f, page()); err != nil || !slices.Contains(learned, "bad") {
					t.Errorf("%v, learned %v", err, learned)
				}
				if parked, err := s.ListParked(t.Context(), ""); err != nil || len(parked) != 0 {
					t.Errorf("%+v %v", parked, err)
				}
			})
		})
	}
}

// A file whose entry cannot be read is set aside: those beside it are told, and it is not told as gone when everything is read again.
func TestAFileThatCannotBeReadIsSetAside(t *testing.T) {
	store.ForTest(t, []fs.FS{Migrations, event.Migrations}, func(t *testing.T, db *store.Store) {
		now := clock.NewAdjustable()
		s := &Service{Store: db, Clock: now, Events: &event.Log{Store: db, Clock: now}, Jobs: diary{map[string]time.Time{}}}
		if err := db.InTx(t.Context(), "test", func(tx *store.Tx) error {
			return s.begin(t.Context(), tx, Feed{Connection: "c", Kind: Drive, Mailbox: "ada@contoso.example", Purpose: connection.ForFiles})
		}); err != nil {
			t.Fatal(err)
		}
		var f Feed
		walk := func(want error, reset bool, broken []Poison, items ...Item) {
			t.Helper()
			all, err := s.List(t.Context(), "c")
			if err != nil {
				t.Fatal(err)
			}
			f, err = s.page(t.Context(), connection.Bound{}, all[0], Raw{Items: items, Broken: broken, Link: "https://graph.microsoft.com/v1.0/delta", Last: true, Reset: reset, Proof: connection.Proof{At: now.Now()}})
			if (err == nil) != (want == nil) {
				t.Fatalf("%v, want %v", err, want)
			}
		}
		bad := []Poison{{Item: "bad", Err: errors.New("createdDateTime is no time")}}
		walk(nil, false, nil, file("bad", "root", "A", "1"))
		for range patience - 1 {
			walk(bad[0].Err, false, bad, file("sound", "root", "B", "1"))
		}
		walk(nil, false, bad, file("sound", "root", "B", "1"))
		walk(nil, true, bad, file("sound", "root", "B", "1")) // the link was forgotten
		walk(nil, false, nil, file("bad", "root", "C", "1"))
		all, err := s.Events.List(t.Context(), event.Everybody(), event.Query{Types: []event.Type{event.FileChanged}, Limit: 10})
		var told []string
		for _, e := range all {
			told = append(told, fmt.Sprint(e.Data["item"], " ", e.Data["change"]))
		}
		if err != nil || !slices.Equal(told, []string{"bad renamed", "sound created"}) {
			t.Errorf("told %v: %v", told, err)
		}
		if parked, err := s.ListParked(t.Context(), f.ID); err != nil || len(parked) != 0 {
			t.Errorf("set aside: %+v %v", parked, err)
		}
	})
}

// again is a page as it comes anew: a walk may change its list.
func again(r Raw) Raw {
	r.Items = slices.Clone(r.Items)
	return r
}

// begun is a feed of a mail folder.
func begun(t *testing.T, s *Service) Feed {
	t.Helper()
	err := s.Store.InTx(t.Context(), "test", func(tx *store.Tx) error {
		return s.begin(t.Context(), tx, Feed{Connection: "c", Kind: Mail, Mailbox: "ada@contoso.example", Resource: "inbox", Purpose: connection.ForTimeline})
	})
	if err != nil {
		t.Fatal(err)
	}
	f, ok := s.Of(t.Context(), "c", "ada@contoso.example", "inbox")
	if !ok {
		t.Fatal("no feed was made")
	}
	return f
}
