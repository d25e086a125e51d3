package audit

import (
	"io/fs"
	"strings"
	"sync"
	"testing"

	"seneschal/internal/clock"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

func forTest(t *testing.T, f func(t *testing.T, l *Log, record func(actor, action string))) {
	store.ForTest(t, []fs.FS{Migrations}, func(t *testing.T, s *store.Store) {
		l := &Log{Store: s, Clock: clock.NewAdjustable(), Key: vault.NewSecret("test")}
		f(t, l, func(actor, action string) {
			err := s.InTx(t.Context(), "test", func(tx *store.Tx) error {
				return l.Record(t.Context(), tx, Entry{Actor: actor, Action: action, Target: "c1", Outcome: "done", Detail: map[string]any{"n": 1}})
			})
			if err != nil {
				t.Error(err)
			}
		})
	})
}

func TestTheChainHoldsUnderConcurrentWriters(t *testing.T) {
	forTest(t, func(t *testing.T, l *Log, record func(string, string)) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 5 {
					record("person:ana", "connection.test")
				}
			})
		}
		all.Wait()
		if v, err := l.Verify(t.Context()); err != nil || !v.OK || v.Checked != 40 {
			t.Errorf("got %+v %v, want 40 checked and ok", v, err)
		}
	})
}

func TestErasingAPersonLeavesTheChainWhole(t *testing.T) {
	forTest(t, func(t *testing.T, l *Log, record func(string, string)) {
		record("person:ana", "a")
		record("person:bo", "b")
		if got, err := l.Export(t.Context(), "person:ana"); err != nil || len(got.([]map[string]any)) != 1 {
			t.Errorf("export: %v %v", got, err)
		}
		if err := l.Store.InTx(t.Context(), "erase", func(tx *store.Tx) error {
			n, err := l.Erase(t.Context(), tx, "person:ana")
			if n != 1 {
				t.Errorf("%d names erased", n)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		entries, err := l.List(t.Context(), 0, 10)
		if err != nil || len(entries) != 2 || entries[0].Actor != "person:bo" || !strings.HasPrefix(entries[1].Actor, "p-") {
			t.Errorf("got %+v %v", entries, err)
		}
		if v, err := l.Verify(t.Context()); err != nil || !v.OK {
			t.Errorf("got %+v %v", v, err)
		}
	})
}
