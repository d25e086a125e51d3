package customer

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// What is taken for an address is compared with claims: reading it again changes nothing, and its domain is one that can be claimed.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"nora@northwind.example", "Nora West <NORA@NorthWind.Example>", `"a b"@x.example`, "ü@münchen.example", "a@b@c", "/O=EXCHANGE/CN=NORA", "x@[127.0.0.1]", "a@xn--a.example", "a@.", "\x00@x.example", "=?utf-8?q?a?= <a@b.example>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := Address(s)
		if !ok {
			return
		}
		if again, ok := Address(a); !ok || again != a {
			t.Errorf("%q is %q, and that is %q (%v)", s, a, again, ok)
		}
		_, host, _ := strings.Cut(a[strings.LastIndexByte(a, '@'):], "@")
		if a != strings.ToLower(a) || host == "" || strings.ContainsAny(host, " @|\x00") || !utf8.ValidString(a) || strings.ContainsRune(a, 0) {
			t.Errorf("%q is %q", s, a)
		}
	})
}

// What is taken for a domain can be claimed again as it is written down, and covers the addresses in it.
func FuzzDomain(f *testing.F) {
	for _, s := range []string{"northwind.example", "https://WWW.Northwind.example/", "*.x.example", "@x.example", "münchen.example", "com", "co.uk", "gmail.com", "a..b", "xn--a", ".", "a b.example", "１.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := domain(s)
		if err != nil {
			return
		}
		if again, err := domain(d); err != nil || again != d {
			t.Errorf("%q is %q, and that is %q (%v)", s, d, again, err)
		}
		if a, ok := Address("nora@" + d); ok {
			book := Book{claims: map[string]string{d: "c"}}
			if id, _ := book.OfAddress(a); id != "c" {
				t.Errorf("%s is claimed, and %s is not the customer's", d, a)
			}
		}
	})
}
