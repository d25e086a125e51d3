package graph

import (
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

func todoHandlers() map[string]handler {
	const lists = "/users/{user-id}/todo/lists"
	const list = lists + "/{todoTaskList-id}"
	const task = list + "/tasks/{todoTask-id}"
	out := map[string]handler{
		"GET " + lists:                   listTodoLists,
		"POST " + lists:                  createTodoList,
		"GET " + lists + "/delta()":      deltaTodoLists,
		"GET " + list:                    getTodoList,
		"PATCH " + list:                  renameTodoList,
		"DELETE " + list:                 deleteTodoList,
		"GET " + list + "/tasks":         listTasks,
		"POST " + list + "/tasks":        createTask,
		"GET " + list + "/tasks/delta()": deltaTasks,
		"GET " + task:                    getTask,
		"PATCH " + task:                  patchTask,
		"DELETE " + task:                 deleteTask,
	}
	for _, part := range taskParts {
		all, one := task+"/"+part.name, task+"/"+part.name+"/{"+part.id+"}"
		out["GET "+all], out["POST "+all] = part.list, part.create
		out["GET "+one], out["PATCH "+one], out["DELETE "+one] = part.get, part.patch, part.remove
	}
	return out
}

// todoList is the list of the path.
func (c *call) todoList() (string, world.Object, *problem) {
	key, p := parseStable(folderPrefix, c.params["todoTaskList-id"])
	if p != nil {
		return "", nil, p
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.TodoLists, ID: key})
	if !found {
		return "", nil, itemNotFound()
	}
	return key, o, nil
}

func todoListID(key string) string { return stableID(folderPrefix, key) }

func (c *call) renderTodoList(key string, o world.Object) world.Object {
	out := public(o)
	out["id"], out["@odata.etag"] = todoListID(key), etag(key, o)
	return out
}

func listTodoLists(c *call) (reply, *problem) {
	items := func(yield func(world.Object) bool) {
		for key, o := range c.s.world.Scan(c.box, world.TodoLists) {
			if !yield(c.renderTodoList(key, o)) {
				return
			}
		}
	}
	return c.page(c.mailPage("todo/lists"), items, itself)
}

func getTodoList(c *call) (reply, *problem) {
	key, o, p := c.todoList()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/todo/lists", c.renderTodoList(key, o))
}

var todoListForm = form{"displayName": aText}

// todoListName reads a list's name. Names may come twice: each list is its own.
func (c *call) todoListName() (string, *problem) {
	in, p := c.json()
	if p != nil {
		return "", p
	}
	if p := todoListForm.check(in); p != nil {
		return "", p
	}
	name := world.Text(in, "displayName")
	if strings.TrimSpace(name) == "" {
		return "", invalidTask("The displayName of a list is required.")
	}
	return name, nil
}

// invalidTask is To Do's answer to what it cannot take. The code is recall.
func invalidTask(message string) *problem {
	return fail(http.StatusBadRequest, "invalidRequest", message)
}

func createTodoList(c *call) (reply, *problem) {
	name, p := c.todoListName()
	if p != nil {
		return reply{}, p
	}
	key, o := c.s.world.NewKey(), world.TodoList(name, "none")
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.TodoLists, ID: key}, o)
	return created(c.renderTodoList(key, o)), nil
}

// own is the list of the path if it may be renamed or deleted: the two built-in ones may not (wellknowntasklist.md).
func (c *call) ownTodoList() (string, world.Object, *problem) {
	key, o, p := c.todoList()
	if p == nil && world.Text(o, "wellknownListName") != "none" {
		p = invalidTask("A built-in list cannot be renamed or deleted.")
	}
	return key, o, p
}

func renameTodoList(c *call) (reply, *problem) {
	key, o, p := c.ownTodoList()
	if p != nil {
		return reply{}, p
	}
	name, p := c.todoListName()
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	n["displayName"], n["~version"] = name, world.Number(o, "~version")+1
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.TodoLists, ID: key}, n)
	return c.one("users('"+c.userID()+"')/todo/lists", c.renderTodoList(key, n))
}

func deleteTodoList(c *call) (reply, *problem) {
	key, _, p := c.ownTodoList()
	if p != nil {
		return reply{}, p
	}
	for id, t := range c.s.world.Scan(c.box, world.TodoTasks) {
		if world.Text(t, world.Partition) == key {
			c.s.world.Delete(world.Key{Scope: c.box, Collection: world.TodoTasks, ID: id})
		}
	}
	c.s.world.Delete(world.Key{Scope: c.box, Collection: world.TodoLists, ID: key})
	return empty(http.StatusNoContent), nil
}

func deltaTodoLists(c *call) (reply, *problem) {
	return c.follow(followed{collection: world.TodoLists, context: "Collection(todoTaskList)", show: c.renderTodoList, name: todoListID})
}
