package action

import (
	"fmt"
	"strings"
	"unicode"
)

// Bytes are what an action streams instead of one JSON value.
type Bytes struct {
	Media string // media type
	Name  string // of the file they are; "" where they are none
}

// Disposition has whoever takes the bytes over HTTP keep them under their name, or another where they have none (RFC 6266). Names come from
// strangers: what would end the header, lead to another folder, or turn the direction of the text round is an underscore. Percent signs are
// in no quoted form, as some browsers decode them there.
func (b Bytes) Disposition(otherwise string) string {
	name := strings.Map(harmless, strings.ToValidUTF8(b.Name, "_"))
	if strings.Trim(name, "_. ") == "" {
		name = otherwise
	}
	plain := strings.Map(func(r rune) rune {
		if r > '~' || r == '%' || r == '"' {
			return '_'
		}
		return r
	}, name)
	if plain == name {
		return `attachment; filename="` + name + `"`
	}
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + encoded(name)
}

func harmless(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar || strings.ContainsRune(`/\`, r) {
		return '_'
	}
	return r
}

// encoded writes what is no attr-char of RFC 8187 in hexadecimal.
func encoded(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c < 0x80 && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)) || strings.IndexByte("!#$&+-.^_`|~", c) >= 0) {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
