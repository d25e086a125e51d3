package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/dispatch"
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

// plan puts slots onto the board: one that stays as planned, one that its technician moves by hand, one that is cancelled, and one that waits
// for the other tenant's consent.
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
	for _, in := range []map[string]any{slot("visit", technicians[0], "Replace the router", 8, nil), slot("moved", technicians[1], "Check the backup", 9, nil), slot("perhaps", technicians[1], "New printer", 13, map[string]any{"status": "tentative"}),
		slot("off", technicians[2], "Training", 10, map[string]any{"status": "cancelled"}), slot("waits", last, "Migration", 8, map[string]any{"connection": "contoso-second"})} {
		d.onHub(ctx, "dispatch.slot.put", "", in)
	}
	d.patiently(func() bool {
		return d.slotState(ctx, "moved") == dispatch.Placed || d.slotState(ctx, "moved") == dispatch.Drifted
	})
	if s, err := d.app.Dispatch.Lookup(ctx, "demo-moved"); err == nil && s.State == dispatch.Placed {
		d.do(ctx, "calendar.event.update", map[string]any{"user": technicians[1], "event": s.Event, "start": s.Start.Add(time.Hour), "end": s.End.Add(time.Hour)})
		_, _ = d.app.Feeds.WakeAll(ctx, "", technicians[1])
	}
	want := map[string]dispatch.State{"visit": dispatch.Placed, "moved": dispatch.Drifted, "perhaps": dispatch.Placed, "off": dispatch.Withdrawn, "waits": dispatch.Failed}
	d.patiently(func() bool {
		for id, state := range want {
			if d.slotState(ctx, id) != state {
				return false
			}
		}
		return true
	})
	var out []demoSlot
	for _, id := range []string{"visit", "moved", "perhaps", "off", "waits"} {
		s, err := d.app.Dispatch.Lookup(ctx, "demo-"+id)
		if err != nil {
			continue
		}
		one := demoSlot{Slot: s.Subject, Technician: s.Technician, State: s.State}
		if s.Problem != nil {
			one.Problem = s.Problem.Title
		}
		out = append(out, one)
	}
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
