package e2e

import (
	"context"
	"fmt"
	"slices"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/fault"
)

// byHandLater is how much later a person in Outlook puts a slot.
const byHandLater = 5 * time.Hour

func killedLives() []killedLife {
	first := func(p *planning) dispatch.SlotIn { return p.slot("4711", ada, 0) }
	moved := func(p *planning) dispatch.SlotIn { return p.slot("4711", ada, 2) }
	cancelled := func(p *planning) dispatch.SlotIn { in := moved(p); in.Status = "cancelled"; return in }
	meeting := func(technician string) func(p *planning) dispatch.SlotIn {
		return func(p *planning) dispatch.SlotIn {
			in := p.slot("4711", technician, 0)
			in.OnlineMeeting = true
			return in
		}
	}
	once := map[string]dispatch.State{"4711": dispatch.Placed}
	return []killedLife{
		{name: "made, moved, given to somebody else", leaps: true, points: 40, ends: once,
			words: []word{plans(first), plans(moved), plans(func(p *planning) dispatch.SlotIn { return p.slot("4711", ben, 2) })},
			holds: func(p *planning) []string { return []string{p.shows("4711", ben, 2*time.Hour, false)} }},
		{name: "most of them missing from a complete file", points: 40, ends: map[string]dispatch.State{"0": dispatch.Placed, "1": dispatch.Withdrawn, "11": dispatch.Withdrawn},
			before: []word{sendsFile(12, func(p *planning, a *app.App) bool { return stands(p, a, "11") == dispatch.Placed })},
			words:  []word{sendsFile(1, importWaits), approvesImports()},
			holds:  func(p *planning) []string { return []string{p.shows("0", ada, 0, false)} }},
		{name: "moved by hand, and the plan is right", rule: dispatch.Ask, points: 30, ends: once,
			words: []word{plans(first), movesByHand(dispatch.Drifted), decides(dispatch.SlotWins)},
			holds: func(p *planning) []string { return []string{p.shows("4711", ada, 0, false)} }},
		{name: "moved by hand, and the calendar is right", rule: dispatch.Ask, points: 30, ends: once,
			words: []word{plans(first), movesByHand(dispatch.Drifted), decides(dispatch.CalendarWins)},
			holds: func(p *planning) []string { return []string{p.shows("4711", ada, byHandLater, false)} }},
		{name: "moved by hand where the calendar wins, then given to somebody else", rule: dispatch.CalendarWins, points: 30, ends: once,
			words: []word{plans(first), movesByHand(dispatch.Placed), plans(func(p *planning) dispatch.SlotIn { return p.slot("4711", ben, 2) })},
			holds: func(p *planning) []string { return []string{p.shows("4711", ben, 2*time.Hour, false)} }},
		{name: "deleted by hand, made anew", points: 30, ends: once,
			words: []word{plans(first), deletesByHand(), plans(moved)},
			holds: func(p *planning) []string { return []string{p.shows("4711", ada, 2*time.Hour, false)} }},
		{name: "cancelled, taken up again, removed", points: 40, ends: map[string]dispatch.State{"4711": dispatch.Withdrawn},
			words: []word{plans(first), plans(cancelled), plans(moved), removes()},
			holds: func(*planning) []string { return nil }},
		{name: "an online meeting, given to somebody else", points: 30, ends: once,
			words: []word{plans(meeting(ada)), plans(meeting(ben))},
			holds: func(p *planning) []string { return []string{p.shows("4711", ben, 0, true)} }},
		{name: "somebody invited on a person's word, and called off", points: 30, mails: 2, ends: map[string]dispatch.State{"4711": dispatch.Withdrawn},
			words: []word{plansHeld(inviting("planned")), releases(dispatch.Placed), plansHeld(inviting("cancelled")), releases(dispatch.Withdrawn)},
			holds: func(*planning) []string { return nil }},
	}
}

func inviting(status string) func(p *planning) dispatch.SlotIn {
	return func(p *planning) dispatch.SlotIn {
		in := p.slot("4711", ada, 0)
		in.Status, in.Attendees = status, []string{guest}
		return in
	}
}

// slot is one of an hour, so many hours after the first.
func (p *planning) slot(id, technician string, hours int) dispatch.SlotIn {
	from := p.at.Add(time.Duration(hours) * time.Hour)
	return dispatch.SlotIn{ExternalID: id, Technician: technician, Start: from.Format(time.RFC3339), End: from.Add(time.Hour).Format(time.RFC3339), Subject: "Killed " + id, Customer: "Northwind"}
}

func (p *planning) shows(id, technician string, later time.Duration, online bool) string {
	return shownAs("Killed "+id, technician, p.at.Add(later), online)
}

// stands is a slot's state; "" where there is no such slot.
func stands(p *planning, a *app.App, id string) dispatch.State {
	s, err := a.Dispatch.Lookup(context.Background(), id)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		p.t.Error(err)
	}
	return s.State
}

// plans is a planning system's word on one slot.
func plans(in func(p *planning) dispatch.SlotIn) word {
	return word{
		say: func(ctx context.Context, p *planning, a *app.App) error {
			_, err := a.Dispatch.Put(ctx, access.Local("test"), in(p))
			return err
		},
		done: func(p *planning, a *app.App) bool {
			want := dispatch.Placed
			if in(p).Status == "cancelled" {
				want = dispatch.Withdrawn
			}
			return stands(p, a, in(p).ExternalID) == want
		},
	}
}

// plansHeld is a word that would mail people, and waits for a person.
func plansHeld(in func(p *planning) dispatch.SlotIn) word {
	w := plans(in)
	w.done = func(p *planning, a *app.App) bool { return stands(p, a, "4711") == dispatch.Held }
	return w
}

// releases is a person's word that people may be mailed; where nothing is held any more, it was heard before.
func releases(then dispatch.State) word {
	return word{
		say: func(ctx context.Context, _ *planning, a *app.App) error {
			_, err := a.Dispatch.Release(ctx, access.Local("test"), "4711")
			if fault.CodeOf(err) == "not_held" {
				return nil
			}
			return err
		},
		done: func(p *planning, a *app.App) bool { return stands(p, a, "4711") == then },
	}
}

func removes() word {
	return word{
		say: func(ctx context.Context, _ *planning, a *app.App) error {
			_, err := a.Dispatch.Remove(ctx, access.Local("test"), "4711")
			return err
		},
		done: func(p *planning, a *app.App) bool { return stands(p, a, "4711") == dispatch.Withdrawn },
	}
}

// sendsFile is a complete import of so many slots.
func sendsFile(n int, done func(p *planning, a *app.App) bool) word {
	return word{done: done, say: func(ctx context.Context, p *planning, a *app.App) error {
		var all []dispatch.SlotIn
		for i := range n {
			all = append(all, p.slot(fmt.Sprint(i), []string{ada, ben}[i%2], i))
		}
		_, err := a.Dispatch.Import(ctx, access.Local("test"), dispatch.ImportIn{Connection: "plan", Complete: true}, all)
		return err
	}}
}

// importWaits says that exactly one import waits, and nothing of it is done.
func importWaits(p *planning, a *app.App) bool {
	waiting, err := a.Dispatch.Imports(context.Background())
	return err == nil && len(waiting) == 1 && stands(p, a, "11") == dispatch.Placed
}

func approvesImports() word {
	return word{
		say: func(ctx context.Context, _ *planning, a *app.App) error {
			waiting, err := a.Dispatch.Imports(ctx)
			for _, w := range waiting {
				if err == nil {
					_, err = a.Dispatch.Approve(ctx, access.Local("test"), w.ID, false)
				}
			}
			return err
		},
		done: func(p *planning, a *app.App) bool {
			for i := 1; i < 12; i++ {
				if stands(p, a, fmt.Sprint(i)) != dispatch.Withdrawn {
					return false
				}
			}
			return true
		},
	}
}

// movesByHand is a person in Outlook; the hub sees it through the calendar's feed.
func movesByHand(want dispatch.State) word {
	at := func(p *planning) time.Time { return p.at.Add(byHandLater) }
	return byPerson("PATCH", func(p *planning) any {
		moment := func(t time.Time) map[string]any {
			return map[string]any{"dateTime": t.Format("2006-01-02T15:04:05"), "timeZone": "UTC"}
		}
		return map[string]any{"start": moment(at(p)), "end": moment(at(p).Add(time.Hour))}
	}, func(p *planning, a *app.App) bool {
		s, err := a.Dispatch.Lookup(context.Background(), "4711")
		return err == nil && s.State == want && (want == dispatch.Drifted || s.Start.Equal(at(p)))
	})
}

func deletesByHand() word {
	return byPerson("DELETE", func(*planning) any { return nil }, func(p *planning, a *app.App) bool {
		return stands(p, a, "4711") == dispatch.Placed && slices.Contains(p.held(p.t), p.shows("4711", ada, 0, false))
	})
}

// byPerson does something with the slot's event, once: whoever works in Outlook knows nothing of kills.
func byPerson(method string, in func(p *planning) any, done func(p *planning, a *app.App) bool) word {
	return word{done: done, say: func(ctx context.Context, p *planning, a *app.App) error {
		if p.hand {
			return nil
		}
		s, err := a.Dispatch.Lookup(ctx, "4711")
		if err == nil {
			p.hand = true
			p.graph(method, "/users/"+s.Technician+"/events/"+s.Event, in(p))
		}
		return err
	}}
}

// decides is a person's word on who is right; where there is nothing to decide any more, it was heard before.
func decides(keep dispatch.Rule) word {
	return word{
		say: func(ctx context.Context, _ *planning, a *app.App) error {
			_, err := a.Dispatch.Resolve(ctx, access.Local("test"), "4711", keep)
			if fault.CodeOf(err) == "no_drift" {
				return nil
			}
			return err
		},
		done: func(p *planning, a *app.App) bool { return stands(p, a, "4711") == dispatch.Placed },
	}
}
