package e2e

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/engine/alarm"
	"seneschal/internal/event"
	"seneschal/internal/feed"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// alarmed is a hub with a connection that can tell (from Ada's mailbox) and one whose credential ends soon; its admin reads at Ben's.
func alarmed(t *testing.T, engine store.Engine, change func(map[string]string)) *app.Hub {
	t.Helper()
	h := app.StartForTest(t, app.TestOptions{Engine: engine, Change: change})
	staff(t, h, "admin", access.Admin, ben)
	h.Connect(h.Form("works", "Seneschal"))
	f := h.Form("ending", "Seneschal to repair")
	f.Credential.ExpiresAt = h.Time.Now().Add(10 * 24 * time.Hour)
	f.Mailboxes = connection.ParseMailboxes(ada)
	h.Connect(f)
	return h
}

func fromAda(s map[string]string) { s["ALARM_FROM"] = ada }

// alarms gives those of a kind.
func alarms(t *testing.T, h *app.App, kind event.Type) []alarm.Alarm {
	t.Helper()
	all, err := h.Alarms.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []alarm.Alarm
	for _, a := range all {
		if a.Kind == kind {
			out = append(out, a)
		}
	}
	return out
}

// mailed counts the mails about something that Ben has.
func mailed(t *testing.T, h *app.Hub, about string) int {
	t.Helper()
	all, err := h.Cloud.State(h.Cloud.Ready().Tenants[0].TenantID, "messages")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range all {
		if strings.Contains(fmt.Sprint(m["subject"]), about) && strings.Contains(fmt.Sprint(m["mailbox"]), "ben@") && m["isDraft"] != true {
			n++
		}
	}
	return n
}

// minutes passes time in steps that let the jobs of each happen.
func minutes(h *app.Hub, n int) {
	for range n {
		h.Time.Advance(time.Minute)
		time.Sleep(15 * time.Millisecond)
	}
}

func TestAnAlarmIsToldOnceAndResolvesItself(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := alarmed(t, engine, fromAda)
			waitUntil(t, "Ben is told", func() bool { h.Time.Advance(time.Second); return mailed(t, h, "of ending ends on") > 0 })
			waitUntil(t, "the hub knows", func() bool {
				h.Time.Advance(time.Second)
				return alarms(t, h.App, event.SecretExpires)[0].Mails[0].State == alarm.Done
			})
			minutes(h, 30)
			if n := mailed(t, h, "of ending ends on"); n != 1 {
				t.Errorf("Ben was told %d times", n)
			}
			open := alarms(t, h.App, event.SecretExpires)
			if len(open) != 1 || !open[0].ResolvedAt.IsZero() || open[0].Fix == "" || open[0].Who == "" || len(open[0].Mails) != 1 || open[0].Mails[0].State != alarm.Done {
				t.Fatalf("%+v", open)
			}
			if engine == store.SQLite {
				p := browser(t)
				p.enter(h)
				has(t, "the overview", p.text("#alarms"), "The secret of ending ends on", "What to do: Make a new one", "Who can: an administrator", "Who was told")
				p.sound(h, map[string]string{"overview-alarms": "/"})
			}
			ask(t, h, access.Local("ops"), "alarm.acknowledge", `{"id":"`+open[0].ID+`"}`)
			if a := alarms(t, h.App, event.SecretExpires)[0]; a.AcknowledgedBy != "local:ops" {
				t.Errorf("%+v", a)
			}
			if _, err := h.Connections.Remove(t.Context(), access.Local("test"), "ending"); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "it resolves itself", func() bool {
				h.Time.Advance(time.Second)
				return !alarms(t, h.App, event.SecretExpires)[0].ResolvedAt.IsZero()
			})
			waitUntil(t, "Ben hears that it is over", func() bool { minutes(h, 1); return mailed(t, h, "Resolved: The") > 0 })
			minutes(h, 30)
			if n := mailed(t, h, "Resolved: The"); n != 1 {
				t.Errorf("Ben heard of its end %d times", n)
			}
			if r, done := events(t, h, event.AlarmRaised), events(t, h, event.AlarmResolved); len(r) == 0 || len(done) == 0 {
				t.Errorf("events: %v %v", r, done)
			}
		})
	}
}

// An alarm that is over before it is known whether its mail left is told to be over when that is known.
func TestTheEndOfAnAlarmIsToldAfterItsMail(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := app.StartForTest(t, app.TestOptions{Engine: engine, Change: fromAda})
			staff(t, h, "admin", access.Admin, ben)
			h.Connect(h.Form("works", "Seneschal"))
			play(t, h, sim.Fault{Match: matching("POST", "/v1.0/users/*/messages/*/send"), Kind: "timeout_after_accept", Times: 1})
			play(t, h, sim.Fault{Match: matching("GET", "/v1.0/users/*/messages/*"), Kind: "status", Status: 503, Times: 100000})
			f := h.Form("ending", "Seneschal to repair")
			f.Credential.ExpiresAt = h.Time.Now().Add(10 * 24 * time.Hour)
			f.Mailboxes = connection.ParseMailboxes(ada)
			h.Connect(f)
			waitUntil(t, "Ben has the mail", func() bool { h.Time.Advance(time.Second); return mailed(t, h, "of ending ends on") > 0 })
			if _, err := h.Connections.Remove(t.Context(), access.Local("test"), "ending"); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "the alarm is over", func() bool {
				h.Time.Advance(time.Second)
				return !alarms(t, h.App, event.SecretExpires)[0].ResolvedAt.IsZero()
			})
			minutes(h, 20)
			if a := alarms(t, h.App, event.SecretExpires)[0]; len(a.Mails) != 1 || a.Mails[0].State != alarm.Claimed {
				t.Fatalf("what became of the mail is known: %+v", a.Mails)
			}
			h.Cloud.ClearFaults()
			waitUntil(t, "Ben hears that it is over", func() bool { minutes(h, 1); return mailed(t, h, "Resolved: The") > 0 })
			minutes(h, 20)
			if raised, over := mailed(t, h, "of ending ends on")-mailed(t, h, "Resolved: The"), mailed(t, h, "Resolved: The"); raised != 1 || over != 1 {
				t.Errorf("Ben was told %d times that it is so, and %d times that it is over", raised, over)
			}
		})
	}
}

func TestAnAlarmNeverGoesThroughWhatIsBroken(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{Change: fromAda})
	staff(t, h, "boss", access.Admin, ben)
	f := h.Form("only", "Seneschal")
	f.Credential.ExpiresAt = h.Time.Now().Add(5 * 24 * time.Hour)
	h.Connect(f)
	waitUntil(t, "the alarm is raised", func() bool { h.Time.Advance(time.Second); return len(alarms(t, h.App, event.SecretExpires)) == 1 })
	minutes(h, 5)
	if a := alarms(t, h.App, event.SecretExpires)[0]; mailed(t, h, "ends on") != 0 || len(a.Mails) != 1 || a.Mails[0].State != alarm.Waiting {
		t.Errorf("%+v", a)
	}
	h.Connect(h.Form("another", "Seneschal to repair")) // not consented to: it cannot send either
	minutes(h, 5)
	if mailed(t, h, "ends on") != 0 {
		t.Error("a connection sent that cannot")
	}
}

// Somebody who relies on alarms learns here that nobody would be told, and what to do.
func TestTheOverviewSaysWhenNobodyIsTold(t *testing.T) {
	for _, tt := range []struct {
		name, from, admin, connection, says string
	}{
		{"no sender is set", "", ben, "Seneschal", "SENESCHAL_ALARM_FROM"},
		{"no admin has an address", ada, "", "Seneschal", "technician add"},
		{"nothing can send from it", "nobody@contoso.example", ben, "Seneschal", "List the mailbox"},
		{"all is well", ada, ben, "Seneschal", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := app.StartForTest(t, app.TestOptions{Change: func(s map[string]string) {
				if tt.from != "" {
					s["ALARM_FROM"] = tt.from
				}
			}})
			staff(t, h, "boss", access.Admin, tt.admin)
			h.Connect(h.Form("c", tt.connection))
			got := ask(t, h, access.Local("test"), "alarm.list", `{}`)
			if tt.says == "" && strings.Contains(got, "nobody_is_told") || !strings.Contains(got, tt.says) {
				t.Error(got)
			}
		})
	}
}

// mailServer is a server that takes mail, or hangs up in the middle of it.
type mailServer struct {
	address string
	mu      sync.Mutex
	mails   []string
	hangUp  bool
}

func startMailServer(t *testing.T, hangUp bool) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &mailServer{address: l.Addr().String(), hangUp: hangUp}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *mailServer) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewScanner(conn)
	say := func(line string) { _, _ = fmt.Fprint(conn, line+"\r\n") }
	say("220 here")
	for in.Scan() {
		switch verb := strings.ToUpper(strings.Fields(in.Text() + " x")[0]); verb {
		case "EHLO":
			say("250 here")
		case "DATA":
			say("354 go on")
			text := ""
			for in.Scan() && in.Text() != "." {
				text += in.Text() + "\n"
			}
			s.mu.Lock()
			s.mails = append(s.mails, text)
			s.mu.Unlock()
			if s.hangUp {
				return
			}
			say("250 taken")
		default:
			say("250 fine")
		}
	}
}

func (s *mailServer) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.mails...)
}

func TestAnAlarmThroughAMailServer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		hangUp bool
		state  alarm.MailState
	}{{"takes it", false, alarm.Done}, {"takes it and hangs up before it says so: not sent again", true, alarm.Unclear}} {
		t.Run(tt.name, func(t *testing.T) {
			server := startMailServer(t, tt.hangUp)
			h := app.StartForTest(t, app.TestOptions{Change: func(s map[string]string) {
				s["ALARM_FROM"], s["ALARM_SMTP"], s["ALARM_TO"] = "hub@msp.example", server.address, "oncall@msp.example"
			}})
			f := h.Form("only", "Seneschal")
			f.Credential.ExpiresAt = h.Time.Now().Add(5 * 24 * time.Hour)
			h.Connect(f)
			waitUntil(t, "the mail's fate is known", func() bool {
				h.Time.Advance(time.Second)
				a := alarms(t, h.App, event.SecretExpires)
				return len(a) == 1 && len(a[0].Mails) == 1 && a[0].Mails[0].State == tt.state
			})
			minutes(h, 20)
			got := server.got()
			if len(got) != 1 {
				t.Fatalf("%d mails", len(got))
			}
			has(t, "the mail", got[0], "From: Seneschal <hub@msp.example>", "To: oncall@msp.example", "Auto-Submitted: auto-generated", "What to do", "only")
		})
	}
}

func TestAFeedThatFallsBehindIsAnAlarmUntilItCatchesUp(t *testing.T) {
	h := lined(t, store.SQLite)
	play(t, h, sim.Fault{Match: matching("GET", "/messages/delta"), Kind: "status", Status: 503, Times: 100000})
	for range 60 {
		minutes(h, 1)
		if len(events(t, h, event.FeedLagging)) > 0 {
			break
		}
	}
	minutes(h, 10)
	waitUntil(t, "every mail feed, none of which can be walked, is told of once", func() bool {
		told := map[string]int{} // the others may fall behind for a moment and catch up, as the clock is moved
		for _, e := range events(t, h, event.FeedLagging) {
			told[e.About]++
		}
		for _, f := range allFeeds(t, h) {
			if f.Kind == feed.Mail && (told[f.ID] != 1 || !f.Lagging) {
				minutes(h, 1)
				return false
			}
		}
		return len(told) > 0
	})
	open := func() int { // one that was over before, as others fell behind for a moment, is another alarm
		minutes(h, 1)
		return len(slices.DeleteFunc(alarms(t, h.App, event.FeedLagging), func(a alarm.Alarm) bool { return !a.ResolvedAt.IsZero() }))
	}
	waitUntil(t, "they are one alarm", func() bool { return open() == 1 })
	h.Cloud.ClearFaults()
	waitUntil(t, "they catch up", func() bool { return open() == 0 })
}

func allFeeds(t *testing.T, h *app.Hub) []feed.Feed {
	t.Helper()
	all, err := h.Feeds.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A connection that worked and stops working is an alarm with cause, fix and who, until it works again; both are told once.
func TestAConnectionThatBreaksIsAnAlarmUntilItWorks(t *testing.T) {
	for _, situation := range []string{"Conditional Access blocks the app"} {
		t.Run(situation, func(t *testing.T) {
			server := startMailServer(t, false)
			h := app.StartForTest(t, app.TestOptions{Change: func(s map[string]string) {
				s["ALARM_FROM"], s["ALARM_SMTP"], s["ALARM_TO"] = "hub@msp.example", server.address, "oncall@msp.example"
			}})
			c := connecting[situation](t, h)
			waitUntil(t, "it is told", func() bool { h.Time.Advance(time.Second); return len(server.got()) == 1 })
			open := alarms(t, h.App, event.NeedsAdmin)
			if len(open) != 1 || open[0].Cause == "" || open[0].Fix == "" || open[0].Who == "" || !open[0].ResolvedAt.IsZero() {
				t.Fatalf("%+v", open)
			}
			has(t, "the mail", server.got()[0], "needs an administrator", "Why: ", "Who can: ")
			h.Cloud.ClearFaults()
			waitUntil(t, "it works again", func() bool {
				h.Time.Advance(time.Minute)
				if _, err := h.Connections.Doctor(t.Context(), c.ID); err != nil {
					t.Fatal(err)
				}
				return !alarms(t, h.App, event.NeedsAdmin)[0].ResolvedAt.IsZero()
			})
			// By seconds: a mail server that takes its time must not seem to take minutes.
			waitUntil(t, "its end is told", func() bool { h.Time.Advance(5 * time.Second); return len(server.got()) == 2 })
			minutes(h, 20)
			if got := server.got(); len(got) != 2 || !strings.Contains(got[1], "Resolved") {
				t.Errorf("%d mails: %v", len(got), got)
			}
		})
	}
}
