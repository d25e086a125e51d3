package graph_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/wire"
)

func TestMicrosoftsErrors(t *testing.T) {
	type situation struct {
		name   string
		status int
		body   string
		kind   fault.Kind
		code   string
		ms     string // the code kept for the support case
	}
	tests := []situation{
		{"no mailbox", 404, `{"error":{"code":"MailboxNotEnabledForRESTAPI","message":"REST API is not yet supported for this mailbox."}}`, fault.NotSupported, "licence_missing", "MailboxNotEnabledForRESTAPI"},
		{"Exchange says no", 403, `{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}`, fault.NeedsAdmin, "permission_missing", "ErrorAccessDenied"},
		{"directory says no", 403, `{"error":{"code":"Authorization_RequestDenied","innerError":{"date":"x","request-id":"inner-rid"}}}`, fault.NeedsAdmin, "permission_missing", "Authorization_RequestDenied"},
		{"SharePoint says no", 403, `{"error":{"code":"accessDenied"}}`, fault.NeedsAdmin, "permission_missing", "accessDenied"},
		{"access policy", 403, `{"error":{"code":"extensionError"}}`, fault.NeedsAdmin, "resource_not_granted", "extensionError"},
		{"message gone", 404, `{"error":{"code":"ErrorItemNotFound"}}`, fault.NotFound, "ErrorItemNotFound", "ErrorItemNotFound"},
		{"user gone", 404, `{"error":{"code":"Request_ResourceNotFound","innererror":{"requestId":"x"}}}`, fault.NotFound, "Request_ResourceNotFound", "Request_ResourceNotFound"},
		{"inner code says more", 400, `{"error":{"code":"BadRequest","innerError":{"code":"generalException","innerError":{"code":"ErrorInvalidIdMalformed"}}}}`, fault.Invalid, "ErrorInvalidIdMalformed", "ErrorInvalidIdMalformed"},
		{"code in the details", 409, `{"error":{"code":"conflict","details":[{"code":"ObjectConflict","message":"x"}]}}`, fault.Conflict, "conflict", "conflict"},
		{"another case", 404, `{"error":{"code":"ITEMNOTFOUND"}}`, fault.NotFound, "ITEMNOTFOUND", "ITEMNOTFOUND"},
		{"delta forgotten", 410, `{"error":{"code":"resyncRequired"}}`, fault.Gone, "delta_forgotten", "resyncRequired"},
		{"changed meanwhile", 412, `{"error":{"code":"ErrorIrresolvableConflict"}}`, fault.Conflict, "changed_meanwhile", "ErrorIrresolvableConflict"},
		{"empty code", 412, `{"error":{"code":"","message":"The If-Match header"}}`, fault.Conflict, "changed_meanwhile", ""},
		{"quota", 507, `{"error":{"code":"quotaLimitReached"}}`, fault.UpstreamRefused, "quota_full", "quotaLimitReached"},
		{"sender blocked", 403, `{"error":{"code":"ErrorMessageSubmissionBlocked"}}`, fault.NeedsAdmin, "sender_blocked", "ErrorMessageSubmissionBlocked"},
		{"sender suspended", 400, `{"error":{"code":"ErrorAccountSuspendShowTierUpgrade"}}`, fault.NeedsAdmin, "sender_blocked", "ErrorAccountSuspendShowTierUpgrade"},
		{"taken for spam", 403, `{"error":{"code":"ErrorMessageBlocked"}}`, fault.UpstreamRefused, "taken_for_spam", "ErrorMessageBlocked"},
		{"recipients of a day", 403, `{"error":{"code":"ErrorExceededMaxRecipientLimit"}}`, fault.Throttled, "sending_limit", "ErrorExceededMaxRecipientLimit"},
		{"licence of the tenant", 403, `{"error":{"code":"Authentication_RequestFromNonPremiumTenantOrB2CTenant"}}`, fault.NotSupported, "licence_missing", "Authentication_RequestFromNonPremiumTenantOrB2CTenant"},
		{"token refused for good", 401, `{"error":{"code":"InvalidAuthenticationToken"}}`, fault.NeedsAdmin, "token_refused", "InvalidAuthenticationToken"},
		{"throttled", 429, `{"error":{"code":"ApplicationThrottled"}}`, fault.Throttled, "throttled", "ApplicationThrottled"},
		{"unknown code", 418, `{"error":{"code":"Teapot"}}`, fault.UpstreamRefused, "Teapot", "Teapot"},
		{"no body", 403, ``, fault.NeedsAdmin, "permission_missing", ""},
		{"not JSON", 400, `<html>`, fault.Invalid, "status_400", ""},
		{"the error is a text", 400, `{"error":"invalid_request"}`, fault.Invalid, "status_400", ""},
		{"old SharePoint", 404, `{"odata.error":{"code":"-2130575338, Microsoft.SharePoint.SPException","message":{"lang":"en","value":"x"}}}`, fault.NotFound, "-2130575338, Microsoft.SharePoint.SPException", "-2130575338, Microsoft.SharePoint.SPException"},
		{"a number as code", 400, `{"error":{"code":5006}}`, fault.Invalid, "status_400", ""},
	}
	var now situation
	c := graph.NewApplication(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if now.status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "0")
		}
		reply(w, now.status, now.body)
	}))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			now = test
			_, err := graph.Get[graph.Message](t.Context(), c.Client, c.User("ada").Message("1"))
			f := fault.As(err)
			if f.Kind != test.kind || f.Code != test.code {
				t.Fatalf("%s %s, want %s %s", f.Kind, f.Code, test.kind, test.code)
			}
			if f.Upstream.Code != test.ms || f.Upstream.Status != test.status || f.Upstream.RequestID != "rid" || f.Upstream.At.IsZero() {
				t.Errorf("upstream %+v", f.Upstream)
			}
			if f.Operation != "GET /users/{user-id}/messages/{message-id}" || f.Mode != "application" || f.Message == "" || f.Fix == "" || f.Who == "" {
				t.Errorf("it lacks something: %+v", f)
			}
		})
	}
}

func TestRefusalsNameThePermission(t *testing.T) {
	c := graph.NewApplication(serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 403, `{"error":{"code":"ErrorAccessDenied"}}`) }))
	err := graph.Call(t.Context(), c.Client, c.User("ada").Message("1").Sub("send"), nil)
	if want := "Grant Mail.Send (application): grant the permission and admin consent; if it is granted, add the mailbox to the app's scope in Exchange"; fault.As(err).Fix != want {
		t.Errorf("fix %q", fault.As(err).Fix)
	}
}

func TestTeamsRefusesAnAppWith401ThoughTheTokenIsFine(t *testing.T) {
	calls := 0
	c := graph.NewApplication(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		reply(w, 401, `{"error":{"code":"Unauthorized","message":"Message POST is allowed in application-only context only for import purposes."}}`)
	}))
	p := graph.At("teams").Item("team-id", "t").Sub("channels").Item("channel-id", "19:x@thread.tacv2").Sub("messages")
	_, err := graph.Post[struct{}](t.Context(), c.Client, p, map[string]any{"body": graph.ItemBody{Content: "x"}})
	f := fault.As(err)
	if f.Kind != fault.NotSupported || f.Code != "mode_not_supported" || calls != 1 || f.Upstream.Status != 401 {
		t.Errorf("%+v after %d calls", f, calls)
	}
}

func TestBudgetsOfOperations(t *testing.T) {
	limits := graph.Limits()
	g := wire.NewGovernor(clock.Real{}, limits, nil)
	cfg := serve(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `{"value":[]}`) })
	cfg.Wire.Governor = g
	c := graph.NewApplication(cfg)
	tests := []struct {
		name  string
		path  graph.Path
		class string
		part  string
		cost  int
		opts  []graph.Option
	}{
		{"mail", c.User("Ada@x").Messages(), "outlook", "ada@x", 1, nil},
		{"users", graph.At("users"), "directory", "", 2, nil},
		{"users, selected, small page", graph.At("users"), "directory", "", 1, []graph.Option{graph.Select("id"), graph.Top(5)}},
		{"members of a group", graph.At("groups").Item("group-id", "g").Sub("transitiveMembers"), "directory", "", 5, nil},
		{"sign-ins", graph.At("auditLogs", "signIns"), "reports.identity", "", 1, nil},
		{"permissions of a site", graph.At("sites").Item("site-id", "s").Sub("permissions"), "sharepoint", "", 5, nil},
		{"one file", graph.At("drives").Item("drive-id", "d").Sub("items").Item("driveItem-id", "i"), "sharepoint", "", 1, nil},
		{"list of files", graph.At("drives").Item("drive-id", "d").Sub("items").Item("driveItem-id", "i").Sub("children"), "sharepoint", "", 2, nil},
		{"subscriptions", graph.At("subscriptions"), "subscriptions.list", "", 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := wire.Key{Class: test.class, Tenant: "tenant", App: "app", Part: test.part}
			before := g.Remaining(k).Used
			if _, err := graph.Get[struct{}](t.Context(), c.Client, test.path, test.opts...); err != nil {
				t.Fatal(err)
			}
			if used := g.Remaining(k).Used - before; used != test.cost {
				t.Errorf("it cost %d of %s, want %d", used, test.class, test.cost)
			}
		})
	}
	if r := g.Remaining(c.MailboxBudget("ADA@x")); r.Left != 9_999 || r.Reset.Before(time.Now()) {
		t.Errorf("remaining %+v", r)
	}
}

func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{`{"error":{"code":"A","innerError":{"code":"B","request-id":"r"}}}`, `{"error":{"code":""}}`, `{"error":[]}`, `null`, `{"error":{"innererror":{"innererror":{}}}}`} {
		f.Add(s, 404)
	}
	f.Fuzz(func(t *testing.T, body string, status int) {
		r := wire.Request{Operation: "GET /users"}
		got := graph.Decode(wire.Refusal{Request: &r, Status: status, Header: http.Header{}, Body: []byte(body)})
		if got.Kind == "" || got.Code == "" || got.Message == "" || got.Fix == "" {
			t.Errorf("%d %q: %+v", status, body, got)
		}
	})
}

func FuzzBatchAnswer(f *testing.F) {
	f.Add(`{"responses":[{"id":"1","status":200,"headers":{"A":"b"},"body":{}}]}`)
	f.Add(`{"responses":[{"id":"x"},null,{"id":"1","body":"AAA"}]}`)
	f.Fuzz(func(_ *testing.T, body string) { _ = graph.DecodeBatch([]byte(body)) })
}

func FuzzDeltaPage(f *testing.F) {
	f.Add(`{"value":[{"id":"1"},{"id":"2","@removed":{"reason":"deleted"}}],"@odata.deltaLink":"x"}`)
	f.Add(`{"value":[1,null,"@removed"],"@odata.nextLink":"x"}`)
	f.Fuzz(func(t *testing.T, body string) {
		p, err := graph.DecodeDelta([]byte(body))
		if err == nil && p.Link == "" {
			t.Errorf("%q gave a page without a link", body)
		}
		if err == nil {
			if _, err := json.Marshal(p); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestEveryLimitIsDescribed(t *testing.T) {
	for class := range graph.Limits() {
		if what, unit := graph.BudgetWords(class); what == class || unit == "" {
			t.Errorf("%s has no words", class)
		}
	}
}
