package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Of many slots those are named which cannot go through another connection, all of them; and who moves one to a technician of another connection is
// told what is in the way, not to list them on the slot's own.
func TestWhatIsInTheWayIsNamed(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	f := dispatchForm(h)
	f.Name, f.Mailboxes = "theirs", dispatched(dispatching)
	h.Connect(f)
	var all []any
	for i := range 5 {
		all = append(all, slotFor(h, fmt.Sprint("job-", i), ada, nil))
	}
	operated[dispatch.Outcome](t, h, "dispatch.slot.put_all", map[string]any{"slots": all})
	for i := range 5 {
		slotIs(t, h, fmt.Sprint("job-", i), dispatch.Placed)
	}
	all[1], all[3] = slotFor(h, "job-1", dispatching, nil), slotFor(h, "job-3", dispatching, nil)
	_, err := runAs(t, h, planner(), "dispatch.slot.put_all", map[string]any{"slots": all})
	got := fault.As(err)
	if got == nil || len(got.Fields) != 2 || got.Fields[0].Name != "slots[1].connection" || got.Fields[1].Name != "slots[3].connection" || !strings.Contains(got.Fields[1].Message, "job-3") {
		t.Errorf("of many it says %+v", got)
	}
	if s := slotIs(t, h, "job-1", dispatch.Placed); s.Technician != ada {
		t.Errorf("one of what was refused went to %s", s.Technician)
	}
	_, err = runAs(t, h, planner(), "dispatch.slot.move", map[string]any{"external_id": "job-3", "technician": dispatching})
	if got = fault.As(err); got == nil || len(got.Fields) != 1 || got.Fields[0].Name != "connection" || !strings.Contains(got.Fields[0].Message, "cancel it first") {
		t.Errorf("of a move it says %+v", got)
	}
	_, err = runAs(t, h, planner(), "dispatch.slot.put", slotFor(h, "new", dispatching, map[string]any{"connection": "c"}))
	if got = fault.As(err); got == nil || len(got.Fields) != 1 || !strings.Contains(got.Fields[0].Message, "but on theirs") {
		t.Errorf("of a technician listed elsewhere it says %+v", got)
	}
}

// What else lies at the same hours as a slot is told: a slot's own entry in the calendar is one, and shows as the slot does.
func TestWhatLiesBesideASlotIsBusy(t *testing.T) {
	t.Parallel()
	h := dispatchHub(t, store.SQLite)
	put(t, h, slotFor(h, "1", ada, nil))
	slotIs(t, h, "1", dispatch.Placed)
	asked := map[string]any{"technician": ada, "external_id": "1", "start": monday(h).Format(time.RFC3339), "end": monday(h).Add(time.Hour).Format(time.RFC3339)}
	if got := operated[dispatch.Conflicts](t, h, "dispatch.conflict.list", asked); len(got.Busy)+len(got.Slots) > 0 || got.Unknown != "" {
		t.Errorf("the slot is in its own way: %+v", got)
	}
	for i, shows := range []string{"oof", "busy"} {
		in := map[string]any{"user": ada, "subject": "Dentist", "start": monday(h), "end": monday(h).Add(time.Hour), "show_as": shows}
		if _, err := runOn(t, h, access.Local("test"), "calendar.event.create", "c", in); err != nil {
			t.Fatal(err)
		}
		if got := operated[dispatch.Conflicts](t, h, "dispatch.conflict.list", asked); len(got.Busy) != i+1 {
			t.Errorf("with something that shows as %s it is %+v", shows, got.Busy)
		}
	}
}
