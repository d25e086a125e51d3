package dispatch

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
)

// kind is what an operation does in the calendar.
type kind string

const (
	create kind = "create"
	update kind = "update"
	remove kind = "delete"
	look   kind = "look" // the event changed: how?
	find   kind = "find" // the event is not where it was: is it elsewhere in the mailbox?
)

// writes says that it changes the calendar.
func (k kind) writes() bool { return k == create || k == update || k == remove }

// operation is the next thing to do for a slot. It is kept before it is done, and is done as it was kept.
type operation struct {
	Kind    kind     `json:"kind"`
	Key     string   `json:"key"`
	Event   string   `json:"event,omitempty"`
	Mailbox string   `json:"mailbox"`
	ETag    string   `json:"etag,omitempty"`
	Want    *Content `json:"want,omitempty"` // what it writes
	Digest  string   `json:"digest,omitempty"`
	Old     bool     `json:"old,omitempty"`     // it deletes the event that the slot was before
	Unclear bool     `json:"unclear,omitempty"` // it may have been done: it stays until the ledger, or Microsoft, says
	Wrote   bool     `json:"wrote,omitempty"`   // it looks after a change of ours, which is told when the slot has come to rest
	Nobody  bool     `json:"nobody,omitempty"`  // it uninvites whom the slot had invited, as it asks for nobody any more
}

// plan puts the next operation into the row, if one is needed and none is on its way, and says where the slot stands. It reports whether
// there is something to do.
func (r *row) plan(rule Rule) bool {
	if r.op != nil && r.op.Kind == look && r.elsewhere() {
		r.op, r.look = nil, true // it is looked at when it is left
	}
	if r.op != nil {
		return true // what became of it must be known first
	}
	op := r.next(rule)
	if r.away.Mailed = r.mailed(op); len(r.away.Mailed) > 0 {
		r.forgetWord()
		r.state, r.problem = Held, wouldMail()
		return false
	}
	if op == nil {
		r.forgetWord()
		r.state, r.problem = r.rest(), r.unwritten()
		return false
	}
	r.operations++
	op.Key = key(r.id, r.operations)
	r.op, r.seen = op, ""
	switch {
	case r.state == Failed, r.state == Placing: // it is tried again, or goes on
	case op.Kind == look, op.Kind == find: // it is in the calendar, and is looked for
		r.state = Placing
	default:
		r.state = Planned
	}
	return true
}

// key is an operation's own, for the ledger of effects and for Microsoft. After a backup was restored the numbers come again; the keys do not.
func key(slot string, n int64) string { return fmt.Sprintf("dispatch/%s/%d/%s", slot, n, rand.Text()) }

// elsewhere says that the slot's event is in a mailbox that the slot leaves.
func (r *row) elsewhere() bool { return r.at.event != "" && r.at.mailbox != r.mailbox && !r.withdrawn }

// next is the difference between what is wanted and what is there. Somewhere else it is made before it is deleted here: never neither. An
// older event that cannot be deleted for now keeps back what waits for a person, and the next re-assignment; where its mailbox is gone, nothing.
func (r *row) next(rule Rule) *operation {
	if r.old.event == "" {
		return r.there(rule)
	}
	if r.oldProblem != "" {
		gone, op := noMailbox(r.oldProblem), r.there(rule)
		if op != nil && (gone || len(r.mailed(op)) == 0 && (op.Kind != create || r.at.event == "")) {
			return op
		}
	}
	op := operation{Kind: remove, Event: r.old.event, Mailbox: r.old.mailbox, ETag: r.old.etag, Old: true}
	if op.ETag == "" { // it changed, and people may have been invited to it
		op.Kind = look
	}
	return &op
}

// there is the next operation where the slot belongs.
func (r *row) there(rule Rule) *operation {
	at := operation{Event: r.at.event, Mailbox: r.at.mailbox, ETag: r.at.etag}
	looks := r.look && r.at.event != "" && !r.elsewhere()
	switch {
	case looks && r.at.etag == "":
		at.Kind = find
	case looks:
		at.Kind = look
	case r.withdrawn && r.at.event != "":
		at.Kind = remove
	case r.withdrawn && r.operations == 0: // it is new here, and may be old in the calendar
		return &operation{Kind: find, Mailbox: r.mailbox}
	case r.withdrawn, r.waits(rule):
		return nil
	case r.at.event == "" || r.at.mailbox != r.mailbox:
		want := r.writing(true)
		return &operation{Kind: create, Mailbox: r.mailbox, Want: &want, Digest: want.digest()}
	case r.placedDigest != r.wantDigest:
		want := r.writing(false)
		at.Kind, at.Want, at.Digest = update, &want, want.digest()
		at.Nobody = len(want.Attendees) == 0 && r.placed != nil && len(r.placed.Attendees) > 0
	default:
		return nil
	}
	return &at
}

// writing is what is written next. People are invited last, by a change of its own: so the technician has the slot while the brake holds that.
func (r *row) writing(creating bool) Content {
	alone := r.want.alone()
	if r.released || len(r.invited()) > 0 || !creating && r.placedDigest == alone.digest() {
		return r.want
	}
	return alone
}

// waits says whether somebody must first say who is right: always where the rule is to ask, and where it was deleted by hand more than once.
func (r *row) waits(rule Rule) bool {
	byHand := slices.ContainsFunc(r.away.Drift, func(d Difference) bool { return d.Field != attendeesField })
	return byHand && (rule == Ask || r.at.event == "")
}

// invited are the attendees of the event that is there.
func (r *row) invited() []string {
	for _, d := range r.away.Drift {
		if d.Field == attendeesField {
			return strings.FieldsFunc(d.Calendar, func(c rune) bool { return c == ',' || c == ' ' })
		}
	}
	if r.placed != nil {
		return r.placed.Attendees
	}
	return nil
}

// mailed are the people whom Exchange would mail because of an operation, unless somebody has let it who was shown all of them: whoever has
// been invited to the event, and whoever is now.
func (r *row) mailed(op *operation) []string {
	var all []string
	switch {
	case op == nil, op.Kind == look, op.Kind == find:
		return nil
	case op.Old: // whom the slot had invited was asked before it was left
		all = r.away.Invited
	case op.Want == nil:
		all = r.invited()
	default:
		all = people(slices.Concat(r.invited(), op.Want.Attendees))
	}
	if r.released && !slices.ContainsFunc(all, func(a string) bool { return !slices.Contains(r.away.Let, a) }) {
		return nil
	}
	return all
}

// forgetWord ends what a person let go out: it was for one change, and for the people they were shown.
func (r *row) forgetWord() { r.released, r.away.Let = false, nil }

// rest is where a slot stands for which nothing is to be done.
func (r *row) rest() State {
	switch {
	case r.withdrawn:
		return Withdrawn
	case len(r.away.Drift) > 0:
		return Drifted
	default:
		return Placed
	}
}

// action gives the action that does the operation, with its input. It follows from the operation alone, so it is the same after a crash.
func (op operation) action(externalID string) (name string, in map[string]any) {
	switch op.Kind {
	case create:
		in = op.Want.details(true)
		in["user"], in["reference"] = op.Mailbox, externalID
		return "calendar.event.create", in
	case update:
		in = op.Want.details(false)
		in["user"], in["event"] = op.Mailbox, op.Event
		if op.ETag != "" {
			in["if_match"], in["skip_read"] = op.ETag, true
		}
		if op.Nobody {
			in["attendees"] = nil
		}
		return "calendar.event.update", in
	case remove:
		in = map[string]any{"user": op.Mailbox, "event": op.Event}
		if op.ETag != "" {
			in["if_match"] = op.ETag
		}
		return "calendar.event.delete", in
	case find:
		return "calendar.event.find", map[string]any{"user": op.Mailbox, "reference": externalID, "time_zone": "UTC"}
	default:
		return "calendar.event.get", map[string]any{"user": op.Mailbox, "event": op.Event, "time_zone": "UTC"}
	}
}
