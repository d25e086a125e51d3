package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"

	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/m365"
)

// An admin sees the sites of a connection with what Microsoft says of each, changes the list, and is given the script that grants them.
func TestSitesInTheConsole(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	f := h.Form("chosen", "Seneschal for chosen sites", m365.SharePoint)
	f.Sites, f.SitesSelected = []string{"https://contoso.sharepoint.com/sites/projects"}, true
	c := h.Connect(f)
	p := browser(t)
	p.enter(h)
	p.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), see(`form[action$="/sites"]`))
	has(t, "the page", p.text("main"), "https://contoso.sharepoint.com/sites/projects", "Script that grants the app these sites")
	p.do(fill(`form[action$="/sites"] textarea`, "https://contoso.sharepoint.com/sites/projects\nhttps://contoso.sharepoint.com/sites/board"), press(`form[action$="/sites"] button`, `form[action$="/sites"]`))
	has(t, "the page with a site that is not granted", p.text("main"), "not let in", "was granted no role on https://contoso.sharepoint.com/sites/board")
	p.do(click(`form[action$="/sites"] ~ details summary`))
	has(t, "the script", p.text(`form[action$="/sites"] ~ details`), "Connect-MgGraph", "/v1.0/sites/contoso.sharepoint.com:/sites/board")
	after, err := h.Connections.Lookup(t.Context(), c.ID)
	if err != nil || len(after.SiteStates) != 2 || !after.SitesSelected || after.SiteStates[0].Status != connection.SiteDenied {
		t.Errorf("got %+v, %v", after.SiteStates, err)
	}
}
