package sharepoint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Column is a column of a list.
type Column struct {
	ID          string   `json:"id"`
	Name        string   `json:"name" doc:"What items' fields call it"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Type        string   `json:"type,omitempty" doc:"text, number, currency, boolean, dateTime, choice, lookup, personOrGroup or hyperlinkOrPicture; empty for types that SharePoint does not tell, or that are not known here"`
	Choices     []string `json:"choices,omitempty"`
	Required    bool     `json:"required"`
	ReadOnly    bool     `json:"read_only"`
	Hidden      bool     `json:"hidden"`
	Indexed     bool     `json:"indexed" doc:"Lists can be filtered by it without unindexed"`
}

func columnOf(k graph.Column) Column {
	out := Column{ID: k.ID, Name: k.Name, Title: k.DisplayName, Description: k.Description, Type: typeOf(k.ColumnType), Required: k.Required, ReadOnly: k.ReadOnly, Hidden: k.Hidden, Indexed: k.Indexed}
	if k.Choice != nil {
		out.Choices = k.Choice.Choices
	}
	return out
}

func typeOf(t graph.ColumnType) string {
	switch {
	case t.Text != nil:
		return "text"
	case t.Number != nil:
		return "number"
	case t.Currency != nil:
		return "currency"
	case t.Boolean != nil:
		return "boolean"
	case t.DateTime != nil:
		return "dateTime"
	case t.Choice != nil:
		return "choice"
	case t.Lookup != nil:
		return "lookup"
	case t.PersonOrGroup != nil:
		return "personOrGroup"
	case t.HyperlinkOrPicture != nil:
		return "hyperlinkOrPicture"
	}
	return ""
}

// NewColumn is a column to be made.
type NewColumn struct {
	Name        string   `json:"name" minLength:"1" maxLength:"32" pattern:"^[A-Za-z_][A-Za-z0-9_]*$" doc:"What items' fields shall call it: letters, digits and underscores"`
	Title       string   `json:"title,omitempty" maxLength:"255" doc:"What people see; the name without"`
	Type        string   `json:"type" enum:"text,number,currency,boolean,dateTime,choice,personOrGroup" doc:"What it holds"`
	Choices     []string `json:"choices,omitempty" maxItems:"500" doc:"What can be chosen, of a choice"`
	Description string   `json:"description,omitempty" maxLength:"5000" doc:"Description"`
	Required    bool     `json:"required,omitempty" doc:"No item without it, where people enter it"`
	Indexed     bool     `json:"indexed,omitempty" doc:"Lists can be filtered by it"`
}

func prefix(name string, i int) string { return fmt.Sprintf("%s[%d].", name, i) }

func (k NewColumn) wrong(at string) []fault.Field {
	for i, r := range k.Name { // the schema's pattern is for people; here is what is refused
		if letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'; !letter && (i == 0 || r < '0' || r > '9') {
			return []fault.Field{{Name: at + "name", Message: "may have letters, digits and underscores, and begins with no digit"}}
		}
	}
	switch {
	case k.Type == "choice" && len(k.Choices) == 0:
		return []fault.Field{{Name: at + "choices", Message: "is missing: a choice needs something to choose"}}
	case k.Type != "choice" && len(k.Choices) > 0:
		return []fault.Field{{Name: at + "choices", Message: "goes with the type choice alone"}}
	}
	return nil
}

func (k NewColumn) change() graph.ColumnChange {
	out := graph.ColumnChange{Name: k.Name, DisplayName: k.Title}
	if k.Description != "" {
		out.Description = &k.Description
	}
	if k.Required {
		out.Required = &k.Required
	}
	if k.Indexed {
		out.Indexed = &k.Indexed
	}
	is := &struct{}{}
	switch k.Type {
	case "text":
		out.Text = is
	case "number":
		out.Number = is
	case "currency":
		out.Currency = is
	case "boolean":
		out.Boolean = is
	case "dateTime":
		out.DateTime = is
	case "choice":
		out.Choice = &graph.ColumnChoice{Choices: k.Choices}
	case "personOrGroup":
		out.PersonOrGroup = is
	}
	return out
}

// Columns are a list's.
type Columns struct {
	Columns []Column `json:"columns"`
}

// ColumnIn names one column.
type ColumnIn struct {
	ListIn
	Column string `json:"column" minLength:"1" maxLength:"255" doc:"Column by name or id"`
}

// ColumnCreateIn is a new column.
type ColumnCreateIn struct {
	ListIn
	NewColumn
}

// Check finds what is no site and a column that cannot be.
func (in ColumnCreateIn) Check() error {
	return fault.OfFields(append(in.Wrong(), in.wrong("")...))
}

// ColumnUpdateIn changes a column. What is left out stays; what it holds cannot be changed.
type ColumnUpdateIn struct {
	ColumnIn
	Title       string   `json:"title,omitempty" maxLength:"255" doc:"What people see"`
	Description *string  `json:"description,omitempty" maxLength:"5000" doc:"Description"`
	Required    *bool    `json:"required,omitempty" doc:"No item without it, where people enter it"`
	Indexed     *bool    `json:"indexed,omitempty" doc:"Lists can be filtered by it"`
	Choices     []string `json:"choices,omitempty" maxItems:"500" doc:"What can be chosen, of a choice, instead of what could be until now"`
}

// Check wants something to change.
func (in ColumnUpdateIn) Check() error {
	wrong := in.Wrong()
	if in.Title == "" && in.Description == nil && in.Required == nil && in.Indexed == nil && len(in.Choices) == 0 {
		wrong = append(wrong, fault.Field{Name: "title", Message: "is missing: nothing is to be changed; give title, description, required, indexed or choices"})
	}
	return fault.OfFields(wrong)
}

func columnActions() []action.Action {
	return []action.Action{
		define(action.Spec{Name: "sharepoint.column.list", Summary: "List the columns of a list: what its items can hold.", Effect: action.Reads, Operations: []m365.OperationKey{get + columns}, Args: []string{"site", "list"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ListIn) (Columns, error) {
				all, err := columnsOf(ctx, s, in.List)
				return Columns{all}, err
			}),
		define(action.Spec{Name: "sharepoint.column.get", Summary: "Read one column of a list.", Effect: action.Reads, Operations: []m365.OperationKey{get + column}, Args: []string{"site", "list", "column"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ColumnIn) (Column, error) {
				k, err := graph.Get[graph.Column](ctx, s.Graph, s.Column(in.List, in.Column))
				return columnOf(k), err
			}),
		once.Define(action.Spec{Name: "sharepoint.column.create", Summary: "Add a column to a list.", Effect: action.Writes, Operations: []m365.OperationKey{siteAt, get + columns, post + columns}, Capability: m365.SharePoint}, ColumnCreateIn.addition),
		define(action.Spec{Name: "sharepoint.column.update", Summary: "Change a column of a list.", Effect: action.Writes, Repeatable: true, Operations: []m365.OperationKey{patch + column}, Args: []string{"site", "list", "column"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ColumnUpdateIn) (Column, error) {
				change := graph.ColumnChange{DisplayName: in.Title, Description: in.Description, Required: in.Required, Indexed: in.Indexed}
				if len(in.Choices) > 0 {
					change.Choice = &graph.ColumnChoice{Choices: in.Choices}
				}
				k, err := graph.Patch[graph.Column](ctx, s.Graph, s.Column(in.List, in.Column), change, graph.Idempotent())
				return columnOf(k), err
			}),
		define(action.Spec{Name: "sharepoint.column.delete", Summary: "Delete a column of a list with what items hold in it.", Effect: action.Deletes, Repeatable: true, Operations: []m365.OperationKey{remove + column}, Args: []string{"site", "list", "column"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in ColumnIn) (Deleted, error) {
				return Deleted{in.Column}, graph.Delete(ctx, s.Graph, s.Column(in.List, in.Column))
			}),
	}
}

func columnsOf(ctx context.Context, s place.SitePlace, list string, opts ...graph.Option) ([]Column, error) {
	out := []Column{}
	for k, err := range graph.List[graph.Column](ctx, s.Graph, s.Columns(list), opts...) {
		if err != nil {
			return out, err
		}
		out = append(out, columnOf(k))
	}
	return out, nil
}

func (in ColumnCreateIn) addition(ctx context.Context, c action.Call) (once.Addition[Column], error) {
	s, err := in.site().In(ctx, c)
	return once.Addition[Column]{
		List: func(ctx context.Context, proof graph.Option) ([]Column, error) {
			all, err := columnsOf(ctx, s, in.List, proof)
			return all, place.NotGranted(ctx, c, err)
		},
		ID: func(k Column) string { return k.ID },
		Is: func(k Column) bool { return strings.EqualFold(k.Name, in.Name) },
		Make: func(ctx context.Context) (Column, error) {
			k, err := graph.Post[graph.Column](ctx, s.Graph, s.Columns(in.List), in.change())
			return columnOf(k), place.NotGranted(ctx, c, err)
		},
	}, err
}

// named finds the column that a field of an item belongs to. People and entries of other lists are written by their number there, as
// <name>LookupId.
func named(all []Column, field string) (Column, bool) {
	i := slices.IndexFunc(all, func(k Column) bool {
		return k.Name == field || (k.Type == "lookup" || k.Type == "personOrGroup" || k.Type == "") && field == k.Name+"LookupId"
	})
	if i < 0 {
		return Column{}, false
	}
	return all[i], true
}
