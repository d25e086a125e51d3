package m365

import "regexp"

// TenantID is the GUID of an Entra directory ("Directory (tenant) ID").
type TenantID string

// ClientID is the GUID of an app registration ("Application (client) ID").
type ClientID string

// UserID is the object id or user principal name of a user.
type UserID string

// DeltaLink is Microsoft's "since here" for a feed; stored, never parsed.
type DeltaLink string

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// IsGUID reports whether s has the form of a GUID.
func IsGUID(s string) bool { return guid.MatchString(s) }

// GraphAppID is Microsoft Graph's own client id in every cloud (graph/permissions.json graphResourceAppId).
const GraphAppID ClientID = "00000003-0000-0000-c000-000000000000"

// ConsumerTenant is the tenant of all personal Microsoft accounts (graph/FACTS §1.1).
const ConsumerTenant TenantID = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Mode is how a connection signs in.
type Mode string

// The two modes Microsoft has.
const (
	Application Mode = "application" // as the app itself; app roles apply
	Delegated   Mode = "delegated"   // on behalf of one signed-in person; scopes apply, bounded by the person's own rights
)

// Audience is who may sign in to a delegated connection; the authority follows from it.
type Audience string

// The account types an app registration may accept.
const (
	ThisTenant    Audience = "this_tenant"     // accounts of the connection's tenant
	AnyWorkTenant Audience = "any_work_tenant" // work or school accounts of any tenant: authority "organizations"
	WorkPersonal  Audience = "work_and_personal"
	Personal      Audience = "personal" // personal Microsoft accounts only: authority "consumers"
)

// Authority is the path segment of the login host for the audience (graph/FACTS §1.1).
func (a Audience) Authority(tenant TenantID) string {
	switch a {
	case AnyWorkTenant:
		return "organizations"
	case WorkPersonal:
		return "common"
	case Personal:
		return "consumers"
	default:
		return string(tenant)
	}
}
