package action

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/wire"
)

const (
	firstLook = 5 * time.Second
	lastLook  = 24 * time.Hour // after that a person must look; the run stays unclear and says so. An engine goes on until it knows
	maxPause  = 10 * time.Minute

	notStarted = "not_started" // the code of a run that certainly did not happen
)

// Sweep is the job that answers one run without outcome: its process died, or Microsoft's answer was lost.
func (r *Runner) Sweep(ctx context.Context, id string, _ int) (time.Time, error) {
	run, err := r.ledger.lookup(ctx, r.ledger.store.Reader(), "id = $1", id)
	if store.IsNoRows(err) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	now := r.clock.Now()
	if _, ours := r.running.Load(id); ours || run.leasedUntil.After(now) {
		return now.Add(runLease), nil // it is still running
	}
	if run.State == Done || run.State == Refused {
		return time.Time{}, nil
	}
	if run.State != Unclear {
		if run, err = r.abandon(ctx, run); fault.CodeOf(err) == takenOver {
			return now.Add(runLease), nil // its owner is there after all
		} else if err != nil {
			return time.Time{}, err
		}
	}
	open, err := r.answer(telemetry.WithRun(ctx, id), run)
	if err != nil || !open {
		return time.Time{}, err
	}
	if now.Sub(run.StartedAt) > lastLook && run.For == "" {
		return time.Time{}, nil
	}
	return now.Add(pause(now.Sub(run.StartedAt))), nil
}

// pause is how long a question of that age rests: what was not known for an hour is seldom known ten seconds later.
func pause(age time.Duration) time.Duration { return min(max(age/8, firstLook), maxPause) }

// abandon takes a run from a process that is gone: from then on it is nobody's, and unclear.
func (r *Runner) abandon(ctx context.Context, run Run) (Run, error) {
	problem := unclearFault(run.ID, nil).Problem()
	err := r.ledger.store.InTx(ctx, "action.abandon", func(tx *store.Tx) error {
		if err := r.ledger.expire(ctx, tx, run); err != nil {
			return err
		}
		if err := r.ledger.end(ctx, tx, run, outcome{state: Unclear, problem: &problem}); err != nil {
			return err
		}
		return r.record(ctx, tx, run.Action, run, outcome{state: Unclear, problem: &problem})
	})
	run.owner = ""
	return run, err
}

// answer finds out what became of an unclear run, and writes it down. It reports whether the question stays open.
func (r *Runner) answer(ctx context.Context, run Run) (open bool, err error) {
	a, ok := r.registry.Lookup(run.Action)
	if !ok {
		return false, fmt.Errorf("run %s is of the action %s, which this program does not have", run.ID, run.Action)
	}
	raw, err := r.ledger.input(ctx, run)
	if err != nil {
		return false, err
	}
	in, err := a.check(raw)
	if err != nil {
		return false, err
	}
	bound, err := r.connections.Bind(ctx, run.Connection, purposeOf(a, run.For))
	if err != nil {
		return false, err
	}
	c := Call{Run: run.ID, Key: run.Key, Connection: bound.Connection, Bound: bound}
	r.equip(&c, run)
	ctx = wire.WithPriority(ctx, wire.Dispatch)
	out, answer, err := r.ask(ctx, a, c, in)
	if err != nil || answer == StillOpen {
		return err == nil, err
	}
	if answer == NotStarted {
		problem := fault.Problem{Type: "about:blank", Title: "It did not happen: the hub stopped, or the answer was lost, before Microsoft took it", Kind: fault.Unavailable,
			Code: notStarted, Fix: "Send it again; the same key may be used", Who: "you"}
		return false, r.settle(ctx, a, run, outcome{state: Refused, problem: &problem, resumes: a.Resumes, forgets: len(a.Files) > 0 || run.For != ""})
	}
	result, err := finished(out, nil)
	if err != nil {
		return false, err
	}
	return false, r.settle(ctx, a, run, outcome{state: Done, output: result.Output, forgets: len(a.Files) > 0 || run.For != ""})
}

// ofAnotherTime are the refusals that say how things stand now, and nothing of what was taken before: a permission may have gone since.
var ofAnotherTime = []fault.Kind{fault.Unavailable, fault.Throttled, fault.NeedsAdmin, fault.NeedsReauth, fault.Forbidden}

// ask reconciles, or runs again what may be repeated.
func (r *Runner) ask(ctx context.Context, a Action, c Call, in any) (any, Answer, error) {
	if a.reconcile != nil {
		return a.reconcile(ctx, c, in)
	}
	out, err := guard(ctx, a, c, in)
	switch f := fault.As(err); {
	case err == nil:
		return out, Happened, nil
	case f.Kind == fault.NotFound && a.Effect == Deletes:
		return out, Happened, nil
	case fault.MayBeDone(err), slices.Contains(ofAnotherTime, f.Kind):
		return nil, StillOpen, nil
	default:
		return nil, NotStarted, nil
	}
}

func (r *Runner) settle(ctx context.Context, a Action, run Run, o outcome) error {
	err := r.ledger.store.InTx(ctx, "action.settle", func(tx *store.Tx) error {
		if err := r.ledger.end(ctx, tx, run, o); err != nil {
			return err
		}
		return r.record(ctx, tx, a.Name, run, o)
	})
	if fault.CodeOf(err) == takenOver { // a person and the sweep asked at the same time: the first answer stands
		return nil
	}
	return err
}

// LookupRun finds a run.
func (r *Runner) LookupRun(ctx context.Context, id string) (Run, error) {
	run, err := r.ledger.lookup(ctx, r.ledger.store.Reader(), "id = $1", id)
	if store.IsNoRows(err) {
		return run, fault.Missing("run", id)
	}
	return run, err
}

// RunOfKey gives what stands in the ledger for a key; nil where nothing was claimed with it.
func (r *Runner) RunOfKey(ctx context.Context, connection, key string) (*Run, error) {
	run, err := r.ledger.lookup(ctx, r.ledger.store.Reader(), "connection = $1 and idempotency = $2", connection, key)
	if store.IsNoRows(err) {
		return nil, nil
	}
	return &run, err
}

// ResultOfKey gives what the ledger knows of a key, for an engine that must not ask again with another input: nil where nothing was claimed
// with it. The output is there for a run that is done.
func (r *Runner) ResultOfKey(ctx context.Context, connection, key string) (*Run, json.RawMessage, error) {
	run, err := r.RunOfKey(ctx, connection, key)
	if err != nil || run == nil || run.State != Done {
		return run, nil, err
	}
	output, err := r.ledger.output(ctx, *run)
	return run, output, err
}

// RunsQuery narrows a list of runs; empty fields do not.
type RunsQuery struct {
	Connection string // id
	Caller     string // who started them
	Before     time.Time
	Limit      int
}

// Runs lists the newest runs.
func (r *Runner) Runs(ctx context.Context, q RunsQuery) ([]Run, error) {
	if q.Before.IsZero() {
		q.Before = r.clock.Now().Add(time.Hour)
	}
	return store.Select(ctx, r.ledger.store.Reader(), scanRun, "select "+runColumns+` from action_run
		where ($1 = '' or connection = $2) and ($3 = '' or caller = $4) and started_at < $5 order by started_at desc, id desc limit $6`,
		q.Connection, q.Connection, q.Caller, q.Caller, store.Millis(q.Before), q.Limit)
}

// Reconcile answers an unclear run now, for a person who does not want to wait for the sweep.
func (r *Runner) Reconcile(ctx context.Context, id string) (Run, error) {
	run, err := r.LookupRun(ctx, id)
	if err != nil {
		return run, err
	}
	if run.State != Unclear {
		return run, nil
	}
	if _, err := r.answer(telemetry.WithRun(ctx, id), run); err != nil {
		return run, err
	}
	return r.LookupRun(ctx, id)
}
