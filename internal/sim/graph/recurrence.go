package graph

import (
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"seneschal/internal/sim/world"
	"seneschal/internal/sim/zone"
)

var weekdays = map[string]rrule.Weekday{"monday": rrule.MO, "tuesday": rrule.TU, "wednesday": rrule.WE, "thursday": rrule.TH, "friday": rrule.FR, "saturday": rrule.SA, "sunday": rrule.SU}

var indexes = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}

// rule turns a patternedRecurrence into a recurrence rule on the wall clock of the series' zone.
func rule(master world.Object) (*rrule.RRule, bool) {
	rec, _ := master["recurrence"].(world.Object)
	pattern, span := paramObject(rec, "pattern"), paramObject(rec, "range")
	if pattern == nil || span == nil {
		return nil, false
	}
	start := world.Instant(master["start"]).In(seriesZone(master))
	if world.Flag(master, "isAllDay") {
		start = world.Instant(master["start"])
	}
	opt := rrule.ROption{Dtstart: start, Interval: max(1, world.Number(pattern, "interval"))}
	if !setPattern(&opt, pattern) {
		return nil, false
	}
	switch strings.ToLower(paramText(span, "type")) {
	case "enddate":
		end, err := time.ParseInLocation(time.DateOnly, paramText(span, "endDate"), start.Location())
		if err != nil {
			return nil, false
		}
		opt.Until = end.AddDate(0, 0, 1).Add(-time.Second)
	case "numbered":
		opt.Count = world.Number(span, "numberOfOccurrences")
	case "noend":
	default:
		return nil, false
	}
	r, err := rrule.NewRRule(opt)
	return r, err == nil
}

// seriesZone is by whose clock a series repeats.
func seriesZone(master world.Object) *time.Location {
	rec, _ := master["recurrence"].(world.Object)
	for _, name := range []string{paramText(paramObject(rec, "range"), "recurrenceTimeZone"), world.Text(master, "originalStartTimeZone")} {
		if loc, known := zone.Load(name); known {
			return loc
		}
	}
	return time.UTC
}

func setPattern(opt *rrule.ROption, pattern world.Object) bool {
	days := []rrule.Weekday{}
	for _, d := range world.Strings(param(pattern, "daysOfWeek")) {
		days = append(days, weekdays[strings.ToLower(d)])
	}
	nth := func() {
		n := indexes[strings.ToLower(paramText(pattern, "index"))]
		if n == 0 {
			n = 1
		}
		opt.Byweekday, opt.Bysetpos = days, []int{n}
	}
	switch strings.ToLower(paramText(pattern, "type")) {
	case "daily":
		opt.Freq = rrule.DAILY
	case "weekly":
		opt.Freq, opt.Byweekday = rrule.WEEKLY, days
		opt.Wkst = weekdays[strings.ToLower(paramText(pattern, "firstDayOfWeek"))]
	case "absolutemonthly":
		opt.Freq, opt.Bymonthday = rrule.MONTHLY, []int{world.Number(pattern, "dayOfMonth")}
	case "relativemonthly":
		opt.Freq = rrule.MONTHLY
		nth()
	case "absoluteyearly":
		opt.Freq, opt.Bymonth, opt.Bymonthday = rrule.YEARLY, []int{world.Number(pattern, "month")}, []int{world.Number(pattern, "dayOfMonth")}
	case "relativeyearly":
		opt.Freq, opt.Bymonth = rrule.YEARLY, []int{world.Number(pattern, "month")}
		nth()
	default:
		return false
	}
	return true
}

// mostOccurrences bounds what one expansion gives.
const mostOccurrences = 5000

// occurrence is one instance of a series, or a single event as it is.
type occurrence struct {
	key      string // of the stored object the instance comes from
	original int64  // unix seconds of the slot in the series; 0: a stored event
	object   world.Object
}

// occurrences expands a series in a window: the rule, without what was cancelled or replaced by an exception.
func (s *Server) occurrences(box, key string, master world.Object, from, to time.Time) []occurrence {
	r, good := rule(master)
	if !good {
		return nil
	}
	length := world.Instant(master["end"]).Sub(world.Instant(master["start"]))
	skip := map[string]bool{}
	for _, c := range world.Strings(master["~cancelled"]) {
		skip[c] = true
	}
	for _, x := range s.world.Scan(box, world.Events) {
		if world.Text(x, "seriesMasterId") == key {
			skip[world.Text(x, "~original")] = true
		}
	}
	var out []occurrence
	for _, at := range r.Between(from.Add(-length), to, true) {
		if len(out) == mostOccurrences {
			break
		}
		if skip[world.Stamp(at)] || !at.Before(to) || !at.Add(length).After(from) && length > 0 {
			continue
		}
		out = append(out, occurrence{key: key, original: at.Unix(), object: instance(key, master, at, length)})
	}
	return out
}

// instance makes one occurrence. Its iCalUId differs from the other occurrences': graph/FACTS §8.
func instance(key string, master world.Object, at time.Time, length time.Duration) world.Object {
	o := world.Clone(master)
	o["type"], o["seriesMasterId"], o["recurrence"] = "occurrence", key, nil
	o["start"], o["end"] = world.UTC(at), world.UTC(at.Add(length))
	o["iCalUId"] = world.Text(master, "iCalUId") + at.UTC().Format(dayOfUID)
	o["originalStart"] = world.Stamp(at)
	return o
}
