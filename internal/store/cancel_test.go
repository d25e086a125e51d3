package store

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// Contexts end at any moment of a transaction. Its connection comes back clean or not at all, and the process lives.
func TestAContextEndsAtAnyMoment(t *testing.T) {
	ForTest(t, []fs.FS{}, func(t *testing.T, db *Store) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 60 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(4000))*time.Microsecond) //nolint:gosec // any moment
					_ = db.InTx(ctx, "test", func(tx *Tx) error {
						for range 3 {
							if _, err := Select(ctx, tx, func(s Scanner) (n int, err error) { return n, s.Scan(&n) },
								"with recursive up(n) as (select 1 union all select n + 1 from up where n < 3000) select n from up"); err != nil {
								return err
							}
						}
						return errors.New("rolled back")
					})
					cancel()
				}
			})
		}
		all.Wait()
		var n int
		if err := db.InTx(t.Context(), "test", func(tx *Tx) error { return tx.QueryRowContext(t.Context(), "select 7").Scan(&n) }); err != nil || n != 7 {
			t.Errorf("afterwards: %d %v", n, err)
		}
	})
}
