package graph

import (
	"net/http"
	"net/url"
	"strings"

	"seneschal/internal/sim/world"
)

// folder finds a mail folder by id or well-known name.
func (c *call) folder(id string) (string, world.Object, *problem) {
	key := ""
	for _, f := range world.WellKnown {
		if strings.EqualFold(id, f.Name) {
			key = c.s.world.FolderKey(c.userID(), f.Name)
		}
	}
	if strings.EqualFold(id, "msgfolderroot") {
		key = c.s.world.FolderKey(c.userID(), "msgfolderroot")
	}
	if key == "" {
		var p *problem
		if key, p = parseStable(folderPrefix, id); p != nil {
			return "", nil, p
		}
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.MailFolders, ID: key})
	if !found {
		return "", nil, itemNotFound()
	}
	return key, o, nil
}

// counts tells a folder's messages without generating what lies untouched in a large world.
func (s *Server) counts(box, folder string) (total, unread int) {
	base, _ := s.world.Generated(box, world.Messages).(interface {
		world.Base
		Unread() int
		Folder() string
	})
	live, gone := s.world.Touched(box, world.Messages)
	if base != nil && base.Folder() == folder {
		total, unread = base.Len(), base.Unread()
		forget := func(id string) {
			if i, ok := base.Index(id); ok {
				total--
				if _, o := base.At(i); !world.Flag(o, "isRead") {
					unread--
				}
			}
		}
		for id := range gone {
			forget(id)
		}
		for _, it := range live {
			forget(it.ID)
		}
	}
	for _, it := range live {
		if world.Text(it.Object, world.Partition) != folder {
			continue
		}
		total++
		if !world.Flag(it.Object, "isRead") {
			unread++
		}
	}
	return total, unread
}

func (c *call) renderFolder(key string, o world.Object) world.Object {
	out := public(o)
	total, unread := c.s.counts(c.box, key)
	children := 0
	for f := range c.s.world.All(c.box, world.MailFolders) {
		if world.Text(f, world.Partition) == key && !world.Flag(f, "isHidden") {
			children++
		}
	}
	out["id"], out["totalItemCount"], out["unreadItemCount"], out["childFolderCount"] = stableID(folderPrefix, key), total, unread, children
	if parent := world.Text(o, world.Partition); parent != "" {
		out["parentFolderId"] = stableID(folderPrefix, parent)
	} else {
		delete(out, "parentFolderId")
	}
	return out
}

func (c *call) mailPage(context string) listing {
	return listing{context: "users('" + url.PathEscape(c.userID()) + "')/" + context, defaultTop: 10, maxTop: 1000}
}

// childFolders lists the direct children: graph/FACTS §7.
func childFolders(c *call) (reply, *problem) {
	parent := c.s.world.FolderKey(c.userID(), "msgfolderroot")
	if id := c.params["mailFolder-id"]; id != "" {
		var p *problem
		if parent, _, p = c.folder(id); p != nil {
			return reply{}, p
		}
	}
	hidden := strings.EqualFold(c.r.URL.Query().Get("includeHiddenFolders"), "true")
	items := func(yield func(world.Object) bool) {
		for key, f := range c.s.world.Scan(c.box, world.MailFolders) {
			if world.Text(f, world.Partition) != parent || world.Flag(f, "isHidden") && !hidden {
				continue
			}
			if !yield(c.renderFolder(key, f)) {
				return
			}
		}
	}
	return c.page(c.mailPage("mailFolders"), items, itself)
}

func itself(o world.Object) world.Object { return o }

func getFolder(c *call) (reply, *problem) {
	key, o, p := c.folder(c.params["mailFolder-id"])
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/mailFolders", c.renderFolder(key, o))
}

func createFolder(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	parent := c.s.world.FolderKey(c.userID(), "msgfolderroot")
	if id := c.params["mailFolder-id"]; id != "" {
		if parent, _, p = c.folder(id); p != nil {
			return reply{}, p
		}
	}
	name := paramText(in, "displayName")
	if name == "" {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "The displayName of a folder is required.")
	}
	for f := range c.s.world.All(c.box, world.MailFolders) {
		if world.Text(f, world.Partition) == parent && strings.EqualFold(world.Text(f, "displayName"), name) {
			return reply{}, fail(http.StatusConflict, "ErrorFolderExists", "A folder with the specified name already exists.")
		}
	}
	key := c.s.world.NewKey()
	o := world.Object{"displayName": name, world.Partition: parent, "isHidden": paramBool(in, "isHidden", false)}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.MailFolders, ID: key}, o)
	return created(c.renderFolder(key, o)), nil
}

func patchFolder(c *call) (reply, *problem) {
	key, o, p := c.folder(c.params["mailFolder-id"])
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	if name := paramText(in, "displayName"); name != "" {
		n["displayName"] = name
	}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.MailFolders, ID: key}, n)
	return ok(c.renderFolder(key, n)), nil
}

func deleteFolder(c *call) (reply, *problem) {
	key, o, p := c.folder(c.params["mailFolder-id"])
	if p != nil {
		return reply{}, p
	}
	if world.Text(o, "~wellKnown") != "" {
		return reply{}, fail(http.StatusBadRequest, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
	}
	for id, m := range c.s.world.Scan(c.box, world.Messages) {
		if world.Text(m, world.Partition) == key {
			c.s.world.Delete(world.Key{Scope: c.box, Collection: world.Messages, ID: id})
		}
	}
	c.s.world.Delete(world.Key{Scope: c.box, Collection: world.MailFolders, ID: key})
	return empty(http.StatusNoContent), nil
}

func deltaFolders(c *call) (reply, *problem) {
	var since uint64
	if raw, given := c.tokenOf(); given {
		var t mailToken
		if !decodeToken(raw, &t) || c.deltaGone() {
			return reply{}, syncLost()
		}
		since = t.Since
	}
	value := []any{}
	changes, now := c.s.world.Since(c.box, world.MailFolders, since)
	if since == 0 {
		for key, f := range c.s.world.Scan(c.box, world.MailFolders) {
			if world.Text(f, "~wellKnown") != "msgfolderroot" && !world.Flag(f, "isHidden") {
				value = append(value, c.renderFolder(key, f))
			}
		}
		changes = nil
	}
	for _, d := range changes {
		switch {
		case d.Object != nil:
			value = append(value, c.renderFolder(d.ID, d.Object))
		default:
			if _, alive := c.s.world.Get(world.Key{Scope: c.box, Collection: world.MailFolders, ID: d.ID}); !alive {
				value = append(value, removed(stableID(folderPrefix, d.ID)))
			}
		}
	}
	return ok(world.Object{"@odata.context": c.context("users('" + c.userID() + "')/mailFolders"), "value": value, "@odata.deltaLink": c.deltaLink(mailToken{Since: now})}), nil
}

func removed(id string) world.Object {
	return world.Object{"@removed": world.Object{"reason": "deleted"}, "id": id}
}
