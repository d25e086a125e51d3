package contract

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Contract is Microsoft's OpenAPI subset.
type Contract struct{ doc *openapi3.T }

// Load finds the data beside the checkout whose root is given. Without them it gives nil: a user's checkout passes without. Where
// SENESCHAL_SHARED names them, they must be there.
func Load(root string) (*Contract, error) {
	shared, demanded := os.LookupEnv("SENESCHAL_SHARED")
	if !demanded || shared == "" {
		shared = filepath.Join(root, "..", "shared")
	}
	file := filepath.Join(shared, "graph", "openapi-v1.0.subset.json")
	if _, err := os.Stat(file); err != nil {
		return nil, nil //nolint:nilerr // not there is an answer
	}
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return &Contract{doc}, nil
}

func (c *Contract) operation(method, template string) *openapi3.Operation {
	item := c.doc.Paths.Value(template)
	if item == nil {
		return nil
	}
	return item.GetOperation(method)
}

// Witnesses reports whether the contract has the operation.
func (c *Contract) Witnesses(method, template string) bool {
	return c.operation(method, template) != nil
}

// Answer tells how an answer deviates: its status, its types, and properties that the contract lacks.
func (c *Contract) Answer(method, template string, status int, body []byte) []string {
	op := c.operation(method, template)
	if op == nil {
		return []string{"the operation is not in the contract"}
	}
	response := op.Responses.Status(status)
	if response == nil && status >= 400 {
		response = op.Responses.Value("4XX")
	}
	if response == nil {
		return []string{fmt.Sprintf("status %d is not in the contract", status)}
	}
	media := response.Value.Content["application/json"]
	if media == nil || len(body) == 0 {
		return nil
	}
	return c.against(media.Schema.Value, body)
}

// Request tells how a request deviates: query parameters and body properties that the contract lacks, and wrong types.
func (c *Contract) Request(method, template string, query url.Values, body []byte) []string {
	op := c.operation(method, template)
	if op == nil {
		return []string{"the operation is not in the contract"}
	}
	var out []string
	allowed := map[string]bool{}
	for _, p := range op.Parameters {
		if p.Value.In == "query" {
			allowed[p.Value.Name] = true
		}
	}
	for name := range query {
		if !allowed[name] && !strings.HasPrefix(name, "$skip") && !strings.HasPrefix(name, "$delta") { // links of the service's own making
			out = append(out, "the query parameter "+name+" is not in the contract")
		}
	}
	if op.RequestBody == nil || len(body) == 0 {
		return out
	}
	media := op.RequestBody.Value.Content["application/json"]
	if media == nil {
		return out
	}
	return append(out, c.against(media.Schema.Value, body)...)
}

func (c *Contract) against(schema *openapi3.Schema, body []byte) []string {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{"not JSON: " + err.Error()}
	}
	var out []string
	if err := schema.VisitJSON(v, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		out = append(out, shorten(err.Error()))
	}
	for _, name := range c.unknown(schema, v, "") {
		out = append(out, name+" is not in the contract")
	}
	return out
}

func shorten(s string) string { return s[:min(len(s), 1200)] }

// unknown lists properties that the schema does not have. Control information (@odata…) stands in no schema.
func (c *Contract) unknown(schema *openapi3.Schema, v any, path string) []string {
	var out []string
	switch x := v.(type) {
	case []any:
		items := itemsOf(schema)
		if items == nil {
			return nil
		}
		for _, e := range x {
			out = append(out, c.unknown(items, e, path+"[]")...)
		}
	case map[string]any:
		known := map[string]*openapi3.Schema{}
		if open := collect(c.derived(schema, x), known); open || len(known) == 0 {
			return nil
		}
		for name, e := range x {
			s := known[name]
			switch {
			case strings.Contains(name, "@"):
			case s == nil:
				out = append(out, path+"/"+name)
			default:
				out = append(out, c.unknown(s, e, path+"/"+name)...)
			}
		}
	}
	return out
}

// derived is the schema of the type that an object says it is, where the contract has it: a list of members holds members of an Entra tenant.
func (c *Contract) derived(schema *openapi3.Schema, object map[string]any) *openapi3.Schema {
	name, _ := object["@odata.type"].(string)
	if s := c.doc.Components.Schemas[strings.TrimPrefix(name, "#")]; s != nil {
		return s.Value
	}
	return schema
}

func itemsOf(s *openapi3.Schema) *openapi3.Schema {
	if s.Items != nil {
		return s.Items.Value
	}
	for _, part := range s.AllOf {
		if i := itemsOf(part.Value); i != nil {
			return i
		}
	}
	return nil
}

// collect gathers the properties of a schema and its parts, and tells whether others are allowed by name.
func collect(s *openapi3.Schema, into map[string]*openapi3.Schema) bool {
	open := s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has
	for name, p := range s.Properties {
		into[name] = p.Value
	}
	for _, part := range s.AllOf {
		open = collect(part.Value, into) || open
	}
	return open
}
