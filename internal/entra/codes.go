package entra

import (
	"strings"

	"seneschal/internal/fault"
)

// Explanation is what an AADSTS code means and who can do what about it.
type Explanation struct {
	Code  string     `json:"code"` // AADSTS7000215
	Kind  fault.Kind `json:"kind"`
	Means string     `json:"means"`
	Cause string     `json:"cause"`
	Fix   string     `json:"fix"`
	Who   string     `json:"who"`
}

// Who can make a fix.
const (
	appAdmin    = "an administrator of the app registration (Application Administrator)"
	tenantAdmin = "a Global Administrator or Privileged Role Administrator of the tenant"
	policyAdmin = "a Conditional Access Administrator of the tenant"
	theUser     = "the person who signed in"
	hubOperator = "the operator of this hub"
	whoever     = "whoever entered the connection"
	nobody      = "nobody: the hub tries again by itself"
)

// Explain finds an AADSTS code, written with or without the prefix.
func Explain(code string) (Explanation, bool) {
	e, ok := codes[strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(code)), "AADSTS")]
	return e, ok
}

// Codes lists every code there is an explanation for.
func Codes() []Explanation {
	out := make([]Explanation, 0, len(codes))
	for _, e := range codes {
		out = append(out, e)
	}
	return out
}

// codes is the table of graph/FACTS §1.6 (entra-docs reference-error-codes.md).
var codes = index([]row{
	{"7000215", fault.NeedsAdmin, "The client secret is wrong", "Often the secret's ID was pasted instead of its Value, or the secret belongs to another app", "Under Certificates & secrets make a new secret, copy its Value (shown once), and enter it here", appAdmin},
	{"7000222", fault.NeedsAdmin, "The client secret has expired", "Secrets live at most two years", "Make a new secret or, better, a certificate, and rotate the connection's credential", appAdmin},
	{"700027", fault.NeedsAdmin, "The certificate is not registered with the app, or its signature does not hold", "The certificate was not uploaded to this app registration, or this machine's clock is wrong", "Upload the certificate's public part under Certificates & secrets; compare the thumbprint; check the clock", appAdmin},
	{"50012", fault.NeedsAdmin, "The certificate or assertion was not accepted", "It is expired, not registered, or this machine's clock is wrong", "Compare thumbprint and validity with the app registration; check the clock", appAdmin},
	{"7000218", fault.NeedsAdmin, "The app must prove itself, and the request held no secret or certificate", "The app registration is confidential, the connection has no credential", "Enter a certificate or secret, or allow public client flows in the app registration", appAdmin},
	{"700025", fault.NeedsAdmin, "A public client may not send a credential", "The redirect URI is registered for a public client", "Register the redirect URI under Web, or leave the credential out", appAdmin},
	{"700016", fault.NeedsAdmin, "The tenant does not know this application", "Client id or tenant id is wrong, or the app was never consented to in this tenant", "Compare both ids with the app registration's Overview page; open the admin consent link in this tenant", tenantAdmin},
	{"90002", fault.NeedsAdmin, "There is no such tenant", "The tenant id is mistyped, is a subscription or object id, the tenant lives in another cloud, or it was deleted", "Copy Directory (tenant) ID from Entra's Overview page; check the connection's cloud; if the tenant was deleted, remove the connection", whoever},
	{"50059", fault.NeedsAdmin, "No tenant could be told from the request", "The sign-in address names no tenant", "Enter the tenant id in the connection", whoever},
	{"90019", fault.NeedsAdmin, "No tenant could be told from the request", "The sign-in address names no tenant", "Enter the tenant id in the connection", whoever},
	{"50194", fault.NeedsAdmin, "The app is for one tenant and was used for any", "The app registration accepts accounts of its own directory only", "Choose the account type \"this tenant\", or make the app registration multi-tenant", appAdmin},
	{"9001023", fault.NeedsAdmin, "App-only sign-in needs a concrete tenant", "The connection names common or consumers", "Enter the tenant id in the connection", whoever},
	{"900382", fault.NeedsAdmin, "The request went to another cloud than the tenant's", "Clouds do not share tokens", "Choose the tenant's cloud in the connection", whoever},
	{"900432", fault.NeedsAdmin, "The app is in another cloud than the tenant", "Clouds do not share app registrations", "Register the app in the tenant's cloud and choose that cloud", whoever},
	{"90038", fault.NeedsAdmin, "The tenant belongs to another cloud", "Clouds do not share tenants", "Choose the tenant's cloud in the connection", whoever},
	{"70011", fault.NeedsAdmin, "A permission name is not valid", "The requested scope does not exist for this app", "Check the chosen services; for a custom cloud check GRAPH_AUDIENCE", hubOperator},
	{"28002", fault.NeedsAdmin, "A permission name is not valid for this resource", "The requested scope does not exist for this resource", "Check the chosen services; for a custom cloud check GRAPH_AUDIENCE", hubOperator},
	{"700022", fault.NeedsAdmin, "One token was asked for two resources", "Scopes of different services were mixed", "Check GRAPH_AUDIENCE of the custom cloud", hubOperator},
	{"500011", fault.NeedsAdmin, "The tenant does not have the service the token is for", "The service was never used or consented to in this tenant", "Open the admin consent link in this tenant; check the cloud", tenantAdmin},
	{"650052", fault.NeedsAdmin, "The app needs a service the tenant has not subscribed to or enabled", "A licence is missing, or the service's principal is disabled", "Enable the service or remove the permission from the app registration", tenantAdmin},
	{"650056", fault.NeedsAdmin, "The app registration lacks the permissions it asks for", "They were not added under API permissions, or not consented to", "Add the permissions listed here and grant admin consent", tenantAdmin},
	{"650057", fault.NeedsAdmin, "The app registration does not list this service under its permissions", "Microsoft Graph is missing under API permissions", "Add the permissions listed here and grant admin consent", appAdmin},
	{"65001", fault.NeedsAdmin, "Nobody has consented to these permissions", "Consent was not given, or was withdrawn", "Open the admin consent link, or sign in and accept", tenantAdmin},
	{"65004", fault.NeedsReauth, "The person declined the permissions", "Cancel was pressed on the consent page", "Sign in again and accept, or ask an administrator to consent for everyone", theUser},
	{"90094", fault.NeedsAdmin, "An administrator must consent first", "The tenant does not let people consent to mail, calendar, chat or tasks by themselves", "Send the admin consent link to an administrator, then sign in again", tenantAdmin},
	{"90095", fault.NeedsAdmin, "An administrator must approve a request first", "The tenant uses the admin consent workflow", "Ask an administrator to approve the request, or send the admin consent link", tenantAdmin},
	{"50105", fault.NeedsAdmin, "This person is not assigned to the app", "The enterprise application requires assignment", "Assign the person or a group to the enterprise application", tenantAdmin},
	{"50011", fault.NeedsAdmin, "The redirect URI is not registered with the app", "It must match to the letter", "Add the redirect URI shown on this page under Authentication, platform Web", appAdmin},
	{"900971", fault.NeedsAdmin, "The app has no redirect URI", "None is registered", "Add the redirect URI shown on this page under Authentication, platform Web", appAdmin},
	{"50020", fault.NeedsReauth, "This account is not in the tenant", "An account of another tenant or a personal one was chosen", "Sign in with an account of the tenant, or have this one invited as a guest", theUser},
	{"50034", fault.NeedsReauth, "The tenant has no such account", "The address is mistyped or was deleted", "Sign in with an existing account", theUser},
	{"51004", fault.NeedsReauth, "The tenant has no such account", "The account exists elsewhere", "Sign in with an account of the tenant", theUser},
	{"90072", fault.NeedsReauth, "This outside account does not exist in the tenant", "A personal or foreign account was chosen", "Sign in with an account of the tenant, or have this one invited as a guest", theUser},
	{"50053", fault.NeedsReauth, "The account is locked, or the sign-in came from a malicious address", "Too many wrong passwords, or a blocked address", "Wait some minutes; else an administrator unlocks the account", tenantAdmin},
	{"50055", fault.NeedsReauth, "The password has expired", "It must be changed", "Sign in and change it", theUser},
	{"50056", fault.NeedsReauth, "The account has no valid password", "None is set, or it is not known to the directory", "Reset the password, then sign in again", theUser},
	{"50126", fault.NeedsReauth, "Name or password is wrong", "Mistyped", "Sign in again", theUser},
	{"50057", fault.NeedsReauth, "The account is disabled", "An administrator disabled it", "Enable the account, or connect another one", tenantAdmin},
	{"50058", fault.NeedsReauth, "Microsoft needs the person at the screen", "The session ended", "Sign in again", theUser},
	{"50072", fault.NeedsReauth, "The person must enrol for multi-factor authentication", "The tenant demands it since the last sign-in", "Sign in again and enrol", theUser},
	{"50074", fault.NeedsReauth, "Multi-factor authentication is demanded", "The tenant demands a stronger proof", "Sign in again", theUser},
	{"50076", fault.NeedsReauth, "Multi-factor authentication is demanded", "A policy changed, or the person moved to another place", "Sign in again", theUser},
	{"50078", fault.NeedsReauth, "The multi-factor proof has expired", "The tenant limits how long it holds", "Sign in again", theUser},
	{"50079", fault.NeedsReauth, "The person must enrol for multi-factor authentication", "The tenant demands it since the last sign-in", "Sign in again and enrol", theUser},
	{"50158", fault.NeedsReauth, "Another proof outside Entra is demanded", "A policy asks for an external control", "Sign in again and complete it", theUser},
	{"53000", fault.NeedsAdmin, "Conditional Access demands a compliant device", "A policy covers this application", "Exclude this application from the policy, or add this hub's address to a trusted location", policyAdmin},
	{"53001", fault.NeedsAdmin, "Conditional Access demands a domain-joined device", "A policy covers this application", "Exclude this application from the policy, or add this hub's address to a trusted location", policyAdmin},
	{"53002", fault.NeedsAdmin, "Conditional Access demands an approved app", "A policy covers this application", "Exclude this application from the policy", policyAdmin},
	{"53003", fault.NeedsAdmin, "Conditional Access blocked the token", "A policy covers this application or this hub's address", "Exclude this application from the policy, or add this hub's address to a named, trusted location", policyAdmin},
	{"53004", fault.NeedsReauth, "The person must register for multi-factor authentication at a trusted place", "Sign-in looked risky", "Register at a trusted place, then sign in again", theUser},
	{"530032", fault.NeedsAdmin, "Security policy blocked the sign-in", "A tenant policy covers it", "Look up the policy in Entra's sign-in log and exclude this application", policyAdmin},
	{"530034", fault.NeedsAdmin, "A delegated administrator was blocked by policy", "The tenant restricts partners", "Review the partner's access policy", policyAdmin},
	{"530035", fault.NeedsAdmin, "Security defaults blocked the sign-in", "Security defaults demand a stronger sign-in", "Sign in interactively, or replace security defaults by Conditional Access", policyAdmin},
	{"50173", fault.NeedsReauth, "The sign-in was revoked", "The password was changed or an administrator revoked the sessions", "Sign in again", theUser},
	{"70000", fault.NeedsReauth, "The refresh token is not valid", "It was revoked, or belongs to another app", "Sign in again", theUser},
	{"70008", fault.NeedsReauth, "The refresh token expired", "It was not used for 90 days", "Sign in again", theUser},
	{"700082", fault.NeedsReauth, "The refresh token expired", "It was not used for 90 days", "Sign in again", theUser},
	{"70043", fault.NeedsReauth, "The sign-in is too old for a policy", "Conditional Access limits the sign-in frequency", "Sign in again", theUser},
	{"700084", fault.NeedsReauth, "The refresh token ended after 24 hours", "The redirect URI is registered as a single-page application", "Register the redirect URI under Web, then sign in again", appAdmin},
	{"54005", fault.NeedsReauth, "The sign-in code was used already", "The page was loaded twice", "Start the sign-in again", theUser},
	{"700005", fault.NeedsReauth, "The sign-in code belongs to another tenant", "It was started for one tenant and finished for another", "Start the sign-in again", theUser},
	{"501481", fault.NeedsReauth, "The sign-in's proof key does not match", "The sign-in was started in another browser", "Start the sign-in again in one browser", theUser},
	{"50147", fault.Internal, "The sign-in's proof key has a bad size", "A defect of this hub", "Report it", hubOperator},
	{"70016", fault.Unavailable, "The person has not entered the device code yet", "It is still open", "Enter the code at the address shown", theUser},
	{"70018", fault.NeedsReauth, "The device code is wrong", "Mistyped, or of another sign-in", "Start the device sign-in again", theUser},
	{"70019", fault.NeedsReauth, "The device code ran out", "A code lives 15 minutes", "Start the device sign-in again", theUser},
	{"7000112", fault.NeedsAdmin, "The application is disabled in the tenant", "An administrator or Microsoft disabled it", "Enable sign-in under Enterprise applications, Properties", tenantAdmin},
	{"70001", fault.NeedsAdmin, "The application is disabled or unknown in the tenant", "It was removed or disabled", "Enable it under Enterprise applications, or consent again", tenantAdmin},
	{"50196", fault.Internal, "Entra saw this hub ask in a loop", "A defect: tokens were not reused", "Report it; the hub pauses the connection", hubOperator},
	{"90055", fault.Throttled, "Entra is throttling this tenant", "Too many requests", "Wait; the hub tries again by itself", nobody},
	{"50087", fault.Unavailable, "Entra had a passing fault", "A transient error inside Entra", "Wait; the hub tries again by itself", nobody},
	{"90006", fault.Unavailable, "Entra is busy", "A transient error inside Entra", "Wait; the hub tries again by itself", nobody},
	{"90024", fault.Unavailable, "Entra had a passing fault", "The request budget was exceeded or a service was slow", "Wait; the hub tries again by itself", nobody},
	{"90033", fault.Unavailable, "Entra is temporarily unavailable", "A transient error inside Entra", "Wait; the hub tries again by itself", nobody},
	{"90012", fault.Unavailable, "The request to Entra timed out", "A transient error inside Entra", "Wait; the hub tries again by itself", nobody},
	{"901002", fault.Internal, "The request used an old parameter", "A defect of this hub", "Report it", hubOperator},
	{"700229", fault.NeedsAdmin, "Only an app's own token may serve as federated assertion", "The token file holds a person's token", "Mount the service account's token instead", hubOperator},
})

type row struct {
	code              string
	kind              fault.Kind
	means, cause, fix string
	who               string
}

func index(rows []row) map[string]Explanation {
	m := make(map[string]Explanation, len(rows))
	for _, r := range rows {
		m[r.code] = Explanation{Code: "AADSTS" + r.code, Kind: r.kind, Means: r.means, Cause: r.cause, Fix: r.fix, Who: r.who}
	}
	return m
}
