package world

import (
	"strings"
	"time"
)

// Collections of a tenant's directory; the names are Microsoft Graph's.
const (
	Users             = "users"
	DeletedUsers      = "deletedItems"
	Applications      = "applications"
	ServicePrincipals = "servicePrincipals"
	AppRoleGrants     = "appRoleAssignments"
	ScopeGrants       = "oauth2PermissionGrants"
	Domains           = "domains"
	Organization      = "organization"
	SKUs              = "subscribedSkus"
	Subscriptions     = "subscriptions"
	ServiceIssues     = "serviceHealthIssues"
)

// GraphAppID is Microsoft Graph's own application id, the same in every tenant.
const GraphAppID = "00000003-0000-0000-c000-000000000000"

// GlobalAdministrator is the template id of the directory role, the same in every tenant.
const GlobalAdministrator = "62e90394-69f5-4237-9190-012177145e10"

// ConsumersTenant is the tenant behind /consumers: graph/FACTS §1.1.
const ConsumersTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Tenant is what identifies one tenant.
type Tenant struct {
	Name, ID, Domain, DisplayName, TimeZone string
	ManagedConsent                          bool
}

// Tenants lists the world's tenants in the order of its file.
func (w *World) Tenants() []Tenant {
	out := make([]Tenant, 0, len(w.spec.Tenants))
	for _, t := range w.spec.Tenants {
		out = append(out, t.tenant())
	}
	return out
}

func (t TenantSpec) tenant() Tenant {
	return Tenant{Name: t.Name, ID: t.ID, Domain: t.Domain, DisplayName: t.DisplayName, TimeZone: t.TimeZone, ManagedConsent: t.ManagedConsent}
}

// Spec is the world's file, for the ready file's passwords and secrets.
func (w *World) Spec() Spec { return w.spec }

// Tenant finds a tenant by GUID, domain or the world's name for it.
func (w *World) Tenant(name string) (Tenant, bool) {
	for _, t := range w.spec.Tenants {
		if strings.EqualFold(name, t.ID) || strings.EqualFold(name, t.Domain) || strings.EqualFold(name, t.Name) {
			return t.tenant(), true
		}
	}
	return Tenant{}, false
}

// TenantOfAddress finds the tenant whose domain an address has.
func (w *World) TenantOfAddress(address string) (Tenant, bool) {
	_, domain, _ := strings.Cut(address, "@")
	for _, t := range w.spec.Tenants {
		if strings.EqualFold(domain, t.Domain) {
			return t.tenant(), true
		}
	}
	return Tenant{}, false
}

// User finds a person by object id, user principal name or any address.
func (w *World) User(tenant, name string) (Object, bool) {
	if u, ok := w.Get(Key{tenant, Users, strings.ToLower(name)}); ok {
		return u, true
	}
	w.dirMu.RLock()
	id, ok := w.dirIndex[tenant+" "+strings.ToLower(name)]
	w.dirMu.RUnlock()
	if ok {
		return w.Get(Key{tenant, Users, id})
	}
	if b, ok := w.Generated(tenant, Users).(*people); ok {
		if i, ok := b.byUPN(name); ok {
			id, _ := b.At(i)
			return w.Get(Key{tenant, Users, id})
		}
	}
	return nil, false
}

// HasMailbox tells whether a user has an Exchange mailbox.
func HasMailbox(u Object) bool { b, _ := u["~mailbox"].(bool); return b }

// IsAdmin tells whether a user may consent for the whole organisation.
func IsAdmin(u Object) bool {
	for _, r := range Strings(u["~roles"]) {
		if r == GlobalAdministrator {
			return true
		}
	}
	return false
}

// Strings reads a list of strings, whether it was made here or came back from the journal.
func Strings(v any) []string {
	switch l := v.(type) {
	case []string:
		return l
	case []any:
		out := make([]string, 0, len(l))
		for _, e := range l {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// Objects reads a list of objects, whether it was made here or came back from the journal.
func Objects(v any) []Object {
	switch l := v.(type) {
	case []Object:
		return l
	case []any:
		out := make([]Object, 0, len(l))
		for _, e := range l {
			if o, ok := e.(Object); ok {
				out = append(out, o)
			}
		}
		return out
	}
	return nil
}

// Text reads a string property, "" when it is absent.
func Text(o Object, name string) string { return text(o, name) }

// Flag reads a boolean property, false when it is absent.
func Flag(o Object, name string) bool { b, _ := o[name].(bool); return b }

// Number reads a whole number, whether it was made here or came back from the journal.
func Number(o Object, name string) int {
	switch n := o[name].(type) {
	case int:
		return n
	case int64:
		return int(n)
	case float64:
		return int(n)
	}
	return 0
}

// Time reads a time property, zero when it is absent.
func Time(o Object, name string) time.Time {
	t, _ := time.Parse(time.RFC3339, text(o, name))
	return t
}

// Stamp writes a time as Microsoft Graph does.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// App finds an app registration by client id in whatever tenant it is registered, with that tenant's id.
func (w *World) App(clientID string) (home string, app Object, ok bool) {
	for _, t := range w.spec.Tenants {
		for o := range w.All(t.ID, Applications) {
			if strings.EqualFold(text(o, "appId"), clientID) {
				return t.ID, o, true
			}
		}
	}
	return "", nil, false
}

// Principal finds an app's service principal in a tenant by app id.
func (w *World) Principal(tenant, appID string) (Object, bool) {
	for o := range w.All(tenant, ServicePrincipals) {
		if strings.EqualFold(text(o, "appId"), appID) {
			return o, true
		}
	}
	return nil, false
}

// Resource finds the service principal of an API by its identifier (app id, https://graph.microsoft.com, api://…).
func (w *World) Resource(tenant, identifier string) (Object, bool) {
	identifier = strings.TrimSuffix(identifier, "/")
	for o := range w.All(tenant, ServicePrincipals) {
		if strings.EqualFold(text(o, "appId"), identifier) {
			return o, true
		}
		for _, n := range Strings(o["servicePrincipalNames"]) {
			if strings.EqualFold(n, identifier) {
				return o, true
			}
		}
	}
	return nil, false
}

// Roles lists the application permissions a service principal holds on a resource, by value.
func (w *World) Roles(tenant string, principal, resource Object) []string {
	names := map[string]string{}
	for _, r := range Objects(resource["appRoles"]) {
		names[text(r, "id")] = text(r, "value")
	}
	var out []string
	for g := range w.All(tenant, AppRoleGrants) {
		if text(g, "principalId") == text(principal, "id") && text(g, "resourceId") == text(resource, "id") {
			if n := names[text(g, "appRoleId")]; n != "" {
				out = append(out, n)
			}
		}
	}
	return out
}

// Scopes lists the delegated permissions consented to an app on a resource: for everyone, and for the user.
func (w *World) Scopes(tenant string, principal, resource Object, userID string) []string {
	var out []string
	seen := map[string]bool{}
	for g := range w.All(tenant, ScopeGrants) {
		if text(g, "clientId") != text(principal, "id") || text(g, "resourceId") != text(resource, "id") {
			continue
		}
		if text(g, "consentType") == "Principal" && text(g, "principalId") != userID {
			continue
		}
		for s := range strings.FieldsSeq(text(g, "scope")) {
			if !seen[strings.ToLower(s)] {
				seen[strings.ToLower(s)] = true
				out = append(out, s)
			}
		}
	}
	return out
}

// GrantRoles records an administrator's consent to application permissions, by value.
func (w *World) GrantRoles(tenant string, principal, resource Object, roles []string) {
	held := map[string]bool{}
	for _, r := range w.Roles(tenant, principal, resource) {
		held[r] = true
	}
	w.Update(func(tx *Tx) {
		for _, r := range Objects(resource["appRoles"]) {
			for _, want := range roles {
				if !strings.EqualFold(want, text(r, "value")) || held[text(r, "value")] {
					continue
				}
				held[text(r, "value")] = true
				id := w.GUID("appRoleAssignment", tenant, text(principal, "id"), text(r, "id"), w.serial())
				tx.Put(Key{tenant, AppRoleGrants, id}, Object{
					"id": id, "appRoleId": r["id"], "createdDateTime": Stamp(w.Now()), "principalDisplayName": principal["displayName"],
					"principalId": principal["id"], "principalType": "ServicePrincipal", "resourceDisplayName": resource["displayName"], "resourceId": resource["id"],
				})
			}
		}
	})
}

// GrantScopes records a consent to delegated permissions: one user's, or with no user everyone's.
func (w *World) GrantScopes(tenant string, principal, resource Object, userID string, scopes []string) {
	kind := "AllPrincipals"
	var who any
	if userID != "" {
		kind, who = "Principal", userID
	}
	var grant Object
	for g := range w.All(tenant, ScopeGrants) {
		if text(g, "clientId") == text(principal, "id") && text(g, "resourceId") == text(resource, "id") && text(g, "consentType") == kind && text(g, "principalId") == userID {
			grant = Clone(g)
		}
	}
	if grant == nil {
		id := w.ItemKey("grant", tenant, text(principal, "id"), userID, w.serial())
		grant = Object{"id": id, "clientId": principal["id"], "consentType": kind, "principalId": who, "resourceId": resource["id"], "scope": ""}
	}
	have := strings.Fields(text(grant, "scope"))
	for _, s := range scopes {
		if !containsFold(have, s) {
			have = append(have, s)
		}
	}
	grant["scope"] = strings.Join(have, " ")
	w.Put(Key{tenant, ScopeGrants, text(grant, "id")}, grant)
}

func containsFold(list []string, s string) bool {
	for _, e := range list {
		if strings.EqualFold(e, s) {
			return true
		}
	}
	return false
}

// AddPrincipal makes the service principal of an app in a tenant: what the first consent there does.
func (w *World) AddPrincipal(tenant, home string, app Object) Object {
	id := w.GUID("servicePrincipal", tenant, text(app, "appId"))
	sp := Object{
		"id": id, "appId": app["appId"], "displayName": app["displayName"], "appDisplayName": app["displayName"], "appOwnerOrganizationId": home,
		"accountEnabled": true, "servicePrincipalType": "Application", "servicePrincipalNames": append([]string{text(app, "appId")}, Strings(app["identifierUris"])...),
		"signInAudience": app["signInAudience"], "appRoles": app["appRoles"], "oauth2PermissionScopes": apiScopes(app), "appRoleAssignmentRequired": app["~assignmentRequired"] == true,
		"replyUrls": replyURLs(app), "tags": []string{"WindowsAzureActiveDirectoryIntegratedApp"}, "createdDateTime": Stamp(w.Now()),
	}
	w.Put(Key{tenant, ServicePrincipals, id}, sp)
	return sp
}

func apiScopes(app Object) []Object {
	api, _ := app["api"].(Object)
	return Objects(api["oauth2PermissionScopes"])
}

func replyURLs(app Object) []string {
	web, _ := app["web"].(Object)
	return Strings(web["redirectUris"])
}

// index keeps the address book of each tenant.
func (w *World) index(k Key, o Object) {
	if k.Collection != Users || o == nil {
		return
	}
	w.dirMu.Lock()
	defer w.dirMu.Unlock()
	w.dirIndex[k.Scope+" "+strings.ToLower(text(o, "userPrincipalName"))] = k.ID
	for _, a := range Strings(o["proxyAddresses"]) {
		w.dirIndex[k.Scope+" "+strings.ToLower(a[strings.Index(a, ":")+1:])] = k.ID
	}
}
