package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"image"
	"image/jpeg"
	"io"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
)

// perform runs an action that must work, on the mailbox it was made for unless the input names another, and gives what it answers.
type perform func(name string, in map[string]any, files ...map[string][]byte) map[string]any

// doer performs through a connection; without a mailbox for whoever signed in.
func doer(t *testing.T, h *app.Hub, by access.Caller, connection, mailbox string) perform {
	return func(name string, in map[string]any, files ...map[string][]byte) map[string]any {
		t.Helper()
		a, _ := h.Registry.Lookup(name)
		if _, takes := a.Input().Properties["user"]; takes && in["user"] == nil && mailbox != "" {
			in["user"] = mailbox
		}
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		q := action.Request{Action: name, Connection: connection, Caller: by, Input: text, Key: rand.Text(), Files: spooled(t, files), Out: func(action.Bytes) io.Writer { return io.Discard }}
		result, err := h.Runner.Do(t.Context(), q)
		if err != nil {
			t.Fatalf("%s through %s: %v", name, connection, err)
		}
		var out map[string]any
		if err := json.Unmarshal(result.Output, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// exerciseContacts runs every action on contacts.
func exerciseContacts(t *testing.T, do perform) {
	t.Helper()
	folder := do("contact.folder.create", map[string]any{"name": "Suppliers"})["id"]
	do("contact.folder.create", map[string]any{"name": "Paper", "parent": folder})
	do("contact.folder.rename", map[string]any{"folder": folder, "name": "Vendors"})
	do("contact.folder.list", map[string]any{})
	do("contact.folder.list", map[string]any{"parent": folder})
	do("contact.create", map[string]any{"given_name": "Pavel", "surname": "Bansky", "business_address": map[string]any{"city": "Prague"}, "birthday": "1970-01-02", "emails": []map[string]any{{"address": "pavel@bansky.example"}}})
	contact := do("contact.create", map[string]any{"folder": folder, "display_name": "Paula Paper", "business_phones": []string{"+1 555 0100"}})["id"]
	do("contact.update", map[string]any{"contact": contact, "notes": "likes recycled", "emails": nil, "birthday": nil, "home_address": nil, "categories": []string{"Paper"}})
	do("contact.get", map[string]any{"contact": contact})
	do("contact.list", map[string]any{"limit": 1})
	do("contact.list", map[string]any{"folder": folder, "email": "paula@paper.example"})
	do("contact.search", map[string]any{"text": "paper"})
	changes := do("contact.change.list", map[string]any{"limit": 1})
	do("contact.change.list", map[string]any{"cursor": changes["next_cursor"], "limit": 1})
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	do("contact.photo.set", map[string]any{"contact": contact}, map[string][]byte{"photo": photo.Bytes()})
	do("contact.photo.get", map[string]any{"contact": contact})
	do("contact.delete", map[string]any{"contact": contact})
	do("contact.folder.delete", map[string]any{"folder": folder})
}

// exerciseTasks runs every action on tasks.
func exerciseTasks(t *testing.T, do perform) {
	t.Helper()
	list := do("todo.list.create", map[string]any{"name": "Errands"})["id"]
	do("todo.list.rename", map[string]any{"list": list, "name": "Rounds"})
	do("todo.list.list", map[string]any{})
	changes := do("todo.list.change.list", map[string]any{"limit": 1})
	do("todo.list.change.list", map[string]any{"limit": 1, "cursor": changes["next_cursor"]})
	task := do("todo.task.create", map[string]any{"list": list, "title": "Order paper", "due": "2031-03-04", "start": "2031-03-01", "reminder": "2031-03-03T08:00:00Z", "body": "A4", "importance": "high",
		"categories": []string{"Paper"}, "link": map[string]any{"application": "Tickets", "title": "No. 4711", "external_id": "4711", "url": "https://tickets.example/4711"}})["id"]
	in := func(more map[string]any) map[string]any {
		more["list"], more["task"] = list, task
		return more
	}
	do("todo.task.update", in(map[string]any{"recurrence": map[string]any{"frequency": "monthly_by_weekday", "index": "last", "days_of_week": []string{"friday"}, "until": "2031-12-31"}}))
	do("todo.task.update", in(map[string]any{"recurrence": nil}))
	do("todo.task.update", in(map[string]any{"status": "completed", "due": nil, "reminder": nil, "start": nil, "body": nil, "categories": nil}))
	do("todo.task.get", in(map[string]any{}))
	do("todo.task.list", map[string]any{"list": list, "status": "open"})
	do("todo.task.list", map[string]any{"list": list, "status": "completed"})
	changes = do("todo.task.change.list", map[string]any{"list": list, "limit": 1})
	do("todo.task.change.list", map[string]any{"list": list, "cursor": changes["next_cursor"]})
	step := do("todo.checklist_item.create", in(map[string]any{"title": "Ask for a price"}))["id"]
	do("todo.checklist_item.update", in(map[string]any{"step": step, "checked": true}))
	do("todo.checklist_item.list", in(map[string]any{}))
	do("todo.checklist_item.delete", in(map[string]any{"step": step}))
	link := do("todo.linked_resource.create", in(map[string]any{"application": "Tickets", "title": "No. 4712"}))["id"]
	do("todo.linked_resource.update", in(map[string]any{"link": link, "title": "No. 4713"}))
	do("todo.linked_resource.list", in(map[string]any{}))
	do("todo.linked_resource.delete", in(map[string]any{"link": link}))
	do("todo.task.delete", in(map[string]any{}))
	do("todo.list.delete", map[string]any{"list": list})
}
