package dispatch

import (
	"time"

	"seneschal/internal/connector/calendar"
	"seneschal/internal/fault"
)

const (
	wallClock = "2006-01-02T15:04:05"
	dateOnly  = "2006-01-02"
	longest   = 5 // years: Exchange's own limit (ErrorCalendarDurationIsTooLong in EWS' ResponseCode)
)

// moment reads one time as a planning system writes it: an instant with its offset, a wall clock's time of the zone, or of whole days a date.
func moment(field, text string, in *time.Location, allDay bool) (time.Time, []fault.Field) {
	wrong := func(message string) (time.Time, []fault.Field) {
		return time.Time{}, []fault.Field{{Name: field, Message: message}}
	}
	if allDay {
		day, err := time.Parse(dateOnly, text)
		if err != nil {
			return wrong("of whole days is a date like 2026-11-21")
		}
		return calendar.DayIn(day, in), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{wallClock, "2006-01-02T15:04"} {
		if _, err := time.Parse(layout, text); err != nil {
			continue
		}
		return onClock(field, text, layout, in)
	}
	return wrong("is not a time: write it with its offset like 2026-11-21T09:00:00+01:00, or as time_zone's clock shows it, like 2026-11-21T09:00:00")
}

// onClock refuses what the zone's clock never shows, and what it shows twice: which of both is meant only whoever plans knows.
func onClock(field, text, layout string, in *time.Location) (time.Time, []fault.Field) {
	at, err := time.ParseInLocation(layout, text, in)
	if err != nil || at.Format(layout) != text {
		return time.Time{}, []fault.Field{{Name: field, Message: "does not exist in " + in.String() + ": the clocks are put forward then"}}
	}
	for _, shift := range []time.Duration{-time.Hour, time.Hour, -30 * time.Minute, 30 * time.Minute} {
		if other := at.Add(shift); other.Format(layout) == text {
			return time.Time{}, []fault.Field{{Name: field, Message: "comes twice in " + in.String() + ", as the clocks are put back then: write it with its offset"}}
		}
	}
	return at, nil
}

// onlyOnce says that an instant's clock shows its time only then, to the second.
func onlyOnce(at time.Time) bool {
	_, wrong := onClock("", at.Format(wallClock), wallClock, at.Location())
	return len(wrong) == 0
}

// span reads start and end. Of whole days the end is the day after the last, as in every calendar's own format.
func span(start, end, zone string, allDay bool) (from, to time.Time, wrong []fault.Field) {
	in, known := calendar.LookupZone(zone)
	if !known {
		return from, to, []fault.Field{{Name: "time_zone", Message: "is not a time zone; use an IANA name like Europe/Berlin or a Windows name like W. Europe Standard Time"}}
	}
	from, wrong = moment("start", start, in, allDay)
	to, more := moment("end", end, in, allDay)
	if wrong = append(wrong, more...); len(wrong) > 0 {
		return from, to, wrong
	}
	switch {
	case !to.After(from) && allDay:
		wrong = []fault.Field{{Name: "end", Message: "must be the day after the last one, so a single day ends on the next"}}
	case !to.After(from):
		wrong = []fault.Field{{Name: "end", Message: "must lie after start"}}
	case to.After(from.AddDate(longest, 0, 0)):
		wrong = []fault.Field{{Name: "end", Message: "lies more than 5 years after start: no visit lasts that long, and Exchange keeps no such event"}}
	}
	return from, to, wrong
}
