package calendar_test

import (
	"testing"
	"time"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

func TestAPersonalAccountIsToldWhatItDoesNotHave(t *testing.T) {
	b := start(t)
	b.AddPrivate(m365.Calendar)
	now := b.Clock.Now()
	span := bench.In{"start": now.Format(time.RFC3339), "end": now.Add(24 * time.Hour).Format(time.RFC3339)}
	if _, err := b.Call("calendar.event.list", span, bench.Through(bench.Private)); err != nil {
		t.Errorf("its own calendar: %v", err)
	}
	before := len(b.Sim.Requests())
	f := b.Refused("calendar.schedule.get", bench.In{"start": span["start"], "end": span["end"], "people": []string{"pat@outlook.example"}}, bench.Through(bench.Private))
	if f.Kind != fault.NotSupported || f.Code != "account_type_not_supported" || len(f.Alternatives) == 0 || len(f.WrongFixes) == 0 {
		t.Errorf("got %+v", f)
	}
	if n := len(b.Sim.Requests()); n != before {
		t.Error("Microsoft was asked")
	}
}

func TestRetiredThingsNameTheNextStep(t *testing.T) {
	b := start(t)
	for _, name := range []string{"drive.item.shared_with_me", "drive.item.recent", "teams.connector.post", "mail.ews"} {
		if f := b.Refused(name, bench.In{}); f.Code != "retired" || f.Fix == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := b.Refused("drive.item.sing", bench.In{}); f.Kind != fault.NotFound {
		t.Errorf("a name that never was: %+v", f)
	}
}
