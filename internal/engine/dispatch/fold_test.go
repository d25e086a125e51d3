package dispatch

import (
	"bytes"
	"strings"
	"testing"
)

func FuzzFolded(f *testing.F) {
	f.Add("SUMMARY:Visit\r\n")
	f.Add("DESCRIPTION:" + strings.Repeat("x", 300) + "\r\nEND:VEVENT\r\n")
	f.Add("DESCRIPTION:" + strings.Repeat("ä€😀", 100) + "\r\n")
	f.Add(strings.Repeat("x", 75) + "\r\n" + strings.Repeat("y", 76))
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\r", "")
		got := folded([]byte(text))
		for line := range bytes.Lines(got) {
			if n := len(bytes.TrimRight(line, "\r\n")); n > 75 {
				t.Errorf("a line has %d octets: %q", n, line)
			}
		}
		if back := strings.ReplaceAll(string(got), "\r\n ", ""); back != text {
			t.Errorf("%q is read back as %q", text, back)
		}
	})
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"one\r\ntwo": "one\ntwo", "one\rtwo\n": "one\ntwo\n", "a\x00b\x1bc\td": "abc\td", "Größe €": "Größe €"} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}
