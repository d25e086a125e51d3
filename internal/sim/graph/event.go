package graph

import (
	"iter"
	"strings"
	"time"

	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
)

// event finds the event of the path; an occurrence's id is expanded from its series.
func (c *call) event() (itemRef, world.Object, *problem) {
	ref, p := parseItemID(c.params["event-id"])
	if p != nil {
		return ref, nil, p
	}
	o, found := c.s.world.Get(world.Key{Scope: c.box, Collection: world.Events, ID: ref.key})
	if !found {
		return ref, nil, itemNotFound()
	}
	if ref.occurrence == 0 {
		return ref, o, nil
	}
	at := time.Unix(ref.occurrence, 0).UTC()
	for _, x := range c.s.occurrences(c.box, ref.key, o, at, at.Add(time.Second)) {
		if x.original == ref.occurrence {
			return ref, x.object, nil
		}
	}
	for key, x := range c.s.world.Scan(c.box, world.Events) {
		if world.Text(x, "seriesMasterId") == ref.key && world.Text(x, "~original") == world.Stamp(at) {
			return itemRef{key: key}, x, nil
		}
	}
	return ref, nil, itemNotFound()
}

// shown is how an event's times are written in this answer.
type shown struct {
	name string
	loc  *time.Location
}

func (c *call) shown() (shown, *problem) {
	name, loc, p := c.timeZone()
	if p == nil && c.prefer("outlook.timezone") != "" {
		c.preferenceApplied = append(c.preferenceApplied, `outlook.timezone="`+name+`"`)
	}
	return shown{name, loc}, p
}

// write converts a stored UTC time; days without a time stand still.
func (z shown) write(v any, allDay bool) world.Object {
	t := world.Instant(v)
	if !allDay {
		t = t.In(z.loc)
	}
	return world.Object{"dateTime": t.Format("2006-01-02T15:04:05.0000000"), "timeZone": z.name}
}

func (c *call) renderEvent(x occurrence, z shown) world.Object {
	o := x.object
	out := public(o)
	moves := world.Number(o, "~moves")
	out["id"] = itemID(x.key, moves, c.immutable)
	if x.original != 0 {
		out["id"] = occurrenceID(x.key, moves, x.original, c.immutable)
	}
	if master := world.Text(o, "seriesMasterId"); master != "" {
		out["seriesMasterId"] = itemID(master, 0, c.immutable)
	}
	if original := world.Text(o, "~original"); original != "" {
		out["originalStart"] = original
	}
	if o["transactionId"] == nil {
		delete(out, "transactionId") // returned only if set: graph/FACTS §8
	}
	allDay := world.Flag(o, "isAllDay")
	out["start"], out["end"] = z.write(o["start"], allDay), z.write(o["end"], allDay)
	out["changeKey"], out["@odata.etag"] = changeKey(x.key, o), etag(x.key, o)
	out["webLink"] = "https://outlook.office365.com/owa/?itemid=" + out["id"].(string) + "&exvsurl=1&path=/calendar/item"
	c.bodyForm(out)
	c.expandMessage(out, x.key, o)
	return out
}

// stored yields the stored events of a calendar; "" is all of the mailbox's.
func (c *call) stored(calendar string) iter.Seq2[string, world.Object] {
	return func(yield func(string, world.Object) bool) {
		for key, o := range c.s.world.Scan(c.box, world.Events) {
			if (calendar == "" || world.Text(o, "~calendar") == calendar) && !yield(key, o) {
				return
			}
		}
	}
}

// eventsOf is the calendar whose events the path means: /events are the default calendar's.
func (c *call) eventsOf() (string, shown, *problem) {
	z, p := c.shown()
	if p != nil {
		return "", z, p
	}
	key, _, p := c.calendar()
	return key, z, p
}

// listEvents gives single events and series masters only: graph/FACTS §8.
func listEvents(c *call) (reply, *problem) {
	calendar, z, p := c.eventsOf()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for key, o := range c.stored(calendar) {
			if world.Text(o, "type") == "exception" {
				continue
			}
			if !yield(c.renderEvent(occurrence{key: key, object: o}, z)) {
				return
			}
		}
	}
	return c.page(c.mailPage("events"), items, itself)
}

func getEvent(c *call) (reply, *problem) {
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	out := c.renderEvent(occurrence{ref.key, ref.occurrence, o}, z)
	c.ofSeries(out, ref, o, z)
	return c.one("users('"+c.userID()+"')/events", out)
}

func setReminder(c *call) (reply, *problem) {
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	if ref.occurrence == 0 {
		n := c.changed(o)
		n["isReminderOn"] = strings.HasSuffix(c.op.canonical, "snoozeReminder")
		c.s.world.Put(world.Key{Scope: c.box, Collection: world.Events, ID: ref.key}, n)
	}
	return ok(world.Object{"@odata.context": c.context("Edm.Null"), "@odata.null": true}), nil
}

func supportedZones(c *call) (reply, *problem) {
	out := []any{}
	for _, name := range zone.Windows() {
		out = append(out, world.Object{"alias": name, "displayName": name})
	}
	return ok(world.Object{"@odata.context": c.context("Collection(microsoft.graph.timeZoneInformation)"), "value": out}), nil
}
