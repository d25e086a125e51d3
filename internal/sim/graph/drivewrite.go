package graph

import (
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"seneschal/internal/sim/world"
)

func itoa(n int) string { return strconv.Itoa(n) }

func mimeOf(name string) string {
	if m := mime.TypeByExtension(path.Ext(name)); m != "" {
		return m
	}
	return "application/octet-stream"
}

// illegal are the characters that no name in OneDrive for work has, and longestPath what a decoded path may have: the restrictions that
// Microsoft lists in "Restrictions and limitations in OneDrive and SharePoint" (recall).
const (
	illegal     = `"*:<>?/\|`
	longestPath = 400
)

// place says whether an item can have a name in a folder.
func (d drive) place(folder, name string) *problem {
	parent, err := d.get(folder)
	switch {
	case !err || !world.Flag(parent, "~folder"):
		return noItem()
	case name == "" || strings.ContainsAny(name, illegal) || strings.TrimSpace(name) != name || strings.HasSuffix(name, "."):
		return invalidRequest("The provided name cannot contain the characters or form it has: " + name)
	case utf8.RuneCountInString(d.plainPath(folder)+"/"+name) > longestPath:
		return fail(http.StatusBadRequest, "pathIsTooLong", "The resulting path is too long")
	}
	return nil
}

// plainPath is an item's path as people write it.
func (d drive) plainPath(id string) string {
	var names []string
	for id != d.root() && id != "" {
		o, _ := d.get(id)
		names = append([]string{world.Text(o, "name")}, names...)
		id = world.Text(o, world.Partition)
	}
	return strings.Join(names, "/")
}

func taken() *problem {
	return fail(http.StatusConflict, "nameAlreadyExists", "An item with the same name already exists under the parent")
}

// settle finds the name an item gets in a folder, and whom it replaces there: fail, rename, replace.
func (d drive) settle(folder, name, conflict, self string) (final, replaced string, p *problem) {
	id, _, there := d.child(folder, name)
	if !there || id == self {
		return name, "", nil
	}
	switch conflict {
	case "replace":
		return name, id, nil
	case "rename":
		stem, ext := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
		for n := 1; ; n++ {
			next := stem + " " + itoa(n) + ext
			if _, _, there := d.child(folder, next); !there {
				return next, "", nil
			}
		}
	case "fail":
		return "", "", taken()
	}
	return "", "", invalidRequest("The conflict behavior must be one of fail, rename and replace")
}

const conflictBehavior = "@microsoft.graph.conflictBehavior"

// conflict is what a request wants done about a name that is taken: in the body or in the query.
func (c *call) conflict(in world.Object, otherwise string) string {
	if s := paramText(in, conflictBehavior); s != "" {
		return s
	}
	if s := c.r.URL.Query().Get(conflictBehavior); s != "" {
		return s
	}
	return otherwise
}

func createDriveFolder(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	folder, _, p := d.item()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	name := paramText(in, "name")
	if paramObject(in, "folder") == nil {
		return reply{}, invalidRequest("A folder or file facet is needed")
	}
	if p := d.place(folder, name); p != nil {
		return reply{}, p
	}
	name, replaced, p := d.settle(folder, name, c.conflict(in, "fail"), "")
	if p != nil {
		return reply{}, p
	}
	if replaced != "" {
		return reply{}, taken() // a folder is not replaced: what would become of what is in it?
	}
	id, o := c.s.world.NewKey(), world.DriveFolder(name, folder, c.actor(), c.s.world.Now())
	c.s.world.Put(d.key(id), o)
	return created(d.show(id, o)), nil
}

// driveIfMatch is the precondition of a change: driveitem-update.md, driveitem-delete.md.
func (c *call) driveIfMatch(id string, o world.Object) *problem {
	want := c.r.Header.Get("If-Match")
	item, content := etags(id, o)
	if want == "" || want == "*" || want == item || want == content {
		return nil
	}
	return fail(http.StatusPreconditionFailed, "resourceModified", "ETag does not match current item's value")
}

// changeable says whether the path's item may be changed by who asks.
func (d drive) changeable() (string, world.Object, *problem) {
	id, o, p := d.item()
	if p != nil {
		return id, o, p
	}
	if d.heldFrom(o) {
		return id, o, locked()
	}
	return id, o, d.c.driveIfMatch(id, o)
}

func patchDriveItem(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	id, o, p := d.changeable()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if id == d.root() {
		return reply{}, fail(http.StatusForbidden, "accessDenied", "The root cannot be changed")
	}
	n := c.changed(o)
	n["~by"] = c.actor()
	folder, name := world.Text(o, world.Partition), world.Text(o, "name")
	if s := paramText(in, "name"); s != "" {
		name = s
	}
	if to := paramText(paramObject(in, "parentReference"), "id"); to != "" {
		folder = strings.TrimPrefix(to, itemPrefix)
		if to == "root" {
			folder = d.root()
		}
	}
	if world.Flag(o, "~folder") && d.within(folder, id) {
		return reply{}, invalidRequest("A folder cannot be moved into itself")
	}
	if p := d.place(folder, name); p != nil {
		return reply{}, p
	}
	name, replaced, p := d.settle(folder, name, c.conflict(in, "fail"), id)
	if p != nil {
		return reply{}, p
	}
	n["name"], n[world.Partition] = name, folder
	c.s.world.Update(func(tx *world.Tx) {
		if replaced != "" {
			tx.Delete(d.key(replaced))
		}
		tx.Put(d.key(id), n)
	})
	return c.one("driveItems", d.show(id, n))
}

// deleteDriveItem deletes with everything below; the recycle bin is not played.
func deleteDriveItem(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	id, _, p := d.changeable()
	if p != nil {
		return reply{}, p
	}
	if id == d.root() {
		return reply{}, fail(http.StatusForbidden, "accessDenied", "The root cannot be deleted")
	}
	gone := []string{}
	for below := range c.s.world.Scan(d.scope, world.DriveItems) {
		if d.within(below, id) {
			gone = append(gone, below)
		}
	}
	c.s.world.Update(func(tx *world.Tx) {
		for _, k := range gone {
			tx.Delete(d.key(k))
		}
	})
	return empty(http.StatusNoContent), nil
}
