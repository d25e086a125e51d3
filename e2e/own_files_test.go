package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// A person's own files and contacts are followed as their own, on their word alone, and told to them.
func TestOwnFilesAndContactsAreFollowed(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := app.StartForTest(t, app.TestOptions{Engine: engine})
			owner, other, boss := staff(t, h, "Ada", access.Member, ada), staff(t, h, "Ben", access.Member, ben), staff(t, h, "boss", access.Admin, "")
			h.Connect(ownForm(h, "mine", owner, m365.OneDrive, m365.Contacts))
			signsIn(t, h, owner, "mine", ada)
			waitUntil(t, "the own connection is healthy", ownIs(t, h, "healthy"))
			for _, what := range []m365.Capability{m365.FollowFiles, m365.FollowContacts} {
				if _, err := runAs(t, h, boss, "connection.follow", map[string]any{"id": "mine", "what": what}); err == nil || fault.As(err).Code != "only_the_owner" {
					t.Fatalf("an admin has her %s told: %v", what, err)
				}
				if _, err := runAs(t, h, owner, "connection.follow", map[string]any{"id": "mine", "what": what}); err != nil {
					t.Fatal(err)
				}
			}
			signsIn(t, h, owner, "mine", ada) // what following needs is asked for at the next sign-in
			waitUntil(t, "files and contacts are followed", func() bool {
				h.Time.Advance(time.Second)
				live := map[feed.Kind]bool{}
				for _, f := range feedsOf(t, h, ada) {
					live[f.Kind] = f.State == feed.Live
				}
				return live[feed.Drive] && live[feed.Contacts]
			})
			made := map[string]string{}
			for name, in := range map[string]map[string]any{"drive.folder.create": {"name": "Offers"}, "contact.create": {"given_name": "Nora"}} {
				r, err := runOn(t, h, owner, name, "mine", in)
				if err != nil {
					t.Fatal(name, err)
				}
				var out struct{ ID string }
				if err := json.Unmarshal(r.Output, &out); err != nil {
					t.Fatal(err)
				}
				made[out.ID] = name
			}
			walked(t, h)
			wantNews(t, h, made, "file.changed drive.folder.create created", "contact.changed contact.create created")
			for _, tt := range []struct {
				who  string
				by   access.Caller
				want int
			}{{"herself", owner, 2}, {"another", other, 0}, {"an admin", boss, 2}} {
				r, err := runAs(t, h, tt.by, "event.list", map[string]any{"types": []string{"file.changed", "contact.changed"}})
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Count(string(r.Output), `"item"`); got != tt.want {
					t.Errorf("%s sees %d events: %s", tt.who, got, r.Output)
				}
			}
			for _, r := range h.Cloud.Requests() {
				if r.Mailbox == ada && !strings.HasPrefix(r.Path, "/v1.0/me") {
					t.Fatalf("%s %s: a person's own is asked for as their own", r.Method, r.Path)
				}
			}
			for _, what := range []m365.Capability{m365.FollowFiles, m365.FollowContacts} {
				if _, err := runAs(t, h, owner, "connection.follow", map[string]any{"id": "mine", "what": what, "stop": true}); err != nil {
					t.Fatal(err)
				}
			}
			waitUntil(t, "nothing of hers is followed", func() bool { h.Time.Advance(time.Second); return len(feedsOf(t, h, ada)) == 0 })
		})
	}
}

// runAs runs one of the hub's own actions as somebody.
func runAs(t *testing.T, h *app.Hub, by access.Caller, name string, in map[string]any) (action.Result, error) {
	t.Helper()
	return runOn(t, h, by, name, "", in)
}

func runOn(t *testing.T, h *app.Hub, by access.Caller, name, connection string, in map[string]any) (action.Result, error) {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		return action.Result{}, err
	}
	return h.Runner.Do(t.Context(), action.Request{Action: name, Connection: connection, Caller: by, Input: text, Key: fmt.Sprint(name, h.Time.Now().UnixNano(), len(h.Cloud.Requests()))})
}
