package action

import "github.com/danielgtaylor/huma/v2"

// Open is an object whose names somebody else decides about, such as the columns of a list: any name and any value, null among them.
type Open map[string]any

// Schema lets every name through.
func (Open) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}
