package entra

import (
	"strings"

	"seneschal/internal/sim/world"
)

// request is a scope parameter, understood.
type request struct {
	resource   string // identifier; Graph when nothing else was named
	scopes     []string
	openid     []string // openid, profile, email, offline_access
	defaulted  bool     // <resource>/.default
	identified bool     // a resource was named or a Graph scope asked for
	prefix     string   // the resource as the asker wrote it before each scope; empty where none was written
}

// parseScope splits scopes by resource. One token serves one resource: graph/FACTS §1.6, 700022.
func parseScope(scope, host string) (request, *refusal) {
	req := request{resource: graphAudience}
	for s := range strings.FieldsSeq(scope) {
		if world.OpenIDScope(s) {
			req.openid = append(req.openid, strings.ToLower(s))
			continue
		}
		resource, name := graphAudience, s
		if i := strings.LastIndexByte(s, '/'); i >= 0 && strings.Contains(s, ":") || i > 0 {
			resource, name = strings.TrimSuffix(s[:i], "/"), s[i+1:]
			req.prefix = s[:i+1]
		}
		if strings.EqualFold(resource, "https://"+host) || strings.EqualFold(resource, world.GraphAppID) {
			resource = graphAudience // a custom cloud names Graph by the simulator's address
		}
		if req.identified && !strings.EqualFold(resource, req.resource) {
			return req, refuse(700022, scope)
		}
		req.resource, req.identified = resource, true
		if name == ".default" {
			req.defaulted = true
			continue
		}
		req.scopes = append(req.scopes, name)
	}
	if req.defaulted && len(req.scopes) > 0 {
		return req, refuse(70011, scope)
	}
	return req, nil
}

func (r request) has(openid string) bool {
	for _, s := range r.openid {
		if s == openid {
			return true
		}
	}
	return false
}

// answered writes granted scopes in the form they were asked for, with their resource or without: en:v2-oauth2-auth-code-flow.md,
// and MSAL takes any other form for a refusal.
func (r request) answered(granted []string) string {
	out := make([]string, 0, len(granted))
	for _, s := range granted {
		if !world.OpenIDScope(s) {
			s = r.prefix + s
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// canonical gives the scopes in the resource's spelling; an unknown one is refused.
func canonical(resource world.Object, scopes []string) ([]string, *refusal) {
	var out []string
	for _, want := range scopes {
		found := ""
		for _, s := range world.Objects(resource["oauth2PermissionScopes"]) {
			if strings.EqualFold(world.Text(s, "value"), want) {
				found = world.Text(s, "value")
			}
		}
		if found == "" {
			return nil, refuse(70011, want)
		}
		out = append(out, found)
	}
	return out, nil
}

// required lists what the app registration asks for statically, by value.
func required(app, resource world.Object) (roles, scopes []string) {
	for _, ra := range world.Objects(app["requiredResourceAccess"]) {
		if world.Text(ra, "resourceAppId") != world.Text(resource, "appId") {
			continue
		}
		for _, a := range world.Objects(ra["resourceAccess"]) {
			if world.Text(a, "type") == "Role" {
				roles = append(roles, valueOf(resource["appRoles"], world.Text(a, "id")))
			} else {
				scopes = append(scopes, valueOf(resource["oauth2PermissionScopes"], world.Text(a, "id")))
			}
		}
	}
	return roles, scopes
}

func valueOf(list any, id string) string {
	for _, o := range world.Objects(list) {
		if world.Text(o, "id") == id {
			return world.Text(o, "value")
		}
	}
	return ""
}

func missing(want, have []string) []string {
	var out []string
	for _, w := range want {
		if !hasFold(have, w) {
			out = append(out, w)
		}
	}
	return out
}

func hasFold(list []string, s string) bool {
	for _, e := range list {
		if strings.EqualFold(e, s) {
			return true
		}
	}
	return false
}
