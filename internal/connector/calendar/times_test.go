package calendar_test

import (
	"slices"
	"testing"
	"time"

	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/m365"
)

func TestFindTimes(t *testing.T) {
	b := start(t)
	listNobody(b)
	busy := func(user, showAs string, from, to int) {
		day := nine.Truncate(24 * time.Hour)
		bench.Do[calendar.Event](b, "calendar.event.create", bench.In{"user": user, "subject": "x", "start": rfc(day.Add(time.Duration(from) * time.Hour)), "end": rfc(day.Add(time.Duration(to) * time.Hour)), "show_as": showAs})
	}
	busy(ada, "busy", 8, 10)              // 09:00 to 11:00 in Berlin
	busy(ben, "tentative", 11, 12)        // 12:00 to 13:00
	busy(ben, "workingElsewhere", 13, 16) // no reason against a meeting
	busy(room, "free", 10, 11)            // nor is this
	const nobody = "nobody@contoso.example"
	find := func(more bench.In) bench.In {
		in := bench.In{"user": ada, "people": []string{ada, ben}, "start": "2031-03-03T09:10:00+01:00", "end": "2031-03-03T18:00:00+01:00", "duration_minutes": 60, "time_zone": "Europe/Berlin", "limit": 50}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	for _, tt := range []struct {
		name   string
		in     bench.In
		starts []string
		reason string
	}{ // the same whoever looks
		{"both free, in working hours", find(nil), []string{"11:00", "13:00", "13:30", "14:00", "14:30", "15:00", "15:30", "16:00"}, ""},
		{"at any hour", find(bench.In{"any_hour": true}), []string{"11:00", "13:00", "13:30", "14:00", "14:30", "15:00", "15:30", "16:00", "16:30", "17:00"}, ""},
		{"the first one", find(bench.In{"limit": 1}), []string{"11:00"}, ""},
		{"ben is optional: when he can comes first", find(bench.In{"people": []string{ada}, "optional_people": []string{ben}, "end": "2031-03-03T14:00:00+01:00"}), []string{"11:00", "13:00", "11:30", "12:00", "12:30"}, ""},
		{"longer than any gap", find(bench.In{"end": "2031-03-03T13:00:00+01:00", "duration_minutes": 120}), nil, "no_common_time"},
		{"nobody is known", find(bench.In{"people": []string{nobody}}), nil, "nobody_known"},
	} {
		for _, through := range []string{bench.App, bench.Person} {
			t.Run(tt.name+", "+through, func(t *testing.T) {
				in := bench.In{}
				for k, v := range tt.in {
					if k != "user" || through == bench.App {
						in[k] = v
					}
				}
				out := bench.Do[calendar.Suggestions](b, "calendar.times.find", in, bench.Through(through))
				var got []string
				for _, s := range out.Suggestions {
					got = append(got, s.Start.Format("15:04"))
				}
				if !slices.Equal(got, tt.starts) || out.Reason != tt.reason || out.Method != methods[through] {
					t.Errorf("by %s: got %v %q, want %v %q", out.Method, got, out.Reason, tt.starts, tt.reason)
				}
			})
		}
	}
	t.Run("by its own finer grid", func(t *testing.T) {
		out := bench.Do[calendar.Suggestions](b, "calendar.times.find", find(bench.In{"duration_minutes": 45, "end": "2031-03-03T12:30:00+01:00"}))
		if len(out.Suggestions) != 2 || out.Suggestions[1].Start.Format("15:04") != "11:15" {
			t.Errorf("got %+v", out)
		}
	})
	for _, through := range []string{bench.App, bench.Person} {
		t.Run("somebody unknown counts against certainty, not against the time, "+through, func(t *testing.T) {
			out := bench.Do[calendar.Suggestions](b, "calendar.times.find", find(bench.In{"people": []string{ada, nobody}, "limit": 1}), bench.Through(through))
			if len(out.Suggestions) != 1 || out.Suggestions[0].Confidence != 50 || len(out.Unknown) != 1 || out.Unknown[0].Address != nobody || out.Suggestions[0].People[1].Status != "unknown" {
				t.Errorf("got %+v", out)
			}
		})
		t.Run("on a sunday nobody works, "+through, func(t *testing.T) {
			out := bench.Do[calendar.Suggestions](b, "calendar.times.find", find(bench.In{"start": "2031-03-02T09:00:00+01:00", "end": "2031-03-02T18:00:00+01:00"}), bench.Through(through))
			if len(out.Suggestions) != 0 || out.Reason == "" {
				t.Errorf("got %+v", out)
			}
		})
	}
}

// methods tell who looks: Microsoft's own search is for people.
var methods = map[string]string{bench.App: "free_busy", bench.Person: "microsoft", bench.Customer: "free_busy"}

// Without the permission, or when Microsoft refuses in spite of it, a person's times are found as an app's are.
func TestFindTimesWithoutMicrosoftsSearch(t *testing.T) {
	b := start(t)
	b.AddCustomer(m365.Calendar)
	in := func(who string) bench.In {
		return bench.In{"people": []string{who}, "start": rfc(nine), "end": rfc(nine.Add(4 * time.Hour)), "duration_minutes": 60}
	}
	asked := func() int { return b.Sent("POST", "/findMeetingTimes") }
	out := bench.Do[calendar.Suggestions](b, "calendar.times.find", in("sam@fabrikam.example"), bench.Through(bench.Customer))
	if out.Method != "free_busy" || len(out.Suggestions) == 0 || asked() != 0 {
		t.Errorf("without the permission: got %+v after %d questions", out, asked())
	}
	refused := bench.FaultAt("status", "POST", "/findMeetingTimes")
	refused.Status, refused.Code = 403, "ErrorAccessDenied"
	b.Fault(refused)
	if out := bench.Do[calendar.Suggestions](b, "calendar.times.find", in(ben), bench.Through(bench.Person)); out.Method != "free_busy" || len(out.Suggestions) == 0 || asked() != 1 {
		t.Errorf("refused: got %+v after %d questions", out, asked())
	}
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/findMeetingTimes"))
	if out := bench.Do[calendar.Suggestions](b, "calendar.times.find", in(ben), bench.Through(bench.Person)); out.Method != "microsoft" {
		t.Errorf("an answer that was lost is asked for again: got %+v", out)
	}
}
