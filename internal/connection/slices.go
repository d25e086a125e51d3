package connection

import (
	"context"
	"fmt"
	"strings"
	"time"

	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// instance is a process that shares the budgets.
type instance struct {
	id       string
	standing time.Duration // it has the standing part of budgets with windows up to this, or had
	until    time.Time     // it may send until then
}

// gone is when nothing of it is under way any more, if it does not prolong its presence.
func (i instance) gone() time.Time { return i.until.Add(grace + skew) }

func (i instance) living(now time.Time) bool { return now.Before(i.gone()) }

// stands says that it may have used the standing part of a budget, and until when that counts should it be gone.
func (i instance) stands(whole wire.Limit, now time.Time) (until time.Time, ok bool) {
	until = i.gone().Add(whole.Window)
	return until, i.standing > 0 && whole.Window <= i.standing && now.Before(until)
}

// sliceRow is one instance's row of one budget.
type sliceRow struct {
	stake
	budget, instance string
	whole            wire.Limit
	wantedUntil      time.Time // it is a rival
	waitingUntil     time.Time // it waits for more
	until            time.Time // its places are taken
	countedUntil     time.Time // its requests count
}

// departed is the row as what nobody lives for. Many of one budget become a few: those that end in the same eighth of its window are one.
func (r sliceRow) departed(now time.Time) sliceRow {
	piece := max(r.whole.Window/8, time.Second)
	r.countedUntil = now.Add(r.whole.Window + piece).Truncate(piece)
	r.instance, r.until, r.places = fmt.Sprintf("departed/%d", r.countedUntil.UnixMilli()), now, 0
	return r
}

// pass changes parts, one change at a time on the whole database: whoever is at the gate waits for the commit of who was there before.
func (b *Budgets) pass(ctx context.Context, name string, change func(*store.Tx) error) error {
	return b.Store.InTx(ctx, name, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "insert into connection_gate (id, passed) values (1, 1) on conflict (id) do update set passed = connection_gate.passed + 1")
		if err != nil {
			return err
		}
		return change(tx)
	})
}

func instances(ctx context.Context, q store.Querier) ([]instance, error) {
	return store.Select(ctx, q, func(s store.Scanner) (i instance, err error) {
		var standing, until int64
		err = s.Scan(&i.id, &standing, &until)
		i.standing, i.until = time.Duration(standing)*time.Millisecond, store.Time(until)
		return i, err
	}, "select id, standing_ms, until from connection_instance")
}

func putInstance(ctx context.Context, tx *store.Tx, i instance) error {
	_, err := tx.ExecContext(ctx, `insert into connection_instance (id, standing_ms, until) values ($1, $2, $3)
		on conflict (id) do update set until = excluded.until`, i.id, i.standing.Milliseconds(), store.Millis(i.until))
	return err
}

func setStanding(ctx context.Context, tx *store.Tx, id string, window time.Duration) error {
	_, err := tx.ExecContext(ctx, "update connection_instance set standing_ms = $1 where id = $2", window.Milliseconds(), id)
	return err
}

// prolong reports whether the instance was there.
func prolong(ctx context.Context, q store.Querier, id string, until time.Time) (bool, error) {
	n, err := store.Affected(ctx, q, "update connection_instance set until = $1 where id = $2", store.Millis(until), id)
	return n > 0, err
}

// endPresence has the presence of all whose id begins so, but for one, be over by then. They want nothing any more: what is divided
// meanwhile is not shared with them.
func endPresence(ctx context.Context, tx *store.Tx, prefix, but string, over time.Time) error {
	_, err := tx.ExecContext(ctx, "update connection_slice set wanted_until = 0, waiting_until = 0 where substr(instance, 1, $1) = $2 and instance <> $3", len(prefix), prefix, but)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "update connection_instance set until = $1 where substr(id, 1, $2) = $3 and id <> $4 and until > $1",
		store.Millis(over), len(prefix), prefix, but)
	return err
}

func removeInstance(ctx context.Context, tx *store.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, "delete from connection_slice where instance = $1", id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "delete from connection_instance where id = $1", id)
	return err
}

// purge forgets what counts no longer.
func purge(ctx context.Context, tx *store.Tx, now time.Time) error {
	over := now.Add(-grace - 2*skew)
	if _, err := tx.ExecContext(ctx, "delete from connection_slice where counted_until < $1 and until < $1", store.Millis(over)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "delete from connection_instance where until < $1 and (standing_ms = 0 or until < $2)", store.Millis(over), store.Millis(over.Add(-longest)))
	return err
}

// heavilyUsed are the budgets of which others have used so much that a standing part does not fit beside it, and until when.
func heavilyUsed(ctx context.Context, q store.Querier, me string, now time.Time) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	rows, err := store.Select(ctx, q, func(s store.Scanner) (r sliceRow, err error) {
		var counted int64
		err = s.Scan(&r.budget, &counted)
		r.countedUntil = store.Time(counted)
		return r, err
	}, "select budget, max(counted_until) from connection_slice where instance <> $1 and counted_until > $2 group by budget having sum(requests) * 2 > max(whole)",
		me, store.Millis(now.Add(-skew)))
	for _, r := range rows {
		out[r.budget] = r.countedUntil.Add(skew)
	}
	return out, err
}

// waitedFor are the budgets of which others have less than they should.
func waitedFor(ctx context.Context, q store.Querier, me string, now time.Time) ([]string, error) {
	return store.Select(ctx, q, func(s store.Scanner) (name string, err error) { return name, s.Scan(&name) },
		"select distinct budget from connection_slice where instance <> $1 and waiting_until > $2", me, store.Millis(now))
}

// others are the stakes of all but us in a budget.
func (b *Budgets) others(ctx context.Context, tx *store.Tx, budget string, whole wire.Limit, now time.Time) ([]stake, error) {
	all, err := instances(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := store.Select(ctx, tx, scanSlice, `select instance, requests, places, cost, slots, turn, wanted_until, waiting_until, until, counted_until
		from connection_slice where budget = $1`, budget)
	if err != nil {
		return nil, err
	}
	byInstance := map[string]stake{}
	living := map[string]bool{}
	for _, i := range all {
		living[i.id] = i.living(now)
		if until, ok := i.stands(whole, now); ok {
			s := stake{instance: i.id, requests: standing(whole).Requests, counted: until}
			if living[i.id] {
				s.places, s.counted = standing(whole).Concurrent, time.Time{}
			}
			byInstance[i.id] = s
		}
	}
	for _, r := range rows {
		byInstance[r.instance] = r.beside(byInstance[r.instance], living[r.instance], now)
	}
	delete(byInstance, b.id)
	out := make([]stake, 0, len(byInstance))
	for _, s := range byInstance {
		out = append(out, s)
	}
	return out, nil
}

// beside joins a row with the standing part that its instance has of the same budget: the larger counts.
func (r sliceRow) beside(s stake, living bool, now time.Time) stake {
	now = now.Add(-skew)
	s.instance, s.turn, s.cost, s.slots = r.instance, r.turn, r.cost, r.slots
	if now.Before(r.countedUntil) {
		s.requests = max(s.requests, r.requests)
		s.counted = later(s.counted, r.countedUntil.Add(skew))
	}
	if !living {
		return s
	}
	s.counted = time.Time{} // it may go on
	if now.Before(r.until) {
		s.places = max(s.places, r.places)
	}
	s.waiting = now.Before(r.waitingUntil)
	s.rival = s.waiting || now.Before(r.wantedUntil)
	return s
}

func scanSlice(s store.Scanner) (r sliceRow, err error) {
	var turn, wanted, waiting, until, counted int64
	err = s.Scan(&r.instance, &r.requests, &r.places, &r.cost, &r.slots, &turn, &wanted, &waiting, &until, &counted)
	r.turn, r.wantedUntil, r.waitingUntil, r.until, r.countedUntil = store.Time(turn), store.Time(wanted), store.Time(waiting), store.Time(until), store.Time(counted)
	return r, err
}

const sliceColumns = "budget, instance, whole, requests, places, cost, slots, turn, wanted_until, waiting_until, until, counted_until"

// putSlices writes rows; addSlices adds to those that are there.
func putSlices(ctx context.Context, tx *store.Tx, rows ...sliceRow) error {
	return insertSlices(ctx, tx, rows, `whole = excluded.whole, requests = excluded.requests, places = excluded.places, cost = excluded.cost, slots = excluded.slots,
		turn = excluded.turn, wanted_until = excluded.wanted_until, waiting_until = excluded.waiting_until, until = excluded.until, counted_until = excluded.counted_until`)
}

func addSlices(ctx context.Context, tx *store.Tx, rows []sliceRow) error {
	return insertSlices(ctx, tx, rows, "requests = connection_slice.requests + excluded.requests")
}

// atOnce is how many rows go into one statement: hundreds of mailboxes are written at the end of a busy hub.
const atOnce = 200

func insertSlices(ctx context.Context, tx *store.Tx, rows []sliceRow, onConflict string) error {
	for len(rows) > 0 {
		n := min(len(rows), atOnce)
		var marks []string
		var args store.Args
		for _, r := range rows[:n] {
			values := []any{r.budget, r.instance, r.whole.Requests, r.requests, r.places, r.cost, r.slots, store.Millis(r.turn),
				store.Millis(r.wantedUntil), store.Millis(r.waitingUntil), store.Millis(r.until), store.Millis(r.countedUntil)}
			marks = append(marks, "("+store.List(&args, values)+")")
		}
		_, err := tx.ExecContext(ctx, "insert into connection_slice ("+sliceColumns+") values "+strings.Join(marks, ", ")+" on conflict (budget, instance) do update set "+onConflict, args...)
		if err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// writeRemains replaces rows by what is left of them, and removes those of which nothing is.
func writeRemains(ctx context.Context, tx *store.Tx, left []remains) error {
	var rows []sliceRow
	for _, r := range left {
		if r.row.requests > 0 || r.row.places > 0 {
			rows = append(rows, r.row)
			continue
		}
		if _, err := tx.ExecContext(ctx, "delete from connection_slice where budget = $1 and instance = $2", r.row.budget, r.row.instance); err != nil {
			return err
		}
	}
	return putSlices(ctx, tx, rows...)
}
