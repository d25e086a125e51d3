package calendar

import (
	_ "embed"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a slim container has no zone database, and a zone that exists must not be refused there

	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

//go:embed windows.tsv
var windows string

// windowsZones gives the IANA name of each Windows name, in lower case: Outlook takes and answers with either (graph/FACTS §8).
var windowsZones = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(windows) {
		if name, iana, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && name[0] != '#' {
			out[strings.ToLower(name)] = iana
		}
	}
	return out
})

// zone is a time zone under the name that its user gave it.
type zone struct {
	name string
	*time.Location
}

// findZone finds a zone by Windows or IANA name; without a name it is UTC.
func findZone(name string) (zone, bool) {
	iana := name
	if name == "" || strings.EqualFold(name, "utc") {
		return zone{"UTC", time.UTC}, true
	}
	if w, ok := windowsZones()[strings.ToLower(name)]; ok {
		iana = w
	}
	loc, err := time.LoadLocation(iana)
	return zone{name, loc}, err == nil && iana != "Local"
}

func noZone(field string) fault.Field {
	return fault.Field{Name: field, Message: "is not a time zone; use an IANA name like Europe/Berlin or a Windows name like W. Europe Standard Time"}
}

const wallClock = "2006-01-02T15:04:05.0000000"

// at is the instant on the zone's clock.
func (z zone) at(t time.Time) *graph.DateTimeTimeZone {
	return &graph.DateTimeTimeZone{DateTime: t.In(z.Location).Format(wallClock), TimeZone: z.name}
}

// date is the instant's date on the zone's clock, as whole days are written: from midnight to midnight, also where the clocks skip that.
func (z zone) date(t time.Time) *graph.DateTimeTimeZone {
	y, m, d := t.In(z.Location).Date()
	return &graph.DateTimeTimeZone{DateTime: time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Format(wallClock), TimeZone: z.name}
}

// tells reports whether the zone's clock tells the instant apart from every other: in the hour that comes twice in autumn it does not.
func (z zone) tells(t time.Time) bool {
	back, err := time.ParseInLocation(wallClock, t.In(z.Location).Format(wallClock), z.Location)
	return err == nil && back.Equal(t.Truncate(100*time.Nanosecond))
}

// begins reports whether a day begins at the instant.
func (z zone) begins(t time.Time) bool {
	return t.Equal(DayIn(t.In(z.Location), z.Location))
}

// DayIn is when a date begins on a zone's clock: at midnight, or when the clocks are put forward over it.
func DayIn(date time.Time, zone *time.Location) time.Time {
	y, m, d := date.Date()
	begin := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if begin.Day() != d { // where midnight does not exist, this is an hour to either side of it
		_, begin = begin.ZoneBounds()
	}
	return begin
}

// instant reads a time that Graph gave, and shows it in z. Whole days have no instant: their dates are taken as z's.
func (z zone) instant(d graph.DateTimeTimeZone, allDay bool) time.Time {
	from, known := findZone(d.TimeZone)
	switch {
	case allDay:
		from = zone{Location: time.UTC}
	case !known:
		from = z
	}
	t, err := d.In(from.Location)
	switch {
	case err != nil:
		return time.Time{}
	case allDay:
		return DayIn(t, z.Location)
	}
	return t.In(z.Location)
}

// LookupZone finds a zone by Windows or IANA name, for who reads times before they become an event's; without a name it is UTC.
func LookupZone(name string) (*time.Location, bool) {
	z, known := findZone(name)
	return z.Location, known
}
