package wire

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Token is an access token. Every printed form of it is [secret].
type Token struct {
	Value   string
	Expires time.Time
}

const secret = "[secret]"

// String hides the token.
func (Token) String() string { return secret }

// GoString hides the token from %#v.
func (Token) GoString() string { return secret }

// Format hides the token from every other verb.
func (Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, secret) }

// LogValue hides the token from slog.
func (Token) LogValue() slog.Value { return slog.StringValue(secret) }

// MarshalJSON hides the token from stored and printed JSON.
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"` + secret + `"`), nil }

// Refresh says why a token is asked for. The zero value takes the cached one.
type Refresh struct {
	Force  bool   // the last one was refused: fetch another
	Claims string // the JSON of a claims challenge (Conditional Access) that the new token must satisfy
}

// TokenSource hands out tokens. It answers a forced refresh with a new token or an error, never with the refused one.
type TokenSource interface {
	Token(ctx context.Context, why Refresh) (Token, error)
}

// ClaimsChallenge finds the claims that a 401 asks for in its WWW-Authenticate values, as JSON; "" where there are none.
// Continuous access evaluation sends them base64-encoded: graph/FACTS §2, row 401.
func ClaimsChallenge(values []string) string {
	for _, v := range values {
		if raw, ok := authParam(v, "claims"); ok {
			if claims := decodeClaims(raw); claims != "" {
				return claims
			}
		}
	}
	return ""
}

func decodeClaims(raw string) string {
	if json.Valid([]byte(raw)) && strings.HasPrefix(raw, "{") {
		return raw
	}
	trimmed := strings.TrimRight(raw, "=")
	for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding} {
		if b, err := enc.DecodeString(trimmed); err == nil && json.Valid(b) {
			return string(b)
		}
	}
	return ""
}

// authParam finds one auth-param of RFC 9110 §11.2, quoted or not. It walks quoted strings so that a name
// inside another parameter's value is not mistaken for the parameter.
func authParam(header, name string) (string, bool) {
	rest := header
	for rest != "" {
		eq := strings.IndexByte(rest, '=')
		if eq < 0 {
			return "", false
		}
		key := rest[:eq]
		if i := strings.LastIndexAny(key, " ,\t"); i >= 0 {
			key = key[i+1:]
		}
		value, tail := authValue(strings.TrimLeft(rest[eq+1:], " \t"))
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return value, true
		}
		rest = tail
	}
	return "", false
}

func authValue(s string) (value, tail string) {
	if !strings.HasPrefix(s, `"`) {
		if end := strings.IndexAny(s, ", \t"); end >= 0 {
			return s[:end], s[end:]
		}
		return s, ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
