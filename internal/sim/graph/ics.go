package graph

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"

	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
)

// LoadICS fills calendars from files: DIR/<upn>/*.ics; loose files go to the first mailbox.
func LoadICS(w *world.World, dir string) error {
	return eachFile(w, dir, ".ics", func(user world.Object, raw []byte) error { return loadCalendar(w, user, raw) })
}

func loadCalendar(w *world.World, user world.Object, raw []byte) error {
	d := ical.NewDecoder(bytes.NewReader(raw))
	for {
		cal, err := d.Decode()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range cal.Events() {
			if err := loadEvent(w, user, e); err != nil {
				return err
			}
		}
	}
}

func loadEvent(w *world.World, user world.Object, e ical.Event) error {
	start, err := e.DateTimeStart(time.UTC)
	if err != nil {
		return err
	}
	end, err := e.DateTimeEnd(time.UTC)
	if err != nil || end.IsZero() {
		end = start.Add(time.Hour)
	}
	get := func(name string) string {
		if p := e.Props.Get(name); p != nil {
			return p.Value
		}
		return ""
	}
	userID := world.Text(user, "id")
	me := world.Recipient(world.Text(user, "displayName"), world.Text(user, "mail"))
	m := world.Meeting{
		UID: get(ical.PropUID), Calendar: w.CalendarKey(userID), Subject: get(ical.PropSummary), Text: get(ical.PropDescription), Location: get(ical.PropLocation),
		Zone: zone.ToWindows(start.Location().String()), Start: start, End: end, Organizer: me, Mine: true, Created: w.Now(), Recurrence: patterned(get(ical.PropRecurrenceRule), start),
	}
	if organizer := strings.TrimPrefix(strings.ToLower(get(ical.PropOrganizer)), "mailto:"); organizer != "" && !strings.EqualFold(organizer, world.Text(user, "mail")) {
		m.Organizer, m.Mine = world.Recipient(organizer, organizer), false
	}
	for _, a := range e.Props.Values(ical.PropAttendee) {
		address := strings.TrimPrefix(strings.TrimPrefix(a.Value, "mailto:"), "MAILTO:")
		name := a.Params.Get(ical.ParamCommonName)
		if name == "" {
			name = address
		}
		m.Attendees = append(m.Attendees, world.Attendee(name, address, "required", "none", w.Now()))
	}
	o := world.Event(m)
	if p := e.Props.Get(ical.PropDateTimeStart); p != nil && p.ValueType() == ical.ValueDate {
		o["isAllDay"] = true
	}
	w.Put(world.Key{Scope: world.Mailbox(userID), Collection: world.Events, ID: w.ItemKey("ics", userID, m.UID, world.Stamp(start))}, o)
	return nil
}

// patterned turns the rules that Outlook itself can show into a recurrence; others load as their first occurrence.
func patterned(text string, start time.Time) any {
	if text == "" {
		return nil
	}
	opt, err := rrule.StrToROption(text)
	if err != nil {
		return nil
	}
	pattern := world.Object{"interval": max(1, opt.Interval), "month": 0, "dayOfMonth": 0, "daysOfWeek": []any{}, "firstDayOfWeek": "monday", "index": "first"}
	switch opt.Freq {
	case rrule.DAILY:
		pattern["type"] = "daily"
	case rrule.WEEKLY:
		days := []any{}
		for name, d := range weekdays {
			for _, have := range opt.Byweekday {
				if have.Day() == d.Day() {
					days = append(days, name)
				}
			}
		}
		if len(days) == 0 {
			days = append(days, strings.ToLower(start.Weekday().String()))
		}
		pattern["type"], pattern["daysOfWeek"] = "weekly", days
	case rrule.MONTHLY:
		pattern["type"], pattern["dayOfMonth"] = "absoluteMonthly", start.Day()
	case rrule.YEARLY:
		pattern["type"], pattern["dayOfMonth"], pattern["month"] = "absoluteYearly", start.Day(), int(start.Month())
	default:
		return nil
	}
	span := world.Object{"type": "noEnd", "startDate": start.Format(time.DateOnly), "endDate": "0001-01-01", "recurrenceTimeZone": start.Location().String(), "numberOfOccurrences": 0}
	switch {
	case opt.Count > 0:
		span["type"], span["numberOfOccurrences"] = "numbered", opt.Count
	case !opt.Until.IsZero():
		span["type"], span["endDate"] = "endDate", opt.Until.Format(time.DateOnly)
	}
	return world.Object{"pattern": pattern, "range": span}
}
