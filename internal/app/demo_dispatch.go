package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/sim"
)

// demoSlot is how one slot of the demo's board stands in the end.
type demoSlot struct {
	Slot       string         `json:"slot"`
	Technician string         `json:"technician"`
	State      dispatch.State `json:"state"`
	Problem    string         `json:"problem,omitempty"`
}

// demoDelivery is how the demo's invoice stands in the end.
type demoDelivery struct {
	State delivery.State `json:"state"`
	Mode  string         `json:"mode"`
	Proof string         `json:"proof"`
}

// demoStates are how the demo's slots stand in the end.
var demoStates = []struct {
	id    string
	state dispatch.State
}{{"visit", dispatch.Placed}, {"moved", dispatch.Drifted}, {"perhaps", dispatch.Placed}, {"invited", dispatch.Held}, {"busy", dispatch.Planned}, {"moving", dispatch.Placing}, {"off", dispatch.Withdrawn}, {"waits", dispatch.Failed}}

// plan puts slots onto the board: one that stays as planned, one that its technician moves by hand, one that its technician invites somebody to
// before it is changed, one whose mailbox Microsoft asks to leave alone for a quarter of an hour, one whose mailbox Microsoft is moving, one that is
// cancelled, and one that waits for the other tenant's consent.
func (d *demo) plan(ctx context.Context, technicians []string) []demoSlot {
	day := d.app.Clock.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	slot := func(id, technician, subject string, hour int, more map[string]any) map[string]any {
		in := map[string]any{"external_id": "demo-" + id, "connection": "contoso", "source": "demo", "technician": technician, "start": day.Add(time.Duration(hour) * time.Hour).Format(time.RFC3339),
			"end": day.Add(time.Duration(hour+2) * time.Hour).Format(time.RFC3339), "subject": subject, "customer": "Northwind Traders", "location": "Harbour 1", "reminder_minutes": 30}
		for name, v := range more {
			in[name] = v
		}
		return in
	}
	last := technicians[len(technicians)-1]
	asked := map[string]any{"notes": "Asked for at " + d.app.Clock.Now().UTC().Format(time.TimeOnly)} // so that a later run changes the slot
	d.trouble(technicians[3], sim.Fault{Kind: "429", RetryAfter: "900", Times: 1})
	for _, in := range []map[string]any{slot("visit", technicians[0], "Replace the router", 8, nil), slot("moved", technicians[1], "Check the backup", 9, nil), slot("perhaps", technicians[1], "New printer", 13, map[string]any{"status": "tentative"}),
		slot("invited", technicians[2], "Hand over the laptops", 8, nil), slot("busy", technicians[3], "Survey the wiring", 10, asked),
		slot("off", technicians[2], "Training", 13, map[string]any{"status": "cancelled"}), slot("waits", last, "Migration", 8, map[string]any{"connection": "contoso-second"})} {
		d.onHub(ctx, "dispatch.slot.put", "", in)
	}
	d.byHand(ctx, "moved", func(s dispatch.Slot) map[string]any {
		return map[string]any{"start": s.Start.Add(time.Hour), "end": s.End.Add(time.Hour)}
	})
	d.byHand(ctx, "invited", func(dispatch.Slot) map[string]any {
		return map[string]any{"attendees": []map[string]any{{"address": "nora@northwind.example"}}}
	})
	d.onHub(ctx, "dispatch.slot.put", "", slot("invited", technicians[2], "Hand over the laptops", 8, map[string]any{"location": "Harbour 2"}))
	d.trouble(technicians[1], sim.Fault{Kind: "status", Status: http.StatusServiceUnavailable, Code: "ErrorMailboxMoveInProgress", Times: 40})
	d.onHub(ctx, "dispatch.slot.put", "", slot("moving", technicians[1], "Measure the Wi-Fi", 15, asked))
	return d.stand(ctx)
}

// trouble has Microsoft turn the next changes of a calendar away: the slot says so, and is placed by itself afterwards.
func (d *demo) trouble(technician string, f sim.Fault) {
	for _, method := range []string{"POST", "PATCH"} { // on a later run the slot is there already
		f.Match.Method, f.Match.Path = method, "/v1.0/users/"+technician+"/events**"
		if err := d.world.Fault(f); err != nil {
			d.actions = append(d.actions, demoAction{Name: "the cloud's trouble", Problem: fmt.Sprint(err)})
		}
	}
}

// byHand changes a slot's event as its technician does in Outlook, and waits until the hub has seen it.
func (d *demo) byHand(ctx context.Context, id string, change func(dispatch.Slot) map[string]any) {
	d.patiently(func() bool {
		state := d.slotState(ctx, id)
		return state != dispatch.Planned && state != dispatch.Placing
	})
	s, err := d.app.Dispatch.Lookup(ctx, "demo-"+id)
	if err != nil || s.State != dispatch.Placed {
		return // it is as an earlier run left it
	}
	in := change(s)
	in["user"], in["event"] = s.Technician, s.Event
	d.do(ctx, "calendar.event.update", in)
	_, _ = d.app.Feeds.WakeAll(ctx, "", s.Technician)
	d.patiently(func() bool { return d.slotState(ctx, id) != dispatch.Placed })
}

// stand waits until every slot stands as it should, and tells how each does.
func (d *demo) stand(ctx context.Context) (out []demoSlot) {
	d.patiently(func() bool {
		out = nil
		settled := true
		for _, want := range demoStates {
			s, err := d.app.Dispatch.Lookup(ctx, "demo-"+want.id)
			if err != nil {
				continue
			}
			one := demoSlot{Slot: s.Subject, Technician: s.Technician, State: s.State}
			if s.Problem != nil {
				one.Problem = s.Problem.Title
			}
			out = append(out, one)
			settled = settled && s.State == want.state && (s.State != dispatch.Planned && s.State != dispatch.Placing || s.Problem != nil) // what is on its way says why it is not there
		}
		return settled
	})
	return out
}

func (d *demo) slotState(ctx context.Context, id string) dispatch.State {
	s, err := d.app.Dispatch.Lookup(ctx, "demo-"+id)
	if err != nil {
		return ""
	}
	return s.State
}

// invoice delivers one and waits for its proof.
func (d *demo) invoice(ctx context.Context, from string) *demoDelivery {
	now := d.app.Clock.Now().UTC()
	made := d.onHub(ctx, "delivery.send", "demo-invoice-"+now.Format("2006-01-02"), map[string]any{"connection": "contoso", "from": from, "to": []string{from}, "template": "invoice", "data": map[string]any{
		"number": "2026-0042", "date": now.Format("2006-01-02"), "until": now.AddDate(0, 0, 14).Format("2006-01-02"), "currency": "EUR", "seller": map[string]any{"name": "Contoso IT Services"}, "customer": map[string]any{"name": "Northwind Traders"},
		"lines": []map[string]any{{"description": "Replace the router", "quantity": "2", "unit": "h", "unit_price": "89.90", "tax_rate": "19"}}}})
	var taken struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(made, &taken) != nil {
		return nil
	}
	var detail delivery.Detail
	d.patiently(func() bool {
		var err error
		detail, err = d.app.Deliveries.Show(ctx, taken.ID)
		return err == nil && detail.State != delivery.Queued && detail.State != delivery.Sending
	})
	return &demoDelivery{State: detail.State, Mode: string(detail.Mode), Proof: detail.ProofNote}
}

// onHub runs one of the hub's own actions, and notes it only where it failed.
func (d *demo) onHub(ctx context.Context, name, key string, in map[string]any) json.RawMessage {
	text, err := json.Marshal(in)
	var result action.Result
	if err == nil {
		result, err = d.app.Runner.Do(ctx, action.Request{Action: name, Caller: access.Local("demo"), Input: text, Key: key})
	}
	if err != nil {
		d.actions = append(d.actions, demoAction{Name: name, Problem: fmt.Sprint(err)})
		return nil
	}
	return result.Output
}

// patiently waits as long as a person at the terminal would.
func (d *demo) patiently(ready func() bool) {
	for begin := time.Now(); !ready() && time.Since(begin) < demoPatience; {
		time.Sleep(50 * time.Millisecond)
	}
}
