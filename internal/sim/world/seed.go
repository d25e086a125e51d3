package world

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// seed builds the world of the file. It is the same for the same file, seed and start.
func (w *World) seed() error {
	for _, t := range w.spec.Tenants {
		w.seedTenant(t)
		for _, u := range t.Users {
			w.seedUser(t, u)
		}
		if t.Generated {
			w.seedGenerated(t)
		}
		w.seedGroups(t)
		for _, a := range t.Apps {
			if err := w.seedApp(t, a); err != nil {
				return err
			}
		}
	}
	for _, t := range w.spec.Tenants {
		w.seedConversations(t)
		w.seedMeetings(t)
		w.seedContacts(t)
		w.seedSites(t)
		w.seedTeams(t)
		w.seedPlaces(t)
		if err := w.seedDrives(t); err != nil {
			return err
		}
	}
	return nil
}

// skuE3 is Microsoft 365 E3's public SKU id.
const skuE3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"

func (w *World) seedTenant(t TenantSpec) {
	created := Stamp(w.head.Start.AddDate(-2, 0, 0))
	plan := Object{"assignedDateTime": created, "capabilityStatus": "Enabled", "service": "exchange", "servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0"}
	domains := []any{
		Object{"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": true, "isInitial": true, "name": t.Domain, "type": "Managed"},
	}
	licensed := 0
	for _, u := range t.Users {
		if u.Mailbox && u.Purpose == "" {
			licensed++
		}
	}
	w.Update(func(tx *Tx) {
		tx.Put(Key{t.ID, Organization, t.ID}, Object{
			"id": t.ID, "displayName": t.DisplayName, "createdDateTime": created, "deletedDateTime": nil, "businessPhones": []any{"+49 30 0000000"}, "city": "Berlin",
			"country": nil, "countryLetterCode": "DE", "defaultUsageLocation": "DE", "marketingNotificationEmails": []any{}, "onPremisesLastSyncDateTime": nil,
			"onPremisesSyncEnabled": nil, "partnerTenantType": nil, "postalCode": "10115", "preferredLanguage": "en", "securityComplianceNotificationMails": []any{},
			"securityComplianceNotificationPhones": []any{}, "state": nil, "street": nil, "technicalNotificationMails": []any{"admin@" + t.Domain}, "tenantType": "AAD",
			"assignedPlans": []any{plan}, "provisionedPlans": []any{}, "verifiedDomains": domains,
		})
		tx.Put(Key{t.ID, Domains, t.Domain}, Object{
			"id": t.Domain, "authenticationType": "Managed", "availabilityStatus": nil, "isAdminManaged": true, "isDefault": true, "isInitial": true, "isRoot": true,
			"isVerified": true, "manufacturer": nil, "model": nil, "passwordNotificationWindowInDays": 14, "passwordValidityPeriodInDays": 2147483647, "state": nil,
			"supportedServices": []any{"Email", "OfficeCommunicationsOnline"},
		})
		tx.Put(Key{t.ID, SKUs, t.ID + "_" + skuE3}, Object{
			"id": t.ID + "_" + skuE3, "accountName": t.Name, "accountId": t.ID, "appliesTo": "User", "capabilityStatus": "Enabled", "consumedUnits": licensed, "skuId": skuE3,
			"skuPartNumber": "SPE_E3", "subscriptionIds": []any{}, "prepaidUnits": Object{"enabled": licensed + 5, "lockedOut": 0, "suspended": 0, "warning": 0},
			"servicePlans": ServicePlans(),
		})
		for _, issue := range serviceIssues(w.head.Start) {
			tx.Put(Key{t.ID, ServiceIssues, issue["id"].(string)}, issue)
		}
		id := w.GUID("servicePrincipal", t.ID, GraphAppID)
		tx.Put(Key{t.ID, ServicePrincipals, id}, graphPrincipal(id))
	})
}

// ServicePlans are what the licence holds, of what is played. The ids are Microsoft's public ones.
func ServicePlans() []any {
	return []any{
		Object{"servicePlanId": "efb87545-963c-4e0d-99df-69c6916d9eb0", "servicePlanName": "EXCHANGE_S_ENTERPRISE", "provisioningStatus": "Success", "appliesTo": "User"},
		Object{"servicePlanId": "57ff2da0-773e-42df-b2af-ffb7a2317929", "servicePlanName": "TEAMS1", "provisioningStatus": "Success", "appliesTo": "User"},
	}
}

// graphPrincipal is Microsoft Graph in a tenant, with every permission that has a public id.
func graphPrincipal(id string) Object {
	roles, scopes := []any{}, []any{}
	for _, p := range sortedPermissions() {
		if p.RoleID != "" {
			roles = append(roles, Object{"id": p.RoleID, "value": p.Name, "displayName": p.Name, "description": p.Name, "isEnabled": true, "origin": "Application", "allowedMemberTypes": []any{"Application"}})
		}
		if p.ScopeID != "" {
			kind := "User"
			if p.Admin {
				kind = "Admin"
			}
			scopes = append(scopes, Object{"id": p.ScopeID, "value": p.Name, "type": kind, "isEnabled": true, "adminConsentDisplayName": p.Name, "adminConsentDescription": p.Name, "userConsentDisplayName": p.Name, "userConsentDescription": p.Name})
		}
	}
	return Object{
		"id": id, "appId": GraphAppID, "displayName": "Microsoft Graph", "appDisplayName": "Microsoft Graph", "accountEnabled": true, "servicePrincipalType": "Application",
		"appOwnerOrganizationId": "f8cdef31-a31e-4b4a-93e4-5f571e91255a", "servicePrincipalNames": []string{GraphAppID, "https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn"},
		"appRoles": roles, "oauth2PermissionScopes": scopes, "appRoleAssignmentRequired": false, "signInAudience": "AzureADMultipleOrgs", "replyUrls": []any{}, "tags": []any{},
	}
}

func (w *World) seedUser(t TenantSpec, u UserSpec) {
	id := w.GUID("user", t.ID, u.UPN)
	given, family, _ := strings.Cut(u.Name, " ")
	proxies := []any{}
	licences := []any{}
	var mail any
	if u.Mailbox {
		mail = u.UPN
		proxies = append(proxies, "SMTP:"+u.UPN)
		for _, a := range u.Aliases {
			proxies = append(proxies, "smtp:"+a)
		}
		if u.Purpose == "" {
			licences = append(licences, Object{"disabledPlans": []any{}, "skuId": skuE3})
		}
	}
	roles := []any{}
	if u.Role == "Global Administrator" {
		roles = append(roles, GlobalAdministrator)
	}
	if u.Mail != "" {
		mail = u.Mail
	}
	purpose := u.Purpose
	if purpose == "" {
		purpose = "user"
	}
	created := Stamp(w.head.Start.AddDate(-1, 0, 0))
	w.Put(Key{t.ID, Users, id}, Object{
		"id": id, "userPrincipalName": u.UPN, "displayName": u.Name, "givenName": given, "surname": family, "jobTitle": orNil(u.Title), "mail": mail, "mailNickname": u.UPN[:strings.Index(u.UPN, "@")],
		"proxyAddresses": proxies, "accountEnabled": u.Purpose == "", "userType": "Member", "assignedLicenses": licences, "businessPhones": []any{}, "mobilePhone": nil,
		"officeLocation": nil, "preferredLanguage": "en-US", "department": nil, "companyName": t.DisplayName, "usageLocation": "DE", "createdDateTime": created, "deletedDateTime": nil,
		"signInSessionsValidFromDateTime": created, "otherMails": []any{}, "imAddresses": []any{},
		"~password": u.Password, "~delegates": u.Delegates, "~mailbox": u.Mailbox, "~purpose": purpose, "~roles": roles,
	})
	if u.Mailbox {
		w.seedMailbox(id, u.Name, u.UPN, purpose, t.TimeZone)
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (w *World) seedMailbox(userID, name, upn, purpose, zone string) {
	w.Update(func(tx *Tx) {
		for _, s := range w.mailboxSeeds(userID, name, upn, purpose, zone) {
			tx.Put(Key{Mailbox(userID), s.collection, s.id}, s.obj)
		}
	})
}

// MyOrganization is the id of what everybody in the organization may do with a calendar.
const MyOrganization = "RGVmYXVsdA=="

// Anew makes another account with a user's names, and an empty mailbox.
func (w *World) Anew(t Tenant, u Object) {
	n, id := Clone(u), w.NewGUID()
	n["id"], n["createdDateTime"] = id, Stamp(w.Now())
	w.Put(Key{t.ID, Users, id}, n)
	w.seedMailbox(id, text(u, "displayName"), text(u, "userPrincipalName"), text(u, "~purpose"), t.TimeZone)
}

// mailboxSeeds is what every mailbox has.
func (w *World) mailboxSeeds(userID, name, upn, purpose, zone string) []seedItem {
	root := w.FolderKey(userID, "msgfolderroot")
	items := []seedItem{{MailFolders, root, Object{"displayName": "Top of Information Store", Partition: "", "isHidden": false, "~wellKnown": "msgfolderroot"}}}
	for _, f := range WellKnown {
		items = append(items, seedItem{MailFolders, w.FolderKey(userID, f.Name), Object{"displayName": f.Display, Partition: root, "isHidden": f.Hidden, "~wellKnown": f.Name}})
	}
	for _, g := range CalendarGroupsOfAll {
		items = append(items, seedItem{CalendarGroups, w.CalendarGroupKey(userID, g.Class), Object{"name": g.Name, "classId": g.Class, "~version": 1}})
	}
	return append(items,
		seedItem{Calendars, w.CalendarKey(userID), Object{
			"name": "Calendar", "color": "auto", "hexColor": "", "isDefaultCalendar": true, "canShare": true, "canViewPrivateItems": true, "canEdit": true, "isRemovable": false,
			"isTallyingResponses": true, "allowedOnlineMeetingProviders": []any{"teamsForBusiness"}, "defaultOnlineMeetingProvider": "teamsForBusiness",
			"owner": Object{"name": name, "address": upn}, "~version": 1, "~group": w.CalendarGroupKey(userID, OwnCalendars),
		}},
		seedItem{CalendarShares, w.ItemKey("calendarPermission", w.CalendarKey(userID), MyOrganization), Object{ // outlook-share-or-delegate-calendar.md
			"id": MyOrganization, "emailAddress": Object{"name": "My Organization"}, "isRemovable": false, "isInsideOrganization": true, "role": "freeBusyRead",
			"allowedRoles": []any{"none", "freeBusyRead", "limitedRead", "read", "write"}, "~calendar": w.CalendarKey(userID),
		}},
		seedItem{ContactFolders, w.ContactsKey(userID), Object{"displayName": "Contacts", Partition: root}},
		seedItem{TodoLists, w.ItemKey("todo", userID, "defaultList"), TodoList("Tasks", "defaultList")},
		seedItem{TodoLists, w.ItemKey("todo", userID, "flaggedEmails"), TodoList("Flagged Emails", "flaggedEmails")},
		seedItem{Settings, "settings", Object{
			"archiveFolder": nil, "timeZone": zone, "dateFormat": "yyyy-MM-dd", "timeFormat": "HH:mm", "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly", "userPurpose": purpose,
			"language":                Object{"locale": "en-US", "displayName": "English (United States)"},
			"automaticRepliesSetting": Object{"status": "disabled", "externalAudience": "all", "internalReplyMessage": "", "externalReplyMessage": "", "scheduledStartDateTime": UTC(w.head.Start), "scheduledEndDateTime": UTC(w.head.Start.AddDate(0, 0, 1))},
			"workingHours":            Object{"daysOfWeek": []any{"monday", "tuesday", "wednesday", "thursday", "friday"}, "startTime": "08:00:00.0000000", "endTime": "17:00:00.0000000", "timeZone": Object{"name": zone}},
		}},
	)
}

func (w *World) seedApp(t TenantSpec, a AppSpec) error {
	id := w.GUID("application", t.ID, a.ClientID)
	app := w.application(t, a, id)
	if a.Certificate {
		if err := w.seedCertificate(app, a); err != nil {
			return err
		}
	}
	w.Put(Key{t.ID, Applications, id}, app)
	sp := w.AddPrincipal(t.ID, t.ID, app)
	graph, _ := w.Principal(t.ID, GraphAppID)
	w.GrantRoles(t.ID, sp, graph, a.GrantedRoles)
	if len(a.GrantedScopes) > 0 {
		w.GrantScopes(t.ID, sp, graph, "", a.GrantedScopes)
	}
	for _, to := range a.Assigned {
		if err := w.Assign(t.ID, a.ClientID, to.To, to.Roles...); err != nil {
			return fmt.Errorf("app %s: %w", a.Name, err)
		}
	}
	return nil
}

func (w *World) application(t TenantSpec, a AppSpec, id string) Object {
	created := w.head.Start.AddDate(0, -6, 0)
	audience := "AzureADMyOrg"
	switch {
	case a.Personal:
		audience = "AzureADandPersonalMicrosoftAccount"
	case a.MultiTenant:
		audience = "AzureADMultipleOrgs"
	}
	secrets, values := []any{}, Object{}
	if a.Secret != "" {
		days := a.SecretDays
		if days == 0 {
			days = 365
		}
		keyID := w.GUID("secret", a.ClientID)
		secrets = append(secrets, Object{"customKeyIdentifier": nil, "displayName": "Seneschal", "endDateTime": Stamp(w.head.Start.AddDate(0, 0, days)), "hint": a.Secret[:3], "keyId": keyID, "secretText": nil, "startDateTime": Stamp(created)})
		values[keyID] = a.Secret
	}
	access := []any{}
	for _, r := range a.RequiredRoles {
		access = append(access, Object{"id": Permissions()[strings.ToLower(r)].RoleID, "type": "Role"})
	}
	for _, s := range a.RequiredScopes {
		if p := Permissions()[strings.ToLower(s)]; p.ScopeID != "" {
			access = append(access, Object{"id": p.ScopeID, "type": "Scope"})
		}
	}
	federated := []any{}
	if a.Federated {
		federated = append(federated, Object{"id": w.GUID("federated", a.ClientID), "name": "external-ci", "issuer": ExternalIssuer, "subject": ExternalSubject, "audiences": []any{FederatedAudience}, "description": "The simulator's own external identity provider"})
	}
	exposed, uris := []any{}, []any{}
	for _, s := range a.ExposedScopes {
		exposed = append(exposed, Object{"id": w.GUID("exposed", a.ClientID, s), "value": s, "type": "User", "isEnabled": true, "adminConsentDisplayName": s, "adminConsentDescription": s, "userConsentDisplayName": s, "userConsentDescription": s})
		uris = []any{"api://" + a.ClientID}
	}
	appRoles := []any{}
	for _, r := range a.AppRoles {
		appRoles = append(appRoles, Object{"id": w.GUID("appRole", a.ClientID, r), "value": r, "displayName": r, "description": r, "isEnabled": true, "origin": "Application", "allowedMemberTypes": []any{"User"}})
	}
	var groupClaims any
	if a.GroupsClaim {
		groupClaims = "SecurityGroup"
	}
	redirects, native := []any{}, []any{}
	for _, u := range a.RedirectURIs {
		if u == "http://localhost" { // what command-line and desktop programs register
			native = append(native, u)
		} else {
			redirects = append(redirects, u)
		}
	}
	return Object{
		"id": id, "appId": a.ClientID, "displayName": a.Name, "createdDateTime": Stamp(created), "deletedDateTime": nil, "signInAudience": audience, "isFallbackPublicClient": a.PublicClient,
		"identifierUris": uris, "passwordCredentials": secrets, "keyCredentials": []any{}, "appRoles": appRoles, "groupMembershipClaims": groupClaims, "tags": []any{}, "publisherDomain": t.Domain,
		"requiredResourceAccess": []any{Object{"resourceAppId": GraphAppID, "resourceAccess": access}},
		"api":                    Object{"oauth2PermissionScopes": exposed, "acceptMappedClaims": nil, "knownClientApplications": []any{}, "preAuthorizedApplications": []any{}, "requestedAccessTokenVersion": 2},
		"web":                    Object{"redirectUris": redirects, "homePageUrl": nil, "logoutUrl": nil, "implicitGrantSettings": Object{"enableAccessTokenIssuance": false, "enableIdTokenIssuance": false}},
		"publicClient":           Object{"redirectUris": native}, "spa": Object{"redirectUris": []any{}},
		"~secrets": values, "~federated": federated, "~assignmentRequired": a.AssignmentNeeds, "~enabled": true, "~meetingsOf": anyOf(a.MeetingsOf), "~installedFor": anyOf(a.InstalledFor), "~scopedRoles": anyOf(a.ScopedRoles), "~scope": anyOf(a.Scope),
	}
}

// The simulator's own external identity provider, for federated credentials.
const (
	ExternalIssuer    = "https://idp.external.example"
	ExternalSubject   = "repo:contoso/automation:environment:production"
	FederatedAudience = "api://AzureADTokenExchange"
)

// CertificateFile is where a seeded app's certificate and private key lie.
func (w *World) CertificateFile(clientID string) string {
	return filepath.Join(w.Dir, "app-"+clientID+".pem")
}

func (w *World) seedCertificate(app Object, a AppSpec) error {
	key, err := w.RSAKey("app-" + a.ClientID)
	if err != nil {
		return err
	}
	path := w.CertificateFile(a.ClientID)
	if _, err := os.Stat(path); err != nil {
		if err := writeCertificate(path, a.Name, w.head.Start, key, &key.PublicKey); err != nil {
			return fmt.Errorf("certificate of app %s: %w", a.Name, err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return fmt.Errorf("%s holds no certificate", path)
	}
	thumb := sha1.Sum(block.Bytes)
	keyID := w.GUID("certificate", a.ClientID)
	app["keyCredentials"] = []any{Object{
		"customKeyIdentifier": base64.StdEncoding.EncodeToString(thumb[:]), "displayName": "CN=" + a.Name, "endDateTime": Stamp(w.head.Start.AddDate(1, 0, 0)), "key": nil,
		"keyId": keyID, "startDateTime": Stamp(w.head.Start.AddDate(0, 0, -1)), "type": "AsymmetricX509Cert", "usage": "Verify",
	}}
	app["~certificates"] = Object{keyID: base64.StdEncoding.EncodeToString(block.Bytes)}
	return nil
}

func writeCertificate(path, name string, start time.Time, key any, public any) error {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: start.AddDate(0, 0, -1), NotAfter: start.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, public, key)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	out = append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	return os.WriteFile(path, out, 0o600)
}

// serviceIssues are what Microsoft tells every tenant about its services: one trouble that is over, and one that is not
// (graph/examples/GET_admin-serviceAnnouncement-issues.json).
func serviceIssues(start time.Time) []Object {
	issue := func(id, title, service, feature, status string, began time.Time, end any) Object {
		return Object{"id": id, "title": title, "service": service, "feature": feature, "featureGroup": nil, "impactDescription": "Users may have been affected.", "classification": "incident", "origin": "microsoft",
			"status": status, "isResolved": end != nil, "startDateTime": Stamp(began), "endDateTime": end, "lastModifiedDateTime": Stamp(began.Add(2 * time.Hour)), "details": []any{}, "posts": []any{}}
	}
	over := start.AddDate(0, 0, -9)
	return []Object{
		issue("EX226792", "Limited number of users unable to send or receive email through the Exchange Online service", "Exchange Online", "Mailflow", "serviceRestored", over, Stamp(over.Add(20*time.Hour))),
		issue("TM301552", "Some users may notice delays of messages in channels", "Microsoft Teams", "Teams Components", "investigating", start.Add(-3*time.Hour), nil),
	}
}
