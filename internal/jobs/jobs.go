package jobs

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/store"
)

// Migrations are the tables of rows and locks; River's own come with Migrate.
//
//go:embed migrations
var Migrations embed.FS

const (
	leaseTime  = 30 * time.Second
	renewEvery = 10 * time.Second
	sweepEvery = time.Second
	workers    = 16
	handAhead  = 8 * workers // rows handed to River and not yet claimed, at most
	maxBackoff = 15 * time.Minute
)

// Handler works on one row. It gives the time to be called again, or zero when the row is finished.
// An error keeps the row and calls again with growing pauses; attempt counts from 1.
type Handler func(ctx context.Context, id string, attempt int) (next time.Time, err error)

// Jobs schedules and runs rows.
type Jobs struct {
	store    *store.Store
	clock    clock.Clock
	log      *slog.Logger
	instance string // the same after a restart
	owner    string // instance and boot
	handlers map[string]Handler
	queue    queue

	nudge   chan struct{}
	running sync.Map // row -> struct{}; rows this process works on
	handed  handed
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// Options are what Jobs needs from outside.
type Options struct {
	Store    *store.Store
	Clock    clock.Clock
	Log      *slog.Logger
	Instance string // names this process among those on the database; the same after a restart
	Handlers map[string]Handler
}

// New makes Jobs; nothing runs before Start.
func New(o Options) (*Jobs, error) {
	j := &Jobs{store: o.Store, clock: o.Clock, log: o.Log, instance: o.Instance, owner: o.Instance + "/" + rand.Text(),
		handlers: o.Handlers, nudge: make(chan struct{}, 1)}
	q, err := newQueue(o.Store, o.Log, j.work)
	if err != nil {
		return nil, err
	}
	j.queue = q
	return j, nil
}

// Schedule makes the row due at a time, in the caller's transaction. A row already scheduled moves to the new time.
func (j *Jobs) Schedule(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error {
	_, err := tx.ExecContext(ctx, `insert into jobs_row (kind, id, due_at, attempt, owner, leased_until, last_error) values ($1, $2, $3, 0, '', 0, '')
		on conflict (kind, id) do update set due_at = excluded.due_at, attempt = 0`, kind, id, store.Millis(due))
	if err == nil {
		tx.AfterCommit(j.Nudge)
	}
	return err
}

// ScheduleBy has the row run by then at the latest: an earlier time stays, and a row that is running now runs once more. Scheduling anew sets
// attempt back to 0 and running counts it up, which tells whether a running row is to run again already.
func (j *Jobs) ScheduleBy(ctx context.Context, tx *store.Tx, kind, id string, by time.Time) error {
	const running = "jobs_row.owner <> '' and jobs_row.leased_until >= $4 and jobs_row.attempt > 0"
	_, err := tx.ExecContext(ctx, `insert into jobs_row (kind, id, due_at, attempt, owner, leased_until, last_error) values ($1, $2, $3, 0, '', 0, '')
		on conflict (kind, id) do update set due_at = case when `+running+` or jobs_row.due_at > excluded.due_at then excluded.due_at else jobs_row.due_at end,
		attempt = case when `+running+` or jobs_row.due_at > excluded.due_at then 0 else jobs_row.attempt end`, kind, id, store.Millis(by), store.Millis(j.clock.Now()))
	if err == nil {
		tx.AfterCommit(j.Nudge)
	}
	return err
}

// EnsureScheduled schedules the row unless it is already, and leaves its time alone when it is.
func (j *Jobs) EnsureScheduled(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error {
	_, err := tx.ExecContext(ctx, `insert into jobs_row (kind, id, due_at, attempt, owner, leased_until, last_error) values ($1, $2, $3, 0, '', 0, '')
		on conflict (kind, id) do nothing`, kind, id, store.Millis(due))
	if err == nil {
		tx.AfterCommit(j.Nudge)
	}
	return err
}

// Cancel forgets the row.
func (j *Jobs) Cancel(ctx context.Context, tx *store.Tx, kind, id string) error {
	_, err := tx.ExecContext(ctx, "delete from jobs_row where kind = $1 and id = $2", kind, id)
	return err
}

// Nudge has the sweep look at once.
func (j *Jobs) Nudge() {
	select {
	case j.nudge <- struct{}{}:
	default: // one is pending already
	}
}

// Start takes over what this instance left behind at its last end, and begins to sweep and work. A hand-over has no owner that could be asked:
// the pointer may have died with whoever had fetched it, so each is made anew. Where it did not, the second finds nothing to do.
func (j *Jobs) Start(ctx context.Context) error {
	err := j.store.InTx(ctx, "jobs.takeover", func(tx *store.Tx) error {
		mine := j.instance + "/"
		_, err := tx.ExecContext(ctx, "update jobs_row set owner = '', leased_until = 0 where leased_until > 0 and (owner = '' or (substr(owner, 1, $1) = $2 and owner <> $3))", len(mine), mine, j.owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("taking over jobs: %w", err)
	}
	ctx, j.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := j.queue.Start(ctx); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	j.done.Go(func() { j.sweepLoop(ctx) })
	return nil
}

// Stop lets running rows finish until ctx ends, then cancels them; their leases pass to whoever sweeps next.
func (j *Jobs) Stop(ctx context.Context) error {
	if j.stop == nil {
		return nil
	}
	err := j.queue.Stop(ctx)
	j.stop()
	j.done.Wait()
	return err
}

func (j *Jobs) sweepLoop(ctx context.Context) {
	for {
		if err := j.sweep(ctx); err != nil && ctx.Err() == nil {
			j.log.ErrorContext(ctx, "sweeping due jobs failed", "error", err)
		}
		timer := j.clock.NewTimer(sweepEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-j.nudge:
			timer.Stop()
		}
	}
}

type row struct {
	kind, id string
	due      int64
	attempt  int
}

func (r row) key() string { return r.kind + "\x00" + r.id }

// sweep hands due rows without a living owner to River. The hand-over is itself a short lease without owner, so that one row is not
// handed over at every sweep while River is busy. Of a long queue only the beginning is handed over: the rest waits in our table.
func (j *Jobs) sweep(ctx context.Context) error {
	now := j.clock.Now()
	room := handAhead - j.handed.count(now)
	if room < handAhead/2 {
		return nil // what ends soon nudges again
	}
	due, err := store.Select(ctx, j.store.Reader(), scanRow,
		"select kind, id, due_at, attempt from jobs_row where due_at <= $1 and leased_until < $2 order by due_at limit $3", store.Millis(now), store.Millis(now), room)
	if err != nil || len(due) == 0 {
		return err
	}
	var taken []pointer
	err = j.store.InTx(ctx, "jobs.sweep", func(tx *store.Tx) error {
		taken, err = j.handOver(ctx, tx, due, now)
		if err != nil || len(taken) == 0 {
			return err
		}
		j.handed.add(taken, now.Add(leaseTime)) // before the commit: River may be faster than we are after it
		return j.queue.Insert(ctx, tx, taken)
	})
	if err != nil {
		j.handed.done(taken...)
	}
	return err
}

// handOver leases rows for River; those that another instance was faster with are left out.
func (j *Jobs) handOver(ctx context.Context, tx *store.Tx, due []row, now time.Time) (taken []pointer, err error) {
	for _, r := range due {
		if _, ours := j.running.Load(r.key()); ours || j.handlers[r.kind] == nil {
			continue
		}
		n, err := store.Affected(ctx, tx, "update jobs_row set owner = '', leased_until = $1 where kind = $2 and id = $3 and leased_until < $4",
			store.Millis(now.Add(leaseTime)), r.kind, r.id, store.Millis(now))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			taken = append(taken, pointer{Row: r.kind, ID: r.id})
		}
	}
	return taken, nil
}

func scanRow(s store.Scanner) (r row, err error) {
	return r, s.Scan(&r.kind, &r.id, &r.due, &r.attempt)
}

// work is called by River with a pointer; the row decides whether there is anything to do.
func (j *Jobs) work(ctx context.Context, p pointer) error {
	j.handed.done(p)
	handler := j.handlers[p.Row]
	if handler == nil {
		return nil // another instance's kind; its sweep hands it over again
	}
	r, ok, err := j.claim(ctx, p)
	if err != nil || !ok {
		return err
	}
	j.running.Store(r.key(), struct{}{})
	ctx, cancel := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { j.renew(ctx, r, cancel) })
	next, err := run(ctx, handler, r)
	cancel()
	renewing.Wait()
	j.running.Delete(r.key()) // before the lease is given back: the sweep that follows may hand the row over again
	return j.finish(context.WithoutCancel(ctx), r, next, err)
}

func (j *Jobs) claim(ctx context.Context, p pointer) (row, bool, error) {
	var r row
	ok := false
	err := j.store.InTx(ctx, "jobs.claim", func(tx *store.Tx) error {
		now := j.clock.Now()
		// A row scheduled anew between its hand-over and now is not due yet: it is handed over again when it is.
		n, err := store.Affected(ctx, tx, `update jobs_row set owner = $1, leased_until = $2, attempt = attempt + 1
			where kind = $3 and id = $4 and due_at <= $5 and (owner = '' or leased_until < $6)`,
			j.owner, store.Millis(now.Add(leaseTime)), p.Row, p.ID, store.Millis(now), store.Millis(now))
		if err != nil {
			return err
		}
		if n == 0 {
			tx.AfterCommit(j.Nudge)
			_, err := tx.ExecContext(ctx, "update jobs_row set leased_until = 0 where kind = $1 and id = $2 and owner = ''", p.Row, p.ID)
			return err
		}
		ok = true
		r, err = scanRow(tx.QueryRowContext(ctx, "select kind, id, due_at, attempt from jobs_row where kind = $1 and id = $2", p.Row, p.ID))
		return err
	})
	return r, ok, err
}

// renew keeps the lease while the handler works, and cancels the handler when the lease was lost.
func (j *Jobs) renew(ctx context.Context, r row, lost context.CancelFunc) {
	for j.clock.Sleep(ctx, renewEvery) == nil {
		n, err := store.Affected(ctx, j.store.Writer(), "update jobs_row set leased_until = $1 where kind = $2 and id = $3 and owner = $4",
			store.Millis(j.clock.Now().Add(leaseTime)), r.kind, r.id, j.owner)
		if err == nil && n == 0 {
			lost()
			return
		}
	}
}

// run turns a panic of a handler into its error: one bad row must not end the process.
func run(ctx context.Context, h Handler, r row) (next time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in job %s: %v", r.kind, p)
		}
	}()
	return h(ctx, r.id, r.attempt)
}

// finish gives the row back: gone when finished, due again otherwise. A row scheduled anew meanwhile keeps its new time; scheduling set its
// attempts to none, which tells it apart even when the new time is the old one.
func (j *Jobs) finish(ctx context.Context, r row, next time.Time, failed error) error {
	if failed != nil {
		j.log.WarnContext(ctx, "job failed and will be tried again", "job", r.kind, "id", r.id, "attempt", r.attempt, "error", failed)
		if errors.Is(failed, context.Canceled) {
			next = j.clock.Now() // shutting down: the next process goes on at once
		} else {
			next = j.clock.Now().Add(backoff(r.attempt))
		}
	}
	return j.store.InTx(ctx, "jobs.finish", func(tx *store.Tx) error {
		tx.AfterCommit(j.Nudge)
		release := "update jobs_row set owner = '', leased_until = 0, last_error = $1"
		if _, err := tx.ExecContext(ctx, release+" where kind = $2 and id = $3 and owner = $4", text(failed), r.kind, r.id, j.owner); err != nil {
			return err
		}
		if next.IsZero() {
			_, err := tx.ExecContext(ctx, "delete from jobs_row where kind = $1 and id = $2 and due_at = $3 and attempt = $4 and owner = ''", r.kind, r.id, r.due, r.attempt)
			return err
		}
		attempt := 0
		if failed != nil {
			attempt = r.attempt
		}
		_, err := tx.ExecContext(ctx, "update jobs_row set due_at = $1, attempt = $2 where kind = $3 and id = $4 and due_at = $5 and attempt = $6 and owner = ''",
			store.Millis(next), attempt, r.kind, r.id, r.due, r.attempt)
		return err
	})
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func backoff(attempt int) time.Duration {
	d := time.Second << min(attempt-1, 20)
	return min(d, maxBackoff)
}

// Row is the state of one row, for pages and support bundles.
type Row struct {
	Kind      string    `json:"kind"`
	ID        string    `json:"id"`
	Due       time.Time `json:"due"`
	Attempt   int       `json:"attempt"`
	Owner     string    `json:"owner,omitempty"`
	LastError string    `json:"last_error,omitempty"`
}

// Rows lists the rows by due time, the first limit of them.
func (j *Jobs) Rows(ctx context.Context, limit int) ([]Row, error) {
	return store.Select(ctx, j.store.Reader(), func(s store.Scanner) (r Row, err error) {
		var due int64
		err = s.Scan(&r.Kind, &r.ID, &due, &r.Attempt, &r.Owner, &r.LastError)
		r.Due = store.Time(due)
		return r, err
	}, "select kind, id, due_at, attempt, owner, last_error from jobs_row order by due_at limit $1", limit)
}
