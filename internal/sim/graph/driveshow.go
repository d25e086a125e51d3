package graph

import (
	"strings"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

func (d drive) render() world.Object {
	used, total := d.used(), d.c.s.throttle.room()
	state := "normal"
	if used >= total {
		state = "exceeded"
	}
	name, made := "OneDrive", d.owner["createdDateTime"]
	if d.owner == nil {
		name, made = world.Text(d.library, "displayName"), d.library["createdDateTime"]
	}
	out := world.Object{"id": d.id(), "name": name, "driveType": d.kind(), "webUrl": d.web(""), "owner": d.identity(world.Text(d.owner, "id")), "createdDateTime": made,
		"quota": world.Object{"deleted": 0, "remaining": max(0, total-used), "state": state, "total": total, "used": used}}
	if d.owner == nil && odata.Selected(d.c.q.Select, "sharePointIds") { // "isn't returned by default and must be selected": resources/drive.md
		out["sharePointIds"] = world.Object{"listId": d.holder, "siteId": d.site.Object["id"]}
	}
	return out
}

func (d drive) used() int64 {
	root, _ := d.get(d.root())
	return d.sizeOf(d.root(), root)
}

func (d drive) kind() string {
	if d.owner == nil {
		return "documentLibrary"
	}
	return "business"
}

func (d drive) web(path string) string {
	if d.owner == nil {
		return d.site.web(world.Text(d.library, "name") + "/" + path)
	}
	name := strings.NewReplacer("@", "_", ".", "_").Replace(world.Text(d.owner, "userPrincipalName"))
	return "https://contoso-my.sharepoint.com/personal/" + name + "/Documents" + strings.TrimSuffix("/"+path, "/")
}

// etags are the item's, and its content's.
func etags(id string, o world.Object) (item, content string) {
	form := func(name string) string {
		return `"{` + id + `},` + itoa(world.Number(o, name)) + `"`
	}
	return form("~version"), `"c:` + strings.TrimPrefix(form("~content"), `"`)
}

// show makes the item as an answer has it.
func (d drive) show(id string, o world.Object) world.Object {
	tag, content := etags(id, o)
	by := d.identity(world.Text(o, "~by"))
	out := world.Object{"id": itemPrefix + id, "name": o["name"], "eTag": tag, "cTag": content, "createdDateTime": o["createdDateTime"], "lastModifiedDateTime": o["lastModifiedDateTime"],
		"createdBy": by, "lastModifiedBy": by, "size": d.sizeOf(id, o), "webUrl": d.web(d.pathOf(id)),
		"fileSystemInfo":  world.Object{"createdDateTime": o["createdDateTime"], "lastModifiedDateTime": o["lastModifiedDateTime"]},
		"parentReference": d.reference(world.Text(o, world.Partition))}
	switch {
	case id == d.root():
		out["root"], out["folder"] = world.Object{}, world.Object{"childCount": d.children(id)}
	case world.Flag(o, "~folder"):
		out["folder"] = world.Object{"childCount": d.children(id)}
	default:
		file := world.Object{"mimeType": mimeOf(world.Text(o, "name"))}
		if hash := d.c.s.contentHash(world.Text(o, "~blob"), int64(world.Number(o, "size"))); hash != "" {
			file["hashes"] = world.Object{"quickXorHash": hash}
		}
		out["file"] = file
		if odata.Selected(d.c.q.Select, "publication") {
			out["publication"] = d.publication(o)
		}
	}
	if len(world.Objects(o[permissionsOf])) > 0 {
		out["shared"] = world.Object{"scope": "users"}
	}
	return out
}

// reference names the parent of an item; of the root there is only the drive.
func (d drive) reference(parent string) world.Object {
	out := world.Object{"driveId": d.id(), "driveType": d.kind()}
	if parent == "" {
		return out
	}
	out["id"] = itemPrefix + parent
	out["path"] = "/drives/" + d.id() + "/root:"
	if path := d.pathOf(parent); path != "" {
		out["path"] = "/drives/" + d.id() + "/root:/" + path
		o, _ := d.get(parent)
		out["name"] = o["name"]
	}
	return out
}
