package graph

import (
	"net/http"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// taskForm is what a client may write of a task (contract); links only with its creation (todotasklist-post-tasks.md).
var taskForm = form{
	"title": aText, "body": anObject, "categories": texts(0), "dueDateTime": anObject, "startDateTime": anObject, "completedDateTime": anObject, "reminderDateTime": anObject,
	"isReminderOn": {boolean: true}, "importance": {words: []string{"low", "normal", "high"}}, "recurrence": anObject,
	"status": {words: []string{"notStarted", "inProgress", "completed", "waitingOnOthers", "deferred"}}, "linkedResources": objects(0),
}

// task finds the task of the path in its list.
func (c *call) task() (string, world.Object, *problem) {
	list, _, p := c.todoList()
	if p != nil {
		return "", nil, p
	}
	ref, p := parseItemID(c.params["todoTask-id"])
	if p != nil {
		return "", nil, p
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.TodoTasks, ID: ref.key})
	if !found || world.Text(o, world.Partition) != list {
		return "", nil, itemNotFound()
	}
	return ref.key, o, nil
}

func (c *call) taskID(key string) string { return itemID(key, 0, c.immutable) }

func (c *call) renderTask(key string, o world.Object) world.Object {
	out := public(o)
	delete(out, world.Partition)
	out["id"], out["@odata.etag"] = c.taskID(key), etag(key, o)
	for _, e := range c.q.Expand {
		for _, part := range taskParts {
			if strings.EqualFold(strings.TrimSpace(e), part.name) {
				out[part.name] = append([]any{}, toObjects(o[part.kept])...)
			}
		}
	}
	return out
}

func toObjects(v any) []any {
	out := []any{}
	for _, o := range world.Objects(v) {
		out = append(out, o)
	}
	return out
}

func listTasks(c *call) (reply, *problem) {
	list, _, p := c.todoList()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for key, o := range c.s.world.Scan(c.box, world.TodoTasks) {
			if world.Text(o, world.Partition) == list && !yield(c.renderTask(key, o)) {
				return
			}
		}
	}
	return c.page(c.mailPage("todo/lists('"+c.params["todoTaskList-id"]+"')/tasks"), items, itself)
}

func (c *call) oneTask(key string, o world.Object) (reply, *problem) {
	return c.one("users('"+c.userID()+"')/todo/lists('"+c.params["todoTaskList-id"]+"')/tasks", c.renderTask(key, o))
}

func getTask(c *call) (reply, *problem) {
	key, o, p := c.task()
	if p != nil {
		return reply{}, p
	}
	return c.oneTask(key, o)
}

func createTask(c *call) (reply, *problem) {
	list, _, p := c.todoList()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if strings.TrimSpace(world.Text(in, "title")) == "" {
		return reply{}, invalidTask("The title of a task is required.")
	}
	key, o := c.s.world.NewKey(), world.TodoTask(list, c.s.world.Now())
	if p := c.applyTask(o, in); p != nil {
		return reply{}, p
	}
	links := []any{}
	for _, l := range world.Objects(in["linkedResources"]) {
		if p := linkForm.check(l); p != nil {
			return reply{}, p
		}
		links = append(links, c.newLink(l))
	}
	o["~links"] = links
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.TodoTasks, ID: key}, o)
	out := c.renderTask(key, o)
	if len(links) > 0 {
		out["linkedResources"] = links // as in the example of todotasklist-post-tasks.md
	}
	return created(out), nil
}

func patchTask(c *call) (reply, *problem) {
	key, o, p := c.task()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if _, given := in["linkedResources"]; given {
		return reply{}, invalidTask("linkedResources are changed one by one.")
	}
	n := c.changed(o)
	if p := c.applyTask(n, in); p != nil {
		return reply{}, p
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.TodoTasks, ID: key}, n)
	return c.oneTask(key, n)
}

// applyTask writes what a client may set.
func (c *call) applyTask(o, in world.Object) *problem {
	if p := taskForm.check(in); p != nil {
		return p
	}
	for name, v := range in {
		switch name {
		case "linkedResources":
		case "dueDateTime", "startDateTime", "completedDateTime":
			// Only the date matters (graph/FACTS §9, recall): it is kept as the wall clock says it, in whatever zone.
			o[name] = nil
			if v != nil {
				if _, _, p := moment(v); p != nil {
					return p
				}
				o[name] = world.Object{"dateTime": paramText(v.(world.Object), "dateTime")[:10] + "T00:00:00.0000000", "timeZone": "UTC"}
			}
		case "reminderDateTime":
			o[name] = nil
			if v != nil {
				at, _, p := moment(v)
				if p != nil {
					return p
				}
				o[name] = world.UTC(at)
			}
		case "body":
			c.applyTaskBody(o, v)
		case "recurrence":
			if v != nil && !repeats(v) {
				return invalidTask("The recurrence is not valid.")
			}
			o[name] = v
		default:
			o[name] = v
		}
	}
	c.complete(o)
	return nil
}

// repeats tells a rhythm from what is none: pattern and range need their types, the range its first day (recurrencepattern.md, recurrencerange.md).
func repeats(v any) bool {
	rec, _ := v.(world.Object)
	first, err := time.Parse(time.DateOnly, paramText(paramObject(rec, "range"), "startDate"))
	if err != nil {
		return false
	}
	_, good := rule(world.Object{"recurrence": rec, "start": world.UTC(first)})
	return good
}

func (c *call) applyTaskBody(o world.Object, v any) {
	body, _ := v.(world.Object)
	kind := strings.ToLower(paramText(body, "contentType"))
	if kind == "" {
		kind = "text"
	}
	o["body"], o["bodyLastModifiedDateTime"] = world.Object{"content": paramText(body, "content"), "contentType": kind}, world.Stamp(c.s.world.Now())
}

// complete keeps state and day of completion together.
func (c *call) complete(o world.Object) {
	switch done := world.Text(o, "status") == "completed"; {
	case done && o["completedDateTime"] == nil:
		o["completedDateTime"] = world.Object{"dateTime": c.s.world.Now().UTC().Format("2006-01-02") + "T00:00:00.0000000", "timeZone": "UTC"}
	case !done:
		o["completedDateTime"] = nil
	}
}

func deleteTask(c *call) (reply, *problem) {
	key, _, p := c.task()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(world.Key{Scope: c.box, Collection: world.TodoTasks, ID: key})
	return empty(http.StatusNoContent), nil
}

func deltaTasks(c *call) (reply, *problem) {
	list, _, p := c.todoList()
	if p != nil {
		return reply{}, p
	}
	return c.follow(followed{collection: world.TodoTasks, partition: list, context: "Collection(todoTask)", show: c.renderTask, name: c.taskID})
}
