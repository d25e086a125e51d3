package todo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/todo"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

const ada = bench.Ada

func start(t *testing.T) *bench.Bench {
	t.Helper()
	return bench.Start(t, m365.Todo, todo.Actions(), todo.Probe)
}

func lists(b *bench.Bench, through string) []todo.List {
	b.Helper()
	return bench.Do[todo.Lists](b, "todo.list.list", bench.Named(through, nil), bench.Through(through)).Lists
}

func newList(b *bench.Bench) string {
	b.Helper()
	return bench.Do[todo.List](b, "todo.list.create", bench.In{"user": ada, "name": "Errands"}).ID
}

func titles(b *bench.Bench, list string) []string {
	b.Helper()
	out := []string{}
	for _, t := range bench.Do[todo.Tasks](b, "todo.task.list", bench.In{"user": ada, "list": list, "limit": 100}).Tasks {
		out = append(out, t.Title)
	}
	return out
}

func TestProbeGivesEvidence(t *testing.T) { start(t).Evidence(todo.Probe, ada) }

func TestLists(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			made := bench.Do[todo.List](b, "todo.list.create", bench.Named(through, bench.In{"name": "Errands"}), bench.Through(through))
			renamed := bench.Do[todo.List](b, "todo.list.rename", bench.Named(through, bench.In{"list": made.ID, "name": "Rounds"}), bench.Through(through))
			all := lists(b, through)
			if len(all) != 3 || all[0].Kind != "defaultList" || all[1].Kind != "flaggedEmails" || all[2] != renamed || renamed != (todo.List{ID: made.ID, Name: "Rounds", Kind: "none", IsOwner: true}) {
				t.Errorf("got %+v", all)
			}
			for _, name := range []string{"todo.list.rename", "todo.list.delete"} {
				in := bench.Named(through, bench.In{"list": all[0].ID})
				if name == "todo.list.rename" {
					in["name"] = "Mine"
				}
				if f := b.Refused(name, in, bench.Through(through)); f.Kind != fault.Invalid {
					t.Errorf("%s of a built-in list: got %v", name, f)
				}
			}
			bench.Do[todo.Deleted](b, "todo.list.delete", bench.Named(through, bench.In{"list": made.ID}), bench.Through(through))
			if got := lists(b, through); len(got) != 2 {
				t.Errorf("after deleting: got %+v", got)
			}
		})
	}
}

func TestATaskIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			list := lists(b, through)[0].ID
			made := bench.Do[todo.Task](b, "todo.task.create", bench.Named(through, bench.In{"list": list, "title": "Order paper", "status": "inProgress", "importance": "high", "start": "2031-03-01", "due": "2031-03-04",
				"reminder": "2031-03-03T09:00:00+01:00", "body": "A4, 80 g", "categories": []string{"Paper"},
				"link": bench.In{"application": "Tickets", "title": "No. 4711", "external_id": "4711", "url": "https://tickets.example/4711"}}), bench.Through(through))
			ref := bench.Named(through, bench.In{"list": list, "task": made.ID})
			got := bench.Do[todo.Task](b, "todo.task.get", ref, bench.Through(through))
			want := todo.Task{Summary: todo.Summary{ID: made.ID, Title: "Order paper", Status: "inProgress", Importance: "high", Start: "2031-03-01", Due: "2031-03-04",
				Reminder: time.Date(2031, 3, 3, 8, 0, 0, 0, time.UTC), Categories: []string{"Paper"}, Created: got.Created, Modified: got.Modified}, BodyType: "text", Body: "A4, 80 g", Steps: []todo.Step{}}
			if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Links" }, cmp.Ignore())); diff != "" {
				t.Errorf("want and got differ:\n%s", diff)
			}
			if len(got.Links) != 2 || got.Links[0].Application != "Tickets" || got.Links[0].ExternalID != "4711" || got.Links[0].URL != "https://tickets.example/4711" || got.Links[1].Application != "Seneschal" {
				t.Errorf("links: got %+v", got.Links)
			}
			bench.Do[todo.Deleted](b, "todo.task.delete", ref, bench.Through(through))
			if f := b.Refused("todo.task.get", ref, bench.Through(through)); f.Kind != fault.NotFound {
				t.Errorf("after deleting: got %v", f)
			}
		})
	}
}

// What is left out stays, null takes away, and completing gives the day.
func TestUpdate(t *testing.T) {
	b := start(t)
	list := newList(b)
	made := bench.Do[todo.Task](b, "todo.task.create", bench.In{"user": ada, "list": list, "title": "Order paper", "due": "2031-03-04", "start": "2031-03-01", "reminder": "2031-03-03T09:00:00Z", "body": "A4", "categories": []string{"Paper"}})
	ref := func(more bench.In) bench.In {
		in := bench.In{"user": ada, "list": list, "task": made.ID}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	got := bench.Do[todo.Task](b, "todo.task.update", ref(bench.In{"title": "Order more paper", "status": "completed", "due": "2031-03-05"}))
	today := b.Clock.Now().UTC().Format(time.DateOnly)
	if got.Title != "Order more paper" || got.Status != "completed" || got.Completed != today || got.Due != "2031-03-05" || got.Start != "2031-03-01" || got.Body != "A4" || len(got.Links) != 1 {
		t.Errorf("changed: got %+v", got)
	}
	got = bench.Do[todo.Task](b, "todo.task.update", ref(bench.In{"status": "deferred", "due": nil, "start": nil, "reminder": nil, "body": nil, "categories": nil}))
	if got.Completed != "" || got.Due != "" || got.Start != "" || !got.Reminder.IsZero() || got.Body != "" || len(got.Categories) != 0 || got.Title != "Order more paper" {
		t.Errorf("cleared: got %+v", got)
	}
	if read := bench.Do[todo.Task](b, "todo.task.get", ref(nil)); !cmp.Equal(read, got) {
		t.Errorf("read: %s", cmp.Diff(got, read))
	}
}

func TestTasksByStateAndPage(t *testing.T) {
	b := start(t)
	list := newList(b)
	for i, status := range []string{"notStarted", "completed", "notStarted", "inProgress", "completed"} {
		bench.Do[todo.Task](b, "todo.task.create", bench.In{"user": ada, "list": list, "title": string(rune('a' + i)), "status": status})
	}
	for _, tt := range []struct{ status, want string }{{"", "abcde"}, {"open", "acd"}, {"completed", "be"}, {"deferred", ""}} {
		got, next := "", ""
		for {
			in := bench.In{"user": ada, "list": list, "limit": 2}
			if tt.status != "" {
				in["status"] = tt.status
			}
			if next != "" {
				in["cursor"] = next
			}
			page := bench.Do[todo.Tasks](b, "todo.task.list", in)
			for _, s := range page.Tasks {
				got += s.Title
			}
			if next = page.NextCursor; next == "" {
				break
			}
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.status, got, tt.want)
		}
	}
}

// What is made is made once, whatever is lost: a task by the mark that it carries, a list and a step by what there was before.
func TestMadeOnce(t *testing.T) {
	for _, tt := range []struct {
		name, action, path string
		in                 func(list, task string) bench.In
		count              func(b *bench.Bench, list, task string) int
	}{
		{"a task", "todo.task.create", "/tasks", func(list, _ string) bench.In { return bench.In{"user": ada, "list": list, "title": "Once"} },
			func(b *bench.Bench, list, _ string) int { return len(titles(b, list)) - 1 }},
		{"a list", "todo.list.create", "/lists", func(string, string) bench.In { return bench.In{"user": ada, "name": "Errands"} }, // one of that name is there
			func(b *bench.Bench, _, _ string) int { return len(lists(b, bench.App)) - 3 }},
		{"a step", "todo.checklist_item.create", "/checklistItems", func(list, task string) bench.In {
			return bench.In{"user": ada, "list": list, "task": task, "title": "Once"}
		},
			func(b *bench.Bench, list, task string) int {
				return len(bench.Do[todo.Steps](b, "todo.checklist_item.list", bench.In{"user": ada, "list": list, "task": task}).Steps)
			}},
		{"a link", "todo.linked_resource.create", "/linkedResources", func(list, task string) bench.In {
			return bench.In{"user": ada, "list": list, "task": task, "application": "Tickets", "title": "4711"}
		},
			func(b *bench.Bench, list, task string) int {
				return len(bench.Do[todo.Links](b, "todo.linked_resource.list", bench.In{"user": ada, "list": list, "task": task}).Links) - 1
			}},
	} {
		for _, lost := range bench.Losses(tt.path) {
			t.Run(tt.name+", "+lost.Name, func(t *testing.T) {
				b := start(t)
				list := newList(b)
				task := bench.Do[todo.Task](b, "todo.task.create", bench.In{"user": ada, "list": list, "title": "There"}).ID
				b.MadeOnce(tt.action, tt.in(list, task), lost, func() int { return tt.count(b, list, task) })
			})
		}
	}
}

func TestALinkWithAnIDIsMadeOnceForAllKeys(t *testing.T) {
	b := start(t)
	list := newList(b)
	task := bench.Do[todo.Task](b, "todo.task.create", bench.In{"user": ada, "list": list, "title": "There"}).ID
	in := bench.In{"user": ada, "list": list, "task": task, "application": "Tickets", "title": "No. 4711", "external_id": "4711"}
	first := bench.Do[todo.Link](b, "todo.linked_resource.create", in)
	if again := bench.Do[todo.Link](b, "todo.linked_resource.create", in); again != first {
		t.Errorf("got %+v, then %+v", first, again)
	}
	in["application"] = "Other tickets"
	if other := bench.Do[todo.Link](b, "todo.linked_resource.create", in); other.ID == first.ID {
		t.Error("the same id in another program is another link")
	}
}

func TestStepsAndLinks(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			list := lists(b, through)[0].ID
			task := bench.Do[todo.Task](b, "todo.task.create", bench.Named(through, bench.In{"list": list, "title": "Parts"}), bench.Through(through)).ID
			ref := func(more bench.In) bench.In {
				in := bench.Named(through, bench.In{"list": list, "task": task})
				for k, v := range more {
					in[k] = v
				}
				return in
			}
			step := bench.Do[todo.Step](b, "todo.checklist_item.create", ref(bench.In{"title": "Ask"}), bench.Through(through))
			bench.Do[todo.Step](b, "todo.checklist_item.create", ref(bench.In{"title": "Order", "checked": true}), bench.Through(through))
			bench.Do[todo.Step](b, "todo.checklist_item.update", ref(bench.In{"step": step.ID, "title": "Ask for a price", "checked": true}), bench.Through(through))
			steps := bench.Do[todo.Steps](b, "todo.checklist_item.list", ref(nil), bench.Through(through)).Steps
			if len(steps) != 2 || steps[0].Title != "Ask for a price" || !steps[0].Checked || !steps[1].Checked {
				t.Errorf("steps: got %+v", steps)
			}
			link := bench.Do[todo.Link](b, "todo.linked_resource.create", ref(bench.In{"application": "Tickets", "title": "No. 1", "external_id": "1"}), bench.Through(through))
			bench.Do[todo.Link](b, "todo.linked_resource.update", ref(bench.In{"link": link.ID, "title": "No. 1, urgent", "url": "https://tickets.example/1"}), bench.Through(through))
			got := bench.Do[todo.Task](b, "todo.task.get", ref(nil), bench.Through(through))
			if !slices.Equal(got.Steps, steps) || len(got.Links) != 2 || got.Links[1] != (todo.Link{ID: link.ID, Application: "Tickets", Title: "No. 1, urgent", ExternalID: "1", URL: "https://tickets.example/1"}) {
				t.Errorf("the task: got %+v", got)
			}
			bench.Do[todo.Deleted](b, "todo.checklist_item.delete", ref(bench.In{"step": step.ID}), bench.Through(through))
			bench.Do[todo.Deleted](b, "todo.linked_resource.delete", ref(bench.In{"link": link.ID}), bench.Through(through))
			if got := bench.Do[todo.Task](b, "todo.task.get", ref(nil), bench.Through(through)); len(got.Steps) != 1 || len(got.Links) != 1 {
				t.Errorf("after deleting: got %+v", got)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	b := start(t)
	list := newList(b)
	walk := func(from string) (changed, removed []string, next string, reset bool) {
		for {
			in := bench.In{"user": ada, "list": list, "limit": 1}
			if from != "" {
				in["cursor"] = from
			}
			got := bench.Do[todo.TaskChanges](b, "todo.task.change.list", in)
			for _, s := range got.Tasks {
				changed = append(changed, s.Title)
			}
			removed, from, reset = append(removed, got.Removed...), got.NextCursor, reset || got.Reset
			if got.Complete {
				return changed, removed, from, reset
			}
		}
	}
	create := func(title string) string {
		return bench.Do[todo.Task](b, "todo.task.create", bench.In{"user": ada, "list": list, "title": title}).ID
	}
	first, second := create("first"), create("second")
	changed, _, next, _ := walk("")
	if !slices.Equal(changed, []string{"first", "second"}) {
		t.Fatalf("from the beginning: %v", changed)
	}
	bench.Do[todo.Step](b, "todo.checklist_item.create", bench.In{"user": ada, "list": list, "task": first, "title": "a step"})
	bench.Do[todo.Deleted](b, "todo.task.delete", bench.In{"user": ada, "list": list, "task": second})
	if changed, removed, _, _ := walk(next); !slices.Equal(changed, []string{"first"}) || !slices.Equal(removed, []string{second}) {
		t.Errorf("got %v, removed %v", changed, removed)
	}
	b.Fault(bench.FaultAt("delta_gone", "GET", "delta"))
	if changed, _, _, reset := walk(next); !reset || !slices.Equal(changed, []string{"first"}) {
		t.Errorf("a forgotten cursor: got %v, reset %t", changed, reset)
	}
	all := bench.Do[todo.ListChanges](b, "todo.list.change.list", bench.In{"user": ada})
	bench.Do[todo.Deleted](b, "todo.list.delete", bench.In{"user": ada, "list": list})
	got := bench.Do[todo.ListChanges](b, "todo.list.change.list", bench.In{"user": ada, "cursor": all.NextCursor})
	if len(all.Lists) != 3 || !got.Complete || len(got.Lists) != 0 || !slices.Equal(got.Removed, []string{list}) {
		t.Errorf("lists: got %+v, then %+v", all, got)
	}
	if f := b.Refused("todo.task.change.list", bench.In{"user": ada, "list": lists(b, bench.App)[0].ID, "cursor": next}); f.Fields[0].Name != "cursor" {
		t.Errorf("a cursor of another list: got %v", f)
	}
}

func TestRefusedBeforeAnyCall(t *testing.T) {
	task := func(more bench.In) bench.In {
		in := bench.In{"user": ada, "list": "x", "title": "x"}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	at := func(more bench.In) bench.In {
		in := bench.In{"user": ada, "list": "x", "task": "x"}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	b := start(t)
	b.Silent(func() {
		for _, tt := range []struct {
			name, action string
			in           bench.In
			field, words string
		}{
			{"no title", "todo.task.create", task(bench.In{"title": ""}), "title", ""},
			{"an endless title", "todo.task.create", task(bench.In{"title": strings.Repeat("x", 256)}), "title", ""},
			{"a time for a date", "todo.task.create", task(bench.In{"due": "2031-03-04T09:00:00Z"}), "due", "2026-12-31"},
			{"a day that is none", "todo.task.create", task(bench.In{"start": "2031-02-30"}), "start", "2026-12-31"},
			{"a state that is none", "todo.task.create", task(bench.In{"status": "done"}), "status", "completed"},
			{"an importance that is none", "todo.task.create", task(bench.In{"importance": "urgent"}), "importance", "high"},
			{"a link to nowhere", "todo.task.create", task(bench.In{"link": bench.In{"application": "T", "title": "1", "url": "javascript:alert(1)"}}), "link.url", "https"},
			{"a link without a program", "todo.task.create", task(bench.In{"link": bench.In{"title": "1"}}), "link.application", ""},
			{"an unknown field", "todo.task.create", task(bench.In{"priority": 1}), "priority", ""},
			{"no list", "todo.task.create", bench.In{"user": ada, "title": "x"}, "list", ""},
			{"nothing to change", "todo.task.update", at(nil), "title", ""},
			{"nothing of a step to change", "todo.checklist_item.update", at(bench.In{"step": "x"}), "title", ""},
			{"nothing of a link to change", "todo.linked_resource.update", at(bench.In{"link": "x"}), "title", ""},
			{"a link changed to nowhere", "todo.linked_resource.update", at(bench.In{"link": "x", "url": "ftp://x"}), "url", "https"},
			{"a list without a name", "todo.list.create", bench.In{"user": ada, "name": ""}, "name", ""},
			{"a cursor that is none", "todo.task.list", bench.In{"user": ada, "list": "x", "cursor": "abc"}, "cursor", ""},
			{"a cursor of changes that is none", "todo.list.change.list", bench.In{"user": ada, "cursor": "abc"}, "cursor", ""},
			{"no mailbox for an app", "todo.list.list", bench.In{}, "user", ""},
		} {
			t.Log(tt.name)
			b.Wrong(tt.action, tt.in, tt.field, tt.words)
		}
		b.Fenced("todo.list.create", bench.In{"name": "x"})
	})
}

// Some pages say that apps have no To Do: a tenant that answers so is told as a missing permission, never as an empty list.
func TestATenantThatRefusesAppsIsToldSo(t *testing.T) {
	b := start(t)
	refused := bench.FaultAt("status", "GET", "/todo/lists")
	refused.Status, refused.Code = 403, "ErrorAccessDenied"
	b.Fault(refused)
	if f := b.Refused("todo.list.list", bench.In{"user": ada}); f.Kind != fault.NeedsAdmin || f.Code != "permission_missing" {
		t.Errorf("got %v", f)
	}
	b.Fault(sim.Fault{Kind: "mailbox_removed", User: ada})
	if f := b.Refused("todo.list.list", bench.In{"user": ada}); f.Code != "licence_missing" {
		t.Errorf("a mailbox without a licence: got %v", f)
	}
}

func TestOuterForm(t *testing.T) { bench.Golden(t, todo.Actions()) }
