package graph

import (
	"strings"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

// followed is a collection whose changes are told: contacts of a folder, lists, tasks of a list.
type followed struct {
	scope      string // "" for the mailbox
	collection string
	partition  string // "" for the whole collection
	context    string
	show       func(id string, o world.Object) world.Object
	name       func(id string) string // the id of what is gone; nil where nothing goes
	skip       func(o world.Object) bool
}

func (f followed) hides(o world.Object) bool { return f.skip != nil && f.skip(o) }

// followToken is the state in its links. The first round counts what was sent; what changes meanwhile comes in the next one.
type followToken struct {
	Since  uint64 `json:"s"`
	First  bool   `json:"i,omitempty"`
	Sent   int    `json:"n,omitempty"`
	Select string `json:"q,omitempty"` // "encodes any specified parameters into the token": contact-delta.md, todotask-delta.md
}

// follow answers a delta query of one collection: graph/FACTS §5.
func (c *call) follow(f followed) (reply, *problem) {
	if c.q.Search != "" {
		return reply{}, badRequest("$search is not supported on a delta query.")
	}
	if f.scope == "" {
		f.scope = c.box
	}
	t := followToken{Since: c.s.world.Point(), First: true, Select: strings.Join(c.q.Select, ",")}
	if raw, given := c.tokenOf(); given {
		t = followToken{}
		if !decodeToken(raw, &t) || c.deltaGone() {
			return reply{}, syncLost()
		}
	}
	if t.Select != "" {
		c.q.Select = strings.Split(t.Select, ",")
	}
	value, next := c.newsOf(f, t)
	size := c.deltaPage()
	body := world.Object{"@odata.context": c.context(f.context)}
	if t.Sent+size < len(value) {
		body["value"] = value[t.Sent : t.Sent+size]
		t.Sent += size
		body["@odata.nextLink"] = c.nextLink(t)
		return ok(body), nil
	}
	body["value"] = append([]any{}, value[min(t.Sent, len(value)):]...)
	body["@odata.deltaLink"] = c.deltaLink(followToken{Since: next, Select: t.Select})
	return ok(body), nil
}

// newsOf lists a round, and where the next one begins.
func (c *call) newsOf(f followed, t followToken) (out []any, next uint64) {
	if t.First {
		for id, o := range c.s.world.Scan(f.scope, f.collection) {
			if f.partition == "" || (world.Text(o, world.Partition) == f.partition && !f.hides(o)) {
				out = append(out, odata.Project(f.show(id, o), c.q.Select))
			}
		}
		return out, t.Since
	}
	changes, now := c.s.world.Since(f.scope, f.collection, t.Since)
	for _, d := range changes {
		switch {
		case f.partition != "" && d.Partition != f.partition || d.Object != nil && f.hides(d.Object) || d.Object == nil && f.name == nil:
		case d.Object == nil:
			out = append(out, removed(f.name(d.ID)))
		default:
			out = append(out, odata.Project(f.show(d.ID, d.Object), c.q.Select))
		}
	}
	return out, now
}
