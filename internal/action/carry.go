package action

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// carryOut runs an approved plan to its end. Its run's key is the plan's own, so that whoever tries too runs nothing a second time.
func (r *Runner) carryOut(ctx context.Context, p Plan) (Plan, error) {
	ctx = context.WithoutCancel(ctx) // it is approved: whoever approved may be gone
	result, err := r.runPlan(ctx, p)
	if fault.CodeOf(err) == "in_progress" {
		return p, nil // the job looks again
	}
	p.Run, p.EndedAt, p.State = result.Run, r.clock.Now(), PlanDone
	if err != nil {
		problem := fault.As(err).Problem()
		p.Problem, p.State = &problem, PlanRefused
	}
	if result.State == Unclear {
		p.State, p.EndedAt = PlanUnclear, time.Time{}
	}
	p.Output = result.Output
	return p, r.ledger.store.InTx(ctx, "action.plan_end", func(tx *store.Tx) error {
		n, err := movePlan(ctx, tx, p, PlanApproved)
		if err != nil || n == 0 {
			return err
		}
		if p.State == PlanUnclear {
			return r.jobs.Schedule(ctx, tx, PlanJob, p.ID, r.clock.Now().Add(planPause))
		}
		return r.jobs.Cancel(ctx, tx, PlanJob, p.ID)
	})
}

// runPlan asks the corridor with the rights that the proposer has today, and only for what was approved.
func (r *Runner) runPlan(ctx context.Context, p Plan) (Result, error) {
	input, err := r.ledger.vault.Open(ctx, planRef(p.ID), p.sealed)
	if err != nil {
		return Result{}, err
	}
	caller, err := r.callers(ctx, p.callerKind, p.callerID, p.Agent)
	if err != nil {
		return Result{}, err
	}
	q := Request{Action: p.Action, Connection: p.Connection, Caller: caller, Input: input, Key: planKey + p.ID, plan: p.ID}
	if a, ok := r.registry.Lookup(p.Action); !ok || inputDigest(a, q) != p.InputDigest {
		return Result{}, &fault.Error{Kind: fault.Conflict, Code: "plan_changed", Message: "The plan does not hold any more what was approved", Fix: "Have it proposed anew", Who: "you"}
	}
	return r.Do(ctx, q)
}

// DrivePlan is the job of one plan.
func (r *Runner) DrivePlan(ctx context.Context, id string, _ int) (time.Time, error) {
	p, err := r.planRow(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	now := r.clock.Now()
	switch {
	case p.over(now):
		return time.Time{}, r.expire(ctx, p)
	case p.State == PlanWaiting:
		return p.ExpiresAt, nil
	case p.State == PlanApproved:
		if p, err = r.carryOut(ctx, p); err != nil {
			return time.Time{}, err
		}
		if p.State == PlanApproved || p.State == PlanUnclear {
			return now.Add(planPause), nil
		}
		return time.Time{}, nil
	case p.State == PlanUnclear:
		return r.askRun(ctx, p)
	default:
		return time.Time{}, nil
	}
}

func (r *Runner) expire(ctx context.Context, p Plan) error {
	p.State, p.EndedAt = PlanExpired, r.clock.Now()
	return r.ledger.store.InTx(ctx, "action.plan_end", func(tx *store.Tx) error {
		n, err := movePlan(ctx, tx, p, PlanWaiting)
		if err != nil || n == 0 {
			return err
		}
		return r.recordPlan(ctx, tx, access.System("plan").String(), "plan.expire", p)
	})
}

// askRun takes over what became of an unclear run. One that certainly did not happen, because the hub stopped before Microsoft took it, is
// carried out again: that is what was approved.
func (r *Runner) askRun(ctx context.Context, p Plan) (next time.Time, err error) {
	run, err := r.RunOfKey(ctx, p.Connection, planKey+p.ID)
	if err != nil {
		return time.Time{}, err
	}
	now := r.clock.Now()
	if run == nil || run.State != Done && run.State != Refused {
		if now.Sub(p.CreatedAt) > planLife+lastLook {
			return time.Time{}, nil
		}
		return now.Add(planPause), nil
	}
	p.State, p.Problem, p.EndedAt = PlanState(run.State), run.Problem, now
	if run.State == Refused && run.Problem != nil && run.Problem.Code == notStarted && now.Before(p.ExpiresAt) {
		p.State, p.Problem, p.EndedAt = PlanApproved, nil, time.Time{}
		next = now
	}
	return next, r.ledger.store.InTx(ctx, "action.plan_end", func(tx *store.Tx) error {
		_, err := movePlan(ctx, tx, p, PlanUnclear)
		return err
	})
}
