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
	"seneschal/internal/audit"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/store"
)

const contact = "nora@northwind.example"

func both(t *testing.T, f func(t *testing.T, engine store.Engine)) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) { f(t, engine) })
	}
}

// readAgain has every mail folder read from its start.
func readAgain(t *testing.T, h *app.Hub) {
	t.Helper()
	all, err := h.Feeds.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Kind == feed.Mail {
			if err := h.Feeds.Wake(t.Context(), f.ID, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	walked(t, h)
	settled(t, h)
}

func rows(t *testing.T, h *app.Hub, query string, args ...any) (n int64) {
	t.Helper()
	if err := h.Store.Reader().QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnErasedContactDoesNotComeBack(t *testing.T) {
	both(t, func(t *testing.T, engine store.Engine) {
		h := lined(t, engine)
		deliver(t, h, ada, "VPN is down", "Nora <Nora@northwind.example>", ada)
		deliver(t, h, ada, "From another", "Otto <otto@northwind.example>", ada)
		walked(t, h)
		before := lines(t, h, access.Local("test"))
		if with(before, "VPN is down") != 1 {
			t.Fatal(before)
		}
		preview, err := h.Privacy.Erase(t.Context(), access.Local("test"), "Nora <NORA@northwind.example>", false, true)
		if err != nil || !preview.DryRun || preview.Kind != "outside" || preview.Counts["timeline"] == 0 || preview.Counts["event"] != 0 {
			t.Fatalf("%+v %v", preview, err)
		}
		if after := lines(t, h, access.Local("test")); !slices.Equal(after, before) {
			t.Errorf("a preview changed something: %v", after)
		}
		export, err := h.Privacy.Export(t.Context(), access.Local("test"), contact)
		if text := fmt.Sprint(export.Data["timeline"]); err != nil || !strings.Contains(text, "VPN is down") || strings.Contains(text, "From another") {
			t.Errorf("%v %s", err, text)
		}
		done, err := h.Privacy.Erase(t.Context(), access.Local("test"), contact, false, false)
		if err != nil || done.Counts["timeline"] != preview.Counts["timeline"] {
			t.Fatalf("%+v %v, the preview said %v", done, err, preview.Counts)
		}
		gone := func(when string) {
			t.Helper()
			if n := rows(t, h, "select count(*) from timeline_participant where address = $1", contact); n != 0 {
				t.Errorf("%s: %d of her entries", when, n)
			}
		}
		gone("at once")
		readAgain(t, h)
		gone("after everything was read again")
		if after := lines(t, h, access.Local("test")); with(after, "From another") != 1 {
			t.Errorf("others went with her: %v", after)
		}
		d, err := h.Timeline.Dropped(t.Context())
		if err != nil || !slices.ContainsFunc(d.Mailboxes, func(d timeline.Drop) bool { return d.Reason == timeline.Erased && d.Mailbox == ada }) {
			t.Errorf("it is not counted: %+v %v", d, err)
		}
		why, err := h.Timeline.Explain(t.Context(), access.Local("test"), timeline.Question{Message: "<VPN-is-down@northwind.example>"})
		if err != nil || !strings.Contains(fmt.Sprint(why.Reasons), "somebody takes part who was erased") {
			t.Errorf("%+v %v", why, err)
		}
		// The record tells that it was done, and not who it was; she stands nowhere in clear.
		var whole strings.Builder
		if _, err := h.Audit.Copy(t.Context(), &whole, audit.JSONL, audit.Query{}, false); err != nil || strings.Contains(strings.ToLower(whole.String()), "nora") || !strings.Contains(whole.String(), `"privacy.erase","target":"h-`) {
			t.Errorf("%v %s", err, whole.String())
		}
		if v, err := h.Audit.Verify(t.Context()); err != nil || !v.OK {
			t.Errorf("%+v %v", v, err)
		}
		// The remedy.
		if err := h.Privacy.Allow(t.Context(), access.Local("test"), contact); err != nil {
			t.Fatal(err)
		}
		if err := h.Privacy.Allow(t.Context(), access.Local("test"), contact); fault.KindOf(err) != fault.Invalid {
			t.Errorf("allowed twice: %v", err)
		}
		walked(t, h)
		settled(t, h)
		after := lines(t, h, access.Local("test"))
		slices.Sort(after) // those of one moment come in the order in which they were kept
		slices.Sort(before)
		if !slices.Equal(after, before) {
			t.Errorf("allowed back:\n%s\nwant\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
		}
	})
}

func TestErasingStaff(t *testing.T) {
	both(t, func(t *testing.T, engine store.Engine) {
		h := lined(t, engine)
		if _, err := h.Access.EnsureFirstAdmin(t.Context()); err != nil {
			t.Fatal(err)
		}
		who := staff(t, h, "Ben Bauer", access.Admin, ben)
		deliver(t, h, ben, "For Ben", "Nora <nora@northwind.example>", ben)
		walked(t, h)
		owned := delegatedOf(t, h, who)
		if err := h.Audit.Note(t.Context(), audit.Entry{Actor: who.String(), Action: "customer.add", Target: "x", Outcome: "done"}); err != nil {
			t.Fatal(err)
		}
		send(t, h, who)
		for owner, data := range exported(t, h, "Ben Bauer") {
			if want := slices.Contains([]string{"access", "action", "audit", "customer", "timeline", "feed", "connection", "event"}, owner); want != (len(data) > 0) {
				t.Errorf("before, %s: %v", owner, data)
			}
		}
		if n := rows(t, h, "select count(*) from vault_secret where ref like $1", "connection/"+owned.ID+"/%"); n == 0 {
			t.Fatal("nothing of his is sealed")
		}
		// By his address he is himself. He erases himself, and is only a pseudonym in the entry that says so.
		done, err := h.Privacy.Erase(t.Context(), who, ben, false, false)
		if err != nil || done.Kind != "staff" || done.Name != "Ben Bauer" {
			t.Fatalf("%+v %v", done, err)
		}
		for name, query := range map[string]string{"person": "select count(*) from access_person where name = 'Ben Bauer'", "name in the record": "select count(*) from audit_name where name like '%Ben Bauer%'",
			"caller of runs": "select count(*) from action_run where caller like '%Ben Bauer%'", "sealed output": "select count(*) from action_run where caller = 'erased' and output_sealed is not null",
			"secrets": "select count(*) from vault_secret where ref like 'connection/" + owned.ID + "/%'", "mailbox": "select count(*) from connection_mailbox where address = '" + ben + "'",
			"doctor's lines": "select count(*) from connection_check where line like '%" + ben + "%'",
			"feeds":          "select count(*) from feed_entry where mailbox = '" + ben + "'", "participants": "select count(*) from timeline_participant where address = '" + ben + "'", "technician": "select count(*) from customer_technician where address = '" + ben + "'"} {
			if n := rows(t, h, query); n != 0 {
				t.Errorf("%s: %d left", name, n)
			}
		}
		if n := rows(t, h, "select count(*) from action_run where caller = 'erased' and action = 'mail.message.send'"); n != 1 {
			t.Errorf("that it happened stays: %d", n)
		}
		if v, err := h.Audit.Verify(t.Context()); err != nil || !v.OK {
			t.Errorf("%+v %v", v, err)
		}
		// The last admin stays, and nothing was half done.
		kept := rows(t, h, "select count(*) from privacy_suppressed")
		if _, err := h.Privacy.Erase(t.Context(), access.Local("test"), "admin", false, false); fault.CodeOf(err) != "last_admin" {
			t.Errorf("the last admin: %v", err)
		}
		if n := rows(t, h, "select count(*) from privacy_suppressed"); n != kept {
			t.Errorf("a refused erasure keeps %d more out", n-kept)
		}
		for _, nobody := range []string{"Nora", "", "nobody@", "person:admin"} {
			if _, err := h.Privacy.Export(t.Context(), access.Local("test"), nobody); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: %v", nobody, err)
			}
		}
	})
}

func exported(t *testing.T, h *app.Hub, who string) map[string][]any {
	t.Helper()
	e, err := h.Privacy.Export(t.Context(), access.Local("test"), who)
	if err != nil {
		t.Fatal(err)
	}
	return e.Data
}

// send has somebody send one mail.
func send(t *testing.T, h *app.Hub, who access.Caller) {
	t.Helper()
	in, err := json.Marshal(map[string]any{"user": ada, "to": []string{ben}, "subject": "x", "body": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Runner.Do(t.Context(), action.Request{Action: "mail.message.send", Connection: "c", Caller: who, Input: in, Key: "k-" + who.Name}); err != nil {
		t.Fatal(err)
	}
}

// Each class of data goes at its own age; what is still needed, and what is younger, stays; what went stands in the record.
func TestEachClassGoesAtItsAge(t *testing.T) {
	both(t, func(t *testing.T, engine store.Engine) {
		h := app.StartForTest(t, app.TestOptions{Engine: engine, Change: func(s map[string]string) {
			s["RETENTION_COMMUNICATIONS"], s["RETENTION_AUDIT"], s["RETENTION_EVENTS"] = "30d", "1d", "forever"
		}})
		linedUp(t, h)
		deliver(t, h, ada, "Long ago", "Nora <nora@northwind.example>", ada)
		deliver(t, h, ada, "Just now", "Nora <nora@northwind.example>", ada)
		walked(t, h)
		send(t, h, access.Local("done"))
		send(t, h, access.Local("unclear"))
		long := h.Time.Now().Add(-40 * 24 * time.Hour).UnixMilli()
		for _, query := range []string{"update timeline_communication set at = $1 where subject = 'Long ago'", "update event_entry set at = $1", "update action_run set started_at = $1",
			"insert into access_login (token_hash, person, expires_at) select 'x', id, $1 from access_person"} {
			if strings.Contains(query, "access_login") {
				if _, err := h.Access.EnsureFirstAdmin(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := h.Store.Writer().ExecContext(t.Context(), query, long); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
		if _, err := h.Store.Writer().ExecContext(t.Context(), "update action_run set state = 'unclear' where caller = 'local:unclear'"); err != nil {
			t.Fatal(err)
		}
		events := rows(t, h, "select count(*) from event_entry")
		retain := func() {
			t.Helper()
			if next, err := h.Privacy.Retain(t.Context(), "all", 1); err != nil || next.Sub(h.Time.Now()) < 23*time.Hour {
				t.Fatal(next, err)
			}
		}
		retain()
		for name, query := range map[string]string{"communications": "select count(*) from timeline_communication where subject = 'Long ago'", "their people": "select count(*) from timeline_participant p where not exists (select 1 from timeline_communication c where c.id = p.communication)",
			"runs": "select count(*) from action_run where caller = 'local:done'", "links": "select count(*) from access_login"} {
			if n := rows(t, h, query); n != 0 {
				t.Errorf("%s: %d left", name, n)
			}
		}
		for name, query := range map[string]string{"a young communication": "select count(*) from timeline_communication where subject = 'Just now'", "a run nobody has answered": "select count(*) from action_run where caller = 'local:unclear'"} {
			if n := rows(t, h, query); n != 1 {
				t.Errorf("%s: %d, want 1", name, n)
			}
		}
		if n := rows(t, h, "select count(*) from event_entry"); n < events {
			t.Errorf("events kept for ever went: %d of %d left", n, events)
		}
		went := map[string]bool{}
		entries, err := h.Audit.Find(t.Context(), audit.Query{Action: "retention.prune", Limit: 100})
		for _, e := range entries {
			went[e.Target] = e.Detail["removed"].(float64) >= 1
		}
		if err != nil || !went["communications"] || !went["runs"] || !went["sessions"] || went["audit"] {
			t.Errorf("the record tells of %v %v", went, err)
		}
		// The record itself: two days on, what the first checkpoint covers goes, and the rest is proven.
		h.Time.Advance(49 * time.Hour)
		retain()
		v, err := h.Audit.Verify(t.Context())
		if err != nil || !v.OK || v.From < 5 || v.Checkpoints < 2 {
			t.Errorf("%+v %v", v, err)
		}
		if n := rows(t, h, "select count(*) from audit_entry where seq < $1", v.From); n != 0 {
			t.Errorf("%d retired entries left", n)
		}
	})
}

// What is too old is not imported either: else it would come and go with every full walk.
func TestWhatIsTooOldDoesNotComeBack(t *testing.T) {
	h := lined(t, store.SQLite)
	deliver(t, h, ada, "Yesterday", "Nora <nora@northwind.example>", ada)
	walked(t, h)
	h.Timeline.Keep = 12 * time.Hour
	h.Time.Advance(25 * time.Hour)
	readAgain(t, h)
	if got := lines(t, h, access.Local("test")); with(got, "Yesterday") != 0 {
		t.Errorf("it was kept: %v", got)
	}
	why, err := h.Timeline.Explain(t.Context(), access.Local("test"), timeline.Question{Message: "<Yesterday@northwind.example>"})
	if err != nil || !strings.Contains(fmt.Sprint(why.Reasons), "RETENTION_COMMUNICATIONS") {
		t.Errorf("%+v %v", why, err)
	}
}
