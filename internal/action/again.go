package action

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/fault"
)

// Again runs once more what a run was asked, as a new effect under a new key and with the caller's own rights. Nobody sees the input.
func (r *Runner) Again(ctx context.Context, by access.Caller, run Run, key string) (Result, error) {
	switch {
	case run.State == Unclear:
		return Result{}, &fault.Error{Kind: fault.Conflict, Code: "still_unclear", Message: "It is not known yet whether this run happened", Cause: "Running it again now might do it twice", Fix: "Find out first: seneschal run reconcile " + run.ID, Who: "you"}
	case run.State != Done && run.State != Refused:
		return Result{}, &fault.Error{Kind: fault.Conflict, Code: "in_progress", Message: "This run is still under way", Fix: "Wait until it has ended", Who: "you"}
	case !run.CanRunAgain:
		return Result{}, &fault.Error{Kind: fault.Gone, Code: "input_gone", Message: "What this run was asked is not kept any more", Cause: "Inputs are erased a day after the outcome, and at once where files came with them", Fix: "Ask for it anew, with its input", Who: "you"}
	}
	input, err := r.ledger.input(ctx, run)
	if err != nil {
		return Result{}, err
	}
	return r.Do(ctx, Request{Action: run.Action, Connection: run.Connection, Caller: by, Input: input, Key: key})
}
