package once

import (
	"context"

	"seneschal/internal/action"
)

// Way is how one thing is made once, and how it is told later whether it was: a Creation or an Addition.
type Way[Out any] interface {
	Run(ctx context.Context, c action.Call) (Out, error)
	Became(ctx context.Context, c action.Call) (Out, action.Answer, error)
}

// Define makes the action whose runs go the way of their input.
func Define[In, Out any, W Way[Out]](spec action.Spec, way func(In, context.Context, action.Call) (W, error)) action.Action {
	return action.Define(spec, func(ctx context.Context, c action.Call, in In) (Out, error) {
		w, err := way(in, ctx, c)
		if err != nil {
			var none Out
			return none, err
		}
		return w.Run(ctx, c)
	}, action.WithReconcile(func(ctx context.Context, c action.Call, in In) (Out, action.Answer, error) {
		w, err := way(in, ctx, c)
		if err != nil {
			var none Out
			return none, action.StillOpen, err
		}
		return w.Became(ctx, c)
	}))
}
