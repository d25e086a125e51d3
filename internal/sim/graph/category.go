package graph

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

// colours are what a category may have: contract, categoryColor.
var colours = func() []string {
	out := []string{"none"}
	for i := range 25 {
		out = append(out, fmt.Sprint("preset", i))
	}
	return out
}()

var categoryForm = form{"displayName": aText, "color": wordOf(colours...)}

func (c *call) tags() listing { return c.mailPage("outlook/masterCategories") }

func listCategories(c *call) (reply, *problem) {
	items := func(yield func(world.Object) bool) {
		for _, o := range c.s.world.Scan(c.box, world.Categories) {
			if !yield(public(o)) {
				return
			}
		}
	}
	return c.page(c.tags(), items, itself)
}

func (c *call) category() (world.Key, world.Object, *problem) {
	key := world.Key{Scope: c.box, Collection: world.Categories, ID: strings.ToLower(c.params["outlookCategory-id"])}
	o, found := c.s.world.Get(key)
	if !found {
		return key, nil, itemNotFound()
	}
	return key, o, nil
}

func getCategory(c *call) (reply, *problem) {
	_, o, p := c.category()
	if p != nil {
		return reply{}, p
	}
	return c.one("users('"+c.userID()+"')/outlook/masterCategories", public(o))
}

// createCategory wants a name that no other has: resources/outlookcategory.md. The code is not on the page.
func createCategory(c *call) (reply, *problem) {
	in, p := c.json()
	if p == nil {
		p = categoryForm.check(in)
	}
	if p != nil {
		return reply{}, p
	}
	name := strings.TrimSpace(world.Text(in, "displayName"))
	if name == "" {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "The displayName of a category is required.")
	}
	for _, o := range c.s.world.Scan(c.box, world.Categories) {
		if strings.EqualFold(world.Text(o, "displayName"), name) {
			return reply{}, fail(http.StatusConflict, "CategoryNameDuplicate", "Category with that name already exists.")
		}
	}
	colour := world.Text(in, "color")
	if !slices.Contains(colours, colour) {
		colour = "none"
	}
	id := c.s.world.NewGUID()
	o := world.Object{"id": id, "displayName": name, "color": colour}
	c.s.world.Put(world.Key{Scope: c.box, Collection: world.Categories, ID: id}, o)
	return created(o), nil
}

// patchCategory changes the colour, which alone is writable: outlookcategory-update.md.
func patchCategory(c *call) (reply, *problem) {
	key, o, p := c.category()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p == nil {
		p = form{"color": categoryForm["color"]}.check(in)
	}
	if p != nil {
		return reply{}, p
	}
	n := world.Clone(o)
	for k, v := range in {
		n[k] = v
	}
	c.s.world.Put(key, n)
	return c.one("users('"+c.userID()+"')/outlook/masterCategories", n)
}

func deleteCategory(c *call) (reply, *problem) {
	key, _, p := c.category()
	if p != nil {
		return reply{}, p
	}
	c.s.world.Delete(key)
	return empty(http.StatusNoContent), nil
}
