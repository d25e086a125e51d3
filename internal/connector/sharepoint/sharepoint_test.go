package sharepoint_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/sharepoint"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

const (
	projects = "https://contoso.sharepoint.com/sites/projects"
	archive  = "https://contoso.sharepoint.com/sites/archive"
	board    = "https://contoso.sharepoint.com/sites/board"
	orders   = "Work orders"
)

func start(t *testing.T) *bench.Bench {
	t.Helper()
	return bench.Start(t, m365.SharePoint, sharepoint.Actions(), sharepoint.Probe)
}

// in is an input about the projects' work orders.
func in(more bench.In) bench.In {
	out := bench.In{"site": projects, "list": orders}
	maps.Copy(out, more)
	return out
}

func TestOuterForm(t *testing.T) { bench.Golden(t, sharepoint.Actions()) }

func TestProbeGivesEvidence(t *testing.T) { start(t).Evidence(sharepoint.Probe, "") }

func TestASiteIsFoundByAddressAndByID(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		got := bench.Do[sharepoint.Site](b, "sharepoint.site.get", bench.In{"site": projects + "/"}, bench.Through(through))
		if got.Title != "Projects" || got.WebURL != projects || !got.IsRoot {
			t.Errorf("%s: got %+v", through, got)
		}
		if again := bench.Do[sharepoint.Site](b, "sharepoint.site.get", bench.In{"site": got.ID}, bench.Through(through)); again != got {
			t.Errorf("%s: by id %+v, by address %+v", through, again, got)
		}
		top := bench.Do[sharepoint.Site](b, "sharepoint.site.get", bench.In{"site": "https://contoso.sharepoint.com"}, bench.Through(through))
		if top.Title != "Contoso" {
			t.Errorf("%s: the topmost site: got %+v", through, top)
		}
		below := bench.Do[sharepoint.Sites](b, "sharepoint.subsite.list", bench.In{"site": projects}, bench.Through(through))
		if len(below.Sites) != 1 || below.Sites[0].Title != "Field work" || below.Sites[0].IsRoot {
			t.Errorf("%s: below: got %+v", through, below)
		}
		found := bench.Do[sharepoint.Sites](b, "sharepoint.site.search", bench.In{"text": "field TEAM"}, bench.Through(through))
		if diff := cmp.Diff([]sharepoint.Site{got}, found.Sites); diff != "" {
			t.Errorf("%s: found:\n%s", through, diff)
		}
		libraries := bench.Do[sharepoint.Libraries](b, "sharepoint.library.list", bench.In{"site": archive}, bench.Through(through))
		if len(libraries.Libraries) != 1 || libraries.Libraries[0].Name != "Documents" || libraries.Libraries[0].Total == 0 {
			t.Errorf("%s: libraries: got %+v", through, libraries)
		}
	}
	seen := 0
	for page := (sharepoint.Sites{NextCursor: ""}); ; {
		ask := bench.In{"limit": 2}
		if page.NextCursor != "" {
			ask["cursor"] = page.NextCursor
		}
		page = bench.Do[sharepoint.Sites](b, "sharepoint.site.list", ask)
		if seen += len(page.Sites); page.NextCursor == "" {
			break
		}
	}
	if seen != 5 {
		t.Errorf("%d sites, want 5", seen)
	}
	if f := b.Refused("sharepoint.site.list", bench.In{}, bench.Through(bench.Person)); f.Code != "mode_not_supported" {
		t.Errorf("all sites as a person: got %v", f)
	}
}

// A list is made with its columns, changed and deleted, and read back, in both modes.
func TestAListIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			made := bench.Do[sharepoint.List](b, "sharepoint.list.create", bench.In{"site": projects, "title": "100 % of #1: it's \u00fc", "description": "Tools", "columns": []bench.In{
				{"name": "Count", "type": "number", "indexed": true}, {"name": "Kind", "title": "What it is", "type": "choice", "choices": []string{"lent", "bought"}}}}, bench.Through(through))
			if made.Title != "100 % of #1: it's \u00fc" || made.Description != "Tools" || made.Template != "genericList" {
				t.Errorf("made %+v", made)
			}
			byTitle := bench.In{"site": projects, "list": made.Title}
			if got := bench.Do[sharepoint.List](b, "sharepoint.list.get", byTitle, bench.Through(through)); got != made {
				t.Errorf("read %+v, made %+v", got, made)
			}
			columns := bench.Do[sharepoint.Columns](b, "sharepoint.column.list", byTitle, bench.Through(through)).Columns
			if len(columns) != 3 || columns[1].Type != "number" || !columns[1].Indexed || columns[2].Title != "What it is" || len(columns[2].Choices) != 2 {
				t.Errorf("columns %+v", columns)
			}
			ref := bench.In{"site": projects, "list": made.ID, "column": "Weight"}
			column := bench.Do[sharepoint.Column](b, "sharepoint.column.create", bench.In{"site": projects, "list": made.ID, "name": "Weight", "type": "number", "required": true}, bench.Through(through))
			if got := bench.Do[sharepoint.Column](b, "sharepoint.column.get", ref, bench.Through(through)); !cmp.Equal(got, column) || !got.Required {
				t.Errorf("column read %+v, made %+v", got, column)
			}
			change := bench.In{"title": "Weight in kg", "required": false, "indexed": true}
			maps.Copy(change, ref)
			bench.Do[sharepoint.Column](b, "sharepoint.column.update", change, bench.Through(through))
			if got := bench.Do[sharepoint.Column](b, "sharepoint.column.get", ref, bench.Through(through)); got.Title != "Weight in kg" || got.Required || !got.Indexed || got.Type != "number" {
				t.Errorf("column changed %+v", got)
			}
			bench.Do[sharepoint.Deleted](b, "sharepoint.column.delete", ref, bench.Through(through))
			if f := b.Refused("sharepoint.column.get", ref, bench.Through(through)); f.Kind != fault.NotFound {
				t.Errorf("column deleted: %v", f)
			}
			updated := bench.Do[sharepoint.List](b, "sharepoint.list.update", bench.In{"site": projects, "list": made.ID, "title": "Tools " + through, "description": ""}, bench.Through(through))
			if updated.Title != "Tools "+through || updated.Description != "" || updated.ID != made.ID {
				t.Errorf("changed %+v", updated)
			}
			bench.Do[sharepoint.Deleted](b, "sharepoint.list.delete", bench.In{"site": projects, "list": made.ID}, bench.Through(through))
			if got := bench.Do[sharepoint.Lists](b, "sharepoint.list.list", bench.In{"site": projects}, bench.Through(through)).Lists; len(got) != 2 {
				t.Errorf("after deleting: %+v", got)
			}
			if got := bench.Do[sharepoint.Lists](b, "sharepoint.list.list", bench.In{"site": projects, "system": true}, bench.Through(through)).Lists; len(got) != 3 || !got[2].System || !got[2].Hidden {
				t.Errorf("SharePoint's own, too: %+v", got)
			}
		})
	}
}

// A page is made, changed, published and deleted, and read back, in both modes.
func TestAPageIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			made := bench.Do[sharepoint.Page](b, "sharepoint.page.create", bench.In{"site": projects, "name": "It's news", "title": "News & more", "html": "<p>Hello</p>"}, bench.Through(through))
			ref := bench.In{"site": projects, "page": made.ID}
			if got := bench.Do[sharepoint.Page](b, "sharepoint.page.get", ref, bench.Through(through)); !cmp.Equal(got, made) || got.Name != "It's news.aspx" || got.Level != "checkout" || !cmp.Equal(got.Texts, []string{"<p>Hello</p>"}) {
				t.Errorf("made %+v, read %+v", made, got)
			}
			bench.Do[sharepoint.Published](b, "sharepoint.page.publish", ref, bench.Through(through))
			if got := bench.Do[sharepoint.Page](b, "sharepoint.page.get", ref, bench.Through(through)); got.Level != "published" {
				t.Errorf("published: %+v", got)
			}
			bench.Do[sharepoint.Page](b, "sharepoint.page.update", bench.In{"site": projects, "page": made.ID, "title": "Old news", "html": "<p>Bye</p>"}, bench.Through(through))
			if got := bench.Do[sharepoint.Page](b, "sharepoint.page.get", ref, bench.Through(through)); got.Title != "Old news" || got.Level == "published" || !cmp.Equal(got.Texts, []string{"<p>Bye</p>"}) {
				t.Errorf("changed: %+v", got)
			}
			if all := bench.Do[sharepoint.Pages](b, "sharepoint.page.list", bench.In{"site": projects}, bench.Through(through)).Pages; len(all) != 1 || all[0].ID != made.ID {
				t.Errorf("listed: %+v", all)
			}
			bench.Do[sharepoint.Deleted](b, "sharepoint.page.delete", ref, bench.Through(through))
			if f := b.Refused("sharepoint.page.get", ref, bench.Through(through)); f.Kind != fault.NotFound {
				t.Errorf("deleted: %v", f)
			}
		})
	}
}

// An app with Sites.Selected reaches what was granted to it and nothing else; the grants are an administrating app's to make.
func TestSitesAreGrantedOneByOne(t *testing.T) {
	b := start(t)
	b.AddApp(bench.Chosen, m365.SharePoint)
	b.AddApp(bench.Sites, m365.SharePoint)
	const app = "0a9d6c1e-72f4-4c39-8b1d-5e3f7a2c9d08"
	boardIs := bench.Do[sharepoint.Site](b, "sharepoint.site.get", bench.In{"site": board}).ID
	denied := func(action string, in bench.In) {
		t.Helper()
		if f := b.Refused(action, in, bench.Through(bench.Chosen)); f.Code != "site_not_granted" || f.Kind != fault.NeedsAdmin || len(f.WrongFixes) == 0 {
			t.Errorf("%s: got %v, want site_not_granted", action, f)
		}
	}
	bench.Do[sharepoint.Site](b, "sharepoint.site.get", bench.In{"site": projects}, bench.Through(bench.Chosen))
	bench.Do[sharepoint.Item](b, "sharepoint.list_item.create", in(bench.In{"fields": bench.In{"Title": "Granted"}}), bench.Through(bench.Chosen))
	denied("sharepoint.site.get", bench.In{"site": board})
	denied("sharepoint.list.list", bench.In{"site": boardIs})
	denied("sharepoint.list.create", bench.In{"site": projects, "title": "Not by the role write"})
	denied("sharepoint.page.create", bench.In{"site": archive, "name": "n", "title": "Not by the role read"})

	granted := bench.Do[sharepoint.Grant](b, "sharepoint.permission.grant", bench.In{"site": board, "app": app, "name": "Seneschal for chosen sites", "role": "read"}, bench.Through(bench.Sites))
	if again := bench.Do[sharepoint.Grant](b, "sharepoint.permission.grant", bench.In{"site": board, "app": app, "name": "x", "role": "read"}, bench.Through(bench.Sites)); again != granted {
		t.Errorf("granted %+v, again %+v", granted, again)
	}
	if f := b.Refused("sharepoint.permission.grant", bench.In{"site": board, "app": app, "name": "x", "role": "write"}, bench.Through(bench.Sites)); f.Code != "already_granted" {
		t.Errorf("another role: %v", f)
	}
	bench.Do[sharepoint.Lists](b, "sharepoint.list.list", bench.In{"site": board}, bench.Through(bench.Chosen))
	bench.Do[sharepoint.Grant](b, "sharepoint.permission.update", bench.In{"site": board, "permission": granted.ID, "role": "owner"}, bench.Through(bench.Sites))
	bench.Do[sharepoint.List](b, "sharepoint.list.create", bench.In{"site": board, "title": "By the role owner"}, bench.Through(bench.Chosen))
	all := bench.Do[sharepoint.Grants](b, "sharepoint.permission.list", bench.In{"site": board}, bench.Through(bench.Sites)).Permissions
	if diff := cmp.Diff([]sharepoint.Grant{{ID: granted.ID, Role: "owner", App: app, Name: "Seneschal for chosen sites"}}, all); diff != "" {
		t.Error(diff)
	}
	bench.Do[sharepoint.Deleted](b, "sharepoint.permission.revoke", bench.In{"site": board, "permission": granted.ID}, bench.Through(bench.Sites))
	denied("sharepoint.list.list", bench.In{"site": board})
}

// Looking for sites is refused to an app with Sites.Selected before anything leaves.
func TestAnAppOfChosenSitesDoesNotSearch(t *testing.T) {
	b := start(t)
	b.AddApp(bench.Chosen, m365.SharePoint)
	for action, in := range map[string]bench.In{"sharepoint.site.search": {"text": "projects"}, "sharepoint.site.list": {}} {
		b.Silent(func() {
			f := b.Refused(action, in, bench.Through(bench.Chosen))
			if f.Code != "site_search_not_supported" || f.Kind != fault.NotSupported || len(f.Alternatives) == 0 || len(f.WrongFixes) == 0 || f.Fix == "" || f.Cause == "" {
				t.Errorf("%s: got %+v", action, f)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	b := start(t)
	b.AddApp(bench.Chosen, m365.SharePoint)
	throttled := sim.Fault{Kind: "429", Times: 50, RetryAfter: "3600"}
	throttled.Match.Path = "/lists/"
	for _, tt := range []struct {
		name, through, action string
		in                    bench.In
		fault                 *sim.Fault
		kind                  fault.Kind
		code                  string
	}{
		{"no such site", bench.App, "sharepoint.site.get", bench.In{"site": "https://contoso.sharepoint.com/sites/none"}, nil, fault.NotFound, "itemNotFound"},
		{"a site of others, as a person", bench.Person, "sharepoint.site.get", bench.In{"site": board}, nil, fault.NeedsAdmin, "permission_missing"},
		{"no such list", bench.App, "sharepoint.list.get", bench.In{"site": projects, "list": "None"}, nil, fault.NotFound, "itemNotFound"},
		{"a title that is taken", bench.App, "sharepoint.list.create", bench.In{"site": projects, "title": orders}, nil, fault.Conflict, "nameAlreadyExists"},
		{"a list of SharePoint's own", bench.App, "sharepoint.list.delete", bench.In{"site": projects, "list": "Workflow history"}, nil, fault.NeedsAdmin, "permission_missing"},
		{"an item that is gone", bench.App, "sharepoint.list_item.get", in(bench.In{"item": "99"}), nil, fault.NotFound, "itemNotFound"},
		{"an older version", bench.App, "sharepoint.list_item.update", in(bench.In{"item": "1", "fields": bench.In{"Hours": 9}, "if_match": `"x,1"`}), nil, fault.Conflict, "changed_meanwhile"},
		{"an older version deleted", bench.App, "sharepoint.list_item.delete", in(bench.In{"item": "1", "if_match": `"x,1"`}), nil, fault.Conflict, "changed_meanwhile"},
		{"no permission to grant", bench.App, "sharepoint.permission.list", bench.In{"site": projects}, nil, fault.NeedsAdmin, "permission_missing"},
		{"grants are no person's to make", bench.Person, "sharepoint.permission.grant", bench.In{"site": projects, "app": "0a9d6c1e-72f4-4c39-8b1d-5e3f7a2c9d08", "name": "x", "role": "read"}, nil, fault.NotSupported, "mode_not_supported"},
		{"read only", bench.Frozen, "sharepoint.list_item.create", in(bench.In{"fields": bench.In{"Title": "x"}}), nil, fault.Forbidden, "read_only"},
		{"too much at once", bench.App, "sharepoint.list_item.get", in(bench.In{"item": "1"}), &throttled, fault.Throttled, "throttled"},
	} {
		if tt.fault != nil {
			b.Fault(*tt.fault)
		}
		if f := b.Refused(tt.action, tt.in, bench.Through(tt.through)); f.Kind != tt.kind || f.Code != tt.code || f.Fix == "" || f.Who == "" {
			t.Errorf("%s: got %s %s %+v, want %s %s", tt.name, f.Kind, f.Code, f, tt.kind, tt.code)
		}
	}
}

func TestWrongInputNamesTheField(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name, action string
		in           bench.In
		field, words string
	}{
		{"no site", "sharepoint.site.get", bench.In{}, "site", "missing"},
		{"a site's name", "sharepoint.site.get", bench.In{"site": "projects"}, "site", "neither"},
		{"a site without https", "sharepoint.site.get", bench.In{"site": "http://contoso.sharepoint.com/sites/projects"}, "site", "neither"},
		{"a page's address", "sharepoint.site.get", bench.In{"site": projects + "/SitePages/Home.aspx"}, "site", "neither"},
		{"an address with a question", "sharepoint.site.get", bench.In{"site": projects + "?web=1"}, "site", "neither"},
		{"a step up", "sharepoint.site.get", bench.In{"site": projects + "/../board"}, "site", "neither"},
		{"a sharing link", "sharepoint.site.get", bench.In{"site": "https://contoso.sharepoint.com/:u:/s/projects/x"}, "site", "neither"},
		{"nothing to search", "sharepoint.site.search", bench.In{"text": ""}, "text", "short"},
		{"a foreign cursor", "sharepoint.site.list", bench.In{"cursor": "x"}, "cursor", ""},
		{"a column's name", "sharepoint.column.create", in(bench.In{"name": "two words", "type": "text"}), "name", "letters"},
		{"a column's type", "sharepoint.column.create", in(bench.In{"name": "A", "type": "formula"}), "type", "allowed are"},
		{"a choice of nothing", "sharepoint.column.create", in(bench.In{"name": "A", "type": "choice"}), "choices", "something"},
		{"a list's column", "sharepoint.list.create", bench.In{"site": projects, "title": "A", "columns": []bench.In{{"name": "A", "type": "text"}, {"name": "1", "type": "text"}}}, "columns[1].name", "letters"},
		{"a template that is not allowed", "sharepoint.list.create", bench.In{"site": projects, "title": "A", "template": "webTemplateExtensionsList"}, "template", "not a template"},
		{"a list unchanged", "sharepoint.list.update", in(nil), "title", "nothing"},
		{"an item without fields", "sharepoint.list_item.create", in(bench.In{"fields": bench.In{}}), "fields", "empty"},
		{"a field that is no column", "sharepoint.list_item.create", in(bench.In{"fields": bench.In{"Title": "x", "Colour": "red"}}), "fields.Colour", "Billable, Due, Hours"},
		{"a field of the wrong type", "sharepoint.list_item.create", in(bench.In{"fields": bench.In{"Hours": "two"}}), "fields.Hours", "a number"},
		{"a changed field that is no column", "sharepoint.list_item.update", in(bench.In{"item": "1", "fields": bench.In{"Colour": "red"}}), "fields.Colour", "none of the list's columns"},
		{"a changed field of the wrong type", "sharepoint.list_item.update", in(bench.In{"item": "1", "fields": bench.In{"Billable": "yes"}}), "fields.Billable", "true or false"},
		{"a version that is none", "sharepoint.list_item.update", in(bench.In{"item": "1", "fields": bench.In{"Hours": 1}, "if_match": "1"}), "if_match", "etag"},
		{"a condition without an index", "sharepoint.list_item.list", in(bench.In{"where": []bench.In{{"field": "Hours", "is": "gt", "value": 1}}}), "where[0].field", "no index"},
		{"a condition on no column", "sharepoint.list_item.list", in(bench.In{"where": []bench.In{{"field": "Colour", "value": "red"}}}), "where[0].field", "columns"},
		{"a condition that is more", "sharepoint.list_item.list", in(bench.In{"where": []bench.In{{"field": "Hours eq 1 or fields/Hours", "value": 1}}}), "where[0].field", "column"},
		{"a condition with a list", "sharepoint.list_item.list", in(bench.In{"where": []bench.In{{"field": "Site", "value": []string{"a"}}}}), "where[0].value", "text"},
		{"a column that is more", "sharepoint.list_item.list", in(bench.In{"columns": []string{"Title)"}}), "columns[0]", "column"},
		{"a page's name", "sharepoint.page.create", bench.In{"site": projects, "name": "a#b", "title": "A"}, "name", "character"},
		{"a role that is none", "sharepoint.permission.grant", bench.In{"site": projects, "app": "0a9d6c1e-72f4-4c39-8b1d-5e3f7a2c9d08", "name": "x", "role": "manage"}, "role", "allowed are"},
	} {
		t.Run(tt.name, func(*testing.T) { b.Wrong(tt.action, tt.in, tt.field, tt.words) })
	}
}
