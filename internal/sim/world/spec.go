package world

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed worlds/*.yaml
var files embed.FS

// Spec is a world file.
type Spec struct {
	Tenants   []TenantSpec   `yaml:"tenants"`
	Customers []CustomerSpec `yaml:"customers"`
	Topics    []TopicSpec    `yaml:"topics"`
}

// TenantSpec is one tenant of a world file.
type TenantSpec struct {
	Name           string      `yaml:"name"`
	ID             string      `yaml:"tenant_id"`
	Domain         string      `yaml:"domain"`
	DisplayName    string      `yaml:"display_name"`
	TimeZone       string      `yaml:"time_zone"`       // a Windows name
	ManagedConsent bool        `yaml:"managed_consent"` // Microsoft's managed user-consent policy: graph/FACTS §1.7
	Generated      bool        `yaml:"generated"`       // users and mail are generated as they are read
	MailDays       int         `yaml:"mail_days"`       // seeded mail reaches this far back
	Users          []UserSpec  `yaml:"users"`
	Groups         []GroupSpec `yaml:"groups"`
	Apps           []AppSpec   `yaml:"apps"`
	Sites          []SiteSpec  `yaml:"sites"` // those above others first
	Teams          []TeamSpec  `yaml:"teams"`
	RoomLists      []RoomList  `yaml:"room_lists"`
}

// RoomList is a building or another list of rooms.
type RoomList struct {
	Address string   `yaml:"address"`
	Name    string   `yaml:"name"`
	Rooms   []string `yaml:"rooms"` // by their addresses
}

// RoomSpec is what is known of a room besides its mailbox.
type RoomSpec struct {
	Building string   `yaml:"building"`
	Floor    int      `yaml:"floor"`
	Capacity int      `yaml:"capacity"`
	Tags     []string `yaml:"tags"`
}

// UserSpec is one person, shared mailbox or room.
type UserSpec struct {
	UPN        string   `yaml:"upn"`
	Mail       string   `yaml:"mail"` // the directory's mail attribute, where it is not the mailbox's: anybody's address may stand there
	Name       string   `yaml:"name"`
	Title      string   `yaml:"title"`
	Password   string   `yaml:"password"`
	Mailbox    bool     `yaml:"mailbox"`
	Purpose    string   `yaml:"purpose"` // user, shared, room; default user
	Role       string   `yaml:"role"`    // directory role: "Global Administrator"
	Aliases    []string `yaml:"aliases"`
	Delegates  []string `yaml:"delegates"` // who has Full Access to the mailbox, and Send As
	Mails      int      `yaml:"mails"`     // conversations with customers seeded into the mailbox
	Meetings   int      `yaml:"meetings"`
	MoreGroups int      `yaml:"more_groups"` // a member of that many groups besides
	Room       RoomSpec `yaml:"room"`
}

// AppSpec is one app registration with what was consented to it.
type AppSpec struct {
	Name            string           `yaml:"name"`
	ClientID        string           `yaml:"client_id"`
	Kind            string           `yaml:"kind"` // application or delegated; for readers of the ready file
	Secret          string           `yaml:"secret"`
	SecretDays      int              `yaml:"secret_days"` // until the secret expires, from the first start; default 365
	Certificate     bool             `yaml:"certificate"`
	Federated       bool             `yaml:"federated"`
	MultiTenant     bool             `yaml:"multi_tenant"`
	Personal        bool             `yaml:"personal"` // personal Microsoft accounts too
	PublicClient    bool             `yaml:"public_client"`
	RedirectURIs    []string         `yaml:"redirect_uris"`
	RequiredRoles   []string         `yaml:"required_roles"`
	RequiredScopes  []string         `yaml:"required_scopes"`
	GrantedRoles    []string         `yaml:"granted_roles"`
	GrantedScopes   []string         `yaml:"granted_scopes"` // for everyone in the tenant
	ExposedScopes   []string         `yaml:"exposed_scopes"` // makes it an API, for on-behalf-of
	AssignmentNeeds bool             `yaml:"assignment_required"`
	AppRoles        []string         `yaml:"app_roles"` // values of the app's own roles for people
	Assigned        []AssignmentSpec `yaml:"assigned"`
	GroupsClaim     bool             `yaml:"groups_claim"`  // ID tokens name the person's groups
	MeetingsOf      []string         `yaml:"meetings_of"`   // whose online meetings an application access policy lets the app into
	InstalledFor    []string         `yaml:"installed_for"` // people for whom its Teams app is installed
	ScopedRoles     []string         `yaml:"scoped_roles"`  // permissions that Exchange itself gives it, for the mailboxes of Scope alone
	Scope           []string         `yaml:"scope"`
}

// CustomerSpec is a company whose people write to the tenant's mailboxes.
type CustomerSpec struct {
	Name     string        `yaml:"name"`
	Domain   string        `yaml:"domain"`
	Contacts []ContactSpec `yaml:"contacts"`
}

// ContactSpec is one of them.
type ContactSpec struct {
	Name    string `yaml:"name"`
	Address string `yaml:"address"`
}

// TopicSpec is a conversation: what the customer writes and what is answered.
type TopicSpec struct {
	Subject string `yaml:"subject"`
	Asks    string `yaml:"asks"`
	Answers string `yaml:"answers"`
}

// File gives a built-in world's file, as an example to start from.
func File(name string) ([]byte, error) {
	b, err := files.ReadFile("worlds/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no built-in world %q: contoso and large are", name)
	}
	return b, nil
}

func loadSpec(name string) (Spec, error) {
	b, err := File(name)
	if err != nil {
		if !strings.ContainsAny(name, "./\\") {
			return Spec{}, err
		}
		if b, err = os.ReadFile(name); err != nil {
			return Spec{}, fmt.Errorf("world file: %w", err)
		}
	}
	var s Spec
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil {
		return Spec{}, fmt.Errorf("world file %s: %w", name, err)
	}
	return s, s.check()
}

func (s Spec) check() error {
	var errs []error
	seen := map[string]bool{}
	once := func(what, id string) {
		if id == "" {
			errs = append(errs, fmt.Errorf("a %s has no id", what))
		}
		if seen[id] {
			errs = append(errs, fmt.Errorf("%s %s is there twice", what, id))
		}
		seen[id] = true
	}
	if len(s.Tenants) == 0 {
		errs = append(errs, errors.New("a world needs at least one tenant"))
	}
	for _, t := range s.Tenants {
		once("tenant", t.ID)
		once("domain", t.Domain)
		for _, u := range t.Users {
			once("user", u.UPN)
		}
		for _, a := range t.Apps {
			once("app", a.ClientID)
			errs = append(errs, a.check()...)
		}
	}
	return errors.Join(errs...)
}

func (a AppSpec) check() (errs []error) {
	for _, r := range slices.Concat(a.RequiredRoles, a.GrantedRoles, a.ScopedRoles) {
		if Permissions()[strings.ToLower(r)].RoleID == "" {
			errs = append(errs, fmt.Errorf("app %s: %s is no application permission of Microsoft Graph", a.Name, r))
		}
	}
	for _, sc := range append(append([]string{}, a.RequiredScopes...), a.GrantedScopes...) {
		if !OpenIDScope(sc) && Permissions()[strings.ToLower(sc)].ScopeID == "" {
			errs = append(errs, fmt.Errorf("app %s: %s is no delegated permission of Microsoft Graph", a.Name, sc))
		}
	}
	return errs
}

// OpenIDScope tells the scopes that belong to sign-in itself.
func OpenIDScope(s string) bool {
	switch strings.ToLower(s) {
	case "openid", "profile", "email", "offline_access":
		return true
	}
	return false
}
