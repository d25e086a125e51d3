package entra

import (
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// Server is the identity platform of one simulated cloud.
type Server struct {
	world  *world.World
	faults *trouble.Book
	key    *rsa.PrivateKey
	keyID  string
	extern *rsa.PrivateKey // the external identity provider's

	mu       sync.Mutex
	sessions map[string]session // by cookie; a restart signs everyone out
	flows    map[string]session // who signed in on the page before this one
	verified map[string]Token   // tokens already checked
}

// New starts the identity platform of a world.
func New(w *world.World, faults *trouble.Book) (*Server, error) {
	key, err := w.RSAKey("tokens")
	if err != nil {
		return nil, err
	}
	extern, err := w.RSAKey("external")
	if err != nil {
		return nil, err
	}
	s := &Server{world: w, faults: faults, key: key, extern: extern, sessions: map[string]session{}, flows: map[string]session{}, verified: map[string]Token{}}
	s.keyID = thumbprint(&key.PublicKey)
	return s, nil
}

// The names that stand for many tenants: graph/FACTS §1.1.
const (
	common        = "common"
	organizations = "organizations"
	consumers     = "consumers"
)

// audience is the {tenant} of a path, understood.
type audience struct {
	path   string       // as written
	tenant world.Tenant // zero for common and organizations
}

func (a audience) many() bool { return a.tenant.ID == "" }

func (s *Server) audience(path string) (audience, *refusal) {
	switch strings.ToLower(path) {
	case common, organizations:
		return audience{path: strings.ToLower(path)}, nil
	case consumers:
		t, ok := s.world.Tenant(world.ConsumersTenant)
		if !ok {
			t = world.Tenant{ID: world.ConsumersTenant, Name: consumers}
		}
		return audience{path: consumers, tenant: t}, nil
	}
	t, ok := s.world.Tenant(path)
	if !ok || strings.EqualFold(path, t.Name) {
		return audience{}, refuse(90002, path)
	}
	return audience{path: path, tenant: t}, nil
}

// ServeHTTP routes /{tenant}/… .
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/common/discovery/instance" {
		s.instanceDiscovery(w, r)
		return
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if first == "devicelogin" || first == "deviceauth" {
		s.devicePage(w, r)
		return
	}
	serve, ok := map[string]func(http.ResponseWriter, *http.Request, audience){
		"v2.0/.well-known/openid-configuration": s.discovery,
		".well-known/openid-configuration":      s.discovery,
		"discovery/v2.0/keys":                   s.keys,
		"discovery/keys":                        s.keys,
		"oauth2/v2.0/authorize":                 s.authorize,
		"oauth2/v2.0/token":                     s.token,
		"oauth2/v2.0/devicecode":                s.deviceCode,
		"oauth2/v2.0/logout":                    s.logout,
		"adminconsent":                          s.adminConsent,
		"v2.0/adminconsent":                     s.adminConsent,
	}[rest]
	if !ok {
		http.NotFound(w, r)
		return
	}
	a, ref := s.audience(first)
	if ref != nil {
		if strings.HasSuffix(rest, "authorize") || strings.HasSuffix(rest, "adminconsent") {
			s.page(w, ref, "")
			return
		}
		s.writeRefusal(w, r, ref)
		return
	}
	serve(w, r, a)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store, no-cache")
	_ = json.NewEncoder(w).Encode(v) // the client went away
}
