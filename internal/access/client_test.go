package access

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// An address that a program registers is one that a browser only opens: it runs nothing, hides nobody, and adds nothing to the page's policy.
func FuzzRedirect(f *testing.F) {
	for _, seed := range []string{"https://claude.example/callback?x=1", "http://localhost:1/x", "http://[::1]/", "cursor://x/y", "JavaScript:alert(1)", "https://a.example/;script-src *", "http://127.0.0.1@evil.example/", "https:///x", "http://localhost.evil.example/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if checkRedirect(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || slices.Contains([]string{"javascript", "data", "file", "vbscript", "blob"}, strings.ToLower(u.Scheme)) || u.User != nil || strings.ContainsAny(raw, " ;,'\"\r\n") {
			t.Fatalf("%q is taken", raw)
		}
		if u.Scheme == "http" && !isLoopback(u) {
			t.Fatalf("%q is taken without encryption", raw)
		}
		if !(Client{Redirects: []string{raw}}).takes(raw) {
			t.Fatalf("%q is registered and not taken", raw)
		}
		if other := "https://elsewhere.example/"; raw != other && (Client{Redirects: []string{raw}}).takes(other) {
			t.Fatalf("%q lets %s in", raw, other)
		}
	})
}
