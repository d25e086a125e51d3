package dispatch

import (
	"fmt"
	"slices"
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

// operation is the next thing to do for a slot. It is kept before it is done, and is done as it was kept.
type operation struct {
	Kind    kind    `json:"kind"`
	Key     string  `json:"key"`
	Event   string  `json:"event,omitempty"`
	Mailbox string  `json:"mailbox"`
	ETag    string  `json:"etag,omitempty"`
	Want    *wanted `json:"want,omitempty"` // what it writes
	Digest  string  `json:"digest,omitempty"`
	Old     bool    `json:"old,omitempty"` // it deletes the event that the slot was before
}

// plan puts the next operation into the row, if one is needed and none is on its way, and says where the slot stands. It reports whether
// there is something to do.
func (r *row) plan(rule Rule) bool {
	if r.op != nil {
		return true // what became of it must be known first
	}
	op := r.next(rule)
	if op != nil && r.brake(op) {
		r.state, r.problem = Held, wouldMail(r.invited())
		return false
	}
	if op == nil {
		r.state = r.rest()
		return false
	}
	r.operations++
	op.Key = key(r.id, r.operations)
	r.op = op
	if r.state != Failed {
		r.state = Placing
	}
	return true
}

// key is an operation's own, for the ledger of effects.
func key(slot string, n int64) string { return fmt.Sprintf("dispatch/%s/%d", slot, n) }

// next is the difference between what is wanted and what is there. Somewhere else it is made before it is deleted here: never neither.
func (r *row) next(rule Rule) *operation {
	at := operation{Event: r.at.event, Mailbox: r.at.mailbox, ETag: r.at.etag}
	switch {
	case r.old.event != "":
		return &operation{Kind: remove, Event: r.old.event, Mailbox: r.old.mailbox, ETag: r.old.etag, Old: true}
	case r.look && r.at.event != "" && r.at.etag == "":
		at.Kind = find
	case r.look && r.at.event != "":
		at.Kind = look
	case r.withdrawn && r.at.event != "":
		at.Kind = remove
	case r.withdrawn, r.waits(rule):
		return nil
	case r.at.event == "" || r.at.mailbox != r.mailbox:
		return &operation{Kind: create, Mailbox: r.mailbox, Want: &r.want, Digest: r.wantDigest}
	case r.placedDigest != r.wantDigest:
		at.Kind, at.Want, at.Digest = update, &r.want, r.wantDigest
	default:
		return nil
	}
	return &at
}

// waits says whether somebody must first say who is right: always where the rule is to ask, and where it was deleted by hand more than once.
func (r *row) waits(rule Rule) bool {
	byHand := slices.ContainsFunc(r.drift, func(d Difference) bool { return d.Field != "attendees" })
	return byHand && (rule == Ask || r.at.event == "")
}

// invited are the attendees that somebody added by hand; "" for none.
func (r *row) invited() string {
	for _, d := range r.drift {
		if d.Field == "attendees" {
			return d.Calendar
		}
	}
	return ""
}

// brake says whether an operation would have people mailed who were invited by hand, and nobody has let it.
func (r *row) brake(op *operation) bool {
	return r.invited() != "" && !r.released && (op.Kind == update || op.Kind == remove && !op.Old || op.Kind == create && r.at.event != "")
}

// rest is where a slot stands for which nothing is to be done.
func (r *row) rest() State {
	switch {
	case r.withdrawn:
		return Withdrawn
	case len(r.drift) > 0:
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
