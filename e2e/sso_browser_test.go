package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/store"
)

// atMicrosoft fills in Microsoft's page.
func atMicrosoft(account string) []step {
	return []step{see(`input[name="account"]`), fill(`input[name="account"]`, account), fill(`input[name="password"]`, passwords[account]), click(`button[type="submit"]`)}
}

// Who comes from Microsoft sees what the role says, ends where they wanted to be, and leaves wholly.
func TestSigningInWithMicrosoftInABrowser(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			h := singleSignOn(t, app.TestOptions{Engine: engine})
			for _, tt := range []struct {
				account string
				role    access.Role
			}{{alice, access.Admin}, {ada, access.Member}, {ben, access.Viewer}} {
				p := browser(t)
				p.do(chromedp.Navigate(h.Server.URL()+"/customers"), see("#microsoft"), click("#microsoft"))
				p.do(atMicrosoft(tt.account)...)
				p.do(see("nav"))
				at := get(p, chromedp.Location())
				nav := p.text("nav")
				if !strings.HasSuffix(at, "/customers") || !strings.Contains(nav, "· "+string(tt.role)) || strings.Contains(nav, "People") != (tt.role == access.Admin) {
					t.Errorf("%s: at %s with %s", tt.account, at, nav)
				}
				p.do(chromedp.Navigate(h.Server.URL()+"/people"), see("#main"))
				if text := p.text("main"); strings.Contains(text, "Add a person") != (tt.role == access.Admin) {
					t.Errorf("%s sees of People: %s", tt.account, text)
				}
				p.do(chromedp.Navigate(h.Server.URL()+"/account"), see("#sessions"))
				has(t, "the account of "+tt.account, p.text("main"), tt.account, "(this one)", "Microsoft")
				p.do(click(".who button"), see("#away"))
				has(t, "signed out", p.text("main"), "You are signed out of Seneschal", "sign out there, too")
				p.do(click("#away"), see("#microsoft"), click("#microsoft"), see(`input[name="password"]`)) // Microsoft asks anew
			}
			refused := browser(t)
			refused.do(chromedp.Navigate(h.Server.URL()), see("#microsoft"), click("#microsoft"))
			refused.do(atMicrosoft("emma@contoso.example")...)
			refused.do(see(".problem"))
			has(t, "without a role", refused.text("main"), "You have no role in this hub", "Who can: an administrator of your organisation", "emma@contoso.example")
		})
	}
}

func TestThePagePeople(t *testing.T) {
	h := singleSignOn(t, app.TestOptions{})
	other, err := h.Access.AddPerson(t.Context(), access.Local("test"), "Olga Operator", access.Admin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Customers.AddTechnician(t.Context(), access.Local("test"), other, "field1@contoso.example"); err != nil {
		t.Fatal(err)
	}
	visit(t, h).signIn(ada)
	if err := h.Customers.RemoveTechnician(t.Context(), access.Local("test"), "field1@contoso.example"); err != nil {
		t.Fatal(err)
	}
	bens := visit(t, h)
	bens.signIn(ben)
	p := browser(t)
	p.do(chromedp.Navigate(h.Server.URL()+"/people"), see("#microsoft"), click("#microsoft"))
	p.do(atMicrosoft(alice)...)
	p.do(see("table"))
	has(t, "the people", p.text("main"), "Ada Lovelace", "with Microsoft as ada@contoso.example", "ada.lovelace@contoso.example", "1 to settle", "Olga Operator", "with a link", "never")
	adas, bensID := profile(t, h, "Ada Lovelace").ID, profile(t, h, "Ben Okafor").ID
	p.sound(h, map[string]string{"people": "/people", "person": "/people/" + adas, "person-link": "/people/" + other.ID, "account": "/account", "login-signed-in": "/login"})
	visitor := browser(t)
	visitor.sound(h, map[string]string{"login-microsoft": "/login?signed_out=microsoft", "no-state": "/auth/microsoft/callback?state=person.x"})
	// An address that is contested is settled by an admin.
	p.do(chromedp.Navigate(h.Server.URL()+"/people/"+adas), see("#sessions"))
	has(t, "Ada's page", p.text("main"), "field1@contoso.example is this person's at Microsoft", "The role comes from Microsoft")
	p.do(press(fmt.Sprintf(`form[action="/people/%s/move-address"] button`, adas), ".flash"))
	has(t, "settled", p.text("main"), "field1@contoso.example is this person's now.")
	// Ben is signed out everywhere, at once.
	p.do(chromedp.Navigate(h.Server.URL()+"/people/"+bensID), see("#sessions"), press(fmt.Sprintf(`form[action="/people/%s/end-sessions"] button`, bensID), ".flash"))
	has(t, "Ben's page", p.text("#sessions"), "In no browser.")
	if page := bens.open("/account"); page.URL.Path != "/login" {
		t.Errorf("Ben is at %s", page.URL)
	}
	// Somebody who signs in with a link: added, made a member, and told how to come in.
	p.do(chromedp.Navigate(h.Server.URL()+"/people"), see("#add"), fill(`input[name="name"]`, "Lena Link"), click("#add button"), see("#role"))
	has(t, "Lena's page", p.text("main"), `seneschal person login-link "Lena Link"`, "Then Lena Link reads the hub and communications with an own address, and acts through own connections.")
	lena := profile(t, h, "Lena Link").ID
	p.do(click("#make-member button"), see("#make-viewer"))
	if got := profile(t, h, lena).Role; got != access.Member {
		t.Errorf("Lena is %s", got)
	}
	// Whoever signs in with a link may add a Microsoft account.
	o := browser(t)
	token, err := h.Access.LoginLink(t.Context(), access.Local("test"), "Lena Link")
	if err != nil {
		t.Fatal(err)
	}
	o.do(chromedp.Navigate(h.Server.URL()+"/login?token="+token.Reveal()), click("main button"), see(".tiles"), click(`a[href="/account"]`), see(`form[action="/account/microsoft"]`),
		click(`form[action="/account/microsoft"] button`), see("#open-link"), click("#open-link"))
	o.do(atMicrosoft("chloe@contoso.example")...)
	o.do(see(".flash"))
	has(t, "Lena's account", o.text("main"), "From now on you sign in with Microsoft.", "chloe@contoso.example")
	// Whoever is removed is signed out.
	p.do(chromedp.Navigate(h.Server.URL()+"/people/"+lena), see("details"), click("main section:last-of-type details summary"), see(".danger"), click(".danger"), see("#add"))
	if text := p.text("main table"); strings.Contains(text, "Lena") {
		t.Errorf("Lena is still there: %s", text)
	}
	o.do(chromedp.Navigate(h.Server.URL()+"/account"), see("#microsoft"))
}
