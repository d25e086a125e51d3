package sim

import (
	"testing"
)

func TestDirectory(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	for _, tt := range []struct {
		name, path string
		header     []string
		status     int
		code       string // of an error
		items      int    // -1: not a list
	}{
		{"organization", "/organization?%24select=displayName", nil, 200, "", 1},
		{"users", "/users", nil, 200, "", 10},
		{"users by top", "/users?$top=3", nil, 200, "", 3},
		{"one by address", "/users/ada@contoso.example", nil, 200, "", -1},
		{"one by alias filter", "/users?$filter=proxyAddresses/any(p:p eq 'smtp:field1@contoso.example')", nil, 200, "", 1},
		{"starts with", "/users?$filter=startswith(displayName,'A')", nil, 200, "", 2},
		{"ne without the header", "/users?$filter=jobTitle ne 'Technician'", nil, 400, "Request_UnsupportedQuery", 0},
		{"ne with header and count", "/users?$count=true&$filter=userType ne 'Guest'", []string{"ConsistencyLevel", "eventual"}, 200, "", 10},
		{"search without the header", "/users?$search=\"displayName:ada\"", nil, 400, "Request_UnsupportedQuery", 0},
		{"search", "/users?$search=\"displayName:ada\"", []string{"ConsistencyLevel", "eventual"}, 200, "", 1},
		{"unknown user", "/users/nobody@contoso.example", nil, 404, "Request_ResourceNotFound", 0},
		{"bad filter", "/users?$filter=displayName is 'x'", nil, 400, "Request_BadRequest", 0},
		{"own registration", "/applications?$filter=appId eq '" + c.app("Seneschal").ClientID + "'", nil, 200, "", 1},
		{"by the other key", "/servicePrincipals(appId='" + c.app("Seneschal").ClientID + "')", nil, 200, "", -1},
		{"domains", "/domains", nil, 200, "", 1},
		{"licences", "/subscribedSkus", nil, 200, "", 1},
		{"unlicensed mailbox", "/users/intern@contoso.example/mailboxSettings", nil, 404, "MailboxNotEnabledForRESTAPI", 0},
		{"not granted", "/auditLogs/signIns", nil, 403, "Authorization_RequestDenied", 0},
		{"unknown segment", "/nonsense", nil, 400, "BadRequest", 0},
		{"granted but not played", "/users/ada@contoso.example/events/delta", nil, 501, "NotImplemented", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := c.graph(token, "GET", spaces(tt.path), nil, tt.header...)
			if a.status != tt.status || a.str("error", "code") != tt.code {
				t.Fatalf("got %d %s, want %d %s", a.status, a.raw, tt.status, tt.code)
			}
			if tt.code == "" && tt.items >= 0 && len(a.list()) != tt.items {
				t.Errorf("got %d items, want %d: %s", len(a.list()), tt.items, a.raw)
			}
			if a.header.Get("request-id") == "" {
				t.Error("no request-id")
			}
		})
	}
	if a := c.graph("", "GET", "/users", nil); a.status != 401 || a.str("error", "code") != "InvalidAuthenticationToken" || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("without token: got %d %s", a.status, a.raw)
	}
	page := c.graph(token, "GET", "/users?$top=6", nil)
	rest := c.graph(token, "GET", page.str("@odata.nextLink"), nil)
	if len(page.list()) != 6 || len(rest.list()) != 4 || rest.json["@odata.nextLink"] != nil {
		t.Errorf("paging: got %d and %d users", len(page.list()), len(rest.list()))
	}
}

func spaces(path string) string {
	out := ""
	for _, r := range path {
		switch r {
		case ' ':
			out += "%20"
		case '"':
			out += "%22"
		default:
			out += string(r)
		}
	}
	return out
}

func TestUsersDelta(t *testing.T) {
	c := start(t)
	token := c.appToken("Seneschal")
	first := c.graph(token, "GET", "/users/delta?$select=displayName,accountEnabled", nil)
	if len(first.list()) != 10 || first.str("@odata.deltaLink") == "" {
		t.Fatalf("first round: got %s", first.raw)
	}
	if err := c.Fault(Fault{Kind: "user_disabled", User: "emma@contoso.example"}); err != nil {
		t.Fatal(err)
	}
	next := c.graph(token, "GET", first.str("@odata.deltaLink"), nil)
	if l := next.list(); len(l) != 1 || l[0]["accountEnabled"] != false {
		t.Errorf("after a change: got %s", next.raw)
	}
	if err := c.Advance(8 * 24 * 3600e9); err != nil {
		t.Fatal(err)
	}
	if old := c.graph(c.appToken("Seneschal"), "GET", first.str("@odata.deltaLink"), nil); old.status != 410 || old.str("error", "code") != "syncStateNotFound" {
		t.Errorf("after eight days: got %d %s", old.status, old.raw)
	}
}

func TestSecretRotation(t *testing.T) {
	c := start(t)
	app := c.app("Seneschal")
	// The good app may read applications only; an administrator adds the permission first.
	token := c.appToken(app.Name)
	found := c.graph(token, "GET", "/applications?$filter=appId%20eq%20'"+app.ClientID+"'", nil).list()
	if len(found) != 1 {
		t.Fatal("own registration not found")
	}
	if a := c.graph(token, "POST", "/applications/"+found[0]["id"].(string)+"/addPassword", map[string]any{}); a.status != 403 {
		t.Errorf("without Application.ReadWrite: got %d", a.status)
	}
}
