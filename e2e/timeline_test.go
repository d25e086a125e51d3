package e2e

import (
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/customer"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// lined is a hub with a timeline connection to Ada's and Ben's mailboxes and one customer.
func lined(t *testing.T, engine store.Engine) (*app.Hub, connection.Connection, customer.Customer) {
	t.Helper()
	h := app.StartForTest(t, app.TestOptions{Engine: engine})
	c, err := h.Customers.Add(t.Context(), access.Local("test"), customer.Form{Name: "Northwind", Domains: []string{"northwind.example"}})
	if err != nil {
		t.Fatal(err)
	}
	f := h.Form("c", "Seneschal", m365.Timeline)
	for i := range f.Mailboxes {
		f.Mailboxes[i].Purposes = []connection.Purpose{connection.ForTimeline}
	}
	return h, h.Connect(f), c
}

// settled waits until every feed has reached its end.
func settled(t *testing.T, h *app.Hub) []feed.Feed {
	t.Helper()
	for range 600 {
		all, err := h.Feeds.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		mails, live := 0, true
		for _, f := range all {
			live = live && f.State == feed.Live
			if f.Kind == feed.Mail {
				mails++
			}
		}
		if mails > 0 && live {
			return all
		}
		time.Sleep(20 * time.Millisecond)
	}
	all, _ := h.Feeds.List(t.Context(), "")
	for _, f := range all {
		t.Logf("%+v %+v", f, f.Reason)
	}
	t.Fatal("the feeds did not come to rest")
	return nil
}

func TestACustomersCommunications(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h, _, _ := lined(t, engine)
			for _, f := range settled(t, h) {
				t.Logf("%s %s %s items %d of %d", f.Kind, f.Mailbox, f.Title, f.Items, f.Expected)
				if f.Kind == feed.Mail && f.Items != f.Expected {
					t.Errorf("%s of %s: %d items, Microsoft has %d", f.Title, f.Mailbox, f.Items, f.Expected)
				}
			}
			out, err := h.Timeline.List(t.Context(), access.Local("test"), timeline.Query{Customer: "Northwind", Limit: 500})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range out.Communications {
				t.Logf("%s %s %s %s %v", c.At, c.Kind, c.Direction, c.Subject, c.Participants)
			}
			if len(out.Communications) < 3 {
				t.Errorf("%d communications", len(out.Communications))
			}
		})
	}
}
