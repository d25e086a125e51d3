package jobs

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"seneschal/internal/store"
)

// queue is River on either database: its two drivers want different transaction types.
type queue interface {
	Insert(ctx context.Context, tx *store.Tx, all []pointer) error
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// pointer is the only kind of River job there is.
type pointer struct {
	Row string `json:"row"`
	ID  string `json:"id"`
}

// Kind names the job in River's tables.
func (pointer) Kind() string { return "pointer" }

type worker struct {
	river.WorkerDefaults[pointer]
	work func(context.Context, pointer) error
}

// Work hands the pointer to Jobs.
func (w *worker) Work(ctx context.Context, j *river.Job[pointer]) error { return w.work(ctx, j.Args) }

// Timeout is off: a row's lease bounds its work, and long runs renew it.
func (*worker) Timeout(*river.Job[pointer]) time.Duration { return -1 }

func newQueue(s *store.Store, log *slog.Logger, work func(context.Context, pointer) error) (queue, error) {
	if s.Engine == store.Postgres {
		return open(riverpgxv5.New(s.PgxPool()), log, work, func(t *store.Tx) pgx.Tx { return t.Pgx })
	}
	return open(riversqlite.New(s.SQLiteWriter()), log, work, func(t *store.Tx) *sql.Tx { return t.SQL })
}

type client[TTx any] struct {
	*river.Client[TTx]
	tx func(*store.Tx) TTx
}

// Insert queues the pointers in the caller's transaction. Not by COPY, as River's fast way does: when a context ends in the middle of one, pgx
// tears the connection down beside the copying and panics (jackc/pgx issues 2332 and 2622).
func (c client[TTx]) Insert(ctx context.Context, tx *store.Tx, all []pointer) error {
	params := make([]river.InsertManyParams, 0, len(all))
	for _, p := range all {
		params = append(params, river.InsertManyParams{Args: p})
	}
	_, err := c.InsertManyTx(ctx, c.tx(tx), params)
	return err
}

// Stop waits for running work until ctx ends and cancels what is left.
func (c client[TTx]) Stop(ctx context.Context) error {
	if err := c.Client.Stop(ctx); err == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return c.StopAndCancel(hard)
}

func open[TTx any](driver riverdriver.Driver[TTx], log *slog.Logger, work func(context.Context, pointer) error, tx func(*store.Tx) TTx) (queue, error) {
	ws := river.NewWorkers()
	river.AddWorker(ws, &worker{work: work})
	c, err := river.NewClient(driver, &river.Config{
		Logger:  slog.New(quiet{log.Handler()}),
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		Workers: ws,
		// A failed or lost pointer is nothing: the row's sweep makes a new one.
		MaxAttempts:                 1,
		FetchCooldown:               5 * time.Millisecond,
		FetchPollInterval:           100 * time.Millisecond,
		JobTimeout:                  -1,
		RescueStuckJobsAfter:        10 * time.Minute,
		CompletedJobRetentionPeriod: 10 * time.Minute,
		DiscardedJobRetentionPeriod: time.Hour,
	})
	if err != nil {
		return nil, err
	}
	return client[TTx]{c, tx}, nil
}

// Migrate makes River's own tables.
func Migrate(ctx context.Context, s *store.Store) error {
	if s.Engine == store.Postgres {
		return migrate(ctx, riverpgxv5.New(s.PgxPool()))
	}
	return migrate(ctx, riversqlite.New(s.SQLiteWriter()))
}

func migrate[TTx any](ctx context.Context, driver riverdriver.Driver[TTx]) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// quiet keeps River's own reports below warnings out of our log: they speak of its pointers, not of our work.
type quiet struct{ slog.Handler }

// Enabled lets warnings and errors through.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

// WithAttrs keeps the filter.
func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }

// WithGroup keeps the filter.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
