package entra

import (
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// session is a signed-in person.
type session struct {
	tenant, user string
	at           time.Time
	sid          string
}

const cookie = "ESTSAUTH"

// ask is one authorization request, checked as far as it can be without knowing the person.
type ask struct {
	audience audience
	client   client
	redirect string
	mode     string
	state    string
	scope    request
	raw      url.Values
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request, a audience) {
	if err := r.ParseForm(); err != nil {
		s.page(w, refuse(900144, "client_id"), "")
		return
	}
	k, ref := s.readAsk(r, a)
	if ref != nil {
		s.page(w, ref, "") // never redirect to an address that is not registered
		return
	}
	if ref := s.checkAsk(&k, r); ref != nil {
		s.sendError(w, r, k, ref)
		return
	}
	if ref := s.fault(r, a); ref != nil {
		s.page(w, ref, k.back(ref))
		return
	}
	s.signIn(w, r, signInPage{audience: a, scopeOf: &k, form: r.Form,
		silent: func(ref *refusal) { s.sendError(w, r, k, ref) },
		then:   func(who session, user world.Object, flow string) { s.consent(w, r, k, who, user, flow) },
	})
}

func (s *Server) readAsk(r *http.Request, a audience) (ask, *refusal) {
	v := r.Form
	k := ask{audience: a, raw: v, state: v.Get("state"), redirect: v.Get("redirect_uri"), mode: v.Get("response_mode")}
	id := v.Get("client_id")
	if id == "" {
		return k, refuse(900144, "client_id")
	}
	var ref *refusal
	if k.client, ref = s.app(id, a); ref != nil {
		return k, ref
	}
	if k.redirect == "" {
		return k, refuse(900971, "")
	}
	if !registered(k.client.app, k.redirect) {
		return k, refuse(50011, k.redirect)
	}
	return k, nil
}

func (s *Server) checkAsk(k *ask, r *http.Request) *refusal {
	if v := k.raw.Get("response_type"); v != "code" {
		return &refusal{code: 700054, oauth: "unsupported_response_type", status: 400, text: "response_type '" + v + "' is not enabled for the application."}
	}
	switch k.mode {
	case "", "query", "form_post", "fragment":
	default:
		return &refusal{code: 70007, oauth: "unsupported_response_mode", status: 400, text: "'" + k.mode + "' is not a supported value of 'response_mode'."}
	}
	if k.raw.Get("scope") == "" {
		return refuse(900144, "scope")
	}
	if c := k.raw.Get("code_challenge"); c != "" && (len(c) < 43 || len(c) > 128) {
		return refuse(50147, "")
	}
	var ref *refusal
	k.scope, ref = parseScope(k.raw.Get("scope"), r.Host)
	return ref
}

// registered compares redirect URIs exactly after decoding; on loopback the port is free: graph/FACTS §1.2.
func registered(app world.Object, uri string) bool {
	for _, kind := range []string{"web", "publicClient", "spa"} {
		if redirectIn(app, kind, uri) {
			return true
		}
	}
	return false
}

func publicRedirect(app world.Object, uri string) bool { return redirectIn(app, "publicClient", uri) }

func redirectIn(app world.Object, kind, uri string) bool {
	section, _ := app[kind].(world.Object)
	for _, have := range world.Strings(section["redirectUris"]) {
		if have == uri || sameLoopback(have, uri) {
			return true
		}
	}
	return false
}

func sameLoopback(a, b string) bool {
	x, err1 := url.Parse(a)
	y, err2 := url.Parse(b)
	if err1 != nil || err2 != nil || x.Scheme != "http" || y.Scheme != "http" || x.Hostname() != y.Hostname() || x.RawQuery != y.RawQuery {
		return false
	}
	ip := net.ParseIP(x.Hostname())
	if x.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return false
	}
	return strings.TrimSuffix(x.Path, "/") == strings.TrimSuffix(y.Path, "/")
}

// signInPage is a page that first needs to know who is there.
type signInPage struct {
	audience audience
	scopeOf  *ask
	form     url.Values
	silent   func(*refusal)
	then     func(who session, user world.Object, flow string)
}

// signIn lets a person in: by the form's account and password, by the page before, or by the cookie.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, p signInPage) {
	prompt := p.form.Get("prompt")
	if r.Method == http.MethodPost && r.PostForm.Has("account") {
		s.signInByForm(w, r, p)
		return
	}
	if flow := r.PostForm.Get("flow"); flow != "" {
		if who, user, ok := s.recall(s.takeFlow(flow), p.audience); ok {
			p.then(who, user, flow)
			return
		}
	}
	fresh := strings.Contains(prompt, "login") || strings.Contains(prompt, "select_account")
	if c, err := r.Cookie(cookie); err == nil && !fresh {
		s.mu.Lock()
		held, ok := s.sessions[c.Value]
		s.mu.Unlock()
		if who, user, good := s.recall(held, p.audience); ok && good && hintFits(user, p.form.Get("login_hint")) {
			p.then(who, user, s.newFlow(who))
			return
		}
	}
	if strings.Contains(prompt, "none") {
		p.silent(refuse(50058, ""))
		return
	}
	s.showSignIn(w, r, p, "", http.StatusOK)
}

func hintFits(user world.Object, hint string) bool {
	return hint == "" || strings.EqualFold(hint, world.Text(user, "userPrincipalName"))
}

func (s *Server) signInByForm(w http.ResponseWriter, r *http.Request, p signInPage) {
	who, user, ref := s.checkPassword(p.audience, r.PostForm.Get("account"), r.PostForm.Get("password"))
	if ref == nil && !a50020(p, who) {
		ref = refuse(50020, r.PostForm.Get("account"))
	}
	if ref != nil {
		s.showSignIn(w, r, p, ref.Error(), http.StatusOK)
		return
	}
	id := s.world.NewKey() + s.world.NewKey()
	s.mu.Lock()
	s.sessions[id] = who
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: id, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode})
	p.then(who, user, s.newFlow(who))
}

// a50020 tells whether the person's kind of account may use the application: personal accounts only where the registration says so.
func a50020(p signInPage, who session) bool {
	if p.scopeOf == nil || who.tenant != world.ConsumersTenant {
		return true
	}
	return world.Text(p.scopeOf.client.app, "signInAudience") == "AzureADandPersonalMicrosoftAccount"
}

func (s *Server) checkPassword(a audience, account, password string) (session, world.Object, *refusal) {
	account = strings.TrimSpace(account)
	t, ok := s.world.TenantOfAddress(account)
	if !ok {
		return session{}, nil, refuse(50034, account)
	}
	if !a.many() && t.ID != a.tenant.ID || a.path == organizations && t.ID == world.ConsumersTenant {
		return session{}, nil, refuse(50020, account)
	}
	user, ok := s.world.User(t.ID, account)
	if !ok {
		return session{}, nil, refuse(50034, account)
	}
	if !world.Flag(user, "accountEnabled") {
		return session{}, nil, refuse(50057, "")
	}
	if pw := world.Text(user, "~password"); pw == "" || pw != password {
		return session{}, nil, refuse(50126, "")
	}
	return session{tenant: t.ID, user: world.Text(user, "id"), at: s.world.Now(), sid: s.world.NewGUID()}, user, nil
}

// recall finds the person of a session and checks that it still holds.
func (s *Server) recall(who session, a audience) (session, world.Object, bool) {
	user, ok := s.world.User(who.tenant, who.user)
	if !ok || !world.Flag(user, "accountEnabled") || who.at.Before(world.Time(user, "signInSessionsValidFromDateTime")) {
		return who, nil, false
	}
	return who, user, a.many() || a.tenant.ID == who.tenant
}

func (s *Server) newFlow(who session) string {
	id := s.world.NewKey()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flows[id] = who
	return id
}

func (s *Server) takeFlow(id string) session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flows[id]
}

var signInForm = template.Must(template.New("sign-in").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in to your account</title>
<body><main><h1>Sign in</h1>{{if .App}}<p>to continue to <strong>{{.App}}</strong></p>{{end}}
{{if .Error}}<p id="error" role="alert">{{.Error}}</p>{{end}}
{{if .Accounts}}<p>Pick an account</p><ul id="accounts">{{range .Accounts}}<li><a href="{{.Link}}">{{.Name}} ({{.UPN}})</a></li>{{end}}</ul>{{end}}
<form method="post" action="{{.Action}}">
{{range .Hidden}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<p><label>Account <input name="account" type="email" autocomplete="username" value="{{.Account}}" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button type="submit">Sign in</button></p></form></main></body></html>`))

type field struct{ Name, Value string }

type account struct {
	Name, UPN string
	Link      string
}

type signInView struct {
	App, Error, Action, Account string
	Accounts                    []account
	Hidden                      []field
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, p signInPage, problem string, status int) {
	v := signInView{Error: problem, Action: r.URL.RequestURI(), Account: p.form.Get("login_hint"), Hidden: hidden(r)}
	if p.scopeOf != nil {
		v.App = world.Text(p.scopeOf.client.app, "displayName")
	}
	if r.PostForm.Has("account") {
		v.Account = r.PostForm.Get("account")
	}
	v.Accounts = s.accounts(r, p.audience)
	s.render(w, status, signInForm, v)
}

// hidden carries what came by POST from one page to the next; what came in the address stays there.
func hidden(r *http.Request) []field {
	var out []field
	for name, values := range r.PostForm {
		switch name {
		case "account", "password", "accept", "flow", "organization":
			continue
		}
		for _, v := range values {
			out = append(out, field{name, v})
		}
	}
	return out
}

// accounts is the account picker. A large world's people are not listed.
func (s *Server) accounts(r *http.Request, a audience) []account {
	var out []account
	for _, t := range s.world.Spec().Tenants {
		if !a.many() && t.ID != a.tenant.ID || a.path == organizations && t.ID == world.ConsumersTenant {
			continue
		}
		for _, u := range t.Users {
			if u.Password == "" {
				continue
			}
			q := r.URL.Query()
			q.Set("login_hint", u.UPN)
			out = append(out, account{Name: u.Name, UPN: u.UPN, Link: r.URL.Path + "?" + q.Encode()})
		}
	}
	return out
}

// back is the way back to the application that a page offers.
func (k ask) back(ref *refusal) string {
	u, err := url.Parse(k.redirect)
	if err != nil {
		return ""
	}
	q := u.Query()
	for name, v := range k.errorAnswer(ref) {
		q[name] = v
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func (k ask) errorAnswer(ref *refusal) url.Values {
	v := url.Values{"error": {ref.oauth}, "error_description": {ref.Error()}}
	if k.state != "" {
		v.Set("state", k.state)
	}
	if ref.suberror != "" {
		v.Set("error_subcode", ref.suberror)
	}
	if ref.claims != "" {
		v.Set("claims", ref.claims)
	}
	return v
}

func (s *Server) sendError(w http.ResponseWriter, r *http.Request, k ask, ref *refusal) {
	s.sendBack(w, r, k, k.errorAnswer(ref))
}

var postBack = template.Must(template.New("back").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Working…</title>
<body><form method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}
<noscript><p>Script is disabled. Click Submit to continue.</p></noscript><button type="submit">Submit</button></form>
<script>document.forms[0].submit()</script></body></html>`))

// sendBack answers the application by the response mode it asked for.
func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, k ask, answer url.Values) {
	if k.mode == "form_post" {
		v := struct {
			Action string
			Fields []field
		}{Action: k.redirect}
		for name, values := range answer {
			v.Fields = append(v.Fields, field{name, values[0]})
		}
		s.render(w, http.StatusOK, postBack, v)
		return
	}
	u, err := url.Parse(k.redirect)
	if err != nil {
		s.page(w, refuse(50011, k.redirect), "")
		return
	}
	if k.mode == "fragment" {
		u.Fragment = ""
		w.Header().Set("Location", u.String()+"#"+answer.Encode())
		w.WriteHeader(http.StatusFound)
		return
	}
	q := u.Query()
	for name, v := range answer {
		q[name] = v
	}
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request, _ audience) {
	if c, err := r.Cookie(cookie); err == nil {
		s.mu.Lock()
		delete(s.sessions, c.Value)
		s.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true})
	if to := r.FormValue("post_logout_redirect_uri"); to != "" && s.anyRegistered(to) {
		if st := r.FormValue("state"); st != "" {
			to += "?state=" + url.QueryEscape(st)
		}
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	s.render(w, http.StatusOK, signedOut, nil)
}

func (s *Server) anyRegistered(uri string) bool {
	for _, t := range s.world.Tenants() {
		for app := range s.world.All(t.ID, world.Applications) {
			if registered(app, uri) {
				return true
			}
		}
	}
	return false
}

var signedOut = template.Must(template.New("out").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Signed out</title><body><main><h1>You signed out of your account</h1></main></body></html>`))
