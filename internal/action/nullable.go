package action

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Nullable is a field of which an input can say three things: nothing, so that it stays as it is; null, so that it is cleared; or a value.
// Its tag says omitzero.
type Nullable[T any] struct {
	given bool
	value *T
}

// IsZero reports that nothing was said.
func (n Nullable[T]) IsZero() bool { return !n.given }

// Value is what was given; nil for null, and where nothing was said.
func (n Nullable[T]) Value() *T { return n.value }

// Or is what the field shall be: the value, or empty for null. It is not asked where nothing was said.
func (n Nullable[T]) Or(empty T) T {
	if n.value == nil {
		return empty
	}
	return *n.value
}

// MarshalJSON writes null or the value.
func (n Nullable[T]) MarshalJSON() ([]byte, error) { return json.Marshal(n.value) }

// UnmarshalJSON is called only for a field that is there: null tells itself apart from nothing by that.
func (n *Nullable[T]) UnmarshalJSON(text []byte) error {
	*n = Nullable[T]{given: true}
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	n.value = new(T)
	return json.Unmarshal(text, n.value)
}

// Schema is the value's, with null allowed.
func (Nullable[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), false, "")
	s.Nullable = true
	return s
}
