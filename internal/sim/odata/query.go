package odata

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Query is the system query options of one request.
type Query struct {
	Select    []string
	Expand    []string
	Filter    *Filter // nil: all
	FilterRaw string  // as written
	OrderBy   []Order
	Search    string
	Top, Skip int // Top is -1 when it was not said
	Count     bool
	SkipToken string
}

// Order is one key of $orderby.
type Order struct {
	Path string
	Desc bool
}

// Parse reads the options; the leading $ may be missing or encoded, and case does not matter.
func Parse(v url.Values) (Query, error) {
	q := Query{Top: -1}
	for name, values := range v {
		value := values[len(values)-1]
		var err error
		switch strings.ToLower(strings.TrimPrefix(name, "$")) {
		case "select":
			q.Select = list(value)
		case "expand":
			q.Expand = split(value, ',')
		case "filter":
			q.FilterRaw = value
			q.Filter, err = ParseFilter(value)
		case "orderby":
			q.OrderBy, err = orders(value)
		case "search":
			q.Search = value
		case "top":
			q.Top, err = number(value)
		case "skip":
			q.Skip, err = number(value)
		case "count":
			q.Count = strings.EqualFold(value, "true")
		case "skiptoken":
			q.SkipToken = value
		}
		if err != nil {
			return q, fmt.Errorf("%s: %w", name, err)
		}
	}
	return q, nil
}

func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("invalid value %q: a non-negative number is needed", s)
	}
	return n, nil
}

func list(s string) []string {
	var out []string
	for f := range strings.SplitSeq(s, ",") {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}

// split separates at sep outside of parentheses and quotes.
func split(s string, sep byte) []string {
	var out []string
	depth, quoted, from := 0, false, 0
	for i := range len(s) {
		switch {
		case s[i] == '\'':
			quoted = !quoted
		case quoted:
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		case s[i] == sep && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	if rest := strings.TrimSpace(s[from:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

func orders(s string) ([]Order, error) {
	var out []Order
	for _, part := range list(s) {
		f := strings.Fields(part)
		o := Order{Path: f[0]}
		switch {
		case len(f) == 1:
		case len(f) == 2 && strings.EqualFold(f[1], "desc"):
			o.Desc = true
		case len(f) == 2 && strings.EqualFold(f[1], "asc"):
		default:
			return nil, fmt.Errorf("cannot order by %q", part)
		}
		out = append(out, o)
	}
	return out, nil
}

// Sort orders objects by the keys; without keys it keeps their order.
func Sort(objs []map[string]any, by []Order) {
	if len(by) == 0 {
		return
	}
	slices.SortStableFunc(objs, func(a, b map[string]any) int {
		for _, o := range by {
			c := compareAny(Lookup(a, o.Path), Lookup(b, o.Path))
			if o.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

func compareAny(a, b any) int {
	if c, ok := compare(a, b); ok {
		return c
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// Lookup follows a path such as from/emailAddress/address; property names match in any case.
func Lookup(o map[string]any, path string) any {
	var v any = o
	for name := range strings.SplitSeq(path, "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = property(m, name)
	}
	return v
}

func property(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// Project keeps the selected properties, and always those that begin with @ and the id.
func Project(o map[string]any, sel []string) map[string]any {
	if len(sel) == 0 || slices.Contains(sel, "*") {
		return o
	}
	out := map[string]any{}
	for k, v := range o {
		if k == "id" || strings.HasPrefix(k, "@") || Selected(sel, k) {
			out[k] = v
		}
	}
	return out
}

// Project keeps what the query selects, and what it expands (OData 4.01 part 1, 11.2.5.2: $select does not take away what $expand brings).
func (q Query) Project(o map[string]any) map[string]any {
	sel := q.Select
	for _, e := range q.Expand {
		if name, _, _ := strings.Cut(e, "("); len(q.Select) > 0 {
			sel = append(slices.Clip(sel), name)
		}
	}
	return Project(o, sel)
}

// Selected tells whether $select names a property.
func Selected(sel []string, name string) bool {
	for _, s := range sel {
		if head, _, _ := strings.Cut(s, "/"); strings.EqualFold(head, name) {
			return true
		}
	}
	return false
}
