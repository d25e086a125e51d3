package sim

import (
	"slices"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// Ready is the ready file of CONTRACT.md: where everything is, and with which secrets.
type Ready struct {
	LoginURL     string        `json:"login_url"`
	GraphURL     string        `json:"graph_url"`
	DataverseURL string        `json:"dataverse_url,omitempty"`
	BCURL        string        `json:"bc_url,omitempty"`
	DavURL       string        `json:"dav_url,omitempty"`
	AdminURL     string        `json:"admin_url"`
	CAFile       string        `json:"ca_file"`
	Tenants      []ReadyTenant `json:"tenants"`
}

// ReadyTenant is one tenant of the world.
type ReadyTenant struct {
	Name     string      `json:"name"`
	TenantID string      `json:"tenant_id"`
	Domain   string      `json:"domain"`
	Apps     []ReadyApp  `json:"apps"`
	Users    []ReadyUser `json:"users"`
	Teams    []ReadyTeam `json:"teams,omitempty"`
}

// ReadyTeam is one team, with the address of the workflow that posts into its General: a secret.
type ReadyTeam struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	WorkflowURL string `json:"workflow_url,omitempty"`
}

// ReadyApp is one app registration. AppRoles and Scopes are what is consented now.
type ReadyApp struct {
	Name               string     `json:"name"`
	Kind               string     `json:"kind"` // application or delegated: what it is made for
	ClientID           string     `json:"client_id"`
	ClientSecret       string     `json:"client_secret,omitempty"`
	SecretID           string     `json:"secret_id,omitempty"` // what people paste by mistake
	SecretExpires      *time.Time `json:"secret_expires_at,omitempty"`
	CertificateFile    string     `json:"certificate_file,omitempty"` // PEM, certificate and private key
	FederatedTokenFile string     `json:"federated_token_file,omitempty"`
	RedirectURIs       []string   `json:"redirect_uris,omitempty"`
	AppRoles           []string   `json:"app_roles"`
	Scopes             []string   `json:"scopes"`
}

// ReadyUser is one person, shared mailbox or room; only those with a password can sign in.
type ReadyUser struct {
	ID       string   `json:"id"`
	UPN      string   `json:"upn"`
	Name     string   `json:"name"`
	Password string   `json:"password,omitempty"`
	Mailbox  bool     `json:"mailbox"`
	Purpose  string   `json:"purpose"` // user, shared, room
	Admin    bool     `json:"admin,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
}

// readyUsers caps the list of a large world's people; the others follow the same pattern.
const readyUsers = 1000

// Ready describes the running cloud.
func (s *Sim) Ready() Ready {
	c := s.core.Load()
	r := Ready{LoginURL: s.url, GraphURL: s.url, AdminURL: s.adminURL, CAFile: s.caFile}
	for _, t := range c.world.Spec().Tenants {
		rt := ReadyTenant{Name: t.Name, TenantID: t.ID, Domain: t.Domain, Apps: []ReadyApp{}, Users: []ReadyUser{}}
		for _, a := range t.Apps {
			rt.Apps = append(rt.Apps, c.readyApp(t, a))
		}
		for u := range c.world.All(t.ID, world.Users) {
			if len(rt.Users) == readyUsers {
				break
			}
			rt.Users = append(rt.Users, readyUser(u))
		}
		for o := range c.world.All(t.ID, world.Teams) {
			name := world.Text(o, "displayName")
			rt.Teams = append(rt.Teams, ReadyTeam{ID: world.Text(o, "id"), Name: name, WorkflowURL: c.graph.WorkflowURL(s.url, t.ID, name)})
		}
		r.Tenants = append(r.Tenants, rt)
	}
	return r
}

func (c *core) readyApp(t world.TenantSpec, a world.AppSpec) ReadyApp {
	out := ReadyApp{Name: a.Name, Kind: a.Kind, ClientID: a.ClientID, ClientSecret: a.Secret, RedirectURIs: a.RedirectURIs, AppRoles: []string{}, Scopes: []string{}}
	if _, app, ok := c.world.App(a.ClientID); ok && a.Secret != "" {
		if p := world.Objects(app["passwordCredentials"]); len(p) > 0 {
			expires := world.Time(p[0], "endDateTime")
			out.SecretID, out.SecretExpires = world.Text(p[0], "keyId"), &expires
		}
	}
	if a.Certificate {
		out.CertificateFile = c.world.CertificateFile(a.ClientID)
	}
	if a.Federated {
		out.FederatedTokenFile = c.federatedFile()
	}
	principal, ok1 := c.world.Principal(t.ID, a.ClientID)
	graphApp, ok2 := c.world.Principal(t.ID, world.GraphAppID)
	if ok1 && ok2 {
		out.AppRoles = append(out.AppRoles, c.world.Roles(t.ID, principal, graphApp)...)
		out.Scopes = append(out.Scopes, c.world.Scopes(t.ID, principal, graphApp, "")...)
		slices.Sort(out.AppRoles)
	}
	return out
}

func readyUser(u world.Object) ReadyUser {
	out := ReadyUser{ID: world.Text(u, "id"), UPN: world.Text(u, "userPrincipalName"), Name: world.Text(u, "displayName"), Password: world.Text(u, "~password"), Mailbox: world.HasMailbox(u), Purpose: world.Text(u, "~purpose"), Admin: world.IsAdmin(u)}
	for _, a := range world.Strings(u["proxyAddresses"]) {
		if alias, ok := strings.CutPrefix(a, "smtp:"); ok {
			out.Aliases = append(out.Aliases, alias)
		}
	}
	return out
}
