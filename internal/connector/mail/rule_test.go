package mail_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// startSettings has connections for mail and for what belongs to a mailbox beside it.
func startSettings(t *testing.T) *bench.Bench {
	t.Helper()
	b := bench.Start(t, m365.MailSettings, mail.Actions(), mail.ProbeSettings)
	b.Also(m365.Mail)
	return b
}

func TestProbeOfSettingsGivesEvidence(t *testing.T) {
	startSettings(t).Evidence(mail.ProbeSettings, ada)
}

func bothModes(t *testing.T, f func(t *testing.T, b *bench.Bench, through string)) {
	b := startSettings(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) { f(t, b, through) })
	}
}

func TestARuleIsReadBackInBothModes(t *testing.T) {
	yes, no := true, false
	bothModes(t, func(t *testing.T, b *bench.Bench, through string) {
		do := func(name string, in bench.In) mail.Rule {
			t.Helper()
			return bench.Do[mail.Rule](b, name, bench.Named(through, in), bench.Through(through))
		}
		folder := bench.Do[mail.FolderList](b, "mail.folder.list", bench.Named(through, bench.In{}), bench.Through(through)).Folders[0].ID
		conditions := bench.In{"body_contains": []string{"offer"}, "body_or_subject_contains": []string{"win"}, "categories": []string{"Customer"}, "has_attachments": false, "header_contains": []string{"X-Bulk"}, "importance": "low",
			"is_approval_request": false, "is_automatic_forward": true, "is_automatic_reply": true, "is_encrypted": true, "is_meeting_request": true, "is_meeting_response": true, "is_non_delivery_report": true,
			"is_permission_controlled": true, "is_read_receipt": true, "is_signed": true, "is_voicemail": true, "flag": "followUp", "not_sent_to_me": true, "recipient_contains": []string{"sales"},
			"sender_contains": []string{"SHOP"}, "sensitivity": "private", "sent_cc_me": true, "sent_only_to_me": true, "sent_to_me": true, "sent_to_or_cc_me": true, "subject_contains": []string{"cheap"},
			"from": []string{"ads@shop.example"}, "sent_to": []string{`"Ada" <ada@contoso.example>`}, "size": bench.In{"min_kb": 2, "max_kb": 9}}
		made := do("mail.rule.create", bench.In{"name": "Adverts", "sequence": 5, "enabled": false, "conditions": conditions, "exceptions": bench.In{"from": []string{ben}},
			"actions": bench.In{"assign_categories": []string{"Adverts"}, "copy_to_folder": folder, "delete": true, "forward_as_attachment_to": []string{ben}, "forward_to": []string{ben}, "mark_as_read": true, "mark_importance": "low",
				"move_to_folder": folder, "permanent_delete": true, "redirect_to": []string{ben}, "stop_processing_rules": true}})
		want := mail.Rule{ID: made.ID, Name: "Adverts", Sequence: 5, Note: made.Note, Exceptions: &mail.RuleConditions{From: []string{ben}},
			Conditions: &mail.RuleConditions{From: []string{"ads@shop.example"}, SentTo: []string{`"Ada" <ada@contoso.example>`}, Size: &mail.Size{MinKB: 2, MaxKB: 9}, RuleMarks: mail.RuleMarks{
				BodyContains: []string{"offer"}, BodyOrSubjectContains: []string{"win"}, Categories: []string{"Customer"}, HasAttachments: &no, HeaderContains: []string{"X-Bulk"}, Importance: "low",
				IsApprovalRequest: &no, IsAutomaticForward: &yes, IsAutomaticReply: &yes, IsEncrypted: &yes, IsMeetingRequest: &yes, IsMeetingResponse: &yes, IsNonDeliveryReport: &yes, IsPermissionControlled: &yes,
				IsReadReceipt: &yes, IsSigned: &yes, IsVoicemail: &yes, MessageActionFlag: "followUp", NotSentToMe: &yes, RecipientContains: []string{"sales"}, SenderContains: []string{"SHOP"}, Sensitivity: "private",
				SentCcMe: &yes, SentOnlyToMe: &yes, SentToMe: &yes, SentToOrCcMe: &yes, SubjectContains: []string{"cheap"}}},
			Actions: mail.RuleActions{AssignCategories: []string{"Adverts"}, CopyTo: folder, Delete: true, ForwardAsAttachment: []string{ben}, ForwardTo: []string{ben}, MarkAsRead: true, MarkImportance: "low",
				MoveTo: folder, PermanentDelete: true, RedirectTo: []string{ben}, Stop: true}}
		if diff := cmp.Diff(want, made); diff != "" {
			t.Errorf("created:\n%s", diff)
		}
		if !strings.Contains(made.Note, "5.7.520") {
			t.Errorf("forwarding: noted is %q", made.Note)
		}
		if diff := cmp.Diff(made, do("mail.rule.get", bench.In{"rule": made.ID})); diff != "" {
			t.Errorf("created and read differ:\n%s", diff)
		}
		changed := do("mail.rule.update", bench.In{"rule": made.ID, "name": "Less", "enabled": true, "conditions": nil, "actions": bench.In{"mark_as_read": true}})
		want = mail.Rule{ID: made.ID, Name: "Less", Sequence: 5, Enabled: true, Exceptions: want.Exceptions, Actions: mail.RuleActions{MarkAsRead: true}}
		if diff := cmp.Diff(want, changed); diff != "" {
			t.Errorf("changed:\n%s", diff)
		}
		first := do("mail.rule.create", bench.In{"name": "First", "sequence": 1, "actions": bench.In{"mark_as_read": true}})
		list := bench.Do[mail.RuleList](b, "mail.rule.list", bench.Named(through, bench.In{}), bench.Through(through)).Rules
		if len(list) != 2 || list[0].ID != first.ID || list[1].ID != made.ID {
			t.Errorf("in the order in which they run: got %+v", list)
		}
		for _, r := range list {
			bench.Do[mail.RuleDeleted](b, "mail.rule.delete", bench.Named(through, bench.In{"rule": r.ID}), bench.Through(through))
		}
		if f := b.Refused("mail.rule.get", bench.Named(through, bench.In{"rule": made.ID}), bench.Through(through)); f.Kind != fault.NotFound {
			t.Errorf("after deleting: got %v", f)
		}
	})
}

// A rule does what it says to the mail that comes.
func TestARuleSortsMail(t *testing.T) {
	b := startSettings(t)
	bench.Do[mail.Rule](b, "mail.rule.create", bench.In{"user": ada, "name": "Invoices", "sequence": 1, "conditions": bench.In{"subject_contains": []string{"invoice"}}, "actions": bench.In{"delete": true, "mark_as_read": true}})
	bench.Do[mail.Sent](b, "mail.message.send", bench.In{"user": ben, "to": []string{ada}, "subject": "An invoice"})
	b.Pass(2 * time.Second)
	if in, out := count(b, ada, "deleteditems", "An invoice"), count(b, ada, "inbox", "An invoice"); in != 1 || out != 0 {
		t.Errorf("%d in Deleted Items, %d in the inbox", in, out)
	}
}

func TestARuleIsMadeOnce(t *testing.T) {
	in := bench.In{"user": ada, "name": "Once", "sequence": 1, "conditions": bench.In{"sender_contains": []string{"shop"}}, "actions": bench.In{"mark_as_read": true}}
	for _, lost := range bench.Losses("/messageRules") {
		t.Run(lost.Name, func(t *testing.T) {
			b := startSettings(t)
			// One of the same name, made by hand: what is looked for is another.
			bench.Do[mail.Rule](b, "mail.rule.create", in)
			b.MadeOnce("mail.rule.create", in, lost, func() int {
				return len(bench.Do[mail.RuleList](b, "mail.rule.list", bench.In{"user": ada}).Rules) - 1
			})
		})
	}
}

func TestRulesThatCannotBe(t *testing.T) {
	b := startSettings(t)
	rule := func(part string, of bench.In) bench.In {
		in := bench.In{"user": ada, "name": "x", "sequence": 1, "actions": bench.In{"mark_as_read": true}}
		in[part] = of
		return in
	}
	b.Silent(func() {
		for _, tt := range []struct {
			action, field, words string
			in                   bench.In
		}{
			{"mail.rule.create", "actions", "at least one", rule("actions", bench.In{})},
			{"mail.rule.create", "actions.forward_to[1]", "not an address", rule("actions", bench.In{"forward_to": []string{ben, "ben"}})},
			{"mail.rule.create", "actions.redirect_to[0]", "not an address", rule("actions", bench.In{"redirect_to": []string{"x"}})},
			{"mail.rule.create", "actions.forward_as_attachment_to[0]", "not an address", rule("actions", bench.In{"forward_as_attachment_to": []string{"x"}})},
			{"mail.rule.create", "actions.move_to_folder", "id", rule("actions", bench.In{"move_to_folder": "archive"})},
			{"mail.rule.create", "conditions.from[0]", "not an address", rule("conditions", bench.In{"from": []string{"ben"}})},
			{"mail.rule.create", "exceptions.sent_to[0]", "not an address", rule("exceptions", bench.In{"sent_to": []string{"ben"}})},
			{"mail.rule.create", "conditions.size.max_kb", "min_kb", rule("conditions", bench.In{"size": bench.In{"min_kb": 9, "max_kb": 2}})},
			{"mail.rule.create", "conditions.flag", "allowed", rule("conditions", bench.In{"flag": "dance"})},
			{"mail.rule.create", "conditions.moon", "is not a field", rule("conditions", bench.In{"moon": true})},
			{"mail.rule.update", "name", "nothing is to be changed", bench.In{"user": ada, "rule": "x"}},
			{"mail.rule.update", "actions", "at least one", bench.In{"user": ada, "rule": "x", "actions": bench.In{}}},
			{"mail.auto_reply.set", "start", "is missing", bench.In{"user": ada, "status": "scheduled", "end": "2027-01-01T00:00:00Z"}},
			{"mail.auto_reply.set", "end", "after start", bench.In{"user": ada, "status": "scheduled", "start": "2027-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}},
			{"mail.auto_reply.set", "end", "scheduled alone", bench.In{"user": ada, "status": "always", "end": "2027-01-01T00:00:00Z"}},
			{"mail.auto_reply.set", "status", "allowed", bench.In{"user": ada, "status": "sometimes"}},
			{"mail.settings.update", "time_zone", "nothing", bench.In{"user": ada}},
			{"mail.settings.update", "working_hours", "says nothing", bench.In{"user": ada, "working_hours": bench.In{}}},
			{"mail.settings.update", "working_hours.start", "time of day", bench.In{"user": ada, "working_hours": bench.In{"start": "8"}}},
			{"mail.settings.update", "working_hours.end", "after start", bench.In{"user": ada, "working_hours": bench.In{"start": "08:00", "end": "08:00"}}},
			{"mail.settings.update", "working_hours.days[0]", "allowed", bench.In{"user": ada, "working_hours": bench.In{"days": []string{"doomsday"}}}},
			{"mail.settings.update", "delegate_meeting_messages", "allowed", bench.In{"user": ada, "delegate_meeting_messages": "nobody"}},
			{"mail.category.create", "colour", "allowed", bench.In{"user": ada, "name": "x", "colour": "mauve"}},
			{"mail.focused.override.set", "sender", "not an address", bench.In{"user": ada, "sender": "shop", "part": "other"}},
			{"mail.message.update", "part", "allowed", bench.In{"user": ada, "message": "x", "part": "third"}},
			{"mail.thread.get", "cursor", "next_cursor", bench.In{"user": ada, "conversation": "x", "cursor": base64.RawURLEncoding.EncodeToString([]byte(`{"thread":"y"}`))}},
			{"mail.thread.get", "cursor", "next_cursor", bench.In{"user": ada, "conversation": "x", "cursor": "%%"}},
		} {
			b.Wrong(tt.action, tt.in, tt.field, tt.words)
		}
		b.Fenced("mail.rule.create", bench.In{"name": "x", "sequence": 1, "actions": bench.In{"mark_as_read": true}})
		b.Fenced("mail.settings.update", bench.In{"time_zone": "UTC"})
		b.Fenced("mail.auto_reply.set", bench.In{"status": "always"})
		b.Fenced("mail.category.create", bench.In{"name": "x", "colour": "none"})
		b.Fenced("mail.focused.override.set", bench.In{"sender": ben, "part": "other"})
	})
}

// A connection for mail alone is not for rules: whoever set it up asked nobody for that.
func TestAConnectionForMailAloneHasNoRules(t *testing.T) {
	b := start(t)
	b.Silent(func() {
		for _, name := range []string{"mail.rule.list", "mail.settings.get", "mail.auto_reply.get", "mail.category.list"} {
			if f := b.Refused(name, bench.In{"user": ada}); f.Code != "capability_not_chosen" || !strings.Contains(f.Fix, "mailsettings") {
				t.Errorf("%s: got %+v", name, f)
			}
		}
	})
}

func TestAPersonalAccountHasSettingsToo(t *testing.T) {
	b := startSettings(t)
	b.AddPrivate(m365.MailSettings)
	bench.Do[mail.Rule](b, "mail.rule.create", bench.In{"name": "x", "sequence": 1, "actions": bench.In{"mark_as_read": true}}, bench.Through(bench.Private))
	if got := bench.Do[mail.RuleList](b, "mail.rule.list", bench.In{}, bench.Through(bench.Private)).Rules; len(got) != 1 {
		t.Errorf("got %+v", got)
	}
}
