package graph

import (
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

// list is one list of a site.
type list struct {
	site
	id   string
	list world.Object
}

// list finds the path's list by id or title: list-get.md.
func (c *call) list() (list, *problem) {
	s, p := c.site()
	if p != nil {
		return list{}, p
	}
	asked := c.params["list-id"]
	for id, o := range c.s.world.Scan(s.scope(), world.SiteLists) {
		if strings.EqualFold(id, asked) || strings.EqualFold(world.Text(o, "displayName"), asked) {
			return list{s, id, o}, nil
		}
	}
	return list{}, noItem()
}

func (l list) key() world.Key {
	return world.Key{Scope: l.scope(), Collection: world.SiteLists, ID: l.id}
}

func (l list) columns() []world.Object { return world.Objects(l.list["~columns"]) }

func (l list) isLibrary() bool { return world.Text(l.list, "~template") == "documentLibrary" }

func (l list) show() world.Object {
	out := public(l.list)
	out["eTag"] = l.etag(l.id, l.list)
	out["webUrl"] = l.web("Lists/" + world.Text(l.list, "name"))
	out["list"] = world.Object{"contentTypesEnabled": len(l.types()) > 1, "hidden": world.Flag(l.list, "~hidden"), "template": l.list["~template"]}
	out["parentReference"] = world.Object{"siteId": l.Object["id"]}
	return out
}

func (s site) etag(id string, o world.Object) string {
	return `"` + id + "," + itoa(world.Number(o, "~version")) + `"`
}

// siteLists hides lists with the facet system unless $select asks for it: list-list.md.
func siteLists(c *call) (reply, *problem) {
	s, p := c.site()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for id, o := range c.s.world.Scan(s.scope(), world.SiteLists) {
			if o["system"] != nil && !odata.Selected(c.q.Select, "system") {
				continue
			}
			if !yield(list{s, id, o}.show()) {
				return
			}
		}
	}
	return c.page(listing{context: "lists", defaultTop: 200, maxTop: 1000, skipToken: true}, items, itself)
}

func getSiteList(c *call) (reply, *problem) {
	l, p := c.list()
	if p != nil {
		return reply{}, p
	}
	return c.one("lists", l.show())
}

// The templates that are played: of resources/listinfo.md, which ends its list with "and more".
var templates = []string{"genericList", "documentLibrary", "task", "survey", "announcement", "contact"}

// createList takes a title, columns and a template: list-create.md. The name is the server's to give (microsoft-graph-docs issue 3799).
func createList(c *call) (reply, *problem) {
	s, p := c.site()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := (form{"displayName": aText, "description": aText, "name": aText, "list": anObject, "columns": objects(0)}).check(in); p != nil {
		return reply{}, p
	}
	title, template := paramText(in, "displayName"), paramText(paramObject(in, "list"), "template")
	switch {
	case in["name"] != nil:
		return reply{}, invalidRequest("Cannot define a 'name' for a list as it is assigned by the server. Instead, provide 'displayName'")
	case title == "":
		return reply{}, invalidRequest("A list needs a displayName")
	case !slices.Contains(templates, template):
		return reply{}, invalidRequest("The template of the list is not supported")
	}
	if p := s.titleTaken(title, ""); p != nil {
		return reply{}, p
	}
	id := c.s.world.NewGUID()
	l := list{s, id, world.NewList(id, title, template, world.Stamp(c.s.world.Now()))}
	l.list["description"] = paramText(in, "description")
	for _, column := range world.Objects(in["columns"]) {
		if p := l.addColumn(column); p != nil {
			return reply{}, p
		}
	}
	c.s.world.Update(func(tx *world.Tx) {
		tx.Put(l.key(), l.list)
		if l.isLibrary() {
			tx.Put(world.Key{Scope: world.Drive(id), Collection: world.DriveItems, ID: c.s.world.DriveRoot(id)}, world.DriveFolder("root", "", "", c.s.world.Now()))
		}
	})
	return created(l.show()), nil
}

func (s site) titleTaken(title, self string) *problem {
	for id, o := range s.c.s.world.Scan(s.scope(), world.SiteLists) {
		if id != self && strings.EqualFold(world.Text(o, "displayName"), title) {
			return taken()
		}
	}
	return nil
}

func patchSiteList(c *call) (reply, *problem) {
	l, p := c.list()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := (form{"displayName": aText, "description": aText}).check(in); p != nil {
		return reply{}, p
	}
	if p := l.titleTaken(paramText(in, "displayName"), l.id); p != nil {
		return reply{}, p
	}
	n := c.changed(l.list)
	for name, v := range in {
		n[name] = v
	}
	c.s.world.Put(l.key(), n)
	return c.one("lists", list{l.site, l.id, n}.show())
}

func deleteSiteList(c *call) (reply, *problem) {
	l, p := c.list()
	if p != nil {
		return reply{}, p
	}
	if l.list["system"] != nil {
		return reply{}, accessDenied()
	}
	c.s.world.Delete(l.key())
	return empty(http.StatusNoContent), nil
}
