package admin

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

type peopleOut struct {
	People []access.Person `json:"people"`
}

type personIn struct {
	Name string      `json:"name" doc:"The person's name"`
	Role access.Role `json:"role,omitempty" enum:"viewer,member,admin" doc:"viewer reads, member acts through own connections, admin configures; viewer without"`
}

type personName struct {
	Name string `json:"name" doc:"Name or id of the person"`
}

type loginLink struct {
	URL       string    `json:"url"`
	ExpiresIn string    `json:"expires_in"`
	For       string    `json:"for"`
	At        time.Time `json:"at"`
}

type keysOut struct {
	APIKeys []access.APIKey `json:"apikeys"`
}

type keyIn struct {
	Name      string   `json:"name" doc:"What the key is for"`
	Scopes    []string `json:"scopes" doc:"hub:read, hub:write, communications:read, actions:read, actions:write; the last two also as actions:read@CONNECTION"`
	ExpiresIn string   `json:"expires_in,omitempty" doc:"Lifetime such as 720h; without, the key does not expire"`
}

type keyMade struct {
	access.APIKey
	Key string `json:"key" doc:"Shown once"`
}

type keyName struct {
	Name string `json:"name" doc:"Name or id of the key"`
}

func (h *Hub) peopleActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "person.list", Summary: "List the people who may sign in.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite, Route: "GET /people"},
			func(ctx context.Context, _ action.Call, _ none) (peopleOut, error) {
				people, err := h.Access.People(ctx)
				return peopleOut{people}, err
			}),
		action.Define(action.Spec{Name: "person.add", Summary: "Add a person.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /people", Args: []string{"name"}},
			func(ctx context.Context, c action.Call, in personIn) (access.Person, error) {
				if in.Role == "" {
					in.Role = access.Viewer
				}
				return h.Access.AddPerson(ctx, c.Caller, in.Name, in.Role)
			}),
		action.Define(action.Spec{Name: "person.remove", Summary: "Remove a person with all sessions.", Effect: action.Deletes, Target: action.OnHub, Scope: access.HubWrite, Route: "DELETE /people/{name}", Args: []string{"name"}},
			func(ctx context.Context, c action.Call, in personName) (none, error) {
				return none{}, h.Access.RemovePerson(ctx, c.Caller, in.Name)
			}),
		action.Define(action.Spec{Name: "person.end_sessions", Summary: "Sign a person out everywhere.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /people/{name}/end-sessions", CLI: "person end-sessions", Args: []string{"name"}},
			func(ctx context.Context, c action.Call, in personName) (none, error) {
				return none{}, h.Access.EndSessions(ctx, c.Caller, in.Name)
			}),
		action.Define(action.Spec{Name: "person.login_link", Summary: "Make a one-time link that signs a person in.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /people/{name}/login-link", CLI: "person login-link", Args: []string{"name"}},
			h.loginLink),
		action.Define(action.Spec{Name: "apikey.list", Summary: "List the API keys.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite, Route: "GET /apikeys"},
			func(ctx context.Context, _ action.Call, _ none) (keysOut, error) {
				keys, err := h.Access.APIKeys(ctx)
				return keysOut{keys}, err
			}),
		action.Define(action.Spec{Name: "apikey.add", Summary: "Make an API key; it is shown once.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /apikeys", Args: []string{"name"}},
			h.addKey),
		action.Define(action.Spec{Name: "apikey.remove", Summary: "End an API key at once.", Effect: action.Deletes, Target: action.OnHub, Scope: access.HubWrite, Route: "DELETE /apikeys/{name}", Args: []string{"name"}},
			func(ctx context.Context, c action.Call, in keyName) (none, error) {
				return none{}, h.Access.RemoveAPIKey(ctx, c.Caller, in.Name)
			}),
	}
}

// loginLink is for the operator on the host alone: over the network it would let one admin become another.
func (h *Hub) loginLink(ctx context.Context, c action.Call, in personName) (loginLink, error) {
	if c.Caller.Kind != "local" {
		return loginLink{}, &fault.Error{Kind: fault.Forbidden, Code: "host_only", Message: "Login links are made on the hub's host only",
			Fix: "Run there: seneschal person login-link " + in.Name, Who: "the operator of this hub"}
	}
	token, err := h.Access.LoginLink(ctx, c.Caller, in.Name)
	if err != nil {
		return loginLink{}, err
	}
	return loginLink{URL: h.LoginURL(token.Reveal()), ExpiresIn: "15m", For: in.Name, At: h.Clock.Now()}, nil
}

func (h *Hub) addKey(ctx context.Context, c action.Call, in keyIn) (keyMade, error) {
	scopes, err := access.ParseScopes(in.Scopes)
	if err != nil {
		return keyMade{}, err
	}
	var life time.Duration
	if in.ExpiresIn != "" {
		if life, err = time.ParseDuration(in.ExpiresIn); err != nil || life <= 0 {
			return keyMade{}, fault.BadField("expires_in", "%q is not a lifetime such as 720h", in.ExpiresIn)
		}
	}
	k, key, err := h.Access.AddAPIKey(ctx, c.Caller, in.Name, scopes, life)
	return keyMade{k, key.Reveal()}, err
}
