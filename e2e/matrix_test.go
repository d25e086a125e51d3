package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/app"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Who may do what is asked of every action there is, so that a new one cannot be forgotten. The expectation is written here a second
// time, by hand: scope of hub actions on the left, who passes on the right.
var passes = map[access.Scope]map[string]bool{
	access.HubRead:        {"viewer": true, "member": true, "admin": true, "key hub:read": true},
	access.HubWrite:       {"admin": true, "key hub:write": true},
	access.Communications: {"viewer": true, "member": true, "admin": true, "key communications:read": true},
	access.AdminOnly:      {"admin": true},
	access.OwnConnection:  {"viewer": true, "member": true, "admin": true, "key hub:write": true}, // whose it is, is asked of the connection: see below
	access.Self:           {"viewer": true, "member": true, "admin": true},
	access.ActionRead:     {"admin": true, "key actions:read": true},
	access.ActionWrite:    {"admin": true, "key actions:write": true},
	access.Decide:         {"member": true, "admin": true},
	access.Planned:        {"viewer": true, "member": true, "admin": true, "key hub:read": true, "key hub:write": true, "key actions:read": true, "key actions:write": true, "key communications:read": true}, // each plan asks for itself
	access.Acting:         {"viewer": true, "member": true, "admin": true, "key hub:read": true, "key hub:write": true, "key actions:read": true, "key actions:write": true, "key communications:read": true}, // each step is asked about: see below
}

// callers are one of each: nobody, every role, and a key of every scope.
func callers(t *testing.T, h *app.Hub) map[string]access.Caller {
	t.Helper()
	out := map[string]access.Caller{"nobody": {}}
	for _, r := range access.Roles() {
		out[string(r)] = staff(t, h, "a "+string(r), r, "")
	}
	for _, s := range []access.Scope{access.HubRead, access.HubWrite, access.ActionRead, access.ActionWrite, access.Communications} {
		out["key "+string(s)] = access.Caller{Kind: "apikey", ID: string(s), Name: string(s), Scopes: []access.Scope{s}}
	}
	return out
}

// acting are the capabilities that actions belong to.
func acting(h *app.Hub) []m365.Capability {
	var out []m365.Capability
	for _, a := range h.Registry.All() {
		if a.Capability != "" && !slices.Contains(out, a.Capability) {
			out = append(out, a.Capability)
		}
	}
	return out
}

func refused(err error) bool {
	k := fault.KindOf(err)
	return k == fault.Forbidden || k == fault.Unauthenticated
}

func TestEveryActionAgainstEveryCaller(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	app1 := h.Connect(h.Form("app-only", "Seneschal", acting(h)...))
	who := callers(t, h)
	owned := delegatedOf(t, h, who["member"])
	before := len(h.Cloud.Requests())
	asked := 0
	for _, a := range h.Registry.All() {
		for name, c := range who {
			if a.Scope == access.OwnConnection && name != "member" && name != "admin" && name != "key hub:write" {
				// A person's own connection is that person's to set up.
				_, err := h.Runner.Do(t.Context(), action.Request{Action: a.Name, Caller: c, Input: json.RawMessage(naming(a, owned.Name))})
				if !refused(err) {
					t.Errorf("%s of the member's own connection by %s: %v", a.Name, name, err)
				}
				asked++
			}
			if a.Target == action.OnHub {
				want, ok := passes[a.Scope]
				if !ok {
					t.Fatalf("%s has the scope %q, which nobody decided about", a.Name, a.Scope)
				}
				// Input that no action accepts: whoever may run it hears so, whoever may not is refused before it is read.
				_, err := h.Runner.Do(t.Context(), action.Request{Action: a.Name, Caller: c, Input: json.RawMessage(`{"no such field": 1}`)})
				if refused(err) == want[name] {
					t.Errorf("%s by %s: %v", a.Name, name, err)
				}
				asked++
				continue
			}
			_, err := h.Runner.Do(t.Context(), action.Request{Action: a.Name, Connection: app1.Name, Caller: c, Input: json.RawMessage(`{"no such field": 1}`)})
			if want := name == "admin" || name == "key actions:write" && a.Effect != action.Reads || name == "key actions:read" && a.Effect == action.Reads; refused(err) == want {
				t.Errorf("%s through an app-only connection by %s: %v", a.Name, name, err)
			}
			if len(a.Files)+len(a.Streams) == 0 {
				_, asStep := h.Runner.Do(t.Context(), action.Request{Action: "batch.run", Caller: c, Key: "k", Input: json.RawMessage(`{"connection": "` + app1.Name + `", "steps": [{"id": "s", "action": "` + a.Name + `", "input": {"no such field": 1}}]}`)})
				if refused(asStep) != refused(err) {
					t.Errorf("%s as a step by %s: %v, alone %v", a.Name, name, asStep, err)
				}
				asked++
			}
			_, err = h.Runner.Do(t.Context(), action.Request{Action: a.Name, Connection: owned.Name, Caller: c, Input: json.RawMessage(`{"no such field": 1}`)})
			if want := name == "member"; refused(err) == want {
				t.Errorf("%s through the member's own connection by %s: %v", a.Name, name, err)
			}
			asked += 2
		}
	}
	if asked < 500 {
		t.Errorf("only %d combinations", asked)
	}
	if n := len(h.Cloud.Requests()) - before; n != 0 {
		t.Errorf("%d requests left the hub", n)
	}
}

// naming is the input of an action that names a connection and nothing else.
func naming(a action.Action, name string) string {
	field := "connection"
	if slices.Contains(a.Args, "id") {
		field = "id"
	}
	return `{"` + field + `": "` + name + `"}`
}

// delegatedOf is a connection that belongs to a person.
func delegatedOf(t *testing.T, h *app.Hub, owner access.Caller) connection.Connection {
	t.Helper()
	a := h.ReadyApp("Seneschal sign-in")
	c, _, err := h.Connections.Add(t.Context(), access.Local("test"), connection.Form{Name: "owned", Kind: m365.Delegated, TenantID: m365.TenantID(h.Cloud.Ready().Tenants[0].TenantID), ClientID: m365.ClientID(a.ClientID),
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(a.ClientSecret)}, Capabilities: acting(h), Sites: []string{connection.EverySite}, Teams: []string{connection.EveryTeam}, Owner: owner.ID})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every route of the REST face answers nobody with 401, whatever it is asked.
func TestEveryRouteWantsToKnowWhoAsks(t *testing.T) {
	h := app.StartForTest(t, app.TestOptions{})
	for _, a := range h.Registry.All() {
		method, path := http.MethodPost, "/connections/x/actions/"+a.Name
		if a.Target == action.OnHub {
			method, path, _ = strings.Cut(a.Route, " ")
		}
		path = strings.NewReplacer("{", "", "}", "").Replace(path)
		req, err := http.NewRequest(method, h.Server.URL()+"/api/v1"+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s %s without a key: %d", method, path, resp.StatusCode)
		}
	}
}

// What happens in people's mailboxes, and what others did, is not for everybody who may see the hub.
func TestRunsAndEventsOfOthersStayTheirs(t *testing.T) {
	h := lined(t, store.SQLite)
	deliver(t, h, ada, "For Ada", "Nora <nora@northwind.example>", ada)
	walked(t, h)
	do(t, h, "mail.message.send", map[string]any{"user": ada, "to": []string{ben}, "subject": "x", "body": "x"})
	boss, viewer := staff(t, h, "boss", access.Admin, ""), staff(t, h, "Ben", access.Viewer, ben)
	if got := ask(t, h, boss, "run.list", `{}`); !strings.Contains(got, "mail.message.send") {
		t.Errorf("the admin's runs: %s", got)
	}
	if got := ask(t, h, viewer, "run.list", `{}`); strings.Contains(got, "mail.message.send") {
		t.Errorf("a viewer sees another's runs: %s", got)
	}
	if got := ask(t, h, boss, "event.list", `{}`); !strings.Contains(got, "message.received") {
		t.Errorf("the admin's events: %s", got)
	}
	if got := ask(t, h, viewer, "event.list", `{}`); strings.Contains(got, "message.received") || !strings.Contains(got, "connection.healthy") {
		t.Errorf("a viewer's events: %s", got)
	}
}

func ask(t *testing.T, h *app.Hub, c access.Caller, name, in string) string {
	t.Helper()
	r, err := h.Runner.Do(t.Context(), action.Request{Action: name, Caller: c, Input: json.RawMessage(in)})
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Output)
}
