package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/customer"
	"seneschal/internal/m365"
)

// enterAs signs somebody in by a one-time link.
func (p page) enterAs(h *app.Hub, name string) {
	p.t.Helper()
	token, err := h.Access.LoginLink(p.t.Context(), access.Local("test"), name)
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.Navigate(h.Server.URL()+"/login?token="+token.Reveal()), click("main button"), see(".tiles"))
}

// A member previews, follows, opens and gives up their own mailbox; an admin sees that it is followed, and opens nothing of it.
func TestAnOwnMailboxInTheConsole(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	if _, err := h.Customers.Add(t.Context(), access.Local("test"), customer.Form{Name: "Northwind", Domains: []string{"northwind.example"}}); err != nil {
		t.Fatal(err)
	}
	owner := staff(t, h, "Ada", access.Member, ada)
	c := h.Connect(ownForm(h, "mine", owner, m365.Mail))
	signsIn(t, h, owner, "mine", ada)
	deliver(t, h, ada, "Only hers", nora, ada)
	hers, boss := browser(t), browser(t)
	hers.enterAs(h, "Ada")
	hers.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), see(`form[action$="/follow"]`), click(`form[action$="/preview#preview"] button`), see("#preview"))
	has(t, "the preview", hers.text("#preview"), "Would keep", "Northwind", "Nothing was kept now")
	hers.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), click(`form[action$="/follow"] button`), see(`form[action$="/unfollow"]`))
	has(t, "what following means", hers.text("main"), "ada@contoso.example", "for the person alone", "shared and other people's mailboxes")
	waitUntil(t, "her mailbox is followed", func() bool {
		h.Time.Advance(time.Second)
		return len(feedsOf(t, h, ada)) > 2 && with(mails(t, h), "Only hers") == 1
	})
	staff(t, h, "boss", access.Admin, "")
	boss.enterAs(h, "boss")
	boss.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), see("#main"))
	if text := boss.text("main"); strings.Contains(text, "Follow my mailbox") {
		t.Errorf("an admin is offered to follow it: %s", text)
	}
	boss.do(chromedp.Navigate(h.Server.URL()+"/mailboxes"), see("#main"))
	has(t, "the mailboxes", boss.text("main"), "ada@contoso.example", "their own connection")
	boss.do(chromedp.Navigate(h.Server.URL()+"/feeds"), see("#main"))
	feeds := boss.text("main")
	has(t, "the feeds", feeds, "ada@contoso.example", "connection", "asks every")
	if strings.Contains(feeds, "Inbox") {
		t.Errorf("an admin reads the names of her folders: %s", feeds)
	}
	customers, err := h.Customers.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const open = `button[aria-label="Open Only hers"]`
	for who, p := range map[string]page{"herself": hers, "an admin": boss} {
		p.do(chromedp.Navigate(h.Server.URL()+"/customers/"+customers[0].ID), see("#main"))
		has(t, "the customer's page of "+who, p.text("main"), "Only hers")
		p.do(click(open), see(".problem, .body"))
		if got := strings.Contains(p.text("main"), "Only Ada can open this here"); got != (who == "an admin") {
			t.Errorf("%s opens it: %s", who, p.text("main"))
		}
	}
	hers.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), click(`form:has(input[value="followfiles"]) button`), see(`form[action$="/unfollow"]:has(input[value="followfiles"])`))
	has(t, "what is missing now", hers.text("main"), "sign in and accept")
	signsIn(t, h, owner, "mine", ada)
	hers.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), see("#main"))
	has(t, "her files", hers.text("main"), "Changes of my files are told", "Nobody is told of changes of my contacts")
	hers.sound(h, map[string]string{"own-connection": "/connections/" + c.ID, "own-feeds": "/feeds"})
	boss.sound(h, map[string]string{"own-wizard": "/connections/new?who=person&data=this_tenant&service=timeline", "own-mailboxes": "/mailboxes"})
	hers.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), click(`form[action$="/unfollow"]:not(:has(input)) button`), see(`form[action$="/follow"]:not(:has(input))`),
		click(`form:has(input[value="followfiles"]) button`), see(`form[action$="/follow"]:has(input[value="followfiles"])`))
	waitUntil(t, "nothing is left of it", func() bool { h.Time.Advance(time.Second); return len(feedsOf(t, h, ada)) == 0 && len(mails(t, h)) == 0 })
}
