package graph_test

import (
	"net/http"
	"slices"
	"testing"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Where a drive's changes go on stands in the query or in the function's brackets (driveitem-delta.md); what is gone has a facet.
func TestADrivesChangesGoOnFromEveryFormOfItsToken(t *testing.T) {
	for _, tt := range []struct{ name, link, want string }{
		{"in the query", "https://graph.example/v1.0/me/drive/root/delta?token=a%2Bb", "a+b"},
		{"in brackets", "https://graph.example/v1.0/me/drive/root/delta(token='a%2Bb')", "a+b"},
		{"in brackets without quotes", "https://graph.example/v1.0/me/drive/delta(token=ab)", "ab"},
		{"in brackets behind a question mark", "https://graph.example/v1.0/me/drive/root/delta?(token='ab')", "ab"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked []string
			cfg := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.Path+" "+r.URL.Query().Get("token"))
				reply(w, 200, `{"value":[{"id":"1","name":"a"},{"id":"2","deleted":{"state":"deleted"}}],"@odata.deltaLink":"`+tt.link+`"}`)
			})
			c := graph.NewDelegated(cfg)
			read := func(from graph.PageToken) (graph.Page[graph.DriveItem], graph.PageToken) {
				owner, err := c.Owner("")
				if err != nil {
					t.Fatal(err)
				}
				page, next, err := graph.DeltaPage[graph.DriveItem](t.Context(), c.Client, owner.DriveRoot(), from, nil)
				if err != nil {
					t.Fatal(err)
				}
				return page, next
			}
			page, next := read("")
			if len(page.Items) != 1 || page.Items[0].ID != "1" || len(page.Removed) != 1 || page.Removed[0].ID != "2" || !page.Last {
				t.Errorf("got %+v", page)
			}
			read(next)
			if want := []string{"/v1.0/me/drive/root/delta ", "/v1.0/me/drive/root/delta " + tt.want}; !slices.Equal(asked, want) {
				t.Errorf("asked for %q, want %q", asked, want)
			}
		})
	}
}

// A copy is judged by where it comes from and by where it goes.
func TestTheFenceLooksAtBothEndsOfACopy(t *testing.T) {
	sent := 0
	cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		sent++
		w.Header().Set("Location", "https://contoso.sharepoint.example/_api/v2.0/monitor/1")
		w.WriteHeader(http.StatusAccepted)
	})
	cfg.Wire.Fence = graph.MailboxFence{Mailboxes: []string{"ada@contoso.example", "chloe@contoso.example"}}.Fence()
	c := graph.NewApplication(cfg)
	ada, bob, chloe := c.User("ada@contoso.example"), c.User("bob@contoso.example"), c.User("chloe@contoso.example")
	for _, tt := range []struct {
		name     string
		from, to graph.Owner
		code     string
	}{
		{"between listed ones", ada, chloe, ""},
		{"out to a stranger", ada, bob, "mailbox_not_listed"},
		{"in from a stranger", bob, ada, "mailbox_not_listed"},
	} {
		before := sent
		monitor, err := c.CopyItem(t.Context(), tt.from.Drive().DriveItem("1"), tt.to.Drive().DriveItem("2"), graph.ItemCopy{})
		if fault.CodeOf(err) != tt.code || (err == nil) != (monitor != "") || (sent > before) != (tt.code == "") {
			t.Errorf("%s: got %q, %v; %d requests", tt.name, monitor, err, sent-before)
		}
	}
}
