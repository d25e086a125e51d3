package todo

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ListChangesIn asks for what changed among the lists.
type ListChangesIn struct {
	Mailbox
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many changes a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer; everything there is without"`
}

func (in ListChangesIn) question() []any { return []any{"lists changed", in.User} }

// Check finds a foreign cursor.
func (in ListChangesIn) Check() error {
	_, err := cursor.Read(in.Cursor, in.question()...)
	return err
}

// TaskChangesIn asks for what changed in a list.
type TaskChangesIn struct {
	ListIn
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many changes a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer; everything there is without"`
}

func (in TaskChangesIn) question() []any { return []any{"tasks changed", in.User, in.List} }

// Check finds a foreign cursor.
func (in TaskChangesIn) Check() error {
	_, err := cursor.Read(in.Cursor, in.question()...)
	return err
}

// Progress is where a walk through changes stands.
type Progress struct {
	Removed    []string `json:"removed" doc:"Ids of what is gone"`
	NextCursor string   `json:"next_cursor" doc:"Where to go on, now or any time later"`
	Complete   bool     `json:"complete" doc:"That is all for now"`
	Reset      bool     `json:"reset,omitempty" doc:"Microsoft had forgotten the cursor: this begins anew with everything there is, so what does not come is gone"`
}

// ListChanges are one page of what changed among the lists.
type ListChanges struct {
	Lists []List `json:"lists" doc:"New and changed ones, as they are now"`
	Progress
}

// TaskChanges are one page of what changed in a list.
type TaskChanges struct {
	Tasks []Summary `json:"tasks" doc:"New and changed ones, as they are now"`
	Progress
}

func changeActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "todo.list.change.list", Summary: "List which task lists changed since last time.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + lists + delta}, Capability: m365.Todo},
			func(ctx context.Context, c action.Call, in ListChangesIn) (ListChanges, error) {
				box, err := in.in(c)
				if err != nil {
					return ListChanges{}, err
				}
				list, p, err := walk(ctx, box, box.TodoLists(), in.Cursor, in.Limit, in.question(), listOf)
				return ListChanges{list, p}, err
			}),
		action.Define(action.Spec{Name: "todo.task.change.list", Summary: "List which tasks of a list changed since last time.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + tasks + delta}, Capability: m365.Todo, Args: []string{"list"}},
			func(ctx context.Context, c action.Call, in TaskChangesIn) (TaskChanges, error) {
				box, err := in.in(c)
				if err != nil {
					return TaskChanges{}, err
				}
				list, p, err := walk(ctx, box, box.TodoTasks(in.List), in.Cursor, in.Limit, in.question(), summaryOf)
				return TaskChanges{list, p}, err
			}),
	}
}

// walk reads one page of changes and shows it.
func walk[T, S any](ctx context.Context, box place, path graph.Path, from string, limit int, question []any, show func(T) S) ([]S, Progress, error) {
	out, p := []S{}, Progress{Removed: []string{}}
	at, err := cursor.Read(from, question...)
	if err != nil {
		return out, p, err
	}
	if limit == 0 {
		limit = 100
	}
	page, next, err := graph.DeltaPage[T](ctx, box.g, path, at, limit)
	if err == nil && len(page.Broken) > 0 {
		err = page.Broken[0].Err
	}
	if err != nil {
		return out, p, err
	}
	for _, item := range page.Items {
		out = append(out, show(item))
	}
	for _, gone := range page.Removed {
		p.Removed = append(p.Removed, gone.ID)
	}
	p.NextCursor, p.Complete, p.Reset = cursor.Write(next, question...), page.Last, page.Reset
	return out, p, nil
}
