package todo

import (
	"cmp"
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ListChangesIn asks for what changed among the lists.
type ListChangesIn struct {
	place.Mailbox
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many changes a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer; everything there is without"`
}

func (in ListChangesIn) question() []any { return []any{"lists changed", in.User} }

// Check finds a foreign cursor.
func (in ListChangesIn) Check() error {
	return cursor.Check(in.Cursor, in.question()...)
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
	return cursor.Check(in.Cursor, in.question()...)
}

// ListChanges are one page of what changed among the lists.
type ListChanges struct {
	Lists   []List   `json:"lists" doc:"New and changed ones, as they are now"`
	Removed []string `json:"removed" doc:"Ids of what is gone"`
	cursor.Progress
}

// TaskChanges are one page of what changed in a list.
type TaskChanges struct {
	Tasks   []Summary `json:"tasks" doc:"New and changed ones, as they are now"`
	Removed []string  `json:"removed" doc:"Ids of what is gone"`
	cursor.Progress
}

func changeActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "todo.list.change.list", Summary: "List which task lists changed since last time.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + lists + delta}, Capability: m365.Todo},
			func(ctx context.Context, c action.Call, in ListChangesIn) (ListChanges, error) {
				box, err := in.In(c)
				if err != nil {
					return ListChanges{}, err
				}
				from := cursor.Start{Graph: box.Graph, Path: box.TodoLists(), Text: in.Cursor, Question: in.question()}
				out, err := cursor.Changes(ctx, from, listOf, pageOf(in.Limit))
				return ListChanges{out.Items, out.Removed, out.Progress}, err
			}),
		action.Define(action.Spec{Name: "todo.task.change.list", Summary: "List which tasks of a list changed since last time.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + tasks + delta}, Capability: m365.Todo, Args: []string{"list"}},
			func(ctx context.Context, c action.Call, in TaskChangesIn) (TaskChanges, error) {
				box, err := in.In(c)
				if err != nil {
					return TaskChanges{}, err
				}
				from := cursor.Start{Graph: box.Graph, Path: box.TodoTasks(in.List), Text: in.Cursor, Question: in.question()}
				out, err := cursor.Changes(ctx, from, summaryOf, pageOf(in.Limit))
				return TaskChanges{out.Items, out.Removed, out.Progress}, err
			}),
	}
}

func pageOf(limit int) []graph.Option {
	return []graph.Option{graph.PageSize(cmp.Or(limit, 100))}
}
