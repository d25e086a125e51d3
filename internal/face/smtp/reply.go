package smtp

import (
	"errors"
	"strings"

	"github.com/emersion/go-smtp"

	"seneschal/internal/fault"
)

// code is what a client is told: 4xx for what passes by itself, so that it tries again; 5xx for what somebody has to change.
type code struct {
	basic    int
	enhanced smtp.EnhancedCode
}

var codes = map[fault.Kind]code{
	fault.Invalid: {554, smtp.EnhancedCode{5, 6, 0}}, fault.Unauthenticated: {535, smtp.EnhancedCode{5, 7, 8}}, fault.Forbidden: {550, smtp.EnhancedCode{5, 7, 1}}, fault.NotFound: {550, smtp.EnhancedCode{5, 1, 0}},
	fault.NotSupported: {550, smtp.EnhancedCode{5, 7, 1}}, fault.TooLarge: {552, smtp.EnhancedCode{5, 3, 4}}, fault.Conflict: {554, smtp.EnhancedCode{5, 5, 0}}, fault.Gone: {554, smtp.EnhancedCode{5, 5, 0}},
	fault.Throttled: {454, smtp.EnhancedCode{4, 7, 0}},
}

// passes is the answer to everything else: Microsoft, the network or the hub itself is in trouble, and the mail is nobody's yet.
var passes = code{451, smtp.EnhancedCode{4, 3, 0}}

// reply makes an error an answer of the protocol. The library knows none but its own type.
func reply(err error) error {
	if err == nil {
		return nil
	}
	var own *smtp.SMTPError
	if errors.As(err, &own) {
		return own
	}
	f := fault.As(err)
	c, ok := codes[f.Kind]
	if !ok {
		c = passes
	}
	return &smtp.SMTPError{Code: c.basic, EnhancedCode: c.enhanced, Message: sentence(f)}
}

// sentence is what the client's log shows: one line, of what every client can print.
func sentence(f *fault.Error) string {
	text := f.Message
	for _, field := range f.Fields {
		text += "; " + field.Name + " " + field.Message
	}
	if f.Fix != "" {
		text += ". " + f.Fix
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, text)
	const most = 400 // RFC 5321 §4.5.3.1.5 has 512 for the line
	return text[:min(len(text), most)]
}

// isProtocol says whether an error is the library's own answer, such as that the mail is too large.
func isProtocol(err error) bool {
	var own *smtp.SMTPError
	return errors.As(err, &own)
}
