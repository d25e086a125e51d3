package connection

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

// Uses counts which of Microsoft's operations connections use, a row a connection, operation and day: an access review asks which permissions
// nobody needs. It also counts what each service was asked, a row a connection, service and hour. Requests are counted in memory and written down once a minute; a crash loses that minute.
type Uses struct {
	Store *store.Store
	Clock clock.Clock
	Log   *slog.Logger

	mu       sync.Mutex
	seen     map[useKey]tally
	traffic  map[trafficKey]traffic
	failures map[string][]failure // the last ones, by service
}

type useKey struct {
	connection, operation string
	day                   int64
}

type tally struct{ count, last int64 }

const (
	flushEvery = time.Minute
	dayMillis  = int64(24 * time.Hour / time.Millisecond)
)

// permitted are the refusals that come after the permission was checked: the permission was used.
var permitted = []int{http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed}

// of gives what counts a connection's answers.
func (u *Uses) of(connection string) func(operation string, status int) {
	return func(operation string, status int) {
		at := u.Clock.Now()
		now := store.Millis(at)
		u.mu.Lock()
		defer u.mu.Unlock()
		u.went(connection, operation, status, at)
		if (status < 200 || status >= 400) && !slices.Contains(permitted, status) {
			return
		}
		k := useKey{connection, operation, now / dayMillis}
		if u.seen == nil {
			u.seen = map[useKey]tally{}
		}
		u.seen[k] = tally{u.seen[k].count + 1, now}
	}
}

// Run writes down what was counted until ctx ends.
func (u *Uses) Run(ctx context.Context) {
	for u.Clock.Sleep(ctx, flushEvery) == nil {
		if err := u.Flush(ctx); err != nil && ctx.Err() == nil {
			u.Log.WarnContext(ctx, "which operations were used was not written down yet", "error", err)
		}
	}
}

// Flush writes down what was counted; what could not be written is counted on.
func (u *Uses) Flush(ctx context.Context) error {
	u.mu.Lock()
	taken, went := u.seen, u.traffic
	u.seen, u.traffic = nil, nil
	u.mu.Unlock()
	if len(went) == 0 {
		return nil // whatever was used was asked for
	}
	// In one order: a writing that was broken off may go on at PostgreSQL for a moment, beside the next one.
	keys := slices.SortedFunc(maps.Keys(taken), func(a, b useKey) int {
		return cmp.Or(cmp.Compare(a.connection, b.connection), cmp.Compare(a.operation, b.operation), cmp.Compare(a.day, b.day))
	})
	err := u.Store.InTx(ctx, "connection.use", func(tx *store.Tx) error {
		for _, k := range keys {
			v := taken[k]
			// A connection may be gone by now, or have been tried only.
			if _, err := tx.ExecContext(ctx, `insert into connection_use (connection, operation, day, count, last_at)
				select cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as bigint), cast($5 as bigint) where exists (select 1 from connection_entry where id = $6)
				on conflict (connection, operation, day) do update set count = connection_use.count + excluded.count, last_at = excluded.last_at`,
				k.connection, k.operation, k.day, v.count, v.last, k.connection); err != nil {
				return err
			}
		}
		return flushTraffic(ctx, tx, went)
	})
	if err == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen = map[useKey]tally{}
	}
	for k, v := range taken {
		u.seen[k] = tally{u.seen[k].count + v.count, max(u.seen[k].last, v.last)}
	}
	if u.traffic == nil {
		u.traffic = map[trafficKey]traffic{}
	}
	for k, t := range went {
		u.traffic[k] = u.traffic[k].plus(t)
	}
	return err
}

func (s *Service) pruneUses(ctx context.Context, tx *store.Tx, before time.Time, _ int) (int64, error) {
	return store.Affected(ctx, tx, "delete from connection_use where day < $1", store.Millis(before)/dayMillis)
}
