package sharepoint

import (
	"context"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ContentType is a kind of item that a list holds.
type ContentType struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Group       string `json:"group,omitempty"`
	Default     bool   `json:"default" doc:"New items are of it where nothing is said"`
	Hidden      bool   `json:"hidden"`
	ReadOnly    bool   `json:"read_only"`
}

// ContentTypes are a list's.
type ContentTypes struct {
	ContentTypes []ContentType `json:"content_types"`
}

func contentTypeActions() []action.Action {
	return []action.Action{
		define(action.Spec{Name: "sharepoint.content_type.list", Summary: "List the content types of a list or library.", Effect: action.Reads, Operations: []m365.OperationKey{get + contentTypes}, Args: []string{"site", "list"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ListIn) (ContentTypes, error) {
				all, err := typesOf(ctx, s, in.List)
				return ContentTypes{all}, err
			}),
	}
}

func typesOf(ctx context.Context, s place.SitePlace, list string) ([]ContentType, error) {
	out := []ContentType{}
	for t, err := range graph.List[graph.ContentType](ctx, s.Graph, s.ContentTypes(list)) {
		if err != nil {
			return out, err
		}
		out = append(out, ContentType{t.ID, t.Name, t.Description, t.Group, t.Order.Default, t.Hidden, t.ReadOnly})
	}
	return out, nil
}

// typeNamed finds one of a list's content types by name or id.
func typeNamed(ctx context.Context, s place.SitePlace, list, named string) (ContentType, error) {
	all, err := typesOf(ctx, s, list)
	if err != nil {
		return ContentType{}, err
	}
	names := []string{}
	for _, t := range all {
		if strings.EqualFold(t.ID, named) || strings.EqualFold(t.Name, named) {
			return t, nil
		}
		if !t.Hidden {
			names = append(names, t.Name)
		}
	}
	return ContentType{}, fault.BadField("content_type", "is none of the list's; there are %s", strings.Join(names, ", "))
}
