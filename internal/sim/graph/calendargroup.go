package graph

import (
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

// groupOf is the calendar group of the path; "" where it names none.
func (c *call) groupOf() (string, *problem) {
	id := c.params["calendarGroup-id"]
	if id == "" {
		return "", nil
	}
	key, _, p := c.calendarGroup()
	return key, p
}

func (c *call) calendarGroup() (string, world.Object, *problem) {
	key, p := parseStable(groupPrefix, c.params["calendarGroup-id"])
	if p != nil {
		return "", nil, p
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.CalendarGroups, ID: key})
	if !found {
		return "", nil, itemNotFound()
	}
	return key, o, nil
}

func renderCalendarGroup(key string, o world.Object) world.Object {
	out := public(o)
	out["id"], out["changeKey"] = stableID(groupPrefix, key), changeKey(key, o)
	return out
}

func getCalendarGroups(c *call) (reply, *problem) {
	items := func(yield func(world.Object) bool) {
		for key, o := range c.s.world.Scan(c.box, world.CalendarGroups) {
			if !yield(renderCalendarGroup(key, o)) {
				return
			}
		}
	}
	return c.page(c.mailPage("calendarGroups"), items, itself)
}

func getCalendarGroup(c *call) (reply, *problem) {
	key, o, p := c.calendarGroup()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/calendarGroups", renderCalendarGroup(key, o))
}

// groupName is the name that a group shall have: there, and of no other group.
func (c *call) groupName(in world.Object, of string) (string, *problem) {
	name := paramText(in, "name")
	if name == "" {
		return "", fail(http.StatusBadRequest, "ErrorInvalidRequest", "A calendar group needs a name.")
	}
	for key, o := range c.s.world.Scan(c.box, world.CalendarGroups) {
		if key != of && strings.EqualFold(world.Text(o, "name"), name) {
			return "", fail(http.StatusConflict, "ErrorFolderExists", "A calendar group with the specified name already exists.")
		}
	}
	return name, nil
}

func createCalendarGroup(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	name, p := c.groupName(in, "")
	if p != nil {
		return reply{}, p
	}
	key := c.s.world.NewKey()
	o := world.Object{"name": name, "classId": c.s.world.NewGUID(), "~version": 1}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.CalendarGroups, ID: key}, o)
	return created(renderCalendarGroup(key, o)), nil
}

func patchCalendarGroup(c *call) (reply, *problem) {
	key, o, p := c.calendarGroup()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	if n["name"], p = c.groupName(in, key); p != nil {
		return reply{}, p
	}
	n["~version"] = world.Number(o, "~version") + 1
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.CalendarGroups, ID: key}, n)
	return ok(renderCalendarGroup(key, n)), nil
}

// deleteCalendarGroup deletes any "other than the default calendar group" (calendargroup-delete.md).
func deleteCalendarGroup(c *call) (reply, *problem) {
	key, o, p := c.calendarGroup()
	if p != nil {
		return reply{}, p
	}
	for _, g := range world.CalendarGroupsOfAll {
		if g.Class == world.Text(o, "classId") {
			return reply{}, fail(http.StatusBadRequest, "ErrorDeleteDistinguishedFolder", "A default calendar group cannot be deleted.")
		}
	}
	calendars := slices.Collect(c.s.world.All(c.box, world.Calendars))
	if slices.ContainsFunc(calendars, func(k world.Object) bool { return world.Text(k, "~group") == key }) {
		return reply{}, fail(http.StatusBadRequest, "ErrorCannotDeleteObject", "The calendar group is not empty.")
	}
	c.s.world.Delete(world.Key{Scope: c.box, Collection: world.CalendarGroups, ID: key})
	return empty(http.StatusNoContent), nil
}
