package calendar_test

import (
	"testing"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/internal/bench"
)

func TestAnEventIsFoundByItsReferenceInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			whose := func(more bench.In) bench.In {
				if through == bench.Person {
					delete(more, "user")
				}
				return more
			}
			reference := "job-4711 ' (" + through + ")"
			made := bench.Do[calendar.Event](b, "calendar.event.create", whose(visit(bench.In{"reference": reference})), bench.Through(through))
			bench.Do[calendar.Event](b, "calendar.event.create", whose(visit(bench.In{"reference": reference + "2"})), bench.Through(through))
			later := nine.AddDate(0, 1, 0)
			bench.Do[calendar.Event](b, "calendar.event.update", whose(bench.In{"user": ada, "event": made.ID, "start": rfc(later), "end": rfc(later.Add(time.Hour))}), bench.Through(through))
			found := bench.Do[calendar.Referred](b, "calendar.event.find", whose(bench.In{"user": ada, "reference": reference}), bench.Through(through)).Events
			if len(found) != 1 || found[0].ID != made.ID || !found[0].Start.Equal(later) || found[0].ETag == "" || found[0].Reference != reference {
				t.Errorf("got %+v", found)
			}
			bench.Do[calendar.Event](b, "calendar.event.create", whose(visit(nil)), bench.Through(through))
			all := map[string]bool{}
			for _, e := range bench.Do[calendar.Referred](b, "calendar.event.find", whose(bench.In{"user": ada}), bench.Through(through)).Events {
				all[e.Reference] = true
			}
			if !all[reference] || !all[reference+"2"] || all[""] {
				t.Errorf("all that have one: got %v", all)
			}
			bench.Do[calendar.Deleted](b, "calendar.event.delete", whose(bench.In{"user": ada, "event": made.ID}), bench.Through(through))
			if found := bench.Do[calendar.Referred](b, "calendar.event.find", whose(bench.In{"user": ada, "reference": reference}), bench.Through(through)).Events; len(found) != 0 {
				t.Errorf("after deleting: got %+v", found)
			}
		})
	}
}

// Who has read the event need not have it read again; what it was is told from its version then.
func TestAnUpdateThatTrustsItsVersion(t *testing.T) {
	for _, tt := range []struct{ name, kind string }{
		{"without trouble", ""},
		{"the answer is lost", "timeout_after_accept"},
		{"the request is lost, and sent again as its version protects it", "reset"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			made := bench.Do[calendar.Event](b, "calendar.event.create", visit(nil))
			in := bench.In{"user": ada, "event": made.ID, "subject": "New", "if_match": made.ETag, "skip_read": true}
			read := b.Sent("GET", "/events/")
			if tt.kind != "" {
				b.Fault(bench.FaultAt(tt.kind, "PATCH", "/events/"))
			}
			if tt.kind == "timeout_after_accept" {
				if run := b.Unclear("calendar.event.update", in); b.Look(run) != action.Done {
					t.Error("our own change is not known")
				}
			} else {
				bench.Do[calendar.Event](b, "calendar.event.update", in)
				if got := b.Sent("GET", "/events/") - read; got != 0 {
					t.Errorf("it was read %d times", got)
				}
			}
			in["subject"] = "Newer" // of the version that is gone
			if f := b.Refused("calendar.event.update", in); f.Code != "changed_meanwhile" {
				t.Errorf("an old version: got %v", f)
			}
			if got := events(b, ada, 1); len(got) != 1 || got[0].Subject != "New" {
				t.Errorf("got %+v", got)
			}
		})
	}
	if f := start(t).Refused("calendar.event.update", bench.In{"user": ada, "event": "x", "subject": "New", "skip_read": true}); len(f.Fields) != 1 || f.Fields[0].Name != "skip_read" {
		t.Errorf("without a version: got %+v", f)
	}
}
