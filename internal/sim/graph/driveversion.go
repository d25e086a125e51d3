package graph

import (
	"net/http"

	"seneschal/internal/sim/world"
)

// versions are a file's, the newest first: what it is, then what it was.
func (d drive) versions(o world.Object) []world.Object {
	out := []world.Object{{"id": itoa(world.Number(o, "~content")) + ".0", "~blob": o["~blob"], "size": o["size"], "lastModifiedDateTime": o["lastModifiedDateTime"], "~by": o["~by"]}}
	earlier := world.Objects(o["~versions"])
	for i := range earlier {
		out = append(out, earlier[len(earlier)-1-i])
	}
	return out
}

func listVersions(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	_, o, p := d.item()
	if p != nil {
		return reply{}, p
	}
	if world.Flag(o, "~folder") {
		return reply{}, invalidRequest("A folder has no versions")
	}
	value := []any{}
	for _, v := range d.versions(o) {
		shown := public(v)
		shown["lastModifiedBy"] = d.identity(world.Text(v, "~by"))
		value = append(value, shown)
	}
	return ok(world.Object{"@odata.context": c.context("versions"), "value": value}), nil
}

// restoreVersion makes a new version of an earlier one: driveitemversion-restore.md.
func restoreVersion(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	_, o, p := d.changeable()
	if p != nil {
		return reply{}, p
	}
	for _, v := range d.versions(o) {
		if world.Text(v, "id") == c.params["driveItemVersion-id"] && !world.Flag(o, "~folder") {
			folder, name := world.Text(o, world.Partition), world.Text(o, "name")
			_, _, _, p := d.keep(folder, name, "replace", world.Text(v, "~blob"), int64(world.Number(v, "size")))
			return empty(http.StatusNoContent), p
		}
	}
	return reply{}, noItem()
}
