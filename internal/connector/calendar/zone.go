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

// tells reports whether the zone's clock tells the instant apart from every other: in the hour that comes twice in autumn it does not.
func (z zone) tells(t time.Time) bool {
	back, err := time.ParseInLocation(wallClock, t.In(z.Location).Format(wallClock), z.Location)
	return err == nil && back.Equal(t.Truncate(100*time.Nanosecond))
}

func (z zone) midnight(t time.Time) bool {
	hour, minute, second := t.In(z.Location).Clock()
	return hour+minute+second == 0
}

// instant reads a time that Graph gave, and shows it in z. Whole days have no instant: their dates are taken as z's.
func (z zone) instant(d graph.DateTimeTimeZone, allDay bool) time.Time {
	from, known := findZone(d.TimeZone)
	if allDay || !known {
		from = z
	}
	t, err := d.In(from.Location)
	if err != nil {
		return time.Time{}
	}
	return t.In(z.Location)
}

// LookupZone finds a zone by Windows or IANA name, for who reads times before they become an event's; without a name it is UTC.
func LookupZone(name string) (*time.Location, bool) {
	z, known := findZone(name)
	return z.Location, known
}
