package sim

import "testing"

func TestSites(t *testing.T) {
	c := start(t)
	app, poor, chosen, administration := c.appToken("Seneschal"), c.appToken("Seneschal to repair"), c.appToken("Seneschal for chosen sites"), c.appToken("Administration of sites")
	person := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access Sites.ReadWrite.All").str("access_token")
	const (
		host     = "/sites/contoso.sharepoint.com"
		projects = host + ":/sites/projects"
		archive  = host + ":/sites/archive"
		board    = host + ":/sites/board"
		orders   = projects + ":/lists/Work%20orders"
	)
	byID := "/sites/" + c.graph(app, "GET", projects, nil).str("id")
	library := "/drives/" + c.graph(app, "GET", archive+":/drives", nil).list()[0]["id"].(string)
	boards := "/drives/" + c.graph(app, "GET", board+":/drives", nil).list()[0]["id"].(string)
	item := func(fields map[string]any) map[string]any { return map[string]any{"fields": fields} }
	newList := func(title, template string) map[string]any {
		return map[string]any{"displayName": title, "list": map[string]any{"template": template}}
	}
	page := map[string]any{"@odata.type": "#microsoft.graph.sitePage", "name": "news.aspx", "title": "News"}
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"without the permission", poor, "GET", projects, nil, 403, "accessDenied"},
		{"the topmost site", app, "GET", "/sites/root", nil, 200, ""},
		{"by host", app, "GET", host, nil, 200, ""},
		{"by id", app, "GET", byID, nil, 200, ""},
		{"a site that is none", app, "GET", host + ":/sites/none", nil, 404, "itemNotFound"},
		{"a site below", app, "GET", host + ":/sites/projects/field", nil, 200, ""},
		{"as a member", person, "GET", projects, nil, 200, ""},
		{"as somebody who is no member", person, "GET", board, nil, 403, "accessDenied"},
		{"the library of somebody else's site", person, "GET", boards + "/root", nil, 403, "accessDenied"},
		{"all sites as a person", person, "GET", "/sites/getAllSites", nil, 403, "accessDenied"},
		{"grants without full control", app, "GET", byID + "/permissions", nil, 403, "accessDenied"},
		{"grants by a chosen app", chosen, "GET", byID + "/permissions", nil, 403, "accessDenied"},
		{"grants with full control", administration, "GET", byID + "/permissions", nil, 200, ""},
		{"a role that is none", administration, "POST", byID + "/permissions", map[string]any{"roles": []any{"manage"}, "grantedToIdentities": []any{}}, 400, "invalidRequest"},
		{"granted to nobody", administration, "POST", byID + "/permissions", map[string]any{"roles": []any{"read"}, "grantedToIdentities": []any{}}, 400, "invalidRequest"},
		{"a grant that is none", administration, "GET", byID + "/permissions/99", nil, 404, "itemNotFound"},
		{"chosen: its site", chosen, "GET", projects, nil, 200, ""},
		{"chosen: another site", chosen, "GET", board, nil, 403, "accessDenied"},
		{"chosen: the topmost site", chosen, "GET", "/sites/root", nil, 403, "accessDenied"},
		{"chosen: search", chosen, "GET", "/sites?search=projects", nil, 403, "accessDenied"},
		{"chosen: all sites", chosen, "GET", "/sites/getAllSites", nil, 403, "accessDenied"},
		{"chosen: an item with the role write", chosen, "POST", orders + "/items", item(map[string]any{"Title": "x"}), 201, ""},
		{"chosen: a list with the role write", chosen, "POST", projects + ":/lists", newList("x", "genericList"), 403, "accessDenied"},
		{"chosen: the library of a site to read", chosen, "GET", library + "/root/children", nil, 200, ""},
		{"chosen: a folder in a site to read", chosen, "POST", library + "/root/children", map[string]any{"name": "x", "folder": map[string]any{}}, 403, "accessDenied"},
		{"chosen: the library of another site", chosen, "GET", boards + "/root", nil, 403, "accessDenied"},
		{"the library a site has by itself", app, "GET", archive + ":/drive/root", nil, 200, ""},
		{"a list by its title", app, "GET", orders, nil, 200, ""},
		{"a list that is none", app, "GET", projects + ":/lists/None", nil, 404, "itemNotFound"},
		{"a list's name is the server's", app, "POST", projects + ":/lists", map[string]any{"name": "Books", "list": map[string]any{"template": "genericList"}}, 400, "invalidRequest"},
		{"a template that is none", app, "POST", projects + ":/lists", newList("Books", "generic"), 400, "invalidRequest"},
		{"a title that is taken", app, "POST", projects + ":/lists", newList("work orders", "genericList"), 409, "nameAlreadyExists"},
		{"a list with the name of another", app, "PATCH", orders, map[string]any{"displayName": "Documents"}, 409, "nameAlreadyExists"},
		{"a system list", app, "DELETE", projects + ":/lists/Workflow%20history", nil, 403, "accessDenied"},
		{"a column without a type", app, "POST", orders + "/columns", map[string]any{"name": "A"}, 400, "invalidRequest"},
		{"a column of two types", app, "POST", orders + "/columns", map[string]any{"name": "A", "text": map[string]any{}, "number": map[string]any{}}, 400, "invalidRequest"},
		{"a column twice", app, "POST", orders + "/columns", map[string]any{"name": "hours", "text": map[string]any{}}, 409, "nameAlreadyExists"},
		{"another type for a column", app, "PATCH", orders + "/columns/Hours", map[string]any{"text": map[string]any{}}, 400, "invalidRequest"},
		{"the column of titles deleted", app, "DELETE", orders + "/columns/Title", nil, 400, "invalidRequest"},
		{"a filter on an index", app, "GET", orders + "/items?$filter=fields/Site%20eq%20'Harbour'", nil, 200, ""},
		{"a filter without an index", app, "GET", orders + "/items?$filter=fields/Hours%20gt%201", nil, 400, "invalidRequest"},
		{"a filter on no column", app, "GET", orders + "/items?$filter=fields/None%20eq%201", nil, 400, "invalidRequest"},
		{"an item with a field that is none", app, "POST", orders + "/items", item(map[string]any{"None": "x"}), 400, "invalidRequest"},
		{"an item with a wrong type", app, "POST", orders + "/items", item(map[string]any{"Hours": "two"}), 400, "invalidRequest"},
		{"an item that is none", app, "GET", orders + "/items/99", nil, 404, "itemNotFound"},
		{"the items of a library", app, "GET", archive + ":/lists/Documents/items", nil, 501, "NotImplemented"},
		{"a page of no type", app, "POST", projects + ":/pages", map[string]any{"name": "a.aspx", "title": "A"}, 400, "invalidRequest"},
		{"a page with no name of one", app, "POST", projects + ":/pages", map[string]any{"@odata.type": "#microsoft.graph.sitePage", "name": "a", "title": "A"}, 400, "invalidRequest"},
		{"a page", app, "POST", projects + ":/pages", page, 201, ""},
		{"a page twice", app, "POST", projects + ":/pages", page, 409, "nameAlreadyExists"},
		{"a page that is none", app, "GET", projects + ":/pages/none/microsoft.graph.sitePage", nil, 404, "itemNotFound"},
		{"columns of a site are not played", app, "GET", projects + ":/columns", nil, 501, "NotImplemented"},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status || a.str("error", "code") != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.raw, tt.status, tt.code)
		}
	}
}

// A filter on a column without an index passes with the preference alone, lists of the system are named to whoever asks for them, and fields
// come where they are expanded.
func TestListsAsTheyAreAskedFor(t *testing.T) {
	c := start(t)
	app := c.appToken("Seneschal")
	const lists = "/sites/contoso.sharepoint.com:/sites/projects:/lists"
	const items = lists + "/Work%20orders/items"
	if n := len(c.graph(app, "GET", lists, nil).list()); n != 2 {
		t.Errorf("%d lists, want the library and the work orders", n)
	}
	if n := len(c.graph(app, "GET", lists+"?$select=displayName,system", nil).list()); n != 3 {
		t.Errorf("%d lists with those of the system", n)
	}
	for _, tt := range []struct {
		name, query, prefer string
		want                int
	}{
		{"all", "", "", 3},
		{"by an index", "?$filter=fields/Site%20eq%20'Harbour'", "", 2},
		{"without an index", "?$filter=fields/Hours%20gt%201", "HonorNonIndexedQueriesWarningMayFailRandomly", 2},
		{"a page", "?$top=2", "", 2},
	} {
		a := c.graph(app, "GET", items+tt.query, nil, "Prefer", tt.prefer)
		if got := a.list(); len(got) != tt.want || got[0]["fields"] != nil {
			t.Errorf("%s: got %d %s", tt.name, a.status, a.raw)
		}
	}
	if f := c.graph(app, "GET", items+"/1?$expand=fields($select=Hours)", nil); f.str("fields", "Title") != "" || f.str("fields", "id") != "1" {
		t.Errorf("got %s", f.raw)
	}
}
