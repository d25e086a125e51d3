package admin

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

type peopleOut struct {
	People []access.Profile `json:"people"`
}

type roleIn struct {
	Name string      `json:"name" doc:"Name or id of the person"`
	Role access.Role `json:"role" enum:"viewer,member,admin" doc:"viewer reads, member acts through own connections, admin configures"`
}

type moveIn struct {
	Address string `json:"address" doc:"An address that somebody signed in with while it is another person's here"`
	Name    string `json:"name" doc:"Name or id of the person who gets it"`
}

type sessionsIn struct {
	Name string `json:"name,omitempty" doc:"Name or id of a person; an admin sees anybody's, everybody else their own"`
}

type sessionsOut struct {
	Sessions []access.Session `json:"sessions"`
}

type sessionIn struct {
	ID string `json:"id" doc:"Id of the session"`
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
				people, err := h.Access.Profiles(ctx)
				return peopleOut{people}, err
			}),
		action.Define(action.Spec{Name: "person.show", Summary: "Show a person with Microsoft account, addresses and sessions.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite, Route: "GET /people/{name}", Args: []string{"name"}},
			func(ctx context.Context, _ action.Call, in personName) (access.Profile, error) {
				return h.Access.Profile(ctx, in.Name)
			}),
		action.Define(action.Spec{Name: "person.me", Summary: "Show yourself, as the hub knows you.", Effect: action.Reads, Target: action.OnHub, Scope: access.Self, Route: "GET /me", CLI: "-"},
			func(ctx context.Context, c action.Call, _ none) (access.Profile, error) {
				return h.Access.Profile(ctx, c.Caller.ID)
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
		action.Define(action.Spec{Name: "person.role", Summary: "Give a person another role; of those who sign in with Microsoft it comes from there.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "PUT /people/{name}/role", CLI: "person role", Args: []string{"name", "role"}},
			func(ctx context.Context, c action.Call, in roleIn) (access.Person, error) {
				return h.Access.SetRole(ctx, c.Caller, in.Name, in.Role)
			}),
		action.Define(action.Spec{Name: "person.move_address", Summary: "Give a contested address to the person who signed in with it.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /people/{name}/move-address", CLI: "person move-address", Args: []string{"address", "name"}},
			func(ctx context.Context, c action.Call, in moveIn) (none, error) {
				return none{}, h.Access.MoveAddress(ctx, c.Caller, in.Address, in.Name)
			}),
		action.Define(action.Spec{Name: "session.list", Summary: "List signed-in browsers: your own, or as an admin a person's or everybody's.", Effect: action.Reads, Target: action.OnHub, Scope: access.Self, Route: "GET /sessions", Args: []string{"name"}}, h.sessions),
		action.Define(action.Spec{Name: "session.revoke", Summary: "Sign one browser out: your own, or as an admin anybody's.", Effect: action.Deletes, Target: action.OnHub, Scope: access.Self, Route: "DELETE /sessions/{id}", Args: []string{"id"}},
			func(ctx context.Context, c action.Call, in sessionIn) (none, error) {
				return none{}, h.Access.RevokeSession(ctx, c.Caller, in.ID)
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

func (h *Hub) sessions(ctx context.Context, c action.Call, in sessionsIn) (sessionsOut, error) {
	person := ""
	switch {
	case c.Caller.Role != access.Admin: // whose sessions there are besides is nobody else's business
		person = c.Caller.ID
	case in.Name != "":
		p, err := h.Access.LookupPerson(ctx, in.Name)
		if err != nil {
			return sessionsOut{}, err
		}
		person = p.ID
	}
	list, err := h.Access.Sessions(ctx, person)
	return sessionsOut{list}, err
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
