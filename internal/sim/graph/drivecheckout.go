package graph

import (
	"net/http"

	"seneschal/internal/sim/world"
)

// What holds a file: who has it open, and who has checked it out. before is what it was at the check-out.
const (
	openBy     = "~openBy"
	checkedOut = "~checkedOut"
	before     = "~beforeCheckOut"
)

// heldFrom tells whether somebody else has a file open or checked out.
func (d drive) heldFrom(o world.Object) bool {
	by := world.Text(o, checkedOut)
	return world.Text(o, openBy) != "" || by != "" && by != d.c.actor()
}

// locked is the answer to whoever comes second: microsoft-graph-explorer-v4 issue 3435, which shows the inner code, too.
func locked() *problem {
	p := fail(http.StatusLocked, "notAllowed", "The resource you are attempting to access is locked")
	p.inner = "resourceLocked"
	return p
}

// publication says whether a file is checked out, and by whom; only where it is selected: resources/driveitem.md, resources/publicationfacet.md.
func (d drive) publication(o world.Object) world.Object {
	out := world.Object{"level": "published", "versionId": itoa(world.Number(o, "~content")) + ".0"}
	if by := world.Text(o, checkedOut); by != "" {
		out["level"], out["checkedOutBy"] = "checkout", d.identity(by)
	}
	return out
}

// checkable finds the file of a check-out and what ends it.
func (c *call) checkable() (drive, string, world.Object, *problem) {
	d, id, o, p := c.shared()
	if p == nil && world.Flag(o, "~folder") {
		p = invalidRequest("A folder cannot be checked out")
	}
	return d, id, o, p
}

// checkOut keeps a file for who asks: others get 423 until it is checked in. driveitem-checkout.md.
func checkOut(c *call) (reply, *problem) {
	d, id, o, p := c.checkable()
	if p == nil && (d.heldFrom(o) || world.Text(o, checkedOut) != "") {
		p = locked()
	}
	if p != nil {
		return reply{}, p
	}
	n := c.changed(o)
	n[checkedOut], n[before] = c.actor(), world.Object{"~blob": o["~blob"], "size": o["size"], "~content": o["~content"], "~versions": o["~versions"]}
	c.s.world.Put(d.key(id), n)
	return empty(http.StatusNoContent), nil
}

// checkIn shows others what was changed: driveitem-checkin.md.
func checkIn(c *call) (reply, *problem) {
	d, id, o, p := c.checkable()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := (form{"checkInAs": aText, "comment": aText}).check(in); p != nil {
		return reply{}, p
	}
	if as := paramText(in, "checkInAs"); as != "" && as != "published" && as != "unspecified" {
		return reply{}, invalidRequest("checkInAs must be published or unspecified")
	}
	switch {
	case world.Text(o, checkedOut) == "":
		return reply{}, notCheckedOut()
	case d.heldFrom(o):
		return reply{}, locked()
	}
	d.release(id, o)
	return empty(http.StatusNoContent), nil
}

func notCheckedOut() *problem { return invalidRequest("The file is not checked out.") }

// discardCheckOut takes back what was changed; an app discards anybody's: driveitem-discardcheckout.md.
func discardCheckOut(c *call) (reply, *problem) {
	d, id, o, p := c.checkable()
	switch {
	case p != nil:
		return reply{}, p
	case world.Text(o, checkedOut) == "":
		return reply{}, notCheckedOut()
	case !c.token.AppOnly && d.heldFrom(o):
		return reply{}, locked()
	}
	n := world.Clone(o)
	for name, was := range paramObject(o, before) {
		n[name] = was
	}
	d.release(id, n)
	return empty(http.StatusNoContent), nil
}

// release ends a check-out.
func (d drive) release(id string, o world.Object) {
	n := d.c.changed(o)
	delete(n, checkedOut)
	delete(n, before)
	d.c.s.world.Put(d.key(id), n)
}
