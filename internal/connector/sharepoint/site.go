package sharepoint

import (
	"cmp"
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Site is a site.
type Site struct {
	ID          string    `json:"id"`
	Name        string    `json:"name,omitempty" doc:"Last part of its address"`
	Title       string    `json:"title"`
	Description string    `json:"description,omitempty"`
	WebURL      string    `json:"web_url"`
	IsRoot      bool      `json:"is_root" doc:"The topmost one of its collection, which is what applications are granted"`
	Created     time.Time `json:"created,omitzero"`
	Modified    time.Time `json:"modified,omitzero"`
}

func siteOf(s graph.Site) Site {
	return Site{s.ID, s.Name, s.DisplayName, s.Description, s.WebURL, s.Root != nil, s.CreatedDateTime, s.LastModifiedDateTime}
}

// SiteIn names one site.
type SiteIn struct{ place.Site }

// Check finds what is no site.
func (in SiteIn) Check() error { return fault.OfFields(in.Wrong()) }

func (in SiteIn) site() place.Site { return in.Site }

// SiteGetIn names one site, and how old an answer is good enough.
type SiteGetIn struct {
	SiteIn
	place.Age
}

// SiteRead is a site as it was read.
type SiteRead struct {
	Site
	place.Seen
}

// SitesIn asks for all sites of the tenant.
type SitesIn struct {
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many sites a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

// Check finds a foreign cursor.
func (in SitesIn) Check() error { return cursor.Check(in.Cursor, "sites") }

// SearchIn asks for sites by words.
type SearchIn struct {
	Text   string `json:"text" minLength:"1" maxLength:"255" doc:"Words that stand in title, description or address, as Microsoft's index has them; * is everything"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many sites a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

// Check finds a foreign cursor.
func (in SearchIn) Check() error { return cursor.Check(in.Cursor, "search", in.Text) }

// Sites is one page of sites.
type Sites struct {
	Sites      []Site `json:"sites"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; the last page has none"`
}

// Library is a library of a site.
type Library struct {
	ID     string `json:"id" doc:"Of its drive: what drive.* actions take as library beside site"`
	Name   string `json:"name"`
	WebURL string `json:"web_url,omitempty"`
	Total  int64  `json:"total" doc:"Bytes that fit"`
	Used   int64  `json:"used" doc:"Bytes that are taken"`
}

// Libraries are a site's.
type Libraries struct {
	Libraries []Library `json:"libraries"`
}

func siteActions() []action.Action {
	return []action.Action{
		define(action.Spec{Name: "sharepoint.site.get", Summary: "Read a site by its address or id.", Effect: action.Reads, Operations: []m365.OperationKey{readSite}, Args: []string{"site"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in SiteGetIn) (SiteRead, error) {
				got, seen, err := graph.LookUp[graph.Site](ctx, s.Graph, s.Path, in.Most())
				return SiteRead{siteOf(got), place.SeenAt(seen)}, err
			}),
		action.Define(action.Spec{Name: "sharepoint.site.list", Summary: "List all sites of the tenant.", Effect: action.Reads, Operations: []m365.OperationKey{allSites}, Capability: m365.SharePoint},
			func(ctx context.Context, c action.Call, in SitesIn) (Sites, error) {
				return found(ctx, c, cursor.Start{Path: graph.At("sites").Func("getAllSites"), Text: in.Cursor, Question: []any{"sites"}}, graph.Top(cmp.Or(in.Limit, 100)))
			}),
		action.Define(action.Spec{Name: "sharepoint.site.search", Summary: "Find sites by words.", Effect: action.Reads, Operations: []m365.OperationKey{searchSites}, Capability: m365.SharePoint, Args: []string{"text"}},
			func(ctx context.Context, c action.Call, in SearchIn) (Sites, error) {
				return found(ctx, c, cursor.Start{Path: graph.At("sites"), Text: in.Cursor, Question: []any{"search", in.Text}}, graph.Query("search", in.Text), graph.Top(cmp.Or(in.Limit, 100)))
			}),
		define(action.Spec{Name: "sharepoint.subsite.list", Summary: "List the sites right below a site.", Effect: action.Reads, Operations: []m365.OperationKey{subsites}, Args: []string{"site"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, _ SiteIn) (Sites, error) {
				out := Sites{Sites: []Site{}}
				for below, err := range graph.List[graph.Site](ctx, s.Graph, s.Sub("sites")) {
					if err != nil {
						return out, err
					}
					out.Sites = append(out.Sites, siteOf(below))
				}
				return out, nil
			}),
		define(action.Spec{Name: "sharepoint.library.list", Summary: "List the libraries of a site; their files are read and written by drive.* with site and library.", Effect: action.Reads,
			Operations: []m365.OperationKey{drives}, Args: []string{"site"}}, libraries),
	}
}

// found reads a page of sites, which an app that reaches single sites alone is refused: by us, before Microsoft does or answers with nothing.
func found(ctx context.Context, c action.Call, from cursor.Start, opts ...graph.Option) (Sites, error) {
	if !c.Connection.ReachesEverySite() {
		return Sites{}, &fault.Error{Kind: fault.NotSupported, Code: "site_search_not_supported", Mode: string(c.Connection.Kind), Message: "A connection with a list of sites looks for none",
			Cause: "What is found may be a site that is not on its list; Microsoft was not asked", Fix: "Name the site by its address", Who: "you",
			Alternatives: []string{"connection.show, which names the sites", "a connection whose list is *"}, WrongFixes: []string{"listing more sites: looking for them stays refused"}}
	}
	only, err := c.Bound.OnlySelectedSites(ctx)
	if err != nil {
		return Sites{}, err
	}
	if only {
		return Sites{}, &fault.Error{Kind: fault.NotSupported, Code: "site_search_not_supported", Mode: string(c.Connection.Kind), Message: "Microsoft lets no app that has Sites.Selected look for sites",
			Cause: "The connection reaches only the sites that were granted to it one by one; Microsoft was not asked", Fix: "Name the site by its address", Who: "you",
			Alternatives: []string{"sharepoint.site.get with the site's address", "a connection with Sites.Read.All, which makes Sites.Selected void", "a person's own connection"},
			WrongFixes:   []string{"granting the app more sites: looking for them stays refused"}}
	}
	from.Graph = c.Bound.Graph
	list, next, err := cursor.Page(ctx, from, siteOf, opts...)
	return Sites{list, next}, err
}

func libraries(ctx context.Context, _ action.Call, s place.SitePlace, _ SiteIn) (Libraries, error) {
	out := Libraries{Libraries: []Library{}}
	for d, err := range graph.List[graph.Drive](ctx, s.Graph, s.Sub("drives"), graph.Select("id", "name", "webUrl", "quota")) {
		if err != nil {
			return out, err
		}
		out.Libraries = append(out.Libraries, Library{d.ID, d.Name, d.WebURL, d.Quota.Total, d.Quota.Used})
	}
	return out, nil
}
