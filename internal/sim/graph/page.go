package graph

import (
	"iter"
	"net/url"
	"strconv"
	"strings"

	"seneschal/internal/sim/odata"
	"seneschal/internal/sim/world"
)

// listing is how one collection answers a GET.
type listing struct {
	context    string
	defaultTop int
	maxTop     int
	skipToken  bool // the directory pages with $skiptoken and refuses $skip
	sorted     bool // the items come in the asked order already
	// window cuts a page directly where the collection can; ok is false where it cannot.
	window func(skip, top int) (items []world.Object, total int, ok bool)
}

// page filters, orders, cuts and renders a collection. Items come lazily: a page reads no further than it must.
func (c *call) page(l listing, items iter.Seq[world.Object], render func(world.Object) world.Object) (reply, *problem) {
	top := l.defaultTop
	if c.q.Top == 0 {
		return reply{}, badRequest("The value of $top must be greater than zero.")
	}
	if c.q.Top > 0 {
		top = c.q.Top
	}
	if top > l.maxTop {
		return reply{}, badRequest("Invalid page size specified: '" + strconv.Itoa(top) + "'. Must be between 1 and " + strconv.Itoa(l.maxTop) + " inclusive.")
	}
	top = c.s.throttle.pageSize(top)
	skip := c.q.Skip
	if l.skipToken {
		if skip, _ = strconv.Atoi(strings.TrimPrefix(c.q.SkipToken, "m~")); c.q.Skip > 0 {
			return reply{}, fail(400, "Request_BadRequest", "'$skip' is not supported by the service.")
		}
	}
	out, total, more := c.cut(l, items, render, skip, top)
	body := world.Object{"@odata.context": c.context(l.context), "value": out}
	if c.q.Count {
		body["@odata.count"] = total
	}
	if more {
		body["@odata.nextLink"] = c.link(func(v url.Values) {
			if l.skipToken {
				v.Set("$skiptoken", "m~"+strconv.Itoa(skip+top))
				return
			}
			v.Del("$skip")
			v.Del("skip")
			v.Set("$skip", strconv.Itoa(skip+top))
		})
	}
	return ok(body), nil
}

func (c *call) cut(l listing, items iter.Seq[world.Object], render func(world.Object) world.Object, skip, top int) (out []any, total int, more bool) {
	out = []any{}
	if l.window != nil {
		if items, total, ok := l.window(skip, top); ok {
			for _, o := range items {
				out = append(out, c.q.Project(o))
			}
			return out, total, skip+top < total
		}
	}
	if len(c.q.OrderBy) > 0 && !l.sorted {
		var all []world.Object
		for o := range items {
			if r := render(o); c.q.Filter == nil || c.q.Filter.Match(r) {
				all = append(all, r)
			}
		}
		odata.Sort(all, c.q.OrderBy)
		for _, o := range all[min(skip, len(all)):min(skip+top, len(all))] {
			out = append(out, c.project(o))
		}
		return out, len(all), skip+top < len(all)
	}
	for o := range items {
		var r world.Object
		if c.q.Filter != nil {
			if r = render(o); !c.q.Filter.Match(r) {
				continue
			}
		}
		total++
		if total <= skip {
			continue
		}
		if len(out) == top {
			if more = true; !c.q.Count {
				return out, total, more
			}
			continue
		}
		if r == nil {
			r = render(o)
		}
		out = append(out, c.project(r))
	}
	return out, total, more
}

// project selects, and hides what was only there for the filter to see.
func (c *call) project(o world.Object) world.Object {
	if world.Flag(o, "~filterOnly") {
		o = world.Clone(o)
		delete(o, "~filterOnly")
		delete(o, "singleValueExtendedProperties")
	}
	return c.q.Project(o)
}

// one answers a single entity.
func (c *call) one(context string, o world.Object) (reply, *problem) {
	if len(c.q.Select) > 0 {
		context += "(" + strings.Join(c.q.Select, ",") + ")"
	}
	out := world.Clone(c.q.Project(o))
	out["@odata.context"] = c.context(context + "/$entity")
	return ok(out), nil
}

// public removes what is the simulator's own.
func public(o world.Object) world.Object {
	out := make(world.Object, len(o))
	for k, v := range o {
		if !strings.HasPrefix(k, "~") {
			out[k] = v
		}
	}
	return out
}
