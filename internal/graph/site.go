package graph

import (
	"context"
	"net/url"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// Site is a site of SharePoint.
type Site struct {
	ID                   string    `json:"id"` // host, collection and web
	Name                 string    `json:"name"`
	DisplayName          string    `json:"displayName"`
	Description          string    `json:"description"`
	WebURL               string    `json:"webUrl"`
	CreatedDateTime      time.Time `json:"createdDateTime"`
	LastModifiedDateTime time.Time `json:"lastModifiedDateTime"`
	Root                 *struct{} `json:"root"` // of its collection
	ETag                 string    `json:"eTag"`
}

func (s Site) tag() string { return s.ETag }

// SiteList is a list or library of a site.
type SiteList struct {
	ID                   string    `json:"id"`
	Name                 string    `json:"name"`
	DisplayName          string    `json:"displayName"`
	Description          string    `json:"description"`
	WebURL               string    `json:"webUrl"`
	CreatedDateTime      time.Time `json:"createdDateTime"`
	LastModifiedDateTime time.Time `json:"lastModifiedDateTime"`
	List                 ListInfo  `json:"list"`
	System               *struct{} `json:"system"` // told only where it is selected
}

// ListInfo says what kind of list it is.
type ListInfo struct {
	Hidden   bool   `json:"hidden,omitempty"`
	Template string `json:"template,omitempty"`
}

// SiteListCreation is a new list. Its name is the server's to give.
type SiteListCreation struct {
	DisplayName string         `json:"displayName"`
	Description string         `json:"description,omitempty"`
	List        ListInfo       `json:"list"`
	Columns     []ColumnChange `json:"columns,omitempty"`
}

// SiteListChange is a list as changed; what is left out stays.
type SiteListChange struct {
	DisplayName string  `json:"displayName,omitempty"`
	Description *string `json:"description,omitempty"`
}

// ColumnType is the facet that says what a column holds: one of them is there, or none that is known here.
type ColumnType struct {
	Text               *struct{}     `json:"text,omitempty"`
	Number             *struct{}     `json:"number,omitempty"`
	Currency           *struct{}     `json:"currency,omitempty"`
	Boolean            *struct{}     `json:"boolean,omitempty"`
	DateTime           *struct{}     `json:"dateTime,omitempty"`
	Choice             *ColumnChoice `json:"choice,omitempty"`
	Lookup             *struct{}     `json:"lookup,omitempty"`
	PersonOrGroup      *struct{}     `json:"personOrGroup,omitempty"`
	HyperlinkOrPicture *struct{}     `json:"hyperlinkOrPicture,omitempty"`
}

// ColumnChoice is what can be chosen.
type ColumnChoice struct {
	Choices []string `json:"choices,omitempty"`
}

// Column is a column of a list.
type Column struct {
	ID          string `json:"id"`
	Name        string `json:"name"` // in items' fields
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	ReadOnly    bool   `json:"readOnly"`
	Hidden      bool   `json:"hidden"`
	Indexed     bool   `json:"indexed"`
	ColumnType
}

// ColumnChange is a column as written: a new one, or what of it shall change.
type ColumnChange struct {
	Name        string  `json:"name,omitempty"`
	DisplayName string  `json:"displayName,omitempty"`
	Description *string `json:"description,omitempty"`
	Required    *bool   `json:"required,omitempty"`
	Indexed     *bool   `json:"indexed,omitempty"`
	ColumnType
}

// Fields are the values of an item by its list's columns.
type Fields map[string]any

// ListItem is an item of a list. Fields come where they are expanded.
type ListItem struct {
	ID                   string          `json:"id"`
	ETag                 string          `json:"eTag"`
	WebURL               string          `json:"webUrl"`
	CreatedDateTime      time.Time       `json:"createdDateTime"`
	CreatedBy            IdentitySet     `json:"createdBy"`
	LastModifiedDateTime time.Time       `json:"lastModifiedDateTime"`
	LastModifiedBy       IdentitySet     `json:"lastModifiedBy"`
	ContentType          ContentTypeInfo `json:"contentType"`
	Fields               Fields          `json:"fields"`
}

// ListItemCreation is a new item; without a content type it has the list's default.
type ListItemCreation struct {
	ContentType *ContentTypeInfo `json:"contentType,omitempty"`
	Fields      map[string]any   `json:"fields"`
}

// ContentTypeInfo names the content type of an item.
type ContentTypeInfo struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// ContentType is one of a list.
type ContentType struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Group       string `json:"group"`
	Hidden      bool   `json:"hidden"`
	ReadOnly    bool   `json:"readOnly"`
	Order       struct {
		Default bool `json:"default"`
	} `json:"order"`
}

// ListItemVersion is what an item was at a time.
type ListItemVersion struct {
	ID                   string      `json:"id"`
	LastModifiedDateTime time.Time   `json:"lastModifiedDateTime"`
	LastModifiedBy       IdentitySet `json:"lastModifiedBy"`
	Fields               Fields      `json:"fields"`
}

// ExpandFields asks for the values of items: all of them, or those of the named columns.
func ExpandFields(columns ...string) Option {
	if len(columns) == 0 {
		return Query("$expand", "fields")
	}
	return Query("$expand", "fields($select="+strings.Join(columns, ",")+")")
}

// WithoutIndex lets a filter name columns that have no index. On large lists such a reading may fail (graph/FACTS §10).
func WithoutIndex() Option { return prefer("HonorNonIndexedQueriesWarningMayFailRandomly") }

// SitePlace is a site by its id, and what lies below it.
type SitePlace struct{ Path }

// SiteWithID is a site by its id.
func SiteWithID(id string) SitePlace { return SitePlace{At("sites").Item("site-id", id)} }

// SiteAt is a site by its address: its host, and the path on it. It can be read and has nothing below it: what lies in a site is reached by
// the site's id, so that there is one name for it to judge.
func SiteAt(host, path string) Path {
	path = strings.Trim(path, "/")
	if path == "" {
		return At("sites").Item("site-id", host)
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = escape(part)
	}
	return Path{template: "/sites/{hostname}:/{relative-path}", url: "/sites/" + escape(host) + ":/" + strings.Join(parts, "/"), target: wire.Target{Site: siteName(host, path)}}
}

// siteName is the name by which a request for a site's address is judged.
func siteName(host, path string) string {
	if path = strings.Trim(path, "/"); path != "" {
		return host + ":/" + path
	}
	return host
}

// SiteAddress reads a site's own address. One of a page or with a question behind it is none: what of it is the site cannot be told.
func SiteAddress(s string) (host, path string, is bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Port() != "" {
		return "", "", false
	}
	for part := range strings.SplitSeq(strings.Trim(u.Path, "/"), "/") {
		if part == "." || part == ".." || strings.HasPrefix(part, ":") || strings.HasSuffix(part, ".aspx") || part == "" && strings.Trim(u.Path, "/") != "" {
			return "", "", false
		}
	}
	return u.Host, u.Path, true
}

// Lists are the site's lists and libraries.
func (s SitePlace) Lists() Path { return s.Sub("lists") }

// List is one of them, by id or title.
func (s SitePlace) List(id string) Path { return s.Lists().Item("list-id", id) }

// Columns are a list's.
func (s SitePlace) Columns(list string) Path { return s.List(list).Sub("columns") }

// ContentTypes are those of a list.
func (s SitePlace) ContentTypes(list string) Path { return s.List(list).Sub("contentTypes") }

// Column is one of them, by id or name.
func (s SitePlace) Column(list, id string) Path {
	return s.Columns(list).Item("columnDefinition-id", id)
}

// Items are a list's.
func (s SitePlace) Items(list string) Path { return s.List(list).Sub("items") }

// Item is one of them.
func (s SitePlace) Item(list, id string) Path { return s.Items(list).Item("listItem-id", id) }

// Permissions are what applications were granted on the site.
func (s SitePlace) Permissions() Path { return s.Sub("permissions") }

// Permission is one of them.
func (s SitePlace) Permission(id string) Path { return s.Permissions().Item("permission-id", id) }

// Library finds one of the site's libraries by id or name; the one that it has by itself without. That it is the site's makes its drive
// reachable: the fence judges it by the site.
func (c *Client) Library(ctx context.Context, s SitePlace, idOrName string) (DrivePlace, error) {
	if idOrName == "" {
		d, _, err := LookUp[Drive](ctx, c, s.Sub("drive"), c.LookupAge(), Select("id"))
		if err != nil {
			return DrivePlace{}, err
		}
		return s.LibraryWithID(d.ID), nil
	}
	for d, err := range List[Drive](ctx, c, s.Sub("drives"), Select("id", "name")) {
		if err != nil {
			return DrivePlace{}, err
		}
		if d.ID == idOrName || strings.EqualFold(d.Name, idOrName) {
			return s.LibraryWithID(d.ID), nil
		}
	}
	return DrivePlace{}, fault.Missing("library", idOrName)
}

// LibraryWithID is one of the site's libraries, by the id of its drive.
func (s SitePlace) LibraryWithID(id string) DrivePlace {
	p := At("drives").Item("drive-id", id)
	p.target.Site = s.target.Site
	return DrivePlace{p}
}
