package sharepoint

import (
	"cmp"
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ChangesIn asks for what changed in a list.
type ChangesIn struct {
	ListIn
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many changes a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer; everything there is without"`
}

func (in ChangesIn) question() []any { return []any{"changes", in.Named, in.List} }

// Check finds what is no site and a foreign cursor.
func (in ChangesIn) Check() error {
	if err := fault.OfFields(in.Wrong()); err != nil {
		return err
	}
	return cursor.Check(in.Cursor, in.question()...)
}

// Changes are one page of what changed.
type Changes struct {
	Items   []Item   `json:"items" doc:"New and changed items, as they are now"`
	Removed []string `json:"removed" doc:"Ids of what is gone"`
	cursor.Progress
}

func changeActions() []action.Action {
	return []action.Action{
		define(action.Spec{Name: "sharepoint.list_item.change.list", Summary: "List which items of a list changed since last time.", Effect: action.Reads, Operations: []m365.OperationKey{get + items + delta}, Args: []string{"site", "list"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ChangesIn) (Changes, error) {
				from := cursor.Start{Graph: s.Graph, Path: s.Items(in.List), Text: in.Cursor, Question: in.question()}
				out, err := cursor.Changes(ctx, from, itemOf, []graph.Option{graph.ExpandFields(), graph.Top(cmp.Or(in.Limit, 100))})
				return Changes{out.Items, out.Removed, out.Progress}, err
			}),
	}
}
