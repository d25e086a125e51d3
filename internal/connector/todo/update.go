package todo

import (
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// before is what the ledger keeps of a task that may not be changed twice: how it was, and when.
type before struct {
	ETag string    `json:"etag"`
	At   time.Time `json:"at"`
}

// moves says whether a change may have To Do make the next one of a task that repeats.
func (in TaskUpdateIn) moves() bool {
	return in.Status != nil || !in.Start.IsZero() || !in.Due.IsZero() || !in.Recurrence.IsZero()
}

// updateTask says how it shall be, so most changes may be sent twice.
func updateTask(ctx context.Context, c action.Call, in TaskUpdateIn) (Task, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Task{}, err
	}
	change := in.change()
	change.Title = in.Title
	if in.moves() {
		return in.move(ctx, c, box, path, change)
	}
	if _, err := graph.Patch[graph.TodoTask](ctx, box.Graph, path, change, graph.Idempotent()); err != nil {
		return Task{}, err
	}
	return getTask(ctx, c, in.TaskIn) // the answer to a change has neither steps nor links
}

// move changes state, days or rhythm of a task. Of one that repeats it does so once: that To Do makes the next one when it is completed or
// gets another day is on no page of Graph, and people see it do so (fidelity.md), each time that it is told.
func (in TaskUpdateIn) move(ctx context.Context, c action.Call, box place.Place, path graph.Path, change graph.TodoTaskChange) (Task, error) {
	var p graph.Proof
	now, err := graph.Get[graph.TodoTask](ctx, box.Graph, path, withParts, graph.Prove(&p))
	if err != nil {
		return Task{}, err
	}
	if in.Due.IsZero() {
		if err := in.from(now, &change); err != nil {
			return Task{}, err
		}
	}
	opts := []graph.Option{graph.Idempotent()}
	if now.Recurrence != nil || in.Recurrence.Value() != nil {
		opts = nil
		if err := c.Checkpoint(ctx, before{now.ETag, p.At}); err != nil {
			return Task{}, err
		}
	}
	t, err := graph.Patch[graph.TodoTask](ctx, box.Graph, path, change, opts...)
	t.ChecklistItems, t.LinkedResources = now.ChecklistItems, now.LinkedResources
	return taskOf(t), err
}

// from has a rhythm begin on the day that the task is due already.
func (in TaskUpdateIn) from(now graph.TodoTask, change *graph.TodoTaskChange) error {
	r := in.Recurrence.Value()
	if r == nil {
		return nil
	}
	due, err := time.Parse(time.DateOnly, dateOf(now.DueDateTime))
	if err != nil {
		return fault.OfFields([]fault.Field{noDue})
	}
	in.repeat(change, due)
	return fault.OfFields(r.Wrong(due, time.UTC))
}

// updated answers an unclear change. One that may be sent twice is sent again; of another the task tells what became of it, as long as nobody
// else changed it too.
func updated(ctx context.Context, c action.Call, in TaskUpdateIn) (Task, action.Answer, error) {
	var b before
	known, err := c.Recall(ctx, &b)
	switch {
	case err != nil:
		return Task{}, action.StillOpen, err
	case !known:
		return once.Again(updateTask(ctx, c, in))
	}
	box, path, err := in.at(c)
	if err != nil {
		return Task{}, action.StillOpen, err
	}
	var p graph.Proof
	t, err := graph.Get[graph.TodoTask](ctx, box.Graph, path, withParts, graph.Prove(&p))
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return Task{}, action.StillOpen, nil // deleted, or To Do has the completed one under another id
	case err != nil:
		return Task{}, action.StillOpen, err
	case t.ETag != b.ETag && in.heldBy(taskOf(t)):
		return taskOf(t), action.Happened, nil
	case t.ETag != b.ETag || p.At.Sub(b.At) < once.Settled:
		return Task{}, action.StillOpen, nil
	}
	return Task{}, action.NotStarted, nil
}

// heldBy reports whether a task is as the change wants it.
func (in TaskUpdateIn) heldBy(t Task) bool {
	return (in.Title == nil || *in.Title == t.Title) && (in.Status == nil || *in.Status == t.Status) &&
		(in.Start.IsZero() || in.Start.Or("") == t.Start) && (in.Due.IsZero() || in.Due.Or("") == t.Due) &&
		(in.Recurrence.IsZero() || (in.Recurrence.Value() == nil) == (t.Recurrence == nil))
}
