package graph

import (
	"net/http"
	"slices"

	"seneschal/internal/sim/world"
)

// grantKey is where a site's grants are kept: with its collection, which they are about (permissions-selected-overview.md).
func (s site) grantKey(id string) world.Key {
	return world.Key{Scope: world.Site(world.Text(s.Object, "~collection")), Collection: world.SiteGrants, ID: id}
}

// showGrant writes the grant in both forms, as the examples of site-list-permissions.md do.
func showGrant(o world.Object) world.Object {
	out := public(o)
	to := []any{world.Object{"application": world.Object{"id": o["~app"], "displayName": o["~name"]}}}
	out["@deprecated.GrantedToIdentities"] = "GrantedToIdentities has been deprecated. Refer to GrantedToIdentitiesV2"
	out["grantedToIdentities"], out["grantedToIdentitiesV2"] = to, to
	return out
}

func siteGrants(c *call) (reply, *problem) {
	s, p := c.site()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for o := range c.s.world.All(s.grantKey("").Scope, world.SiteGrants) {
			if !yield(showGrant(o)) {
				return
			}
		}
	}
	return c.page(listing{context: "permissions", defaultTop: 200, maxTop: 1000, skipToken: true}, items, itself)
}

func siteRole(in world.Object) ([]any, *problem) {
	list, _ := param(in, "roles").([]any)
	if len(list) != 1 || !slices.Contains(siteRoles, world.Strings(list)[0]) {
		return nil, invalidRequest("roles must be one of read, write, owner and fullcontrol")
	}
	return list, nil
}

// grantSite lets an application in: site-post-permissions.md. An application that has a role already keeps its grant, with the new role.
func grantSite(c *call) (reply, *problem) {
	s, p := c.site()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	role, p := siteRole(in)
	if p != nil {
		return reply{}, p
	}
	to := world.Objects(param(in, "grantedToIdentities"))
	if len(to) == 0 {
		to = world.Objects(param(in, "grantedToIdentitiesV2"))
	}
	if len(to) != 1 || paramText(paramObject(to[0], "application"), "id") == "" {
		return reply{}, invalidRequest("grantedToIdentities must name one application by its id")
	}
	app := paramObject(to[0], "application")
	o := world.Object{"id": c.s.world.NewGUID(), "roles": role, "~app": app["id"], "~name": app["displayName"]}
	for have := range c.s.world.All(s.grantKey("").Scope, world.SiteGrants) {
		if have["~app"] == o["~app"] {
			o["id"] = have["id"]
		}
	}
	c.s.world.Put(s.grantKey(world.Text(o, "id")), o)
	return created(showGrant(o)), nil
}

func (c *call) siteGrant() (site, world.Object, *problem) {
	s, p := c.site()
	if p != nil {
		return s, nil, p
	}
	o, found := c.s.world.Get(s.grantKey(c.params["permission-id"]))
	if !found {
		return s, nil, noItem()
	}
	return s, o, nil
}

func getSiteGrant(c *call) (reply, *problem) {
	_, o, p := c.siteGrant()
	if p != nil {
		return reply{}, p
	}
	return c.one("permissions", showGrant(o))
}

func patchSiteGrant(c *call) (reply, *problem) {
	s, o, p := c.siteGrant()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	role, p := siteRole(in)
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	n["roles"] = role
	c.s.world.Put(s.grantKey(world.Text(n, "id")), n)
	return c.one("permissions", showGrant(n))
}

func deleteSiteGrant(c *call) (reply, *problem) {
	s, o, p := c.siteGrant()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(s.grantKey(world.Text(o, "id")))
	return empty(http.StatusNoContent), nil
}
