package dispatch

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// lined has the lines of a text end as ours do: browsers send forms with CR LF (HTML, "converting an entry list to a list of name-value pairs"), others as they like.
func lined(text string) string { return lineEnds.Replace(text) }

// printable is a text without the control characters that iCalendar refuses (RFC 5545 §3.3.11).
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, lined(text))
}

// foldAt is how many octets a line of iCalendar may have without its break (RFC 5545 §3.1).
const foldAt = 75

// folded has long lines of iCalendar go on in the next one, never within a character.
func folded(text []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		for room := foldAt; len(bytes.TrimRight(line, "\r\n")) > room; room = foldAt - 1 { // the blank that goes on counts
			at := room
			for at > room-utf8.UTFMax && !utf8.RuneStart(line[at]) {
				at--
			}
			out.Write(line[:at])
			out.WriteString("\r\n ")
			line = line[at:]
		}
		out.Write(line)
	}
	return out.Bytes()
}
