package graph

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

func siteHandlers() map[string]handler {
	const at, list = "/sites/{site-id}", "/sites/{site-id}/lists/{list-id}"
	const item, page = list + "/items/{listItem-id}", at + "/pages/{baseSitePage-id}"
	return map[string]handler{
		"GET /sites": searchSites, "GET /sites/getAllSites()": allSites, "GET " + at: getSite, "GET " + at + "/sites": subsites, "GET " + at + "/drives": libraries,
		"GET " + at + "/permissions": siteGrants, "POST " + at + "/permissions": grantSite, "GET " + at + "/permissions/{permission-id}": getSiteGrant,
		"PATCH " + at + "/permissions/{permission-id}": patchSiteGrant, "DELETE " + at + "/permissions/{permission-id}": deleteSiteGrant,
		"GET " + at + "/lists": siteLists, "POST " + at + "/lists": createList, "GET " + list: getSiteList, "PATCH " + list: patchSiteList, "DELETE " + list: deleteSiteList,
		"GET " + list + "/columns": listColumns, "POST " + list + "/columns": createColumn, "GET " + list + "/columns/{columnDefinition-id}": getColumn,
		"PATCH " + list + "/columns/{columnDefinition-id}": patchColumn, "DELETE " + list + "/columns/{columnDefinition-id}": deleteColumn,
		"GET " + list + "/contentTypes": listContentTypes, "GET " + list + "/items": listItems, "POST " + list + "/items": createListItem, "GET " + list + "/items/delta()": deltaListItems,
		"GET " + item: getListItem, "DELETE " + item: deleteListItem, "PATCH " + item + "/fields": patchFields, "GET " + item + "/versions": listItemVersions,
		"GET " + at + "/pages/microsoft.graph.sitePage": sitePages, "POST " + at + "/pages": createPage, "DELETE " + page: deletePage,
		"GET " + page + "/microsoft.graph.sitePage": getPage, "PATCH " + page + "/microsoft.graph.sitePage": patchPage, "POST " + page + "/microsoft.graph.sitePage/publish": publishPage,
	}
}

// onSite tells whether the path belongs to SharePoint.
func (c *call) onSite() bool { return c.op.segments[0] == "sites" }

// siteByPath takes the path of a site out of an address, as in /sites/{hostname}:/{path}:/lists, and leaves the host in its place:
// site-getbypath.md, and in no OpenAPI document.
func siteByPath(address string) (rest, named string) {
	before, after, found := strings.Cut(address, ":/")
	if !found || !strings.HasPrefix(before, "sites/") || strings.Count(before, "/") > 1 {
		return address, ""
	}
	path, rest, _ := strings.Cut(after, ":")
	decoded, err := url.PathUnescape(strings.Trim(path, "/"))
	if err != nil {
		return address, ""
	}
	return before + rest, decoded
}

// site is one site, found and open to who asks.
type site struct {
	c   *call
	key string
	world.Object
}

// site finds the site of the path: root, a host with a path or without, host and both ids, or the id of a collection.
func (c *call) site() (site, *problem) {
	asked := c.params["site-id"]
	for key, o := range c.s.world.Scan(c.token.Tenant, world.Sites) {
		top := world.Text(o, "~path") == ""
		switch {
		case strings.EqualFold(asked, world.Text(o, "id")), asked == "root" && top,
			strings.EqualFold(asked, world.Text(o, "~host")) && strings.EqualFold(c.siteAt, world.Text(o, "~path")),
			strings.EqualFold(asked, world.Text(o, "~collection")) && world.Text(o, "~parent") == "":
			s := site{c, key, o}
			return s, s.closed()
		}
	}
	return site{}, fail(http.StatusNotFound, "itemNotFound", "Requested site could not be found")
}

// closed says of a site that is not open to who asks: a person who is no member, or an app with Sites.Selected that was not granted it.
func (s site) closed() *problem {
	members := world.Strings(s.Object["~members"])
	switch {
	case s.c.chosen && !s.grants(s.c.needed()):
		return accessDenied()
	case !s.c.token.AppOnly && len(members) > 0 && !slices.Contains(members, s.c.token.ObjectID):
		return accessDenied()
	}
	return nil
}

// The roles that applications are granted sites with, the narrower first: permissions-selected-overview.md.
var siteRoles = []string{"read", "write", "owner", "fullcontrol"}

// grants tells whether the app was granted a role on the site's collection, or a wider one.
func (s site) grants(role string) bool {
	for o := range s.c.s.world.All(world.Site(world.Text(s.Object, "~collection")), world.SiteGrants) {
		for _, have := range world.Strings(o["roles"]) {
			if world.Text(o, "~app") == s.c.token.AppID && slices.Index(siteRoles, have) >= slices.Index(siteRoles, role) {
				return true
			}
		}
	}
	return false
}

// needed is the role that the operation needs of an app with Sites.Selected: dynamics/AUTH-MATRIX §4.
func (c *call) needed() string {
	parts := c.op.segments
	switch {
	case c.r.Method == http.MethodGet:
		return "read"
	case slices.Contains(parts, "columns"), slices.Contains(parts, "lists") && !slices.Contains(parts, "items"):
		return "owner"
	}
	return "write"
}

// bySelected tells whether the app may be let in by what it was granted on the site alone. Search, the list of all sites and the grants
// themselves are not: site-search.md ("does not support the Sites.Selected application permission"), permissions-selected-overview.md.
func (c *call) bySelected() bool {
	if !c.token.AppOnly || !slices.Contains(c.held(), "Sites.Selected") {
		return false
	}
	return c.op.segments[0] == "drives" || c.params["site-id"] != "" && !slices.Contains(c.op.segments, "permissions")
}

func (s site) scope() string { return world.Site(s.key) }

func (s site) web(path string) string {
	return strings.TrimSuffix("https://"+world.Text(s.Object, "~host")+"/"+strings.Trim(world.Text(s.Object, "~path")+"/"+path, "/"), "/")
}

func (s site) show() world.Object {
	out := public(s.Object)
	out["webUrl"] = s.web("")
	if world.Text(s.Object, "~parent") == "" {
		out["root"], out["siteCollection"] = world.Object{}, world.Object{"hostname": s.Object["~host"]}
	}
	return out
}

func getSite(c *call) (reply, *problem) {
	s, p := c.site()
	if p != nil {
		return reply{}, p
	}
	return c.one("sites", s.show())
}

// sites are those open to who asks.
func (c *call) sites(which func(site) bool) iter.Seq[world.Object] {
	return func(yield func(world.Object) bool) {
		for key, o := range c.s.world.Scan(c.token.Tenant, world.Sites) {
			if s := (site{c, key, o}); s.closed() == nil && which(s) && !yield(s.show()) {
				return
			}
		}
	}
}

// searchSites plays words in a site's title, description and address; * is all.
func searchSites(c *call) (reply, *problem) {
	words := strings.Fields(strings.ToLower(strings.Trim(c.r.URL.Query().Get("search"), "*")))
	return c.page(listing{context: "sites", defaultTop: 200, maxTop: 1000, skipToken: true}, c.sites(func(s site) bool {
		text := strings.ToLower(world.Text(s.Object, "displayName") + " " + world.Text(s.Object, "description") + " " + s.web(""))
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	}), itself)
}

func allSites(c *call) (reply, *problem) {
	return c.page(listing{context: "sites", defaultTop: 200, maxTop: 1000, skipToken: true}, c.sites(func(site) bool { return true }), itself)
}

func subsites(c *call) (reply, *problem) {
	above, p := c.site()
	if p != nil {
		return reply{}, p
	}
	return c.page(listing{context: "sites", defaultTop: 200, maxTop: 1000, skipToken: true}, c.sites(func(s site) bool { return world.Text(s.Object, "~parent") == above.key }), itself)
}

// libraries are the drives of a site: drive-list.md.
func libraries(c *call) (reply, *problem) {
	s, p := c.site()
	if p != nil {
		return reply{}, p
	}
	value := []any{}
	for id, l := range c.s.world.Scan(s.scope(), world.SiteLists) {
		if world.Text(l, "~template") == "documentLibrary" {
			value = append(value, s.library(id, l).render())
		}
	}
	return ok(world.Object{"@odata.context": c.context("drives"), "value": value}), nil
}
