package mail_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

func start(t *testing.T) *bench.Bench {
	t.Helper()
	return bench.Start(t, m365.Mail, mail.Actions(), mail.Probe)
}

const (
	ada = "ada@contoso.example"
	ben = "ben@contoso.example"
)

// subjects of a folder, newest first.
func subjects(b *bench.Bench, user, folder string) []string {
	b.Helper()
	var out []string
	for _, m := range bench.Do[mail.List](b, "mail.message.list", bench.In{"user": user, "folder": folder, "limit": 200}).Messages {
		out = append(out, m.Subject)
	}
	return out
}

// count tells how often a subject stands in a folder.
func count(b *bench.Bench, user, folder, subject string) int {
	b.Helper()
	n := 0
	for _, s := range subjects(b, user, folder) {
		if s == subject {
			n++
		}
	}
	return n
}

func letter(subject string) bench.In {
	return bench.In{"user": ada, "to": []string{"Ben Okafor <" + ben + ">"}, "subject": subject, "body": "as agreed"}
}

func TestProbeGivesEvidence(t *testing.T) { start(t).Evidence(mail.Probe, ada) }

func TestList(t *testing.T) {
	b := start(t)
	inbox := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "limit": 200}).Messages
	if len(inbox) < 10 || !slices.IsSortedFunc(inbox, func(x, y mail.Summary) int { return y.Received.Compare(x.Received) }) {
		t.Fatalf("got %d messages, want ada's inbox, newest first", len(inbox))
	}
	from := inbox[0].From.Address
	middle := inbox[len(inbox)/2].Received
	for _, tt := range []struct {
		name string
		in   bench.In
		want func(mail.Summary) bool
	}{
		{"unread", bench.In{"unread": true}, func(m mail.Summary) bool { return !m.IsRead }},
		{"from", bench.In{"from": from}, func(m mail.Summary) bool { return m.From.Address == from }},
		{"since", bench.In{"since": middle}, func(m mail.Summary) bool { return !m.Received.Before(middle) }},
		{"until", bench.In{"until": middle}, func(m mail.Summary) bool { return m.Received.Before(middle) }},
		{"words of the subject", bench.In{"subject": "warehouse"}, func(m mail.Summary) bool { return strings.Contains(m.Subject, "warehouse") }},
		{"several together", bench.In{"unread": false, "from": from, "since": middle}, func(m mail.Summary) bool { return m.From.Address == from && !m.Received.Before(middle) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want, got []string
			for _, m := range inbox {
				if tt.want(m) {
					want = append(want, m.ID)
				}
			}
			tt.in["user"], tt.in["limit"] = ada, 200
			for _, m := range bench.Do[mail.List](b, "mail.message.list", tt.in).Messages {
				got = append(got, m.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %d messages, want %d", len(got), len(want))
			}
		})
	}
	t.Run("search", func(t *testing.T) {
		got := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "search": "subject:warehouse", "folder": "all"})
		for _, m := range got.Messages {
			if !strings.Contains(m.Subject, "warehouse") {
				t.Errorf("got %q", m.Subject)
			}
		}
	})
	t.Run("as the signed-in person", func(t *testing.T) {
		if got := bench.Do[mail.List](b, "mail.message.list", bench.In{"limit": 200}, bench.Through(bench.Person)); len(got.Messages) != len(inbox) {
			t.Errorf("got %d messages, want %d", len(got.Messages), len(inbox))
		}
	})
}

func TestPagesNeitherRepeatNorSkip(t *testing.T) {
	b := start(t)
	all := subjects(b, ada, "inbox")
	seen := map[string]bool{}
	in := bench.In{"user": ada, "limit": 5}
	for i := 0; ; i++ {
		page := bench.Do[mail.List](b, "mail.message.list", in)
		for _, m := range page.Messages {
			if seen[m.ID] {
				t.Errorf("page %d repeats %q", i, m.Subject)
			}
			seen[m.ID] = true
		}
		if page.NextCursor == "" {
			break
		}
		in["cursor"] = page.NextCursor
		if i == 0 { // new mail between two pages shifts every count of messages
			bench.Do[mail.Sent](b, "mail.message.send", bench.In{"user": ben, "to": []string{ada}, "subject": "meanwhile"})
			b.Pass(2 * time.Second)
		}
	}
	if len(seen) != len(all) {
		t.Errorf("got %d messages, want the %d that were there at first", len(seen), len(all))
	}
}

// A search has pages too, in its own order; its places are no other search's, and lead to no other mailbox.
func TestPagesOfASearch(t *testing.T) {
	b := start(t)
	for i := range 7 {
		bench.Do[mail.Sent](b, "mail.message.send", bench.In{"user": ben, "to": []string{ada}, "subject": fmt.Sprintf("zeppelin %d", i)})
		b.Pass(2 * time.Second)
	}
	for _, through := range []string{bench.App, bench.Person} {
		in := bench.In{"search": "subject:zeppelin", "limit": 3}
		if through == bench.App {
			in["user"] = ada
		}
		var got []string
		var pages []int
		for {
			page := bench.Do[mail.List](b, "mail.message.list", in, bench.Through(through))
			pages = append(pages, len(page.Messages))
			for _, m := range page.Messages {
				got = append(got, m.Subject)
			}
			if page.NextCursor == "" {
				break
			}
			in["cursor"] = page.NextCursor
		}
		if want := "zeppelin 6 zeppelin 5 zeppelin 4 zeppelin 3 zeppelin 2 zeppelin 1 zeppelin 0"; strings.Join(got, " ") != want || fmt.Sprint(pages) != "[3 3 1]" {
			t.Errorf("%s: got %v in pages of %v", through, got, pages)
		}
	}
	first := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "search": "subject:zeppelin", "limit": 3}).NextCursor
	listed := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "limit": 3}).NextCursor
	before := len(b.Sim.Requests())
	for name, in := range map[string]bench.In{
		"another mailbox": {"user": ben, "search": "subject:zeppelin", "limit": 3, "cursor": first},
		"another search":  {"user": ada, "search": "subject:report", "limit": 3, "cursor": first},
		"another size":    {"user": ada, "search": "subject:zeppelin", "limit": 4, "cursor": first},
		"no search":       {"user": ada, "limit": 3, "cursor": first},
		"a list's place":  {"user": ada, "search": "subject:zeppelin", "limit": 3, "cursor": listed},
	} {
		if f := b.Refused("mail.message.list", in); len(f.Fields) != 1 || f.Fields[0].Name != "cursor" {
			t.Errorf("%s: got %v", name, f)
		}
	}
	if n := len(b.Sim.Requests()) - before; n != 0 {
		t.Errorf("%d requests left", n)
	}
}

func TestInputsThatCannotBe(t *testing.T) {
	b := start(t)
	before := len(b.Sim.Requests())
	for _, tt := range []struct {
		name, action string
		in           bench.In
		field        string
	}{
		{"search beside a filter", "mail.message.list", bench.In{"user": ada, "search": "x", "unread": true}, "unread"},
		{"until before since", "mail.message.list", bench.In{"user": ada, "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"},
		{"a cursor of something else", "mail.message.list", bench.In{"user": ada, "cursor": "%%"}, "cursor"},
		{"a page of nothing", "mail.message.list", bench.In{"user": ada, "limit": 0}, "limit"},
		{"nobody to send to", "mail.message.send", bench.In{"user": ada, "subject": "x"}, "to"},
		{"no address", "mail.message.send", bench.In{"user": ada, "to": []string{ben, "ben"}}, "to[1]"},
		{"a header of the transport", "mail.message.send", bench.In{"user": ada, "to": []string{ben}, "headers": []bench.In{{"name": "Received", "value": "x"}}}, "headers[0].name"},
		{"small files that are large", "mail.draft.create", bench.In{"user": ada, "attachments": []bench.In{{"name": "x", "content": base64.StdEncoding.EncodeToString(make([]byte, 2_600_000))}}}, "attachments"},
		{"comment and body", "mail.message.reply", bench.In{"user": ada, "message": "x", "comment": "a", "body": "b"}, "body"},
		{"forward to nobody", "mail.message.forward", bench.In{"user": ada, "message": "x", "to": []string{}}, "to"},
		{"nothing to change", "mail.message.update", bench.In{"user": ada, "message": "x"}, "is_read"},
		{"a field that does not exist", "mail.message.delete", bench.In{"user": ada, "message": "x", "permanent": true}, "permanent"},
		{"no mailbox for an app", "mail.message.list", bench.In{}, "user"},
		{"no file", "mail.attachment.add", bench.In{"user": ada, "message": "x"}, "file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := b.Refused(tt.action, tt.in)
			if f.Kind != fault.Invalid || !slices.ContainsFunc(f.Fields, func(w fault.Field) bool { return w.Name == tt.field }) {
				t.Errorf("got %v, want the field %s named", f, tt.field)
			}
		})
	}
	if now := len(b.Sim.Requests()); now != before {
		t.Errorf("%d requests left for inputs that cannot be", now-before)
	}
}

func TestFencesHoldBeforeAnyCall(t *testing.T) {
	b := start(t)
	before := len(b.Sim.Requests())
	for _, tt := range []struct {
		name, action string
		in           bench.In
		through      string
		code         string
	}{
		{"reading a mailbox that is not listed", "mail.message.list", bench.In{"user": "emma@contoso.example"}, bench.App, "mailbox_not_listed"},
		{"sending from a mailbox that is not listed", "mail.message.send", bench.In{"user": "emma@contoso.example", "to": []string{ben}}, bench.App, "mailbox_not_listed"},
		{"another's mailbox through a person's connection", "mail.message.list", bench.In{"user": ben}, bench.Person, "mailbox_not_listed"},
		{"sending through a connection that only reads", "mail.message.send", letter("x"), bench.Frozen, "read_only"},
		{"marking through a connection that only reads", "mail.message.update", bench.In{"user": ada, "message": "x", "is_read": true}, bench.Frozen, "read_only"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if f := b.Refused(tt.action, tt.in, bench.Through(tt.through)); f.Code != tt.code {
				t.Errorf("got %v, want %s", f, tt.code)
			}
		})
	}
	if now := len(b.Sim.Requests()); now != before {
		t.Errorf("%d requests left", now-before)
	}
	bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada}, bench.Through(bench.Frozen)) // reading is not held up
}

func TestDraftLifeInBothModes(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		through string
		user    string
	}{{bench.App, ada}, {bench.Person, ""}} {
		t.Run(tt.through, func(t *testing.T) {
			who := func(more bench.In) bench.In {
				if tt.user != "" {
					more["user"] = tt.user
				}
				return more
			}
			through := bench.Through(tt.through)
			key := bench.Key("draft of " + tt.through)
			create := who(bench.In{"to": []string{ben}, "subject": "Offer", "body": "<p>Hello</p>", "body_type": "html", "importance": "high", "headers": []bench.In{{"name": "X-Ticket", "value": "7"}},
				"attachments": []bench.In{{"name": "a.txt", "content": []byte("small")}}})
			draft := bench.Do[mail.Summary](b, "mail.draft.create", create, through, key)
			if again := bench.Do[mail.Summary](b, "mail.draft.create", create, through, key); again.ID != draft.ID {
				t.Errorf("the same key made another draft")
			}
			one := who(bench.In{"message": draft.ID})
			got := bench.Do[mail.Message](b, "mail.message.get", who(bench.In{"message": draft.ID, "body_type": "html", "headers": true}), through)
			if !got.IsDraft || got.To[0].Address != ben || got.Importance != "high" || got.BodyType != "html" || !strings.Contains(got.Body, "<p>Hello</p>") || !got.HasAttachments {
				t.Errorf("got %+v", got)
			}
			bench.Do[mail.Summary](b, "mail.draft.update", who(bench.In{"message": draft.ID, "subject": "Offer 2", "cc": []string{"support@contoso.example"}, "body": "plain"}), through)
			got = bench.Do[mail.Message](b, "mail.message.get", one, through)
			if got.Subject != "Offer 2" || len(got.Cc) != 1 || got.Body != "plain" || got.BodyType != "text" || len(got.To) != 1 {
				t.Errorf("after the change: got %+v", got)
			}
			list := bench.Do[attachment.List](b, "mail.attachment.list", one, through).Attachments
			if len(list) != 1 || list[0].Name != "a.txt" || list[0].Kind != "file" {
				t.Fatalf("attachments: got %+v", list)
			}
			a := bench.Do[attachment.Content](b, "mail.attachment.get", who(bench.In{"message": draft.ID, "attachment": list[0].ID}), through)
			if string(a.Content) != "small" {
				t.Errorf("got %q", a.Content)
			}
			raw := bench.Do[mail.MIME](b, "mail.message.mime", one, through)
			if raw.Size != len(raw.Content) || !bytes.Contains(raw.Content, []byte("Subject: Offer 2")) {
				t.Errorf("MIME: got %s", raw.Content)
			}
			gone := bench.Do[mail.Deleted](b, "mail.message.delete", one, through)
			if got := bench.Do[mail.Message](b, "mail.message.get", one, through); got.FolderID != gone.FolderID {
				t.Errorf("after deleting: got folder %s, want %s", got.FolderID, gone.FolderID)
			}
		})
	}
}

func TestMarksAndMoves(t *testing.T) {
	b := start(t)
	m := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "unread": true, "limit": 1}).Messages[0]
	one := bench.In{"user": ada, "message": m.ID}
	bench.Do[mail.Summary](b, "mail.message.update", bench.In{"user": ada, "message": m.ID, "is_read": true, "flag": "flagged", "categories": []string{"Customer"}, "importance": "low"})
	got := bench.Do[mail.Message](b, "mail.message.get", one)
	if !got.IsRead || got.Flag != "flagged" || !slices.Equal(got.Categories, []string{"Customer"}) || got.Importance != "low" {
		t.Errorf("got %+v", got.Summary)
	}
	bench.Do[mail.Summary](b, "mail.message.update", bench.In{"user": ada, "message": m.ID, "flag": "none", "categories": []string{}})
	if got := bench.Do[mail.Message](b, "mail.message.get", one); got.Flag != "" || len(got.Categories) != 0 || !got.IsRead {
		t.Errorf("after taking the marks off: got %+v", got.Summary)
	}
	moved := bench.Do[mail.Summary](b, "mail.message.move", bench.In{"user": ada, "message": m.ID, "folder": "archive"})
	if moved.ID != m.ID || moved.FolderID == m.FolderID {
		t.Errorf("moved: got %+v", moved)
	}
	if n := count(b, ada, "archive", m.Subject); n != 1 {
		t.Errorf("the archive holds it %d times", n)
	}
	if f := b.Refused("mail.draft.update", bench.In{"user": ada, "message": m.ID, "subject": "x"}); f.Code != "not_a_draft" {
		t.Errorf("changing received mail: got %v", f)
	}
	if f := b.Refused("mail.message.move", bench.In{"user": ada, "message": m.ID, "folder": "AQMkADSi6w-FPfLLlOV9Kjs9rqKCSgAAA="}); f.Kind != fault.NotFound && f.Kind != fault.Invalid {
		t.Errorf("moving to a folder that does not exist: got %v", f)
	}
}

// A deletion whose answer is lost is asked for again; the message must lie in Deleted Items all the same, not beyond.
func TestDeletingTwiceDeletesOnce(t *testing.T) {
	b := start(t)
	m := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "limit": 1}).Messages[0]
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/move"))
	bench.Do[mail.Deleted](b, "mail.message.delete", bench.In{"user": ada, "message": m.ID})
	if n := count(b, ada, "deleteditems", m.Subject); n != 1 {
		t.Errorf("Deleted Items holds it %d times, want 1", n)
	}
}

func TestFolders(t *testing.T) {
	b := start(t)
	var names []string
	for _, f := range bench.Do[mail.FolderList](b, "mail.folder.list", bench.In{"user": ada}).Folders {
		names = append(names, f.Name)
	}
	for _, want := range []string{"Inbox", "Drafts", "Sent Items", "Deleted Items", "Junk Email"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing in %v", want, names)
		}
	}
	if got := bench.Do[mail.FolderList](b, "mail.folder.list", bench.In{"user": ada, "parent": "inbox"}).Folders; len(got) != 0 {
		t.Errorf("below the inbox: got %+v", got)
	}
}

func TestAttachmentsOfEverySize(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name string
		size int
	}{{"nothing", 0}, {"small", 1000}, {"just one request", 2_999_999}, {"just an upload session", 3_000_000}, {"several pieces", 9_000_001}} {
		t.Run(tt.name, func(t *testing.T) {
			draft := bench.Do[mail.Summary](b, "mail.draft.create", bench.In{"user": ada, "subject": tt.name})
			content := bytes.Repeat([]byte("0123456789"), tt.size/10+1)[:tt.size]
			added := bench.Do[attachment.Attachment](b, "mail.attachment.add", bench.In{"user": ada, "message": draft.ID}, b.File("file", "report.bin", content))
			if added.Name != "report.bin" || added.ID == "" {
				t.Fatalf("got %+v", added)
			}
			if tt.size > 3<<20 {
				f := b.Refused("mail.attachment.get", bench.In{"user": ada, "message": draft.ID, "attachment": added.ID})
				if f.Kind != fault.TooLarge {
					t.Errorf("got %v, want too large to hand out", f)
				}
				return
			}
			if got := bench.Do[attachment.Content](b, "mail.attachment.get", bench.In{"user": ada, "message": draft.ID, "attachment": added.ID}); !bytes.Equal(got.Content, content) {
				t.Errorf("got %d bytes, want %d", len(got.Content), len(content))
			}
		})
	}
}

func TestAttachmentWhoseAnswerIsLost(t *testing.T) {
	b := start(t)
	draft := bench.Do[mail.Summary](b, "mail.draft.create", bench.In{"user": ada, "subject": "x"})
	in := bench.In{"user": ada, "message": draft.ID, "name": "plan.txt"}
	attached := func() int {
		return len(bench.Do[attachment.List](b, "mail.attachment.list", bench.In{"user": ada, "message": draft.ID}).Attachments)
	}
	lose := func(kind string) string {
		b.Fault(bench.FaultAt(kind, "POST", "/attachments"))
		return b.Unclear("mail.attachment.add", in, bench.Key(kind), b.File("file", "plan.txt", []byte("plan")))
	}
	done := lose("timeout_after_accept")
	if got := b.Look(done); got != action.Done || attached() != 1 {
		t.Errorf("it arrived: got %s, %d attachments", got, attached())
	}
	lost := lose("reset")
	if got := b.Look(lost); got != action.Unclear {
		t.Errorf("it may still arrive: got %s", got)
	}
	b.Pass(16 * time.Minute)
	if got := b.Look(lost); got != action.Refused || attached() != 1 {
		t.Errorf("it is not coming: got %s, %d attachments", got, attached())
	}
}

func TestDraftWhoseAnswerIsLost(t *testing.T) {
	b := start(t)
	for _, kind := range []string{"timeout_after_accept", "reset", "truncate"} {
		t.Run(kind, func(t *testing.T) {
			b.Fault(bench.FaultAt(kind, "POST", "/messages"))
			run := b.Unclear("mail.draft.create", letter(kind), bench.Key(kind))
			if got := b.Look(run); got != action.Done {
				t.Errorf("got %s", got)
			}
			bench.Do[mail.Summary](b, "mail.draft.create", letter(kind), bench.Key(kind))
			if n := count(b, ada, "drafts", kind); n != 1 {
				t.Errorf("there are %d drafts, want 1", n)
			}
		})
	}
}

func TestReadingWhatIsNotThere(t *testing.T) {
	b := start(t)
	draft := bench.Do[mail.Summary](b, "mail.draft.create", bench.In{"user": ada})
	other := strings.Replace(draft.ID, draft.ID[40:44], "AAAA", 1)
	for _, name := range []string{"mail.message.get", "mail.message.mime", "mail.attachment.list", "mail.message.delete"} {
		if f := b.Refused(name, bench.In{"user": ada, "message": other}); f.Kind != fault.NotFound {
			t.Errorf("%s: got %v", name, f)
		}
	}
}

// The fence of the mailbox is the connection's list for the purpose of actions.
func TestMailboxListedForAnotherPurpose(t *testing.T) {
	b := start(t)
	b.Relist(connection.MailboxList{{Address: ada, Purposes: []connection.Purpose{connection.ForTimeline}}, {Address: ben, Purposes: []connection.Purpose{connection.ForActions}}})
	if f := b.Refused("mail.message.list", bench.In{"user": ada}); f.Code != "mailbox_not_listed" {
		t.Errorf("got %v", f)
	}
}

func TestOuterForm(t *testing.T) { bench.Golden(t, mail.Actions()) }
