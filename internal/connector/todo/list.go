package todo

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// List is a list of tasks.
type List struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Kind     string `json:"kind,omitempty" doc:"defaultList, flaggedEmails, or none: one of the mailbox's own making"`
	IsOwner  bool   `json:"is_owner"`
	IsShared bool   `json:"is_shared"`
}

func listOf(l graph.TodoList) List {
	return List{l.ID, l.DisplayName, l.WellknownListName, l.IsOwner, l.IsShared}
}

// Lists are the lists of a mailbox.
type Lists struct {
	Lists []List `json:"lists"`
}

// ListCreateIn is a new list.
type ListCreateIn struct {
	place.Mailbox
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"Name"`
}

// ListIn names one list.
type ListIn struct {
	place.Mailbox
	List string `json:"list" minLength:"1" doc:"List by id"`
}

func (in ListIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.TodoList(in.List), err
}

// ListRenameIn is another name for a list.
type ListRenameIn struct {
	ListIn
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"New name"`
}

func listActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "todo.list.list", Summary: "List the task lists of a mailbox.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + lists}, Capability: m365.Todo},
			func(ctx context.Context, c action.Call, in place.Mailbox) (Lists, error) {
				box, err := in.In(c)
				if err != nil {
					return Lists{}, err
				}
				all, err := listsOf(ctx, box)
				return Lists{all}, err
			}),
		once.Define(action.Spec{Name: "todo.list.create", Summary: "Make a task list.", Effect: action.Writes,
			Operations: []m365.OperationKey{get + lists, post + lists}, Capability: m365.Todo}, ListCreateIn.addition),
		action.Define(action.Spec{Name: "todo.list.rename", Summary: "Rename a task list of one's own.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{patch + list}, Capability: m365.Todo, Args: []string{"list", "name"}},
			func(ctx context.Context, c action.Call, in ListRenameIn) (List, error) {
				box, path, err := in.at(c)
				if err != nil {
					return List{}, err
				}
				l, err := graph.Patch[graph.TodoList](ctx, box.Graph, path, graph.TodoListChange{DisplayName: in.Name}, graph.Idempotent())
				return listOf(l), err
			}),
		action.Define(action.Spec{Name: "todo.list.delete", Summary: "Delete a task list with all its tasks.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{remove + list}, Capability: m365.Todo, Args: []string{"list"}},
			func(ctx context.Context, c action.Call, in ListIn) (Deleted, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Deleted{}, err
				}
				return Deleted{in.List}, graph.Delete(ctx, box.Graph, path)
			}),
	}
}

func listsOf(ctx context.Context, box place.Place, opts ...graph.Option) ([]List, error) {
	out := []List{}
	for l, err := range graph.List[graph.TodoList](ctx, box.Graph, box.TodoLists(), append(opts, graph.Top(100))...) {
		if err != nil {
			return nil, err
		}
		out = append(out, listOf(l))
	}
	return out, nil
}

func (in ListCreateIn) addition(_ context.Context, c action.Call) (once.Addition[List], error) {
	box, err := in.In(c)
	return once.Addition[List]{
		List: func(ctx context.Context, proof graph.Option) ([]List, error) { return listsOf(ctx, box, proof) },
		ID:   func(l List) string { return l.ID },
		Is:   func(l List) bool { return l.Name == in.Name },
		Make: func(ctx context.Context) (List, error) {
			l, err := graph.Post[graph.TodoList](ctx, box.Graph, box.TodoLists(), graph.TodoListChange{DisplayName: in.Name})
			return listOf(l), err
		},
	}, err
}
