package e2e

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// A list of teams and what was found of it are kept on both databases, and replaced as a whole.
func TestListedTeamsAreKept(t *testing.T) {
	both(t, func(t *testing.T, engine store.Engine) {
		h := app.StartForTest(t, app.TestOptions{Engine: engine})
		f := h.Form("contoso", "Seneschal", m365.Teams)
		f.Teams = []string{"Management", "Field Service"}
		c := h.Connect(f)
		if !slices.Equal(c.Teams, []string{"Field Service", "Management"}) || c.TeamStates[0].Status != connection.TeamFound || c.TeamStates[0].CheckedAt.IsZero() {
			t.Fatalf("got %+v", c.TeamStates)
		}
		id := c.TeamStates[1].ID
		after, _, err := h.Connections.Change(t.Context(), access.Local("test"), c.ID, connection.Edit{Teams: &[]string{"Management"}})
		if err != nil || len(after.TeamStates) != 1 || after.TeamStates[0].ID != id || !after.ReachesTeam(id) || after.ReachesTeam(c.TeamStates[0].ID) {
			t.Errorf("got %+v %v", after.TeamStates, err)
		}
		all, err := h.Connections.List(t.Context())
		if err != nil || len(all) != 1 || !slices.Equal(all[0].Teams, []string{"Management"}) {
			t.Errorf("listed: %+v %v", all, err)
		}
	})
}

// An admin sees the teams of a connection with what Microsoft says of each, and changes the list.
func TestListedTeamsInTheConsole(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	c := h.Connect(h.Form("contoso", "Seneschal", m365.Teams))
	p := browser(t)
	p.enter(h)
	p.do(chromedp.Navigate(h.Server.URL()+"/connections/"+c.ID), see(`form[action$="/teams"]`))
	has(t, "the page", p.text("main"), "Teams it may reach", "All that the permissions reach.")
	p.do(fill(`form[action$="/teams"] textarea`, "Field Service\nNowhere"), press(`form[action$="/teams"] button`, `form[action$="/teams"]`))
	has(t, "the page with a list", p.text("main"), "Field Service", "found", "There is no team of this id or name: Nowhere")
	after, err := h.Connections.Lookup(t.Context(), c.ID)
	if err != nil || !slices.Equal(after.Teams, []string{"Field Service", "Nowhere"}) {
		t.Errorf("got %+v, %v", after.TeamStates, err)
	}
}
