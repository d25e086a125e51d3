package graph

import (
	"maps"
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

var pageForm = form{"name": aText, "title": aText, "description": aText, "pageLayout": aText, "promotionKind": aText, "showComments": {boolean: true}, "showRecommendedPages": {boolean: true}, "thumbnailWebUrl": aText,
	"titleArea": anObject, "canvasLayout": anObject}

func (s site) pageKey(id string) world.Key {
	return world.Key{Scope: s.scope(), Collection: world.SitePages, ID: id}
}

func (c *call) sitePage() (site, string, world.Object, *problem) {
	s, p := c.site()
	if p != nil {
		return s, "", nil, p
	}
	id := c.params["baseSitePage-id"]
	o, found := c.s.world.Get(s.pageKey(id))
	if !found {
		return s, id, nil, noItem()
	}
	return s, id, o, nil
}

// showPage shows a page; what stands on it only where it is expanded: sitepage-get.md.
func (s site) showPage(id string, o world.Object, whole bool) world.Object {
	out := public(o)
	if !whole {
		delete(out, "canvasLayout")
	}
	by := s.c.identity(world.Text(o, "~by"))
	level := "checkout"
	if world.Flag(o, "~published") {
		level = "published"
	}
	out["@odata.type"], out["id"], out["eTag"], out["webUrl"] = "#microsoft.graph.sitePage", id, s.etag(id, o), s.web("SitePages/"+world.Text(o, "name"))
	out["createdBy"], out["lastModifiedBy"] = by, by
	out["publishingState"] = world.Object{"level": level, "versionId": itoa(world.Number(o, "~version")) + ".0"}
	return out
}

func (c *call) expandsCanvas() bool {
	return len(c.q.Expand) > 0 && strings.HasPrefix(strings.ToLower(c.q.Expand[0]), "canvaslayout")
}

func sitePages(c *call) (reply, *problem) {
	s, p := c.site()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for id, o := range c.s.world.Scan(s.scope(), world.SitePages) {
			if !yield(s.showPage(id, o, c.expandsCanvas())) {
				return
			}
		}
	}
	return c.page(listing{context: "pages", defaultTop: 200, maxTop: 1000, skipToken: true}, items, itself)
}

func getPage(c *call) (reply, *problem) {
	s, id, o, p := c.sitePage()
	if p != nil {
		return reply{}, p
	}
	return c.one("pages", s.showPage(id, o, c.expandsCanvas()))
}

// createPage makes a page that is checked out to who made it: sitepage-create.md.
func createPage(c *call) (reply, *problem) {
	s, p := c.site()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if kind := paramText(in, "@odata.type"); kind != "#microsoft.graph.sitePage" && kind != "microsoft.graph.sitePage" {
		return reply{}, invalidRequest("The body must name its @odata.type, #microsoft.graph.sitePage")
	}
	if p := pageForm.check(in); p != nil {
		return reply{}, p
	}
	name := paramText(in, "name")
	if !strings.HasSuffix(name, ".aspx") || strings.ContainsAny(name, illegal+"#%") {
		return reply{}, invalidRequest("The name of a page ends in .aspx")
	}
	for o := range c.s.world.All(s.scope(), world.SitePages) {
		if strings.EqualFold(world.Text(o, "name"), name) {
			return reply{}, taken()
		}
	}
	at := world.Stamp(c.s.world.Now())
	o := world.Object{"createdDateTime": at, "lastModifiedDateTime": at, "pageLayout": "article", "~version": 1, "~by": c.actor()}
	maps.Copy(o, in)
	id := c.s.world.NewGUID()
	c.s.world.Put(s.pageKey(id), o)
	return created(s.showPage(id, o, true)), nil
}

func patchPage(c *call) (reply, *problem) {
	s, id, o, p := c.sitePage()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := pageForm.check(in); p != nil {
		return reply{}, p
	}
	n := c.changed(o)
	maps.Copy(n, in)
	n["~by"], n["~published"] = c.actor(), false
	c.s.world.Put(s.pageKey(id), n)
	return c.one("pages", s.showPage(id, n, true))
}

// publishPage checks in and publishes: sitepage-publish.md.
func publishPage(c *call) (reply, *problem) {
	s, id, o, p := c.sitePage()
	if p != nil {
		return reply{}, p
	}
	n := c.changed(o)
	n["~published"] = true
	c.s.world.Put(s.pageKey(id), n)
	return empty(http.StatusNoContent), nil
}

func deletePage(c *call) (reply, *problem) {
	s, id, _, p := c.sitePage()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(s.pageKey(id))
	return empty(http.StatusNoContent), nil
}
