package todo

import (
	"cmp"
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/connector/internal/recurrence"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Summary is what a list shows of a task.
type Summary struct {
	ID             string    `json:"id"`
	Title          string    `json:"title"`
	Status         string    `json:"status" doc:"notStarted, inProgress, completed, waitingOnOthers or deferred"`
	Importance     string    `json:"importance,omitempty"`
	Start          string    `json:"start,omitempty" doc:"Date, like 2026-12-31"`
	Due            string    `json:"due,omitempty" doc:"Date, like 2026-12-31"`
	Completed      string    `json:"completed,omitempty" doc:"Date, like 2026-12-31"`
	Reminder       time.Time `json:"reminder,omitzero"`
	Recurs         bool      `json:"recurs,omitempty"`
	Categories     []string  `json:"categories,omitempty"`
	HasAttachments bool      `json:"has_attachments,omitempty"`
	Created        time.Time `json:"created,omitzero"`
	Modified       time.Time `json:"modified,omitzero"`
}

func summaryOf(t graph.TodoTask) Summary {
	s := Summary{ID: t.ID, Title: t.Title, Status: t.Status, Importance: t.Importance, Start: dateOf(t.StartDateTime), Due: dateOf(t.DueDateTime), Completed: dateOf(t.CompletedDateTime),
		Recurs: t.Recurrence != nil, Categories: t.Categories, HasAttachments: t.HasAttachments, Created: t.CreatedDateTime, Modified: t.LastModifiedDateTime}
	if t.IsReminderOn && t.ReminderDateTime != nil && t.ReminderDateTime.TimeZone == "UTC" { // what it is asked for, by not asking for another
		s.Reminder, _ = t.ReminderDateTime.In(time.UTC)
	}
	return s
}

// dateOf is the date of a day as To Do keeps it: only the date matters (graph/FACTS §9).
func dateOf(d *graph.DateTimeTimeZone) string {
	if d == nil || len(d.DateTime) < len(time.DateOnly) {
		return ""
	}
	return d.DateTime[:len(time.DateOnly)]
}

// Task is a task with its body, steps and links.
type Task struct {
	Summary
	Recurrence *recurrence.Rule `json:"recurrence,omitempty"`
	BodyType   string           `json:"body_type,omitempty"`
	Body       string           `json:"body,omitempty"`
	Steps      []Step           `json:"steps"`
	Links      []Link           `json:"links"`
}

func taskOf(t graph.TodoTask) Task {
	out := Task{Summary: summaryOf(t), Recurrence: recurrence.Of(t.Recurrence), BodyType: t.Body.ContentType, Body: t.Body.Content, Steps: make([]Step, len(t.ChecklistItems)), Links: make([]Link, len(t.LinkedResources))}
	for i, s := range t.ChecklistItems {
		out.Steps[i] = stepOf(s)
	}
	for i, l := range t.LinkedResources {
		out.Links[i] = linkOf(l)
	}
	return out
}

// withParts asks for a task's steps and links beside it.
var withParts = graph.Query("$expand", "checklistItems,linkedResources")

// TaskListIn asks for the tasks of a list.
type TaskListIn struct {
	ListIn
	Status string `json:"status,omitempty" enum:"notStarted,inProgress,completed,waitingOnOthers,deferred,open" doc:"Only tasks in this state; open: all that are not completed"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"100" doc:"At most so many; 50 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of the page before"`
}

func (in TaskListIn) question() []any { return []any{"tasks", in.User, in.List, in.Status, in.Limit} }

// Check finds a foreign cursor.
func (in TaskListIn) Check() error {
	return cursor.Check(in.Cursor, in.question()...)
}

// Tasks is a page of tasks, in To Do's own order.
type Tasks struct {
	Tasks      []Summary `json:"tasks"`
	NextCursor string    `json:"next_cursor,omitempty"`
}

// TaskIn names one task.
type TaskIn struct {
	ListIn
	Task string `json:"task" minLength:"1" doc:"Task by id"`
}

func (in TaskIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.TodoTask(in.List, in.Task), err
}

func tasksOf(ctx context.Context, c action.Call, in TaskListIn) (Tasks, error) {
	box, err := in.In(c)
	if err != nil {
		return Tasks{}, err
	}
	opts := []graph.Option{graph.Top(cmp.Or(in.Limit, 50))}
	switch in.Status {
	case "":
	case "open":
		opts = append(opts, graph.Filter("status ne 'completed'"))
	default:
		opts = append(opts, graph.Filter("status eq "+graph.Quote(in.Status)))
	}
	list, next, err := cursor.Page(ctx, cursor.Start{Graph: box.Graph, Path: box.TodoTasks(in.List), Text: in.Cursor, Question: in.question()}, summaryOf, opts...)
	return Tasks{list, next}, err
}

func getTask(ctx context.Context, c action.Call, in TaskIn) (Task, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Task{}, err
	}
	t, err := graph.Get[graph.TodoTask](ctx, box.Graph, path, withParts)
	return taskOf(t), err
}

func wrongDate(name string, day *string) []fault.Field {
	if day == nil {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, *day); err != nil {
		return []fault.Field{{Name: name, Message: "is not a date like 2026-12-31"}}
	}
	return nil
}

func taskActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "todo.task.list", Summary: "List the tasks of a list.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + tasks}, Capability: m365.Todo, Args: []string{"list"}}, tasksOf),
		action.Define(action.Spec{Name: "todo.task.get", Summary: "Read one task with its body, steps and links.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{get + task}, Capability: m365.Todo, Args: []string{"list", "task"}}, getTask),
		once.Define(action.Spec{Name: "todo.task.create", Summary: "Put one task into a list; it shows Seneschal as where it comes from.", Effect: action.Writes,
			Operations: []m365.OperationKey{get + list, get + tasks, post + tasks}, Capability: m365.Todo, Args: []string{"list", "title"}}, TaskCreateIn.creation),
		action.Define(action.Spec{Name: "todo.task.update", Summary: "Change a task, or complete it.", Effect: action.Writes,
			Operations: []m365.OperationKey{patch + task, get + task}, Capability: m365.Todo, Args: []string{"list", "task"}}, updateTask, action.WithReconcile(updated)),
		action.Define(action.Spec{Name: "todo.task.delete", Summary: "Delete a task.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{remove + task}, Capability: m365.Todo, Args: []string{"list", "task"}},
			func(ctx context.Context, c action.Call, in TaskIn) (Deleted, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Deleted{}, err
				}
				return Deleted{in.Task}, graph.Delete(ctx, box.Graph, path)
			}),
	}
}
