package graph

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

func driveHandlers() map[string]handler {
	out := map[string]handler{"GET /users/{user-id}/drives": listDrives}
	for _, drive := range []string{"/users/{user-id}/drive", "/drives/{drive-id}", "/sites/{site-id}/drive"} {
		out["GET "+drive], out["GET "+drive+"/root/delta()"] = getDrive, deltaDrive
		for _, item := range []string{"/root", "/items/{driveItem-id}"} {
			at := drive + item
			out["GET "+at], out["PATCH "+at], out["DELETE "+at] = getDriveItem, patchDriveItem, deleteDriveItem
			out["GET "+at+"/children"], out["POST "+at+"/children"] = listChildren, createDriveFolder
			out["GET "+at+"/search(q='{q}')"] = searchDrive
			out["GET "+at+"/content"], out["PUT "+at+"/content"], out["POST "+at+"/createUploadSession"] = getContent, putContent, createDriveUpload
			out["GET "+at+"/versions"], out["POST "+at+"/versions/{driveItemVersion-id}/restoreVersion"] = listVersions, restoreVersion
			out["GET "+at+"/permissions"], out["POST "+at+"/createLink"], out["POST "+at+"/invite"] = listPermissions, createLink, invite
			out["GET "+at+"/thumbnails"], out["POST "+at+"/copy"] = listThumbnails, copyItem
			one := at + "/permissions/{permission-id}"
			out["GET "+one], out["PATCH "+one], out["DELETE "+one] = getPermission, patchPermission, deletePermission
			out["POST "+at+"/checkout"], out["POST "+at+"/checkin"], out["POST "+at+"/discardCheckout"] = checkOut, checkIn, discardCheckOut
			out["POST "+at+"/extractSensitivityLabels"] = extractLabels
		}
	}
	return out
}

// onDrive tells whether the path belongs to OneDrive.
func (c *call) onDrive() bool {
	s := c.op.segments
	switch s[0] {
	case "drives":
		return true
	case "me":
		return len(s) > 1 && (s[1] == "drive" || s[1] == "drives")
	case "users":
		return len(s) > 2 && (s[2] == "drive" || s[2] == "drives")
	}
	return false
}

// byPath takes the path of an item out of an address, as in /root:/a/b:/children, and leaves the address of the item it begins at:
// driveitem-get.md, and in no OpenAPI document. Names hold colons only encoded.
func byPath(address string) (rest, named string) {
	before, after, found := strings.Cut(address, ":/")
	if !found || !strings.Contains(before, "drive") {
		return address, ""
	}
	path, rest, _ := strings.Cut(after, ":")
	decoded, err := url.PathUnescape(strings.Trim(path, "/"))
	if err != nil {
		return address, ""
	}
	if base, isRoot := strings.CutSuffix(before, "/root"); isRoot {
		before = base + "/items/root"
	}
	return before + rest, decoded
}

// searchFor begins the one function of the table that has its parameter in the path.
const searchFor = "search(q='"

// searched reads the text of search(q='…'); a quote in it is written twice.
func searched(segment string) (string, bool) {
	text, begins := strings.CutPrefix(strings.TrimPrefix(segment, "microsoft.graph."), searchFor)
	text, ends := strings.CutSuffix(text, "')")
	return strings.ReplaceAll(text, "''", "'"), begins && ends
}

const (
	drivePrefix = "b!"
	itemPrefix  = "01"
)

func driveID(userID string) string {
	return drivePrefix + base64.RawURLEncoding.EncodeToString([]byte(userID))
}

func accessDenied() *problem {
	return fail(http.StatusForbidden, "accessDenied", "Access denied")
}

func noItem() *problem { return fail(http.StatusNotFound, "itemNotFound", "Item not found") }

func invalidRequest(message string) *problem {
	return fail(http.StatusBadRequest, "invalidRequest", message)
}

// drive is a OneDrive and whose it is, or a library and the site it belongs to.
type drive struct {
	c       *call
	holder  string       // id of the user, or of the library's list
	owner   world.Object // nil: a library
	scope   string
	site    site
	library world.Object
}

// drive finds the drive of the path. A person reaches only their own: nothing is shared in these worlds.
func (c *call) drive() (drive, *problem) {
	if c.params["site-id"] != "" {
		return c.siteDrive()
	}
	holder := c.userID()
	if id := c.params["drive-id"]; id != "" {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(id, drivePrefix))
		if err != nil {
			return drive{}, noItem()
		}
		holder = string(raw)
	}
	d, found := c.driveOf(holder)
	switch {
	case !found && c.params["drive-id"] == "":
		return d, resourceNotFound(holder) // the directory is asked for the owner first
	case !found:
		return d, noItem()
	case d.owner == nil:
		return d, d.site.closed()
	case c.chosen || !c.token.AppOnly && holder != c.token.ObjectID:
		return d, accessDenied()
	}
	if _, made := d.get(d.root()); !made || !world.HasDrive(d.owner) {
		return d, fail(http.StatusNotFound, "ResourceNotFound", "User's mysite not found.")
	}
	return d, nil
}

// driveOf finds the drive of a user or of a library, whoever asks.
func (c *call) driveOf(holder string) (drive, bool) {
	if u, found := c.s.world.User(c.token.Tenant, holder); found {
		return drive{c: c, holder: world.Text(u, "id"), owner: u, scope: world.Drive(world.Text(u, "id"))}, true
	}
	for key, o := range c.s.world.Scan(c.token.Tenant, world.Sites) {
		if l, found := c.s.world.Get(world.Key{Scope: world.Site(key), Collection: world.SiteLists, ID: holder}); found && world.Text(l, "~template") == "documentLibrary" {
			return site{c, key, o}.library(holder, l), true
		}
	}
	return drive{}, false
}

// siteDrive is the library that a site has by itself.
func (c *call) siteDrive() (drive, *problem) {
	s, p := c.site()
	if p != nil {
		return drive{}, p
	}
	id := c.s.world.GUID("list", s.key, "Documents")
	l, found := c.s.world.Get(world.Key{Scope: s.scope(), Collection: world.SiteLists, ID: id})
	if !found {
		return drive{}, noItem()
	}
	return s.library(id, l), nil
}

func (s site) library(id string, l world.Object) drive {
	return drive{c: s.c, holder: id, scope: world.Drive(id), site: s, library: l}
}

func (d drive) id() string   { return driveID(d.holder) }
func (d drive) root() string { return d.c.s.world.DriveRoot(d.holder) }

func (d drive) key(id string) world.Key {
	return world.Key{Scope: d.scope, Collection: world.DriveItems, ID: id}
}

func (d drive) get(id string) (world.Object, bool) { return d.c.s.world.Get(d.key(id)) }

// child finds an entry of a folder by name; names are compared without case.
func (d drive) child(folder, name string) (string, world.Object, bool) {
	for id, o := range d.c.s.world.Scan(d.scope, world.DriveItems) {
		if world.Text(o, world.Partition) == folder && strings.EqualFold(world.Text(o, "name"), name) {
			return id, o, true
		}
	}
	return "", nil, false
}

// base is the item that the address names by its id.
func (d drive) base() (string, world.Object, *problem) {
	id := d.root()
	if asked := d.c.params["driveItem-id"]; asked != "" && asked != "root" {
		id = strings.TrimPrefix(asked, itemPrefix)
	}
	o, found := d.get(id)
	if !found {
		return "", nil, noItem()
	}
	return id, o, nil
}

// item is what the address names, by id or by path.
func (d drive) item() (string, world.Object, *problem) {
	id, o, p := d.base()
	if p != nil || d.c.named == "" {
		return id, o, p
	}
	for name := range strings.SplitSeq(d.c.named, "/") {
		var found bool
		if id, o, found = d.child(id, name); !found {
			return "", nil, noItem()
		}
	}
	return id, o, nil
}

// pathOf is an item's path below the root, "" for the root.
func (d drive) pathOf(id string) string {
	var names []string
	for id != d.root() && id != "" {
		o, found := d.get(id)
		if !found {
			break
		}
		names = append([]string{url.PathEscape(world.Text(o, "name"))}, names...)
		id = world.Text(o, world.Partition)
	}
	return strings.Join(names, "/")
}

// sizeOf is a file's size, or what is in a folder.
func (d drive) sizeOf(id string, o world.Object) int64 {
	if !world.Flag(o, "~folder") {
		return int64(world.Number(o, "size"))
	}
	var sum int64
	for child, c := range d.c.s.world.Scan(d.scope, world.DriveItems) {
		if world.Text(c, world.Partition) == id {
			sum += d.sizeOf(child, c)
		}
	}
	return sum
}

func (d drive) children(id string) int {
	n := 0
	for _, o := range d.c.s.world.Scan(d.scope, world.DriveItems) {
		if world.Text(o, world.Partition) == id {
			n++
		}
	}
	return n
}

func (d drive) identity(by string) world.Object { return d.c.identity(by) }

// identity is who did something: a person, an app, or what was there from the start.
func (c *call) identity(by string) world.Object {
	if by == "" {
		return world.Object{"user": world.Object{"displayName": "System Account"}}
	}
	if u, found := c.s.world.User(c.token.Tenant, by); found {
		return world.Object{"user": world.Object{"id": by, "displayName": u["displayName"]}}
	}
	return world.Object{"application": world.Object{"id": by, "displayName": "app " + by}}
}

// actor is who does it: the signed-in person, or the app.
func (c *call) actor() string {
	if c.token.AppOnly {
		return c.token.AppID
	}
	return c.token.ObjectID
}

func listDrives(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	return ok(world.Object{"@odata.context": c.context("drives"), "value": []any{d.render()}}), nil
}

func getDrive(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	return c.one("drives", d.render())
}

// within tells whether an item is a folder or lies below it.
func (d drive) within(id, folder string) bool {
	for id != "" {
		if id == folder {
			return true
		}
		o, _ := d.get(id)
		id = world.Text(o, world.Partition)
	}
	return false
}

func listChildren(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	folder, o, p := d.item()
	if p != nil {
		return reply{}, p
	}
	if !world.Flag(o, "~folder") {
		return c.page(listing{context: "children", defaultTop: 200, maxTop: 1000, skipToken: true}, slices.Values([]world.Object{}), itself)
	}
	items := func(yield func(world.Object) bool) {
		for id, o := range c.s.world.Scan(d.scope, world.DriveItems) {
			if world.Text(o, world.Partition) == folder && !yield(d.show(id, o)) {
				return
			}
		}
	}
	return c.page(listing{context: "children", defaultTop: 200, maxTop: 1000, skipToken: true}, items, itself)
}

// searchDrive plays words in names; the real one looks into files, too: driveitem-search.md.
func searchDrive(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	top, _, p := d.item()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for id, o := range c.s.world.Scan(d.scope, world.DriveItems) {
			if id != top && d.within(id, top) && strings.Contains(strings.ToLower(world.Text(o, "name")), strings.ToLower(c.params["q"])) && !yield(d.show(id, o)) {
				return
			}
		}
	}
	return c.page(listing{context: "search", defaultTop: 200, maxTop: 1000, skipToken: true}, items, itself)
}

func getDriveItem(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	id, o, p := d.item()
	if p != nil {
		return reply{}, p
	}
	return c.one("driveItems", d.show(id, o))
}
