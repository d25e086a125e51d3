package rest

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// OpenAPI is the document of all routes, made from the registry alone.
func OpenAPI(r *action.Registry, version string) []byte {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	problem := schemas.Schema(reflect.TypeFor[fault.Problem](), true, "Problem")
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Seneschal", Version: version, Description: "A self-hosted Microsoft 365 hub. Every route is an action of its registry."},
		Servers: []*huma.Server{{URL: Base}},
		Paths:   map[string]*huma.PathItem{},
		Components: &huma.Components{
			Schemas:         schemas,
			SecuritySchemes: map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "An API key of the hub"}},
		},
		Security: []map[string][]string{{"key": {}}},
	}
	for _, a := range r.All() {
		method, path := "POST", "/connections/{id}/actions/"+a.Name
		if a.Target == action.OnHub {
			method, path, _ = strings.Cut(a.Route, " ")
		}
		doc.Paths[path] = add(doc.Paths[path], method, operation(a, method, path, problem))
	}
	text, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		panic("the OpenAPI document cannot be written: " + err.Error()) // made of program text alone
	}
	return text
}

func add(item *huma.PathItem, method string, op *huma.Operation) *huma.PathItem {
	if item == nil {
		item = &huma.PathItem{}
	}
	switch method {
	case "GET":
		item.Get = op
	case "PATCH":
		item.Patch = op
	case "PUT":
		item.Put = op
	case "DELETE":
		item.Delete = op
	default:
		item.Post = op
	}
	return item
}

func operation(a action.Action, method, path string, problem *huma.Schema) *huma.Operation {
	op := &huma.Operation{OperationID: a.Name, Summary: a.Summary, Tags: []string{strings.SplitN(a.Name, ".", 2)[0]},
		Responses: map[string]*huma.Response{
			"200":     {Description: "Done", Content: map[string]*huma.MediaType{"application/json": {Schema: answerSchema(a)}}},
			"default": {Description: "A problem: what happened, the likely cause, the fix, and who can make it", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}},
		}}
	switch {
	case a.Messages():
		op.Responses["200"] = &huma.Response{Description: "A stream of server-sent events; each has the id to go on from with Last-Event-ID, its type, and this as data. A message of type gap tells which numbers are kept no longer",
			Content: map[string]*huma.MediaType{action.EventStream: {Schema: a.Output()}}}
	case len(a.Streams) > 0:
		op.Responses["200"].Content = map[string]*huma.MediaType{}
		for _, m := range a.Streams {
			op.Responses["200"].Content[m] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		}
	}
	inPath := map[string]bool{}
	for _, part := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			inPath[name] = true
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	if a.TakesKey() {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Idempotency-Key", In: "header", Required: !a.Keyed, Description: "Repeating a request with the same key never has a second effect",
			Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if method == "GET" || method == "DELETE" {
		for _, name := range sortedProperties(a.Input()) {
			if !inPath[name] {
				op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Description: a.Input().Properties[name].Description, Schema: a.Input().Properties[name]})
			}
		}
		return op
	}
	body := without(a.Input(), inPath, a.Target == action.OnHub)
	content := map[string]*huma.MediaType{"application/json": {Schema: body}}
	if len(a.Files) > 0 {
		form := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"input": body}}
		for _, f := range a.Files {
			form.Properties[f.Name] = &huma.Schema{Type: huma.TypeString, Format: "binary", Description: f.Doc + " At most " + strconv.FormatInt(f.Max, 10) + " bytes."}
		}
		content["multipart/form-data"] = &huma.MediaType{Schema: form}
	}
	op.RequestBody = &huma.RequestBody{Content: content}
	return op
}

// answerSchema is the action's output for hub actions, and the run around it for those on a connection.
func answerSchema(a action.Action) *huma.Schema {
	if a.Target == action.OnHub {
		return a.Output()
	}
	return &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
		"run":      {Type: huma.TypeString, Description: "Id of the run; reads have none"},
		"state":    {Type: huma.TypeString, Enum: []any{"done", "refused", "unclear"}},
		"replayed": {Type: huma.TypeBoolean, Description: "An earlier request with the same key did it"},
		"output":   a.Output(),
	}}
}

func without(s *huma.Schema, names map[string]bool, drop bool) *huma.Schema {
	if !drop || len(names) == 0 {
		return s
	}
	out := *s
	out.Properties = map[string]*huma.Schema{}
	out.Required = nil
	for name, p := range s.Properties {
		if !names[name] {
			out.Properties[name] = p
		}
	}
	for _, name := range s.Required {
		if !names[name] {
			out.Required = append(out.Required, name)
		}
	}
	return &out
}

func sortedProperties(s *huma.Schema) []string {
	return slices.Sorted(maps.Keys(s.Properties))
}
