package mail_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/sim"
)

func TestSendArrives(t *testing.T) {
	b := start(t)
	in := bench.In{"user": ada, "to": []string{ben}, "cc": []string{"support@contoso.example"}, "bcc": []string{"room1@contoso.example"}, "reply_to": []string{"help@contoso.example"}, "subject": "Visit", "body": "Tomorrow at nine",
		"attachments": []bench.In{{"name": "map.txt", "content": []byte("left, then right")}}}
	sent := bench.Do[mail.Sent](b, "mail.message.send", in, b.File("file", "plan.bin", bytes.Repeat([]byte("p"), 3_100_000)))
	if sent.MessageID == "" || sent.State != "accepted" || sent.InternetMessageID == "" {
		t.Errorf("got %+v", sent)
	}
	b.Pass(2 * time.Second)
	m := bench.Do[mail.Message](b, "mail.message.get", bench.In{"user": ada, "message": sent.MessageID})
	if m.IsDraft || m.Subject != "Visit" || m.ReplyTo[0].Address != "help@contoso.example" {
		t.Errorf("in Sent Items: got %+v", m)
	}
	for _, who := range []string{ben, "support@contoso.example", "room1@contoso.example"} {
		list := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": who, "subject": "Visit", "limit": 5}).Messages
		if len(list) != 1 {
			t.Errorf("%s got it %d times", who, len(list))
			continue
		}
		got := bench.Do[attachment.List](b, "mail.attachment.list", bench.In{"user": who, "message": list[0].ID}).Attachments
		if len(got) != 2 {
			t.Errorf("%s got %d attachments, want 2", who, len(got))
		}
	}
	if n := count(b, ada, "drafts", "Visit"); n != 0 {
		t.Errorf("%d drafts stayed behind", n)
	}
}

func TestSendAsTheSignedInPerson(t *testing.T) {
	b := start(t)
	bench.Do[mail.Sent](b, "mail.message.send", bench.In{"to": []string{ben}, "subject": "from me"}, bench.Through(bench.Person))
	b.Pass(2 * time.Second)
	if n := count(b, ben, "inbox", "from me"); n != 1 {
		t.Errorf("ben got it %d times", n)
	}
}

func TestSameKeySendsOnce(t *testing.T) {
	b := start(t)
	first := bench.Do[mail.Sent](b, "mail.message.send", letter("once"), bench.Key("k1"))
	again, err := b.Call("mail.message.send", letter("once"), bench.Key("k1"))
	if err != nil || !again.Replayed || bench.Read[mail.Sent](b, again.Output) != first {
		t.Errorf("the same key again: got %+v, %v", again, err)
	}
	if f := b.Refused("mail.message.send", letter("other"), bench.Key("k1")); f.Code != "key_reused" {
		t.Errorf("the key with another input: got %v", f)
	}
	b.Pass(2 * time.Second)
	if n := count(b, ben, "inbox", "once"); n != 1 || b.Sent("POST", "/send") != 1 {
		t.Errorf("ben got it %d times, by %d requests", n, b.Sent("POST", "/send"))
	}
}

// Whatever breaks while a mail is sent, it arrives exactly once, and the run says the truth at every moment.
func TestSendingNeverTwice(t *testing.T) {
	const settled = 16 * time.Minute
	tests := []struct {
		name    string
		fault   sim.Fault
		state   action.State // once everything has had its time
		arrives int          // before the caller tries again
		tooSoon action.State // what a look before that time gives
	}{
		{"the draft's answer is lost", bench.FaultAt("timeout_after_accept", "POST", "/messages"), action.Refused, 0, ""},
		{"the draft was never made", bench.FaultAt("reset", "POST", "/messages"), action.Refused, 0, ""},
		{"the send's answer is lost", bench.FaultAt("timeout_after_accept", "POST", "/send"), action.Done, 1, ""},
		{"the send never arrived", bench.FaultAt("reset", "POST", "/send"), action.Refused, 0, action.Unclear},
		{"accepted, and then nothing", bench.FaultAt("accept_then_nothing", "POST", "/send"), action.Refused, 0, action.Unclear},
		{"a gateway fails behind the send", func() sim.Fault { f := bench.FaultAt("status", "POST", "/send"); f.Status = 502; return f }(), action.Refused, 0, action.Unclear},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			b.Fault(tt.fault)
			run := b.Unclear("mail.message.send", letter("once"), bench.Key("k"))
			if tt.tooSoon != "" {
				if got := b.Look(run); got != tt.tooSoon {
					t.Errorf("at once: got %s, want %s", got, tt.tooSoon)
				}
				if again, err := b.Call("mail.message.send", letter("once"), bench.Key("k")); fault.KindOf(err) != fault.Unclear || again.Run != run {
					t.Errorf("the same key while it is open: got %+v, %v", again, err)
				}
			}
			b.Pass(settled)
			if got := b.Look(run); got != tt.state {
				t.Fatalf("in the end: got %s, want %s", got, tt.state)
			}
			if n := count(b, ben, "inbox", "once"); n != tt.arrives {
				t.Errorf("ben got it %d times, want %d", n, tt.arrives)
			}
			if n := count(b, ada, "drafts", "once"); n != 0 {
				t.Errorf("%d drafts stayed behind", n)
			}
			bench.Do[mail.Sent](b, "mail.message.send", letter("once"), bench.Key("k")) // the caller tries again with the same key
			b.Pass(2 * time.Second)
			if n := count(b, ben, "inbox", "once"); n != 1 {
				t.Errorf("after trying again ben got it %d times, want 1", n)
			}
		})
	}
}

// A mail that is on its way into Sent Items is neither there nor a draft. However long that takes, the run stays open until it is seen.
func TestMailOnItsWayStaysOpen(t *testing.T) {
	b := start(t)
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/send"))
	run := b.Unclear("mail.message.send", letter("slow"), bench.Key("k"))
	for _, later := range []time.Duration{0, 16 * time.Minute} {
		b.Pass(later)
		nowhere := bench.FaultAt("status", "GET", "/messages/")
		nowhere.Status, nowhere.Code = 404, "ErrorItemNotFound"
		b.Fault(nowhere)
		if got := b.Look(run); got != action.Unclear {
			t.Errorf("not seen after %v: got %s", later, got)
		}
	}
	if got := b.Look(run); got != action.Done {
		t.Errorf("once it is seen: got %s", got)
	}
	if again := bench.Do[mail.Sent](b, "mail.message.send", letter("slow"), bench.Key("k")); again.State != "sent" || again.MessageID == "" {
		t.Errorf("the same key afterwards: got %+v", again)
	}
}

func TestRefusedSendLeavesNothing(t *testing.T) {
	b := start(t)
	f := bench.FaultAt("status", "POST", "/send")
	f.Status, f.Code = 403, "ErrorAccessDenied"
	b.Fault(f)
	got := b.Refused("mail.message.send", letter("no"), bench.Key("k"))
	if got.Kind != fault.NeedsAdmin || got.Upstream == nil || got.Upstream.RequestID == "" {
		t.Errorf("got %+v, want Microsoft's refusal with its request id", got)
	}
	if n := count(b, ada, "drafts", "no"); n != 0 {
		t.Errorf("%d drafts stayed behind", n)
	}
	bench.Do[mail.Sent](b, "mail.message.send", letter("no"), bench.Key("k"))
	b.Pass(2 * time.Second)
	if n := count(b, ben, "inbox", "no"); n != 1 {
		t.Errorf("with the permission back ben got it %d times", n)
	}
}

func TestThrottledSendWaits(t *testing.T) {
	b := start(t)
	f := bench.FaultAt("429", "POST", "/send")
	f.RetryAfter = "1"
	b.Fault(f)
	bench.Do[mail.Sent](b, "mail.message.send", letter("patient"))
	b.Pass(2 * time.Second)
	if n := count(b, ben, "inbox", "patient"); n != 1 {
		t.Errorf("ben got it %d times", n)
	}
}

func TestFileThatDoesNotArriveStopsTheMail(t *testing.T) {
	b := start(t)
	b.Fault(bench.FaultAt("reset", "POST", "/attachments"))
	run := b.Unclear("mail.message.send", letter("with file"), bench.Key("k"), b.File("file", "offer.pdf", []byte("%PDF")))
	if got := b.Look(run); got != action.Refused {
		t.Errorf("got %s: the send was never asked for", got)
	}
	b.Pass(2 * time.Second)
	if b.Sent("POST", "/send") != 0 || count(b, ada, "drafts", "with file") != 0 {
		t.Errorf("%d sends, %d drafts", b.Sent("POST", "/send"), count(b, ada, "drafts", "with file"))
	}
}

func TestReplyAndForward(t *testing.T) {
	b := start(t)
	bench.Do[mail.Sent](b, "mail.message.send", bench.In{"user": ben, "to": []string{ada, "support@contoso.example"}, "subject": "Question", "body": "How?", "attachments": []bench.In{{"name": "q.txt", "content": []byte("q")}}})
	b.Pass(2 * time.Second)
	got := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "subject": "Question"}).Messages[0]
	for _, tt := range []struct {
		name, action string
		in           bench.In
		subject      string
		reaches      []string
		body         string
	}{
		{"reply", "mail.message.reply", bench.In{"comment": "Like this."}, "Re: Question", []string{ben}, "Like this."},
		{"reply to all", "mail.message.reply", bench.In{"comment": "All hear this.", "all": true}, "Re: Question", []string{ben, "support@contoso.example"}, "All hear this."},
		{"reply with a body of its own", "mail.message.reply", bench.In{"body": "Only this."}, "Re: Question", []string{ben}, "Only this."},
		{"forward", "mail.message.forward", bench.In{"to": []string{"room1@contoso.example"}, "comment": "Please look."}, "Fw: Question", []string{"room1@contoso.example"}, "Please look."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.in["user"], tt.in["message"] = ada, got.ID
			key := bench.Key(tt.name)
			sent := bench.Do[mail.Sent](b, tt.action, tt.in, key)
			bench.Do[mail.Sent](b, tt.action, tt.in, key)
			b.Pass(2 * time.Second)
			m := bench.Do[mail.Message](b, "mail.message.get", bench.In{"user": ada, "message": sent.MessageID})
			if m.IsDraft || m.Subject != tt.subject || !strings.Contains(m.Body, tt.body) || m.ConversationID != got.ConversationID {
				t.Errorf("in Sent Items: got %+v", m)
			}
			for _, who := range tt.reaches {
				list := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": who, "from": ada, "subject": tt.subject}).Messages
				if n := len(slices.DeleteFunc(list, func(s mail.Summary) bool { return !strings.Contains(s.Preview, tt.body) })); n != 1 {
					t.Errorf("%s got it %d times", who, n)
				}
			}
		})
	}
}

func TestReplyNeverTwice(t *testing.T) {
	b := start(t)
	m := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "limit": 1}).Messages[0]
	in := bench.In{"user": ada, "message": m.ID, "cc": []string{ben}, "body": "one answer"}
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/send"))
	run := b.Unclear("mail.message.reply", in, bench.Key("k"))
	b.Pass(2 * time.Second)
	if got := b.Look(run); got != action.Done {
		t.Fatalf("got %s", got)
	}
	bench.Do[mail.Sent](b, "mail.message.reply", in, bench.Key("k"))
	b.Pass(2 * time.Second)
	if b.Sent("POST", "/send") != 1 {
		t.Errorf("%d sends", b.Sent("POST", "/send"))
	}
}

// An answer's draft carries our marker from its first moment, so one whose answer is lost is found again and taken away.
func TestAnswerWhoseDraftIsLost(t *testing.T) {
	for _, way := range []struct {
		action, operation string
		in                bench.In
	}{
		{"mail.message.reply", "/createReply", bench.In{"cc": []string{ben}, "comment": "one answer"}},
		{"mail.message.reply", "/createReplyAll", bench.In{"all": true, "cc": []string{ben}, "body": "one answer"}},
		{"mail.message.forward", "/createForward", bench.In{"to": []string{ben}, "comment": "one answer"}},
	} {
		for _, kind := range []string{"timeout_after_accept", "truncate", "reset"} {
			t.Run(way.operation+" "+kind, func(t *testing.T) {
				b := start(t)
				m := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ada, "limit": 1}).Messages[0]
				way.in["user"], way.in["message"] = ada, m.ID
				drafts := len(subjects(b, ada, "drafts"))
				b.Fault(bench.FaultAt(kind, "POST", way.operation))
				run := b.Unclear(way.action, way.in, bench.Key("k"))
				if got := b.Look(run); got != action.Refused || len(subjects(b, ada, "drafts")) != drafts {
					t.Errorf("got %s with %d drafts, want it refused and %d drafts", got, len(subjects(b, ada, "drafts")), drafts)
				}
				sent := bench.Do[mail.Sent](b, way.action, way.in, bench.Key("k"))
				b.Pass(2 * time.Second)
				if b.Sent("POST", "/send") != 1 || len(subjects(b, ada, "drafts")) != drafts {
					t.Errorf("%d sends, %d drafts", b.Sent("POST", "/send"), len(subjects(b, ada, "drafts")))
				}
				if got := bench.Do[mail.Message](b, "mail.message.get", bench.In{"user": ada, "message": sent.MessageID}); got.IsDraft || !strings.Contains(got.Body, "one answer") {
					t.Errorf("sent: got %+v", got)
				}
			})
		}
	}
}

// The marker tells which draft is ours, and does not tell the key.
func TestDraftCarriesOurMarker(t *testing.T) {
	b := start(t)
	draft := bench.Do[mail.Summary](b, "mail.draft.create", letter("marked"), bench.Key("a customer's name"))
	g := b.Client(t.Context(), bench.App)
	m, err := graph.Get[graph.Message](t.Context(), g, g.User(ada).Message(draft.ID), graph.Query("$expand", "singleValueExtendedProperties"))
	if err != nil {
		t.Fatal(err)
	}
	p := m.ExtendedProperties
	if len(p) != 1 || !strings.HasSuffix(p[0].ID, " Name SeneschalKey") || len(p[0].Value) != 32 || strings.Contains(p[0].Value, "customer") {
		t.Errorf("got %+v", p)
	}
}
