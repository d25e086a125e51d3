package action

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"seneschal/internal/fault"
)

// inline is a registry without references: every schema stands whole where it is used, as MCP clients and forms want it. A type inside
// itself is an object there: we have no deeper ones.
type inline struct{ open map[reflect.Type]bool }

// Schema gives the type's schema, whole.
func (i inline) Schema(t reflect.Type, _ bool, _ string) *huma.Schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return huma.SchemaFromType(i, t)
	}
	if i.open[t] {
		return &huma.Schema{Type: huma.TypeObject}
	}
	i.open[t] = true
	defer delete(i.open, t)
	return huma.SchemaFromType(i, t)
}

// SchemaFromRef finds nothing: there are no references.
func (inline) SchemaFromRef(string) *huma.Schema { return nil }

// TypeFromRef finds nothing: there are no references.
func (inline) TypeFromRef(string) reflect.Type { return nil }

// Map is empty: there are no references.
func (inline) Map() map[string]*huma.Schema { return nil }

// RegisterTypeAlias is not used.
func (inline) RegisterTypeAlias(reflect.Type, reflect.Type) {}

// schemaOf is the JSON schema of a type, without references.
func schemaOf[T any]() *huma.Schema {
	return inline{open: map[reflect.Type]bool{}}.Schema(reflect.TypeFor[T](), false, "")
}

// decode checks raw against the schema, naming every wrong field, and then reads it into out.
func decode(s *huma.Schema, raw json.RawMessage, out any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		f := fault.BadField("(input)", "is not JSON: %v", err)
		return f
	}
	var c checker
	c.value(s, "", v)
	if len(c.wrong) > 0 {
		return fault.BadFields(c.wrong...)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fault.BadField("(input)", "does not fit: %v", err)
	}
	return nil
}

// checker walks a value along its schema and collects what is wrong, with the path of each field.
type checker struct{ wrong []fault.Field }

func (c *checker) bad(path, format string, args ...any) {
	if path == "" {
		path = "(input)"
	}
	c.wrong = append(c.wrong, fault.Field{Name: path, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) value(s *huma.Schema, path string, v any) {
	if v == nil {
		if !s.Nullable {
			c.bad(path, "is null")
		}
		return
	}
	if len(s.OneOf) > 0 {
		return // alternatives are told apart by the type's own decoder
	}
	switch s.Type {
	case huma.TypeObject:
		c.object(s, path, v)
	case huma.TypeArray:
		c.array(s, path, v)
	case huma.TypeString:
		c.text(s, path, v)
	case huma.TypeInteger, huma.TypeNumber:
		c.number(s, path, v)
	case huma.TypeBoolean:
		if _, ok := v.(bool); !ok {
			c.bad(path, "must be true or false")
		}
	}
}

func (c *checker) object(s *huma.Schema, path string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		c.bad(path, "must be an object")
		return
	}
	for _, name := range s.Required {
		if _, ok := m[name]; !ok {
			c.bad(join(path, name), "is missing")
		}
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if p, ok := s.Properties[name]; ok {
			c.value(p, join(path, name), m[name])
			continue
		}
		switch more := s.AdditionalProperties.(type) {
		case *huma.Schema:
			c.value(more, join(path, name), m[name])
		case bool:
			if !more {
				c.bad(join(path, name), "is not a field; there are %s", strings.Join(properties(s), ", "))
			}
		}
	}
}

func properties(s *huma.Schema) []string {
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (c *checker) array(s *huma.Schema, path string, v any) {
	list, ok := v.([]any)
	if !ok {
		c.bad(path, "must be a list")
		return
	}
	if s.MinItems != nil && len(list) < *s.MinItems {
		c.bad(path, "must have at least %d entries", *s.MinItems)
	}
	if s.MaxItems != nil && len(list) > *s.MaxItems {
		c.bad(path, "must have at most %d entries", *s.MaxItems)
	}
	for i, e := range list {
		c.value(s.Items, fmt.Sprintf("%s[%d]", path, i), e)
	}
}

func (c *checker) text(s *huma.Schema, path string, v any) {
	t, ok := v.(string)
	if !ok {
		c.bad(path, "must be text")
		return
	}
	n := utf8.RuneCountInString(t)
	switch {
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, any(t)):
		c.bad(path, "is %q; allowed are %v", t, s.Enum)
	case s.MinLength != nil && n < *s.MinLength:
		c.bad(path, "is too short: at least %d characters", *s.MinLength)
	case s.MaxLength != nil && n > *s.MaxLength:
		c.bad(path, "is too long: at most %d characters, these are %d", *s.MaxLength, n)
	case s.Format == "date-time":
		if _, err := time.Parse(time.RFC3339, t); err != nil {
			c.bad(path, "is not a time like 2026-11-21T09:00:00+01:00")
		}
	}
}

func (c *checker) number(s *huma.Schema, path string, v any) {
	n, ok := v.(float64)
	switch {
	case !ok:
		c.bad(path, "must be a number")
	case s.Type == huma.TypeInteger && n != math.Trunc(n):
		c.bad(path, "must be a whole number")
	case s.Minimum != nil && n < *s.Minimum:
		c.bad(path, "must be at least %v", *s.Minimum)
	case s.Maximum != nil && n > *s.Maximum:
		c.bad(path, "must be at most %v", *s.Maximum)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
