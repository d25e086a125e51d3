package recurrence

import (
	"fmt"
	"slices"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Rule is how something repeats.
type Rule struct {
	Frequency  string   `json:"frequency" enum:"daily,weekly,monthly,monthly_by_weekday,yearly,yearly_by_weekday" doc:"monthly: by day_of_month; monthly_by_weekday: by index and days_of_week, such as the last Friday"`
	Interval   int      `json:"interval,omitempty" minimum:"1" maximum:"99" doc:"Every so many days, weeks, months or years; 1 without"`
	DaysOfWeek []string `json:"days_of_week,omitempty" doc:"sunday to saturday"`
	DayOfMonth int      `json:"day_of_month,omitempty" minimum:"1" maximum:"31" doc:"For monthly and yearly"`
	Month      int      `json:"month,omitempty" minimum:"1" maximum:"12" doc:"For the yearly ones"`
	Index      string   `json:"index,omitempty" enum:"first,second,third,fourth,last" doc:"Which of the weekdays, for the by_weekday ones; first without"`
	Until      string   `json:"until,omitempty" doc:"Last possible date, like 2026-12-31; neither until nor count repeats without end"`
	Count      int      `json:"count,omitempty" minimum:"1" maximum:"999" doc:"Number of occurrences"`
}

// patterns are Outlook's names for the frequencies, and what each needs (recurrencePattern).
var patterns = map[string]struct {
	name                      string
	weekdays, monthday, month bool
}{
	"daily": {name: "daily"}, "weekly": {name: "weekly", weekdays: true},
	"monthly": {name: "absoluteMonthly", monthday: true}, "monthly_by_weekday": {name: "relativeMonthly", weekdays: true},
	"yearly": {name: "absoluteYearly", monthday: true, month: true}, "yearly_by_weekday": {name: "relativeYearly", weekdays: true, month: true},
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// Wrong names what the frequency lacks, of something that is first on start's date by a place's clock.
func (r Rule) Wrong(start time.Time, at *time.Location) []fault.Field {
	var out []fault.Field
	bad := func(name, format string, args ...any) {
		out = append(out, fault.Field{Name: "recurrence." + name, Message: fmt.Sprintf(format, args...)})
	}
	p := patterns[r.Frequency]
	for i, d := range r.DaysOfWeek {
		if !slices.Contains(weekdays, d) {
			bad(fmt.Sprintf("days_of_week[%d]", i), "is not one of %v", weekdays)
		}
	}
	if p.weekdays && len(r.DaysOfWeek) == 0 {
		bad("days_of_week", "is missing: %s repeats on weekdays", r.Frequency)
	}
	if p.monthday && r.DayOfMonth == 0 {
		bad("day_of_month", "is missing: %s repeats on a day of the month", r.Frequency)
	}
	if p.month && r.Month == 0 {
		bad("month", "is missing: %s repeats in a month", r.Frequency)
	}
	if r.Until != "" {
		last, err := time.ParseInLocation(time.DateOnly, r.Until, at)
		switch {
		case err != nil:
			bad("until", "is not a date like 2026-12-31")
		case !last.AddDate(0, 0, 1).After(start):
			bad("until", "lies before the start")
		case r.Count != 0:
			bad("count", "does not go with until: give one of them")
		}
	}
	return out
}

// Pattern writes the rule as it begins on start's date by a place's clock. zone is the place's name as Microsoft shall keep it.
func (r Rule) Pattern(start time.Time, at *time.Location, zone string) *graph.Recurrence {
	p := patterns[r.Frequency]
	out := &graph.Recurrence{Pattern: graph.RecurrencePattern{Type: p.name, Interval: max(r.Interval, 1)},
		Range: graph.RecurrenceRange{Type: "noEnd", StartDate: start.In(at).Format(time.DateOnly), RecurrenceTimeZone: zone}}
	if p.weekdays {
		out.Pattern.DaysOfWeek = r.DaysOfWeek
		if r.Frequency != "weekly" {
			out.Pattern.Index = "first"
			if r.Index != "" {
				out.Pattern.Index = r.Index
			}
		}
	}
	if p.monthday {
		out.Pattern.DayOfMonth = r.DayOfMonth
	}
	if p.month {
		out.Pattern.Month = r.Month
	}
	switch {
	case r.Until != "":
		out.Range.Type, out.Range.EndDate = "endDate", r.Until
	case r.Count != 0:
		out.Range.Type, out.Range.NumberOfOccurrences = "numbered", r.Count
	}
	return out
}

// Of reads a rule; nil where there is none.
func Of(g *graph.Recurrence) *Rule {
	if g == nil {
		return nil
	}
	r := &Rule{Frequency: g.Pattern.Type, Interval: g.Pattern.Interval, DaysOfWeek: g.Pattern.DaysOfWeek, DayOfMonth: g.Pattern.DayOfMonth, Month: g.Pattern.Month, Count: g.Range.NumberOfOccurrences}
	for name, p := range patterns {
		if p.name == g.Pattern.Type {
			r.Frequency = name
			if p.weekdays && name != "weekly" {
				r.Index = g.Pattern.Index
			}
		}
	}
	if g.Range.Type == "endDate" {
		r.Until = g.Range.EndDate
	}
	return r
}
