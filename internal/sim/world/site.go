package world

import (
	"strconv"
	"strings"
)

// The collections of SharePoint: a tenant's sites; a site's lists, pages and what was granted on it; a list's items.
const (
	Sites      = "sites"
	SiteLists  = "siteLists"
	SitePages  = "sitePages"
	SiteGrants = "siteGrants"
	ListItems  = "listItems"
)

// SiteSpec is one site of a world file. Its library Documents is there by itself.
type SiteSpec struct {
	Path        string      `yaml:"path"` // below the tenant's host; "" for the topmost site
	Title       string      `yaml:"title"`
	Description string      `yaml:"description"`
	Members     []string    `yaml:"members"` // who reaches it as a person; everybody without
	Lists       []ListSpec  `yaml:"lists"`
	Grants      []GrantSpec `yaml:"grants"` // what applications were granted on it: of Sites.Selected
}

// ListSpec is one list with its first items.
type ListSpec struct {
	Title   string           `yaml:"title"`
	System  bool             `yaml:"system"`
	Columns []ColumnSpec     `yaml:"columns"`
	Types   []string         `yaml:"content_types"` // names of content types beside the list's own one
	Items   []map[string]any `yaml:"items"`
}

// ColumnSpec is one column of a list. Kind is the name of its facet: text, number, choice, …
type ColumnSpec struct {
	Name    string   `yaml:"name"`
	Title   string   `yaml:"title"`
	Kind    string   `yaml:"kind"`
	Choices []string `yaml:"choices"`
	Indexed bool     `yaml:"indexed"`
}

// GrantSpec lets an application into a site.
type GrantSpec struct {
	App  string `yaml:"app"` // by client id
	Name string `yaml:"name"`
	Role string `yaml:"role"`
}

// Site is the scope of a site.
func Site(id string) string { return "site:" + id }

// List is the scope of a list.
func List(id string) string { return "list:" + id }

// SiteHost is where a tenant's SharePoint lies.
func SiteHost(domain string) string {
	name, _, _ := strings.Cut(domain, ".")
	return name + ".sharepoint.com"
}

func (w *World) seedSites(t TenantSpec) {
	host, at := SiteHost(t.Domain), Stamp(w.head.Start.AddDate(0, -3, 0))
	for _, s := range t.Sites {
		id, collection, parent := w.GUID("web", t.ID, s.Path), w.GUID("collection", t.ID, s.Path), ""
		for _, above := range t.Sites {
			if above.Path != "" && strings.HasPrefix(s.Path, above.Path+"/") {
				collection, parent = w.GUID("collection", t.ID, above.Path), w.GUID("web", t.ID, above.Path)
			}
		}
		members := make([]any, 0, len(s.Members))
		for _, m := range s.Members {
			members = append(members, w.GUID("user", t.ID, m))
		}
		name := s.Path[strings.LastIndex(s.Path, "/")+1:]
		w.Put(Key{t.ID, Sites, id}, Object{"id": host + "," + collection + "," + id, "name": name, "displayName": s.Title, "description": s.Description, "createdDateTime": at, "lastModifiedDateTime": at,
			"~path": s.Path, "~host": host, "~collection": collection, "~parent": parent, "~members": members})
		w.seedLists(id, s, at)
		for i, g := range s.Grants {
			w.Put(Key{Site(collection), SiteGrants, strconv.Itoa(i + 1)}, Object{"id": strconv.Itoa(i + 1), "roles": []any{g.Role}, "~app": g.App, "~name": g.Name})
		}
	}
}

func (w *World) seedLists(site string, s SiteSpec, at string) {
	library := w.GUID("list", site, "Documents")
	w.Put(Key{Site(site), SiteLists, library}, NewList(library, "Documents", "documentLibrary", at))
	w.Put(Key{Drive(library), DriveItems, w.DriveRoot(library)}, DriveFolder("root", "", "", w.head.Start.AddDate(0, -3, 0)))
	for _, l := range s.Lists {
		id := w.GUID("list", site, l.Title)
		o := NewList(id, l.Title, "genericList", at)
		if l.System {
			o["system"], o["~hidden"] = Object{}, true
		}
		columns := o["~columns"].([]any)
		for _, c := range l.Columns {
			facet := Object{}
			if len(c.Choices) > 0 {
				list := make([]any, len(c.Choices))
				for i, choice := range c.Choices {
					list[i] = choice
				}
				facet["choices"] = list
			}
			columns = append(columns, NewColumn(w.GUID("column", id, c.Name), c.Name, c.Title, c.Kind, facet, c.Indexed))
		}
		types := make([]any, len(l.Types))
		for i, name := range l.Types {
			types[i] = name
		}
		o["~columns"], o["~types"], o["~next"] = columns, types, len(l.Items)+1
		w.Put(Key{Site(site), SiteLists, id}, o)
		for i, fields := range l.Items {
			w.Put(Key{List(id), ListItems, strconv.Itoa(i + 1)}, Object{"createdDateTime": at, "lastModifiedDateTime": at, "~fields": asJSON(fields), "~version": 1, "~by": ""})
		}
	}
}

// asJSON has the numbers of a world file as those that clients send.
func asJSON(fields map[string]any) Object {
	out := Object{}
	for name, v := range fields {
		if n, whole := v.(int); whole {
			v = float64(n)
		}
		out[name] = v
	}
	return out
}

// NewList makes a list of a template, with the column that each has.
func NewList(id, title, template, at string) Object {
	name := strings.ReplaceAll(title, " ", "")
	return Object{"id": id, "name": name, "displayName": title, "description": "", "createdDateTime": at, "lastModifiedDateTime": at, "~template": template, "~next": 1, "~version": 1,
		"~columns": []any{NewColumn("fa564e0f-0c70-4ab9-b863-0177e6ddd247", "Title", "Title", "text", Object{}, false)}}
}

// NewColumn makes a column of a kind.
func NewColumn(id, name, title, kind string, facet Object, indexed bool) Object {
	if title == "" {
		title = name
	}
	return Object{"id": id, "name": name, "displayName": title, "description": "", "columnGroup": "Custom Columns", "enforceUniqueValues": false, "hidden": false, "indexed": indexed, "readOnly": false, "required": false, kind: facet}
}
