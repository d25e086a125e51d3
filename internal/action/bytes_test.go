package action_test

import (
	"mime"
	"strings"
	"testing"
	"unicode"

	"seneschal/internal/action"
)

func TestBytesAreKeptUnderTheirName(t *testing.T) {
	for _, tt := range []struct{ situation, name, header, kept string }{
		{"a plain one", "Plan 2031.docx", `attachment; filename="Plan 2031.docx"`, "Plan 2031.docx"},
		{"none", "", `attachment; filename="drive.item.download"`, "drive.item.download"},
		{"dots alone", "..", `attachment; filename="drive.item.download"`, "drive.item.download"},
		{"quotes", `a"; filename="b.exe`, `attachment; filename="a_; filename=_b.exe"; filename*=UTF-8''a%22%3B%20filename%3D%22b.exe`, `a"; filename="b.exe`},
		{"a line break and another header", "a\r\nSet-Cookie: b", `attachment; filename="a__Set-Cookie: b"`, "a__Set-Cookie: b"},
		{"a way up", `../../etc/passwd`, `attachment; filename=".._.._etc_passwd"`, ".._.._etc_passwd"},
		{"a way of Windows", `C:\Windows\x.dll`, `attachment; filename="C:_Windows_x.dll"`, "C:_Windows_x.dll"},
		{"percent signs", "100%41.txt", `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`, "100%41.txt"},
		{"another script", "Straße 文档.pdf", `attachment; filename="Stra_e __.pdf"; filename*=UTF-8''Stra%C3%9Fe%20%E6%96%87%E6%A1%A3.pdf`, "Straße 文档.pdf"},
		{"text turned round", "invoice\u202efdp.exe", `attachment; filename="invoice_fdp.exe"`, "invoice_fdp.exe"},
		{"no UTF-8", "a\xff.txt", `attachment; filename="a_.txt"`, "a_.txt"},
		{"an apostrophe", "it's.txt", `attachment; filename="it's.txt"`, "it's.txt"},
	} {
		got := action.Bytes{Name: tt.name}.Disposition("drive.item.download")
		if got != tt.header {
			t.Errorf("%s: got %s, want %s", tt.situation, got, tt.header)
		}
		if kept := keptAs(t, got); kept != tt.kept {
			t.Errorf("%s: kept as %q, want %q", tt.situation, kept, tt.kept)
		}
	}
}

// keptAs reads the header as a client does: the encoded form counts where there is one.
func keptAs(t *testing.T, header string) string {
	t.Helper()
	if plain, both, is := strings.Cut(header, "; filename*="); is {
		if _, _, err := mime.ParseMediaType(plain); err != nil {
			t.Errorf("%s: the plain form alone: %v", header, err)
		}
		header = "attachment; filename*=" + both
	}
	how, params, err := mime.ParseMediaType(header)
	if err != nil || how != "attachment" {
		t.Fatalf("%s: %v", header, err)
	}
	return params["filename"]
}

func FuzzDisposition(f *testing.F) {
	for _, name := range []string{"a.txt", "a\"\r\n", "%41", "\u202e", "\xff", "日"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		header := action.Bytes{Name: name}.Disposition("x")
		if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q: the header is %q", name, header)
		}
		kept := keptAs(t, header)
		if kept == "" || strings.ContainsAny(kept, `/\`) || strings.ContainsFunc(kept, unicode.IsControl) {
			t.Errorf("%q is kept as %q", name, kept)
		}
	})
}
