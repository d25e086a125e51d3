package entra

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"seneschal/internal/sim/world"
)

// Token is an access token of ours, checked and read.
type Token struct {
	Audience string
	Tenant   string
	AppID    string
	ObjectID string // the user's, or the service principal's
	UPN      string
	Roles    []string
	Scopes   []string
	AppOnly  bool
	Issued   time.Time
	Expires  time.Time
	CP1      bool // the client understands claims challenges
	Answered bool // it was asked for with an answer to a claims challenge
	UserInfo map[string]any
}

// grant is who a token is for.
type grant struct {
	tenant    world.Tenant
	app       world.Object
	principal world.Object
	resource  world.Object
	user      world.Object // nil: app-only
	scopes    []string     // delegated, as consented
	roles     []string
	claims    string // the request's claims parameter
	nonce     string
	sid       string
	host      string
	appAuth   string // 0 public, 1 secret, 2 certificate
}

func (s *Server) sign(claims map[string]any) (string, error) {
	opts := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", s.keyID).WithHeader("x5t", s.keyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: s.key}, opts)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	sig, err := signer.Sign(b)
	if err != nil {
		return "", err
	}
	return sig.CompactSerialize()
}

// lifetime is 60 to 90 minutes (recall, graph/FACTS §1.2); a person's token for a client that handles challenges lives a day.
func (s *Server) lifetime(g grant) time.Duration {
	if g.user != nil && strings.Contains(g.claims, "cp1") {
		return 24 * time.Hour
	}
	return time.Hour + time.Duration(s.world.Rand("lifetime", s.world.NewGUID()).IntN(1800))*time.Second
}

// accessToken makes the token; Graph's are v1-shaped, others v2: graph/FACTS §1.4.
func (s *Server) accessToken(g grant) (string, time.Duration, error) {
	now, life := s.world.Now(), s.lifetime(g)
	c := map[string]any{
		"iat": now.Unix(), "nbf": now.Unix() - 300, "exp": now.Add(life).Unix(), "tid": g.tenant.ID, "uti": s.world.NewKey(), "app_displayname": g.app["displayName"],
	}
	appID := world.Text(g.app, "appId")
	if world.Text(g.resource, "appId") == world.GraphAppID {
		c["aud"], c["iss"], c["ver"], c["appid"], c["appidacr"] = graphAudience, "https://sts.windows.net/"+g.tenant.ID+"/", "1.0", appID, g.appAuth
	} else {
		c["aud"], c["iss"], c["ver"], c["azp"], c["azpacr"] = g.resource["appId"], issuer(g.host, g.tenant.ID), "2.0", appID, g.appAuth
	}
	if len(g.roles) > 0 {
		c["roles"] = g.roles
	}
	if g.user == nil {
		c["idtyp"], c["oid"], c["sub"] = "app", g.principal["id"], g.principal["id"]
	} else {
		s.userClaims(c, g)
	}
	if strings.Contains(g.claims, "cp1") {
		c["xms_cc"] = []string{"cp1"}
	}
	if answersChallenge(g.claims) {
		c["acrs"] = []string{"c1"}
	}
	t, err := s.sign(c)
	return t, life, err
}

const graphAudience = "https://graph.microsoft.com"

func (s *Server) userClaims(c map[string]any, g grant) {
	u := g.user
	c["idtyp"], c["oid"], c["sub"] = "user", u["id"], pairwise(world.Text(g.app, "appId"), world.Text(u, "id"))
	c["upn"], c["unique_name"], c["name"], c["given_name"], c["family_name"] = u["userPrincipalName"], u["userPrincipalName"], u["displayName"], u["givenName"], u["surname"]
	c["preferred_username"] = u["userPrincipalName"]
	wids := append(world.Strings(u["~roles"]), "b79fbf4d-3ef9-4689-8143-76b194e85509") // every member has this one (recall)
	c["wids"] = wids
	var scp []string
	for _, sc := range g.scopes {
		if !strings.EqualFold(sc, "offline_access") {
			scp = append(scp, sc)
		}
	}
	c["scp"] = strings.Join(scp, " ")
	c["amr"] = []string{"pwd"}
}

func pairwise(client, user string) string {
	d := sha256.Sum256([]byte(client + " " + user))
	return base64.RawURLEncoding.EncodeToString(d[:])
}

// answersChallenge tells whether the claims parameter carries more than the client's capabilities.
func answersChallenge(claims string) bool {
	var c struct {
		AccessToken map[string]any `json:"access_token"`
	}
	if json.Unmarshal([]byte(claims), &c) != nil {
		return false
	}
	delete(c.AccessToken, "xms_cc")
	return len(c.AccessToken) > 0
}

func (s *Server) idToken(g grant) (string, error) {
	now, u := s.world.Now(), g.user
	c := map[string]any{
		"ver": "2.0", "iss": issuer(g.host, g.tenant.ID), "aud": g.app["appId"], "iat": now.Unix(), "nbf": now.Unix() - 300, "exp": now.Add(time.Hour).Unix(), "tid": g.tenant.ID,
		"oid": u["id"], "sub": pairwise(world.Text(g.app, "appId"), world.Text(u, "id")), "name": u["displayName"], "preferred_username": u["userPrincipalName"], "uti": s.world.NewKey(),
	}
	if g.nonce != "" {
		c["nonce"] = g.nonce
	}
	if g.sid != "" {
		c["sid"] = g.sid
	}
	s.membership(c, g)
	for _, sc := range g.scopes {
		if strings.EqualFold(sc, "email") {
			c["email"] = u["mail"]
		}
	}
	return s.sign(c)
}

func clientInfo(g grant) string {
	b, err := json.Marshal(map[string]any{"uid": g.user["id"], "utid": g.tenant.ID})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// What Verify finds wrong with a token.
var (
	ErrMalformed = errors.New("the token is no token of this cloud")
	ErrExpired   = errors.New("lifetime validation failed, the token is expired")
	ErrAudience  = errors.New("invalid audience")
)

// Verify checks a token that this identity platform issued for Microsoft Graph. Signature checks are remembered: they cost more than the rest of a request.
func (s *Server) Verify(raw string) (Token, error) {
	s.mu.Lock()
	t, ok := s.verified[raw]
	s.mu.Unlock()
	if !ok {
		var err error
		if t, err = s.parse(raw); err != nil {
			return Token{}, err
		}
		s.mu.Lock()
		if len(s.verified) > 4096 {
			clear(s.verified)
		}
		s.verified[raw] = t
		s.mu.Unlock()
	}
	if s.world.Now().After(t.Expires) {
		return Token{}, ErrExpired
	}
	if t.Audience != graphAudience && t.Audience != world.GraphAppID {
		return Token{}, ErrAudience
	}
	return t, nil
}

func (s *Server) parse(raw string) (Token, error) {
	sig, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	b, err := sig.Verify(&s.key.PublicKey)
	if err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var c struct {
		Aud, Tid, Appid, Azp, Oid, Upn, Scp, Idtyp, Sub, Name string
		Roles, Acrs                                           []string
		Xms                                                   []string `json:"xms_cc"`
		Iat, Exp                                              int64
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	t := Token{Audience: c.Aud, Tenant: c.Tid, AppID: c.Appid + c.Azp, ObjectID: c.Oid, UPN: c.Upn, Roles: c.Roles, Scopes: strings.Fields(c.Scp), AppOnly: c.Idtyp == "app", Issued: time.Unix(c.Iat, 0).UTC(), Expires: time.Unix(c.Exp, 0).UTC(), CP1: len(c.Xms) > 0, Answered: len(c.Acrs) > 0}
	t.UserInfo = map[string]any{"sub": c.Sub, "name": c.Name, "email": c.Upn}
	return t, nil
}

// changeTracking is the app that signs change notifications: graph/FACTS §6.5.
const changeTracking = "0bf30f3b-4a52-48df-9a82-234910c4a086"

// ChangeTrackingToken makes the validation token of a rich notification; wrong says what is to be wrong with it, "" for nothing. It may be none at all.
func (s *Server) ChangeTrackingToken(tenant, audience, wrong string) (string, error) {
	now := s.world.Now()
	c := map[string]any{
		"aud": audience, "iss": "https://sts.windows.net/" + tenant + "/", "iat": now.Unix(), "nbf": now.Unix() - 300, "exp": now.Add(time.Hour).Unix(), "appid": changeTracking, "appidacr": "2", "idtyp": "app", "tid": tenant, "ver": "1.0",
	}
	other := s.world.NewGUID()
	switch wrong {
	case "":
	case "token_missing":
		return "", nil
	case "token_signature":
		good, err := s.sign(c)
		if err != nil {
			return "", err
		}
		c["aud"] = other
		bad, err := s.sign(c)
		if err != nil {
			return "", err
		}
		return good[:strings.LastIndex(good, ".")] + bad[strings.LastIndex(bad, "."):], nil
	case "token_audience":
		c["aud"] = other
	case "token_tenant":
		c["tid"], c["iss"] = other, "https://sts.windows.net/"+other+"/"
	case "token_issuer":
		c["iss"] = "https://sts.windows.net/" + other + "/"
	case "token_sender":
		c["appid"] = other
	case "token_expired":
		c["iat"], c["nbf"], c["exp"] = now.Add(-2*time.Hour).Unix(), now.Add(-2*time.Hour).Unix(), now.Add(-time.Minute).Unix()
	default:
		return "", fmt.Errorf("unknown fault of a validation token %q", wrong)
	}
	return s.sign(c)
}
