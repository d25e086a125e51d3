package graph

import (
	"cmp"
	"net/http"
	"net/url"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// deltaDrive tells what changed in a drive: driveitem-delta.md. Unlike others, drives write their place as token, and mark what is gone with
// a facet.
func deltaDrive(c *call) (reply, *problem) {
	d, p := c.drive()
	if p != nil {
		return reply{}, p
	}
	return c.tokenDelta("Collection(driveItem)", d.news)
}

// tokenDelta answers a delta query whose links carry their place as token, and whose forgotten ones name where to begin anew.
func (c *call) tokenDelta(of string, news func(followToken) ([]any, uint64)) (reply, *problem) {
	t := followToken{Since: c.s.world.Point(), First: true}
	switch raw := c.r.URL.Query().Get("token"); {
	case raw == "latest":
		t.First = false
	case raw != "":
		t = followToken{}
		fault, forgotten := c.s.faults.Take(*c.note, trouble.DeltaGone) // Code names the other kind: resyncChangesUploadDifferences
		if !decodeToken(raw, &t) || forgotten {
			lost := fail(http.StatusGone, cmp.Or(fault.Code, "resyncChangesApplyDifferences"), "Resync required")
			lost.header = http.Header{"Location": {c.tokenLink(followToken{Since: c.s.world.Point(), First: true})}}
			return reply{}, lost
		}
	}
	value, next := news(t)
	size := c.q.Top
	if size <= 0 {
		size = 200
	}
	size = c.s.throttle.pageSize(size)
	body := world.Object{"@odata.context": c.context(of)}
	if t.Sent+size < len(value) {
		body["value"] = value[t.Sent : t.Sent+size]
		t.Sent += size
		body["@odata.nextLink"] = c.tokenLink(t)
		return ok(body), nil
	}
	body["value"] = append([]any{}, value[min(t.Sent, len(value)):]...)
	body["@odata.deltaLink"] = c.tokenLink(followToken{Since: next})
	return ok(body), nil
}

func (c *call) tokenLink(t followToken) string {
	return "https://" + c.r.Host + c.r.URL.EscapedPath() + "?token=" + url.QueryEscape(encodeToken(t))
}

// news lists a round, and where the next one begins. The folders above what changed come too, unless the request has the header
// deltaExcludeParent.
func (d drive) news(t followToken) (out []any, next uint64) {
	told := map[string]bool{}
	show := func(id string) {
		if o, there := d.get(id); there && !told[id] {
			told[id] = true
			out = append(out, odata.Project(d.show(id, o), d.c.q.Select))
		}
	}
	if t.First {
		for id := range d.c.s.world.Scan(d.scope, world.DriveItems) {
			show(id)
		}
		return out, t.Since
	}
	changes, now := d.c.s.world.Since(d.scope, world.DriveItems, t.Since)
	for _, change := range changes {
		if _, there := d.get(change.ID); !there {
			if !told[change.ID] {
				told[change.ID] = true
				out = append(out, odata.Project(world.Object{"id": itemPrefix + change.ID, "deleted": world.Object{"state": "deleted"}}, d.c.q.Select)) // the worse case: no page tells
			}
			continue
		}
		if d.c.r.Header.Get("deltaExcludeParent") == "" {
			for _, above := range d.above(change.ID) {
				show(above)
			}
		}
		show(change.ID)
	}
	return out, now
}

// above are the folders that an item lies in, the topmost first.
func (d drive) above(id string) (out []string) {
	for o, found := d.get(id); found; o, found = d.get(id) {
		if id = world.Text(o, world.Partition); id != "" {
			out = append([]string{id}, out...)
		}
	}
	return out
}
