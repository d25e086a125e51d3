package sim

import "testing"

func TestDrive(t *testing.T) {
	c := start(t)
	app, poor := c.appToken("Seneschal"), c.appToken("Seneschal to repair")
	person := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access Files.ReadWrite").str("access_token")
	const root = ada + "/drive/root"
	documents := c.graph(app, "GET", root+":/documents", nil)
	if documents.status != 200 || documents.str("name") != "Documents" || documents.str("eTag") == "" || documents.str("parentReference", "id") == "" {
		t.Fatalf("by path: got %d %s", documents.status, documents.raw)
	}
	item := ada + "/drive/items/" + documents.str("id")
	byDrive := "/drives/" + c.graph(app, "GET", ada+"/drive", nil).str("id")
	bens := "/drives/" + c.graph(app, "GET", "/users/ben@contoso.example/drive", nil).str("id")
	folder := func(name, conflict string) map[string]any {
		return map[string]any{"name": name, "folder": map[string]any{}, "@microsoft.graph.conflictBehavior": conflict}
	}
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"without the permission", poor, "GET", root, nil, 403, "accessDenied"},
		{"somebody else's, as a person", person, "GET", "/users/ben@contoso.example/drive/root", nil, 403, "accessDenied"},
		{"somebody else's by its id, as a person", person, "GET", bens + "/root", nil, 403, "accessDenied"},
		{"one's own, as a person", person, "GET", "/me/drive/root:/Documents:/children", nil, 200, ""},
		{"by the drive's id", app, "GET", byDrive + "/root:/Documents/Welcome.txt", nil, 200, ""},
		{"below an item", app, "GET", item + ":/Welcome.txt", nil, 200, ""},
		{"a drive that is none", app, "GET", "/drives/none/root", nil, 404, "itemNotFound"},
		{"nobody's licence", app, "GET", "/users/intern@contoso.example/drive", nil, 404, "ResourceNotFound"},
		{"an item that is none", app, "GET", ada + "/drive/items/none", nil, 404, "itemNotFound"},
		{"a path that is none", app, "GET", root + ":/a/b", nil, 404, "itemNotFound"},
		{"a name that is taken", app, "POST", root + "/children", folder("documents", "fail"), 409, "nameAlreadyExists"},
		{"a way that is none", app, "POST", root + "/children", folder("documents", "ask"), 400, "invalidRequest"},
		{"a name that cannot be", app, "POST", root + "/children", folder("a:b", "fail"), 400, "invalidRequest"},
		{"no folder", app, "POST", root + "/children", map[string]any{"name": "x"}, 400, "invalidRequest"},
		{"into a file", app, "POST", root + ":/Documents/Welcome.txt:/children", folder("x", "fail"), 404, "itemNotFound"},
		{"into itself", app, "PATCH", item, map[string]any{"parentReference": map[string]any{"id": documents.str("id")}}, 400, "invalidRequest"},
		{"the root renamed", app, "PATCH", ada + "/drive/items/root", map[string]any{"name": "x"}, 403, "accessDenied"},
		{"the root deleted", app, "DELETE", ada + "/drive/items/root", nil, 403, "accessDenied"},
		{"checked out by a person", person, "POST", "/me/drive/root:/Documents/Welcome.txt:/checkout", map[string]any{}, 204, ""},
		{"changed by another", app, "PATCH", root + ":/Documents/Welcome.txt", map[string]any{"name": "x.txt"}, 423, "notAllowed"},
		{"deleted by another", app, "DELETE", root + ":/Documents/Welcome.txt", nil, 423, "notAllowed"},
		{"written by another", app, "PUT", root + ":/Documents/Welcome.txt:/content", map[string]any{"a": 1}, 423, "notAllowed"},
		{"changed by oneself", person, "PATCH", "/me/drive/root:/Documents/Welcome.txt", map[string]any{"name": "Hello.txt"}, 200, ""},
		{"checked out again", app, "POST", root + ":/Documents/Hello.txt:/checkout", map[string]any{}, 423, "notAllowed"},
		{"checked in by another", app, "POST", root + ":/Documents/Hello.txt:/checkin", map[string]any{}, 423, "notAllowed"},
		{"checked in as something else", person, "POST", "/me/drive/root:/Documents/Hello.txt:/checkin", map[string]any{"checkInAs": "draft"}, 400, "invalidRequest"},
		{"checked in", person, "POST", "/me/drive/root:/Documents/Hello.txt:/checkin", map[string]any{}, 204, ""},
		{"checked in twice", person, "POST", "/me/drive/root:/Documents/Hello.txt:/checkin", map[string]any{}, 400, "invalidRequest"},
		{"discarded without a check-out", app, "POST", root + ":/Documents/Hello.txt:/discardCheckout", nil, 400, "invalidRequest"},
		{"a folder checked out", app, "POST", item + "/checkout", nil, 400, "invalidRequest"},
		{"labels of a text", app, "POST", root + ":/Documents/Hello.txt:/extractSensitivityLabels", nil, 400, "notSupported"},
		{"written then", app, "PUT", root + ":/Documents/Hello.txt:/content", map[string]any{"a": 1}, 200, ""},
		{"a new file", app, "PUT", root + ":/Documents/New.txt:/content", map[string]any{"a": 1}, 201, ""},
		{"into a folder that is none", app, "PUT", root + ":/None/New.txt:/content", map[string]any{"a": 1}, 404, "itemNotFound"},
		{"the bytes of a folder", app, "GET", root + ":/Documents:/content", nil, 400, "invalidRequest"},
		{"renamed", app, "PATCH", item, map[string]any{"name": "Papers"}, 200, ""},
		{"retention labels are not played", app, "GET", item + "/retentionLabel", nil, 501, "NotImplemented"},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status || a.str("error", "code") != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.raw, tt.status, tt.code)
		}
	}
}

// SharePoint and OneDrive count resource units of their own: graph/FACTS §3.1.
func TestDriveUnits(t *testing.T) {
	c := start(t)
	if err := c.SetLimits(Limits{DriveUnits: 4}); err != nil {
		t.Fatal(err)
	}
	app := c.appToken("Seneschal")
	for i, want := range []int{200, 200, 429} { // two units each
		if a := c.graph(app, "GET", ada+"/drive/root/children", nil); a.status != want {
			t.Errorf("call %d: got %d, want %d", i, a.status, want)
		}
	}
	if a := c.graph(app, "GET", "/organization", nil); a.status != 200 {
		t.Errorf("the directory: got %d", a.status)
	}
}
