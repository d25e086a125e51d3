package sim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func recipientOf(address string) []any {
	return []any{map[string]any{"emailAddress": map[string]any{"address": address}}}
}

func TestMailboxSettings(t *testing.T) {
	c := start(t)
	app, poor := c.appToken("Seneschal"), c.appToken("Seneschal to repair")
	person := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access MailboxSettings.ReadWrite").str("access_token")
	const settings, rules, tags, focus = ada + "/mailboxSettings", ada + "/mailFolders/inbox/messageRules", ada + "/outlook/masterCategories", ada + "/inferenceClassification/overrides"
	doing := map[string]any{"markAsRead": true}
	hours := func(of map[string]any) any { return map[string]any{"workingHours": of} }
	replies := func(from, to string) any {
		utc := func(at string) any { return map[string]any{"dateTime": at, "timeZone": "UTC"} }
		return map[string]any{"automaticRepliesSetting": map[string]any{"status": "Scheduled", "scheduledStartDateTime": utc(from), "scheduledEndDateTime": utc(to)}}
	}
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"without the permission", poor, "GET", settings, nil, 403, "ErrorAccessDenied"},
		{"rules without the permission", poor, "GET", rules, nil, 403, "ErrorAccessDenied"},
		{"reading mail is not writing overrides", poor, "POST", focus, map[string]any{}, 403, "ErrorAccessDenied"},
		{"somebody else's, as a person", person, "GET", "/users/ben@contoso.example/mailboxSettings", nil, 403, "ErrorAccessDenied"},
		{"one's own, as a person", person, "GET", "/me/mailFolders/inbox/messageRules", nil, 200, ""},
		{"no mailbox", app, "GET", "/users/intern@contoso.example/outlook/masterCategories", nil, 404, "MailboxNotEnabledForRESTAPI"},
		{"what is read alone", app, "PATCH", settings, map[string]any{"userPurpose": "room"}, 400, "RequestBodyRead"},
		{"a zone that is none", app, "PATCH", settings, map[string]any{"timeZone": "Mars"}, 400, "InvalidTimeZone"},
		{"hours that end before they begin", app, "PATCH", settings, hours(map[string]any{"endTime": "07:00:00"}), 400, "ErrorInvalidTimeSettings"},
		{"hours that are none", app, "PATCH", settings, hours(map[string]any{"startTime": "8"}), 400, "RequestBodyRead"},
		{"a day that is none", app, "PATCH", settings, hours(map[string]any{"daysOfWeek": []string{"RandomDay"}}), 400, "InvalidArguments"},
		{"replies of the past", app, "PATCH", settings, replies("2016-03-20T18:00:00.0000000", "2016-03-28T18:00:00.0000000"), 400, "ErrorInvalidTimeSettings"},
		{"replies of a range", app, "PATCH", settings, replies("2026-01-01T00:00:00.0000000", "2099-03-28T18:00:00.0000000"), 200, ""},
		{"a rule that does nothing", app, "POST", rules, map[string]any{"displayName": "x", "sequence": 1, "actions": map[string]any{}}, 400, "ErrorInvalidRequest"},
		{"a rule without a place", app, "POST", rules, map[string]any{"displayName": "x", "actions": doing}, 400, "ErrorInvalidRequest"},
		{"a rule of another folder", app, "POST", ada + "/mailFolders/archive/messageRules", map[string]any{"displayName": "x", "sequence": 1, "actions": doing}, 400, "ErrorInvalidRequest"},
		{"a condition that is none", app, "POST", rules, map[string]any{"displayName": "x", "sequence": 1, "actions": doing, "conditions": map[string]any{"moon": true}}, 400, "RequestBodyRead"},
		{"a folder by its name", app, "POST", rules, map[string]any{"displayName": "x", "sequence": 1, "actions": map[string]any{"moveToFolder": "archive"}}, 400, "ErrorInvalidIdMalformed"},
		{"a recipient that is none", app, "POST", rules, map[string]any{"displayName": "x", "sequence": 1, "actions": map[string]any{"forwardTo": recipientOf("ben")}}, 400, "ErrorInvalidRecipients"},
		{"a category", app, "POST", tags, map[string]any{"displayName": "Green", "color": "preset4"}, 201, ""},
		{"its name once more", app, "POST", tags, map[string]any{"displayName": "green", "color": "none"}, 409, "CategoryNameDuplicate"},
		{"a colour that is none", app, "POST", tags, map[string]any{"displayName": "x", "color": "mauve"}, 400, "ErrorPropertyValidationFailure"},
		{"an override of nobody", app, "POST", focus, map[string]any{"classifyAs": "other"}, 400, "ErrorInvalidRequest"},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status || a.str("error", "code") != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.raw, tt.status, tt.code)
		}
	}
	tag := c.graph(app, "GET", tags, nil).list()[0]["id"].(string)
	if a := c.graph(app, "PATCH", tags+"/"+tag, map[string]any{"displayName": "Blue"}); a.status != 400 {
		t.Errorf("another name for a category: got %d", a.status)
	}
	first := c.graph(app, "POST", focus, map[string]any{"classifyAs": "other", "senderEmailAddress": map[string]any{"address": "Ben@contoso.example"}})
	again := c.graph(app, "POST", focus, map[string]any{"classifyAs": "focused", "senderEmailAddress": map[string]any{"address": "ben@contoso.example", "name": "Ben"}})
	if list := c.graph(app, "GET", focus, nil).list(); len(list) != 1 || list[0]["id"] != first.str("id") || again.str("classifyAs") != "focused" {
		t.Errorf("one override an address: got %v", list)
	}
	// What a change of actions leaves out is gone: the example of messagerule-update.md.
	rule := c.graph(app, "POST", rules, map[string]any{"displayName": "x", "sequence": 2, "conditions": map[string]any{"senderContains": []string{"adele"}}, "actions": map[string]any{"markAsRead": true, "stopProcessingRules": true}})
	changed := c.graph(app, "PATCH", rules+"/"+rule.str("id"), map[string]any{"actions": map[string]any{"markImportance": "high"}})
	if actions, _ := json.Marshal(changed.json["actions"]); string(actions) != `{"markImportance":"high"}` || !strings.Contains(string(changed.raw), "ADELE") {
		t.Errorf("got %s", changed.raw)
	}
}

// What arrives goes the way of the mailbox's rules; mail that programs sent goes round in no circle.
func TestRulesAndRepliesWork(t *testing.T) {
	c := start(t)
	app := c.appToken("Seneschal")
	const rules = ada + "/mailFolders/inbox/messageRules"
	archive := c.graph(app, "GET", ada+"/mailFolders/archive", nil).str("id")
	rule := func(sequence int, conditions, exceptions, actions map[string]any) {
		t.Helper()
		if a := c.graph(app, "POST", rules, map[string]any{"displayName": "rule", "sequence": sequence, "conditions": conditions, "exceptions": exceptions, "actions": actions}); a.status != 201 {
			t.Fatalf("got %d %s", a.status, a.raw)
		}
	}
	words := func(name string, list ...string) map[string]any { return map[string]any{name: list} }
	rule(1, words("subjectContains", "INVOICE"), words("senderContains", "chloe"), map[string]any{"moveToFolder": archive, "markAsRead": true, "assignCategories": []string{"Money"}, "stopProcessingRules": true})
	rule(2, words("subjectContains", "junk"), nil, map[string]any{"permanentDelete": true})
	rule(3, map[string]any{"sentOnlyToMe": true, "fromAddresses": recipientOf("ben@contoso.example")}, nil, map[string]any{"forwardTo": append(recipientOf("support@contoso.example"), recipientOf("someone@gmail.example")...)})
	c.graph(app, "POST", ada+"/inferenceClassification/overrides", map[string]any{"classifyAs": "other", "senderEmailAddress": map[string]any{"address": "ben@contoso.example"}})
	c.graph(app, "PATCH", ada+"/mailboxSettings", map[string]any{"automaticRepliesSetting": map[string]any{"status": "alwaysEnabled", "internalReplyMessage": "<b>away</b>"}})
	send := func(from, subject string) {
		m := draft("ada@contoso.example")
		m["subject"] = subject
		c.graph(app, "POST", "/users/"+from+"@contoso.example/sendMail", map[string]any{"message": m})
		c.settle(3 * time.Second)
	}
	find := func(user, folder, subject string) []map[string]any {
		return c.graph(app, "GET", "/users/"+user+"@contoso.example/mailFolders/"+folder+"/messages?$filter="+spaces("subject eq '"+subject+"'"), nil).list()
	}
	send("ben", "Your invoice")
	send("chloe", "An invoice")
	send("ben", "junk mail")
	send("ben", "Just so")
	if got := find("ada", "archive", "Your invoice"); len(got) != 1 || got[0]["isRead"] != true || got[0]["categories"].([]any)[0] != "Money" || got[0]["inferenceClassification"] != "other" {
		t.Errorf("moved: got %v", got)
	}
	for folder, subjects := range map[string][]string{"inbox": {"An invoice", "Just so", "Undeliverable: FW: Just so"}} {
		for _, s := range subjects {
			if got := find("ada", folder, s); len(got) != 1 {
				t.Errorf("%q in %s: %d times", s, folder, len(got))
			}
		}
	}
	if got := find("ada", "inbox", "junk mail"); len(got) != 0 {
		t.Errorf("deleted for good: got %v", got)
	}
	if got := find("support", "inbox", "FW: Just so"); len(got) != 1 {
		t.Errorf("passed on: %d times", len(got))
	}
	if got := c.graph(app, "GET", "/users/ben@contoso.example/messages?$filter="+spaces("startswith(subject,'Automatic reply')"), nil).list(); len(got) != 1 {
		t.Errorf("ben was answered %d times, want once", len(got))
	}
}
