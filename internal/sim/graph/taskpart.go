package graph

import (
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

// taskPart is a list inside a task: its steps, its links. A change of one is a change of the task.
type taskPart struct {
	name, id string
	kept     string // the task's property that holds them
	form     form
	needs    string // without which there is none
	make     func(c *call, in world.Object) world.Object
}

var (
	stepForm = form{"displayName": aText, "isChecked": {boolean: true}, "checkedDateTime": aText}
	linkForm = form{"applicationName": aText, "displayName": aText, "externalId": aText, "webUrl": aText}

	taskParts = []taskPart{
		{"checklistItems", "checklistItem-id", "~steps", stepForm, "displayName", (*call).newStep},
		{"linkedResources", "linkedResource-id", "~links", linkForm, "", (*call).newLink},
	}
)

func (c *call) newStep(in world.Object) world.Object {
	o := world.Object{"id": c.s.world.NewGUID(), "createdDateTime": world.Stamp(c.s.world.Now()), "isChecked": false}
	for k, v := range in {
		o[k] = v
	}
	return o
}

func (c *call) newLink(in world.Object) world.Object {
	o := world.Object{"id": c.s.world.NewGUID()}
	for k, v := range in {
		if v != nil {
			o[k] = v
		}
	}
	return o
}

// parts are the task's; at is the place of the one that the path names, -1 where it names none.
func (t taskPart) parts(c *call) (key string, task world.Object, all []world.Object, at int, p *problem) {
	key, task, p = c.task()
	if p != nil {
		return "", nil, nil, -1, p
	}
	all = world.Objects(task[t.kept])
	id := c.params[t.id]
	at = slices.IndexFunc(all, func(o world.Object) bool { return strings.EqualFold(world.Text(o, "id"), id) })
	if id != "" && at < 0 {
		p = itemNotFound()
	}
	return key, task, all, at, p
}

// keep puts other parts into the task.
func (t taskPart) keep(c *call, key string, task world.Object, all []world.Object) {
	n := c.changed(task)
	list := []any{}
	for _, o := range all {
		list = append(list, o)
	}
	n[t.kept] = list
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.TodoTasks, ID: key}, n)
}

func (t taskPart) context(c *call) string {
	return "users('" + c.userID() + "')/todo/lists('" + c.params["todoTaskList-id"] + "')/tasks('" + c.params["todoTask-id"] + "')/" + t.name
}

func (t taskPart) list(c *call) (reply, *problem) {
	_, _, all, _, p := t.parts(c)
	if p != nil {
		return reply{}, p
	}
	return c.page(listing{context: t.context(c), defaultTop: 100, maxTop: 1000}, slices.Values(all), itself)
}

func (t taskPart) get(c *call) (reply, *problem) {
	_, _, all, at, p := t.parts(c)
	if p != nil {
		return reply{}, p
	}
	return c.one(t.context(c), all[at])
}

func (t taskPart) read(c *call) (world.Object, *problem) {
	in, p := c.json()
	if p != nil {
		return nil, p
	}
	return in, t.form.check(in)
}

func (t taskPart) create(c *call) (reply, *problem) {
	key, task, all, _, p := t.parts(c)
	if p != nil {
		return reply{}, p
	}
	in, p := t.read(c)
	if p != nil {
		return reply{}, p
	}
	if t.needs != "" && strings.TrimSpace(world.Text(in, t.needs)) == "" {
		return reply{}, invalidTask("The " + t.needs + " is required.")
	}
	made := t.make(c, in)
	t.keep(c, key, task, append(slices.Clip(all), made))
	return created(made), nil
}

func (t taskPart) patch(c *call) (reply, *problem) {
	key, task, all, at, p := t.parts(c)
	if p != nil {
		return reply{}, p
	}
	in, p := t.read(c)
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(all[at])
	for k, v := range in {
		n[k] = v
	}
	if checked, given := in["isChecked"].(bool); given {
		delete(n, "checkedDateTime")
		if checked {
			n["checkedDateTime"] = world.Stamp(c.s.world.Now())
		}
	}
	t.keep(c, key, task, append(append(slices.Clip(all[:at:at]), n), all[at+1:]...))
	return c.one(t.context(c), n)
}

func (t taskPart) remove(c *call) (reply, *problem) {
	key, task, all, at, p := t.parts(c)
	if p != nil {
		return reply{}, p
	}
	t.keep(c, key, task, slices.Delete(slices.Clone(all), at, at+1))
	return empty(http.StatusNoContent), nil
}
