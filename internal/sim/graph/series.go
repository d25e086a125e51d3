package graph

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// exception stores one occurrence of a series by itself: what is said of it alone has no other place. n is the occurrence as it is to be,
// the files of the series are its files too.
func (s *Server) exception(box string, ref itemRef, n world.Object) string {
	n["type"], n["seriesMasterId"], n["~original"] = "exception", ref.key, world.Stamp(time.Unix(ref.occurrence, 0))
	key := s.world.NewKey()
	s.world.Put(world.Key{Scope: box, Collection: world.Events, ID: key}, n)
	s.copyAttachments(box, ref.key, box, key)
	return key
}

// keep stores a changed event: a single one, a series, or, of a series, one occurrence, which becomes an exception (graph/FACTS §8).
func (s *Server) keep(box string, ref itemRef, n world.Object) string {
	if ref.occurrence != 0 {
		return s.exception(box, ref, n)
	}
	s.world.Put(world.Key{Scope: box, Collection: world.Events, ID: ref.key}, n)
	return ref.key
}

// dayOfUID is what an occurrence's iCalUId has behind the one of its series (instance).
const dayOfUID = "20060102"

// counterpart finds an event in another mailbox: a stored one by its iCalUId, or the occurrence of a series that is there.
func (s *Server) counterpart(box string, o world.Object) (itemRef, world.Object, bool) {
	if key, e, found := s.copyOf(box, o); found {
		return itemRef{key: key}, e, true
	}
	original, err := time.Parse(time.RFC3339, world.Text(o, "originalStart"))
	uid := world.Text(o, "iCalUId")
	if err != nil || len(uid) <= len(dayOfUID) {
		return itemRef{}, nil, false
	}
	key, master, found := s.copyOf(box, world.Object{"iCalUId": uid[:len(uid)-len(dayOfUID)]})
	if !found {
		return itemRef{}, nil, false
	}
	for _, x := range s.occurrences(box, key, master, original, original.Add(time.Second)) {
		if x.original == original.Unix() {
			return itemRef{key: key, occurrence: x.original}, x.object, true
		}
	}
	return itemRef{}, nil, false
}

// ofSeries adds what a series tells about its occurrences, each where it is asked for: cancelledOccurrences and exceptionOccurrences (csdl).
func (c *call) ofSeries(out world.Object, ref itemRef, o world.Object, z shown) {
	if world.Text(o, "type") != "seriesMaster" {
		return
	}
	if slices.ContainsFunc(c.q.Select, func(s string) bool { return strings.EqualFold(s, "cancelledOccurrences") }) {
		list := []any{}
		for _, at := range world.Strings(o["~cancelled"]) {
			if t, err := time.Parse(time.RFC3339, at); err == nil {
				list = append(list, "OID."+out["id"].(string)+"."+t.In(seriesZone(o)).Format(time.DateOnly))
			}
		}
		out["cancelledOccurrences"] = list
	}
	if slices.ContainsFunc(c.q.Expand, func(e string) bool { return strings.EqualFold(e, "exceptionOccurrences") }) {
		list := []any{}
		for key, x := range c.s.world.Scan(c.box, world.Events) {
			if world.Text(x, "seriesMasterId") == ref.key {
				list = append(list, c.renderEvent(occurrence{key: key, object: x}, z))
			}
		}
		out["exceptionOccurrences"] = list
	}
}

func listInstances(c *call) (reply, *problem) {
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	from, to, p := c.window()
	if p != nil {
		return reply{}, p
	}
	if world.Text(o, "type") != "seriesMaster" {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "The event is not the master of a series.")
	}
	list := c.s.occurrences(c.box, ref.key, o, from, to)
	for key, x := range c.s.world.Scan(c.box, world.Events) {
		if world.Text(x, "seriesMasterId") == ref.key && overlaps(x, from, to) {
			list = append(list, occurrence{key: key, object: x})
		}
	}
	return c.page(c.mailPage("instances"), c.renderAll(list, z), itself)
}
