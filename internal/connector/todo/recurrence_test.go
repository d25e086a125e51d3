package todo_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/todo"
)

// weekly is a task of every Tuesday; the 4th of March 2031 is one.
var weekly = bench.In{"title": "Water the plants", "due": "2031-03-04", "recurrence": bench.In{"frequency": "weekly", "days_of_week": []string{"tuesday"}}}

// rhythm is how a task repeats, as its reader sees it.
func rhythm(t todo.Task) bench.In {
	if t.Recurrence == nil {
		return nil
	}
	out := bench.In{"frequency": t.Recurrence.Frequency, "interval": t.Recurrence.Interval}
	for name, v := range map[string]any{"days_of_week": t.Recurrence.DaysOfWeek, "day_of_month": t.Recurrence.DayOfMonth, "month": t.Recurrence.Month, "index": t.Recurrence.Index, "until": t.Recurrence.Until, "count": t.Recurrence.Count} {
		if list, is := v.([]string); v != 0 && v != "" && (!is || len(list) > 0) {
			out[name] = v
		}
	}
	return out
}

// A task that repeats is read back as it was written, gets another rhythm from the day that it is due, and loses it by null.
func TestARhythmIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		list := lists(b, through)[0].ID
		for _, want := range []bench.In{
			{"frequency": "daily", "interval": 2, "count": 3},
			{"frequency": "weekly", "interval": 1, "days_of_week": []string{"monday", "friday"}, "until": "2031-06-30"},
			{"frequency": "monthly", "interval": 3, "day_of_month": 31},
			{"frequency": "monthly_by_weekday", "interval": 1, "index": "last", "days_of_week": []string{"friday"}},
			{"frequency": "yearly", "interval": 1, "day_of_month": 29, "month": 2},
			{"frequency": "yearly_by_weekday", "interval": 1, "index": "first", "days_of_week": []string{"sunday"}, "month": 10},
		} {
			t.Run(through+", "+want["frequency"].(string), func(t *testing.T) {
				made := bench.Do[todo.Task](b, "todo.task.create", bench.Named(through, bench.In{"list": list, "title": "x", "due": "2031-03-04", "recurrence": want}), bench.Through(through))
				ref := bench.Named(through, bench.In{"list": list, "task": made.ID})
				got := bench.Do[todo.Task](b, "todo.task.get", ref, bench.Through(through))
				if diff := cmp.Diff(want, rhythm(got)); diff != "" || !got.Recurs || got.Due != "2031-03-04" || !cmp.Equal(made.Recurrence, got.Recurrence) {
					t.Errorf("got %+v, want and got differ:\n%s", got, diff)
				}
				ref["recurrence"] = bench.In{"frequency": "daily"}
				if got := bench.Do[todo.Task](b, "todo.task.update", ref, bench.Through(through)); got.Recurrence.Frequency != "daily" || got.Due != "2031-03-04" || len(got.Links) != 1 {
					t.Errorf("another rhythm: %+v", got)
				}
				ref["recurrence"] = nil
				if got := bench.Do[todo.Task](b, "todo.task.update", ref, bench.Through(through)); got.Recurrence != nil || got.Recurs || got.Due != "2031-03-04" {
					t.Errorf("no rhythm: %+v", got)
				}
			})
		}
	}
}

// A task that repeats may move on when it is completed or dated: it is told so once, and what became of it is told by looking.
func TestATaskThatRepeatsIsCompletedOnce(t *testing.T) {
	for _, lost := range bench.Losses("/tasks/") {
		lost.Fault.Match.Method = "PATCH"
		t.Run(lost.Name, func(t *testing.T) {
			b := start(t)
			at := bench.In{"user": ada, "list": newList(b)}
			made := bench.Do[todo.Task](b, "todo.task.create", with(at, weekly))
			complete := with(at, bench.In{"task": made.ID, "status": "completed"})
			b.Fault(lost.Fault)
			run := b.Unclear("todo.task.update", complete, bench.Key("k"))
			b.Becomes(run, lost.AtOnce, lost.AtLast)
			if n := b.Sent("PATCH", "/tasks/"); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
			got := bench.Do[todo.Task](b, "todo.task.update", complete, bench.Key("k"))
			if got.Status != "completed" || b.Sent("PATCH", "/tasks/") != 2-lost.Arrives {
				t.Errorf("with the same key: %+v after %d requests", got, b.Sent("PATCH", "/tasks/"))
			}
		})
	}
}

// Where somebody else changes such a task meanwhile, nobody can tell.
func TestATaskThatSomebodyElseMovedStaysUnclear(t *testing.T) {
	b := start(t)
	at := bench.In{"user": ada, "list": newList(b)}
	at["task"] = bench.Do[todo.Task](b, "todo.task.create", with(at, weekly)).ID
	b.Fault(bench.FaultAt("reset", "PATCH", "/tasks/"))
	run := b.Unclear("todo.task.update", with(at, bench.In{"status": "completed"}))
	bench.Do[todo.Task](b, "todo.task.update", with(at, bench.In{"title": "Water them well"}))
	b.Becomes(run, action.Unclear, action.Unclear)
	bench.Do[todo.Deleted](b, "todo.task.delete", at)
	if got := b.Look(run); got != action.Unclear {
		t.Errorf("deleted meanwhile: %s", got)
	}
}

// What does not repeat may be told twice, and is.
func TestAnyOtherTaskIsCompletedInSpiteOfLosses(t *testing.T) {
	b := start(t)
	at := bench.In{"user": ada, "list": newList(b)}
	at["task"] = bench.Do[todo.Task](b, "todo.task.create", with(at, bench.In{"title": "Order paper"})).ID
	b.Fault(bench.FaultAt("reset", "PATCH", "/tasks/"))
	if got := bench.Do[todo.Task](b, "todo.task.update", with(at, bench.In{"status": "completed"})); got.Status != "completed" {
		t.Errorf("got %+v", got)
	}
}

func TestARhythmThatCannotBeIsNamed(t *testing.T) {
	b := start(t)
	at := bench.In{"user": ada, "list": newList(b)}
	bare := bench.Do[todo.Task](b, "todo.task.create", with(at, bench.In{"title": "On no day"})).ID
	made := func(due any, rec bench.In) bench.In {
		return with(at, bench.In{"title": "x", "due": due, "recurrence": rec})
	}
	for _, tt := range []struct {
		name, action string
		in           bench.In
		field        string
	}{
		{"from no day", "todo.task.create", made(nil, bench.In{"frequency": "daily"}), "due"},
		{"a frequency that is none", "todo.task.create", made("2031-03-04", bench.In{"frequency": "hourly"}), "recurrence.frequency"},
		{"weekly on no day", "todo.task.create", made("2031-03-04", bench.In{"frequency": "weekly"}), "recurrence.days_of_week"},
		{"over before it begins", "todo.task.create", made("2031-03-04", bench.In{"frequency": "daily", "until": "2031-03-03"}), "recurrence.until"},
		{"until and count", "todo.task.create", made("2031-03-04", bench.In{"frequency": "daily", "until": "2031-12-31", "count": 3}), "recurrence.count"},
		{"with the day taken away", "todo.task.update", with(at, bench.In{"task": bare, "due": nil, "recurrence": bench.In{"frequency": "daily"}}), "due"},
		{"of a task without a day", "todo.task.update", with(at, bench.In{"task": bare, "recurrence": bench.In{"frequency": "daily"}}), "due"},
	} {
		t.Run(tt.name, func(t *testing.T) { b.Wrong(tt.action, tt.in, tt.field, "") })
	}
	at["task"] = bench.Do[todo.Task](b, "todo.task.create", with(at, weekly)).ID
	b.Wrong("todo.task.update", with(at, bench.In{"recurrence": bench.In{"frequency": "daily", "until": "2031-03-03"}}), "recurrence.until", "before")
}

func with(in, more bench.In) bench.In {
	out := bench.In{}
	for _, part := range []bench.In{in, more} {
		for k, v := range part {
			out[k] = v
		}
	}
	return out
}
