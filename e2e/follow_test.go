package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

const projects, orders = "https://contoso.sharepoint.com/sites/projects", "Work orders"

// following is a hub that follows Ada's files and contacts and one site, and may change them. Where it is told, Microsoft notifies it.
func following(t *testing.T, engine store.Engine, told bool) *app.Hub {
	t.Helper()
	o := app.TestOptions{Engine: engine}
	if told {
		address := freeAddress(t)
		o.Change = func(s map[string]string) { s["LISTEN"], s["PUBLIC_URL"] = address, "http://"+address }
	}
	h := app.StartForTest(t, o)
	h.Connect(followForm(h))
	allFollowed(t, h)
	return h
}

func followForm(h *app.Hub) connection.Form {
	f := h.Form("c", "Seneschal", m365.FollowFiles, m365.FollowContacts, m365.FollowSites, m365.OneDrive, m365.Contacts, m365.SharePoint)
	f.Mailboxes = connection.ParseMailboxes(ada)
	f.Mailboxes[0].Purposes = []connection.Purpose{connection.ForFiles, connection.ForContacts, connection.ForActions}
	f.Sites = []string{projects}
	return f
}

// allFollowed waits until there is a feed of each kind, and each has reached its end.
func allFollowed(t *testing.T, h *app.Hub) (all []feed.Feed) {
	t.Helper()
	waitUntil(t, "files, contacts and lists are followed", func() (ok bool) {
		h.Time.Advance(100 * time.Millisecond)
		var err error
		if all, err = h.Feeds.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		kinds := map[feed.Kind]int{}
		for _, f := range all {
			if f.State != feed.Live {
				return false
			}
			kinds[f.Kind]++
		}
		return kinds[feed.Drive] > 1 && kinds[feed.Contacts] > 0 && kinds[feed.List] > 0 && kinds[feed.Site] == 1 && kinds[feed.ContactFolders] == 1
	})
	return all
}

// changed runs an action and gives its output.
func changed(t *testing.T, h *app.Hub, name string, in map[string]any, file ...byte) map[string]any {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	q := action.Request{Action: name, Connection: "c", Caller: access.Local("test"), Input: text, Key: fmt.Sprint(name, len(h.Cloud.Requests()))}
	if len(file) > 0 {
		c, err := action.Spool("file", "", bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		q.Files = map[string]*action.Content{"file": c}
	}
	r, err := h.Runner.Do(t.Context(), q)
	if err != nil {
		t.Fatal(name, err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(r.Output, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// news are the events of files, contacts and list items in their order, each with the name a test gave its item.
func news(t *testing.T, h *app.Hub, names map[string]string) []string {
	t.Helper()
	all, err := h.Events.List(t.Context(), event.Everybody(), event.Query{Types: []event.Type{event.FileChanged, event.ContactChanged, event.ListItemChanged}, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		id := fmt.Sprint(e.Data["item"])
		if names[id] != "" {
			id = names[id]
		}
		out = append([]string{fmt.Sprintf("%s %s %v", e.Type, id, e.Data["change"])}, out...)
	}
	return out
}

// wantNews compares the news so far, in any order of different items.
func wantNews(t *testing.T, h *app.Hub, names map[string]string, want ...string) {
	t.Helper()
	got := news(t, h, names)
	slices.Sort(got)
	slices.Sort(want)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestChangesOfFilesContactsAndListItemsAreTold(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := following(t, engine, false)
			wantNews(t, h, nil) // what was there already is no news
			names := map[string]string{}
			named := func(name string, out map[string]any) { names[fmt.Sprint(out["id"])] = name }

			named("plan", changed(t, h, "drive.item.upload", map[string]any{"user": ada, "name": "Plan.txt"}, 'a'))
			named("folder", changed(t, h, "drive.folder.create", map[string]any{"user": ada, "name": "Offers"}))
			named("inner", changed(t, h, "drive.item.upload", map[string]any{"user": ada, "folder_path": "Offers", "name": "Inner.txt"}, 'a'))
			named("saved", changed(t, h, "drive.item.upload", map[string]any{"user": ada, "folder_path": "Offers", "name": "Saved.txt"}, 'a'))
			named("drawing", changed(t, h, "drive.item.upload", map[string]any{"site": projects, "name": "Drawing.txt"}, 'a'))
			named("nora", changed(t, h, "contact.create", map[string]any{"user": ada, "given_name": "Nora", "surname": "Secret"}))
			named("order", changed(t, h, "sharepoint.list_item.create", map[string]any{"site": projects, "list": orders, "fields": map[string]any{"Title": "Secret"}}))
			walked(t, h)
			first := []string{"file.changed plan created", "file.changed folder created", "file.changed inner created", "file.changed saved created", "file.changed drawing created",
				"contact.changed nora created", "list_item.changed order created"}
			wantNews(t, h, names, first...)
			walked(t, h) // nothing comes twice
			wantNews(t, h, names, first...)

			id := func(name string) string {
				for i, n := range names {
					if n == name {
						return i
					}
				}
				t.Fatal(name)
				return ""
			}
			changed(t, h, "drive.item.upload", map[string]any{"user": ada, "name": "Plan.txt", "conflict": "replace"}, 'b', 'c')
			changed(t, h, "drive.item.rename", map[string]any{"user": ada, "item": id("folder"), "name": "Old offers"})
			changed(t, h, "drive.item.move", map[string]any{"user": ada, "item": id("saved"), "name": "Kept.txt"})
			changed(t, h, "drive.item.rename", map[string]any{"site": projects, "item": id("drawing"), "name": "Sketch.txt"})
			changed(t, h, "contact.update", map[string]any{"user": ada, "contact": id("nora"), "company": "Northwind"})
			changed(t, h, "sharepoint.list_item.update", map[string]any{"site": projects, "list": orders, "item": id("order"), "fields": map[string]any{"Title": "Secret again"}})
			walked(t, h)
			second := append(slices.Clone(first), "file.changed plan updated", "file.changed folder renamed", "file.changed saved moved", "file.changed saved renamed", "file.changed drawing renamed",
				"contact.changed nora updated", "list_item.changed order updated")
			wantNews(t, h, names, second...)

			changed(t, h, "drive.item.delete", map[string]any{"user": ada, "item": id("folder")})
			changed(t, h, "drive.item.delete", map[string]any{"site": projects, "item": id("drawing")})
			changed(t, h, "contact.delete", map[string]any{"user": ada, "contact": id("nora")})
			changed(t, h, "sharepoint.list_item.delete", map[string]any{"site": projects, "list": orders, "item": id("order")})
			walked(t, h)
			third := append(slices.Clone(second), "file.changed folder deleted", "file.changed inner deleted", "file.changed drawing deleted", "contact.changed nora deleted", "list_item.changed order deleted")
			wantNews(t, h, names, third...)
			if all := strings.Join(everythingTold(t, h), "\n"); strings.Contains(all, "Secret") || strings.Contains(all, ".txt") || strings.Contains(all, "ada@") {
				t.Errorf("names and people are told:\n%s", all)
			}
		})
	}
}

// everythingTold are the events as whoever listens gets them.
func everythingTold(t *testing.T, h *app.Hub) (out []string) {
	t.Helper()
	all, err := h.Events.List(t.Context(), event.Everybody(), event.Query{Types: []event.Type{event.FileChanged, event.ContactChanged, event.ListItemChanged}, Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// Whichever way Microsoft forgets a link, what happened meanwhile is told once, and nothing else.
func TestAForgottenLinkOfADriveTellsTheDifference(t *testing.T) {
	for _, code := range []string{"resyncChangesApplyDifferences", "resyncChangesUploadDifferences"} {
		t.Run(code, func(t *testing.T) {
			h := following(t, store.SQLite, false)
			names := map[string]string{}
			for _, name := range []string{"gone", "kept", "other"} {
				names[fmt.Sprint(changed(t, h, "drive.item.upload", map[string]any{"user": ada, "name": name}, 'a')["id"])] = name
			}
			walked(t, h)
			changed(t, h, "drive.item.delete", map[string]any{"user": ada, "path": "gone"})
			changed(t, h, "drive.item.rename", map[string]any{"user": ada, "path": "other", "name": "another"})
			names[fmt.Sprint(changed(t, h, "drive.item.upload", map[string]any{"user": ada, "name": "new"}, 'a')["id"])] = "new"
			play(t, h, sim.Fault{Kind: "delta_gone", Code: code, Match: matching("GET", "/**/drive/root/delta**"), Times: 1})
			walked(t, h)
			wantNews(t, h, names, "file.changed gone created", "file.changed kept created", "file.changed other created", "file.changed gone deleted", "file.changed other renamed", "file.changed new created")
			if n := h.Cloud.Counters()["faults.delta_gone"]; n != 1 {
				t.Errorf("links were forgotten %d times", n)
			}
		})
	}
}

// Where Microsoft may call, it tells of changes in drives, lists and contacts, as far as the application's permissions let it.
func TestMicrosoftTellsOfChangedFiles(t *testing.T) {
	h := following(t, store.SQLite, true)
	want := map[feed.Kind]string{feed.Drive: "updated", feed.List: "updated", feed.Contacts: "created,updated,deleted"}
	var all []feed.Feed
	kinds := map[string]string{}
	waitUntil(t, "files, contacts and lists have subscriptions", func() bool {
		h.Time.Advance(200 * time.Millisecond)
		all = allFollowed(t, h)
		for _, s := range subscriptions(t, h) {
			kinds[fmt.Sprint(s["id"])] = fmt.Sprint(s["changeType"])
		}
		return !slices.ContainsFunc(all, func(f feed.Feed) bool { return want[f.Kind] != "" && (f.Push == nil || kinds[f.Push.ID] == "") })
	})
	for _, f := range all { // as they were then: while time passes one may be made anew
		if f.Push != nil && kinds[f.Push.ID] != want[f.Kind] {
			t.Errorf("%s: %q, want %q", f.Kind, kinds[f.Push.ID], want[f.Kind])
		}
		if most := 42_300 * time.Minute; f.Kind == feed.Drive && f.Push.ExpiresAt.Sub(h.Time.Now()) > most {
			t.Errorf("a drive's subscription ends %s", f.Push.ExpiresAt)
		}
	}
	names := map[string]string{}
	for name, run := range map[string]func() map[string]any{
		"file": func() map[string]any {
			return changed(t, h, "drive.item.upload", map[string]any{"user": ada, "name": "a"}, 'a')
		},
		"drawing": func() map[string]any {
			return changed(t, h, "drive.item.upload", map[string]any{"site": projects, "name": "a"}, 'a')
		},
		"order": func() map[string]any {
			return changed(t, h, "sharepoint.list_item.create", map[string]any{"site": projects, "list": orders, "fields": map[string]any{"Title": "a"}})
		},
		"nora": func() map[string]any {
			return changed(t, h, "contact.create", map[string]any{"user": ada, "given_name": "Nora"})
		},
	} {
		names[fmt.Sprint(run()["id"])] = name
	}
	waitUntil(t, "all is told without asking", func() bool { // a poll would take a minute
		h.Time.Advance(10 * time.Millisecond)
		return len(news(t, h, names)) == 4
	})
	for _, s := range subscriptions(t, h) { // renewed at half of its life
		if fmt.Sprint(s["changeType"]) == "updated" {
			letPass(t, h, 22_000*time.Minute)
			break
		}
	}
	waitUntil(t, "subscriptions are renewed", func() bool {
		h.Time.Advance(time.Second)
		return !slices.ContainsFunc(allFollowed(t, h), func(f feed.Feed) bool {
			return f.Kind == feed.Drive && (f.Push == nil || f.Push.ExpiresAt.Sub(h.Time.Now()) < 40_000*time.Minute)
		})
	})
	f := followForm(h)
	if _, _, err := h.Connections.Change(t.Context(), access.Local("test"), "c", connection.Edit{Capabilities: &[]m365.Capability{m365.OneDrive}, Mailboxes: &f.Mailboxes}); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "nothing is followed, and nobody is told any more", func() bool {
		h.Time.Advance(200 * time.Millisecond)
		all, err := h.Feeds.List(t.Context(), "")
		return err == nil && len(all) == 0 && len(subscriptions(t, h)) == 0
	})
}

// What is made in a list or folder that is new itself is told, as it was made after the hub looked last.
func TestWhatIsInANewListIsTold(t *testing.T) {
	h := following(t, store.SQLite, false)
	names := map[string]string{}
	h.Time.Advance(time.Second)
	changed(t, h, "sharepoint.list.create", map[string]any{"site": projects, "title": "Visits"})
	names[fmt.Sprint(changed(t, h, "sharepoint.list_item.create", map[string]any{"site": projects, "list": "Visits", "fields": map[string]any{"Title": "a"}})["id"])] = "visit"
	folder := changed(t, h, "contact.folder.create", map[string]any{"user": ada, "name": "Suppliers"})["id"]
	names[fmt.Sprint(changed(t, h, "contact.create", map[string]any{"user": ada, "folder": folder, "given_name": "Otto"})["id"])] = "otto"
	walked(t, h)
	walked(t, h)
	wantNews(t, h, names, "list_item.changed visit created", "contact.changed otto created")
	changed(t, h, "sharepoint.list.delete", map[string]any{"site": projects, "list": "Visits"})
	walked(t, h)
	for _, f := range allFollowed(t, h) {
		if f.Title == "Visits" {
			t.Errorf("a list that is gone is followed: %+v", f)
		}
	}
}

// Who may not see what happens in mailboxes does not see it of files either, and an erased person's events and marks are gone.
func TestEventsOfFilesBelongToTheirOwner(t *testing.T) {
	both(t, func(t *testing.T, engine store.Engine) {
		h := following(t, engine, false)
		changed(t, h, "drive.item.upload", map[string]any{"user": ada, "name": "hers"}, 'a')
		changed(t, h, "contact.create", map[string]any{"user": ada, "given_name": "Nora"})
		changed(t, h, "drive.item.upload", map[string]any{"site": projects, "name": "everybody's"}, 'a')
		walked(t, h)
		for role, want := range map[access.Role]int{access.Admin: 3, access.Member: 0, access.Viewer: 0} {
			r, err := h.Runner.Do(t.Context(), action.Request{Action: "event.list", Caller: staff(t, h, string(role), role, ""), Input: json.RawMessage(`{}`)})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(r.Output), `"change":"created"`); got != want {
				t.Errorf("%s sees %d changes, want %d: %s", role, got, want, r.Output)
			}
		}
		export, err := h.Privacy.Export(t.Context(), access.Local("test"), ada)
		if text := fmt.Sprint(export.Data["event"]); err != nil || strings.Count(text, "change:created") != 2 {
			t.Errorf("her events: %v %s", err, text)
		}
		library := rows(t, h, "select count(*) from feed_mark where feed in (select number from feed_entry where mailbox = '')")
		if _, err := h.Privacy.Erase(t.Context(), access.Local("test"), ada, true, false); err != nil {
			t.Fatal(err)
		}
		if n := rows(t, h, "select count(*) from event_entry where type in ('file.changed', 'contact.changed')"); n != 1 {
			t.Errorf("%d events are left, want the library's", n)
		}
		if n := rows(t, h, "select count(*) from feed_mark where feed in (select number from feed_entry where mailbox = '') or feed not in (select number from feed_entry)"); n != library {
			t.Errorf("%d marks without her, want %d", n, library)
		}
	})
}

// With Sites.Selected the hub follows the sites that were granted, by asking: Microsoft tells only who may write to all. All sites at once are
// not followed.
func TestFollowingChosenSites(t *testing.T) {
	address := freeAddress(t)
	h := app.StartForTest(t, app.TestOptions{Change: func(s map[string]string) { s["LISTEN"], s["PUBLIC_URL"] = address, "http://"+address }})
	f := h.Form("chosen", "Seneschal for chosen sites", m365.FollowSites)
	for _, sites := range [][]string{{}, {connection.EverySite}} {
		f.Sites = sites
		_, _, err := h.Connections.Add(t.Context(), access.Local("test"), f)
		if e := fault.As(err); e == nil || !slices.ContainsFunc(e.Fields, func(f fault.Field) bool { return f.Name == "sites" }) {
			t.Errorf("sites %v: %v", sites, err)
		}
	}
	f.Sites, f.SitesSelected, f.Mailboxes = []string{projects}, true, nil
	if c := h.Connect(f); c.State != connection.Healthy {
		t.Fatalf("%s %+v", c.State, c.Reason)
	}
	waitUntil(t, "the site is followed, and why it is asked is said", func() bool {
		h.Time.Advance(200 * time.Millisecond)
		all, err := h.Feeds.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		return len(all) > 2 && !slices.ContainsFunc(all, func(f feed.Feed) bool {
			return f.State != feed.Live || f.Push != nil || f.Kind != feed.Site && !strings.Contains(f.PushNote, "Sites.ReadWrite.All")
		})
	})
}
