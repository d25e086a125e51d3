package sim

import (
	"net/http"
	"strings"
	"testing"
)

func TestSharingDrives(t *testing.T) {
	c := start(t)
	app, poor := c.appToken("Seneschal"), c.appToken("Seneschal to repair")
	person := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access Files.ReadWrite").str("access_token")
	const file, mine = ada + "/drive/root:/Documents/Welcome.txt:", "/me/drive/root:/Documents/Welcome.txt:"
	invitation := func(to string, roles ...any) map[string]any {
		return map[string]any{"recipients": []any{map[string]any{"email": to}}, "roles": roles}
	}
	owner := c.graph(app, "GET", file+"/permissions", nil).list()[0]["id"].(string)
	bens := c.graph(app, "GET", "/users/ben@contoso.example/drive", nil).str("id")
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"without the permission", poor, "GET", file + "/permissions", nil, 403, "accessDenied"},
		{"somebody else's, as a person", person, "GET", "/users/ben@contoso.example/drive/root:/Documents:/permissions", nil, 403, "accessDenied"},
		{"the owner's, deleted", app, "DELETE", file + "/permissions/" + owner, nil, 400, "invalidRequest"},
		{"one that is none", app, "GET", file + "/permissions/none", nil, 404, "itemNotFound"},
		{"a link", app, "POST", file + "/createLink", map[string]any{"type": "view"}, 201, ""},
		{"the same link again", app, "POST", file + "/createLink", map[string]any{"type": "view"}, 200, ""},
		{"another app's link of that kind", person, "POST", mine + "/createLink", map[string]any{"type": "view"}, 201, ""},
		{"a link to embed", app, "POST", file + "/createLink", map[string]any{"type": "embed"}, 400, "invalidRequest"},
		{"a new guest, by an app", app, "POST", file + "/invite", invitation("new@elsewhere.example", "read"), 403, "accessDenied"},
		{"a new guest, by a person", person, "POST", mine + "/invite", invitation("new@elsewhere.example", "read"), 200, ""},
		{"a role that is none", app, "POST", file + "/invite", invitation("ben@contoso.example", "owner"), 400, "invalidRequest"},
		{"nobody", app, "POST", file + "/invite", map[string]any{"roles": []any{"read"}}, 400, "invalidRequest"},
		{"a copy under a name that is taken", app, "POST", file + "/copy", map[string]any{}, 409, "nameAlreadyExists"},
		{"a copy into a folder's own inside", app, "POST", ada + "/drive/root:/Documents:/copy", map[string]any{"parentReference": map[string]any{"id": c.graph(app, "GET", ada+"/drive/root:/Documents", nil).str("id")}}, 400, "invalidRequest"},
		{"a copy into somebody else's drive, by an app", app, "POST", file + "/copy", map[string]any{"parentReference": map[string]any{"driveId": bens}}, 202, ""},
		{"a copy into somebody else's drive, by a person", person, "POST", mine + "/copy", map[string]any{"parentReference": map[string]any{"driveId": bens}}, 403, "accessDenied"},
		{"changes since nonsense", app, "GET", ada + "/drive/root/delta?token=nonsense", nil, 410, "resyncChangesApplyDifferences"},
		{"pictures of a text", app, "GET", file + "/thumbnails", nil, 200, ""},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status || a.str("error", "code") != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.raw, tt.status, tt.code)
		}
	}
}

// The folders above what changed are told, too, unless they are not wanted.
func TestADrivesChangesNameTheFoldersAbove(t *testing.T) {
	c := start(t)
	app := c.appToken("Seneschal")
	latest := c.graph(app, "GET", ada+"/drive/root/delta?token=latest", nil)
	if len(latest.list()) != 0 {
		t.Fatalf("latest: %s", latest.raw)
	}
	_, token, _ := strings.Cut(latest.str("@odata.deltaLink"), "?")
	c.graph(app, "PUT", ada+"/drive/root:/Documents/New.txt:/content", map[string]any{"a": 1})
	var names []string
	for _, i := range c.graph(app, "GET", ada+"/drive/root/delta?"+token, nil).list() {
		names = append(names, i["name"].(string))
	}
	if got := strings.Join(names, " "); got != "root Documents New.txt" {
		t.Errorf("got %q", got)
	}
}

// What is pre-signed is its own proof, on another host than Graph's: a token is refused there.
func TestPresignedAddressesRefuseTokens(t *testing.T) {
	c := start(t)
	app := c.appToken("Seneschal")
	copied := c.graph(app, "POST", ada+"/drive/root:/Documents:/copy", map[string]any{"name": "Copied"})
	monitor := copied.header.Get("Location")
	if copied.status != http.StatusAccepted || strings.HasPrefix(monitor, c.ready.GraphURL) {
		t.Fatalf("got %d, watched at %s", copied.status, monitor)
	}
	for token, want := range map[string]int{"": http.StatusAccepted, app: http.StatusUnauthorized} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, monitor, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		a, err := c.HTTPClient().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = a.Body.Close(); a.StatusCode != want {
			t.Errorf("with a token %t: got %d", token != "", a.StatusCode)
		}
	}
}

// A work account lets a token beside an upload address pass, as rclone has long sent one; that it came is counted.
func TestATokenBesideAnUploadAddressIsCounted(t *testing.T) {
	c := start(t)
	app := c.appToken("Seneschal")
	session := c.graph(app, "POST", ada+"/drive/root:/Counted.txt:/createUploadSession", map[string]any{})
	a := c.do("PUT", session.str("uploadUrl"), strings.NewReader("12345"), http.Header{"Authorization": {"Bearer " + app}, "Content-Range": {"bytes 0-4/5"}})
	if n := c.Counters()["tokens_at_presigned_addresses"]; a.status != http.StatusCreated || n != 1 {
		t.Errorf("got %d, and %d tokens counted", a.status, n)
	}
	again := c.graph(app, "POST", ada+"/drive/root:/Counted.txt:/createUploadSession", map[string]any{}) // nothing is said of the file that is there
	if a := c.do("PUT", again.str("uploadUrl"), strings.NewReader("1234567"), http.Header{"Content-Range": {"bytes 0-6/7"}}); a.status != http.StatusOK {
		t.Errorf("the file there: got %d %s", a.status, a.raw)
	}
}
