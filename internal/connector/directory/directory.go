package directory

import (
	"context"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// The operations of Microsoft Graph that the actions call.
const (
	listUsers        m365.OperationKey = "GET /users"
	readUser         m365.OperationKey = "GET /users/{user-id}"
	readOrganization m365.OperationKey = "GET /organization"
)

// Actions are what the hub can do with the directory.
func Actions() []action.Action {
	return append([]action.Action{
		action.Define(action.Spec{Name: "directory.user.list", Summary: "List the people of the tenant, by their sign-in names.", Effect: action.Reads,
			Operations: []m365.OperationKey{listUsers}, Capability: m365.Directory}, usersOf),
		action.Define(action.Spec{Name: "directory.user.get", Summary: "Look up one person.", Effect: action.Reads,
			Operations: []m365.OperationKey{readUser}, Capability: m365.Directory, Args: []string{"user"}}, getUser),
		action.Define(action.Spec{Name: "directory.organization.get", Summary: "Show the tenant's name and domains.", Effect: action.Reads,
			Operations: []m365.OperationKey{readOrganization}, Capability: m365.Directory}, getOrganization),
	}, incidentActions()...)
}

// Probe reads one person's id. The capability works on no mailbox, so none is looked at.
func Probe(ctx context.Context, g *graph.Client, _ m365.UserID) (graph.Proof, error) {
	var p graph.Proof
	_, err := graph.Get[struct{}](ctx, g, graph.At("users"), graph.Top(1), graph.Select("id"), graph.Prove(&p))
	return p, err
}

// User is one person, guest, shared mailbox or room.
type User struct {
	ID       string   `json:"id"`
	UPN      string   `json:"upn"`
	Mail     string   `json:"mail,omitempty"`
	Name     string   `json:"name"`
	Given    string   `json:"given_name,omitempty"`
	Surname  string   `json:"surname,omitempty"`
	JobTitle string   `json:"job_title,omitempty"`
	Mobile   string   `json:"mobile_phone,omitempty"`
	Phones   []string `json:"business_phones,omitempty"`
	Type     string   `json:"type,omitempty"` // Member or Guest
	Enabled  *bool    `json:"enabled,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
	Licences int      `json:"licences" doc:"Number of licences; without any there is usually no mailbox"`
}

var userFields = graph.Select("id", "userPrincipalName", "mail", "displayName", "givenName", "surname", "jobTitle", "mobilePhone", "businessPhones", "userType", "accountEnabled",
	"proxyAddresses", "assignedLicenses")

func userOf(u graph.User) User {
	out := User{ID: u.ID, UPN: u.UserPrincipalName, Mail: u.Mail, Name: u.DisplayName, Given: u.GivenName, Surname: u.Surname, JobTitle: u.JobTitle, Mobile: u.MobilePhone,
		Phones: u.BusinessPhones, Type: u.UserType, Enabled: u.AccountEnabled, Licences: len(u.AssignedLicenses)}
	for _, a := range u.ProxyAddresses {
		if alias, ok := strings.CutPrefix(a, "smtp:"); ok { // SMTP: in capitals is the main address
			out.Aliases = append(out.Aliases, alias)
		}
	}
	return out
}

// ListIn asks for people.
type ListIn struct {
	Search string `json:"search,omitempty" maxLength:"120" doc:"Beginning of a display name, given name, surname, address or sign-in name"`
	Domain string `json:"domain,omitempty" maxLength:"253" doc:"Only people whose sign-in name is in this domain"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many; 50 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of the page before"`
}

var domainForm = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)

// Check names every field that cannot be.
func (in ListIn) Check() error {
	var wrong []fault.Field
	if in.Domain != "" && !domainForm.MatchString(in.Domain) {
		wrong = append(wrong, fault.Field{Name: "domain", Message: "is not a domain like contoso.example"})
	}
	if _, err := readCursor(in.Cursor); err != nil {
		wrong = append(wrong, fault.Field{Name: "cursor", Message: "is not a next_cursor of this action"})
	}
	if len(wrong) == 0 {
		return nil
	}
	return fault.BadFields(wrong...)
}

// List is a page of people.
type List struct {
	Users      []User `json:"users"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// readCursor gives the sign-in name that the page before ended with.
func readCursor(text string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	return string(raw), err
}

func usersOf(ctx context.Context, c action.Call, in ListIn) (List, error) {
	out := List{Users: []User{}}
	last, err := readCursor(in.Cursor)
	if err != nil {
		return out, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = 50
	}
	// Two more than asked for: the last one of the page before comes again, and one tells whether there is a next page.
	for u, err := range graph.List[graph.User](ctx, c.Bound.Graph, graph.At("users"), append(in.query(last), userFields, graph.Top(limit+2))...) {
		if err != nil {
			return List{}, err
		}
		if strings.EqualFold(u.UserPrincipalName, last) {
			continue
		}
		if len(out.Users) == limit {
			out.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(out.Users[limit-1].UPN))
			break
		}
		out.Users = append(out.Users, userOf(u))
	}
	return out, nil
}

// searched are what a search looks at. It is a filter on beginnings rather than Graph's $search: that one breaks words apart by rules of
// its own, and is not documented together with an order by sign-in name.
var searched = []string{"displayName", "givenName", "surname", "mail", "userPrincipalName"}

// query orders by the sign-in name, which nobody shares, so that a page can begin behind a name whatever was added or removed meanwhile.
func (in ListIn) query(last string) []graph.Option {
	var filters []string
	if last != "" {
		filters = append(filters, "userPrincipalName ge "+graph.Quote(last))
	}
	if in.Domain != "" {
		filters = append(filters, "endsWith(userPrincipalName,"+graph.Quote("@"+in.Domain)+")")
	}
	if in.Search != "" {
		var beginnings []string
		for _, field := range searched {
			beginnings = append(beginnings, "startswith("+field+","+graph.Quote(in.Search)+")")
		}
		filters = append(filters, "("+strings.Join(beginnings, " or ")+")")
	}
	opts := []graph.Option{graph.OrderBy("userPrincipalName")}
	if len(filters) > 0 {
		opts = append(opts, graph.Filter(strings.Join(filters, " and ")), graph.Eventual()) // a filter beside an order is an advanced query (graph/FACTS §12)
	}
	return opts
}

// GetIn names one person.
type GetIn struct {
	User string `json:"user,omitempty" doc:"Person by address or id; the signed-in person without"`
	place.Age
}

// UserRead is a person as they were read.
type UserRead struct {
	User
	place.Seen
}

func getUser(ctx context.Context, c action.Call, in GetIn) (UserRead, error) {
	owner, err := c.Bound.Graph.Owner(m365.UserID(in.User))
	if err != nil {
		return UserRead{}, err
	}
	u, seen, err := graph.LookUp[graph.User](ctx, c.Bound.Graph, owner.Path, in.Most(), userFields)
	return UserRead{userOf(u), place.SeenAt(seen)}, err
}

// Organization is the tenant itself.
type Organization struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Country string   `json:"country,omitempty"`
	Domains []Domain `json:"domains"`
	place.Seen
}

// Domain is one verified domain.
type Domain struct {
	Name      string `json:"name"`
	IsDefault bool   `json:"is_default"`
	IsInitial bool   `json:"is_initial"`
}

// OrganizationIn names nothing: a connection has one tenant.
type OrganizationIn struct{ place.Age }

func getOrganization(ctx context.Context, c action.Call, in OrganizationIn) (Organization, error) {
	// The collection has one entry: the connection's own tenant.
	list, seen, err := graph.LookUp[struct{ Value []graph.Organization }](ctx, c.Bound.Graph, graph.At("organization"), in.Most(), graph.Select("id", "displayName", "countryLetterCode", "verifiedDomains"))
	if err != nil {
		return Organization{}, err
	}
	if len(list.Value) == 0 {
		return Organization{}, fault.Missing("organization", string(c.Connection.TenantID))
	}
	o := list.Value[0]
	out := Organization{ID: o.ID, Name: o.DisplayName, Country: o.Country, Domains: make([]Domain, len(o.VerifiedDomains)), Seen: place.SeenAt(seen)}
	for i, d := range o.VerifiedDomains {
		out.Domains[i] = Domain{d.Name, d.IsDefault, d.IsInitial}
	}
	slices.SortFunc(out.Domains, func(a, b Domain) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
