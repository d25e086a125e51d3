package graph

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

const permissionsOf = "~permissions"

// held are an item's permissions: its own, those of the folders above it, and its owner's: driveitem-list-permissions.md.
func (d drive) held(id string) []world.Object {
	var out []world.Object
	for at := id; at != ""; {
		o, found := d.get(at)
		if !found {
			break
		}
		for _, p := range world.Objects(o[permissionsOf]) {
			shown := public(p)
			if at != id {
				shown["inheritedFrom"] = world.Object{"driveId": d.id(), "id": itemPrefix + at}
			}
			out = append(out, shown)
		}
		at = world.Text(o, world.Partition)
	}
	if d.owner == nil {
		return append(out, world.Object{"id": "owners", "roles": []any{"owner"}, "grantedToV2": world.Object{"siteGroup": world.Object{"id": "3", "displayName": world.Text(d.site.Object, "displayName") + " Owners"}}})
	}
	owner := world.Text(d.owner, "id")
	return append(out, world.Object{"id": "owner-" + owner, "roles": []any{"owner"}, "grantedToV2": grantee(d.owner)})
}

func grantee(user world.Object) world.Object {
	who := world.Object{"id": user["id"], "displayName": user["displayName"]}
	site := world.Clone(who)
	site["loginName"] = "i:0#.f|membership|" + world.Text(user, "userPrincipalName")
	return world.Object{"user": who, "siteUser": site}
}

// share gives an item other permissions of its own.
func (d drive) share(id string, o world.Object, own []world.Object) {
	n, list := d.c.changed(o), make([]any, len(own))
	for i, p := range own {
		list[i] = p
	}
	n[permissionsOf] = list
	d.c.s.world.Put(d.key(id), n)
}

func listPermissions(c *call) (reply, *problem) {
	d, id, _, p := c.shared()
	if p != nil {
		return reply{}, p
	}
	return ok(world.Object{"@odata.context": c.context("permissions"), "value": d.held(id)}), nil
}

func (c *call) shared() (drive, string, world.Object, *problem) {
	d, p := c.drive()
	if p != nil {
		return d, "", nil, p
	}
	id, o, p := d.item()
	return d, id, o, p
}

// permission finds the path's permission; i is its place among the item's own, -1 for others.
func (d drive) permission(id string, o world.Object) (shown world.Object, i int, p *problem) {
	asked := d.c.params["permission-id"]
	all := d.held(id)
	at := slices.IndexFunc(all, func(p world.Object) bool { return world.Text(p, "id") == asked })
	if at < 0 {
		return nil, -1, noItem()
	}
	return all[at], slices.IndexFunc(world.Objects(o[permissionsOf]), func(p world.Object) bool { return world.Text(p, "id") == asked }), nil
}

func getPermission(c *call) (reply, *problem) {
	d, id, o, p := c.shared()
	if p != nil {
		return reply{}, p
	}
	shown, _, p := d.permission(id, o)
	if p != nil {
		return reply{}, p
	}
	return c.one("permissions", shown)
}

// owned finds the path's permission among the item's own, which alone can be changed; i is its place there.
func (c *call) owned() (d drive, id string, o world.Object, i int, p *problem) {
	if d, id, o, p = c.shared(); p != nil {
		return d, id, o, -1, p
	}
	if _, i, p = d.permission(id, o); p == nil && i < 0 {
		p = notOwn()
	}
	return d, id, o, i, p
}

// notOwn refuses to change what an item has from a folder above it, or as its owner's: permission-delete.md ("only sharing permissions that
// are not inherited can be deleted"); the code is uncertain.
func notOwn() *problem {
	return invalidRequest("Only permissions that are not inherited can be changed")
}

func roles(in world.Object) ([]any, *problem) {
	list, _ := param(in, "roles").([]any)
	if len(list) != 1 || list[0] != "read" && list[0] != "write" {
		return nil, invalidRequest("roles must be one of read and write")
	}
	return list, nil
}

// patchPermission takes roles alone: permission-update.md.
func patchPermission(c *call) (reply, *problem) {
	d, id, o, i, p := c.owned()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	role, p := roles(in)
	if p != nil {
		return reply{}, p
	}
	own := slices.Clone(world.Objects(o[permissionsOf]))
	own[i] = world.Clone(own[i])
	own[i]["roles"] = role
	d.share(id, o, own)
	return c.one("permissions", public(own[i]))
}

func deletePermission(c *call) (reply, *problem) {
	d, id, o, i, p := c.owned()
	if p != nil {
		return reply{}, p
	}
	d.share(id, o, slices.Delete(slices.Clone(world.Objects(o[permissionsOf])), i, i+1))
	return empty(http.StatusNoContent), nil
}

// createLink makes a link, or gives the one of that kind that the app has made before: driveitem-createlink.md.
func createLink(c *call) (reply, *problem) {
	d, id, o, p := c.shared()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	kind, scope := paramText(in, "type"), paramText(in, "scope")
	if scope == "" {
		scope = "organization" // "the default link type for the organization"
	}
	role, known := map[string]string{"view": "read", "edit": "write"}[kind]
	switch {
	case !known:
		return reply{}, invalidRequest("The link type must be one of view and edit") // "embed links are only supported for OneDrive personal"
	case scope != "organization" && scope != "anonymous":
		return reply{}, invalidRequest("The scope must be one of anonymous and organization") // users: not played
	case scope == "anonymous" && c.sharesInsideOnly():
		return reply{}, accessDenied() // onedrive-api-docs issue 413
	}
	own := slices.Clone(world.Objects(o[permissionsOf]))
	for _, l := range own {
		if link := paramObject(l, "link"); link != nil && link["type"] == kind && link["scope"] == scope && l["~app"] == c.token.AppID {
			return ok(public(l)), nil
		}
	}
	made := world.Object{"id": c.s.world.NewGUID(), "roles": []any{role}, "shareId": "u!" + c.s.world.NewKey(), "hasPassword": false, "~app": c.token.AppID,
		"link": world.Object{"type": kind, "scope": scope, "webUrl": "https://contoso-my.sharepoint.com/:u:/g/personal/" + c.s.world.NewKey(), "preventsDownload": false}}
	if until := paramText(in, "expirationDateTime"); until != "" {
		made["expirationDateTime"] = until
	}
	d.share(id, o, append(own, made))
	return created(public(made)), nil
}

// invite grants, and mails only where it is asked to: driveitem-invite.md. People who are not of the tenant become guests, which an app
// cannot make.
func invite(c *call) (reply, *problem) {
	d, id, o, p := c.shared()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	role, p := roles(in)
	if p != nil {
		return reply{}, p
	}
	people, _ := param(in, "recipients").([]any)
	if len(people) == 0 {
		return reply{}, invalidRequest("At least one recipient is needed")
	}
	own, value := slices.Clone(world.Objects(o[permissionsOf])), []any{}
	for _, r := range people {
		to, _ := r.(world.Object)
		grant, p := c.grant(paramText(to, "email"), role, paramBool(in, "requireSignIn", false))
		if p != nil {
			return reply{}, p
		}
		if at := slices.IndexFunc(own, func(p world.Object) bool { return p["~to"] == grant["~to"] }); at >= 0 {
			grant["id"] = own[at]["id"]
			own[at] = grant
		} else {
			own = append(own, grant)
		}
		value = append(value, public(grant))
	}
	d.share(id, o, own)
	if paramBool(in, "sendInvitation", false) {
		for _, p := range value {
			c.mailInvitation(d, world.Text(paramObject(p.(world.Object), "invitation"), "email"), world.Text(o, "name"), paramText(in, "message"))
		}
	}
	return ok(world.Object{"@odata.context": c.context("Collection(permission)"), "value": value}), nil
}

func (c *call) grant(address string, role []any, signIn bool) (world.Object, *problem) {
	if !strings.Contains(address, "@") {
		return nil, invalidRequest("A recipient needs an email")
	}
	out := world.Object{"id": c.s.world.NewGUID(), "roles": role, "hasPassword": false, "~to": strings.ToLower(address), "invitation": world.Object{"email": address, "signInRequired": signIn}}
	if user, found := c.s.world.User(c.token.Tenant, address); found {
		out["grantedToV2"] = grantee(user)
	} else if c.token.AppOnly || c.sharesInsideOnly() {
		return nil, accessDenied()
	}
	return out, nil
}

// insideOnly is the tenant's setting that nothing is shared outside.
func insideOnly(tenant string) world.Key {
	return world.Key{Scope: tenant, Collection: "sharing", ID: "insideOnly"}
}

func (c *call) sharesInsideOnly() bool {
	_, off := c.s.world.Get(insideOnly(c.token.Tenant))
	return off
}

// ShareOutside allows or forbids a tenant's people to share with others outside; of all tenants without one.
func (s *Server) ShareOutside(tenant string, allowed bool) {
	for _, t := range s.world.Tenants() {
		switch {
		case tenant != "" && t.ID != tenant:
		case allowed:
			s.world.Delete(insideOnly(t.ID))
		default:
			s.world.Put(insideOnly(t.ID), world.Object{"off": true})
		}
	}
}

func (c *call) mailInvitation(d drive, address, name, message string) {
	c.s.record.Count("invitations_mailed", 1)
	from, by := world.Text(d.owner, "userPrincipalName"), world.Text(d.owner, "displayName")
	if d.owner == nil {
		from, by = "no-reply@sharepointonline.example", world.Text(d.site.Object, "displayName")
	}
	raw := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: %s shared \"%s\" with you\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", from, address,
		by, name, message)
	if err := c.s.DeliverMIME(address, "inbox", []byte(raw)); err != nil {
		c.s.record.Count("mail_left_the_world", 1)
	}
}
