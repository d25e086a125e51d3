package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/store"
)

// Slots are placed also where the clock shows a time twice, and where a day has no midnight; what somebody changes by hand there is told
// from what was written.
func TestSlotsAreThereWhenTheClocksAreChanged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, zone, start, end string
		allDay                 bool
		from, to               string // as the calendar has it, in UTC
	}{
		{"the first of two hours", "Europe/Berlin", "2027-10-31T02:30:00+02:00", "2027-10-31T04:00:00+01:00", false, "2027-10-31T00:30:00Z", "2027-10-31T03:00:00Z"},
		{"the second of two hours", "Europe/Berlin", "2027-10-31T02:30:00+01:00", "2027-10-31T04:00:00+01:00", false, "2027-10-31T01:30:00Z", "2027-10-31T03:00:00Z"},
		{"until the second", "Europe/Berlin", "2027-10-31T01:00:00+02:00", "2027-10-31T02:30:00+01:00", false, "2027-10-30T23:00:00Z", "2027-10-31T01:30:00Z"},
		{"a day without midnight", "Africa/Cairo", "2027-04-30", "2027-05-01", true, "2027-04-30T00:00:00Z", "2027-05-01T00:00:00Z"},
		{"the day before it", "Africa/Cairo", "2027-04-29", "2027-04-30", true, "2027-04-29T00:00:00Z", "2027-04-30T00:00:00Z"},
		{"one in the west", "America/Santiago", "2027-09-05", "2027-09-06", true, "2027-09-05T00:00:00Z", "2027-09-06T00:00:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := dispatchHub(t, store.SQLite)
			said := map[string]any{"time_zone": tt.zone, "start": tt.start, "end": tt.end, "all_day": tt.allDay}
			put(t, h, slotFor(h, "1", ada, said))
			s := slotIs(t, h, "1", dispatch.Placed, dispatch.Failed)
			if s.State == dispatch.Failed {
				t.Fatalf("refused: %+v", s.Problem)
			}
			said["location"] = "Harbour 2"
			put(t, h, slotFor(h, "1", ada, said))
			s = slotIs(t, h, "1", dispatch.Placed)
			e := eventOf(t, h, s)
			if e.AllDay != tt.allDay || e.Location != "Harbour 2" || e.Start.Format(time.RFC3339) != tt.from || e.End.Format(time.RFC3339) != tt.to {
				t.Errorf("the calendar has %+v", e.Summary)
			}
			walked(t, h)
			byHand(t, h, "calendar.event.update", map[string]any{"user": ada, "event": s.Event, "location": "Elsewhere"})
			if s = slotIs(t, h, "1", dispatch.Drifted); len(s.Drift) != 1 || s.Drift[0].Field != "location" {
				t.Errorf("drifted: %+v", s.Drift)
			}
			resolve(t, h, "calendar")
			s = operated[dispatch.Slot](t, h, "dispatch.slot.move", map[string]any{"external_id": "1", "day": "2027-06-02"})
			if tt.allDay && s.Start.Format(time.DateOnly) != "2027-06-02" || !tt.allDay && s.Start.Format(time.DateTime) != "2027-06-02 "+tt.start[11:19] {
				t.Errorf("moved to %s", s.Start)
			}
			slotIs(t, h, "1", dispatch.Placed)
			nobodyWasMailed(t, h)
		})
	}
}

// eventOf is a slot's event as Microsoft has it, in UTC.
func eventOf(t *testing.T, h *app.Hub, s dispatch.Slot) (e calendar.Event) {
	t.Helper()
	r, err := runOn(t, h, access.Local("test"), "calendar.event.get", "c", map[string]any{"user": s.Technician, "event": s.Event, "time_zone": "UTC"})
	if err == nil {
		err = json.Unmarshal(r.Output, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}
