package action

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"seneschal/internal/fault"
)

// fromKey marks a place in a step's input that stands for what an earlier step gave: {"$from": "STEP/field/0/id"}.
const fromKey = "$from"

// reference reads a value as a mark; false where it is an ordinary value.
func reference(v any) (string, bool) {
	m, ok := v.(map[string]any)
	if !ok || len(m) != 1 {
		return "", false
	}
	text, ok := m[fromKey].(string)
	return text, ok
}

// references lists the marks in a value.
func references(v any) (out []string) {
	if ref, ok := reference(v); ok {
		return []string{ref}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			out = append(out, references(inner)...)
		}
	case []any:
		for _, inner := range v {
			out = append(out, references(inner)...)
		}
	}
	return out
}

// splitReference divides a mark into the step and the JSON pointer (RFC 6901) into its output.
func splitReference(ref string) (step, pointer string, ok bool) {
	step, rest, ok := strings.Cut(ref, "/")
	return step, "/" + rest, ok && step != "" && rest != ""
}

// input is a step's input with its marks replaced.
func (b *batch) input(s Step) (json.RawMessage, error) {
	outputs := map[string]any{}
	in, err := b.filled(any(s.Input), outputs)
	if err != nil {
		return nil, err
	}
	return inputText(in)
}

func inputText(in any) (json.RawMessage, error) {
	if m, ok := in.(map[string]any); ok && m == nil {
		return json.RawMessage("{}"), nil
	}
	return encode(in)
}

// filled copies a value, with its marks replaced. outputs keeps what was read of earlier steps.
func (b *batch) filled(v any, outputs map[string]any) (_ any, err error) {
	if ref, ok := reference(v); ok {
		return b.given(ref, outputs)
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			if out[name], err = b.filled(inner, outputs); err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			if out[i], err = b.filled(inner, outputs); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// given is what a mark stands for.
func (b *batch) given(ref string, outputs map[string]any) (any, error) {
	id, pointer, _ := splitReference(ref)
	if _, read := outputs[id]; !read {
		b.mu.Lock()
		text := b.outputs[b.at[id]]
		b.mu.Unlock()
		var v any
		if len(text) > 0 {
			if err := json.Unmarshal(text, &v); err != nil {
				return nil, err
			}
		}
		outputs[id] = v
	}
	v, ok := pointed(outputs[id], pointer)
	if !ok {
		return nil, fault.BadField("input", "%s", fmt.Sprintf("{%q: %q}: the step %s gave no such field", fromKey, ref, id))
	}
	return v, nil
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

// pointed follows a JSON pointer.
func pointed(v any, pointer string) (any, bool) {
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		part = pointerEscapes.Replace(part)
		switch at := v.(type) {
		case map[string]any:
			inner, ok := at[part]
			if !ok {
				return nil, false
			}
			v = inner
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}
