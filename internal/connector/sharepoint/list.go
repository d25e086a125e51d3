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

// List is a list or library of a site.
type List struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	Name        string    `json:"name,omitempty" doc:"In addresses"`
	Description string    `json:"description,omitempty"`
	Template    string    `json:"template,omitempty" doc:"What it was made as: genericList, documentLibrary and others"`
	Hidden      bool      `json:"hidden"`
	System      bool      `json:"system" doc:"SharePoint's own"`
	WebURL      string    `json:"web_url,omitempty"`
	Created     time.Time `json:"created,omitzero"`
	Modified    time.Time `json:"modified,omitzero"`
}

func listOf(l graph.SiteList) List {
	return List{l.ID, l.DisplayName, l.Name, l.Description, l.List.Template, l.List.Hidden, l.System != nil, l.WebURL, l.CreatedDateTime, l.LastModifiedDateTime}
}

// Lists are a site's.
type Lists struct {
	Lists []List `json:"lists"`
}

// ListsIn asks for the lists of a site.
type ListsIn struct {
	SiteIn
	System bool `json:"system,omitempty" doc:"SharePoint's own, too"`
}

// ListIn names one list.
type ListIn struct {
	SiteIn
	List string `json:"list" minLength:"1" maxLength:"255" doc:"List by id or title"`
}

// ListCreateIn is a new list.
type ListCreateIn struct {
	SiteIn
	Title       string      `json:"title" minLength:"1" maxLength:"255" doc:"Title"`
	Description string      `json:"description,omitempty" maxLength:"5000" doc:"Description"`
	Template    string      `json:"template,omitempty" maxLength:"100" doc:"What to make: genericList, the default, documentLibrary, task, survey, announcement, contact, or another one of SharePoint's templates"`
	Columns     []NewColumn `json:"columns,omitempty" maxItems:"100" doc:"Columns beside the title"`
}

// Check finds what is no site and columns that cannot be.
func (in ListCreateIn) Check() error {
	wrong := in.Wrong()
	for i, k := range in.Columns {
		wrong = append(wrong, k.wrong(prefix("columns", i))...)
	}
	return fault.OfFields(wrong)
}

// ListUpdateIn changes a list. What is left out stays.
type ListUpdateIn struct {
	ListIn
	Title       string  `json:"title,omitempty" maxLength:"255" doc:"New title"`
	Description *string `json:"description,omitempty" maxLength:"5000" doc:"New description"`
}

// Check wants something to change.
func (in ListUpdateIn) Check() error {
	wrong := in.Wrong()
	if in.Title == "" && in.Description == nil {
		wrong = append(wrong, fault.Field{Name: "title", Message: "is missing: nothing is to be changed; give title or description"})
	}
	return fault.OfFields(wrong)
}

var listFields = graph.Select("id", "displayName", "name", "description", "list", "system", "webUrl", "createdDateTime", "lastModifiedDateTime")

func listActions() []action.Action {
	return []action.Action{
		define(action.Spec{Name: "sharepoint.list.list", Summary: "List the lists and libraries of a site.", Effect: action.Reads, Operations: []m365.OperationKey{get + lists}, Args: []string{"site"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ListsIn) (Lists, error) {
				all, err := listsOf(ctx, s, in.System)
				return Lists{all}, err
			}),
		define(action.Spec{Name: "sharepoint.list.get", Summary: "Read one list.", Effect: action.Reads, Operations: []m365.OperationKey{get + list}, Args: []string{"site", "list"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ListIn) (List, error) {
				l, err := graph.Get[graph.SiteList](ctx, s.Graph, s.List(in.List), listFields)
				return listOf(l), err
			}),
		once.Define(action.Spec{Name: "sharepoint.list.create", Summary: "Make a list or library with its columns.", Effect: action.Writes, Operations: []m365.OperationKey{siteAt, get + lists, post + lists}, Capability: m365.SharePoint}, ListCreateIn.addition),
		define(action.Spec{Name: "sharepoint.list.update", Summary: "Give a list another title or description.", Effect: action.Writes, Repeatable: true, Operations: []m365.OperationKey{patch + list}, Args: []string{"site", "list"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ListUpdateIn) (List, error) {
				l, err := graph.Patch[graph.SiteList](ctx, s.Graph, s.List(in.List), graph.SiteListChange{DisplayName: in.Title, Description: in.Description}, graph.Idempotent())
				return listOf(l), err
			}),
		define(action.Spec{Name: "sharepoint.list.delete", Summary: "Delete a list or library with everything in it.", Effect: action.Deletes, Repeatable: true, Operations: []m365.OperationKey{remove + list}, Args: []string{"site", "list"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ListIn) (Deleted, error) {
				return Deleted{in.List}, graph.Delete(ctx, s.Graph, s.List(in.List))
			}),
	}
}

// listsOf asks for the facet system by name: without it such lists are not in the answer (list-list.md).
func listsOf(ctx context.Context, s place.SitePlace, system bool, opts ...graph.Option) ([]List, error) {
	out := []List{}
	for l, err := range graph.List[graph.SiteList](ctx, s.Graph, s.Lists(), append(opts, listFields)...) {
		if err != nil {
			return out, err
		}
		if system || l.System == nil {
			out = append(out, listOf(l))
		}
	}
	return out, nil
}

func (in ListCreateIn) addition(ctx context.Context, c action.Call) (once.Addition[List], error) {
	s, err := in.site().In(ctx, c)
	return once.Addition[List]{
		List: func(ctx context.Context, proof graph.Option) ([]List, error) {
			all, err := listsOf(ctx, s, true, proof)
			return all, place.NotGranted(ctx, c, err)
		},
		ID: func(l List) string { return l.ID },
		Is: func(l List) bool { return strings.EqualFold(l.Title, in.Title) },
		Make: func(ctx context.Context) (List, error) {
			made := graph.SiteListCreation{DisplayName: in.Title, Description: in.Description, List: graph.ListInfo{Template: in.template()}}
			for _, k := range in.Columns {
				made.Columns = append(made.Columns, k.change())
			}
			l, err := graph.Post[graph.SiteList](ctx, s.Graph, s.Lists(), made)
			return listOf(l), place.NotGranted(ctx, c, in.refused(err))
		},
	}, err
}

func (in ListCreateIn) template() string {
	if in.Template == "" {
		return "genericList"
	}
	return in.Template
}

// refused names the template where nothing else can be what Microsoft did not accept: a plain list of the same title and columns is.
func (in ListCreateIn) refused(err error) error {
	if fault.KindOf(err) != fault.Invalid || in.Template == "" || in.Template == "genericList" {
		return err
	}
	f := fault.BadField("template", "%q is not a template that Microsoft accepts here; genericList and documentLibrary are in every tenant", in.Template)
	f.Upstream = fault.As(err).Upstream
	return f
}
