package todo

import (
	"context"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/recurrence"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Details are what a new task may have and a change may touch. In a change null takes away what is there.
type Details struct {
	Status     *string                          `json:"status,omitempty" enum:"notStarted,inProgress,completed,waitingOnOthers,deferred" doc:"State; notStarted without"`
	Importance *string                          `json:"importance,omitempty" enum:"low,normal,high" doc:"Importance"`
	Start      action.Nullable[string]          `json:"start,omitzero" doc:"Date to begin it, like 2026-12-31"`
	Due        action.Nullable[string]          `json:"due,omitzero" doc:"Date to have it done, like 2026-12-31; To Do knows no time of day for it"`
	Recurrence action.Nullable[recurrence.Rule] `json:"recurrence,omitzero" doc:"How it repeats, from the day it is due; null ends that"`
	Reminder   action.Nullable[time.Time]       `json:"reminder,omitzero" doc:"When to remind; null for no reminder"`
	Body       action.Nullable[string]          `json:"body,omitzero" maxLength:"100000" doc:"Notes; null empties them"`
	BodyType   string                           `json:"body_type,omitempty" enum:"text,html" doc:"Form of the body; text without"`
	Categories action.Nullable[[]string]        `json:"categories,omitzero" maxItems:"25" doc:"Categories, the whole list; an empty list or null clears it"`
}

// TaskCreateIn is a new task.
type TaskCreateIn struct {
	ListIn
	Title string `json:"title" minLength:"1" maxLength:"255" doc:"Title"`
	Details
	Link *NewLink `json:"link,omitempty" doc:"What the task is about in another program"`
}

// TaskUpdateIn changes a task. What is left out stays.
type TaskUpdateIn struct {
	TaskIn
	Title *string `json:"title,omitempty" minLength:"1" maxLength:"255" doc:"Title"`
	Details
}

// Check names every field that cannot be.
func (in TaskCreateIn) Check() error {
	wrong := in.wrong()
	if in.Recurrence.Value() != nil && in.Due.Value() == nil {
		wrong = append(wrong, noDue)
	}
	if in.Link != nil {
		wrong = append(wrong, in.Link.wrong("link.")...)
	}
	return fault.OfFields(wrong)
}

// Check wants something to change, and names every field that cannot be.
func (in TaskUpdateIn) Check() error {
	wrong := in.wrong()
	if in.Recurrence.Value() != nil && !in.Due.IsZero() && in.Due.Value() == nil {
		wrong = append(wrong, noDue)
	}
	if in.Title == nil && in.Details == (Details{}) {
		wrong = append(wrong, fault.Field{Name: "title", Message: "nothing is to be changed: give at least one field beside list and task"})
	}
	return fault.OfFields(wrong)
}

func (d Details) wrong() []fault.Field {
	wrong := append(wrongDate("start", d.Start.Value()), wrongDate("due", d.Due.Value())...)
	if r := d.Recurrence.Value(); r != nil {
		due, _ := time.Parse(time.DateOnly, d.Due.Or("")) // one that is none is named already
		wrong = append(wrong, r.Wrong(due, time.UTC)...)
	}
	return wrong
}

// noDue refuses a rhythm that begins on no day.
var noDue = fault.Field{Name: "due", Message: "is missing: a task repeats from the day it is due"}

func (d Details) change() graph.TodoTaskChange {
	t := graph.TodoTaskChange{Status: d.Status, Importance: d.Importance, StartDateTime: day(d.Start), DueDateTime: day(d.Due)}
	if !d.Reminder.IsZero() {
		on := d.Reminder.Value() != nil
		t.IsReminderOn, t.ReminderDateTime = &on, graph.Set[graph.DateTimeTimeZone](nil)
		if on {
			at := graph.UTC(*d.Reminder.Value())
			t.ReminderDateTime = graph.Set(&at)
		}
	}
	if !d.Body.IsZero() {
		kind := d.BodyType
		if kind == "" {
			kind = "text"
		}
		t.Body = &graph.ItemBody{ContentType: kind, Content: d.Body.Or("")}
	}
	if !d.Categories.IsZero() {
		t.Categories = append([]string{}, d.Categories.Or(nil)...)
	}
	if !d.Recurrence.IsZero() {
		t.Recurrence = graph.Set[graph.Recurrence](nil)
	}
	if due, err := time.Parse(time.DateOnly, d.Due.Or("")); err == nil {
		d.repeat(&t, due)
	}
	return t
}

// repeat writes the rhythm, where one is given. Like all dates of a task it is by UTC's calendar.
func (d Details) repeat(t *graph.TodoTaskChange, due time.Time) {
	if r := d.Recurrence.Value(); r != nil {
		t.Recurrence = graph.Set(r.Pattern(due, time.UTC, "UTC"))
	}
}

// day writes a date. It names no other zone than UTC: only the date matters (graph/FACTS §9), and in UTC it is read as it was written.
func day(n action.Nullable[string]) graph.Settable[graph.DateTimeTimeZone] {
	if n.IsZero() {
		return graph.Settable[graph.DateTimeTimeZone]{}
	}
	at, err := time.Parse(time.DateOnly, n.Or(""))
	if err != nil {
		return graph.Set[graph.DateTimeTimeZone](nil) // Check refused whatever is not null
	}
	d := graph.UTC(at)
	return graph.Set(&d)
}

// source is the program that people see beside a task of ours.
const source = "Seneschal"

// creation is the way of a task that is made once. To find one a whole list is read: that its links can be filtered by is on no page. So it
// is looked for when an answer was lost, and not before each new task.
func (in TaskCreateIn) creation(_ context.Context, c action.Call) (once.Creation[Task], error) {
	box, err := in.In(c)
	path, mark := box.TodoTasks(in.List), once.Mark(c)
	return once.Creation[Task]{
		Touch: func(ctx context.Context, proof graph.Option) error {
			_, err := graph.Get[graph.TodoList](ctx, box.Graph, box.TodoList(in.List), proof)
			return err
		},
		Find: func(ctx context.Context, proof graph.Option) (Task, bool, error) {
			for t, err := range graph.List[graph.TodoTask](ctx, box.Graph, path, graph.Top(100), withParts, proof) {
				if err != nil {
					return Task{}, false, err
				}
				if slices.ContainsFunc(t.LinkedResources, func(l graph.LinkedResource) bool { return l.ExternalID == mark }) {
					return taskOf(t), true, nil
				}
			}
			return Task{}, false, nil
		},
		Make: func(ctx context.Context) (Task, error) {
			change := in.change()
			change.Title, change.LinkedResources = &in.Title, []graph.LinkedResource{{ApplicationName: source, DisplayName: in.Title, ExternalID: mark}}
			if in.Link != nil {
				change.LinkedResources = append([]graph.LinkedResource{in.Link.resource(in.Link.ExternalID)}, change.LinkedResources...)
			}
			t, err := graph.Post[graph.TodoTask](ctx, box.Graph, path, change)
			return taskOf(t), err
		},
	}, err
}
