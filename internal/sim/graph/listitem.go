package graph

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

// nonIndexed is the preference that lets a filter name a column without an index.
const nonIndexed = "HonorNonIndexedQueriesWarningMayFailRandomly"

// asks tells whether a preference without a value was sent.
func (c *call) asks(preference string) bool {
	for _, h := range c.r.Header.Values("Prefer") {
		for part := range strings.SplitSeq(h, ",") {
			if strings.EqualFold(strings.TrimSpace(part), preference) {
				return true
			}
		}
	}
	return false
}

// listOfItems finds the path's list, whose items are not files: a library's are reached as those of a drive.
func (c *call) listOfItems() (list, *problem) {
	l, p := c.list()
	if p == nil && l.isLibrary() {
		p = notImplemented("the items of a library as items of a list")
	}
	return l, p
}

func (l list) items() string { return world.List(l.id) }

func (l list) itemKey(id string) world.Key {
	return world.Key{Scope: l.items(), Collection: world.ListItems, ID: id}
}

// item finds the path's item.
func (c *call) listItem() (list, string, world.Object, *problem) {
	l, p := c.listOfItems()
	if p != nil {
		return l, "", nil, p
	}
	id := c.params["listItem-id"]
	o, found := c.s.world.Get(l.itemKey(id))
	if !found {
		return l, id, nil, noItem()
	}
	return l, id, o, nil
}

// showItem shows an item; its fields only where they are expanded: listitem-list.md.
func (l list) showItem(id string, o world.Object) world.Object {
	by := l.c.identity(world.Text(o, "~by"))
	out := world.Object{"id": id, "eTag": l.etag(l.id+"-"+id, o), "createdDateTime": o["createdDateTime"], "lastModifiedDateTime": o["lastModifiedDateTime"], "createdBy": by, "lastModifiedBy": by,
		"webUrl": l.web("Lists/" + world.Text(l.list, "name") + "/" + id + "_.000"), "contentType": l.typeOf(o), "parentReference": world.Object{"siteId": l.Object["id"]}}
	for _, e := range l.c.q.Expand {
		if name, inner, _ := strings.Cut(e, "("); strings.EqualFold(name, "fields") {
			out["fields"] = odata.Project(fields(id, o), chosen(inner))
		}
	}
	return out
}

// chosen reads the columns of fields($select=A,B).
func chosen(inner string) []string {
	_, names, found := strings.Cut(strings.TrimSuffix(inner, ")"), "select=")
	if !found {
		return nil
	}
	return strings.Split(names, ",")
}

func fields(id string, o world.Object) world.Object {
	out := world.Clone(o["~fields"].(world.Object))
	out["id"], out["ContentType"], out["Created"], out["Modified"], out["Attachments"] = id, cmp.Or(world.Text(o, itsType), itemType), o["createdDateTime"], o["lastModifiedDateTime"], false
	out["_UIVersionString"] = itoa(world.Number(o, "~version")) + ".0"
	return out
}

// listItems pages by $skiptoken. A filter names columns as fields/X, each with an index unless the preference is sent.
func listItems(c *call) (reply, *problem) {
	l, p := c.listOfItems()
	if p != nil {
		return reply{}, p
	}
	if c.q.Filter != nil {
		c.q.Filter.Paths(func(path, _ string) {
			if name, of := strings.CutPrefix(path, "fields/"); of && p == nil {
				p = l.filtered(name)
			}
		})
	}
	if p != nil {
		return reply{}, p
	}
	match := c.q.Filter
	c.q.Filter = nil // it sees the fields although they may not be expanded
	items := func(yield func(world.Object) bool) {
		for id, o := range c.s.world.Scan(l.items(), world.ListItems) {
			if match != nil && !match.Match(world.Object{"id": id, "fields": fields(id, o)}) {
				continue
			}
			if !yield(l.showItem(id, o)) {
				return
			}
		}
	}
	return c.page(listing{context: "items", defaultTop: 200, maxTop: 5000, skipToken: true}, items, itself)
}

func (l list) filtered(name string) *problem {
	i := slices.IndexFunc(l.columns(), func(c world.Object) bool { return world.Text(c, "name") == name })
	switch {
	case i < 0:
		return notRecognized(name)
	case !world.Flag(l.columns()[i], "indexed") && !l.c.asks(nonIndexed):
		return invalidRequest("Field '" + name + "' cannot be referenced in filter or orderby as it is not indexed. Provide the 'Prefer: " + nonIndexed + "' header to allow this, but be warned that such queries may fail on large lists.")
	}
	return nil
}

// notRecognized is the answer to a field that the list has no column for (microsoft-graph-docs issue 2609).
func notRecognized(name string) *problem {
	return invalidRequest("Field '" + name + "' is not recognized")
}

// takes says of a field that cannot be written.
func (l list) takes(in world.Object) *problem {
	for name, v := range in {
		i := slices.IndexFunc(l.columns(), func(c world.Object) bool {
			column, kind := world.Text(c, "name"), kindOf(c)
			return column == name || (kind == "personOrGroup" || kind == "lookup") && name == column+"LookupId"
		})
		if strings.HasPrefix(name, "@") || strings.HasSuffix(name, "@odata.type") {
			continue
		}
		if i < 0 {
			return notRecognized(name)
		}
		if !fits(kindOf(l.columns()[i]), v) {
			return invalidRequest("Cannot convert a primitive value to the expected type of the field.")
		}
	}
	return nil
}

func fits(kind string, v any) bool {
	switch v.(type) {
	case nil:
		return true
	case float64:
		return kind == "number" || kind == "currency" || kind == "lookup" || kind == "personOrGroup"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "text" || kind == "choice" || kind == "dateTime" || kind == "lookup" || kind == "personOrGroup"
	case world.Object:
		return kind == "hyperlinkOrPicture"
	case []any:
		return kind == "choice" || kind == "lookup" || kind == "personOrGroup"
	}
	return false
}

func createListItem(c *call) (reply, *problem) {
	l, p := c.listOfItems()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := (form{"fields": anObject, "contentType": anObject}).check(in); p != nil {
		return reply{}, p
	}
	values := paramObject(in, "fields")
	if p := l.takes(values); p != nil {
		return reply{}, p
	}
	if values == nil {
		values = world.Object{}
	}
	typed, p := l.typed(paramObject(in, "contentType"))
	if p != nil {
		return reply{}, p
	}
	at := world.Stamp(c.s.world.Now())
	o := world.Object{"createdDateTime": at, "lastModifiedDateTime": at, "~fields": values, "~version": 1, "~by": c.actor(), itsType: typed}
	id := ""
	c.s.world.Update(func(tx *world.Tx) {
		kept, _ := tx.Get(l.key())
		n := world.Clone(kept)
		next := world.Number(kept, "~next")
		id, n["~next"] = itoa(next), next+1
		tx.Put(l.key(), n)
		tx.Put(l.itemKey(id), o)
	})
	return created(l.showItem(id, o)), nil
}

func getListItem(c *call) (reply, *problem) {
	l, id, o, p := c.listItem()
	if p != nil {
		return reply{}, p
	}
	return c.one("items", l.showItem(id, o))
}

// unchanged is the precondition of a change: listitem-update.md, listitem-delete.md.
func (l list) unchanged(id string, o world.Object) *problem {
	if want := l.c.r.Header.Get("If-Match"); want != "" && want != "*" && want != l.etag(l.id+"-"+id, o) {
		return fail(http.StatusPreconditionFailed, "resourceModified", "ETag does not match current item's value")
	}
	return nil
}

// patchFields changes the fields that are named; null empties one. What was before is a version.
func patchFields(c *call) (reply, *problem) {
	l, id, o, p := c.listItem()
	if p != nil {
		return reply{}, p
	}
	if p := l.unchanged(id, o); p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := l.takes(in); p != nil {
		return reply{}, p
	}
	n := c.changed(o)
	values := world.Clone(o["~fields"].(world.Object))
	maps.Copy(values, in)
	maps.DeleteFunc(values, func(_ string, v any) bool { return v == nil })
	n["~fields"], n["~by"] = values, c.actor()
	earlier := append([]any{}, anyOf(o["~versions"])...)
	n["~versions"] = append(earlier, world.Object{"~version": o["~version"], "~fields": o["~fields"], "lastModifiedDateTime": o["lastModifiedDateTime"], "~by": o["~by"]})
	c.s.world.Put(l.itemKey(id), n)
	values = fields(id, n)
	values["@odata.etag"] = l.etag(l.id+"-"+id, n)
	return ok(values), nil
}

func anyOf(v any) []any {
	list, _ := v.([]any)
	return list
}

func deleteListItem(c *call) (reply, *problem) {
	l, id, o, p := c.listItem()
	if p != nil {
		return reply{}, p
	}
	if p := l.unchanged(id, o); p != nil {
		return reply{}, p
	}
	c.s.world.Delete(l.itemKey(id))
	return empty(http.StatusNoContent), nil
}

// listItemVersions are what an item is and was, the newest first: listitem-list-versions.md.
func listItemVersions(c *call) (reply, *problem) {
	_, id, o, p := c.listItem()
	if p != nil {
		return reply{}, p
	}
	all := append(world.Objects(o["~versions"]), o)
	slices.Reverse(all)
	value := []any{}
	for _, v := range all {
		number := itoa(world.Number(v, "~version")) + ".0"
		shown := world.Object{"id": number, "lastModifiedDateTime": v["lastModifiedDateTime"], "lastModifiedBy": c.identity(world.Text(v, "~by")), "publication": world.Object{"level": "published", "versionId": number}}
		if slices.Contains(c.q.Expand, "fields") {
			shown["fields"] = fields(id, world.Object{itsType: o[itsType], "~fields": v["~fields"], "~version": v["~version"], "createdDateTime": o["createdDateTime"], "lastModifiedDateTime": v["lastModifiedDateTime"]})
		}
		value = append(value, shown)
	}
	return ok(world.Object{"@odata.context": c.context("versions"), "value": value}), nil
}

// deltaListItems tells what changed in a list: listitem-delta.md. It goes on by token, as drives do.
func deltaListItems(c *call) (reply, *problem) {
	l, p := c.listOfItems()
	if p != nil {
		return reply{}, p
	}
	return c.tokenDelta("Collection(listItem)", func(t followToken) (out []any, next uint64) {
		if t.First {
			for id, o := range c.s.world.Scan(l.items(), world.ListItems) {
				out = append(out, odata.Project(l.showItem(id, o), c.q.Select))
			}
			return out, t.Since
		}
		changes, now := c.s.world.Since(l.items(), world.ListItems, t.Since)
		for _, d := range changes {
			if d.Object == nil {
				out = append(out, odata.Project(world.Object{"id": d.ID, "deleted": world.Object{"state": "deleted"}}, c.q.Select))
				continue
			}
			out = append(out, odata.Project(l.showItem(d.ID, d.Object), c.q.Select))
		}
		return out, now
	})
}
