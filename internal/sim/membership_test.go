package sim

import (
	"slices"
	"strings"
	"testing"
)

// What an ID token says of roles and groups: id-token-claims-reference.md.
func TestIDTokensNameRolesAndGroups(t *testing.T) {
	c := start(t)
	app := c.app("Seneschal sign-in")
	for _, tt := range []struct {
		name, upn string
		before    func() error
		roles     string
		groups    int // -1: too many
	}{
		{"a role of one's own", "ada@contoso.example", nil, "Seneschal.Member", 1},
		{"a role given to a group; a group in a group", "chloe@contoso.example", nil, "Seneschal.Member", 2},
		{"neither", "emma@contoso.example", nil, "", 0},
		{"too many groups", "dmitri@contoso.example", nil, "", -1},
		{"another role", "ada@contoso.example", func() error {
			return c.Assign("contoso", app.ClientID, "ada@contoso.example", "Seneschal.Viewer", "Seneschal.Admin")
		}, "Seneschal.Admin Seneschal.Viewer", 1},
		{"the role taken away", "ada@contoso.example", func() error { return c.Assign("contoso", app.ClientID, "ada@contoso.example") }, "", 1},
	} {
		if tt.before != nil {
			if err := tt.before(); err != nil {
				t.Fatal(err)
			}
		}
		a := c.signIn(app, tt.upn, "openid profile User.Read")
		id := claimsOf(t, a.str("id_token"))
		var roles []string
		list, _ := id["roles"].([]any)
		for _, r := range list {
			roles = append(roles, r.(string))
		}
		groups, _ := id["groups"].([]any)
		names, _ := id["_claim_names"].(map[string]any)
		if strings.Join(roles, " ") != tt.roles || tt.groups >= 0 && len(groups) != tt.groups || (tt.groups < 0) != (names["groups"] == "src1") || id["sid"] == nil {
			t.Errorf("%s: got %v", tt.name, id)
		}
	}
	if err := c.Assign("contoso", app.ClientID, "ada@contoso.example", "Seneschal.King"); err == nil {
		t.Error("a role that the application does not have was given")
	}
}

func TestGroupsOfThePersonAreListed(t *testing.T) {
	c := start(t)
	token := c.signIn(c.app("Seneschal sign-in"), "chloe@contoso.example", "openid User.Read").str("access_token")
	direct, all := c.graph(token, "GET", "/me/memberOf", nil), c.graph(token, "GET", "/me/transitiveMemberOf", nil)
	if len(direct.list()) != 1 || len(all.list()) != 2 {
		t.Errorf("directly in %d, in all in %d groups; want 1 and 2", len(direct.list()), len(all.list()))
	}
	for _, g := range all.list() { // User.Read alone does not read groups
		if g["id"] == nil || g["displayName"] != nil || g["@odata.type"] != "#microsoft.graph.group" {
			t.Errorf("got %v", g)
		}
	}
	token = c.signIn(c.app("Seneschal sign-in"), "dmitri@contoso.example", "openid User.Read").str("access_token")
	var ids []string
	for link := "/me/transitiveMemberOf?$select=id"; link != ""; {
		page := c.graph(token, "GET", link, nil)
		for _, g := range page.list() {
			ids = append(ids, g["id"].(string))
		}
		link, _ = page.json["@odata.nextLink"].(string)
	}
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 206 {
		t.Errorf("got %d groups over the pages, want 206", n)
	}
}
