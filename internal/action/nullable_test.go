package action

import (
	"encoding/json"
	"testing"
)

type clearable struct {
	Place Nullable[string]   `json:"place,omitzero" maxLength:"5" doc:"Where"`
	Names Nullable[[]string] `json:"names,omitzero" maxItems:"2"`
	Fixed string             `json:"fixed,omitempty"`
}

func TestNullableTellsThreeThingsApart(t *testing.T) {
	for _, tt := range []struct {
		name, raw   string
		zero        bool
		value, back string
	}{
		{"nothing is said", `{}`, true, "kept", `{}`},
		{"null", `{"place":null}`, false, "", `{"place":null}`},
		{"empty", `{"place":""}`, false, "", `{"place":""}`},
		{"a value", `{"place":"here"}`, false, "here", `{"place":"here"}`},
	} {
		var in clearable
		if err := decode(schemaOf[clearable](), json.RawMessage(tt.raw), &in); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		value := "kept"
		if !in.Place.IsZero() {
			value = in.Place.Or("")
		}
		if back, err := json.Marshal(in); in.Place.IsZero() != tt.zero || value != tt.value || string(back) != tt.back || err != nil {
			t.Errorf("%s: got %q, written back %s %v; want %q, %s", tt.name, value, back, err, tt.value, tt.back)
		}
	}
}

func TestNullableKeepsTheRulesOfItsValue(t *testing.T) {
	s := schemaOf[clearable]()
	if text, err := json.Marshal(s.Properties["place"]); err != nil || string(text) != `{"description":"Where","maxLength":5,"type":["string","null"]}` {
		t.Errorf("schema %s %v", text, err)
	}
	if len(s.Required) != 0 {
		t.Errorf("required: %v", s.Required)
	}
	for _, raw := range []string{`{"place":"far away"}`, `{"place":7}`, `{"names":["a","b","c"]}`, `{"names":[null]}`, `{"fixed":null}`} {
		var in clearable
		if err := decode(s, json.RawMessage(raw), &in); err == nil {
			t.Errorf("%s was taken as %+v", raw, in)
		}
	}
}
