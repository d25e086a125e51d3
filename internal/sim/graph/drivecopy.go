package graph

import (
	"net/http"
	"strings"
	"time"

	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

const (
	driveCopies    = "driveCopies"
	monitorAddress = "/drive-monitor/"
)

// copyItem accepts a copy and says where it can be watched: driveitem-copy.md. A name that is taken is told at once.
func copyItem(c *call) (reply, *problem) {
	from, id, o, p := c.shared()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	to, folder, p := c.copyInto(from, o, paramObject(in, "parentReference"))
	if p != nil {
		return reply{}, p
	}
	name := paramText(in, "name")
	if name == "" {
		name = world.Text(o, "name")
	}
	if p := to.place(folder, name); p != nil {
		return reply{}, p
	}
	if from.scope == to.scope && from.within(folder, id) && world.Flag(o, "~folder") {
		return reply{}, invalidRequest("A folder cannot be copied into itself")
	}
	name, replaced, p := to.settle(folder, name, c.conflict(in, "fail"), "")
	if p != nil {
		return reply{}, p
	}
	if there, _ := to.get(replaced); world.Flag(there, "~folder") {
		return reply{}, taken() // as everywhere: a folder is not replaced
	}
	if to.used()+from.sizeOf(id, o) > c.s.throttle.room() {
		return reply{}, quotaFull()
	}
	job := world.Object{"started": c.s.world.Now().Format(time.RFC3339Nano)}
	if _, fails := c.s.faults.Take(*c.note, trouble.CopyFails); fails {
		job["fails"] = true
	} else {
		job["item"] = itemPrefix + from.copyTree(to, id, o, folder, name, replaced)
	}
	return reply{status: http.StatusAccepted, header: http.Header{"Location": {c.sign(driveCopies, monitorAddress, job)}}}, nil
}

// copyInto finds the target: the same folder where nothing is said, another drive by its id.
func (c *call) copyInto(from drive, o, reference world.Object) (drive, string, *problem) {
	to, folder := from, world.Text(o, world.Partition)
	if other := paramText(reference, "driveId"); other != "" && other != from.id() {
		there := *c
		there.params = map[string]string{"drive-id": other}
		var p *problem
		if to, p = there.drive(); p != nil {
			return to, "", p
		}
		folder = to.root()
	}
	if asked := paramText(reference, "id"); asked != "" {
		folder = strings.TrimPrefix(asked, itemPrefix)
	}
	return to, folder, nil
}

// copyTree copies an item with everything below it, at once: what takes time is the telling of it.
func (d drive) copyTree(to drive, id string, o world.Object, folder, name, replaced string) (made string) {
	w := d.c.s.world
	below := map[string][]string{}
	for child, c := range w.Scan(d.scope, world.DriveItems) {
		parent := world.Text(c, world.Partition)
		below[parent] = append(below[parent], child)
	}
	if replaced != "" {
		w.Delete(to.key(replaced))
	}
	made = w.NewKey()
	copied := world.DriveFolder(name, folder, d.c.actor(), w.Now())
	if !world.Flag(o, "~folder") {
		copied = world.DriveFile(name, folder, d.c.actor(), world.Text(o, "~blob"), int64(world.Number(o, "size")), w.Now())
	}
	w.Put(to.key(made), copied)
	for _, child := range below[id] {
		c, _ := d.get(child)
		d.copyTree(to, child, c, made, world.Text(c, "name"), "")
	}
	return made
}

// ServeMonitor tells how far a copy is. It needs no token: concepts/long-running-actions-overview.md ("does not require authentication,
// since the URL is short-lived and unique to the original caller"), which shows 202 for the end, too.
func (s *Server) ServeMonitor(w http.ResponseWriter, r *http.Request) {
	id := s.identify(w, r)
	job, p := s.signed(r, driveCopies, monitorAddress)
	if p != nil {
		s.writeProblem(w, id, p)
		return
	}
	passed, whole := s.world.Now().Sub(world.Time(job, "started")), s.throttle.copying()
	body := world.Object{"operation": "ItemCopy", "status": "inProgress", "percentageComplete": 100 * passed.Seconds() / max(whole.Seconds(), 1)}
	switch {
	case passed < whole:
	case world.Flag(job, "fails"):
		body["status"], body["percentageComplete"], body["error"] = "failed", 40.0, world.Object{"code": "generalException", "message": "The copy failed"}
	default:
		body["status"], body["percentageComplete"], body["resourceId"] = "completed", 100.0, job["item"]
	}
	writeItem(w, http.StatusAccepted, body)
}
