package sim

import "testing"

// An app to which Exchange itself gives roles for some mailboxes: no token names them, and outside of these mailboxes it is refused.
func TestExchangeLetsAnAppIntoSomeMailboxes(t *testing.T) {
	c := start(t)
	scoped, wide := c.appToken("Seneschal for chosen mailboxes"), c.appToken("Seneschal")
	const admin = "/users/admin@contoso.example"
	watch := func(box string) map[string]any {
		return map[string]any{"changeType": "created", "notificationUrl": "https://hub.example/notify", "resource": box + "/messages", "expirationDateTime": c.Now().AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z")}
	}
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"mail inside", scoped, "GET", ada + "/mailFolders/inbox", nil, 200, ""},
		{"mail inside, by another address", scoped, "GET", "/users/field1@contoso.example/mailFolders/inbox", nil, 200, ""},
		{"the calendar inside", scoped, "GET", ada + "/events", nil, 200, ""},
		{"a contact inside", scoped, "POST", ada + "/contacts", map[string]any{"givenName": "Pavel"}, 201, ""},
		{"settings inside", scoped, "GET", ada + "/mailboxSettings", nil, 200, ""},
		{"mail outside", scoped, "GET", admin + "/mailFolders/inbox", nil, 403, "ErrorAccessDenied"},
		{"the calendar outside", scoped, "GET", admin + "/events", nil, 403, "ErrorAccessDenied"},
		{"a contact outside", scoped, "POST", admin + "/contacts", map[string]any{"givenName": "Pavel"}, 403, "ErrorAccessDenied"},
		{"settings outside", scoped, "GET", admin + "/mailboxSettings", nil, 403, "ErrorAccessDenied"},
		{"tasks have no role: the token's permission counts", scoped, "GET", admin + "/todo/lists", nil, 200, ""},
		{"files have no role", scoped, "GET", ada + "/drive", nil, 403, "accessDenied"},
		{"people are read by the token's permission", scoped, "GET", admin, nil, 200, ""},
		{"a tenant-wide grant reaches all", wide, "GET", admin + "/mailFolders/inbox", nil, 200, ""},
		{"a subscription outside", scoped, "POST", "/subscriptions", watch("users/admin@contoso.example"), 403, "ExtensionError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status || a.str("error", "code") != tt.code {
				t.Errorf("got %d %s", a.status, a.raw)
			}
		})
	}
}
