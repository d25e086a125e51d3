package entra

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// consent asks the person for what is still missing, or goes straight on with a code.
func (s *Server) consent(w http.ResponseWriter, r *http.Request, k ask, who session, user world.Object, flow string) {
	tenant, _ := s.world.Tenant(who.tenant)
	need, ref := s.need(k.client, tenant, user, k.scope)
	if ref != nil {
		s.page(w, ref, k.back(ref))
		return
	}
	asked := strings.Contains(k.raw.Get("prompt"), "consent")
	if len(need.missing) == 0 && !need.first && !asked {
		s.finish(w, r, k, who, user)
		return
	}
	if strings.Contains(k.raw.Get("prompt"), "none") {
		ref := refuse(65001, k.client.id())
		ref.oauth = "interaction_required"
		s.sendError(w, r, k, ref)
		return
	}
	if blocked := need.blocked; len(blocked) > 0 && !world.IsAdmin(user) {
		ref := refuse(90094, strings.Join(blocked, " "))
		s.page(w, ref, k.back(ref))
		return
	}
	switch accept := strings.ToLower(r.PostForm.Get("accept")); accept {
	case "":
		s.showConsent(w, r, consentView{App: world.Text(k.client.app, "displayName"), Account: world.Text(user, "userPrincipalName"), Permissions: need.all, Admin: world.IsAdmin(user), Flow: flow})
	case "yes", "true", "on", "1", "accept":
		s.recordConsent(k.client, tenant, user, need, r.PostForm.Get("organization") != "")
		s.finish(w, r, k, who, user)
	default:
		s.sendError(w, r, k, refuse(65004, ""))
	}
}

// need is what a sign-in still lacks.
type need struct {
	resource              world.Object
	all, missing, blocked []string
	first                 bool // nobody consented to anything yet
}

func (s *Server) need(c client, tenant world.Tenant, user world.Object, req request) (need, *refusal) {
	res, ref := s.resource(tenant, req.resource)
	if ref != nil {
		return need{}, ref
	}
	n := need{resource: res}
	want, ref := canonical(res, req.scopes)
	if ref != nil {
		return n, ref
	}
	if req.defaulted {
		_, want = required(c.app, res)
	}
	var have []string
	principal, known := s.world.Principal(tenant.ID, c.id())
	if known {
		if !world.Flag(principal, "accountEnabled") {
			return n, refuse(7000112, c.id())
		}
		if world.Flag(principal, "appRoleAssignmentRequired") && !s.assigned(tenant, principal, user) {
			return n, refuse(50105, c.id())
		}
		have = s.world.Scopes(tenant.ID, principal, res, world.Text(user, "id"))
	}
	n.first = len(have) == 0
	if req.defaulted && !n.first {
		want = nil // what was consented before is what .default means
	}
	n.all = append(want, req.openid...)
	n.missing = missing(want, have)
	for _, m := range n.missing {
		if world.NeedsAdmin(m, tenant.ManagedConsent) {
			n.blocked = append(n.blocked, m)
		}
	}
	return n, nil
}

func (s *Server) assigned(tenant world.Tenant, principal, user world.Object) bool {
	for g := range s.world.All(tenant.ID, world.AppRoleGrants) {
		if world.Text(g, "resourceId") == world.Text(principal, "id") && world.Text(g, "principalId") == world.Text(user, "id") {
			return true
		}
	}
	return false
}

func (s *Server) recordConsent(c client, tenant world.Tenant, user world.Object, n need, everyone bool) {
	principal, ok := s.world.Principal(tenant.ID, c.id())
	if !ok {
		principal = s.world.AddPrincipal(tenant.ID, c.home, c.app)
	}
	who := world.Text(user, "id")
	if everyone && world.IsAdmin(user) {
		who = ""
	}
	s.world.GrantScopes(tenant.ID, principal, n.resource, who, n.all)
}

// finish gives the application its code.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, k ask, who session, user world.Object) {
	id, now := "1.AX"+s.world.NewKey()+s.world.NewKey(), s.world.Now()
	method := k.raw.Get("code_challenge_method")
	if method == "" {
		method = "plain"
	}
	s.world.Put(world.Key{Collection: codes, ID: id}, world.Object{
		"client": k.client.id(), "tenant": who.tenant, "user": user["id"], "redirect": k.redirect, "scope": k.raw.Get("scope"), "challenge": k.raw.Get("code_challenge"), "method": method,
		"nonce": k.raw.Get("nonce"), "sid": who.sid, "claims": k.raw.Get("claims"), "issued": now.Format(time.RFC3339Nano), "used": false, "~forgetAfter": now.Add(24 * time.Hour).Format(time.RFC3339),
	})
	answer := url.Values{"code": {id}, "session_state": {s.world.NewGUID()}}
	if k.state != "" {
		answer.Set("state", k.state)
	}
	if k.raw.Get("client_info") != "" {
		answer.Set("client_info", clientInfo(grant{user: user, tenant: world.Tenant{ID: who.tenant}}))
	}
	s.sendBack(w, r, k, answer)
}

var consentForm = template.Must(template.New("consent").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Permissions requested</title>
<body><main><p>{{.Account}}</p><h1>Permissions requested{{if .ForAll}}: review for your organization{{end}}</h1><p><strong>{{.App}}</strong> would like to:</p>
<ul id="permissions">{{range .Permissions}}<li>{{.}}</li>{{end}}</ul>
<form method="post" action="{{.Action}}">{{range .Hidden}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<input type="hidden" name="flow" value="{{.Flow}}">
{{if .Admin}}<p><label><input type="checkbox" name="organization" value="yes"> Consent on behalf of your organization</label></p>{{end}}
<p><button type="submit" name="accept" value="yes">Accept</button> <button type="submit" name="accept" value="no">Cancel</button></p></form></main></body></html>`))

type consentView struct {
	App, Account, Action, Flow string
	Permissions                []string
	Admin, ForAll              bool
	Hidden                     []field
}

func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, v consentView) {
	v.Action, v.Hidden = r.URL.RequestURI(), hidden(r)
	s.render(w, http.StatusOK, consentForm, v)
}

// adminConsent grants everything the registration asks for (v1), or the scopes named (v2): graph/FACTS §1.1.
func (s *Server) adminConsent(w http.ResponseWriter, r *http.Request, a audience) {
	if err := r.ParseForm(); err != nil {
		s.page(w, refuse(900144, "client_id"), "")
		return
	}
	if !r.Form.Has("redirect_uri") && !r.Form.Has("client_id") {
		s.page(w, refuse(900144, "client_id"), "")
		return
	}
	k, ref := s.readAsk(r, a)
	if ref != nil {
		s.page(w, ref, "")
		return
	}
	if v := r.Form.Get("scope"); v != "" {
		if k.scope, ref = parseScope(v, r.Host); ref != nil {
			s.page(w, ref, k.back(ref))
			return
		}
	}
	s.signIn(w, r, signInPage{audience: a, scopeOf: &k, form: r.Form,
		silent: func(ref *refusal) { s.sendError(w, r, k, ref) },
		then: func(who session, user world.Object, flow string) {
			s.adminDecides(w, r, k, who, user, flow)
		},
	})
}

func (s *Server) adminDecides(w http.ResponseWriter, r *http.Request, k ask, who session, user world.Object, flow string) {
	tenant, _ := s.world.Tenant(who.tenant)
	if !world.IsAdmin(user) {
		s.page(w, refuse(90094, "Sign in with an administrator's account."), k.back(refuse(90094, "")))
		return
	}
	res, ref := s.resource(tenant, k.scope.resourceOrGraph())
	if ref != nil {
		s.page(w, ref, k.back(ref))
		return
	}
	roles, scopes := required(k.client.app, res)
	if len(k.scope.scopes) > 0 {
		roles = nil
		if scopes, ref = canonical(res, k.scope.scopes); ref != nil {
			s.page(w, ref, k.back(ref))
			return
		}
	}
	switch strings.ToLower(r.PostForm.Get("accept")) {
	case "":
		s.showConsent(w, r, consentView{App: world.Text(k.client.app, "displayName"), Account: world.Text(user, "userPrincipalName"), Permissions: append(append([]string{}, roles...), scopes...), Flow: flow, ForAll: true})
		return
	case "yes", "true", "on", "1", "accept":
	default:
		ref := refuse(65004, "")
		ref.oauth = "permission_denied" // graph/FACTS §1.1
		s.sendError(w, r, k, ref)
		return
	}
	principal, ok := s.world.Principal(tenant.ID, k.client.id())
	if !ok {
		principal = s.world.AddPrincipal(tenant.ID, k.client.home, k.client.app)
	}
	s.world.GrantRoles(tenant.ID, principal, res, roles)
	if len(scopes) > 0 {
		s.world.GrantScopes(tenant.ID, principal, res, "", append(scopes, "openid", "profile", "email", "offline_access"))
	}
	answer := url.Values{"admin_consent": {"True"}, "tenant": {tenant.ID}}
	if k.state != "" {
		answer.Set("state", k.state)
	}
	if v := r.Form.Get("scope"); v != "" {
		answer.Set("scope", v)
	}
	s.sendBack(w, r, k, answer)
}

func (r request) resourceOrGraph() string {
	if r.resource == "" {
		return graphAudience
	}
	return r.resource
}
