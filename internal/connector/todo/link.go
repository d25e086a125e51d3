package todo

import (
	"context"
	"net/url"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Link is what a task is about in another program: what Microsoft calls a linked resource.
type Link struct {
	ID          string `json:"id"`
	Application string `json:"application,omitempty"`
	Title       string `json:"title,omitempty"`
	ExternalID  string `json:"external_id,omitempty"`
	URL         string `json:"url,omitempty"`
}

func linkOf(l graph.LinkedResource) Link {
	return Link{l.ID, l.ApplicationName, l.DisplayName, l.ExternalID, l.WebURL}
}

// Links are the links of a task.
type Links struct {
	Links []Link `json:"links"`
}

// NewLink is a link to be made.
type NewLink struct {
	Application string `json:"application" minLength:"1" maxLength:"255" doc:"Name of the other program"`
	Title       string `json:"title" minLength:"1" maxLength:"255" doc:"What it is there"`
	ExternalID  string `json:"external_id,omitempty" maxLength:"255" doc:"Its id there. A task has one link with an id"`
	URL         string `json:"url,omitempty" maxLength:"2000" doc:"Where to open it, by https"`
}

func (l NewLink) wrong(prefix string) []fault.Field { return wrongURL(prefix+"url", l.URL) }

func wrongURL(name, text string) []fault.Field {
	if text == "" {
		return nil
	}
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return []fault.Field{{Name: name, Message: "is not an address like https://tickets.example/4711; allowed: https, http"}}
	}
	return nil
}

func (l NewLink) resource(externalID string) graph.LinkedResource {
	return graph.LinkedResource{ApplicationName: l.Application, DisplayName: l.Title, ExternalID: externalID, WebURL: l.URL}
}

// LinkCreateIn is a new link of a task.
type LinkCreateIn struct {
	TaskIn
	NewLink
}

// Check finds an address that is none.
func (in LinkCreateIn) Check() error { return fault.OfFields(in.wrong("")) }

// LinkIn names one link.
type LinkIn struct {
	TaskIn
	Link string `json:"link" minLength:"1" doc:"Link by id"`
}

func (in LinkIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, path, err := in.TaskIn.at(c)
	return box, path.Sub("linkedResources").Item("linkedResource-id", in.Link), err
}

// LinkUpdateIn changes a link. What is left out stays.
type LinkUpdateIn struct {
	LinkIn
	Application *string `json:"application,omitempty" minLength:"1" maxLength:"255" doc:"Name of the other program"`
	Title       *string `json:"title,omitempty" minLength:"1" maxLength:"255" doc:"What it is there"`
	URL         *string `json:"url,omitempty" minLength:"1" maxLength:"2000" doc:"Where to open it, by https"`
}

// Check wants something to change, and finds an address that is none.
func (in LinkUpdateIn) Check() error {
	if in.Application == nil && in.Title == nil && in.URL == nil {
		return fault.BadField("title", "nothing is to be changed: give application, title or url")
	}
	if in.URL == nil {
		return nil
	}
	return fault.OfFields(wrongURL("url", *in.URL))
}

func linkActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "todo.linked_resource.list", Summary: "List what a task is about in other programs.", Effect: action.Reads,
			Operations: []m365.OperationKey{get + links}, Capability: m365.Todo, Args: []string{"list", "task"}},
			func(ctx context.Context, c action.Call, in TaskIn) (Links, error) {
				out := Links{Links: []Link{}}
				box, path, err := in.at(c)
				if err != nil {
					return out, err
				}
				for l, err := range graph.List[graph.LinkedResource](ctx, box.Graph, path.Sub("linkedResources")) {
					if err != nil {
						return out, err
					}
					out.Links = append(out.Links, linkOf(l))
				}
				return out, nil
			}),
		once.Define(action.Spec{Name: "todo.linked_resource.create", Summary: "Link a task to something in another program, once for each id there.", Effect: action.Writes,
			Operations: []m365.OperationKey{get + links, post + links}, Capability: m365.Todo, Args: []string{"list", "task"}}, LinkCreateIn.creation),
		action.Define(action.Spec{Name: "todo.linked_resource.update", Summary: "Change a link of a task.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{patch + link}, Capability: m365.Todo, Args: []string{"list", "task", "link"}},
			func(ctx context.Context, c action.Call, in LinkUpdateIn) (Link, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Link{}, err
				}
				l, err := graph.Patch[graph.LinkedResource](ctx, box.Graph, path, graph.LinkedResourceChange{ApplicationName: in.Application, DisplayName: in.Title, WebURL: in.URL}, graph.Idempotent())
				return linkOf(l), err
			}),
		action.Define(action.Spec{Name: "todo.linked_resource.delete", Summary: "Delete a link of a task.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{remove + link}, Capability: m365.Todo, Args: []string{"list", "task", "link"}},
			func(ctx context.Context, c action.Call, in LinkIn) (Deleted, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Deleted{}, err
				}
				return Deleted{in.Link}, graph.Delete(ctx, box.Graph, path)
			}),
	}
}

// creation is the way of a link that is made once: by its id in the other program, or by our mark where it has none there.
func (in LinkCreateIn) creation(_ context.Context, c action.Call) (once.Creation[Link], error) {
	box, task, err := in.at(c)
	path, key := task.Sub("linkedResources"), in.ExternalID
	if key == "" {
		key = once.Mark(c)
	}
	return once.Creation[Link]{
		Find: func(ctx context.Context, proof graph.Option) (Link, bool, error) {
			for l, err := range graph.List[graph.LinkedResource](ctx, box.Graph, path, proof) {
				if err != nil {
					return Link{}, false, err
				}
				if l.ExternalID == key && l.ApplicationName == in.Application {
					return linkOf(l), true, nil
				}
			}
			return Link{}, false, nil
		},
		Make: func(ctx context.Context) (Link, error) {
			l, err := graph.Post[graph.LinkedResource](ctx, box.Graph, path, in.resource(key))
			return linkOf(l), err
		},
	}, err
}
