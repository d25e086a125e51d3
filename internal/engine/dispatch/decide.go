package dispatch

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Resolve is a person's word on a slot that drifted: the slot is right and is written anew, or the calendar is and the slot takes it over
// until the planning system says something new of it.
func (e *Engine) Resolve(ctx context.Context, by access.Caller, externalID string, keep Rule) (Slot, error) {
	return e.decide(ctx, by, externalID, "dispatch.drift.resolve", func(r *row) error {
		if len(r.away.Drift) == 0 {
			return &fault.Error{Kind: fault.Conflict, Code: "no_drift", Message: "The slot and its event agree", Fix: "Nothing is to be done", Who: "you"}
		}
		switch {
		case keep == SlotWins:
			r.invite(r.invited(), false)
			r.placedDigest = ""
		case r.at.event == "":
			r.cancel(e.Clock.Now(), e.Clock.Now())
		default:
			people := r.invited()
			if r.waits(Ask) { // more than people invited by hand
				r.takeOver(r.away.Drift, *r.away.There)
			}
			r.invite(people, true)
			r.changedAt = e.Clock.Now()
		}
		r.away.Drift = nil
		return nil
	})
}

// invite notes who is invited to the event that is there, so that nobody else is from now on; asked says that the plan wants them as well. Else
// its next change takes them off.
func (r *row) invite(people []string, asked bool) {
	if asked {
		written := r.placedDigest == r.wantDigest
		r.want.Attendees = people
		if r.wantDigest = r.want.digest(); written {
			r.placedDigest = r.wantDigest
		}
	}
	if r.placed != nil {
		now := *r.placed
		now.Attendees, r.placed = people, &now
	}
}

// take takes one field over from what the calendar has.
func (c *Content) take(field string, there Content) {
	switch field {
	case "subject":
		c.Subject = there.Subject
	case "start", "end", "all_day": // one without the others may be no stretch of time
		c.Start, c.End, c.AllDay = there.Start, there.End, there.AllDay
	case "location":
		c.Location = there.Location
	case "show_as":
		c.Status = there.Status
	case "categories":
		c.Categories = there.Categories
	case "reminder_minutes":
		c.Reminder = there.Reminder
	}
}

// Release lets the one change go out that would mail people.
func (e *Engine) Release(ctx context.Context, by access.Caller, externalID string) (Slot, error) {
	return e.decide(ctx, by, externalID, "dispatch.slot.release", func(r *row) error {
		if r.state != Held {
			return &fault.Error{Kind: fault.Conflict, Code: "not_held", Message: "Nothing of the slot is held back", Fix: "Nothing is to be done", Who: "you"}
		}
		r.released, r.away.Let, r.problem = true, r.away.Mailed, nil
		return nil
	})
}

// decide changes a slot by somebody's word, and has it placed.
func (e *Engine) decide(ctx context.Context, by access.Caller, externalID, what string, f func(*row) error) (out Slot, err error) {
	err = e.Store.InTx(ctx, what, func(tx *store.Tx) error {
		r, found, err := e.held(ctx, tx, "external_id = $1", externalID)
		if err == nil && !found {
			err = fault.Missing("slot", externalID)
		}
		if err != nil {
			return err
		}
		if err := f(&r); err != nil {
			return err
		}
		rule, err := e.RuleOf(ctx, tx, r.connection)
		if err != nil {
			return err
		}
		r.plan(rule)
		if err := e.keep(ctx, tx, r); err != nil {
			return err
		}
		out = r.shown()
		if err := e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: what, Target: r.connection, Outcome: "done", Detail: map[string]any{"slot": r.id}}); err != nil {
			return err
		}
		return e.Jobs.Schedule(ctx, tx, PlaceJob, r.id, e.Clock.Now())
	})
	return out, err
}
