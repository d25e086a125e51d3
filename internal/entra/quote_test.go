package entra

import "testing"

// What PowerShell reads as the end of a text does not end one.
func TestATextIsQuotedForPowerShell(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                "'plain'",
		"":                     "''",
		"o'neil":               "'o''neil'",
		"it\u2019s":            "'it\u2019\u2019s'",
		"\u2018a\u201ab\u201b": "'\u2018\u2018a\u201a\u201ab\u201b\u201b'",
		"$(x) `n \"q\"\n#":     "'$(x) `n \"q\"\n#'",
	} {
		if got := PowerQuote(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
