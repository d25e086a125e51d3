package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
)

// sendingAlone is the app of the world that has Mail.Send and no more.
const sendingAlone = "Seneschal for sending alone"

// delivering is a hub with one connection that sends from Ada's mailbox.
func delivering(t *testing.T, engine store.Engine, by string, change func(map[string]string)) *app.Hub {
	t.Helper()
	h := app.StartForTest(t, app.TestOptions{Engine: engine, Change: change})
	h.Connect(sender(h, "post", by))
	return h
}

func sender(h *app.Hub, name, by string) connection.Form {
	f := h.Form(name, by, m365.Send)
	f.Mailboxes = connection.MailboxList{{Address: ada, Purposes: []connection.Purpose{connection.ForSend}}}
	return f
}

func letterTo(to, subject string) fields {
	return fields{"from": ada, "to": []string{to}, "subject": subject, "html": "<p>" + subject + "</p>"}
}

// handIn hands a mail in with files, which are paths by name.
func handIn(t *testing.T, h *app.App, key string, in fields, files ...string) (delivery.Delivery, error) {
	t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	q := action.Request{Action: "delivery.send", Caller: access.Local("test"), Input: text, Key: key, Files: map[string]*action.Content{}}
	for i, path := range files {
		f, err := os.Open(path) //nolint:gosec // the test's own
		if err != nil {
			t.Fatal(err)
		}
		c, err := action.Own(filepath.Base(path), "application/pdf", f, 150<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		q.Files[fmt.Sprintf("attachment_%d", i+1)] = c
	}
	r, err := h.Runner.Do(t.Context(), q)
	if err != nil {
		return delivery.Delivery{}, err
	}
	var d delivery.Delivery
	if err := json.Unmarshal(r.Output, &d); err != nil {
		t.Fatal(err)
	}
	return d, nil
}

func mustHandIn(t *testing.T, h *app.App, key string, in fields, files ...string) delivery.Delivery {
	t.Helper()
	d, err := handIn(t, h, key, in, files...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func showDelivery(t *testing.T, h *app.App, id string) delivery.Detail {
	t.Helper()
	d, err := h.Deliveries.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// underWay is how fast time passes while something is under way: a mail that Sent Items does not show for a minute of it is unsure, and on a busy
// machine the hub needs moments to look.
const underWay = 200 * time.Millisecond

// becomes passes time until a delivery is in a state.
func becomes(t *testing.T, h *app.Hub, id string, want delivery.State) delivery.Detail {
	t.Helper()
	waitUntil(t, "the delivery is "+string(want), func() bool {
		switch showDelivery(t, h.App, id).State {
		case want:
			return true
		case delivery.Sending:
			h.Time.Advance(underWay)
		default:
			h.Time.Advance(time.Second)
		}
		return false
	})
	return showDelivery(t, h.App, id)
}

// copies counts the mails with a subject in folders that people see as received.
func copies(t *testing.T, cloud *sim.Sim, of, subject string) int {
	t.Helper()
	all, err := cloud.State(cloud.Ready().Tenants[0].TenantID, "messages")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range all {
		if m["subject"] == subject && strings.Contains(fmt.Sprint(m["mailbox"]), of) && m["isDraft"] != true {
			n++
		}
	}
	return n
}

func pdf(t *testing.T, name string, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, append([]byte("%PDF-1.7\n"), make([]byte, size)...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAMailIsDeliveredAndProven(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := delivering(t, engine, "Seneschal", nil)
			in := fields{"from": ada, "to": []string{"Ben <" + ben + ">"}, "reply_to": []string{"billing@contoso.example"}, "subject": "Invoice 4711", "html": "<p>See the file.</p>", "importance": "high", "headers": fields{"x-invoice": "4711"}}
			files := []string{pdf(t, "invoice.pdf", 1000), pdf(t, "plan.pdf", 4<<20)}
			d := mustHandIn(t, h.App, "invoice-4711", in, files...)
			if d.State != delivery.Queued || d.Mode != delivery.Verified || d.Mailbox != ada || len(d.Head.Files) != 2 {
				t.Errorf("taken as %+v", d)
			}
			if again := mustHandIn(t, h.App, "invoice-4711", in, files...); again.ID != d.ID {
				t.Errorf("the same key gave %s and %s", d.ID, again.ID)
			}
			if _, err := handIn(t, h.App, "invoice-4711", letterTo(ben, "Another")); fault.CodeOf(err) != "key_reused" {
				t.Errorf("another mail under the key: %v", err)
			}
			got := becomes(t, h, d.ID, delivery.Sent)
			if got.MessageID == "" || got.InternetMessageID == "" || got.RequestID == "" || got.Run == "" || got.LetterKept || got.SentAt.IsZero() {
				t.Errorf("sent without its proof: %+v", got)
			}
			takenOnce(t, h, d.ID, "local:test")
			if n := copies(t, h.Cloud, "ben@", "Invoice 4711"); n != 1 {
				t.Errorf("Ben has it %d times", n)
			}
			if e := events(t, h, event.DeliverySent); len(e) != 1 || e[0].Data["delivery"] != d.ID || e[0].Data["idempotency_key"] != "invoice-4711" {
				t.Errorf("told: %+v", e)
			}
			if n := leftSealed(t, h.App); n != 0 {
				t.Errorf("%d pieces of the letter are left", n)
			}
			verifyAudit(t, h.App)
		})
	}
}

// takenOnce wants one audit entry that says who handed the mail in and from which mailbox, and names nobody.
func takenOnce(t *testing.T, h *app.Hub, id, by string) {
	t.Helper()
	entries, err := h.Audit.Find(t.Context(), audit.Query{Action: "delivery.send", Target: id, Limit: 10})
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries: %v", len(entries), err)
	}
	e := entries[0]
	c, err := h.Connections.Lookup(t.Context(), "post")
	if err != nil {
		t.Fatal(err)
	}
	sender, _ := c.LookupMailbox(ada)
	if e.Actor != by || e.Outcome != "taken" || e.Detail["connection"] != c.ID || e.Detail["mailbox"] != sender.ObjectID || sender.ObjectID == "" {
		t.Errorf("recorded: %+v, the mailbox is %s", e, sender.ObjectID)
	}
	if text := fmt.Sprint(e.Detail); strings.Contains(text, "@") || len(e.Detail) != 2 {
		t.Errorf("recorded: %s", text)
	}
}

func leftSealed(t *testing.T, h *app.App) (n int) {
	t.Helper()
	if err := h.Store.Reader().QueryRowContext(t.Context(), "select count(*) from delivery_content").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAPersonSaysWhatBecameOfADelivery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		as     string
		state  delivery.State
		copies int
	}{{"sent", delivery.Sent, 1}, {"give_up", delivery.Failed, 1}, {"send_again", delivery.Sent, 2}} {
		t.Run(tt.as, func(t *testing.T) {
			t.Parallel()
			h := delivering(t, store.SQLite, sendingAlone, nil)
			play(t, h, sim.Fault{Match: matching("POST", "/v1.0/users/*/sendMail"), Kind: "timeout_after_accept", Times: 1})
			d := mustHandIn(t, h.App, "k", letterTo(ben, "Quote 12"))
			becomes(t, h, d.ID, delivery.Unsure)
			status, _, text := h.REST("POST", "/api/v1/deliveries/"+d.ID+"/resolve", fields{"as": tt.as, "note": "I looked"})
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, text)
			}
			got := becomes(t, h, d.ID, tt.state)
			if len(got.Steps) < 4 || !strings.Contains(fmt.Sprint(got.Steps), "I looked") {
				t.Errorf("the history: %+v", got.Steps)
			}
			minutes(h, 5)
			if n := copies(t, h.Cloud, "ben@", "Quote 12"); n != tt.copies {
				t.Errorf("Ben has it %d times", n)
			}
		})
	}
}

// A verified mail that may still arrive is not sent again for a quarter of an hour, also where a person gave it up meanwhile.
func TestWhatWasGivenUpMayStillArrive(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", nil)
	play(t, h, sim.Fault{Match: matching("POST", "/v1.0/users/*/messages/*/send"), Kind: "sent_late", Delay: "10m", Times: 1})
	d := mustHandIn(t, h.App, "k", letterTo(ben, "Quote 13"))
	becomes(t, h, d.ID, delivery.Unsure)
	say := func(as string) (status int, answer string) {
		status, _, text := h.REST("POST", "/api/v1/deliveries/"+d.ID+"/resolve", fields{"as": as})
		return status, string(text)
	}
	for _, as := range []string{"send_again", "give_up", "send_again"} {
		status, text := say(as)
		if as == "send_again" && (status != http.StatusConflict || !strings.Contains(text, `"may_still_arrive"`)) || as == "give_up" && status != http.StatusOK {
			t.Fatalf("%s: %d %s", as, status, text)
		}
	}
	if got := showDelivery(t, h.App, d.ID); got.State != delivery.Failed || !strings.Contains(got.ProofNote, "not known") || !got.CanResolve {
		t.Errorf("given up: %+v", got)
	}
	minutes(h, 14)
	if n := copies(t, h.Cloud, "ben@", "Quote 13"); n != 1 {
		t.Errorf("Ben has it %d times", n)
	}
	if status, text := say("send_again"); status != http.StatusOK {
		t.Errorf("after the wait: %d %s", status, text)
	}
	becomes(t, h, d.ID, delivery.Sent)
}

func TestADeliveryWaitsAndIsTakenBack(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", nil)
	in := letterTo(ben, "Later")
	in["send_at"] = h.Time.Now().Add(time.Hour).Format(time.RFC3339)
	d, other := mustHandIn(t, h.App, "k1", in), mustHandIn(t, h.App, "k2", in)
	minutes(h, 55)
	if got := showDelivery(t, h.App, d.ID); got.State != delivery.Queued || got.ExpectedAt.IsZero() {
		t.Errorf("before its time: %+v", got)
	}
	ask(t, h, access.Local("ops"), "delivery.cancel", `{"id":"`+d.ID+`"}`)
	becomes(t, h, other.ID, delivery.Sent)
	if got := showDelivery(t, h.App, d.ID); got.State != delivery.Cancelled || got.LetterKept {
		t.Errorf("taken back: %+v", got)
	}
	if n := copies(t, h.Cloud, "ben@", "Later"); n != 1 {
		t.Errorf("Ben has %d", n)
	}
	if _, err := h.Deliveries.Cancel(t.Context(), access.Local("ops"), other.ID); fault.CodeOf(err) != "not_queued" {
		t.Errorf("a sent one taken back: %v", err)
	}
}

// What is wrong is told before anything is taken, with the field's name.
func TestAMailThatCannotBeDeliveredIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, sendingAlone, func(s map[string]string) { s["DELIVERY_RECIPIENTS"] = "2" })
	many := []string{"a@x.example", "b@x.example", "c@x.example"}
	for _, tt := range []struct {
		name  string
		in    fields
		files []string
		field string
	}{
		{"no recipient", fields{"from": ada}, nil, "to"},
		{"no address", fields{"from": ada, "to": []string{"nobody"}}, nil, "to[0]"},
		{"an address to answer to that is none", fields{"from": ada, "to": []string{ben}, "reply_to": []string{"x"}}, nil, "reply_to[0]"},
		{"too many recipients", fields{"from": ada, "to": many[:2], "bcc": many[2:]}, nil, "to"},
		{"a subject of 10,000 characters", fields{"from": ada, "to": []string{ben}, "subject": strings.Repeat("x", 10000)}, nil, "subject"},
		{"a subject that would be a header", fields{"from": ada, "to": []string{ben}, "subject": "x\r\nBcc: all@x.example"}, nil, "subject"},
		{"a header that is not ours to set", fields{"from": ada, "to": []string{ben}, "headers": fields{"Received": "x"}}, nil, "headers.Received"},
		{"six headers", fields{"from": ada, "to": []string{ben}, "headers": fields{"x-1": "", "x-2": "", "x-3": "", "x-4": "", "x-5": "", "x-6": ""}}, nil, "headers"},
		{"a mailbox without the purpose", fields{"from": ben, "to": []string{ada}}, nil, "from"},
		{"the same, by the connection's name", fields{"connection": "post", "from": ben, "to": []string{ada}}, nil, "from"},
		{"a picture that is no file", fields{"from": ada, "to": []string{ben}, "html": "<p>", "inline": fields{"attachment_2": "logo"}}, []string{pdf(t, "logo.pdf", 10)}, "inline.attachment_2"},
		{"a picture's id that is none", fields{"from": ada, "to": []string{ben}, "html": "<p>", "inline": fields{"attachment_1": "a b"}}, []string{pdf(t, "logo.pdf", 10)}, "inline.attachment_1"},
		{"a picture in a text", fields{"from": ada, "to": []string{ben}, "text": "x", "inline": fields{"attachment_1": "logo"}}, []string{pdf(t, "logo.pdf", 10)}, "inline"},
		{"a file that needs a draft", letterTo(ben, "x"), []string{pdf(t, "x.pdf", 3_100_000)}, "attachment_1"},
		{"a year ahead", fields{"from": ada, "to": []string{ben}, "send_at": h.Time.Now().AddDate(2, 0, 0).Format(time.RFC3339)}, nil, "send_at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := handIn(t, h.App, "k "+tt.name, tt.in, tt.files...)
			if f := fault.As(err); f == nil || len(f.Fields) == 0 || f.Fields[0].Name != tt.field {
				t.Errorf("%+v", f)
			}
		})
	}
	if _, err := handIn(t, h.App, "", letterTo(ben, "x")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without a key: %v", err)
	}
	in := letterTo(ben, "Not sent")
	in["dry_run"] = true
	mustHandIn(t, h.App, "", in)
	if page, err := h.Deliveries.List(t.Context(), delivery.Query{}); err != nil || len(page.Deliveries) != 0 || leftSealed(t, h.App) != 0 {
		t.Errorf("something was taken: %+v %v", page.Deliveries, err)
	}
}

// A burst leaves at the mailbox's pace, none is lost, and the end is foreseen from the start.
func TestAQueueKeepsItsPace(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, sendingAlone, func(s map[string]string) { s["DELIVERY_PER_MINUTE"] = "6" })
	const mails = 20
	began := h.Time.Now()
	for i := range mails {
		mustHandIn(t, h.App, fmt.Sprint(i), letterTo(ben, "Burst"))
	}
	page, err := h.Deliveries.List(t.Context(), delivery.Query{Limit: 1})
	if err != nil || len(page.Queues) != 1 || page.NextCursor == "" {
		t.Fatalf("%+v %v", page, err)
	}
	if end := page.Queues[0].EndsAt.Sub(began); end < 170*time.Second || end > 4*time.Minute {
		t.Errorf("its end is foreseen in %v", end)
	}
	waitUntil(t, "all have left", func() bool {
		h.Time.Advance(time.Second)
		page, err := h.Deliveries.List(t.Context(), delivery.Query{State: delivery.Sent})
		return err == nil && len(page.Deliveries) == mails
	})
	page, err = h.Deliveries.List(t.Context(), delivery.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range page.Deliveries {
		within := 0
		for _, b := range page.Deliveries {
			if d := b.StartedAt.Sub(a.StartedAt); d >= 0 && d < time.Minute {
				within++
			}
		}
		if within > 6 {
			t.Fatalf("%d left within a minute of %v", within, a.StartedAt)
		}
	}
	minutes(h, 1) // what was accepted is on its way for a moment
	if n := copies(t, h.Cloud, "ben@", "Burst"); n != mails {
		t.Errorf("Ben has %d", n)
	}
}

// The doctor says how sure a connection's permissions let deliveries be.
func TestTheDoctorTellsTheMode(t *testing.T) {
	t.Parallel()
	h := app.StartForTest(t, app.TestOptions{})
	for by, want := range map[string]string{"Seneschal": "Mode verified", sendingAlone: "Mode send-only"} {
		c := h.Connect(sender(h, strings.ReplaceAll(strings.ToLower(by), " ", "-"), by))
		lines, err := h.Connections.Doctor(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, l := range lines {
			found = found || l.Capability == string(m365.Send) && l.State == connection.LineOK && strings.HasPrefix(l.Cause, want)
		}
		if !found {
			t.Errorf("%s: %+v", by, lines)
		}
	}
}

// deliveriesToSee are one that waits and one that a person must look at.
func deliveriesToSee(t *testing.T, h *app.Hub) (queued, unsure string) {
	t.Helper()
	h.Connect(sender(h, "post", sendingAlone))
	play(t, h, sim.Fault{Match: matching("POST", "/v1.0/users/*/sendMail"), Kind: "timeout_after_accept", Times: 1})
	unsure = mustHandIn(t, h.App, "unsure", letterTo(ben, "Invoice 4711")).ID
	becomes(t, h, unsure, delivery.Unsure)
	in := letterTo("Somebody with a long name <"+ben+">", "An invoice with a subject of a hundred and twenty characters, because somebody will write one, and nothing may break of it")
	in["send_at"] = h.Time.Now().Add(24 * time.Hour).Format(time.RFC3339)
	queued = mustHandIn(t, h.App, "queued", in, pdf(t, "invoice.pdf", 1000)).ID
	return queued, unsure
}

// A key that is narrowed to one connection delivers through it, by REST and by SMTP, and sees nothing of what leaves by others.
func TestAKeyOfOneConnectionDelivers(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			h := delivering(t, engine, "Seneschal", onSMTP)
			f := sender(h, "other", "Seneschal")
			f.Mailboxes = connection.MailboxList{{Address: ben, Purposes: []connection.Purpose{connection.ForSend}}}
			h.Connect(f)
			theirs := mustHandIn(t, h.App, "theirs", fields{"from": ben, "to": []string{ada}, "subject": "Theirs", "send_at": h.Time.Now().Add(time.Hour).Format(time.RFC3339)})
			post, err := h.Connections.Lookup(t.Context(), "post")
			if err != nil {
				t.Fatal(err)
			}
			_, narrow, err := h.Access.AddAPIKey(t.Context(), access.Local("test"), "narrow", []access.Scope{access.ActionRead + access.Scope(":"+post.ID), access.ActionWrite + access.Scope(":"+post.ID)}, 0)
			if err != nil {
				t.Fatal(err)
			}
			h.Key = narrow.Reveal()
			for _, tt := range []struct {
				name, method, path string
				in                 fields
				status             int
				code               string
			}{
				{"a mail from its mailbox", "POST", "", letterTo(ben, "Narrow"), http.StatusOK, ""},
				{"the same again", "POST", "", letterTo(ben, "Narrow"), http.StatusOK, ""},
				{"from the other's mailbox", "POST", "", fields{"from": ben, "to": []string{ada}}, http.StatusBadRequest, "no_sender"},
				{"through the other by name", "POST", "", fields{"connection": "other", "from": ben, "to": []string{ada}}, http.StatusForbidden, "not_allowed"},
				{"the other's delivery", "GET", "/" + theirs.ID, nil, http.StatusNotFound, "not_found"},
				{"taking the other's back", "POST", "/" + theirs.ID + "/cancel", fields{}, http.StatusNotFound, "not_found"},
				{"a word on the other's", "POST", "/" + theirs.ID + "/resolve", fields{"as": "give_up"}, http.StatusNotFound, "not_found"},
			} {
				status, _, text := h.REST(tt.method, "/api/v1/deliveries"+tt.path, tt.in, "Idempotency-Key", fmt.Sprint(tt.in["connection"], " ", tt.in["from"]))
				if status != tt.status || tt.code != "" && !strings.Contains(string(text), `"`+tt.code+`"`) {
					t.Errorf("%s: %d %s", tt.name, status, text)
				}
			}
			if status, _, text := h.REST("POST", "/api/v1/deliveries", letterTo(ben, "Narrow"), "Idempotency-Key", "theirs"); status != http.StatusConflict || strings.Contains(string(text), theirs.ID) {
				t.Errorf("under the other's idempotency key: %d %s", status, text)
			}
			_, _, text := h.REST("GET", "/api/v1/deliveries", nil)
			var page delivery.Page
			if err := json.Unmarshal(text, &page); err != nil || strings.Contains(string(text), "Theirs") || page.Counts[delivery.Queued] > len(page.Deliveries) {
				t.Errorf("it sees %s", text)
			}
			if err := talk(t, h, h.Key, ada, written("1", "Narrow by SMTP"), []string{ben}); err != nil {
				t.Errorf("by SMTP: %v", err)
			}
			if code := answeredWith(talk(t, h, h.Key, ben, written("2", "Refused"), []string{ada})); code != 554 {
				t.Errorf("by SMTP from the other's mailbox: %d", code)
			}
			for _, d := range deliveries(t, h.App) {
				if d.Connection != post.ID && d.ID != theirs.ID {
					t.Errorf("taken: %+v", d)
				}
			}
			waitUntil(t, "Ben has what is his", func() bool {
				h.Time.Advance(time.Second)
				return copies(t, h.Cloud, "ben@", "Narrow by SMTP") == 1
			})
		})
	}
}

// A report that comes back is matched with its mail, and no other is touched.
func TestAReportOfANonDeliveryFindsItsMail(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", nil)
	good, bad := mustHandIn(t, h.App, "good", letterTo(ben, "Invoice 1")), mustHandIn(t, h.App, "bad", letterTo("nobody@contoso.example", "Invoice 2"))
	got := becomes(t, h, bad.ID, delivery.Bounced)
	if p := got.Problem; p == nil || p.Code != "not_delivered" || !strings.Contains(p.Title, "nobody@contoso.example") || got.SentAt.IsZero() {
		t.Errorf("%+v", p)
	}
	minutes(h, 30)
	if s := showDelivery(t, h.App, good.ID).State; s != delivery.Sent {
		t.Errorf("the other is %s", s)
	}
	if e := events(t, h, event.DeliveryBounced); len(e) != 1 || e[0].Data["delivery"] != bad.ID {
		t.Errorf("told: %+v", e)
	}
}

// What is still to be sent lies sealed, and whoever is erased is not written to any more.
func TestALetterLiesSealedAndGoesWithWhoeverIsErased(t *testing.T) {
	t.Parallel()
	h := delivering(t, store.SQLite, "Seneschal", nil)
	file := filepath.Join(t.TempDir(), "secretname.pdf")
	if err := os.WriteFile(file, []byte("the words of the file"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := letterTo("carla@outside.example", "the words of the subject")
	in["html"], in["send_at"] = "<p>the words of the letter</p>", h.Time.Now().Add(time.Hour).Format(time.RFC3339)
	d := mustHandIn(t, h.App, "k", in, file)
	other := mustHandIn(t, h.App, "k2", fields{"from": ada, "to": []string{ben}, "subject": "Another", "send_at": in["send_at"]})
	for _, part := range []string{"", "-wal"} {
		text, err := os.ReadFile(strings.TrimPrefix(h.Config.DatabaseURL, "file:") + part)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"the words of", "secretname"} {
			if strings.Contains(string(text), words) {
				t.Errorf("the database shows %q (%s)", words, part)
			}
		}
	}
	if out := ask(t, h, access.Local("ops"), "privacy.export", `{"person":"carla@outside.example"}`); !strings.Contains(out, d.ID) || strings.Contains(out, "the words of the letter") {
		t.Errorf("exported: %s", out)
	}
	ask(t, h, access.Local("ops"), "privacy.erase", `{"person":"carla@outside.example"}`)
	if _, err := h.Deliveries.Show(t.Context(), d.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("after the erasure: %v", err)
	}
	minutes(h, 58)
	becomes(t, h, other.ID, delivery.Sent)
	if n := leftSealed(t, h.App); n != 0 {
		t.Errorf("%d pieces are left", n)
	}
}
