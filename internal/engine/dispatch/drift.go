package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/event"
	"seneschal/internal/feed"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// Follower sees in technicians' calendars what was done by hand.
type Follower struct{ Engine *Engine }

// Take notes which slots' events changed or went; the slot's job looks how.
func (w Follower) Take(_ context.Context, b connection.Bound, _ feed.Feed, p feed.Page) (feed.Effect, error) {
	if !b.Connection.Serves(m365.Dispatch) {
		return nil, nil
	}
	return func(ctx context.Context, tx *store.Tx) error {
		now := map[string]string{} // version by event; "" for one that is gone
		for _, i := range p.Items {
			if v, ok := i.Value.(graph.Event); ok {
				now[i.ID] = v.ETag
			}
		}
		for _, id := range p.Removed {
			now[id] = ""
		}
		return w.Engine.seen(ctx, tx, b.Connection.ID, now)
	}, nil
}

// Drop has nothing to forget: a slot is a plan, whether its calendar is followed or not.
func (Follower) Drop(context.Context, *store.Tx, feed.Feed) error { return nil }

// seenBatch is how many events one statement asks about: a calendar has many, and few of them are slots.
const seenBatch = 500

// seen has the slots looked at whose events are not as we left them: one by one, or all of a calendar where many are said to be gone.
func (e *Engine) seen(ctx context.Context, tx *store.Tx, connection string, now map[string]string) error {
	missing := map[string][]string{} // events by mailbox
	for events := range slices.Chunk(slices.Sorted(maps.Keys(now)), seenBatch) {
		ours, err := e.linked(ctx, tx, events)
		if err != nil {
			return err
		}
		for _, l := range ours {
			switch etag := now[l.event]; etag {
			case "":
				missing[l.mailbox] = append(missing[l.mailbox], l.event)
			case l.etag:
			default:
				if err := e.lookAt(ctx, tx, l.event, etag); err != nil {
					return err
				}
			}
		}
	}
	for mailbox, events := range missing {
		if len(events) > fewLooks {
			if err := e.Jobs.ScheduleBy(ctx, tx, SweepJob, connection+" "+mailbox, e.Clock.Now()); err != nil {
				return err
			}
			continue
		}
		for _, event := range events {
			if err := e.lookAt(ctx, tx, event, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// linked are those of some events that are slots.
func (e *Engine) linked(ctx context.Context, tx *store.Tx, events []string) ([]link, error) {
	var args store.Args
	in := store.List(&args, events)
	return store.Select(ctx, tx, scanLink, "select event, event_mailbox, etag from dispatch_slot where event in ("+in+") order by id", args...)
}

// gone is the version of an event that is not there any more.
const gone = "-"

// lookAt has the job look at a slot's event, unless it was written by us meanwhile.
func (e *Engine) lookAt(ctx context.Context, tx *store.Tx, eventID, etag string) error {
	r, found, err := e.held(ctx, tx, "event = $1", eventID)
	if err != nil || !found || etag != "" && etag == r.at.etag {
		return err
	}
	rule, err := e.RuleOf(ctx, tx, r.connection)
	if err != nil {
		return err
	}
	r.look, r.seen = true, cmp.Or(etag, gone)
	r.plan(rule)
	if err := e.keep(ctx, tx, r); err != nil {
		return err
	}
	return e.Jobs.ScheduleBy(ctx, tx, PlaceJob, r.id, e.Clock.Now())
}

// looked compares the event with what was written.
func (s *settling) looked(ctx context.Context, ev calendar.Event) error {
	r := s.r
	if s.op.Old {
		r.old.etag, r.away.Invited = ev.ETag, invitedTo(ev)
		return nil
	}
	r.look, r.at.etag = r.seen != "" && r.seen != ev.ETag, ev.ETag
	if r.placed == nil { // taken up as it stands: it is written once, whatever it holds
		took := r.want.taking(ev)
		if took.OnlineMeeting && !took.wroteBody(ev.Body, Content{}) {
			took.Customer, took.Notes = "", ""
		}
		r.placed, r.placedDigest, r.away.Drift, r.placedAt = &took, "", took.attendees(ev), s.e.Clock.Now()
		return nil
	}
	if s.op.Want != nil && s.op.ETag != "" && ev.ETag == s.op.ETag {
		s.missed = true
		return nil // the change did not come, and what was decided before it holds: nobody has touched the event since
	}
	written := *r.placed
	if s.came = s.op.Want != nil && s.op.Want.cameInto(ev, written); s.came {
		r.forgetWord()
		r.placed, r.placedDigest = s.op.Want.changing(written), s.op.Digest
		written = *r.placed
	} else if w := s.op.Want; w != nil && (!written.is(ev) || w.is(ev)) {
		r.forgetWord() // it may have come, and have mailed people
	}
	if written.OnlineMeeting && r.want.wroteBody(ev.Body, written) { // by hand, as the hub does not
		written.Customer, written.Notes = r.want.Customer, r.want.Notes
		r.placed = &written
	}
	changed, invited := written.differences(ev), written.attendees(ev)
	if len(changed) == 0 {
		r.away.Drift, r.placedAt = invited, s.e.Clock.Now()
		return nil
	}
	known := slices.Equal(r.away.Drift, slices.Concat(changed, invited))
	took := written.taking(ev)
	if s.rule == CalendarWins {
		r.takeOver(changed, took)
		r.away.Drift, r.changedAt = invited, s.e.Clock.Now()
	} else {
		r.away.Drift, r.away.There = slices.Concat(changed, invited), &took
	}
	if known {
		return nil
	}
	return s.drifted(ctx, changed)
}

// is says that the event holds what was written, people included.
func (c Content) is(ev calendar.Event) bool {
	return len(c.differences(ev)) == 0 && len(c.attendees(ev)) == 0
}

// cameInto says that the change whose answer was lost is in the event. Where nothing differs but what is not compared, the text must tell.
func (c Content) cameInto(ev calendar.Event, before Content) bool {
	return c.is(ev) && (!before.is(ev) || c.wroteBody(ev.Body, before))
}

// takeOver takes what somebody changed by hand into the plan; what else is wanted, and not written yet, stays so.
func (r *row) takeOver(changed []Difference, there Content) {
	for _, d := range changed {
		r.want.take(d.Field, there)
	}
	r.wantDigest, r.placed, r.placedDigest = r.want.digest(), &there, there.digest()
}

// drifted reports it: which fields, not what they say.
func (s *settling) drifted(ctx context.Context, changed []Difference) error {
	var fields []string
	for _, d := range changed {
		fields = append(fields, d.Field)
	}
	return s.e.tell(ctx, s.tx, event.SlotDrifted, *s.r, map[string]any{"fields": fields, "rule": string(s.rule)})
}

// found takes the event up again under its new id. Where there is none, somebody deleted it: it is made anew once, and then reported.
func (s *settling) found(ctx context.Context, events []calendar.ReferredEvent) error {
	r := s.r
	if s.op.Event == "" {
		return nil // there is none, and was none
	}
	if len(events) > 0 {
		r.at.event, r.at.etag = events[0].ID, events[0].ETag
		return nil // look stays: how it is now must be seen
	}
	again := r.recreated || s.rule != SlotWins
	r.at, r.url, r.look, r.placed, r.recreated = link{}, "", false, nil, true
	deleted := []Difference{{Field: "event", Slot: "in the calendar", Calendar: "deleted"}}
	r.away.Drift = nil
	if again && !r.withdrawn {
		r.away.Drift = deleted
	}
	if r.withdrawn {
		return nil
	}
	return s.drifted(ctx, deleted)
}

const attendeesField = "attendees"

// attendees tells whether others are invited to an event than the slot had invited.
func (c Content) attendees(ev calendar.Event) []Difference {
	there := invitedTo(ev)
	if slices.Equal(there, c.Attendees) {
		return nil
	}
	return []Difference{{Field: attendeesField, Slot: strings.Join(c.Attendees, ", "), Calendar: strings.Join(there, ", ")}}
}

func invitedTo(ev calendar.Event) []string {
	var all []string
	for _, a := range ev.Attendees {
		if !strings.EqualFold(a.Address, ev.Organizer.Address) {
			all = append(all, a.Address)
		}
	}
	return people(all)
}

// differences are what an event holds otherwise than it was written. The body is not compared: Exchange writes it anew.
func (c Content) differences(ev calendar.Event) (out []Difference) {
	compare := func(field, slot, there string) {
		if slot != there {
			out = append(out, Difference{field, slot, there})
		}
	}
	compare("subject", c.Subject, ev.Subject)
	in, _ := calendar.LookupZone(c.TimeZone)
	if c.AllDay != ev.AllDay {
		compare("all_day", fmt.Sprint(c.AllDay), fmt.Sprint(ev.AllDay))
	} else if c.AllDay {
		compare("start", c.Start.In(in).Format(dateOnly), ev.Start.UTC().Format(dateOnly))
		compare("end", c.End.In(in).Format(dateOnly), ev.End.UTC().Format(dateOnly))
	}
	if !c.AllDay && !ev.AllDay {
		compare("start", c.Start.UTC().Format(time.RFC3339), ev.Start.UTC().Format(time.RFC3339))
		compare("end", c.End.UTC().Format(time.RFC3339), ev.End.UTC().Format(time.RFC3339))
	}
	compare("location", c.Location, ev.Location)
	compare("show_as", c.showAs(), ev.ShowAs)
	if !sameCategories(c.Categories, ev.Categories) {
		compare("categories", Listed(c.Categories), Listed(ev.Categories))
	}
	compare("reminder_minutes", minutes(c.Reminder), minutes(ev.ReminderMinutes))
	return out
}

func minutes(m *int) string {
	if m == nil {
		return "none"
	}
	return fmt.Sprint(*m)
}

// taking is the slot as the calendar has it.
func (c Content) taking(ev calendar.Event) Content {
	c.Subject, c.Location, c.Categories, c.Reminder = ev.Subject, ev.Location, slices.Sorted(slices.Values(ev.Categories)), ev.ReminderMinutes
	there := invitedTo(ev)
	c.Attendees = slices.DeleteFunc(slices.Clone(c.Attendees), func(a string) bool { return !slices.Contains(there, a) })
	in, _ := calendar.LookupZone(c.TimeZone)
	if c.AllDay = ev.AllDay; c.AllDay { // dates have no instant: they are the zone's
		c.Start, c.End = calendar.DayIn(ev.Start.UTC(), in), calendar.DayIn(ev.End.UTC(), in)
	} else {
		c.Start, c.End = ev.Start, ev.End
	}
	switch {
	case ev.ShowAs == "tentative":
		c.Status = "tentative"
	case c.Status == "tentative":
		c.Status = "planned"
	}
	return c
}
