package store

import (
	"context"
	"io/fs"
	"sync"
	"testing"
)

// Two transactions that lock two rows in opposite order, each holding its first until the other has its own: PostgreSQL ends one of them, which
// tells that it may try again.
func TestADeadlockIsALostRace(t *testing.T) {
	ForTest(t, []fs.FS{notes}, func(t *testing.T, s *Store) {
		if s.Engine != Postgres {
			return // one writer cannot wait for another
		}
		for _, id := range []string{"a", "b"} {
			if err := s.InTx(t.Context(), "note", func(tx *Tx) error {
				_, err := tx.ExecContext(t.Context(), "insert into note_entry (id, at) values ($1, 0)", id)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		var meet, ended sync.WaitGroup
		meet.Add(2)
		runs := make([]int, 2)
		for i, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
			ended.Go(func() {
				both := func(tx *Tx) error {
					runs[i]++
					if err := touch(t.Context(), tx, order[0]); err != nil {
						return err
					}
					if runs[i] == 1 {
						meet.Done()
						meet.Wait()
					}
					return touch(t.Context(), tx, order[1])
				}
				err := s.InTx(t.Context(), "both", both)
				for LostRace(err) {
					err = s.InTx(t.Context(), "both", both)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		ended.Wait()
		if runs[0]+runs[1] < 3 {
			t.Errorf("they ran %v times: nobody was in anybody's way", runs)
		}
	})
}

func touch(ctx context.Context, tx *Tx, id string) error {
	_, err := tx.ExecContext(ctx, "update note_entry set id = id where id = $1", id)
	return err
}
