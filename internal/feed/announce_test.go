package feed

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

func TestOtherFeedsTellIDsAlone(t *testing.T) {
	store.ForTest(t, []fs.FS{event.Migrations}, func(t *testing.T, s *store.Store) {
		l := &event.Log{Store: s, Clock: clock.NewAdjustable()}
		tap, line := connection.ForTap, connection.ForTimeline
		items := func(news ...bool) (out []Item) {
			for n, isNew := range news {
				out = append(out, Item{ID: fmt.Sprint("item", n), New: isNew, Value: "secret subject"})
			}
			return out
		}
		for _, tt := range []struct {
			name string
			f    Feed
			p    Page
			want string
		}{
			{"new mail", Feed{Kind: Mail, Purpose: tap}, Page{Items: items(true, false), Removed: []string{"gone"}}, "message.received item0 <nil>"},
			{"a calendar", Feed{Kind: Calendar, Purpose: tap}, Page{Items: items(true, false), Removed: []string{"gone"}},
				"calendar.event.changed item0 appeared; calendar.event.changed item1 changed; calendar.event.changed gone removed"},
			{"a round over everything", Feed{Kind: Calendar, Purpose: tap}, Page{Items: items(true, false), Full: true}, "calendar.event.changed item0 appeared"},
			{"the first import", Feed{Kind: Mail, Purpose: tap}, Page{Items: items(true), Quiet: true}, ""},
			{"a timeline tells its own", Feed{Kind: Mail, Purpose: line}, Page{Items: items(true)}, ""},
			{"folders", Feed{Kind: Folders, Purpose: tap}, Page{Items: items(true)}, ""},
		} {
			tt.f.ID, tt.f.Mailbox, tt.f.Connection = tt.name, "ada@contoso.example", "c"
			effect, err := Announcer{l}.Take(t.Context(), connection.Bound{}, tt.f, tt.p)
			if err != nil {
				t.Fatal(err)
			}
			if effect != nil {
				if err := s.InTx(t.Context(), "test", func(tx *store.Tx) error { return effect(t.Context(), tx) }); err != nil {
					t.Fatal(err)
				}
			}
			all, err := l.List(t.Context(), event.Everybody(), event.Query{Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range all {
				if e.Data["feed"] != tt.name {
					continue
				}
				if text := fmt.Sprint(e); strings.Contains(text, "subject") || strings.Contains(text, "ada@") {
					t.Errorf("%s tells more than ids: %s", tt.name, text)
				}
				got = append([]string{fmt.Sprint(e.Type, " ", e.Data["item"], " ", e.Data["change"])}, got...)
			}
			if strings.Join(got, "; ") != tt.want {
				t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
			}
		}
	})
}
