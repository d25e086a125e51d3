package graph

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

// columnKinds are the facets that say what a column holds: resources/columndefinition.md. Calculated and term columns are not played.
var columnKinds = []string{"text", "number", "choice", "dateTime", "boolean", "currency", "personOrGroup", "hyperlinkOrPicture", "lookup"}

var columnForm = form{"name": aText, "displayName": aText, "description": aText, "columnGroup": aText, "indexed": {boolean: true}, "required": {boolean: true}, "hidden": {boolean: true}, "enforceUniqueValues": {boolean: true},
	"defaultValue": anObject, "text": anObject, "number": anObject, "choice": anObject, "dateTime": anObject, "boolean": anObject, "currency": anObject, "personOrGroup": anObject, "hyperlinkOrPicture": anObject, "lookup": anObject}

// kindOf is what a column holds; "" where nothing or more than one thing is said.
func kindOf(column world.Object) string {
	kind := ""
	for _, k := range columnKinds {
		if column[k] != nil {
			if kind != "" {
				return ""
			}
			kind = k
		}
	}
	return kind
}

// addColumn puts a column into a list that is not kept yet.
func (l *list) addColumn(in world.Object) *problem {
	if p := columnForm.check(in); p != nil {
		return p
	}
	name, kind := paramText(in, "name"), kindOf(in)
	switch {
	case name == "" || strings.ContainsAny(name, " #%':/"):
		return invalidRequest("The name of a column has letters, digits and underscores")
	case kind == "":
		return invalidRequest("A column needs one type")
	case slices.ContainsFunc(l.columns(), func(c world.Object) bool { return strings.EqualFold(world.Text(c, "name"), name) }):
		return taken()
	}
	column := world.NewColumn(l.c.s.world.NewGUID(), name, paramText(in, "displayName"), kind, paramObject(in, kind), false)
	maps.Copy(column, in)
	if paramText(in, "displayName") == "" {
		column["displayName"] = name
	}
	l.list = world.Clone(l.list)
	l.list["~columns"] = append(slices.Clone(l.list["~columns"].([]any)), column)
	return nil
}

// column finds the path's column and its place by id or name.
func (c *call) column() (list, int, *problem) {
	l, p := c.list()
	if p != nil {
		return l, -1, p
	}
	asked := c.params["columnDefinition-id"]
	i := slices.IndexFunc(l.columns(), func(o world.Object) bool {
		return strings.EqualFold(world.Text(o, "id"), asked) || world.Text(o, "name") == asked
	})
	if i < 0 {
		return l, i, noItem()
	}
	return l, i, nil
}

func listColumns(c *call) (reply, *problem) {
	l, p := c.list()
	if p != nil {
		return reply{}, p
	}
	return c.page(listing{context: "columns", defaultTop: 200, maxTop: 1000, skipToken: true}, slices.Values(l.columns()), itself)
}

func getColumn(c *call) (reply, *problem) {
	l, i, p := c.column()
	if p != nil {
		return reply{}, p
	}
	return c.one("columns", l.columns()[i])
}

func createColumn(c *call) (reply, *problem) {
	l, p := c.list()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := l.addColumn(in); p != nil {
		return reply{}, p
	}
	c.s.world.Put(l.key(), c.changed(l.list))
	all := l.columns()
	return created(all[len(all)-1]), nil
}

// patchColumn changes everything but what a column holds: a type stays.
func patchColumn(c *call) (reply, *problem) {
	l, i, p := c.column()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := columnForm.check(in); p != nil {
		return reply{}, p
	}
	column := l.columns()[i]
	if kind := kindOf(in); kind != "" && kind != kindOf(column) {
		return reply{}, invalidRequest("The type of a column cannot be changed")
	}
	column = world.Clone(column)
	maps.Copy(column, in)
	n := c.changed(l.list)
	columns := slices.Clone(n["~columns"].([]any))
	columns[i] = column
	n["~columns"] = columns
	c.s.world.Put(l.key(), n)
	return c.one("columns", column)
}

func deleteColumn(c *call) (reply, *problem) {
	l, i, p := c.column()
	if p != nil {
		return reply{}, p
	}
	if world.Text(l.columns()[i], "name") == "Title" {
		return reply{}, invalidRequest("The column cannot be deleted")
	}
	n := c.changed(l.list)
	n["~columns"] = slices.Delete(slices.Clone(n["~columns"].([]any)), i, i+1)
	c.s.world.Put(l.key(), n)
	return empty(http.StatusNoContent), nil
}
