package entra

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

const (
	deviceLife     = 15 * time.Minute // graph/FACTS §1.2
	deviceInterval = 5
	userCodeSigns  = "BCDFGHJKLMNPQRSTVWXYZ23456789"
)

func (s *Server) deviceCode(w http.ResponseWriter, r *http.Request, a audience) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("client_id") == "" {
		s.writeRefusal(w, r, refuse(900144, "client_id"))
		return
	}
	c, ref := s.app(r.PostForm.Get("client_id"), a)
	if ref == nil && !world.Flag(c.app, "isFallbackPublicClient") {
		ref = refuse(7000218, "")
	}
	if ref == nil && r.PostForm.Get("scope") == "" {
		ref = refuse(900144, "scope")
	}
	if ref == nil {
		_, ref = parseScope(r.PostForm.Get("scope"), r.Host)
	}
	if ref != nil {
		s.writeRefusal(w, r, ref)
		return
	}
	device, user := s.world.NewKey()+s.world.NewKey(), s.userCode()
	now := s.world.Now()
	s.world.Put(world.Key{Collection: deviceCodes, ID: device}, world.Object{
		"client": c.id(), "userCode": user, "path": a.path, "scope": r.PostForm.Get("scope"), "issued": now.Format(time.RFC3339Nano), "state": "pending", "~forgetAfter": now.Add(time.Hour).Format(time.RFC3339),
	})
	link := "https://" + r.Host + "/devicelogin"
	writeJSON(w, map[string]any{
		"user_code": user, "device_code": device, "verification_uri": link, "expires_in": int(deviceLife.Seconds()), "interval": deviceInterval,
		"message": fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", link, user),
	})
}

func (s *Server) userCode() string {
	rnd := s.world.Rand("user code", s.world.NewGUID())
	var b strings.Builder
	for range 9 {
		b.WriteByte(userCodeSigns[rnd.IntN(len(userCodeSigns))])
	}
	return b.String()
}

func (s *Server) pollDevice(r *http.Request, a audience) (map[string]any, *refusal) {
	c, ref := s.client(r, a)
	if ref != nil {
		return nil, ref
	}
	id := r.PostForm.Get("device_code")
	if id == "" {
		id = r.PostForm.Get("code")
	}
	key := world.Key{Collection: deviceCodes, ID: id}
	d, ok := s.world.Get(key)
	if !ok || world.Text(d, "client") != c.id() {
		return nil, refuse(70018, "")
	}
	if s.world.Now().Sub(world.Time(d, "issued")) > deviceLife {
		return nil, refuse(70019, "")
	}
	switch world.Text(d, "state") {
	case "pending":
		return nil, refuse(70016, "")
	case "declined":
		return nil, &refusal{code: 65004, oauth: "authorization_declined", status: 400, text: "User declined to consent to access the app."}
	case "redeemed":
		return nil, refuse(54005, "")
	}
	n := world.Clone(d)
	n["state"] = "redeemed"
	s.world.Put(key, n)
	scope := world.Text(d, "scope")
	return s.userTokens(userAsk{r: r, client: c, tenant: world.Text(d, "tenant"), user: world.Text(d, "user"), scope: scope, claims: r.PostForm.Get("claims"), since: world.Time(d, "issued"), offline: hasFold(strings.Fields(scope), "offline_access")})
}

var deviceForm = template.Must(template.New("device").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in to your account</title>
<body><main><h1>Enter code</h1>{{if .}}<p id="error" role="alert">{{.}}</p>{{end}}
<form method="get" action="/devicelogin"><p><label>Code <input name="code" required></label></p><p><button type="submit">Next</button></p></form></main></body></html>`))

var deviceDone = template.Must(template.New("done").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Done</title><body><main><h1>{{.}}</h1><p>You may now close this window.</p></main></body></html>`))

// devicePage is where a person enters the code: code, account and password, consent. All fields may come in one form.
func (s *Server) devicePage(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.render(w, http.StatusOK, deviceForm, "The form cannot be read.")
		return
	}
	code := strings.ToUpper(strings.TrimSpace(r.Form.Get("code") + r.Form.Get("user_code")))
	if code == "" {
		s.render(w, http.StatusOK, deviceForm, "")
		return
	}
	id, d, ok := s.findDevice(code)
	if !ok {
		s.render(w, http.StatusOK, deviceForm, refuse(70018, "").Error())
		return
	}
	a, ref := s.audience(world.Text(d, "path"))
	if ref != nil {
		s.page(w, ref, "")
		return
	}
	c, ref := s.app(world.Text(d, "client"), a)
	if ref != nil {
		s.page(w, ref, "")
		return
	}
	s.signIn(w, r, signInPage{audience: a, scopeOf: &ask{client: c}, form: r.Form,
		silent: func(ref *refusal) { s.page(w, ref, "") },
		then:   func(who session, user world.Object, flow string) { s.deviceDecides(w, r, id, d, c, who, user, flow) },
	})
}

func (s *Server) findDevice(code string) (string, world.Object, bool) {
	for id, d := range s.world.Scan("", deviceCodes) {
		if world.Text(d, "userCode") == code && world.Text(d, "state") == "pending" && s.world.Now().Sub(world.Time(d, "issued")) <= deviceLife {
			return id, d, true
		}
	}
	return "", nil, false
}

func (s *Server) deviceDecides(w http.ResponseWriter, r *http.Request, id string, d world.Object, c client, who session, user world.Object, flow string) {
	tenant, _ := s.world.Tenant(who.tenant)
	req, ref := parseScope(world.Text(d, "scope"), r.Host)
	if ref != nil {
		s.page(w, ref, "")
		return
	}
	n, ref := s.need(c, tenant, user, req)
	if ref != nil {
		s.page(w, ref, "")
		return
	}
	if len(n.blocked) > 0 && !world.IsAdmin(user) {
		s.page(w, refuse(90094, strings.Join(n.blocked, " ")), "")
		return
	}
	// Even with nothing to consent the real page asks "Are you trying to sign in to …?" before it goes on.
	switch strings.ToLower(r.PostForm.Get("accept")) {
	case "":
		s.showConsent(w, r, consentView{App: world.Text(c.app, "displayName"), Account: world.Text(user, "userPrincipalName"), Permissions: n.all, Admin: world.IsAdmin(user) && len(n.missing) > 0, Flow: flow})
	case "yes", "true", "on", "1", "accept":
		if len(n.missing) > 0 || n.first {
			s.recordConsent(c, tenant, user, n, r.PostForm.Get("organization") != "")
		}
		s.settleDevice(id, d, "granted", who)
		s.render(w, http.StatusOK, deviceDone, "You have signed in to "+world.Text(c.app, "displayName"))
	default:
		s.settleDevice(id, d, "declined", who)
		s.render(w, http.StatusOK, deviceDone, "You declined to sign in")
	}
}

func (s *Server) settleDevice(id string, d world.Object, state string, who session) {
	n := world.Clone(d)
	n["state"], n["tenant"], n["user"] = state, who.tenant, who.user
	s.world.Put(world.Key{Collection: deviceCodes, ID: id}, n)
}
