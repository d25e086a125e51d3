package feed

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// file is an entry in a folder, by its content.
func file(id, folder, name, content string) Item {
	return Item{ID: id, Value: Entry{Drive: "d", Place: folder, Name: name, Version: content, Created: time.Unix(0, 0)}}
}

// Each change is told once, whatever comes twice, late, in another order or not at all.
func TestWhatIsToldOfFiles(t *testing.T) {
	folder, inner := file("f", "root", "Offers", ""), file("i", "f", "Inner", "1")
	young := file("y", "root", "Young", "1")
	young.Value = Entry{Place: "root", Name: "Young", Version: "1", Created: time.Unix(2_000_000_000, 0)}
	for _, tt := range []struct {
		name   string
		parked string
		pages  []Page
		want   string
	}{
		{"the first round is no news", "", []Page{{Items: []Item{folder, inner}, Full: true, Quiet: true, Last: true}}, ""},
		{"what is made while the first round goes on is", "", []Page{{Items: []Item{folder}, Full: true, Quiet: true}, {Items: []Item{young}, Full: true, Quiet: true, Last: true}}, "y created"},
		{"a page that comes twice", "", []Page{{Items: []Item{folder}, Last: true}, {Items: []Item{folder}, Last: true}}, "f created"},
		{"an item that comes twice in a page", "", []Page{{Items: []Item{folder}, Last: true}, {Items: []Item{file("f", "root", "A", ""), file("f", "root", "B", "")}, Last: true}}, "f created; f renamed"},
		{"moved, renamed and changed at once", "", []Page{{Items: []Item{folder, inner}, Last: true}, {Items: []Item{file("i", "root", "Outer", "2")}, Last: true}}, "f created; i created; i moved; i renamed; i updated"},
		{"a deletion that comes twice", "", []Page{{Items: []Item{inner}, Last: true}, {Removed: []string{"i", "i"}, Last: true}, {Removed: []string{"i"}, Last: true}}, "i created; i deleted"},
		{"a deletion of what nobody knew", "", []Page{{Removed: []string{"x"}, Last: true}}, ""},
		{"a folder that is gone with what nobody names", "", []Page{{Items: []Item{folder, inner, file("d", "i", "Deep", "1")}, Last: true}, {Removed: []string{"f"}, Last: true}}, "f created; i created; d created; f deleted; i deleted; d deleted"},
		{"a folder that is gone, and what was in it named with it", "", []Page{{Items: []Item{folder, inner}, Last: true}, {Removed: []string{"i", "f"}, Last: true}}, "f created; i created; i deleted; f deleted"},
		{"what was moved out of a folder before it went, told later", "", []Page{{Items: []Item{folder, inner}, Last: true}, {Removed: []string{"f"}}, {Items: []Item{file("i", "root", "Inner", "1")}, Last: true}}, "f created; i created; f deleted; i moved"},
		{"restored", "", []Page{{Items: []Item{inner}, Last: true}, {Removed: []string{"i"}}, {Items: []Item{inner}, Last: true}}, "i created; i deleted; i created"},
		{"a round over everything that is as it was", "", []Page{{Items: []Item{folder, inner}, Last: true}, {Items: []Item{inner, folder}, Full: true, Round: 2, Last: true}}, "f created; i created"},
		{"a round over everything that lacks one, and has one more", "", []Page{{Items: []Item{folder, inner}, Last: true}, {Items: []Item{folder}, Full: true, Round: 2}, {Items: []Item{young}, Full: true, Round: 2, Last: true}}, "f created; i created; y created; i deleted"},
		{"what is set aside came, and could not be read", "i", []Page{{Items: []Item{folder, inner}, Last: true}, {Items: []Item{folder}, Full: true, Round: 2, Last: true}}, "f created; i created"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store.ForTest(t, []fs.FS{event.Migrations, Migrations}, func(t *testing.T, st *store.Store) {
				l := &event.Log{Store: st, Clock: clock.NewAdjustable()}
				s := &Service{Store: st, Clock: l.Clock, Events: l}
				f := Feed{ID: "feed", number: 1, Connection: "c", Kind: Drive, Mailbox: "ada@contoso.example", newsFrom: time.Unix(1_900_000_000, 0)}
				inTx := func(do func(tx *store.Tx) error) {
					t.Helper()
					if err := st.InTx(t.Context(), "test", do); err != nil {
						t.Fatal(err)
					}
				}
				inTx(func(tx *store.Tx) error {
					if _, err := insert(t.Context(), tx, f); err != nil || tt.parked == "" {
						return err
					}
					_, err := tx.ExecContext(t.Context(), "insert into feed_parked (feed, item, attempts, parked, reason, at) values ($1, $2, 3, 1, 'broken', 0)", f.ID, tt.parked)
					return err
				})
				for _, p := range tt.pages {
					p.Round = cmp.Or(p.Round, 1)
					effect, err := changes{s}.Take(t.Context(), connection.Bound{}, f, p)
					if err != nil {
						t.Fatal(err)
					}
					died := errors.New("died before the commit")
					if err := st.InTx(t.Context(), "test", func(tx *store.Tx) error { return errors.Join(effect(t.Context(), tx), died) }); !errors.Is(err, died) {
						t.Fatal(err)
					}
					inTx(func(tx *store.Tx) error { return effect(t.Context(), tx) })
				}
				all, err := l.List(t.Context(), event.Everybody(), event.Query{Limit: 100})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, e := range all {
					got = append([]string{fmt.Sprint(e.Data["item"], " ", e.Data["change"])}, got...)
					if e.Type != event.FileChanged || e.About != e.Data["item"] || e.Data["feed"] != "feed" {
						t.Errorf("%+v", e)
					}
				}
				if text := strings.Join(got, "; "); text != tt.want {
					t.Errorf("told %s, want %s", text, tt.want)
				}
				inTx(func(tx *store.Tx) error { return changes{s}.Drop(t.Context(), tx, f) })
				var left int
				if err := st.Reader().QueryRowContext(t.Context(), "select count(*) from feed_mark").Scan(&left); err != nil || left != 0 {
					t.Errorf("%d marks are left: %v", left, err)
				}
			})
		})
	}
}
