package action

import (
	"context"
	"sync"
	"sync/atomic"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

const takenOver = "run_taken_over"

// errTakenOver is for whoever was away for longer than a run's lease: another process finds out what became of it, and may do it anew.
func errTakenOver() error {
	return &fault.Error{Kind: fault.Unclear, Code: takenOver, Message: "Another process of this hub has taken this run over", Cause: "This one did not move for more than a minute",
		Fix: "Nothing: the other one goes on with it. If it happens often, see whether the hub's machine is put to sleep or short of memory", Who: "the operator of this hub"}
}

// ours is the error of a change that found no row of its owner.
func ours(rows int64, err error) error {
	if err == nil && rows == 0 {
		return errTakenOver()
	}
	return err
}

// keepLease renews a run's lease until it is stopped. held asks whether the run is still ours: a machine that slept does not know by itself.
func (r *Runner) keepLease(ctx context.Context, run Run) (held func(context.Context) error, stop func()) {
	var until atomic.Int64
	until.Store(store.Millis(run.leasedUntil))
	renew := func(ctx context.Context) error {
		t, err := r.ledger.renew(ctx, run)
		if err == nil {
			until.Store(store.Millis(t))
		}
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for r.clock.Sleep(ctx, runLease/3) == nil {
			if err := renew(ctx); err != nil {
				r.log.WarnContext(ctx, "a run's lease was not renewed", "error", err)
			}
		}
	})
	held = func(ctx context.Context) error {
		if r.clock.Now().Before(store.Time(until.Load())) {
			return nil
		}
		return renew(ctx)
	}
	return held, func() { cancel(); done.Wait() }
}
