package sharepoint

import (
	"context"
	"maps"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/etag"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ofItem is whose versions changes are tied to.
var ofItem = etag.Of{Thing: "list item", Read: "sharepoint.list_item.get", Change: ", in the list or through another program"}

// ItemCreateIn is a new item.
type ItemCreateIn struct {
	ListIn
	Type   string      `json:"content_type,omitempty" maxLength:"255" doc:"Content type by name or id, as sharepoint.content_type.list has them; the list's default without"`
	Fields action.Open `json:"fields" doc:"Values by the names of the list's columns, as sharepoint.column.list has them"`
}

// Check finds what is no site and an item without anything.
func (in ItemCreateIn) Check() error {
	return fault.OfFields(append(in.Wrong(), noFields(in.Fields)...))
}

func noFields(fields action.Open) []fault.Field {
	if len(fields) == 0 {
		return []fault.Field{{Name: "fields", Message: "is empty: give at least one value"}}
	}
	return nil
}

// ItemUpdateIn changes fields of an item. What is left out stays; null empties a field.
type ItemUpdateIn struct {
	ItemIn
	Fields  action.Open `json:"fields" doc:"New values by the names of the list's columns; null empties one"`
	IfMatch string      `json:"if_match,omitempty" doc:"Only if the item still has this etag"`
}

// Check finds what is no site, nothing to change, and a version that is none.
func (in ItemUpdateIn) Check() error {
	return fault.OfFields(append(append(in.Wrong(), noFields(in.Fields)...), ofItem.Wrong(in.IfMatch)...))
}

// ItemDeleteIn names an item that shall go.
type ItemDeleteIn struct {
	ItemIn
	IfMatch string `json:"if_match,omitempty" doc:"Only if the item still has this etag"`
}

// Check finds what is no site and a version that is none.
func (in ItemDeleteIn) Check() error {
	return fault.OfFields(append(in.Wrong(), ofItem.Wrong(in.IfMatch)...))
}

// Written is an item's fields after a change.
type Written struct {
	ID     string      `json:"id"`
	ETag   string      `json:"etag,omitempty" doc:"Its version now"`
	Fields action.Open `json:"fields" doc:"Values by the names of the columns"`
}

func writeActions() []action.Action {
	return []action.Action{
		once.Define(action.Spec{Name: "sharepoint.list_item.create", Summary: "Put one item into a list.", Effect: action.Writes, Capability: m365.SharePoint,
			Operations: []m365.OperationKey{siteAt, get + items + delta, post + items}, MayCall: []m365.OperationKey{get + columns, get + contentTypes}}, ItemCreateIn.arrival),
		define(action.Spec{Name: "sharepoint.list_item.update", Summary: "Change fields of an item of a list.", Effect: action.Writes, Operations: []m365.OperationKey{get + item, patch + item + "/fields"},
			MayCall: []m365.OperationKey{get + columns}, Args: []string{"site", "list", "item"}}, updateItem, action.WithReconcile(updatedItem)),
		define(action.Spec{Name: "sharepoint.list_item.delete", Summary: "Put an item of a list into the recycle bin.", Effect: action.Deletes, Repeatable: true, Operations: []m365.OperationKey{remove + item}, Args: []string{"site", "list", "item"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ItemDeleteIn) (Deleted, error) {
				return Deleted{in.Item}, ofItem.Refused(in.IfMatch, graph.Delete(ctx, s.Graph, s.Item(in.List, in.Item), etag.Options(in.IfMatch)...))
			}),
	}
}

// updateItem says how it shall be, so it may be sent twice.
func updateItem(ctx context.Context, _ action.Call, s place.SitePlace, in ItemUpdateIn) (Written, error) {
	fields, err := graph.Patch[graph.Fields](ctx, s.Graph, s.Item(in.List, in.Item).Sub("fields"), in.Fields, append(etag.Options(in.IfMatch), graph.Idempotent())...)
	if err != nil {
		return Written{}, ofItem.Refused(in.IfMatch, refusedFields(ctx, s, in.List, in.Fields, err))
	}
	version, _ := fields["@odata.etag"].(string) // an annotation, where the answer has it
	return Written{in.Item, version, plain(fields)}, nil
}

// updatedItem answers an unclear update by another. With a version that one alone could not tell its own first try from somebody else's
// change: the item is looked at first.
func updatedItem(ctx context.Context, c action.Call, in ItemUpdateIn) (Written, action.Answer, error) {
	if in.IfMatch != "" {
		i, err := at(ctx, c, in.ItemIn, getItem)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			return Written{}, action.NotStarted, nil
		case err != nil:
			return Written{}, action.StillOpen, err
		case i.ETag != in.IfMatch && holds(i.Fields, in.Fields):
			return Written{i.ID, i.ETag, i.Fields}, action.Happened, nil
		case i.ETag != in.IfMatch:
			return Written{}, action.StillOpen, nil // somebody else changed it too: what became of ours cannot be told from it
		}
	}
	return once.Again(at(ctx, c, in, updateItem))
}

func sorted(fields map[string]any) []string { return slices.Sorted(maps.Keys(fields)) }
