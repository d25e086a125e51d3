package e2e

import (
	"bytes"
	"testing"
	"time"
)

// exerciseSeries makes a series and does to one occurrence what can be done to it.
func exerciseSeries(t *testing.T, do perform, now time.Time, other string) {
	t.Helper()
	start := now.Add(48 * time.Hour).Truncate(time.Hour)
	at := func(day int) string { return start.AddDate(0, 0, day).Format(time.RFC3339) }
	series := do("calendar.event.create", map[string]any{"subject": "Round", "start": at(0), "end": start.Add(time.Hour).Format(time.RFC3339), "allows_proposals": true, "asks_for_answers": true,
		"attendees": []map[string]any{{"address": other}}, "recurrence": map[string]any{"frequency": "daily", "count": 5}})["id"]
	occurrence := func(i int) any {
		return do("calendar.event.instances", map[string]any{"event": series, "start": at(0), "end": at(9)})["events"].([]any)[i].(map[string]any)["id"]
	}
	do("calendar.event.update", map[string]any{"event": occurrence(0), "subject": "Round, late"})
	do("calendar.event.delete", map[string]any{"event": occurrence(1)})
	do("calendar.event.cancel", map[string]any{"event": occurrence(1), "comment": "Not this time"})
	do("calendar.series.get", map[string]any{"event": occurrence(1)})
	do("calendar.event.forward", map[string]any{"event": series, "to": []string{"support@contoso.example"}, "comment": "Come along"})
	do("calendar.event.delete", map[string]any{"event": series})
}

// exerciseEventFiles puts a small file and one that needs an upload session on an event.
func exerciseEventFiles(t *testing.T, do perform, now time.Time) {
	t.Helper()
	start := now.Add(72 * time.Hour).Truncate(time.Hour)
	event := do("calendar.event.create", map[string]any{"subject": "With files", "start": start.Format(time.RFC3339), "end": start.Add(time.Hour).Format(time.RFC3339)})["id"]
	small := do("calendar.attachment.add", map[string]any{"event": event, "name": "Plan.txt"}, map[string][]byte{"file": []byte("Bring the keys")})["id"]
	do("calendar.attachment.add", map[string]any{"event": event}, map[string][]byte{"file": bytes.Repeat([]byte("x"), 3_000_000)})
	do("calendar.attachment.list", map[string]any{"event": event})
	do("calendar.attachment.get", map[string]any{"event": event, "attachment": small})
	do("calendar.attachment.download", map[string]any{"event": event, "attachment": small})
	do("calendar.attachment.delete", map[string]any{"event": event, "attachment": small})
}

// exerciseSharing makes calendars and groups, and shares them.
func exerciseSharing(t *testing.T, do perform, other string) {
	t.Helper()
	group := do("calendar.group.create", map[string]any{"name": "Customers"})["id"]
	do("calendar.group.rename", map[string]any{"group": group, "name": "Clients"})
	do("calendar.group.list", map[string]any{})
	within := do("calendar.calendar.create", map[string]any{"name": "Fabrikam", "color": "lightTeal", "group": group})["id"]
	second := do("calendar.calendar.create", map[string]any{"name": "Second"})["id"]
	do("calendar.calendar.list", map[string]any{"group": group})
	do("calendar.calendar.update", map[string]any{"calendar": within, "name": "Fabrikam Inc."})
	do("calendar.calendar.update", map[string]any{"color": "lightRed"})
	for _, of := range []any{nil, within} {
		in := func(more map[string]any) map[string]any {
			if of != nil {
				more["calendar"] = of
			}
			return more
		}
		shared := do("calendar.permission.create", in(map[string]any{"address": other, "role": "read"}))["id"]
		do("calendar.permission.update", in(map[string]any{"permission": shared, "role": "limitedRead"}))
		do("calendar.permission.list", in(map[string]any{}))
		do("calendar.permission.delete", in(map[string]any{"permission": shared}))
	}
	do("calendar.calendar.delete", map[string]any{"calendar": second})
	do("calendar.calendar.delete", map[string]any{"calendar": within})
	do("calendar.group.delete", map[string]any{"group": group})
}

// exerciseRooms reads the rooms of an organization; what is known of one, people alone can change.
func exerciseRooms(t *testing.T, do perform, person bool) {
	t.Helper()
	lists := do("calendar.room_list.list", map[string]any{})["places"].([]any)
	do("calendar.room.list", map[string]any{})
	room := do("calendar.room.list", map[string]any{"list": lists[0].(map[string]any)["address"]})["places"].([]any)[0].(map[string]any)["address"]
	do("calendar.place.get", map[string]any{"place": room})
	if person {
		do("calendar.place.update", map[string]any{"place": room, "capacity": 14, "tags": []string{"window"}, "accessible": true})
	}
}
