package sharepoint_test

import (
	"slices"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/sharepoint"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

const topmost = "https://contoso.sharepoint.com"

// A connection with a list of sites reaches these, and no request about another one leaves the hub.
func TestOnlyListedSitesAreReached(t *testing.T) {
	b := start(t)
	boardIs := bench.Do[sharepoint.Site](b, "sharepoint.site.get", bench.In{"site": board}).ID
	below := bench.Do[sharepoint.Sites](b, "sharepoint.subsite.list", bench.In{"site": projects}).Sites[0]
	c := b.Resite(bench.App, false, strings.ToUpper("https://contoso.sharepoint.com")[:8]+projects[8:]+"/")
	if len(c.SiteStates) != 1 || c.SiteStates[0].URL != projects || c.SiteStates[0].Status != connection.SiteFound || c.SiteStates[0].ID == "" || c.State != connection.Healthy {
		t.Fatalf("got %+v, %s", c.SiteStates, c.State)
	}
	for _, tt := range []struct {
		name, action string
		in           bench.In
		code         string
	}{
		{"listed, by address", "sharepoint.site.get", bench.In{"site": projects}, ""},
		{"listed, by an address in capitals", "sharepoint.site.get", bench.In{"site": "https://CONTOSO.sharepoint.com/Sites/Projects/"}, ""},
		{"listed, by id", "sharepoint.list.list", bench.In{"site": c.SiteStates[0].ID}, ""},
		{"another, by address", "sharepoint.site.get", bench.In{"site": board}, "site_not_listed"},
		{"another, by id", "sharepoint.list.list", bench.In{"site": boardIs}, "site_not_listed"},
		{"another, by an id in capitals", "sharepoint.list.list", bench.In{"site": strings.ToUpper(boardIs)}, "site_not_listed"},
		{"the topmost", "sharepoint.site.get", bench.In{"site": topmost}, "site_not_listed"},
		{"below a listed one, by address", "sharepoint.site.get", bench.In{"site": below.WebURL}, "site_not_listed"},
		{"below a listed one, by id", "sharepoint.list.list", bench.In{"site": below.ID}, "site_not_listed"},
		{"an item into another", "sharepoint.list_item.create", bench.In{"site": boardIs, "list": "Documents", "fields": bench.In{"Title": "x"}}, "site_not_listed"},
		{"search", "sharepoint.site.search", bench.In{"text": "projects"}, "site_search_not_supported"},
		{"all sites", "sharepoint.site.list", bench.In{}, "site_search_not_supported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.code == "" {
				if _, err := b.Call(tt.action, tt.in); err != nil {
					t.Error(err)
				}
				return
			}
			b.Silent(func() {
				if f := b.Refused(tt.action, tt.in); f.Code != tt.code || f.Fix == "" || f.Who == "" {
					t.Errorf("got %v, want %s", f, tt.code)
				}
			})
		})
	}
	b.Silent(func() {
		g := b.Client(t.Context(), bench.App)
		parts := []graph.Part{{Method: "GET", Path: graph.SiteWithID(c.SiteStates[0].ID).Lists()}, {Method: "GET", Path: graph.SiteWithID(boardIs).Lists()}}
		if _, err := g.Batch(t.Context(), parts); fault.CodeOf(err) != "site_not_listed" {
			t.Errorf("a batch with one part outside: %v", err)
		}
		for _, p := range []graph.Path{graph.At("sites"), graph.At("sites").Func("getAllSites")} {
			if _, err := graph.Get[struct{}](t.Context(), g, p); fault.CodeOf(err) != "site_search_not_supported" {
				t.Errorf("%s: %v", p, err)
			}
		}
	})
}

// A changed list holds for the next call.
func TestAChangedListHoldsAtOnce(t *testing.T) {
	b := start(t)
	b.Resite(bench.App, false, projects)
	projectsIs := bench.Do[sharepoint.Site](b, "sharepoint.site.get", bench.In{"site": projects}).ID
	b.Resite(bench.App, false, board)
	b.Silent(func() {
		for _, site := range []string{projects, projectsIs} {
			if f := b.Refused("sharepoint.site.get", bench.In{"site": site}); f.Code != "site_not_listed" {
				t.Errorf("%s, no longer listed: %v", site, f)
			}
		}
	})
	bench.Do[sharepoint.Lists](b, "sharepoint.list.list", bench.In{"site": board})
	b.Resite(bench.App, false, connection.EverySite)
	bench.Do[sharepoint.Site](b, "sharepoint.site.get", bench.In{"site": projectsIs})
}

// What a list of sites may hold. A wrong one changes nothing.
func TestAListOfSitesIsChecked(t *testing.T) {
	b := start(t)
	selected := true
	for _, tt := range []struct {
		name, connection string
		sites            []string
		selected         *bool
		field            string
	}{
		{"none, with the capability", bench.App, []string{}, nil, "sites"},
		{"all and one", bench.App, []string{projects, "*"}, nil, "sites"},
		{"too many", bench.App, slices.Repeat([]string{projects}, 501), nil, "sites"},
		{"no address", bench.App, []string{projects, archive, "projects"}, nil, "sites[2]"},
		{"no https", bench.App, []string{"http://contoso.sharepoint.com/sites/projects"}, nil, "sites[0]"},
		{"a query", bench.App, []string{projects + "?web=1"}, nil, "sites[0]"},
		{"a page", bench.App, []string{projects + "/SitePages/Home.aspx"}, nil, "sites[0]"},
		{"a port", bench.App, []string{"https://contoso.sharepoint.com:8443/sites/projects"}, nil, "sites[0]"},
		{"a way up", bench.App, []string{projects + "/../board"}, nil, "sites[0]"},
		{"twice, written differently", bench.App, []string{projects, "https://Contoso.SharePoint.com/sites/Projects/"}, nil, "sites[1]"},
		{"Sites.Selected for all", bench.App, []string{"*"}, &selected, "sites_selected"},
		{"Sites.Selected for a person", bench.Person, []string{projects}, &selected, "sites_selected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := b.Connections.Change(t.Context(), access.Local("bench"), tt.connection, connection.Edit{Sites: &tt.sites, SitesSelected: tt.selected})
			f := fault.As(err)
			if f == nil || !slices.ContainsFunc(f.Fields, func(f fault.Field) bool { return f.Name == tt.field }) {
				t.Errorf("got %v, want the field %s", err, tt.field)
			}
			if c, err := b.Connections.Lookup(t.Context(), tt.connection); err != nil || !c.ReachesEverySite() {
				t.Errorf("changed: %v %v", c.Sites, err)
			}
		})
	}
}

// lines are the doctor's by what they are about, and for sites by their address.
func lines(b *bench.Bench, name string) map[string]connection.Line {
	b.Helper()
	all, err := b.Connections.Doctor(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	out := map[string]connection.Line{}
	for _, l := range all {
		key := l.Capability
		if key == "site" {
			key = l.Title
		}
		out[key] = l
	}
	return out
}

// The doctor tells of each listed site whether it answers, and of Sites.Selected whether it holds.
func TestTheDoctorTellsOfSites(t *testing.T) {
	b := start(t)
	b.AddApp(bench.Chosen, m365.SharePoint)
	const none = "https://contoso.sharepoint.com/sites/none"
	type told struct {
		state connection.LineState
		code  string
	}
	for _, tt := range []struct {
		name, connection string
		selected         bool
		sites            []string
		want             map[string]told
		state            connection.State
	}{
		{"all answer", bench.App, false, []string{projects, archive}, map[string]told{"sharepoint": {connection.LineOK, ""}}, connection.Healthy},
		{"one is none of the tenant's", bench.App, false, []string{projects, none}, map[string]told{"sharepoint": {connection.LineOK, ""}, none: {connection.LineFailed, "site_unknown"}}, connection.Degraded},
		{"none answers", bench.App, false, []string{none}, map[string]told{"sharepoint": {connection.LineCannotTell, "no_site"}, none: {connection.LineFailed, "site_unknown"}}, connection.Degraded},
		{"one is others', as a person", bench.Person, false, []string{projects, board}, map[string]told{"sharepoint": {connection.LineOK, ""}, board: {connection.LineFailed, "site_denied"}}, connection.Degraded},
		{"granted", bench.Chosen, true, []string{projects, archive}, map[string]told{"sharepoint": {connection.LineOK, ""}, "sites_selected": {connection.LineOK, ""}}, connection.Healthy},
		{"one is not granted", bench.Chosen, true, []string{projects, board}, map[string]told{"sharepoint": {connection.LineOK, ""}, board: {connection.LineFailed, "site_not_granted"}, "sites_selected": {connection.LineOK, ""}}, connection.Degraded},
		{"the topmost is listed: nothing tells", bench.Chosen, true, []string{projects, topmost},
			map[string]told{"sharepoint": {connection.LineOK, ""}, topmost: {connection.LineFailed, "site_not_granted"}, "sites_selected": {connection.LineCannotTell, "no_other_site"}}, connection.Degraded},
		{"void by wide permissions", bench.App, true, []string{projects}, map[string]told{"sites_selected": {connection.LineAttention, "sites_selected_void"}}, connection.Healthy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.Resite(tt.connection, tt.selected, tt.sites...)
			got := lines(b, tt.connection)
			for about, want := range tt.want {
				l, ok := got[about]
				if !ok || l.State != want.state || l.Code != want.code {
					t.Errorf("%s: got %s %s %q (%v), want %v", about, l.State, l.Code, l.Cause, ok, want)
				}
				if l.State == connection.LineOK && l.Proof.RequestID == "" || l.State != connection.LineOK && (l.Cause == "" || l.Fix == "" || l.Who == "") {
					t.Errorf("%s: no proof, or no cause, fix and who: %+v", about, l)
				}
			}
			for about, l := range got {
				if _, expected := tt.want[about]; !expected && l.State == connection.LineFailed {
					t.Errorf("besides: %+v", l)
				}
			}
			if c.State != tt.state {
				t.Errorf("the connection is %s, want %s", c.State, tt.state)
			}
		})
	}
}

// A connection for chosen sites asks for Sites.Selected, and for nothing that would make it void.
func TestChosenSitesAskForNoMore(t *testing.T) {
	b := start(t)
	b.AddApp(bench.Chosen, m365.SharePoint)
	b.Resite(bench.Chosen, true, projects)
	p, err := b.Connections.ReadPermissions(t.Context(), bench.Chosen)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range slices.Concat(p.Needed, p.Setup.Optional) {
		if strings.HasPrefix(r.Permission, "Sites.") && r.Permission != m365.SitesSelected {
			t.Errorf("asks for %s", r.Permission)
		}
	}
	if len(p.Missing) != 0 || !slices.ContainsFunc(p.Needed, func(r m365.Required) bool { return r.Permission == m365.SitesSelected }) {
		t.Errorf("needed %+v, missing %v", p.Needed, p.Missing)
	}
}
