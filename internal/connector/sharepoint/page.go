package sharepoint

import (
	"context"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Page is a page of a site.
type Page struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Title       string    `json:"title"`
	Description string    `json:"description,omitempty"`
	WebURL      string    `json:"web_url,omitempty"`
	Level       string    `json:"level,omitempty" doc:"published, draft, or checkout: seen by whoever works on it alone"`
	Version     string    `json:"version,omitempty"`
	Modified    time.Time `json:"modified,omitzero"`
	ModifiedBy  string    `json:"modified_by,omitempty" doc:"Name of the person or app"`
	Texts       []string  `json:"texts,omitempty" doc:"HTML of the texts that stand on it, from the top; other things on it are not told"`
}

func pageOf(p graph.SitePage) Page {
	out := Page{ID: p.ID, Name: p.Name, Title: p.Title, Description: p.Description, WebURL: p.WebURL, Level: p.PublishingState.Level, Version: p.PublishingState.VersionID,
		Modified: p.LastModifiedDateTime, ModifiedBy: nameOf(p.LastModifiedBy)}
	if p.CanvasLayout == nil {
		return out
	}
	for _, s := range p.CanvasLayout.HorizontalSections {
		for _, k := range s.Columns {
			for _, w := range k.Webparts {
				if w.InnerHTML != "" {
					out.Texts = append(out.Texts, w.InnerHTML)
				}
			}
		}
	}
	return out
}

// Pages are a site's.
type Pages struct {
	Pages []Page `json:"pages"`
}

// PageIn names one page.
type PageIn struct {
	SiteIn
	Page string `json:"page" minLength:"1" doc:"Page by id"`
}

// PageCreateIn is a new page.
type PageCreateIn struct {
	SiteIn
	Name        string `json:"name" minLength:"1" maxLength:"200" doc:"Name of its file; .aspx is added where it is missing"`
	Title       string `json:"title" minLength:"1" maxLength:"255" doc:"Title"`
	Description string `json:"description,omitempty" maxLength:"5000" doc:"Description"`
	HTML        string `json:"html,omitempty" maxLength:"500000" doc:"Text that stands on it"`
}

func (in PageCreateIn) file() string {
	if strings.HasSuffix(strings.ToLower(in.Name), ".aspx") {
		return in.Name
	}
	return in.Name + ".aspx"
}

// Check finds what is no site and a name that no file has.
func (in PageCreateIn) Check() error {
	wrong := in.Wrong()
	if strings.ContainsAny(in.Name, "\"*:<>?/\\|#%") || strings.ContainsFunc(in.Name, func(r rune) bool { return r < ' ' }) || strings.TrimSpace(in.Name) != in.Name {
		wrong = append(wrong, fault.Field{Name: "name", Message: `holds a character that pages' names do not take (" * : < > ? / \ | # % or a control character), or a blank at an end`})
	}
	return fault.OfFields(wrong)
}

// PageUpdateIn changes a page. What is left out stays; the change is seen by all when it is published.
type PageUpdateIn struct {
	PageIn
	Title       string  `json:"title,omitempty" maxLength:"255" doc:"New title"`
	Description *string `json:"description,omitempty" maxLength:"5000" doc:"New description"`
	HTML        string  `json:"html,omitempty" maxLength:"500000" doc:"Text that shall stand on it, instead of everything that does"`
}

// Check wants something to change.
func (in PageUpdateIn) Check() error {
	wrong := in.Wrong()
	if in.Title == "" && in.Description == nil && in.HTML == "" {
		wrong = append(wrong, fault.Field{Name: "title", Message: "is missing: nothing is to be changed; give title, description or html"})
	}
	return fault.OfFields(wrong)
}

// Published names a page that all see.
type Published struct {
	ID string `json:"id"`
}

func pageActions() []action.Action {
	return []action.Action{
		define(action.Spec{Name: "sharepoint.page.list", Summary: "List the pages of a site.", Effect: action.Reads, Operations: []m365.OperationKey{get + sitePages}, Args: []string{"site"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, _ SiteIn) (Pages, error) {
				all, err := pagesOf(ctx, s)
				return Pages{all}, err
			}),
		define(action.Spec{Name: "sharepoint.page.get", Summary: "Read a page of a site with its texts.", Effect: action.Reads, Operations: []m365.OperationKey{get + sitePage}, Args: []string{"site", "page"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in PageIn) (Page, error) {
				p, err := graph.Get[graph.SitePage](ctx, s.Graph, s.SitePage(in.Page), graph.Query("$expand", "canvasLayout"))
				return pageOf(p), err
			}),
		once.Define(action.Spec{Name: "sharepoint.page.create", Summary: "Make a page of a site, which others see when it is published.", Effect: action.Writes, Operations: []m365.OperationKey{siteAt, get + sitePages, post + pages}, Capability: m365.SharePoint}, PageCreateIn.addition),
		define(action.Spec{Name: "sharepoint.page.update", Summary: "Change a page of a site; others see it when it is published.", Effect: action.Writes, Repeatable: true, Operations: []m365.OperationKey{patch + sitePage}, Args: []string{"site", "page"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in PageUpdateIn) (Page, error) {
				change := graph.SitePageChange{Type: graph.PageType, Title: in.Title, Description: in.Description}
				if in.HTML != "" {
					change.CanvasLayout = graph.TextOn(in.HTML)
				}
				p, err := graph.Patch[graph.SitePage](ctx, s.Graph, s.SitePage(in.Page), change, graph.Idempotent())
				return pageOf(p), err
			}),
		define(action.Spec{Name: "sharepoint.page.publish", Summary: "Publish a page of a site, so that all who see the site see it.", Effect: action.Writes, Repeatable: true, Operations: []m365.OperationKey{post + sitePage + "/publish"}, Args: []string{"site", "page"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in PageIn) (Published, error) {
				return Published{in.Page}, graph.Call(ctx, s.Graph, s.SitePage(in.Page).Sub("publish"), nil, graph.Idempotent())
			}),
		define(action.Spec{Name: "sharepoint.page.delete", Summary: "Delete a page of a site.", Effect: action.Deletes, Repeatable: true, Operations: []m365.OperationKey{remove + page}, Args: []string{"site", "page"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in PageIn) (Deleted, error) {
				return Deleted{in.Page}, graph.Delete(ctx, s.Graph, s.Page(in.Page))
			}),
	}
}

func pagesOf(ctx context.Context, s place.SitePlace, opts ...graph.Option) ([]Page, error) {
	out := []Page{}
	for p, err := range graph.List[graph.SitePage](ctx, s.Graph, s.SitePages(), opts...) {
		if err != nil {
			return out, err
		}
		out = append(out, pageOf(p))
	}
	return out, nil
}

func (in PageCreateIn) addition(ctx context.Context, c action.Call) (once.Addition[Page], error) {
	s, err := in.site().In(ctx, c)
	return once.Addition[Page]{
		List: func(ctx context.Context, proof graph.Option) ([]Page, error) {
			all, err := pagesOf(ctx, s, proof)
			return all, place.NotGranted(ctx, c, err)
		},
		ID: func(p Page) string { return p.ID },
		Is: func(p Page) bool { return strings.EqualFold(p.Name, in.file()) },
		Make: func(ctx context.Context) (Page, error) {
			made := graph.SitePageChange{Type: graph.PageType, Name: in.file(), Title: in.Title, PageLayout: "article"}
			if in.Description != "" {
				made.Description = &in.Description
			}
			if in.HTML != "" {
				made.CanvasLayout = graph.TextOn(in.HTML)
			}
			p, err := graph.Post[graph.SitePage](ctx, s.Graph, s.Pages(), made)
			return pageOf(p), place.NotGranted(ctx, c, err)
		},
	}, err
}
