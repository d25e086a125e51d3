package entra

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// Collections of the identity platform itself.
const (
	codes         = "authorizationCodes"
	refreshTokens = "refreshTokens"
	deviceCodes   = "deviceCodes"
)

const (
	codeLife    = 10 * time.Minute    // graph/FACTS §1.2
	refreshLife = 90 * 24 * time.Hour // rolling, graph/FACTS §1.2
)

func (s *Server) token(w http.ResponseWriter, r *http.Request, a audience) {
	if r.Method != http.MethodPost {
		s.writeRefusal(w, r, &refusal{code: 900561, oauth: "invalid_request", status: 405, text: "The endpoint only accepts POST requests."})
		return
	}
	if err := r.ParseForm(); err != nil {
		s.writeRefusal(w, r, refuse(900144, "grant_type"))
		return
	}
	answer, ref := s.exchange(r, a)
	if ref != nil {
		s.writeRefusal(w, r, ref)
		return
	}
	writeJSON(w, answer)
}

func (s *Server) exchange(r *http.Request, a audience) (map[string]any, *refusal) {
	trouble.Note(r.Context()).App = r.PostForm.Get("client_id")
	kind := r.PostForm.Get("grant_type")
	if kind == "" {
		return nil, refuse(900144, "grant_type")
	}
	if r.PostForm.Has("resource") {
		return nil, refuse(901002, "")
	}
	if ref := s.fault(r, a); ref != nil {
		return nil, ref
	}
	grants := map[string]func(*http.Request, audience) (map[string]any, *refusal){
		"client_credentials": s.clientCredentials, "authorization_code": s.redeemCode, "refresh_token": s.refresh,
		"urn:ietf:params:oauth:grant-type:device_code": s.pollDevice, "device_code": s.pollDevice, "urn:ietf:params:oauth:grant-type:jwt-bearer": s.onBehalfOf,
	}
	g, ok := grants[kind]
	if !ok {
		return nil, refuse(70003, kind)
	}
	return g(r, a)
}

// fault plays an AADSTS refusal or a Conditional Access challenge that was asked for by POST /faults.
func (s *Server) fault(r *http.Request, a audience) *refusal {
	note := *trouble.Note(r.Context())
	note.Method, note.Path, note.Tenant, note.App = r.Method, r.URL.Path, a.tenant.ID, r.PostForm.Get("client_id")
	if f, ok := s.faults.Take(note, trouble.AADSTS); ok {
		code, err := strconv.Atoi(strings.TrimPrefix(f.Code, "AADSTS"))
		if err != nil {
			code = 90055
		}
		ref := refuse(code, note.App)
		if ref.oauth == "" {
			*ref = refusal{code: code, oauth: "invalid_grant", status: 400, text: "An error of this number was asked for."}
		}
		if f.Message != "" {
			ref.text = f.Message
		}
		if f.Status != 0 {
			ref.status = f.Status
		}
		return ref
	}
	if !strings.Contains(strings.ToLower(r.URL.Path), "/token") || answersChallenge(r.PostForm.Get("claims")) {
		return nil
	}
	note.Path = r.URL.Path
	if f, ok := s.takeTokenChallenge(note); ok {
		code := 50076
		if f.Code == "53003" || f.Code == "" && r.PostForm.Get("grant_type") == "client_credentials" {
			code = 53003
		}
		ref := refuse(code, world.GraphAppID)
		ref.claims = Challenge
		return ref
	}
	return nil
}

// takeTokenChallenge plays claims faults that name the token endpoint; those that name Graph paths are Graph's.
func (s *Server) takeTokenChallenge(note trouble.Request) (trouble.Fault, bool) {
	for _, f := range s.faults.List() {
		if f.Kind == trouble.Claims && strings.Contains(strings.ToLower(f.Match.Path), "token") {
			return s.faults.Take(note, trouble.Claims)
		}
	}
	return trouble.Fault{}, false
}

// Challenge is the claims value of a Conditional Access challenge.
const Challenge = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`

func (s *Server) resource(tenant world.Tenant, identifier string) (world.Object, *refusal) {
	if identifier == graphAudience {
		if g, ok := s.world.Principal(tenant.ID, world.GraphAppID); ok {
			return g, nil
		}
	}
	if r, ok := s.world.Resource(tenant.ID, identifier); ok {
		return r, nil
	}
	return nil, refuse(500011, identifier)
}

func (s *Server) clientCredentials(r *http.Request, a audience) (map[string]any, *refusal) {
	if a.path == common || a.path == consumers {
		return nil, refuse(9001023, "")
	}
	if a.many() {
		return nil, refuse(50059, "")
	}
	c, ref := s.client(r, a)
	if ref != nil {
		return nil, ref
	}
	if !c.proven {
		return nil, refuse(7000218, "")
	}
	principal, ok := s.world.Principal(a.tenant.ID, c.id())
	if !ok {
		return nil, refuse(700016, c.id())
	}
	if !world.Flag(principal, "accountEnabled") {
		return nil, refuse(7000112, c.id())
	}
	scope := r.PostForm.Get("scope")
	if scope == "" {
		return nil, refuse(900144, "scope")
	}
	req, ref := parseScope(scope, r.Host)
	if ref != nil {
		return nil, ref
	}
	if !req.defaulted { // MSAL adds openid, profile and offline_access to it: they are ignored, as the real one does
		return nil, refuse(70011, scope)
	}
	res, ref := s.resource(a.tenant, req.resource)
	if ref != nil {
		return nil, ref
	}
	g := grant{tenant: a.tenant, app: c.app, principal: principal, resource: res, roles: s.world.Roles(a.tenant.ID, principal, res), claims: r.PostForm.Get("claims"), host: r.Host, appAuth: c.appAuth}
	access, life, err := s.accessToken(g)
	if err != nil {
		return nil, refuse(90055, "")
	}
	return map[string]any{"token_type": "Bearer", "expires_in": int(life.Seconds()) - 1, "ext_expires_in": int(life.Seconds()) - 1, "access_token": access}, nil
}

func (s *Server) redeemCode(r *http.Request, a audience) (map[string]any, *refusal) {
	c, ref := s.client(r, a)
	if ref != nil {
		return nil, ref
	}
	key := world.Key{Collection: codes, ID: r.PostForm.Get("code")}
	code, ok := s.world.Get(key)
	if !ok || world.Text(code, "client") != c.id() {
		return nil, refuse(70000, "")
	}
	if ref := s.checkCode(r, a, c, code); ref != nil {
		return nil, ref
	}
	used := false
	s.world.Update(func(tx *world.Tx) {
		now, _ := tx.Get(key)
		if used = world.Flag(now, "used"); !used {
			n := world.Clone(now)
			n["used"] = true
			tx.Put(key, n)
		}
	})
	if used {
		return nil, refuse(54005, "")
	}
	scope := world.Text(code, "scope")
	if v := r.PostForm.Get("scope"); v != "" {
		scope = v
	}
	claims := r.PostForm.Get("claims")
	if claims == "" {
		claims = world.Text(code, "claims")
	}
	return s.userTokens(userAsk{r: r, client: c, tenant: world.Text(code, "tenant"), user: world.Text(code, "user"), scope: scope, nonce: world.Text(code, "nonce"), sid: world.Text(code, "sid"), claims: claims, since: world.Time(code, "issued"), offline: hasFold(strings.Fields(world.Text(code, "scope")), "offline_access")})
}

func (s *Server) checkCode(r *http.Request, a audience, c client, code world.Object) *refusal {
	if world.Flag(code, "used") {
		return refuse(54005, "")
	}
	if s.world.Now().Sub(world.Time(code, "issued")) > codeLife {
		return refuse(70008, "")
	}
	if !a.many() && a.tenant.ID != world.Text(code, "tenant") {
		return refuse(700005, "")
	}
	if uri := r.PostForm.Get("redirect_uri"); uri != world.Text(code, "redirect") {
		return refuse(50011, uri)
	}
	if !c.proven && !publicRedirect(c.app, world.Text(code, "redirect")) {
		return refuse(7000218, "")
	}
	return checkVerifier(code, r.PostForm.Get("code_verifier"))
}

func checkVerifier(code world.Object, verifier string) *refusal {
	challenge := world.Text(code, "challenge")
	if challenge == "" {
		return nil
	}
	if len(verifier) < 43 || len(verifier) > 128 {
		return refuse(50147, "")
	}
	got := verifier
	if world.Text(code, "method") == "S256" {
		d := sha256.Sum256([]byte(verifier))
		got = base64.RawURLEncoding.EncodeToString(d[:])
	}
	if got != challenge {
		return refuse(501481, "")
	}
	return nil
}

func (s *Server) refresh(r *http.Request, a audience) (map[string]any, *refusal) {
	c, ref := s.client(r, a)
	if ref != nil {
		return nil, ref
	}
	t, ok := s.world.Get(world.Key{Collection: refreshTokens, ID: r.PostForm.Get("refresh_token")})
	if !ok || world.Text(t, "client") != c.id() {
		return nil, refuse(70000, "")
	}
	if s.world.Now().Sub(world.Time(t, "issued")) > refreshLife {
		return nil, refuse(700082, "")
	}
	if !c.proven && !world.Flag(t, "public") {
		return nil, refuse(7000218, "")
	}
	tenant := world.Text(t, "tenant")
	if !a.many() && a.tenant.ID != tenant {
		return nil, refuse(50020, world.Text(t, "upn"))
	}
	scope := r.PostForm.Get("scope")
	if scope == "" {
		scope = world.Text(t, "scope")
	}
	return s.userTokens(userAsk{r: r, client: c, tenant: tenant, user: world.Text(t, "user"), scope: scope, claims: r.PostForm.Get("claims"), since: world.Time(t, "issued"), offline: true})
}

// onBehalfOf exchanges a user's token for this API into one for another.
func (s *Server) onBehalfOf(r *http.Request, a audience) (map[string]any, *refusal) {
	c, ref := s.client(r, a)
	if ref != nil {
		return nil, ref
	}
	if !c.proven {
		return nil, refuse(7000218, "")
	}
	if r.PostForm.Get("requested_token_use") != "on_behalf_of" {
		return nil, refuse(900144, "requested_token_use")
	}
	t, err := s.parse(r.PostForm.Get("assertion"))
	if err != nil || t.AppOnly {
		return nil, refuse(50012, "The assertion is no user's token of this cloud.")
	}
	if s.world.Now().After(t.Expires) {
		return nil, refuse(70000, "")
	}
	if t.Audience != c.id() && !hasFold(world.Strings(c.app["identifierUris"]), t.Audience) {
		return nil, refuse(50012, "The audience of the assertion is not this application.")
	}
	return s.userTokens(userAsk{r: r, client: c, tenant: t.Tenant, user: t.ObjectID, scope: r.PostForm.Get("scope"), claims: r.PostForm.Get("claims"), since: t.Issued, offline: hasFold(strings.Fields(r.PostForm.Get("scope")), "offline_access")})
}

// userAsk is a request for a user's tokens, once the grant behind it was found good.
type userAsk struct {
	r                          *http.Request
	client                     client
	tenant, user, scope, nonce string
	claims, sid                string
	since                      time.Time // when the grant was given: a revocation after it ends it
	offline                    bool
}

func (s *Server) userTokens(k userAsk) (map[string]any, *refusal) {
	tenant, ok := s.world.Tenant(k.tenant)
	if !ok {
		return nil, refuse(90002, k.tenant)
	}
	user, ok := s.world.User(tenant.ID, k.user)
	if !ok {
		return nil, refuse(50034, k.user)
	}
	if !world.Flag(user, "accountEnabled") {
		return nil, refuse(50057, "")
	}
	if k.since.Before(world.Time(user, "signInSessionsValidFromDateTime")) {
		return nil, refuse(50173, "")
	}
	principal, ok := s.world.Principal(tenant.ID, k.client.id())
	if !ok {
		return nil, refuse(65001, k.client.id())
	}
	if !world.Flag(principal, "accountEnabled") {
		return nil, refuse(7000112, k.client.id())
	}
	req, ref := parseScope(k.scope, k.r.Host)
	if ref != nil {
		return nil, ref
	}
	g := grant{tenant: tenant, app: k.client.app, principal: principal, user: user, claims: k.claims, nonce: k.nonce, sid: k.sid, host: k.r.Host, appAuth: k.client.appAuth}
	if g.resource, ref = s.resource(tenant, req.resource); ref != nil {
		return nil, ref
	}
	if g.scopes, ref = s.consented(g, req); ref != nil {
		return nil, ref
	}
	return s.answerUser(k, g, req)
}

// consented gives what the token may carry. Everything consented on the resource comes along, whatever was asked (recall).
func (s *Server) consented(g grant, req request) ([]string, *refusal) {
	want, ref := canonical(g.resource, req.scopes)
	if ref != nil {
		return nil, ref
	}
	have := s.world.Scopes(g.tenant.ID, g.principal, g.resource, world.Text(g.user, "id"))
	if len(missing(want, have)) > 0 || len(have) == 0 {
		return nil, refuse(65001, world.Text(g.app, "appId"))
	}
	for _, o := range req.openid {
		if !hasFold(have, o) && o != "offline_access" {
			have = append(have, o)
		}
	}
	return have, nil
}

func (s *Server) answerUser(k userAsk, g grant, req request) (map[string]any, *refusal) {
	access, life, err := s.accessToken(g)
	if err != nil {
		return nil, refuse(90055, "")
	}
	granted := missing(g.scopes, []string{"offline_access"})
	out := map[string]any{"token_type": "Bearer", "scope": req.answered(granted), "expires_in": int(life.Seconds()) - 1, "ext_expires_in": int(life.Seconds()) - 1, "access_token": access}
	if k.offline || req.has("offline_access") {
		out["refresh_token"] = s.newRefreshToken(k, g)
	}
	if req.has("openid") {
		id, err := s.idToken(g)
		if err != nil {
			return nil, refuse(90055, "")
		}
		out["id_token"] = id
	}
	if k.r.PostForm.Get("client_info") != "" {
		out["client_info"] = clientInfo(g)
	}
	return out, nil
}

// newRefreshToken makes another refresh token. The one used stays valid: graph/FACTS §1.2.
func (s *Server) newRefreshToken(k userAsk, g grant) string {
	id, now := "1.AX"+s.world.NewKey()+"."+s.world.NewKey(), s.world.Now()
	scope := k.scope
	if !strings.Contains(scope, "offline_access") {
		scope += " offline_access"
	}
	s.world.Put(world.Key{Collection: refreshTokens, ID: id}, world.Object{
		"client": k.client.id(), "tenant": g.tenant.ID, "user": g.user["id"], "upn": g.user["userPrincipalName"], "scope": scope, "issued": now.Format(time.RFC3339Nano),
		"public": !k.client.proven, "~forgetAfter": now.Add(refreshLife).Format(time.RFC3339),
	})
	return id
}
