package cursor_test

import (
	"encoding/base64"
	"testing"

	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

func TestACursorGoesOnWithItsOwnQuestionAlone(t *testing.T) {
	const token graph.PageToken = "$skiptoken=a b/c=="
	text := cursor.Write(token, "ada", "folder", 10)
	if got, err := cursor.Read(text, "ada", "folder", 10); err != nil || got != token {
		t.Errorf("got %q, %v", got, err)
	}
	if cursor.Write("", "ada") != "" {
		t.Error("where nothing follows there is a cursor")
	}
	for _, tt := range []struct{ name, text string }{
		{"of another question", cursor.Write(token, "ben", "folder", 10)},
		{"no base64", "%%%"},
		{"no cursor", base64.RawURLEncoding.EncodeToString([]byte(`[1]`))},
		{"without a place", base64.RawURLEncoding.EncodeToString([]byte(`{"q":"x"}`))},
	} {
		if _, err := cursor.Read(tt.text, "ada", "folder", 10); fault.KindOf(err) != fault.Invalid || fault.As(err).Fields[0].Name != "cursor" {
			t.Errorf("%s: got %v, want the field cursor named", tt.name, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor.Write("$skip=10", "ada"))
	f.Add("bnVsbA")
	f.Fuzz(func(t *testing.T, text string) {
		page, err := cursor.Read(text, "ada")
		if err != nil || page == "" {
			return
		}
		if again, err := cursor.Read(cursor.Write(page, "ada"), "ada"); err != nil || again != page {
			t.Errorf("%q became %q, %v", page, again, err)
		}
	})
}
