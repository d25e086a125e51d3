package store

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
)

// Who waits, in the order of arrival, and who has a turn then. Who gives up has none, and holds nobody up.
func TestTheLinesTakeTurns(t *testing.T) {
	for _, tt := range []struct {
		name    string
		arrive  []int
		givesUp int // place of whoever stops waiting; -1: nobody
		want    []int
	}{
		{"one line", []int{ordinary, ordinary, ordinary}, -1, []int{0, 1, 2}},
		{"a long line and a late one ahead", []int{ordinary, ordinary, ordinary, ahead}, -1, []int{3, 0, 1, 2}},
		{"two long lines", []int{ahead, ahead, ahead, ordinary, ordinary}, -1, []int{0, 3, 1, 4, 2}},
		{"one gives up", []int{ordinary, ahead, ordinary}, 1, []int{0, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var gate turnstile
				if err := gate.enter(t.Context(), ordinary); err != nil {
					t.Fatal(err)
				}
				ctx, giveUp := context.WithCancel(t.Context())
				defer giveUp()
				var got []int
				for i, line := range tt.arrive {
					go func() {
						waits := t.Context()
						if i == tt.givesUp {
							waits = ctx
						}
						if gate.enter(waits, line) == nil {
							got = append(got, i)
							gate.leave()
						}
					}()
					synctest.Wait()
				}
				giveUp()
				synctest.Wait()
				gate.leave()
				synctest.Wait()
				if !slices.Equal(got, tt.want) || gate.taken {
					t.Errorf("%v, want %v; taken at the end: %v", got, tt.want, gate.taken)
				}
			})
		})
	}
}
