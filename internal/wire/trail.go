package wire

import (
	"context"
	"slices"
	"sync"
)

// trailLength bounds what a trail keeps: the last answers are the ones a support case asks about.
const trailLength = 20

// Trail collects Microsoft's request ids of every answer under a context, refusals included.
type Trail struct {
	mu  sync.Mutex
	ids []string
}

// WithTrail has the requests under ctx leave their ids.
func WithTrail(ctx context.Context) (context.Context, *Trail) {
	t := &Trail{}
	return context.WithValue(ctx, trailKey, t), t
}

// IDs gives the last request ids, oldest first.
func (t *Trail) IDs() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.ids)
}

// Leave adds an answer's id to the trail of ctx, where one is kept.
func Leave(ctx context.Context, id string) {
	t, ok := ctx.Value(trailKey).(*Trail)
	if !ok || id == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ids) == trailLength {
		t.ids = t.ids[1:]
	}
	t.ids = append(t.ids, id)
}
