package graph

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"

	"seneschal/internal/sim/entra"
	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// Server is Microsoft Graph of one simulated cloud.
type Server struct {
	world    *world.World
	entra    *entra.Server
	faults   *trouble.Book
	record   *trouble.Recorder
	hashes   sync.Map // of blobs, by name
	sessions sync.Map // of uploads, by id: who is at one is there alone
	handlers map[string]handler
	throttle throttle
	notifier notifier
	inner    http.Handler // what a batch's parts go through: faults and record included

	pumpMu sync.Mutex // one tick at a time
}

// New starts Graph on a world.
func New(w *world.World, e *entra.Server, faults *trouble.Book, record *trouble.Recorder) *Server {
	s := &Server{world: w, entra: e, faults: faults, record: record}
	s.throttle.reset(DefaultLimits())
	s.handlers = handlers()
	s.inner = s
	s.notifier.start(s)
	w.OnChange(s.notifier.changed)
	return s
}

// RouteBatch sends the parts of batches through h.
func (s *Server) RouteBatch(h http.Handler) { s.inner = h }

// handler answers one operation.
type handler func(c *call) (reply, *problem)

// handlers joins the operations of all services.
func handlers() map[string]handler {
	out := map[string]handler{}
	for _, part := range []map[string]handler{directoryHandlers(), mailHandlers(), mailSettingsHandlers(), calendarHandlers(), calendarShareHandlers(), placeHandlers(), contactHandlers(), todoHandlers(), driveHandlers(), siteHandlers(), teamsHandlers(), subscriptionHandlers()} {
		for k, h := range part {
			out[k] = h
		}
	}
	return out
}

// reply is a good answer.
type reply struct {
	status int
	body   any       // encoded as JSON
	raw    *rawReply // instead of body
	header http.Header
}

type rawReply struct {
	contentType string
	write       func(w http.ResponseWriter) error
}

func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

func created(body any) reply { return reply{status: http.StatusCreated, body: body} }

func empty(status int) reply { return reply{status: status} }

// ServeHTTP answers /v1.0/…, /beta/… and /oidc/userinfo.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := s.identify(w, r)
	note := trouble.Note(r.Context())
	note.RequestID = id.request
	rep, p := s.answer(r, note)
	if p != nil {
		s.writeProblem(w, id, p)
		return
	}
	for k, v := range rep.header {
		w.Header()[k] = v
	}
	switch {
	case rep.raw != nil:
		w.Header().Set("Content-Type", rep.raw.contentType)
		w.WriteHeader(rep.status)
		if err := rep.raw.write(w); err != nil {
			s.world.Log.Debug("an answer was not read to its end", "error", err)
		}
	case rep.body != nil:
		w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
		w.Header().Set("OData-Version", "4.0")
		w.WriteHeader(rep.status)
		if err := json.NewEncoder(w).Encode(rep.body); err != nil {
			s.world.Log.Debug("an answer was not read to its end", "error", err)
		}
	default:
		w.WriteHeader(rep.status)
	}
}

// answer checks in the order of the real service as far as it is known: token, path, permission, limits, then the operation.
func (s *Server) answer(r *http.Request, note *trouble.Request) (reply, *problem) {
	token, p := s.authenticate(r)
	if p != nil {
		return reply{}, p
	}
	c := &call{s: s, r: r, token: token, note: note}
	note.Tenant, note.App = token.Tenant, token.AppID
	version, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if version == "oidc" {
		path = "oidc/userinfo"
	}
	path = s.byAppID(token.Tenant, path)
	c.version = version
	path, c.siteAt = siteByPath(path)
	path, c.named = byPath(path)
	op, params, found := operations().find(r.Method, path)
	if !found {
		return reply{}, unknownPath(path)
	}
	c.op, c.params = op, params
	note.Operation = op.canonical
	if p := c.prepare(); p != nil {
		return reply{}, p
	}
	if p := s.claimsFault(c); p != nil {
		return reply{}, p
	}
	release, p := s.throttle.enter(c)
	if p != nil {
		return reply{}, p
	}
	defer release()
	if d := s.Latency(); d > 0 && s.world.Clock.Sleep(r.Context(), d) != nil {
		return reply{}, fail(http.StatusServiceUnavailable, "UnknownError", "The client went away.")
	}
	if p := c.openMailbox(); p != nil {
		return reply{}, p
	}
	h, ok := s.handlers[op.canonical]
	if !ok {
		return reply{}, notImplemented(op.method + " " + op.template)
	}
	rep, p := h(c)
	if p == nil && c.preferenceApplied != nil {
		if rep.header == nil {
			rep.header = http.Header{}
		}
		rep.header.Set("Preference-Applied", strings.Join(c.preferenceApplied, ", "))
	}
	return rep, p
}

func unknownPath(path string) *problem {
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodPut} {
		if _, _, ok := operations().find(m, path); ok {
			return fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
		}
	}
	segments := strings.Split(path, "/")
	return badRequest("Resource not found for the segment '" + segments[len(segments)-1] + "'.")
}

// expired is what the service says of a token past its time.
const expired = "Lifetime validation failed, the token is expired."

// authenticate checks the bearer token: 401 InvalidAuthenticationToken otherwise.
func (s *Server) authenticate(r *http.Request) (entra.Token, *problem) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if raw == "" || !strings.EqualFold(scheme, "Bearer") {
		return entra.Token{}, unauthorized("Access token is empty.", "")
	}
	note := *trouble.Note(r.Context())
	if _, asked := s.faults.Take(note, trouble.ExpireToken); asked {
		return entra.Token{}, unauthorized(expired, "")
	}
	t, err := s.entra.Verify(raw)
	switch {
	case errors.Is(err, entra.ErrExpired):
		return t, unauthorized(expired, "")
	case errors.Is(err, entra.ErrAudience):
		return t, unauthorized("Access token validation failure. Invalid audience.", "")
	case err != nil:
		return t, unauthorized("CompactToken parsing failed with error code: 80049217", "")
	}
	return t, s.stillGood(t)
}

// stillGood ends tokens before their time where continuous access evaluation does: only for clients that said they understand (xms_cc).
func (s *Server) stillGood(t entra.Token) *problem {
	if t.AppOnly || !t.CP1 {
		return nil
	}
	u, ok := s.world.User(t.Tenant, t.ObjectID)
	if !ok || !world.Flag(u, "accountEnabled") || t.Issued.Before(world.Time(u, "signInSessionsValidFromDateTime")) {
		return unauthorized("Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
			`{"access_token":{"nbf":{"essential":true,"value":"`+s.world.Now().Format("20060102150405")+`"}}}`)
	}
	return nil
}

// unauthorized makes the 401; with claims it is a challenge: graph/FACTS §2.
func unauthorized(message, claims string) *problem {
	p := fail(http.StatusUnauthorized, "InvalidAuthenticationToken", message)
	challenge := `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="` + world.GraphAppID + `"`
	if claims != "" {
		challenge += `, error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	}
	p.header = http.Header{"Www-Authenticate": {challenge}}
	return p
}

func (s *Server) claimsFault(c *call) *problem {
	if c.token.Answered {
		return nil
	}
	note := *c.note
	for _, f := range s.faults.List() {
		if f.Kind != trouble.Claims || strings.Contains(strings.ToLower(f.Match.Path), "token") {
			continue
		}
		if _, hit := s.faults.Take(note, trouble.Claims); hit {
			return unauthorized("Continuous access evaluation resulted in challenge with result: InteractionRequired and code: LocationConditionEvaluationSatisfied", entra.Challenge)
		}
	}
	return nil
}

// Tick does what is due: mail that leaves, subscriptions that end. It is called often.
func (s *Server) Tick() {
	s.pumpMu.Lock()
	defer s.pumpMu.Unlock()
	s.tickMail()
	s.notifier.tick()
}

// Close ends deliveries.
func (s *Server) Close() { s.notifier.close() }
