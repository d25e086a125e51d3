package sharepoint

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Item is an item of a list. Its fields are whatever the list has columns for, by the columns' names.
type Item struct {
	ID         string      `json:"id"`
	ETag       string      `json:"etag,omitempty" doc:"Version; give it as if_match to change only this one"`
	WebURL     string      `json:"web_url,omitempty"`
	Type       string      `json:"content_type,omitempty" doc:"Content type by name"`
	Created    time.Time   `json:"created,omitzero"`
	CreatedBy  string      `json:"created_by,omitempty" doc:"Name of the person or app"`
	Modified   time.Time   `json:"modified,omitzero"`
	ModifiedBy string      `json:"modified_by,omitempty" doc:"Name of the person or app"`
	Fields     action.Open `json:"fields,omitempty" doc:"Values by the names of the columns"`
}

func itemOf(i graph.ListItem) Item {
	return Item{i.ID, i.ETag, i.WebURL, i.ContentType.Name, i.CreatedDateTime, nameOf(i.CreatedBy), i.LastModifiedDateTime, nameOf(i.LastModifiedBy), plain(i.Fields)}
}

func nameOf(by graph.IdentitySet) string {
	switch {
	case by.User != nil:
		return cmp.Or(by.User.DisplayName, by.User.Email, by.User.ID)
	case by.Application != nil:
		return cmp.Or(by.Application.DisplayName, by.Application.ID)
	}
	return ""
}

// plain leaves out what is the wire's: annotations.
func plain(fields graph.Fields) action.Open {
	out := action.Open{}
	for name, v := range fields {
		if !strings.Contains(name, "@odata.") {
			out[name] = v
		}
	}
	return out
}

// Condition is what a field of an item must be.
type Condition struct {
	Field string `json:"field" minLength:"1" maxLength:"255" doc:"Column by name"`
	Is    string `json:"is,omitempty" enum:"eq,ne,lt,le,gt,ge,startswith" doc:"How it compares with the value; eq without"`
	Value any    `json:"value" doc:"Text, number, or true and false"`
}

// ItemsIn asks for items of a list.
type ItemsIn struct {
	ListIn
	Where     []Condition `json:"where,omitempty" maxItems:"10" doc:"Only items that meet all of these"`
	Unindexed bool        `json:"unindexed,omitempty" doc:"Conditions may name columns without an index; Microsoft may then fail on lists of more than 5,000 items"`
	Columns   []string    `json:"columns,omitempty" maxItems:"100" doc:"Only these fields, by the names of their columns; all without"`
	Limit     int         `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many items a page; 100 without"`
	Cursor    string      `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

func (in ItemsIn) question() []any {
	return []any{"items", in.Named, in.List, in.Where, in.Unindexed, in.Columns}
}

// Check finds what is no site, conditions that cannot be, and a foreign cursor.
func (in ItemsIn) Check() error {
	wrong := append(in.Wrong(), wrongColumns(in.Columns)...)
	for i, k := range in.Where {
		if _, err := k.filter(); err != "" {
			wrong = append(wrong, fault.Field{Name: prefix("where", i) + "value", Message: err})
		}
		if !isName(k.Field) {
			wrong = append(wrong, fault.Field{Name: prefix("where", i) + "field", Message: notAName})
		}
	}
	if err := fault.OfFields(wrong); err != nil {
		return err
	}
	return cursor.Check(in.Cursor, in.question()...)
}

const notAName = "is not the name of a column: see sharepoint.column.list"

// isName keeps names from meaning something else in a question: internal names are of letters, digits and underscores, of any script.
func isName(s string) bool { return s != "" && !strings.ContainsAny(s, " '\"(),/&?#%$=;") }

func wrongColumns(names []string) []fault.Field {
	for i, n := range names {
		if !isName(n) {
			return []fault.Field{{Name: fmt.Sprintf("columns[%d]", i), Message: notAName}}
		}
	}
	return nil
}

// filter writes the condition as Microsoft asks for it, or says what is wrong with its value.
func (k Condition) filter() (expression, wrong string) {
	var value string
	switch v := k.Value.(type) {
	case string:
		value = graph.Quote(v)
	case float64, bool:
		value = fmt.Sprint(v)
	default:
		return "", "must be text, a number, or true or false"
	}
	if k.Is == "startswith" {
		if _, text := k.Value.(string); !text {
			return "", "must be text to begin with"
		}
		return "startswith(fields/" + k.Field + "," + value + ")", ""
	}
	return "fields/" + k.Field + " " + cmp.Or(k.Is, "eq") + " " + value, ""
}

// Items is one page of items.
type Items struct {
	Items      []Item `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; the last page has none"`
}

// ItemIn names one item.
type ItemIn struct {
	ListIn
	Item string `json:"item" minLength:"1" maxLength:"50" doc:"Item by id"`
}

// Version is what an item was at a time; the newest is what it is.
type Version struct {
	ID         string      `json:"id"`
	Modified   time.Time   `json:"modified,omitzero"`
	ModifiedBy string      `json:"modified_by,omitempty" doc:"Name of the person or app"`
	Fields     action.Open `json:"fields,omitempty" doc:"Values by the names of the columns"`
}

// Versions are an item's, the newest first.
type Versions struct {
	Versions []Version `json:"versions"`
}

func itemActions() []action.Action {
	return append([]action.Action{
		define(action.Spec{Name: "sharepoint.list_item.list", Summary: "List the items of a list, all or those that meet conditions.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + items}, MayCall: []m365.OperationKey{get + columns}, Args: []string{"site", "list"}}, itemsOf),
		define(action.Spec{Name: "sharepoint.list_item.get", Summary: "Read one item of a list with its fields.", Effect: action.Reads, Operations: []m365.OperationKey{get + item}, Args: []string{"site", "list", "item"}}, getItem),
		define(action.Spec{Name: "sharepoint.list_item.version.list", Summary: "List what an item of a list is and was.", Effect: action.Reads, Operations: []m365.OperationKey{get + item + "/versions"}, Args: []string{"site", "list", "item"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ItemIn) (Versions, error) {
				out := Versions{Versions: []Version{}}
				for v, err := range graph.List[graph.ListItemVersion](ctx, s.Graph, s.Item(in.List, in.Item).Sub("versions"), graph.ExpandFields()) {
					if err != nil {
						return out, err
					}
					out.Versions = append(out.Versions, Version{v.ID, v.LastModifiedDateTime, nameOf(v.LastModifiedBy), plain(v.Fields)})
				}
				return out, nil
			}),
	}, writeActions()...)
}

func itemsOf(ctx context.Context, _ action.Call, s place.SitePlace, in ItemsIn) (Items, error) {
	opts := []graph.Option{graph.ExpandFields(in.Columns...), graph.Top(cmp.Or(in.Limit, 100))}
	var all []string
	for _, k := range in.Where {
		expression, _ := k.filter() // Check has seen it
		all = append(all, expression)
	}
	if len(all) > 0 {
		opts = append(opts, graph.Filter(strings.Join(all, " and ")))
	}
	if in.Unindexed {
		opts = append(opts, graph.WithoutIndex())
	}
	from := cursor.Start{Graph: s.Graph, Path: s.Items(in.List), Text: in.Cursor, Question: in.question()}
	list, next, err := cursor.Page(ctx, from, itemOf, opts...)
	return Items{list, next}, in.refused(ctx, s, err)
}

func getItem(ctx context.Context, _ action.Call, s place.SitePlace, in ItemIn) (Item, error) {
	i, err := graph.Get[graph.ListItem](ctx, s.Graph, s.Item(in.List, in.Item), graph.ExpandFields())
	return itemOf(i), err
}
