package graph

import "time"

// SitePage is a page of a site. What stands on it comes where canvasLayout is expanded.
type SitePage struct {
	ID                   string      `json:"id"`
	ETag                 string      `json:"eTag"`
	Name                 string      `json:"name"`
	Title                string      `json:"title"`
	Description          string      `json:"description"`
	WebURL               string      `json:"webUrl"`
	PageLayout           string      `json:"pageLayout"`
	CreatedDateTime      time.Time   `json:"createdDateTime"`
	LastModifiedDateTime time.Time   `json:"lastModifiedDateTime"`
	LastModifiedBy       IdentitySet `json:"lastModifiedBy"`
	PublishingState      Publication `json:"publishingState"`
	CanvasLayout         *Canvas     `json:"canvasLayout"`
}

// Publication says which version of a page is whose to see: published, draft or checkout.
type Publication struct {
	Level     string `json:"level"`
	VersionID string `json:"versionId"`
}

// Canvas is what stands on a page.
type Canvas struct {
	HorizontalSections []CanvasSection `json:"horizontalSections,omitempty"`
}

// CanvasSection is a strip of a page, in columns.
type CanvasSection struct {
	ID      string         `json:"id"`
	Layout  string         `json:"layout"`
	Columns []CanvasColumn `json:"columns"`
}

// CanvasColumn is one of them; the widths of a section's add up to twelve.
type CanvasColumn struct {
	ID       string    `json:"id"`
	Width    int       `json:"width"`
	Webparts []WebPart `json:"webparts"`
}

// WebPart is what stands in a column; of the kinds there are, this one reads and writes text.
type WebPart struct {
	Type      string `json:"@odata.type,omitempty"`
	ID        string `json:"id,omitempty"`
	InnerHTML string `json:"innerHtml,omitempty"`
}

// SitePageChange is a page as written: a new one, or what of it shall change.
type SitePageChange struct {
	Type         string  `json:"@odata.type"`
	Name         string  `json:"name,omitempty"`
	Title        string  `json:"title,omitempty"`
	Description  *string `json:"description,omitempty"`
	PageLayout   string  `json:"pageLayout,omitempty"`
	CanvasLayout *Canvas `json:"canvasLayout,omitempty"`
}

// PageType is what a body about a page says it is (sitepage-create.md).
const PageType = "#microsoft.graph.sitePage"

// TextOn is a page of one text.
func TextOn(html string) *Canvas {
	return &Canvas{[]CanvasSection{{"1", "oneColumn", []CanvasColumn{{"1", 12, []WebPart{{Type: "#microsoft.graph.textWebPart", InnerHTML: html}}}}}}}
}

// Pages are where a site's pages are made.
func (s SitePlace) Pages() Path { return s.Sub("pages") }

// SitePages are its pages of the present kind.
func (s SitePlace) SitePages() Path { return s.Sub("pages", "microsoft.graph.sitePage") }

// Page is one of them, of whichever kind; SitePage reads and changes it.
func (s SitePlace) Page(id string) Path { return s.Pages().Item("baseSitePage-id", id) }

// SitePage is one of the present kind.
func (s SitePlace) SitePage(id string) Path { return s.Page(id).Sub("microsoft.graph.sitePage") }
