package odata

import (
	"testing"
)

func TestFilter(t *testing.T) {
	o := map[string]any{
		"subject": "Printer's offline", "isRead": false, "size": 12, "receivedDateTime": "2026-11-02T10:00:00Z", "none": nil,
		"from":       map[string]any{"emailAddress": map[string]any{"address": "Nora@northwind.example"}},
		"categories": []any{"red", "blue"},
		"props":      []any{map[string]any{"id": "String {x} Name key", "value": "42"}},
	}
	tests := []struct {
		filter string
		want   bool
	}{
		{"subject eq 'printer''s offline'", true},
		{"isRead eq false and size gt 10", true},
		{"isRead eq true or size le 12", true},
		{"not (isRead eq true)", true},
		{"not startswith(subject,'Print')", false},
		{"from/emailAddress/address eq 'nora@northwind.example'", true},
		{"receivedDateTime ge 2026-11-01", true},
		{"receivedDateTime lt 2026-11-02T09:59:59Z", false},
		{"endswith(from/emailAddress/address,'northwind.example')", true},
		{"contains(subject, 'OFFLINE')", true},
		{"contains(subject, 'x') eq false", true},
		{"categories/any(c:c eq 'red')", true},
		{"categories/any(c: c eq 'green')", false},
		{"categories/any()", true},
		{"props/any(ep: ep/id eq 'String {x} Name key' and ep/value eq '42')", true},
		{"size in (1, 12)", true},
		{"subject in ('a','b')", false},
		{"none eq null", true},
		{"subject ne null", true},
		{"tolower(subject) eq 'printer''s offline'", true},
	}
	for _, tt := range tests {
		e, err := ParseFilter(tt.filter)
		if err != nil {
			t.Errorf("%s: %v", tt.filter, err)
			continue
		}
		if got := e.Match(o); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.filter, got, tt.want)
		}
	}
}

func TestBadFilters(t *testing.T) {
	for _, f := range []string{"", "subject", "subject eq", "subject eq 'x", "(subject eq 'x'", "subject eq 'x')", "foo(subject)", "a/any(x eq 1)", "size in (1", "subject is 'x'", "eq eq"} {
		if e, err := ParseFilter(f); err == nil {
			t.Errorf("%q: got %v, want an error", f, e)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{"a eq 'b'", "not (a/b gt 1 or c in ('x','y'))", "l/any(x:x/a eq null)", "startswith(tolower(a),'b')"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseFilter(s)
		if err != nil {
			return
		}
		e.Match(map[string]any{"a": "b", "l": []any{map[string]any{"a": nil}}})
		e.Paths(func(string, string) {})
	})
}
