package once

import (
	"context"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Addition is how one thing is made in a short list whose entries have no place for a mark. What became of it is told from what there was
// before: another entry that could be it, is it.
type Addition[T any] struct {
	List func(ctx context.Context, proof graph.Option) ([]T, error)
	ID   func(T) string
	Is   func(T) bool // it looks like what is to be made
	Make func(ctx context.Context) (T, error)
	// Taken, where there may be only one such thing, is the refusal when one is there already.
	Taken func(T) error
}

// stood is what the ledger keeps: which entries looked like it before, and when.
type stood struct {
	Before []string  `json:"before"`
	At     time.Time `json:"at"`
}

// Run notes what there is, and makes the thing.
func (k Addition[T]) Run(ctx context.Context, c action.Call) (T, error) {
	var none T
	var p graph.Proof
	alike, err := k.alike(ctx, graph.Prove(&p))
	if err != nil {
		return none, err
	}
	if k.Taken != nil && len(alike) > 0 {
		return none, k.Taken(alike[0])
	}
	s := stood{At: p.At}
	for _, t := range alike {
		s.Before = append(s.Before, k.ID(t))
	}
	if err := c.Checkpoint(ctx, s); err != nil {
		return none, err
	}
	return k.Make(ctx)
}

func (k Addition[T]) alike(ctx context.Context, proof graph.Option) ([]T, error) {
	all, err := k.List(ctx, proof)
	return slices.DeleteFunc(all, func(t T) bool { return !k.Is(t) }), err
}

// Became answers an unclear run.
func (k Addition[T]) Became(ctx context.Context, c action.Call) (T, action.Answer, error) {
	var none T
	var s stood
	known, err := c.Recall(ctx, &s)
	if err != nil || !known {
		return none, action.NotStarted, err // nothing leaves before the checkpoint
	}
	var p graph.Proof
	alike, err := k.alike(ctx, graph.Prove(&p))
	i := slices.IndexFunc(alike, func(t T) bool { return !slices.Contains(s.Before, k.ID(t)) })
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return none, action.NotStarted, nil // what it was to be made in is gone
	case err != nil:
		return none, action.StillOpen, err
	case i >= 0:
		return alike[i], action.Happened, nil
	case p.At.Sub(s.At) < Settled:
		return none, action.StillOpen, nil
	}
	return none, action.NotStarted, nil
}
