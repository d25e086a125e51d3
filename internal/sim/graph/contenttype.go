package graph

import (
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

const (
	itemType = "Item"
	itsType  = "~typeName" // of an item; the list's own one without
)

// types are a list's content types, its own one first. A type's id begins with that of what it is made from, and ends with the list's:
// resources/contenttype.md gives examples; the form is SharePoint's (recall).
func (l list) types() []world.Object {
	own := strings.ToUpper(strings.ReplaceAll(l.id, "-", ""))
	first, from := itemType, "0x01"
	if l.isLibrary() {
		first, from = "Document", "0x0101"
	}
	out := []world.Object{l.newType(first, "A "+strings.ToLower(first)+".", from+"00"+own, 0)}
	for i, name := range world.Strings(l.list["~types"]) {
		made := strings.ToUpper(strings.ReplaceAll(l.c.s.world.GUID("contentType", name), "-", ""))
		out = append(out, l.newType(name, "", from+"00"+made+"00"+own, i+1))
	}
	return out
}

func (l list) newType(name, description, id string, position int) world.Object {
	return world.Object{"id": id, "name": name, "description": description, "group": "List Content Types", "hidden": false, "readOnly": false, "sealed": false, "order": world.Object{"default": position == 0, "position": position},
		"parentId": id[:strings.LastIndex(id, "00")]}
}

// listContentTypes: list-list-contenttypes.md.
func listContentTypes(c *call) (reply, *problem) {
	l, p := c.list()
	if p != nil {
		return reply{}, p
	}
	return c.page(listing{context: "contentTypes", defaultTop: 200, maxTop: 1000, skipToken: true}, slices.Values(l.types()), itself)
}

// typeOf is what an item shows of its content type: resources/contenttypeinfo.md.
func (l list) typeOf(o world.Object) world.Object {
	all := l.types()
	at := slices.IndexFunc(all, func(t world.Object) bool { return t["name"] == o[itsType] })
	return world.Object{"id": all[max(at, 0)]["id"], "name": all[max(at, 0)]["name"]}
}

// typed is the name of the content type that a new item asks for by id.
func (l list) typed(asked world.Object) (any, *problem) {
	all := l.types()
	if asked == nil {
		return all[0]["name"], nil
	}
	at := slices.IndexFunc(all, func(t world.Object) bool { return strings.EqualFold(world.Text(t, "id"), paramText(asked, "id")) })
	if at < 0 {
		return nil, invalidRequest("The content type is none of the list's")
	}
	return all[at]["name"], nil
}
