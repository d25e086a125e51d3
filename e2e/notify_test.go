package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/customer"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/feed"
	"seneschal/internal/jobs"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// told is a hub that Microsoft notifies.
func told(t *testing.T) *app.Hub {
	t.Helper()
	return toldOn(t, store.SQLite)
}

func toldOn(t *testing.T, engine store.Engine) *app.Hub {
	t.Helper()
	address := freeAddress(t)
	h := app.StartForTest(t, app.TestOptions{Engine: engine, Change: func(s map[string]string) { s["LISTEN"], s["PUBLIC_URL"] = address, "http://"+address }})
	if _, err := h.Customers.Add(t.Context(), access.Local("test"), customer.Form{Name: "Northwind", Domains: []string{"northwind.example"}}); err != nil {
		t.Fatal(err)
	}
	f := h.Form("c", "Seneschal", m365.Timeline, m365.Mail, m365.Calendar)
	f.Mailboxes = connection.ParseMailboxes(ada)
	f.Mailboxes[0].Purposes = []connection.Purpose{connection.ForTimeline, connection.ForActions}
	if c := h.Connect(f); c.State != connection.Healthy {
		t.Fatalf("%s %+v", c.State, c.Reason)
	}
	settled(t, h)
	pushed(t, h)
	letPass(t, h, 0) // what follows new subscriptions: a walk of each feed, and the first look for unknown ones
	return h
}

// pushed waits until the feeds that can be told of changes are.
func pushed(t *testing.T, h *app.Hub) []feed.Feed {
	t.Helper()
	var all []feed.Feed
	waitUntil(t, "feeds have subscriptions", func() bool {
		h.Time.Advance(200 * time.Millisecond) // a self-test during which three seconds pass fails
		var err error
		if all, err = h.Feeds.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if f.Kind != feed.Folders && f.Push == nil {
				return false
			}
		}
		return true
	})
	return all
}

func inboxOf(t *testing.T, h *app.Hub, mailbox string) feed.Feed {
	t.Helper()
	all, err := h.Feeds.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Mailbox == mailbox && f.Title == "Inbox" {
			return f
		}
	}
	t.Fatal("no inbox")
	return feed.Feed{}
}

func subscriptions(t *testing.T, h *app.Hub) []map[string]any {
	t.Helper()
	all, err := h.Cloud.State(h.Cloud.Ready().Tenants[0].TenantID, "subscriptions")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func shown(t *testing.T, h *app.Hub, subject string) func() bool {
	return func() bool {
		h.Time.Advance(200 * time.Millisecond)
		return with(lines(t, h, access.Local("test")), subject) == 1
	}
}

func TestAChangeIsTold(t *testing.T) {
	h := told(t)
	before := len(h.Cloud.Requests())
	deliver(t, h, ada, "VPN is down", "Nora <nora@northwind.example>", ada)
	waitUntil(t, "the mail is on the customer's page", shown(t, h, "VPN is down"))
	n := 0
	for _, r := range h.Cloud.Requests()[before:] {
		if r.Mailbox != "" {
			n++
		}
	}
	if n > 1 {
		t.Errorf("%d requests for one changed mailbox, want one", n)
	}
	if f := inboxOf(t, h, ada); f.Push.HeardAt.IsZero() {
		t.Error("the feed does not know that it was told")
	}
}

// quiet waits until the hub asks nothing any more, and tells how much it has asked.
func quiet(h *app.Hub) int {
	n := -1
	for n != len(h.Cloud.Requests()) {
		n = len(h.Cloud.Requests())
		time.Sleep(300 * time.Millisecond)
	}
	return n
}

// letPass has time go by, and waits until the hub has done what was due in it: a clock that ran on beside its requests would let them time out.
func letPass(t *testing.T, h *app.Hub, d time.Duration) {
	t.Helper()
	h.Time.Advance(d)
	waitUntil(t, "what was due is done", func() bool { return atRest(t, h) })
}

// atRest says that the hub works on nothing, and that nothing is due.
func atRest(t *testing.T, h *app.Hub) bool {
	t.Helper()
	rows, err := h.Jobs.Rows(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	now := h.Time.Now()
	return !slices.ContainsFunc(rows, func(r jobs.Row) bool { return r.Owner != "" || !r.Due.After(now) })
}

// Each row does something to the subscriptions; afterwards new mail is shown, and each feed has one living subscription.
func TestSubscriptionsStayAlive(t *testing.T) {
	for _, tt := range []struct {
		name   string
		happen func(t *testing.T, h *app.Hub)
	}{
		{"five days pass", func(t *testing.T, h *app.Hub) {
			for range 5 * 24 {
				letPass(t, h, time.Hour)
			}
		}},
		{"Microsoft wants a new authorisation", func(t *testing.T, h *app.Hub) {
			play(t, h, sim.Fault{Kind: "lifecycle", Code: "reauthorizationRequired", Times: 1})
		}},
		{"Microsoft removes one", func(t *testing.T, h *app.Hub) {
			play(t, h, sim.Fault{Kind: "lifecycle", Code: "subscriptionRemoved", Times: 1})
		}},
		{"Microsoft missed some", func(t *testing.T, h *app.Hub) { play(t, h, sim.Fault{Kind: "lifecycle", Code: "missed", Times: 1}) }},
		{"notifications come twice", func(t *testing.T, h *app.Hub) { play(t, h, sim.Fault{Kind: "duplicate_notification"}) }},
		{"notifications are forged", func(t *testing.T, h *app.Hub) { play(t, h, sim.Fault{Kind: "forged_notification"}) }},
		{"a subscription falls silent", func(t *testing.T, h *app.Hub) {
			play(t, h, sim.Fault{Kind: "silent_subscription"})
			deliver(t, h, ada, "Said to nobody", "Nora <nora@northwind.example>", ada)
			for range 7 {
				letPass(t, h, time.Hour)
			}
			waitUntil(t, "the silent feed is probed", shown(t, h, "Said to nobody"))
			h.Cloud.ClearFaults()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := told(t)
			tt.happen(t, h)
			deliver(t, h, ada, "VPN is down", "Nora <nora@northwind.example>", ada)
			waitUntil(t, "the mail is on the customer's page", shown(t, h, "VPN is down"))
			h.Cloud.ClearFaults()
			all := pushed(t, h)
			want := 0
			for _, f := range all {
				if f.Kind != feed.Folders {
					want++
				}
			}
			waitUntil(t, "each feed has one subscription", func() bool { h.Time.Advance(time.Second); return len(subscriptions(t, h)) == want })
		})
	}
}

// A calendar of which the hub is told moves its window on with the day, not with the next change.
func TestTheWindowOfMeetingsMovesOnWithoutBeingTold(t *testing.T) {
	h := told(t)
	midnight := h.Time.Now().UTC().Add(2*time.Hour).Truncate(24*time.Hour).AddDate(0, 0, 1) // not one that comes before the meetings are made
	for h.Time.Now().Before(midnight.Add(-time.Hour)) {
		letPass(t, h, min(time.Hour, midnight.Add(-10*time.Minute).Sub(h.Time.Now())))
	}
	pushed(t, h)
	for name, day := range map[string]int{"now": 13, "from tomorrow": 14} {
		at := midnight.AddDate(0, 0, day-1).Add(10 * time.Hour)
		do(t, h, "calendar.event.create", map[string]any{"user": ada, "subject": name, "start": at.Format(time.RFC3339), "end": at.Add(time.Hour).Format(time.RFC3339), "attendees": []map[string]any{{"address": "nora@northwind.example"}}})
	}
	onPage := func(subject string) bool {
		out, err := h.Timeline.List(t.Context(), access.Local("test"), timeline.Query{Customer: "Northwind", Kind: timeline.Meeting, Until: midnight.AddDate(0, 0, 30), Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(out.Communications, func(c timeline.Communication) bool { return c.Subject == subject })
	}
	waitUntil(t, "the hub is told of the meetings", func() bool { h.Time.Advance(200 * time.Millisecond); return onPage("now") })
	if onPage("from tomorrow") {
		t.Error("a meeting is shown before the window reaches it")
	}
	letPass(t, h, midnight.Add(16*time.Minute).Sub(h.Time.Now()))
	waitUntil(t, "the window has moved on", func() bool { return onPage("from tomorrow") })
}

func TestDisconnectingEndsTheSubscriptions(t *testing.T) {
	h := told(t)
	if len(subscriptions(t, h)) == 0 {
		t.Fatal("there are none")
	}
	if _, err := h.Connections.Remove(t.Context(), access.Local("test"), "c"); err != nil {
		t.Fatal(err)
	}
	if left := subscriptions(t, h); len(left) != 0 {
		t.Errorf("left at Microsoft: %v", left)
	}
	waitUntil(t, "nothing is kept of it", func() bool {
		all, err := h.Feeds.List(t.Context(), "")
		return err == nil && len(all) == 0 && len(lines(t, h, access.Local("test"))) == 0
	})
}

func TestUnknownSubscriptionsAreRemoved(t *testing.T) {
	h := told(t)
	if _, err := h.Store.Writer().ExecContext(t.Context(), "delete from feed_subscription"); err != nil { // a database restored from before
		t.Fatal(err)
	}
	before := len(subscriptions(t, h))
	for range 3 { // the next tending
		letPass(t, h, time.Hour)
	}
	pushed(t, h)
	waitUntil(t, "those that nobody knows are gone", func() bool { h.Time.Advance(2 * time.Second); return len(subscriptions(t, h)) == before }) // one whose answer took an hour is looked for by the next tending
}

func TestTheDoorForNotifications(t *testing.T) {
	h := told(t)
	door := h.Server.URL() + "/notify/graph"
	inbox := inboxOf(t, h, ada)
	note := func(id, state, event string) string {
		text, err := json.Marshal(map[string]any{"value": []any{map[string]any{"subscriptionId": id, "clientState": state, "lifecycleEvent": event, "resource": "x", "changeType": "created"}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, tt := range []struct {
		name, url, body string
		status          int
		answer          string
	}{
		{"a handshake", door + "?validationToken=" + url.QueryEscape("Validation: <b>Testing</b> & more"), "", 200, "Validation: <b>Testing</b> & more"},
		{"a handshake with an endless token", door + "?validationToken=" + strings.Repeat("x", 5000), "", 400, ""},
		{"no JSON", door, "hello", 400, ""},
		{"JSON of another shape", door, `{"a": 1}`, 400, ""},
		{"nothing to say", door, `{"value": []}`, 202, ""},
		{"an unknown subscription", door, note("00000000-0000-0000-0000-000000000000", "x", ""), 202, ""},
		{"a known subscription with a guessed secret", door, note(inbox.Push.ID, "guessed", "subscriptionRemoved"), 202, ""},
		{"11 MB", door, `{"value": [` + strings.Repeat(" ", 11<<20) + `]}`, 413, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := http.Post(tt.url, "application/json", bytes.NewReader([]byte(tt.body)))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || (tt.answer != "" && string(text) != tt.answer) {
				t.Errorf("%d %s %v, want %d %s", resp.StatusCode, text, err, tt.status, tt.answer)
			}
			if tt.status == 200 && !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("content type %s", resp.Header.Get("Content-Type"))
			}
		})
	}
	if f := inboxOf(t, h, ada); f.Push == nil || !f.Push.HeardAt.IsZero() {
		t.Errorf("a forged notification did something: %s", fmt.Sprint(f.Push))
	}
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		// Below the ports that the system gives out by itself: a hub that is started anew must find its own free.
		address := fmt.Sprint("127.0.0.1:", 15000+rand.IntN(15000)) //nolint:gosec // no secret
		if _, taken := addresses.LoadOrStore(address, true); taken {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		_ = l.Close()
		return address
	}
	t.Fatal("no address is free")
	return ""
}

// addresses are those that a test of this process has.
var addresses sync.Map
