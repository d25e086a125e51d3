package dispatch

import (
	"slices"
	"testing"
)

func TestCategoriesInOneLine(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		want       []string
	}{
		{"none", " ", nil},
		{"as people write them", "Field,North , ,South", []string{"Field", "North", "South"}},
		{"one with a comma", `Field, "Site, north"`, []string{"Field", "Site, north"}},
		{"inches", `5" pipe, Field`, []string{`5" pipe`, "Field"}},
		{"half in quotes", `"A" or B, C`, []string{`"A" or B`, "C"}},
		{"quotes that do not end", `"A, B`, []string{`"A`, "B"}},
	} {
		if got := Unlisted(tt.line); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzCategoriesInOneLine(f *testing.F) {
	f.Add("Field", "Site, north")
	f.Add(`5" pipe`, `"`)
	f.Add(`a\b`, "`x`")
	f.Fuzz(func(t *testing.T, a, b string) {
		want := SlotIn{Categories: []string{a, b}}.want().Categories
		if got := Unlisted(Listed(want)); !slices.Equal(got, want) {
			t.Errorf("%q is read as %q", want, got)
		}
	})
}
