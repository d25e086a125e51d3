package mail_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

const support = "support@contoso.example"

// Whoever was let into a shared mailbox reads, sorts and writes its mail through a connection of their own that lists it.
func TestASharedMailboxThroughAPersonsConnection(t *testing.T) {
	b := start(t)
	b.AddShared(support, m365.Mail)
	through := bench.Through(bench.Shared)
	in := func(more bench.In) bench.In { more["user"] = support; return more }
	inbox := bench.Do[mail.List](b, "mail.message.list", in(bench.In{"limit": 200}), through).Messages
	if own := bench.Do[mail.List](b, "mail.message.list", bench.In{"limit": 200}, through).Messages; len(inbox) < 5 || len(own) < 5 || own[0].ID == inbox[0].ID {
		t.Fatalf("%d messages of support, %d of one's own", len(inbox), len(own))
	}
	one := in(bench.In{"message": inbox[0].ID})
	if got := bench.Do[mail.Message](b, "mail.message.get", one, through); got.Subject != inbox[0].Subject || got.Body == "" {
		t.Errorf("got %+v", got)
	}
	bench.Do[mail.Summary](b, "mail.message.update", in(bench.In{"message": inbox[0].ID, "flag": "flagged"}), through)
	bench.Do[mail.Summary](b, "mail.message.move", in(bench.In{"message": inbox[0].ID, "folder": "archive"}), through)
	if n := count(b, support, "archive", inbox[0].Subject); n == 0 {
		t.Error("it was not moved")
	}
	bench.Do[mail.Summary](b, "mail.draft.create", in(bench.In{"subject": "Later"}), through)
	if n := count(b, support, "drafts", "Later"); n != 1 {
		t.Errorf("%d drafts", n)
	}
	for name, of := range map[string]bench.In{
		"mail.message.send":    {"to": []string{ben}, "subject": "From support"},
		"mail.message.forward": {"message": inbox[1].ID, "to": []string{ben}},
	} {
		bench.Do[mail.Sent](b, name, in(of), through)
		b.Pass(2 * time.Second)
		got := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ben, "limit": 1}).Messages[0]
		if got.From.Address != support || count(b, support, "sentitems", got.Subject) != 1 || count(b, ada, "sentitems", got.Subject) != 0 {
			t.Errorf("%s: ben got %q from %s", name, got.Subject, got.From.Address)
		}
	}
}

// The list is the fence, Exchange is the judge, and what Microsoft does not have for whoever was let in leaves for nobody.
func TestWhatASharedMailboxIsNotFor(t *testing.T) {
	b := startSettings(t)
	b.AddShared(support+", dispatch@contoso.example", m365.Mail, m365.MailSettings)
	refused := func(name string, in bench.In) *fault.Error {
		t.Helper()
		return b.Refused(name, in, bench.Through(bench.Shared))
	}
	b.Silent(func() {
		if f := refused("mail.message.list", bench.In{"user": ben}); f.Code != "mailbox_not_listed" {
			t.Errorf("not listed: got %v", f)
		}
		for name, in := range map[string]bench.In{"mail.rule.list": {"user": support}, "mail.settings.get": {"user": support}, "mail.category.list": {"user": support}, "mail.focused.override.list": {"user": support},
			"mail.auto_reply.set": {"user": support, "status": "always"}} {
			if f := refused(name, in); f.Code != "shared_mail_only" || !strings.Contains(f.Fix, "app-only") {
				t.Errorf("%s: got %v", name, f)
			}
		}
	})
	if f := refused("mail.message.list", bench.In{"user": "dispatch@contoso.example"}); f.Code != "permission_missing" || !strings.Contains(f.Fix, "Full Access") || len(f.WrongFixes) == 0 {
		t.Errorf("nobody let her in: got %+v", f)
	}
	bench.Do[mail.RuleList](b, "mail.rule.list", bench.In{}, bench.Through(bench.Shared)) // her own mailbox is hers
}

func TestAConnectionAsksForSharedMailOnlyWhereItListsSome(t *testing.T) {
	b := start(t)
	b.AddShared(support, m365.Mail)
	for through, want := range map[string]bool{bench.Shared: true, bench.Person: false} {
		c, err := b.Connections.Lookup(t.Context(), through)
		if err != nil {
			t.Fatal(err)
		}
		d, err := b.Connections.Doctor(t.Context(), through)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(d, func(l connection.Line) bool { return l.Capability == string(m365.Mail) })
		if got := slices.Contains(d[i].Granted, "Mail.ReadWrite.Shared") && slices.Contains(d[i].Granted, "Mail.Send.Shared"); got != want || d[i].State != connection.LineOK {
			t.Errorf("%s: got %+v", c.Name, d[i])
		}
	}
	list := connection.ParseMailboxes(support)
	c, _, err := b.Connections.Change(t.Context(), access.Local("test"), bench.Person, connection.Edit{Mailboxes: &list})
	if err != nil {
		t.Fatal(err)
	}
	if f := b.Refused("mail.message.list", bench.In{"user": support}, bench.Through(c.Name)); f.Kind != fault.NeedsAdmin && f.Kind != fault.NeedsReauth {
		t.Errorf("without the consent: got %+v", f)
	}
}

func TestListsThatAPersonsConnectionCannotHave(t *testing.T) {
	b := start(t)
	timeline := connection.MailboxList{{Address: support, Purposes: []connection.Purpose{connection.ForTimeline}}}
	_, _, err := b.Connections.Change(t.Context(), access.Local("test"), bench.Person, connection.Edit{Mailboxes: &timeline})
	if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Fields[0].Name != "mailboxes" {
		t.Errorf("followed: got %v", err)
	}
	b.AddPrivate(m365.Mail)
	list := connection.ParseMailboxes(support)
	if _, _, err = b.Connections.Change(t.Context(), access.Local("test"), bench.Private, connection.Edit{Mailboxes: &list}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("of a personal account: got %v", err)
	}
}
