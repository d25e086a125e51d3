package vault

import "log/slog"

const hidden = "[secret]"

// Secret is a value that no print, log or JSON shows. Only Reveal gives it.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal gives the value, for the one call that needs it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.value == "" }

// String hides the value.
func (Secret) String() string { return hidden }

// GoString hides the value.
func (Secret) GoString() string { return hidden }

// LogValue hides the value.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the value in JSON and anywhere else that writes text.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// UnmarshalText takes the value from input; secrets come in, and never go out.
func (s *Secret) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}
