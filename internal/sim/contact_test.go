package sim

import (
	"net/url"
	"testing"
)

func TestContacts(t *testing.T) {
	c := start(t)
	app, poor := c.appToken("Seneschal"), c.appToken("Seneschal to repair")
	person := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access Contacts.ReadWrite").str("access_token")
	k := c.graph(app, "POST", ada+"/contacts", map[string]any{"givenName": "Pavel", "surname": "Bansky", "emailAddresses": []any{map[string]any{"address": "pavel@bansky.example", "name": "P"}}})
	if k.status != 201 || k.str("displayName") != "Pavel Bansky" || k.str("@odata.etag") == "" {
		t.Fatalf("got %d %s", k.status, k.raw)
	}
	path := ada + "/contacts/" + k.str("id")
	filter := func(f string) string { return ada + "/contacts?$filter=" + url.QueryEscape(f) }
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"without the permission", poor, "GET", path, nil, 403, "ErrorAccessDenied"},
		{"somebody else's, as a person", person, "GET", "/users/ben@contoso.example/contacts", nil, 403, "ErrorAccessDenied"},
		{"one's own, as a person", person, "GET", "/me/contacts/" + k.str("id"), nil, 200, ""},
		{"an app has no me", app, "GET", "/me/contacts", nil, 400, "BadRequest"},
		{"no mailbox", app, "GET", "/users/intern@contoso.example/contacts", nil, 404, "MailboxNotEnabledForRESTAPI"},
		{"an id that is none", app, "GET", ada + "/contacts/nonsense", nil, 400, "ErrorInvalidIdMalformed"},
		{"by address", app, "GET", filter("emailAddresses/any(a:a/address eq 'pavel@bansky.example')"), nil, 200, ""},
		{"by the name of an address", app, "GET", filter("emailAddresses/any(a:a/name eq 'P')"), nil, 400, "ErrorInvalidUrlQueryFilter"},
		{"by the beginning of an address", app, "GET", filter("emailAddresses/any(a:startswith(a/address,'pavel'))"), nil, 400, "ErrorInvalidUrlQueryFilter"},
		{"a page that is too long", app, "GET", ada + "/contacts?$top=1001", nil, 400, "BadRequest"},
		{"a property that is none", app, "PATCH", path, map[string]any{"fax": "1"}, 400, "RequestBodyRead"},
		{"a number for a name", app, "PATCH", path, map[string]any{"givenName": 1}, 400, "ErrorPropertyValidationFailure"},
		{"null for a list", app, "PATCH", path, map[string]any{"businessPhones": nil}, 400, "ErrorPropertyValidationFailure"},
		{"a third phone", app, "PATCH", path, map[string]any{"businessPhones": []any{"1", "2", "3"}}, 400, "ErrorPropertyValidationFailure"},
		{"null for a name", app, "PATCH", path, map[string]any{"nickName": nil}, 200, ""},
		{"no photo", app, "GET", path + "/photo", nil, 404, "ErrorItemNotFound"},
		{"a photo that is none", app, "PUT", path + "/photo/$value", map[string]any{}, 400, "ErrorInvalidRequest"},
		{"a folder without a name", app, "POST", ada + "/contactFolders", map[string]any{}, 400, "ErrorInvalidRequest"},
		{"changes of all folders", app, "GET", ada + "/contacts/delta", nil, 501, "NotImplemented"},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status || a.str("error", "code") != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.raw, tt.status, tt.code)
		}
	}
	if a := c.graph(app, "PATCH", path, map[string]any{"nickName": "late"}, "If-Match", k.str("@odata.etag")); a.status != 412 {
		t.Errorf("a change of an older version: got %d", a.status)
	}
	if a := c.graph(app, "GET", filter("emailAddresses/any(a:a/address eq 'pavel@bansky.example')"), nil); len(a.list()) != 1 {
		t.Errorf("by address: got %s", a.raw)
	}
}

// A part of an address that a PATCH leaves out stays: the client writes addresses whole.
func TestAContactsAddressIsMerged(t *testing.T) {
	c := start(t)
	app := c.appToken("Seneschal")
	k := c.graph(app, "POST", ada+"/contacts", map[string]any{"displayName": "x", "homeAddress": map[string]any{"city": "Prague", "street": "1"}})
	a := c.graph(app, "PATCH", ada+"/contacts/"+k.str("id"), map[string]any{"homeAddress": map[string]any{"city": "Brno"}})
	if a.str("homeAddress", "city") != "Brno" || a.str("homeAddress", "street") != "1" {
		t.Errorf("got %s", a.raw)
	}
}
