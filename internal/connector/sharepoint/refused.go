package sharepoint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
)

// refused names the conditions that Microsoft did not accept, and the fields that were asked for and are none.
func (in ItemsIn) refused(ctx context.Context, s place.SitePlace, err error) error {
	return explained(ctx, s, in.List, err, func(all []Column) (wrong []fault.Field) {
		for i, k := range in.Where {
			column, is := named(all, k.Field)
			switch {
			case !is:
				wrong = append(wrong, fault.Field{Name: prefix("where", i) + "field", Message: noColumn(all)})
			case !column.Indexed && !in.Unindexed:
				wrong = append(wrong, fault.Field{Name: prefix("where", i) + "field", Message: "has no index: give unindexed, or have sharepoint.column.update make it indexed"})
			}
		}
		for i, name := range in.Columns {
			if _, is := named(all, name); !is {
				wrong = append(wrong, fault.Field{Name: fmt.Sprintf("columns[%d]", i), Message: noColumn(all)})
			}
		}
		return wrong
	})
}

// refusedFields names the fields of an item that Microsoft did not accept.
func refusedFields(ctx context.Context, s place.SitePlace, list string, fields map[string]any, err error) error {
	return explained(ctx, s, list, err, func(all []Column) (wrong []fault.Field) {
		for _, name := range sorted(fields) {
			column, is := named(all, name)
			switch {
			case !is:
				wrong = append(wrong, fault.Field{Name: "fields." + name, Message: noColumn(all)})
			case column.ReadOnly:
				wrong = append(wrong, fault.Field{Name: "fields." + name, Message: "is SharePoint's to write"})
			case !column.takes(name, fields[name]):
				wrong = append(wrong, fault.Field{Name: "fields." + name, Message: "is of another type than the column, which holds " + wanted[column.Type]})
			}
		}
		return wrong
	})
}

// explained reads a list's columns when Microsoft did not accept what was sent, and has the fields named. Microsoft's own words are not
// read: they say which field in a sentence, and sentences change.
func explained(ctx context.Context, s place.SitePlace, list string, err error, find func([]Column) []fault.Field) error {
	if fault.KindOf(err) != fault.Invalid || fault.As(err).Upstream == nil {
		return err
	}
	all, readErr := columnsOf(ctx, s, list)
	if readErr != nil {
		return err
	}
	wrong := find(all)
	if len(wrong) == 0 {
		return err
	}
	f := fault.BadFields(wrong...)
	f.Upstream = fault.As(err).Upstream
	return f
}

func noColumn(all []Column) string {
	names := []string{}
	for _, k := range all {
		if !k.Hidden && !k.ReadOnly {
			names = append(names, k.Name)
		}
	}
	slices.Sort(names)
	return "is none of the list's columns; there are " + strings.Join(names, ", ")
}

// wanted says for people what a column holds.
var wanted = map[string]string{"text": "text", "dateTime": "a time like 2031-03-04T09:00:00Z", "choice": "text, or a list of texts", "number": "a number", "currency": "a number", "boolean": "true or false",
	"lookup": "the number of an entry, as <name>LookupId", "personOrGroup": "the number of a person, as <name>LookupId", "hyperlinkOrPicture": "an object with Url and Description"}

// takes says whether a value can be one of the column's; of types that are not known here nothing is said.
func (k Column) takes(field string, v any) bool {
	if v == nil || wanted[k.Type] == "" {
		return true
	}
	_, text := v.(string)
	_, number := v.(float64)
	switch k.Type {
	case "text", "dateTime":
		return text
	case "choice":
		_, list := v.([]any)
		return text || list
	case "number", "currency":
		return number
	case "boolean":
		_, is := v.(bool)
		return is
	case "hyperlinkOrPicture":
		_, is := v.(map[string]any)
		return is
	}
	_, list := v.([]any)
	return strings.HasSuffix(field, "LookupId") && (text || number || list)
}
