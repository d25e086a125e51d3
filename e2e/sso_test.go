package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
	"seneschal/internal/sim/person"
	"seneschal/internal/sim/trouble"
	"seneschal/internal/store"
)

const alice = "admin@contoso.example"

// passwords of the world contoso.
var passwords = map[string]string{alice: "Admin-Pass-1", ada: "Ada-Pass-1", ben: "Ben-Pass-1", "chloe@contoso.example": "Chloe-Pass-1", "dmitri@contoso.example": "Dmitri-Pass-1",
	"emma@contoso.example": "Emma-Pass-1", "intern@contoso.example": "Intern-Pass-1", "paula@fabrikam.example": "Paula-Pass-1"}

// The tenant people come from, and the app registration they sign in to.
const (
	ssoTenant = "6f1c2b7e-3a54-4d0e-9b7a-1c5e8f2d4a10"
	ssoClient = "0a9d6c1e-72f4-4c39-8b1d-5e3f7a2c9d02"
)

// anotherTenant is listed where a hub should have several; nobody is in it.
const anotherTenant = "11111111-2222-4333-8444-555555555555"

// singleSignOn is a hub that people of contoso sign in to with Microsoft.
func singleSignOn(t *testing.T, o app.TestOptions, settings ...string) *app.Hub {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("contoso-delegated-secret~2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Change = func(s map[string]string) {
		s["SSO_ISSUER"], s["SSO_CLIENT_ID"], s["SSO_CLIENT_SECRET_FILE"], s["SSO_TENANTS"] = s["LOGIN_URL"]+"/{tenantid}/v2.0", ssoClient, secret, ssoTenant
		for i := 0; i+1 < len(settings); i += 2 {
			s[settings[i]] = settings[i+1]
		}
	}
	return app.StartForTest(t, o)
}

// byGroup are the settings for roles by group.
func byGroup(t *testing.T, h *app.Hub) []string {
	t.Helper()
	ids := map[string]string{}
	groups, err := h.Cloud.State("contoso", "groups")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		ids[g["displayName"].(string)] = g["id"].(string)
	}
	return []string{"SSO_ROLE_CLAIM", "groups", "SSO_ADMIN", strings.ToUpper(ids["Hub admins"]), "SSO_MEMBER", ids["Hub members"], "SSO_VIEWER", ids["Hub viewers"]}
}

// visitor is a browser of somebody's.
type visitor struct {
	t       *testing.T
	h       *app.Hub
	browser *person.Browser
}

func visit(t *testing.T, h *app.Hub) visitor {
	t.Helper()
	return visitor{t, h, person.New(h.Cloud.HTTPClient().Transport)}
}

// open goes to a page of the hub.
func (v visitor) open(path string) person.Page {
	v.t.Helper()
	page, err := v.browser.SignIn(v.t.Context(), v.h.Server.URL()+path, "", "", "/")
	if err != nil {
		v.t.Fatal(err)
	}
	return page
}

// signIn walks through Microsoft's pages, and gives the page of the hub where it ends: the own account, or why not.
func (v visitor) signIn(account string) person.Page {
	v.t.Helper()
	page, err := v.browser.SignIn(v.t.Context(), v.h.Server.URL()+"/auth/microsoft/login?return=/account", account, passwords[account], "/account")
	if err != nil && page.URL != nil && page.URL.Path == "/auth/microsoft/callback" {
		return page // a refusal has no form to go on with
	}
	if err != nil {
		v.t.Fatal(err)
	}
	return page
}

func profile(t *testing.T, h *app.Hub, name string) access.Profile {
	t.Helper()
	p, err := h.Access.Profile(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Who signs in, and what Microsoft says of them, decides the role; where it cannot be told, nobody comes in.
func TestRolesComeFromMicrosoft(t *testing.T) {
	groups := byGroup(t, app.StartForTest(t, app.TestOptions{}))
	several := []string{"SSO_TENANTS", ssoTenant + "," + anotherTenant}
	for _, tt := range []struct {
		name, account string
		settings      []string
		fault         *sim.Fault
		role          access.Role
		says          string // where there is no role
	}{
		{name: "an app role", account: alice, role: access.Admin},
		{name: "another app role", account: ada, role: access.Member},
		{name: "the least app role", account: ben, role: access.Viewer},
		{name: "an app role given to a group", account: "chloe@contoso.example", role: access.Member},
		{name: "no app role", account: "emma@contoso.example", says: "no role in this hub"},
		{name: "several tenants", account: ada, settings: several, role: access.Member},
		{name: "a tenant that is not listed", account: "paula@fabrikam.example", settings: several, says: "People of your organisation do not sign in"},
		{name: "a group, its id in capitals", account: alice, settings: groups, role: access.Admin},
		{name: "a group in a group", account: "chloe@contoso.example", settings: groups, role: access.Member},
		{name: "no group", account: "emma@contoso.example", settings: groups, says: "no role in this hub"},
		{name: "too many groups for a token", account: "dmitri@contoso.example", settings: groups, role: access.Member},
		{name: "too many groups, and Graph does not answer", account: "dmitri@contoso.example", settings: groups, says: "Your role cannot be told",
			fault: &sim.Fault{Match: trouble.Match{Path: "/v1.0/me/transitiveMemberOf"}, Kind: "status", Status: 403, Times: 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := singleSignOn(t, app.TestOptions{}, tt.settings...)
			if tt.fault != nil {
				if err := h.Cloud.Fault(*tt.fault); err != nil {
					t.Fatal(err)
				}
			}
			page := visit(t, h).signIn(tt.account)
			people, err := h.Access.Profiles(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if tt.role == "" {
				if page.Status < 400 || !strings.Contains(page.Text, tt.says) || len(people) != 0 {
					t.Errorf("got %d %s, %d people; want %q and nobody", page.Status, page.Text, len(people), tt.says)
				}
				return
			}
			if page.Status != 200 || len(people) != 1 || people[0].Role != tt.role || people[0].Microsoft == nil {
				t.Errorf("got %d %s\n%+v, want role %s", page.Status, page.Text, people, tt.role)
			}
		})
	}
}

// A person is an entry of a directory, whatever it is called today; the role is read anew each time.
func TestTheSamePersonComesBack(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := singleSignOn(t, app.TestOptions{Engine: engine})
			assign := func(account string, roles ...string) {
				t.Helper()
				if err := h.Cloud.Assign("contoso", ssoClient, account, roles...); err != nil {
					t.Fatal(err)
				}
			}
			// Somebody of the same name was here before, and has nothing to do with it.
			if _, err := h.Access.AddPerson(t.Context(), access.Local("test"), "Ada Lovelace", access.Admin); err != nil {
				t.Fatal(err)
			}
			adas := visit(t, h)
			if page := adas.signIn(ada); page.Status != 200 {
				t.Fatalf("%d %s", page.Status, page.Text)
			}
			first := profile(t, h, "Ada Lovelace (ada@contoso.example)")
			if want := []string{"ada.lovelace@contoso.example", "ada@contoso.example", "field1@contoso.example"}; first.Role != access.Member || !slices.Equal(first.Addresses, want) {
				t.Errorf("got %s %v, want member %v", first.Role, first.Addresses, want)
			}
			assign(ada, "Seneschal.Viewer")
			if page := visit(t, h).signIn(ada); page.Status != 200 || !strings.Contains(page.Text, "viewer") {
				t.Errorf("with another role: %d %s", page.Status, page.Text)
			}
			if again := profile(t, h, first.ID); again.Role != access.Viewer || len(again.Sessions) != 2 {
				t.Errorf("got %s and %d sessions, want viewer and 2", again.Role, len(again.Sessions))
			}
			if page := adas.open("/account"); !strings.Contains(page.Text, "viewer") {
				t.Errorf("the session before keeps the old role: %s", page.Text)
			}
			assign(ada)
			if page := visit(t, h).signIn(ada); page.Status != 403 || !strings.Contains(page.Text, "no role") {
				t.Errorf("without a role: %d %s", page.Status, page.Text)
			}
			if page := adas.open("/account"); page.URL.Path != "/login" {
				t.Errorf("a session outlived its role: %s", page.URL)
			}
			entries, err := h.Audit.List(t.Context(), 0, 1)
			if err != nil || entries[0].Action != "person.sign_in" || entries[0].Outcome != "refused" || entries[0].Detail["code"] != "no_role" {
				t.Errorf("the record: %+v %v", entries, err)
			}
			if v, err := h.Audit.Verify(t.Context()); err != nil || !v.OK {
				t.Errorf("%+v %v", v, err)
			}
		})
	}
}

func TestTheLastAdminIsNeverDemotedSilently(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	if page := visit(t, h).signIn(alice); page.Status != 200 {
		t.Fatalf("%d %s", page.Status, page.Text)
	}
	if err := h.Cloud.Assign("contoso", ssoClient, alice, "Seneschal.Viewer"); err != nil {
		t.Fatal(err)
	}
	page := visit(t, h).signIn(alice)
	if page.Status != 409 || !strings.Contains(page.Text, "is the last admin here, and Microsoft says viewer now") || !strings.Contains(page.Text, "seneschal person add NAME --role admin") {
		t.Errorf("got %d %s", page.Status, page.Text)
	}
	if p := profile(t, h, "Alice Admin"); p.Role != access.Admin {
		t.Errorf("the role became %s", p.Role)
	}
	if _, err := h.Access.AddPerson(t.Context(), access.Local("test"), "another", access.Admin); err != nil {
		t.Fatal(err)
	}
	if page := visit(t, h).signIn(alice); page.Status != 200 || profile(t, h, "Alice Admin").Role != access.Viewer {
		t.Errorf("with another admin: %d %s", page.Status, page.Text)
	}
}

// Nobody becomes an admin by being first: the first one comes by the link that the host prints, and may then add a Microsoft account.
func TestTheFirstAdminAddsAMicrosoftAccount(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	if page := visit(t, h).signIn(ben); page.Status != 200 || profile(t, h, "Ben Okafor").Role != access.Viewer {
		t.Fatalf("the first to come: %d %s", page.Status, page.Text)
	}
	first, err := h.Access.AddPerson(t.Context(), access.Local("test"), "first", access.Admin)
	if err != nil {
		t.Fatal(err)
	}
	add := func(by access.Person, account string) (access.Arrival, error) {
		t.Helper()
		browser := access.NewBrowser()
		link, err := h.SSO.Begin(t.Context(), access.Attempt{Browser: browser, Person: by.ID, ReturnTo: "/account"})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(link, "prompt=select_account") {
			t.Errorf("Microsoft would choose the account by itself: %s", link)
		}
		return h.SSO.Finish(t.Context(), answer(t, h, link, account, browser, by.ID))
	}
	if _, err := h.Access.AddPerson(t.Context(), access.Local("test"), "second", access.Admin); err != nil {
		t.Fatal(err)
	}
	if _, err := add(first, ben); fault.CodeOf(err) != "account_taken" {
		t.Errorf("somebody else's account: %v", err)
	}
	if back, err := add(first, alice); err != nil || !back.Added {
		t.Fatalf("%+v %v", back, err)
	}
	if page := visit(t, h).signIn(alice); page.Status != 200 || !strings.Contains(page.Text, "first") {
		t.Errorf("the account leads to %s", page.Text)
	}
	if _, err := add(first, ada); fault.CodeOf(err) != "other_account" {
		t.Errorf("a second account: %v", err)
	}
	if _, err := h.Access.SetRole(t.Context(), access.Local("test"), "first", access.Viewer); fault.CodeOf(err) != "role_from_microsoft" {
		t.Errorf("a role given here: %v", err)
	}
}

// An address that is somebody's here becomes nobody else's because a directory says so.
func TestAnAddressIsTakenFromNobodySilently(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := singleSignOn(t, app.TestOptions{Engine: engine})
			other, err := h.Access.AddPerson(t.Context(), access.Local("test"), "other", access.Admin)
			if err != nil {
				t.Fatal(err)
			}
			by := access.Local("test")
			if _, err := h.Customers.AddTechnician(t.Context(), by, other, "FIELD1@contoso.example"); err != nil {
				t.Fatal(err)
			}
			page := visit(t, h).signIn(ada)
			p := profile(t, h, "Ada Lovelace")
			if !strings.Contains(page.Text, "field1@contoso.example is yours, and here it is somebody else's") || slices.Contains(p.Addresses, "field1@contoso.example") ||
				len(p.Contested) != 1 || p.Contested[0].Holder != other.ID {
				t.Errorf("%s\n%+v", page.Text, p)
			}
			if err := h.Access.MoveAddress(t.Context(), by, "field1@contoso.example", p.ID); fault.CodeOf(err) != "address_entered" {
				t.Errorf("moved over an admin's entry: %v", err)
			}
			if err := h.Customers.RemoveTechnician(t.Context(), by, "field1@contoso.example"); err != nil {
				t.Fatal(err)
			}
			if err := h.Access.MoveAddress(t.Context(), by, "field1@contoso.example", p.ID); err != nil {
				t.Fatal(err)
			}
			if err := h.Access.MoveAddress(t.Context(), by, "ben@contoso.example", p.ID); fault.KindOf(err) != fault.Invalid {
				t.Errorf("an address that nobody proved: %v", err)
			}
			if p = profile(t, h, p.ID); !slices.Contains(p.Addresses, "field1@contoso.example") || len(p.Contested) != 0 {
				t.Errorf("%+v", p)
			}
			if _, err := h.Customers.AddTechnician(t.Context(), by, other, "Ada@contoso.example"); fault.KindOf(err) != fault.Invalid {
				t.Errorf("entered for somebody else: %v", err)
			}
		})
	}
}

// A directory's entry may hold anybody's address; only what lies in a domain that the tenant has proven to own is the person's.
func TestAnAddressOfAForeignDomainIsNotVerified(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	if err := h.Cloud.Assign("contoso", ssoClient, "intern@contoso.example", "Seneschal.Viewer"); err != nil {
		t.Fatal(err)
	}
	entries, err := h.Cloud.State("contoso", "users")
	if err != nil || !slices.ContainsFunc(entries, func(u map[string]any) bool { return u["mail"] == "nora@northwind.example" }) {
		t.Fatalf("the world has nobody with a customer's address: %v", err)
	}
	if page := visit(t, h).signIn("intern@contoso.example"); page.Status != 200 {
		t.Fatalf("%d %s", page.Status, page.Text)
	}
	if p := profile(t, h, "Ivo Intern"); !slices.Equal(p.Addresses, []string{"intern@contoso.example"}) {
		t.Errorf("verified: %v", p.Addresses)
	}
}

// What people may see follows from the addresses of their sign-in, and from nothing else.
func TestVerifiedAddressesDecideWhatIsSeen(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	linedUp(t, h)
	deliver(t, h, ben, "For Ben's alias", "Nora <nora@northwind.example>", "B.Okafor@contoso.example")
	deliver(t, h, ada, "For Ada", "Nora <nora@northwind.example>", ada)
	walked(t, h)
	c, err := h.Customers.Lookup(t.Context(), "Northwind")
	if err != nil {
		t.Fatal(err)
	}
	bens := visit(t, h)
	bens.signIn(ben)
	page := bens.open("/customers/" + c.ID)
	if !strings.Contains(page.Text, "For Ben's alias") || strings.Contains(page.Text, "For Ada") {
		t.Errorf("Ben sees: %s", page.Text)
	}
	// The directory does not answer at the next sign-in: what was verified before stays, and no more.
	if err := h.Cloud.Fault(sim.Fault{Match: trouble.Match{Path: "/v1.0/me"}, Kind: "status", Status: 403, Times: 10}); err != nil {
		t.Fatal(err)
	}
	again := visit(t, h)
	if page := again.signIn(ben); page.Status != 200 || !strings.Contains(page.Text, "could not be verified now") {
		t.Errorf("%d %s", page.Status, page.Text)
	}
	if page := again.open("/customers/" + c.ID); !strings.Contains(page.Text, "For Ben's alias") {
		t.Errorf("Ben sees: %s", page.Text)
	}
	newcomer := visit(t, h)
	newcomer.signIn(ada)
	if page := newcomer.open("/customers/" + c.ID); strings.Contains(page.Text, "For Ada") {
		t.Errorf("an address that nobody verified shows: %s", page.Text)
	}
	h.Cloud.ClearFaults()
	newcomer.signIn(ada)
	if page := newcomer.open("/customers/" + c.ID); !strings.Contains(page.Text, "For Ada") || strings.Contains(page.Text, "alias") {
		t.Errorf("Ada sees: %s", page.Text)
	}
}

// answer walks through Microsoft's pages, and gives what the browser would bring back, without the hub seeing it.
func answer(t *testing.T, h *app.Hub, link, account, browser, by string) access.Answer {
	t.Helper()
	page, err := person.New(elsewhere{h.Cloud.HTTPClient().Transport, h.Server.URL()}).SignIn(t.Context(), link, account, passwords[account], "/auth/microsoft/callback")
	if err != nil {
		t.Fatal(err)
	}
	q := page.URL.Query()
	return access.Answer{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Description: q.Get("error_description"), Browser: browser, Person: by}
}

// elsewhere answers for the hub in its place.
type elsewhere struct {
	http.RoundTripper
	hub string
}

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.String(), e.hub) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r, Header: http.Header{}}, nil
	}
	return e.RoundTripper.RoundTrip(r)
}
