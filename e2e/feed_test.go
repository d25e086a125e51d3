package e2e

import (
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
	"seneschal/internal/customer"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// Without a public address the hub asks: what comes is shown within one pause, busy folders are asked more often than quiet ones, and
// everybody is told which way is in use, why, and how old what they see is.
func TestWithoutAPublicAddressTheHubAsks(t *testing.T) {
	h := lined(t, store.SQLite)
	const fresh, slow = 30 * time.Second, 10 * time.Minute // of mail folders: right after a change, and when nothing happens for long
	inbox := func() feed.Feed { return inboxOf(t, h, ada) }
	for range 20 { // quiet hours
		letPass(t, h, slow)
	}
	if f := inbox(); f.Poll != slow {
		t.Errorf("a quiet folder is asked every %v", f.Poll)
	}
	deliver(t, h, ada, "VPN is down", nora, ada)
	letPass(t, h, slow)
	if all := lines(t, h, access.Local("test")); with(all, "VPN is down") != 1 {
		t.Errorf("after one pause:\n%s", strings.Join(all, "\n"))
	}
	if f := inbox(); f.Poll != fresh || f.Push != nil || !strings.Contains(f.PushNote, "No public address is set (SENESCHAL_PUBLIC_URL)") {
		t.Errorf("every %v, push %v: %q", f.Poll, f.Push, f.PushNote)
	}
	out, err := h.Timeline.List(t.Context(), access.Local("test"), timeline.Query{Customer: "Northwind"})
	if err != nil || out.Summary.Feeds == 0 || out.Summary.Told != 0 || out.Summary.AsOf.IsZero() || h.Time.Now().Sub(out.Summary.AsOf) > 20*time.Minute {
		t.Errorf("how fresh the page is: %+v %v", out.Summary, err)
	}
}

// A customer's page has the meetings of the past 7 and the next 14 days. The window moves on with the days, and what touches its edges is in.
func TestTheWindowOfMeetingsMovesOn(t *testing.T) {
	h := lined(t, store.SQLite)
	midnight := h.Time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	letPass(t, h, midnight.Sub(h.Time.Now())) // whenever the test is run, it has the day before it
	from, to := midnight.AddDate(0, 0, -7), midnight.AddDate(0, 0, 14)
	for name, span := range map[string][2]time.Time{
		"over before":          {from.Add(-2 * time.Hour), from},
		"over the first edge":  {from.Add(-time.Hour), from.Add(time.Hour)},
		"in the middle":        {midnight.Add(36 * time.Hour), midnight.Add(37 * time.Hour)},
		"over the second edge": {to.Add(-time.Hour), to.Add(time.Hour)},
		"not yet":              {to.Add(time.Hour), to.Add(2 * time.Hour)},
	} {
		do(t, h, "calendar.event.create", map[string]any{"user": ada, "subject": name, "start": span[0].Format(time.RFC3339), "end": span[1].Format(time.RFC3339), "attendees": []map[string]any{{"address": "nora@northwind.example"}}})
	}
	walked(t, h)
	meetings(t, h, "in the middle", "over the first edge", "over the second edge")
	letPass(t, h, 25*time.Hour)
	walked(t, h)
	meetings(t, h, "in the middle", "not yet", "over the second edge")
	letPass(t, h, 9*24*time.Hour)
	walked(t, h)
	meetings(t, h, "not yet", "over the second edge")
}

// meetings compares those of the customer's page that a test made.
func meetings(t *testing.T, h *app.Hub, want ...string) {
	t.Helper()
	settled(t, h)
	now := h.Time.Now()
	out, err := h.Timeline.List(t.Context(), access.Local("test"), timeline.Query{Customer: "Northwind", Kind: timeline.Meeting, Since: now.AddDate(0, 0, -30), Until: now.AddDate(0, 0, 30), Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range out.Communications {
		if strings.Contains("over before,over the first edge,in the middle,over the second edge,not yet", c.Subject) {
			got = append(got, c.Subject)
		}
	}
	slices.Sort(got)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("at %s: %q, want %q", now.Format(time.RFC3339), got, want)
	}
}

// Before anything is followed, an admin sees what would be kept; looking keeps nothing.
func TestAPreviewBeforeTheFirstImport(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	if _, err := h.Customers.Add(t.Context(), access.Local("test"), customer.Form{Name: "Northwind", Domains: []string{"northwind.example"}}); err != nil {
		t.Fatal(err)
	}
	if c := h.Connect(h.Form("c", "Seneschal", m365.Mail)); c.State != connection.Healthy {
		t.Fatalf("%s %+v", c.State, c.Reason)
	}
	p, err := h.Timeline.Preview(t.Context(), access.Local("test"), timeline.PreviewQuery{Connection: "c"})
	if err != nil || p.Keep == 0 || p.Keep >= p.Read || p.ByName["Northwind"] != p.Keep || !p.Whole || len(p.Boxes) < 2 {
		t.Errorf("%+v %v", p, err)
	}
	if p, err = h.Timeline.Preview(t.Context(), access.Local("test"), timeline.PreviewQuery{Connection: "c", Mailbox: "chloe@contoso.example"}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "mailbox: chloe@contoso.example is not listed on this connection") {
		t.Errorf("a mailbox that is not listed: %+v %v", p, err)
	}
	if all := lines(t, h, access.Local("test")); len(all) != 0 {
		t.Errorf("something was kept: %v", all)
	}
	if all, err := h.Feeds.List(t.Context(), ""); err != nil || len(all) != 0 {
		t.Errorf("something is followed: %v %v", all, err)
	}
}

// How people name their folders is not for everybody; that the hub follows them, and how fresh they are, is.
func TestFolderNamesAreForAdmins(t *testing.T) {
	h := lined(t, store.SQLite)
	for role, want := range map[access.Role]bool{access.Admin: true, access.Member: false, access.Viewer: false} {
		r, err := h.Runner.Do(t.Context(), action.Request{Action: "feed.list", Caller: staff(t, h, string(role), role, ""), Input: json.RawMessage(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(r.Output), "Sent Items"); got != want || !strings.Contains(string(r.Output), ada) {
			t.Errorf("%s: %.500s", role, r.Output)
		}
	}
}
