package jobs

import (
	"context"
	"crypto/rand"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

// Locks are named locks across all processes on one database.
type Locks struct {
	Store *store.Store
	Clock clock.Clock
}

const lockPoll = 50 * time.Millisecond

// With runs f while holding the lock of that name. It waits for another holder; a holder that died is succeeded when its time is over.
// f must end within ttl: past it another may hold the lock as well.
func (l Locks) With(ctx context.Context, name string, ttl time.Duration, f func(context.Context) error) error {
	owner := rand.Text()
	for {
		ok, err := l.take(ctx, name, owner, ttl)
		if err != nil {
			return err
		}
		if ok {
			break
		}
		if err := l.Clock.Sleep(ctx, lockPoll); err != nil {
			return err
		}
	}
	defer func() {
		_ = l.Store.InTx(context.WithoutCancel(ctx), "jobs.unlock", func(tx *store.Tx) error {
			_, err := tx.ExecContext(context.WithoutCancel(ctx), "delete from jobs_lock where name = $1 and owner = $2", name, owner)
			return err
		}) // a lock we could not give back runs out by itself
	}()
	ctx, cancel := context.WithTimeout(ctx, ttl)
	defer cancel()
	return f(ctx)
}

func (l Locks) take(ctx context.Context, name, owner string, ttl time.Duration) (ok bool, err error) {
	err = l.Store.InTx(ctx, "jobs.lock", func(tx *store.Tx) error {
		now := l.Clock.Now()
		n, err := store.Affected(ctx, tx, `insert into jobs_lock (name, owner, until) values ($1, $2, $3)
			on conflict (name) do update set owner = excluded.owner, until = excluded.until where jobs_lock.until < $4`,
			name, owner, store.Millis(now.Add(ttl)), store.Millis(now))
		ok = n > 0
		return err
	})
	return ok, err
}
