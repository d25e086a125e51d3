package event

import (
	"errors"
	"io/fs"
	"testing"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

func TestAnEventExistsExactlyWhenItsCauseCommits(t *testing.T) {
	store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, s *store.Store) {
		l := &Log{Store: s, Clock: clock.Real{}}
		emit := func(connection string, then error) {
			_ = s.InTx(t.Context(), "test", func(tx *store.Tx) error {
				return errors.Join(l.Emit(t.Context(), tx, Event{Type: Healthy, Connection: connection, Data: map[string]any{"proof": "r1"}}), then)
			})
		}
		emit("c1", nil)
		emit("c2", nil)
		emit("c1", errors.New("the cause failed"))
		all, err := l.List(t.Context(), Everybody(), Query{Limit: 10})
		if err != nil || len(all) != 2 {
			t.Fatalf("got %v %v, want two", all, err)
		}
		one, err := l.List(t.Context(), Everybody(), Query{Connection: "c1", Limit: 10})
		if err != nil || len(one) != 1 || one[0].Type != Healthy || one[0].Data["proof"] != "r1" || one[0].At.IsZero() {
			t.Errorf("got %+v %v", one, err)
		}
	})
}
