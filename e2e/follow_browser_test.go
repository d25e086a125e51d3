package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/store"
)

// The page of feeds shows drives, contacts, and each site with its libraries and lists; what they are called is for admins.
func TestFollowedFilesInTheConsole(t *testing.T) {
	h := following(t, store.SQLite, false)
	p := browser(t)
	p.enter(h)
	p.do(chromedp.Navigate(h.Server.URL()+"/feeds"), see("table"))
	has(t, "the page", p.text("main"), ada, projects, "OneDrive", "contact folders", "contacts", "libraries and lists", "Documents", orders, "asks every")
	p.do(press(`button[aria-label="Sync `+orders+` of `+projects+` now"]`, "table"))
	has(t, "the page after a button", p.text("main"), "being walked")
	p.sound(h, map[string]string{"feeds-files": "/feeds"})
	p.do(chromedp.Navigate(h.Server.URL()+"/feeds?q=ben"), see("main"))
	has(t, "the page of nobody followed", p.text("main"), "No feed is like that")

	viewer := browser(t)
	someone := staff(t, h, "Ben", access.Viewer, ben)
	token, err := h.Access.LoginLink(t.Context(), access.Local("test"), someone.Name)
	if err != nil {
		t.Fatal(err)
	}
	viewer.do(chromedp.Navigate(h.Server.URL()+"/login?token="+token.Reveal()), click("main button"), see(".tiles"), chromedp.Navigate(h.Server.URL()+"/feeds"), see("table"))
	text := viewer.text("main")
	has(t, "a viewer's page", text, "A site of SharePoint", "OneDrive")
	if strings.Contains(text, orders) || strings.Contains(text, projects) {
		t.Errorf("a viewer is told what lists and sites are called: %s", text)
	}
}
