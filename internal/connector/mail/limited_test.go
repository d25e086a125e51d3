package mail_test

import (
	"slices"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

const limitedApp = "Seneschal for chosen mailboxes"

func startLimited(t *testing.T) *bench.Bench {
	t.Helper()
	return bench.StartWith(t, map[m365.Capability]connection.Probe{m365.Mail: mail.Probe, m365.MailSettings: mail.ProbeSettings}, slices.Concat([]action.Action{}, mail.Actions()))
}

func line(lines []connection.Line, capability string) connection.Line {
	i := slices.IndexFunc(lines, func(l connection.Line) bool { return l.Capability == capability })
	if i < 0 {
		return connection.Line{}
	}
	return lines[i]
}

// What the doctor says of an app that Exchange shall let into the listed mailboxes alone.
func TestTheDoctorProvesThatOtherMailboxesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, app, mailboxes, outside string
		state                         connection.LineState
		code, says                    string
		whole                         connection.State
	}{
		{"refused elsewhere", limitedApp, "ada@contoso.example, ben@contoso.example", "chloe@contoso.example", connection.LineOK, "proven", "chloe@contoso.example", connection.Healthy},
		{"another is found in the directory", limitedApp, "ada@contoso.example", "", connection.LineOK, "proven", "admin@contoso.example", connection.Healthy},
		{"granted in Entra", "Seneschal", "ada@contoso.example", "chloe@contoso.example", connection.LineAttention, "mailbox_limit_void", "Mail.ReadWrite", connection.Healthy},
		{"the scope is wider than the list", limitedApp, "ada@contoso.example", "ben@contoso.example", connection.LineAttention, "mailboxes_not_limited", "ben@contoso.example", connection.Healthy},
		{"the other one is on the list under another address", limitedApp, "ada@contoso.example", "field1@contoso.example", connection.LineCannotTell, "outside_is_listed", "another address", connection.Healthy},
		{"there is no such mailbox", limitedApp, "ada@contoso.example", "nobody@contoso.example", connection.LineCannotTell, "outside_unknown", "no account", connection.Healthy},
		{"not let in anywhere", limitedApp, "chloe@contoso.example", "admin@contoso.example", connection.LineCannotTell, "no_mailbox_inside", "", connection.PendingConsent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := startLimited(t)
			c, test, err := b.AddLimited(tt.app, tt.mailboxes, tt.outside, m365.Mail, m365.MailSettings)
			if err != nil {
				t.Fatal(err)
			}
			l := line(test.Lines, "mailboxes_limited")
			if l.State != tt.state || l.Code != tt.code || !strings.Contains(l.Cause, tt.says) {
				t.Errorf("got %+v", l)
			}
			if l.State == connection.LineOK && (l.Proof.RequestID == "" || l.Proof.At.IsZero()) || l.State != connection.LineOK && (l.Fix == "" || l.Who == "") {
				t.Errorf("no proof, or no fix and who: %+v", l)
			}
			if c.State != tt.whole {
				t.Errorf("the connection is %s (%+v), want %s", c.State, c.Reason, tt.whole)
			}
		})
	}
}

// The permissions that Exchange gives are neither asked for nor missed, and a refusal is no missing permission.
func TestALimitedConnectionAsksForNothingWider(t *testing.T) {
	b := startLimited(t)
	_, test, err := b.AddLimited(limitedApp, "ada@contoso.example, chloe@contoso.example", "", m365.Mail, m365.MailSettings)
	if err != nil {
		t.Fatal(err)
	}
	if l := line(test.Lines, "mailbox"); l.Code != "mailbox_not_granted" || l.Title != "chloe@contoso.example" || !strings.Contains(l.Fix, "mailbox-script") {
		t.Errorf("a listed mailbox outside of the scope: %+v", l)
	}
	p, err := b.Connections.ReadPermissions(t.Context(), bench.Limited)
	if err != nil {
		t.Fatal(err)
	}
	if wide := m365.EveryMailbox(names(p.Needed)); len(wide) > 0 || len(p.Missing) > 0 || len(m365.EveryMailbox(names(p.Setup.Optional))) > 0 {
		t.Errorf("asks for %v, misses %v", wide, p.Missing)
	}
	if got := names(p.ByExchange); !slices.Equal(got, []string{"Mail.ReadWrite", "Mail.Send", "MailboxSettings.ReadWrite"}) {
		t.Errorf("by Exchange: %v", got)
	}
	if _, err := b.Call("mail.message.list", bench.In{"user": bench.Ada}, bench.Through(bench.Limited)); err != nil {
		t.Errorf("inside: %v", err)
	}
	f := b.Refused("mail.message.list", bench.In{"user": "chloe@contoso.example"}, bench.Through(bench.Limited))
	if f.Code != "mailbox_not_granted" || !strings.Contains(f.Fix, "mailbox-script") || len(f.WrongFixes) == 0 {
		t.Errorf("outside of the scope, on the list: %+v", f)
	}
	b.Silent(func() {
		if f := b.Refused("mail.message.list", bench.In{"user": "ben@contoso.example"}, bench.Through(bench.Limited)); f.Code != "mailbox_not_listed" {
			t.Errorf("in the scope, not on the list: %+v", f)
		}
	})
}

func names(list []m365.Required) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.Permission
	}
	return out
}

// What does not go with a limit is said by its field, and changes nothing.
func TestALimitIsChecked(t *testing.T) {
	b := startLimited(t)
	on, off := true, false
	text := func(s string) *string { return &s }
	for _, tt := range []struct {
		name, connection string
		edit             connection.Edit
		field            string
	}{
		{"a person's connection", bench.Person, connection.Edit{MailboxesLimited: &on}, "mailboxes_limited"},
		{"nothing that Exchange has a role for", bench.App, connection.Edit{MailboxesLimited: &on, Capabilities: &[]m365.Capability{m365.Todo}}, "mailboxes_limited"},
		{"no mailboxes", bench.App, connection.Edit{MailboxesLimited: &on, Mailboxes: &connection.MailboxList{}}, "mailboxes_limited"},
		{"another one without a limit", bench.App, connection.Edit{MailboxesLimited: &off, MailboxOutside: text("chloe@contoso.example")}, "mailbox_outside"},
		{"another one that is on the list", bench.App, connection.Edit{MailboxesLimited: &on, MailboxOutside: text(" Ada@contoso.example ")}, "mailbox_outside"},
		{"no address", bench.App, connection.Edit{MailboxesLimited: &on, MailboxOutside: text("chloe")}, "mailbox_outside"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := b.Connections.Change(t.Context(), access.Local("bench"), tt.connection, tt.edit)
			if f := fault.As(err); f == nil || !slices.ContainsFunc(f.Fields, func(f fault.Field) bool { return f.Name == tt.field }) {
				t.Errorf("got %v, want the field %s", err, tt.field)
			}
			if c, err := b.Connections.Lookup(t.Context(), tt.connection); err != nil || c.MailboxesLimited || c.MailboxOutside != "" {
				t.Errorf("changed: %+v %v", c, err)
			}
		})
	}
}

// The script names what is on the list, in PowerShell's own quotes, and takes away what would make the limit void.
func TestTheMailboxScript(t *testing.T) {
	b := startLimited(t)
	c, _, err := b.AddLimited(limitedApp, "ada@contoso.example, o'neil@contoso.example", "chloe@contoso.example", m365.Mail, m365.MailSettings)
	if err != nil {
		t.Fatal(err)
	}
	hostile := "it\u2019s'; Remove-Mailbox *\n#"
	if _, _, err := b.Connections.Change(t.Context(), access.Local("bench"), c.ID, connection.Edit{Name: &hostile}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Connections.MailboxScript(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Roles, []string{"Application Mail.ReadWrite", "Application Mail.Send", "Application MailboxSettings.ReadWrite"}) || !slices.Equal(s.Everywhere, []string{"User.Read.All"}) {
		t.Errorf("got %+v", s)
	}
	for _, part := range []string{
		"$mailboxes = @('ada@contoso.example', 'o''neil@contoso.example')\n", "$app = '" + string(c.ClientID) + "'\n", "Connect-ExchangeOnline\n",
		"'Mailboxes of Seneschal it\u2019\u2019s''; Remove-Mailbox *\n#'", "New-ServicePrincipal -AppId $app -ObjectId $sp.Id", `-RecipientRestrictionFilter "MemberOfGroup -eq '$group'"`,
		"-App $sp.Id -Role $role -CustomResourceScope $name", "Remove-MgServicePrincipalAppRoleAssignment", "Test-ServicePrincipalAuthorization -Identity $sp.Id -Resource 'chloe@contoso.example'",
	} {
		if !strings.Contains(s.PowerShell, part) {
			t.Errorf("the script lacks %q:\n%s", part, s.PowerShell)
		}
	}
	for _, name := range []string{bench.Person, "none"} {
		if _, err := b.Connections.MailboxScript(t.Context(), name); err == nil {
			t.Errorf("a script for %s", name)
		}
	}
}
