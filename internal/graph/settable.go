package graph

import "encoding/json"

// Settable is a property of a change (…Change) that Microsoft clears by null. Untouched, its zero value, is left out: its tag says omitzero.
type Settable[T any] struct {
	given bool
	value *T
}

// Set writes a value, or null for nil.
func Set[T any](v *T) Settable[T] { return Settable[T]{true, v} }

// IsZero reports that the property stays as it is.
func (s Settable[T]) IsZero() bool { return !s.given }

// MarshalJSON writes the value, or null.
func (s Settable[T]) MarshalJSON() ([]byte, error) { return json.Marshal(s.value) }
