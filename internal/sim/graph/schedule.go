package graph

import (
	"net/http"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// Bounds of getSchedule: graph/FACTS §8.
const (
	scheduleItems = 1000
	leastInterval = 5
	mostInterval  = 1440
)

func getSchedule(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	z, p := c.shown()
	if p != nil {
		return reply{}, p
	}
	from, _, p := moment(param(in, "startTime"))
	if p != nil {
		return reply{}, p
	}
	to, _, p := moment(param(in, "endTime"))
	if p != nil {
		return reply{}, p
	}
	interval := 30
	if v := param(in, "availabilityViewInterval"); v != nil {
		interval = world.Number(world.Object{"v": v}, "v")
	}
	if interval < leastInterval || interval > mostInterval || !to.After(from) {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "The interval must lie between 5 and 1440 minutes, and the end after the start.")
	}
	out := []any{}
	for _, address := range world.Strings(param(in, "schedules")) {
		out = append(out, c.schedule(address, from, to, time.Duration(interval)*time.Minute, z))
	}
	return ok(world.Object{"@odata.context": c.context("Collection(microsoft.graph.scheduleInformation)"), "value": out}), nil
}

// busyDigits are availabilityView's: graph/FACTS §8.
var busyDigits = map[string]byte{"free": '0', "tentative": '1', "busy": '2', "oof": '3', "workingElsewhere": '4'}

func (c *call) schedule(address string, from, to time.Time, interval time.Duration, z shown) world.Object {
	out := world.Object{"scheduleId": address}
	user, found := c.s.world.User(c.token.Tenant, address)
	if !found || !world.HasMailbox(user) {
		out["error"] = world.Object{"message": "Mailbox for the e-mail address could not be found.", "responseCode": "ErrorMailRecipientNotFound"}
		return out
	}
	box := world.Mailbox(world.Text(user, "id"))
	view := c.s.view(box, "", from, to)
	if len(view) > scheduleItems {
		out["error"] = world.Object{"message": "The result set contains too many calendar entries.", "responseCode": "5006"}
		return out
	}
	slots := max(1, int((to.Sub(from)+interval-1)/interval))
	digits := []byte(strings.Repeat("0", slots))
	items := []any{}
	for _, x := range view {
		o := x.object
		status := world.Text(o, "showAs")
		start, end := world.Instant(o["start"]), world.Instant(o["end"])
		for i := range digits {
			a := from.Add(time.Duration(i) * interval)
			if start.Before(a.Add(interval)) && end.After(a) && busyDigits[status] > digits[i] {
				digits[i] = busyDigits[status]
			}
		}
		items = append(items, scheduleItem(o, status, z))
	}
	out["availabilityView"], out["scheduleItems"] = string(digits), items
	if s, ok := c.s.world.Get(world.Key{Scope: box, Collection: world.Settings, ID: "settings"}); ok {
		out["workingHours"] = s["workingHours"]
	}
	return out
}

func scheduleItem(o world.Object, status string, z shown) world.Object {
	private := world.Text(o, "sensitivity") == "private"
	item := world.Object{
		"isPrivate": private, "status": status, "start": z.write(o["start"], world.Flag(o, "isAllDay")), "end": z.write(o["end"], world.Flag(o, "isAllDay")),
	}
	if !private {
		place, _ := o["location"].(world.Object)
		item["subject"], item["location"] = o["subject"], world.Text(place, "displayName")
	}
	return item
}
