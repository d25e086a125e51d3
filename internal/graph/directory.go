package graph

import "time"

// User is an entry of the directory.
type User struct {
	ID                string            `json:"id"`
	UserPrincipalName string            `json:"userPrincipalName"`
	Mail              string            `json:"mail"`
	DisplayName       string            `json:"displayName"`
	GivenName         string            `json:"givenName"`
	Surname           string            `json:"surname"`
	JobTitle          string            `json:"jobTitle"`
	MobilePhone       string            `json:"mobilePhone"`
	BusinessPhones    []string          `json:"businessPhones"`
	UserType          string            `json:"userType"`
	AccountEnabled    *bool             `json:"accountEnabled"` // nil: not asked for
	ProxyAddresses    []string          `json:"proxyAddresses"`
	AssignedLicenses  []AssignedLicense `json:"assignedLicenses"`
}

// AssignedLicense is one licence of a user.
type AssignedLicense struct {
	SkuID         string   `json:"skuId"`
	DisabledPlans []string `json:"disabledPlans"`
}

// Organization is the tenant itself.
type Organization struct {
	ID              string           `json:"id"`
	DisplayName     string           `json:"displayName"`
	TenantType      string           `json:"tenantType"`
	Country         string           `json:"countryLetterCode"`
	VerifiedDomains []VerifiedDomain `json:"verifiedDomains"`
}

// VerifiedDomain is a domain of the tenant as its organization entry tells it.
type VerifiedDomain struct {
	Name         string `json:"name"`
	Type         string `json:"type"`
	Capabilities string `json:"capabilities"`
	IsDefault    bool   `json:"isDefault"`
	IsInitial    bool   `json:"isInitial"`
}

// Domain is a domain with its state; its id is its name.
type Domain struct {
	ID                 string   `json:"id"`
	AuthenticationType string   `json:"authenticationType"`
	SupportedServices  []string `json:"supportedServices"`
	IsDefault          bool     `json:"isDefault"`
	IsInitial          bool     `json:"isInitial"`
	IsVerified         bool     `json:"isVerified"`
}

// AppRegistration is the entry /applications: the app as its publisher's tenant defines it.
type AppRegistration struct {
	ID                     string                   `json:"id"`
	AppID                  string                   `json:"appId"`
	DisplayName            string                   `json:"displayName"`
	SignInAudience         string                   `json:"signInAudience"`
	PasswordCredentials    []PasswordCredential     `json:"passwordCredentials"`
	KeyCredentials         []KeyCredential          `json:"keyCredentials"`
	RequiredResourceAccess []RequiredResourceAccess `json:"requiredResourceAccess"`
}

// PasswordCredential tells about a client secret; the secret itself only once, when it is made.
type PasswordCredential struct {
	KeyID         string    `json:"keyId"`
	DisplayName   string    `json:"displayName"`
	Hint          string    `json:"hint"` // the first three characters
	StartDateTime time.Time `json:"startDateTime"`
	EndDateTime   time.Time `json:"endDateTime"`
}

// KeyCredential tells about a certificate.
type KeyCredential struct {
	KeyID               string    `json:"keyId"`
	DisplayName         string    `json:"displayName"`
	Type                string    `json:"type"`
	Usage               string    `json:"usage"`
	CustomKeyIdentifier string    `json:"customKeyIdentifier"`
	StartDateTime       time.Time `json:"startDateTime"`
	EndDateTime         time.Time `json:"endDateTime"`
}

// RequiredResourceAccess is what an app registration says it needs of one resource.
type RequiredResourceAccess struct {
	ResourceAppID  string `json:"resourceAppId"`
	ResourceAccess []struct {
		ID   string `json:"id"`
		Type string `json:"type"` // Scope or Role
	} `json:"resourceAccess"`
}

// ServicePrincipal is an app as it is present in a tenant.
type ServicePrincipal struct {
	ID                     string            `json:"id"`
	AppID                  string            `json:"appId"`
	DisplayName            string            `json:"displayName"`
	AccountEnabled         *bool             `json:"accountEnabled"` // nil: not asked for
	AppOwnerOrganizationID string            `json:"appOwnerOrganizationId"`
	ServicePrincipalType   string            `json:"servicePrincipalType"`
	AppRoles               []AppRole         `json:"appRoles"`
	Scopes                 []PermissionScope `json:"oauth2PermissionScopes"`
}

// AppRole is an application permission that a resource offers.
type AppRole struct {
	ID        string `json:"id"`
	Value     string `json:"value"`
	IsEnabled bool   `json:"isEnabled"`
}

// PermissionScope is a delegated permission that a resource offers.
type PermissionScope struct {
	ID        string `json:"id"`
	Value     string `json:"value"`
	Type      string `json:"type"` // User or Admin
	IsEnabled bool   `json:"isEnabled"`
}

// AppRoleAssignment is a granted application permission.
type AppRoleAssignment struct {
	ID                   string    `json:"id"`
	AppRoleID            string    `json:"appRoleId"`
	PrincipalID          string    `json:"principalId"`
	PrincipalDisplayName string    `json:"principalDisplayName"`
	PrincipalType        string    `json:"principalType"`
	ResourceID           string    `json:"resourceId"`
	ResourceDisplayName  string    `json:"resourceDisplayName"`
	CreatedDateTime      time.Time `json:"createdDateTime"`
}

// PermissionGrant is a set of granted delegated permissions (oAuth2PermissionGrant).
type PermissionGrant struct {
	ID          string `json:"id"`
	ClientID    string `json:"clientId"`
	ConsentType string `json:"consentType"` // AllPrincipals or Principal
	PrincipalID string `json:"principalId"`
	ResourceID  string `json:"resourceId"`
	Scope       string `json:"scope"` // separated by blanks
}

// SubscribedSku is a licence that the tenant has bought.
type SubscribedSku struct {
	ID               string `json:"id"`
	SkuID            string `json:"skuId"`
	SkuPartNumber    string `json:"skuPartNumber"`
	CapabilityStatus string `json:"capabilityStatus"`
	AppliesTo        string `json:"appliesTo"`
	ConsumedUnits    int    `json:"consumedUnits"`
	PrepaidUnits     struct {
		Enabled   int `json:"enabled"`
		Suspended int `json:"suspended"`
		Warning   int `json:"warning"`
	} `json:"prepaidUnits"`
	ServicePlans []ServicePlan `json:"servicePlans"`
}

// ServicePlan is one service inside a licence.
type ServicePlan struct {
	ServicePlanID      string `json:"servicePlanId"`
	ServicePlanName    string `json:"servicePlanName"`
	ProvisioningStatus string `json:"provisioningStatus"`
	AppliesTo          string `json:"appliesTo"`
}

// Subscription is Microsoft's promise to notify us (graph/FACTS §6).
type Subscription struct {
	ID                       string    `json:"id,omitempty"`
	Resource                 string    `json:"resource,omitempty"`
	ChangeType               string    `json:"changeType,omitempty"`
	NotificationURL          string    `json:"notificationUrl,omitempty"`
	LifecycleNotificationURL string    `json:"lifecycleNotificationUrl,omitempty"` // cannot be added later
	ClientState              string    `json:"clientState,omitempty"`
	ExpirationDateTime       time.Time `json:"expirationDateTime,omitzero"`
	IncludeResourceData      bool      `json:"includeResourceData,omitempty"`
	EncryptionCertificate    string    `json:"encryptionCertificate,omitempty"` // base64 of the DER form
	EncryptionCertificateID  string    `json:"encryptionCertificateId,omitempty"`
	ApplicationID            string    `json:"applicationId,omitempty"`
	CreatorID                string    `json:"creatorId,omitempty"`
}

// ServiceIssue is a trouble of one of Microsoft's services, as it is told to a tenant.
type ServiceIssue struct {
	ID                   string    `json:"id"`
	Title                string    `json:"title"`
	Service              string    `json:"service"`
	Feature              string    `json:"feature"`
	ImpactDescription    string    `json:"impactDescription"`
	Classification       string    `json:"classification"`
	Status               string    `json:"status"`
	IsResolved           bool      `json:"isResolved"`
	StartDateTime        time.Time `json:"startDateTime"`
	EndDateTime          time.Time `json:"endDateTime"`
	LastModifiedDateTime time.Time `json:"lastModifiedDateTime"`
}
