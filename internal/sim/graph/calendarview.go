package graph

import (
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// window reads startDateTime and endDateTime; their offset counts, without one they are UTC: graph/FACTS §8.
func (c *call) window() (from, to time.Time, p *problem) {
	v := c.r.URL.Query()
	get := func(name string) (time.Time, bool) {
		for k, values := range v {
			if strings.EqualFold(k, name) {
				return bound(values[0])
			}
		}
		return time.Time{}, false
	}
	from, ok1 := get("startDateTime")
	to, ok2 := get("endDateTime")
	if !ok1 || !ok2 {
		return from, to, fail(http.StatusBadRequest, "ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
	}
	if to.Before(from) {
		return from, to, fail(http.StatusBadRequest, "ErrorInvalidParameter", "The end of the time window lies before its start.")
	}
	return from, to, nil
}

func bound(s string) (time.Time, bool) {
	s = strings.ReplaceAll(s, " ", "+") // an unescaped offset
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// view expands a calendar in a window, in the order of the starts.
func (s *Server) view(box, calendar string, from, to time.Time) []occurrence {
	var out []occurrence
	for key, o := range s.world.Scan(box, world.Events) {
		if calendar != "" && world.Text(o, "~calendar") != calendar {
			continue
		}
		if world.Text(o, "type") == "seriesMaster" {
			out = append(out, s.occurrences(box, key, o, from, to)...)
		} else if overlaps(o, from, to) {
			out = append(out, occurrence{key: key, object: o})
		}
	}
	slices.SortStableFunc(out, func(a, b occurrence) int {
		return world.Instant(a.object["start"]).Compare(world.Instant(b.object["start"]))
	})
	return out
}

func overlaps(o world.Object, from, to time.Time) bool {
	start, end := world.Instant(o["start"]), world.Instant(o["end"])
	return start.Before(to) && (end.After(from) || start.Equal(end) && !start.Before(from))
}

func calendarView(c *call) (reply, *problem) {
	calendar, z, p := c.eventsOf()
	if p != nil {
		return reply{}, p
	}
	from, to, p := c.window()
	if p != nil {
		return reply{}, p
	}
	return c.page(c.mailPage("calendarView"), c.renderAll(c.s.view(c.box, calendar, from, to), z), itself)
}

func (c *call) renderAll(list []occurrence, z shown) iter.Seq[world.Object] {
	return func(yield func(world.Object) bool) {
		for _, x := range list {
			if !yield(c.renderEvent(x, z)) {
				return
			}
		}
	}
}

// viewToken is the state in a calendarView delta link; the window is fixed in it: graph/FACTS §5.
type viewToken struct {
	Since    uint64    `json:"s"`
	From, To time.Time `json:",omitzero"`
	First    bool      `json:"i,omitempty"`
	Skip     int       `json:"n,omitempty"`
}

func deltaView(c *call) (reply, *problem) {
	calendar, z, p := c.eventsOf()
	if p != nil {
		return reply{}, p
	}
	if len(c.q.Select) > 0 || len(c.q.Expand) > 0 || c.q.Filter != nil || len(c.q.OrderBy) > 0 || c.q.Search != "" {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidUrlQuery", "The following parameters are not supported with change tracking over the 'CalendarView' resource: '$orderby, $filter, $select, $expand, $search'.")
	}
	t := viewToken{Since: c.s.world.Point(), First: true}
	if raw, given := c.tokenOf(); given {
		t = viewToken{}
		if !decodeToken(raw, &t) || c.deltaGone() {
			return reply{}, syncLost()
		}
	} else if t.From, t.To, p = c.window(); p != nil {
		return reply{}, p
	}
	items := c.changedView(calendar, &t, z)
	size := c.deltaPage()
	body := world.Object{"@odata.context": c.context("Collection(event)")}
	if t.Skip+size < len(items) {
		body["value"] = items[t.Skip : t.Skip+size]
		t.Skip += size
		body["@odata.nextLink"] = c.nextLink(t)
		return ok(body), nil
	}
	body["value"] = append([]any{}, items[min(t.Skip, len(items)):]...)
	next := viewToken{Since: t.Since, From: t.From, To: t.To}
	if !t.First {
		_, next.Since = c.s.world.Since(c.box, world.Events, t.Since)
	}
	body["@odata.deltaLink"] = c.deltaLink(next)
	return ok(body), nil
}

// changedView lists a round. A series comes as its master and its occurrences; a change outside the window as @removed: graph/FACTS §5.
func (c *call) changedView(calendar string, t *viewToken, z shown) []any {
	var out []any
	show := func(x occurrence) { out = append(out, c.renderEvent(x, z)) }
	one := func(key string, o world.Object, first bool) {
		switch {
		case world.Text(o, "~calendar") != calendar:
		case world.Text(o, "type") == "seriesMaster":
			list := c.s.occurrences(c.box, key, o, t.From, t.To)
			if len(list) > 0 || !first {
				show(occurrence{key: key, object: o})
			}
			for _, x := range list {
				show(x)
			}
			out = append(out, c.cancelled(key, o, first)...)
		case overlaps(o, t.From, t.To):
			show(occurrence{key: key, object: o})
		case !first:
			out = append(out, removed(itemID(key, world.Number(o, "~moves"), c.immutable)))
		}
	}
	if t.First {
		for key, o := range c.stored(calendar) {
			one(key, o, true)
		}
		return out
	}
	changes, _ := c.s.world.Since(c.box, world.Events, t.Since)
	for _, d := range changes {
		if d.Object == nil {
			out = append(out, removed(itemID(d.ID, d.Moves, c.immutable)))
			continue
		}
		one(d.ID, d.Object, false)
	}
	return out
}

func (c *call) cancelled(key string, master world.Object, first bool) []any {
	var out []any
	if first {
		return nil
	}
	for _, at := range world.Strings(master["~cancelled"]) {
		if t, err := time.Parse(time.RFC3339, at); err == nil {
			out = append(out, removed(occurrenceID(key, 0, t.Unix(), c.immutable)))
		}
	}
	return out
}
