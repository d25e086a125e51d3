package calendar_test

import (
	"strings"
	"testing"

	"seneschal/internal/action"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/internal/bench"
)

// A day has an event also where the clocks are put forward at midnight, so that it begins later: to Microsoft it goes as its date.
func TestWholeDaysWithoutMidnight(t *testing.T) {
	for _, tt := range []struct{ name, zone, start, end, from, to string }{
		{"it begins so", "Africa/Cairo", "2027-04-30T01:00:00+03:00", "2027-05-01T00:00:00+03:00", "2027-04-30", "2027-05-01"},
		{"it ends so", "Africa/Cairo", "2027-04-29T00:00:00+02:00", "2027-04-30T01:00:00+03:00", "2027-04-29", "2027-04-30"},
		{"west of Greenwich", "America/Santiago", "2027-09-05T01:00:00-03:00", "2027-09-06T00:00:00-03:00", "2027-09-05", "2027-09-06"},
		{"midnight comes twice", "America/Havana", "2027-11-07T00:00:00-04:00", "2027-11-08T00:00:00-05:00", "2027-11-07", "2027-11-08"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			in := bench.In{"user": ada, "subject": "Fair", "all_day": true, "time_zone": tt.zone, "start": tt.start, "end": tt.end}
			made := bench.Do[calendar.Event](b, "calendar.event.create", in)
			b.Fault(bench.FaultAt("timeout_after_accept", "PATCH", "/events/"))
			in["event"], in["subject"] = made.ID, "Trade fair"
			if got := b.Look(b.Unclear("calendar.event.update", in)); got != action.Done { // the event is compared with what was wanted
				t.Errorf("the change whose answer was lost: %s", got)
			}
			got := bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": made.ID, "time_zone": tt.zone})
			if !got.AllDay || rfc(got.Start) != tt.start || rfc(got.End) != tt.end || got.Subject != "Trade fair" {
				t.Errorf("got %+v", got)
			}
			plain := bench.Do[calendar.Event](b, "calendar.event.get", bench.In{"user": ada, "event": made.ID, "time_zone": "UTC"})
			if from, to := rfc(plain.Start), rfc(plain.End); !strings.HasPrefix(from, tt.from+"T00:00:00") || !strings.HasPrefix(to, tt.to+"T00:00:00") {
				t.Errorf("from %s to %s", from, to)
			}
		})
	}
}
