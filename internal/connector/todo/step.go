package todo

import (
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Step is a step of a task: what Microsoft calls a checklist item.
type Step struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Checked bool      `json:"checked"`
	Created time.Time `json:"created,omitzero"`
}

func stepOf(s graph.ChecklistItem) Step {
	return Step{s.ID, s.DisplayName, s.IsChecked, s.CreatedDateTime}
}

// Steps are the steps of a task.
type Steps struct {
	Steps []Step `json:"steps"`
}

// StepCreateIn is a new step.
type StepCreateIn struct {
	TaskIn
	Title   string `json:"title" minLength:"1" maxLength:"255" doc:"Title"`
	Checked *bool  `json:"checked,omitempty" doc:"Done already"`
}

// StepIn names one step.
type StepIn struct {
	TaskIn
	Step string `json:"step" minLength:"1" doc:"Step by id"`
}

func (in StepIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, path, err := in.TaskIn.at(c)
	return box, path.Sub("checklistItems").Item("checklistItem-id", in.Step), err
}

// StepUpdateIn changes a step. What is left out stays.
type StepUpdateIn struct {
	StepIn
	Title   *string `json:"title,omitempty" minLength:"1" maxLength:"255" doc:"Title"`
	Checked *bool   `json:"checked,omitempty" doc:"Done or not"`
}

// Check wants something to change.
func (in StepUpdateIn) Check() error {
	if in.Title == nil && in.Checked == nil {
		return fault.BadField("title", "nothing is to be changed: give title or checked")
	}
	return nil
}

func stepActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "todo.checklist_item.list", Summary: "List the steps of a task.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + steps}, Capability: m365.Todo, Args: []string{"list", "task"}},
			func(ctx context.Context, c action.Call, in TaskIn) (Steps, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Steps{}, err
				}
				all, err := stepsOf(ctx, box.Graph, path)
				return Steps{all}, err
			}),
		once.Define(action.Spec{Name: "todo.checklist_item.create", Summary: "Add a step to a task.", Effect: action.Writes,
			Operations: []m365.OperationKey{get + steps, post + steps}, Capability: m365.Todo, Args: []string{"list", "task", "title"}}, StepCreateIn.addition),
		action.Define(action.Spec{Name: "todo.checklist_item.update", Summary: "Rename a step, or check it.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{patch + step}, Capability: m365.Todo, Args: []string{"list", "task", "step"}},
			func(ctx context.Context, c action.Call, in StepUpdateIn) (Step, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Step{}, err
				}
				s, err := graph.Patch[graph.ChecklistItem](ctx, box.Graph, path, graph.ChecklistItemChange{DisplayName: in.Title, IsChecked: in.Checked}, graph.Idempotent())
				return stepOf(s), err
			}),
		action.Define(action.Spec{Name: "todo.checklist_item.delete", Summary: "Delete a step of a task.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{remove + step}, Capability: m365.Todo, Args: []string{"list", "task", "step"}},
			func(ctx context.Context, c action.Call, in StepIn) (Deleted, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Deleted{}, err
				}
				return Deleted{in.Step}, graph.Delete(ctx, box.Graph, path)
			}),
	}
}

func stepsOf(ctx context.Context, g *graph.Client, task graph.Path, opts ...graph.Option) ([]Step, error) {
	out := []Step{}
	for s, err := range graph.List[graph.ChecklistItem](ctx, g, task.Sub("checklistItems"), opts...) {
		if err != nil {
			return nil, err
		}
		out = append(out, stepOf(s))
	}
	return out, nil
}

func (in StepCreateIn) addition(_ context.Context, c action.Call) (once.Addition[Step], error) {
	box, path, err := in.at(c)
	return once.Addition[Step]{
		List: func(ctx context.Context, proof graph.Option) ([]Step, error) {
			return stepsOf(ctx, box.Graph, path, proof)
		},
		ID: func(s Step) string { return s.ID },
		Is: func(s Step) bool { return s.Title == in.Title },
		Make: func(ctx context.Context) (Step, error) {
			s, err := graph.Post[graph.ChecklistItem](ctx, box.Graph, path.Sub("checklistItems"), graph.ChecklistItemChange{DisplayName: &in.Title, IsChecked: in.Checked})
			return stepOf(s), err
		},
	}, err
}
