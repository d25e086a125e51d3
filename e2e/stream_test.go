package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// message is one of a stream.
type message struct{ id, kind, data string }

// listener reads a stream of server-sent events.
type listener struct {
	t    *testing.T
	stop context.CancelFunc
	got  chan message
}

func (s serving) listen(t *testing.T, key, query, last string) listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	l := listener{t, cancel, make(chan message, 1000)}
	go func() {
		defer close(l.got)
		var m message
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			name, value, _ := strings.Cut(in.Text(), ": ")
			switch name {
			case "id":
				m.id = value
			case "event":
				m.kind = value
			case "data":
				m.data = value
			case "":
				if m.data != "" {
					l.got <- m
				}
				m = message{}
			}
		}
	}()
	return l
}

// next waits for a message of a kind.
func (l listener) next(kind string) message {
	l.t.Helper()
	for deadline := time.After(time.Minute); ; {
		select {
		case m, ok := <-l.got:
			if !ok {
				l.t.Fatalf("the stream ended before %s", kind)
			}
			if m.kind == kind {
				return m
			}
		case <-deadline:
			l.t.Fatalf("no %s came", kind)
		}
	}
}

// serving is where a hub answers.
type serving struct{ url string }

func key(t *testing.T, h *app.Hub, name string, scopes ...access.Scope) string {
	t.Helper()
	_, k, err := h.Access.AddAPIKey(t.Context(), access.Local("test"), name, scopes, 0)
	if err != nil {
		t.Fatal(err)
	}
	return k.Reveal()
}

func emit(t *testing.T, h *app.App, events ...event.Event) {
	t.Helper()
	err := h.Store.InTx(t.Context(), "test", func(tx *store.Tx) error {
		for _, e := range events {
			if err := h.Events.Emit(t.Context(), tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheStreamIsTakenUpAgain(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	s := serving{h.Server.URL()}
	l := s.listen(t, h.Key, "", "")
	for n := range 3 {
		emit(t, h.App, event.Event{Type: event.Healthy, Data: map[string]any{"n": n}})
	}
	first := l.next("connection.healthy")
	l.stop()
	again := s.listen(t, h.Key, "?types=connection.healthy", first.id)
	for _, want := range []int{1, 2} {
		if m := again.next("connection.healthy"); !strings.Contains(m.data, fmt.Sprintf(`"n":%d`, want)) {
			t.Errorf("got %s, want %d", m.data, want)
		}
	}
	status, _, body := h.REST(http.MethodGet, "/api/v1/events?types=no.such", nil)
	if status != http.StatusBadRequest || !strings.Contains(string(body), "types") {
		t.Errorf("a wrong type: %d %s", status, body)
	}
}

func TestAStreamEndsWithTheKeyThatOpenedIt(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	l := serving{h.Server.URL()}.listen(t, key(t, h, "gone", access.HubRead), "", "")
	if err := h.Access.RemoveAPIKey(t.Context(), access.Local("test"), "gone"); err != nil {
		t.Fatal(err)
	}
	h.Time.Advance(2 * time.Second)
	emit(t, h.App, event.Event{Type: event.Healthy, Data: map[string]any{"secret": true}})
	for m := range l.got {
		t.Errorf("still told: %+v", m)
	}
}

// What each caller is told, by stream and by list, of one mail that went to Ada, and of the hub itself.
func TestWhoIsToldOfWhat(t *testing.T) {
	h := lined(t, store.SQLite)
	s := serving{h.Server.URL()}
	member := staff(t, h, "Ada", access.Member, ada)
	viewer := staff(t, h, "Ben", access.Viewer, ben)
	boss := staff(t, h, "boss", access.Admin, "")
	type caller struct {
		name        string
		list        access.Caller
		key         string
		mail, isHub bool
	}
	all := []caller{
		{"an admin", boss, "", true, true}, {"the member whose mail it is", member, "", true, true}, {"a viewer who takes no part", viewer, "", false, true},
		{"a key for the hub", access.Caller{}, key(t, h, "hub", access.HubRead), false, true},
		{"a key for communications as well", access.Caller{}, key(t, h, "both", access.HubRead, access.Communications), true, true},
	}
	deliver(t, h, ada, "For Ada", "Nora <nora@northwind.example>", ada)
	walked(t, h)
	for _, c := range all {
		var kinds []string
		if c.key != "" {
			l := s.listen(t, c.key, "?after=0", "")
			emit(t, h.App, event.Event{Type: event.FeedLagging, About: "the end", Data: map[string]any{}})
			for {
				m := <-l.got
				kinds = append(kinds, m.kind)
				if m.kind == "feed.lagging" {
					break
				}
			}
		} else {
			out := struct{ Events []event.Event }{}
			text := ask(t, h, c.list, "event.list", `{"limit":500}`)
			if err := json.Unmarshal([]byte(text), &out); err != nil {
				t.Fatal(err)
			}
			for _, e := range out.Events {
				kinds = append(kinds, string(e.Type))
			}
		}
		if got := slices.Contains(kinds, "message.received"); got != c.mail {
			t.Errorf("%s is told of the mail: %v, want %v", c.name, got, c.mail)
		}
		if got := slices.Contains(kinds, "connection.healthy"); got != c.isHub {
			t.Errorf("%s is told of the hub: %v, want %v", c.name, got, c.isHub)
		}
	}
}

// What a change is told as: a mail once, wherever it is moved; a meeting as it appears, changes and goes.
func TestWhatIsNews(t *testing.T) {
	h := lined(t, store.SQLite)
	deliver(t, h, ada, "VPN is down", "Nora <nora@northwind.example>", ada)
	deliver(t, h, ada, "Lunch", "Friend <friend@elsewhere.example>", ada)
	walked(t, h)
	in := map[string]any{"user": ada, "message": messageID(t, h, ada, "VPN is down")}
	in["folder"] = "archive"
	do(t, h, "mail.message.move", in)
	walked(t, h)
	if mails := events(t, h, event.MailReceived); len(mails) != 1 {
		t.Errorf("a mail that was moved is told of %d times, and one that is nobody's must not be: %+v", len(mails), mails)
	}
	start := h.Time.Now().Add(24 * time.Hour).UTC().Truncate(time.Hour)
	r, err := h.Do("c", "calendar.event.create", "visit", map[string]any{"user": ben, "subject": "Visit", "start": start, "end": start.Add(time.Hour), "attendees": []map[string]any{{"address": "nora@northwind.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ ID string }
	if err := json.Unmarshal(r.Output, &made); err != nil {
		t.Fatal(err)
	}
	walked(t, h)
	do(t, h, "calendar.event.update", map[string]any{"user": ben, "event": made.ID, "subject": "Visit, later"})
	walked(t, h)
	do(t, h, "calendar.event.delete", map[string]any{"user": ben, "event": made.ID})
	walked(t, h)
	var changes []string
	for _, e := range events(t, h, event.EventChanged) {
		if e.About == made.ID {
			changes = append(changes, fmt.Sprint(e.Data["change"]))
		}
		if strings.Contains(fmt.Sprint(e.Data), "Visit") || strings.Contains(fmt.Sprint(e.Data), "nora@") {
			t.Errorf("an event tells more than ids: %v", e.Data)
		}
	}
	if got := strings.Join(slices.Compact(changes), " "); got != "appeared changed removed" {
		t.Errorf("the visit: %s", got)
	}
}

// A reader that does not read is cut instead of being waited for or written ahead for, and goes on from what it has.
func TestASlowReaderIsCutAndGoesOn(t *testing.T) {
	const many = 1500 // more than both ends' sockets hold
	h := app.StartForTest(t, app.TestOptions{})
	var all []event.Event
	for n := range many {
		all = append(all, event.Event{Type: event.GrantsChanged, Data: map[string]any{"n": n, "much": strings.Repeat("x", 20_000)}})
	}
	emit(t, h.App, all...)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.Server.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /api/v1/events?after=0 HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\n\r\n", h.Key); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the stream is cut", func() bool {
		time.Sleep(50 * time.Millisecond)
		return strings.Contains(metrics(t, h), `route="GET /api/v1/events"`) // counted once it is over
	})
	got, last := 0, ""
	for in := bufio.NewScanner(conn); in.Scan(); {
		if id, ok := strings.CutPrefix(in.Text(), "id: "); ok {
			last = id
		}
		if strings.HasPrefix(in.Text(), "data: ") && strings.HasSuffix(in.Text(), "}") {
			got++
		}
	}
	if got == 0 || got >= many {
		t.Fatalf("%d of %d before the cut", got, many)
	}
	rest := serving{h.Server.URL()}.listen(t, h.Key, "", last)
	for {
		if m := rest.next(string(event.GrantsChanged)); strings.Contains(m.data, fmt.Sprintf(`"n":%d}`, many-1)) {
			return
		}
	}
}

func metrics(t *testing.T, h *app.Hub) string {
	t.Helper()
	_, _, body := h.REST(http.MethodGet, "/metrics", nil)
	return string(body)
}
