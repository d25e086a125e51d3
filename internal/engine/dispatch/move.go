package dispatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// MoveIn gives a slot to somebody else, or another day, at the same time of that day.
type MoveIn struct {
	ExternalID string `json:"external_id" minLength:"1" doc:"The planning system's own id of the slot"`
	Technician string `json:"technician,omitempty" doc:"Address of the mailbox that it goes to; stays without"`
	Day        string `json:"day,omitempty" doc:"Date like 2026-11-21 on which it begins, in the slot's zone; stays without"`
}

// Move changes who and on which day. The clock's time stays, also where the clocks are changed in between; everything else is as the plan
// has it in that moment.
func (e *Engine) Move(ctx context.Context, by access.Caller, m MoveIn) (Slot, error) {
	t, err := e.routes(ctx)
	if err != nil {
		return Slot{}, err
	}
	err = e.Store.InTx(ctx, "dispatch.move", func(tx *store.Tx) error {
		in, moves, err := e.moved(ctx, tx, t, m)
		if err != nil || !moves {
			return err
		}
		b, out := batch{slots: []SlotIn{in}}, Outcome{}
		if err := t.check(b); err != nil {
			return err
		}
		if err := e.takeAll(ctx, tx, t, b, &out, false); err != nil {
			return err
		}
		return e.recordPut(ctx, tx, by, out)
	})
	if err != nil {
		return Slot{}, err
	}
	return e.Lookup(ctx, m.ExternalID)
}

// moved is the slot as somebody moves it, held until the transaction ends. One that goes nowhere says nothing: least of all that what the
// plan took over from the calendar was the planning system's.
func (e *Engine) moved(ctx context.Context, tx *store.Tx, t routes, m MoveIn) (in SlotIn, moves bool, err error) {
	r, found, err := e.held(ctx, tx, "external_id = $1", m.ExternalID)
	if err == nil && !found {
		err = fault.Missing("slot", m.ExternalID)
	}
	if err != nil {
		return in, false, err
	}
	in = r.said()
	was := []string{strings.ToLower(in.Technician), in.Start}
	if m.Technician != "" {
		in.Technician = m.Technician
	}
	if !t.lists(in.Connection, in.Technician) {
		in.Connection = "" // it goes through whichever lists them, if it can: what keeps it from that is told
	}
	if m.Day != "" {
		err = in.onDay(m.Day)
	}
	return in, !slices.Equal(was, []string{strings.ToLower(in.Technician), in.Start}), err
}

// said is the slot as a planning system would say it, by the zone's clock.
func (r row) said() SlotIn {
	w := r.want
	in := SlotIn{ExternalID: r.externalID, Connection: r.connection, Source: r.source, Technician: r.mailbox, TimeZone: w.TimeZone, AllDay: w.AllDay, Subject: w.Subject, Customer: w.Customer,
		Location: w.Location, Notes: w.Notes, Status: w.Status, Reminder: w.Reminder, Categories: w.Categories, OnlineMeeting: w.OnlineMeeting, Attendees: w.Attendees}
	in.Start, in.End = w.told(w.Start), w.told(w.End)
	return in
}

// told writes an instant so that it is read as the same one again: by the clock, or with its offset where the clock shows it twice.
func (c Content) told(at time.Time) string {
	zone, _ := calendar.LookupZone(c.TimeZone)
	if c.AllDay {
		return at.In(zone).Format(dateOnly)
	}
	if at = at.In(zone); !onlyOnce(at) {
		return at.Format(time.RFC3339)
	}
	return at.Format(wallClock)
}

// onDay shifts start and end by as many days as the start is away from the day. An offset is that day's alone.
func (in *SlotIn) onDay(day string) error {
	to, err := time.Parse(dateOnly, day)
	if err != nil {
		return fault.BadField("day", "is not a date like 2026-11-21")
	}
	from, err := time.Parse(dateOnly, in.Start[:len(dateOnly)])
	if err != nil {
		return err
	}
	shift := int(to.Sub(from).Hours() / 24)
	if shift == 0 {
		return nil
	}
	for _, text := range []*string{&in.Start, &in.End} {
		date, err := time.Parse(dateOnly, (*text)[:len(dateOnly)])
		if err != nil {
			return err
		}
		*text = date.AddDate(0, 0, shift).Format(dateOnly) + (*text)[len(dateOnly):min(len(*text), len(wallClock))]
	}
	return nil
}
