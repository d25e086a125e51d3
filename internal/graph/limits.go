package graph

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/wire"
)

// The budget classes of Microsoft Graph.
const (
	classApp               = "graph"          // all requests of the app, over all tenants
	classOutlook           = "outlook"        // app and mailbox
	classOutlookUpload     = "outlook.upload" // bytes sent to a mailbox
	classDirectory         = "directory"      // resource units of app and tenant
	classDirectoryWrite    = "directory.write"
	classReports           = "reports.identity" // sign-ins, audits, registration details
	classUsage             = "reports.usage"    // each report by itself
	classPolicies          = "policies"         // conditional access and identity protection: the tenant, all apps
	classScores            = "scores"
	classSubscribe         = "subscriptions.write"
	classSubscriptions     = "subscriptions.list"
	classSharePoint        = "sharepoint" // resource units of app and tenant
	classSharePointDay     = "sharepoint.day"
	classTeams             = "teams"
	classTeamsMessages     = "teams.messages"
	classTeamsConversation = "teams.conversation" // one chat or channel
	classPresence          = "presence"
)

// Limits is what Microsoft grants: graph/FACTS §3.1. Where it depends on the tenant's size, the smallest is taken:
// what a larger tenant leaves unused costs minutes, what a small one overdraws costs a 429.
func Limits() wire.Limits {
	return wire.Limits{
		classApp:               {Requests: 130_000, Window: 10 * time.Second},
		classOutlook:           {Requests: 10_000, Window: 10 * time.Minute, Concurrent: 4},
		classOutlookUpload:     {Requests: 150 << 20, Window: 5 * time.Minute},
		classDirectory:         {Requests: 3_500, Window: 10 * time.Second},
		classDirectoryWrite:    {Requests: 3_000, Window: 150 * time.Second},
		classReports:           {Requests: 5, Window: 10 * time.Second},
		classUsage:             {Requests: 14, Window: 10 * time.Minute},
		classPolicies:          {Requests: 1, Window: time.Second},
		classScores:            {Requests: 150, Window: time.Minute, Concurrent: 4},
		classSubscribe:         {Requests: 500, Window: 20 * time.Second},
		classSubscriptions:     {Requests: 25, Window: 20 * time.Second},
		classSharePoint:        {Requests: 1_250, Window: time.Minute},
		classSharePointDay:     {Requests: 1_200_000, Window: 24 * time.Hour},
		classTeams:             {Requests: 30, Window: time.Second},
		classTeamsMessages:     {Requests: 20, Window: time.Second},
		classTeamsConversation: {Requests: 1, Window: time.Second},
		classPresence:          {Requests: 1_500, Window: 30 * time.Second},
	}
}

// classWords say what each class counts, for people.
var classWords = map[string]struct{ what, unit string }{
	classApp:               {"all requests of the app, in all tenants", "requests"},
	classOutlook:           {"mail, calendar and contacts of one mailbox", "requests"},
	classOutlookUpload:     {"what is sent into one mailbox", "bytes"},
	classDirectory:         {"the directory", "resource units"},
	classDirectoryWrite:    {"changes of the directory", "requests"},
	classReports:           {"sign-ins, audits and registration details", "requests"},
	classUsage:             {"one usage report", "requests"},
	classPolicies:          {"Conditional Access and identity protection, with all other apps of the tenant", "requests"},
	classScores:            {"secure scores", "requests"},
	classSubscribe:         {"subscriptions made, renewed and ended", "requests"},
	classSubscriptions:     {"lists of subscriptions", "requests"},
	classSharePoint:        {"SharePoint and OneDrive, by the minute", "resource units"},
	classSharePointDay:     {"SharePoint and OneDrive, by the day", "resource units"},
	classTeams:             {"Teams", "requests"},
	classTeamsMessages:     {"messages in Teams", "requests"},
	classTeamsConversation: {"one chat or channel", "requests"},
	classPresence:          {"who is present", "requests"},
}

// BudgetWords says what a class of budgets counts, and in which unit.
func BudgetWords(class string) (what, unit string) {
	w, ok := classWords[class]
	if !ok {
		return class, "requests"
	}
	return w.what, w.unit
}

// IsMailboxBudget says that the parts of a class are mailboxes.
func IsMailboxBudget(class string) bool { return class == classOutlook || class == classOutlookUpload }

// outlookSections are the places behind a user that Exchange serves; everything else behind a user is the directory's.
var outlookSections = map[string]bool{
	"messages": true, "mailFolders": true, "calendar": true, "calendars": true, "calendarGroups": true, "calendarView": true, "events": true,
	"contacts": true, "contactFolders": true, "outlook": true, "mailboxSettings": true, "sendMail": true, "getMailTips": true,
	"findMeetingTimes": true, "inferenceClassification": true, "todo": true, "translateExchangeIds": true, "reminderView": true,
}

// MailboxBudget is the key under which a mailbox's requests are counted.
func (c *Client) MailboxBudget(mailbox string) wire.Key {
	return c.key(classOutlook, c.cfg.Mailbox(mailbox))
}

func (c *Client) key(class, part string) wire.Key {
	return wire.Key{Class: class, Tenant: string(c.cfg.Tenant), App: string(c.cfg.App), Part: part}
}

// charges says what a request costs and where, the narrowest budget last: a Retry-After closes that one.
func (c *Client) charges(r wire.Request, k *call) []wire.Charge {
	_, template, _ := strings.Cut(r.Operation, " ")
	all := wire.Charge{Key: wire.Key{Class: classApp, App: string(c.cfg.App)}}
	return append([]wire.Charge{all}, c.workload(r, template, k)...)
}

// workload finds the service behind a template and its own budgets.
func (c *Client) workload(r wire.Request, template string, k *call) []wire.Charge {
	under := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(template, p) {
				return true
			}
		}
		return false
	}
	one := func(class, part string) []wire.Charge { return []wire.Charge{{Key: c.key(class, part)}} }
	section := r.Target.Section
	switch {
	case r.Target.Mailbox != "" && outlookSections[section]:
		return one(classOutlook, c.cfg.Mailbox(r.Target.Mailbox))
	case under("/sites", "/drives", "/shares") || section == "drive" || section == "drives":
		return c.sharePoint(r, template)
	case under("/auditLogs", "/reports/authenticationMethods"):
		return one(classReports, "")
	case under("/reports/"):
		return one(classUsage, template)
	case under("/identity/conditionalAccess", "/policies/conditionalAccess", "/identityProtection"):
		return []wire.Charge{{Key: wire.Key{Class: classPolicies, Tenant: string(c.cfg.Tenant)}}}
	case under("/security/secureScore"):
		return one(classScores, "")
	case under("/subscriptions"):
		if r.Method == http.MethodGet {
			return one(classSubscriptions, "")
		}
		return one(classSubscribe, "")
	case under("/teams", "/chats") || section == "chats" || section == "joinedTeams":
		return c.teams(r, template)
	case under("/communications") || section == "presence":
		return one(classPresence, "")
	}
	return c.directory(r, template, k)
}

// sharePoint costs resource units: one for a single item, a delta or a download, two for lists and writes, five for permissions.
func (c *Client) sharePoint(r wire.Request, template string) []wire.Charge {
	cost := 2
	switch {
	case strings.Contains(template, "/permissions"), strings.HasSuffix(template, "/invite"), strings.HasSuffix(template, "/createLink"):
		cost = 5
	case r.Method == http.MethodGet && (strings.HasSuffix(template, "}") || strings.HasSuffix(template, "/delta()") || strings.HasSuffix(template, "/content") || strings.HasSuffix(template, "/root")):
		cost = 1
	}
	return []wire.Charge{{Key: c.key(classSharePointDay, ""), Cost: cost}, {Key: c.key(classSharePoint, ""), Cost: cost}}
}

// teams counts by app and tenant, messages apart, and each conversation by itself for reads.
func (c *Client) teams(r wire.Request, template string) []wire.Charge {
	charges := []wire.Charge{{Key: c.key(classTeams, "")}}
	if strings.Contains(template, "essages") {
		charges = append(charges, wire.Charge{Key: c.key(classTeamsMessages, "")})
		if r.Method == http.MethodGet {
			charges = append(charges, wire.Charge{Key: c.key(classTeamsConversation, conversation(r.URL))})
		}
	}
	return charges
}

// conversation is the part of a URL that names the chat or channel: all up to its messages.
func conversation(url string) string {
	url, _, _ = strings.Cut(url, "?")
	if i := strings.Index(url, "/messages"); i >= 0 {
		return url[:i]
	}
	return url
}

// directoryCosts are the reads that cost more than one resource unit; the longest fitting suffix counts.
var directoryCosts = []struct {
	suffix string
	units  int
}{
	{"/transitiveMembers", 5}, {"/members", 3}, {"/subscribedSkus", 3}, {"/memberOf", 2}, {"/transitiveMemberOf", 2}, {"/users", 2},
	{"/users/{user-id}", 2}, {"/me", 2}, {"/applications", 2}, {"/applications/{application-id}", 2}, {"/oauth2PermissionGrants", 2}, {"/appRoleAssignments", 2},
	{"/users/delta()", 2},
}

// directory costs resource units, and a write besides.
func (c *Client) directory(r wire.Request, template string, k *call) []wire.Charge {
	if r.Method != http.MethodGet {
		return []wire.Charge{{Key: c.key(classDirectoryWrite, "")}, {Key: c.key(classDirectory, "")}}
	}
	units := 1
	for _, row := range directoryCosts {
		if strings.HasSuffix(template, row.suffix) {
			units = row.units
			break
		}
	}
	if _, ok := k.has("$select"); ok {
		units--
	}
	if _, ok := k.has("$expand"); ok {
		units++
	}
	if top, ok := k.has("$top"); ok {
		if n, err := strconv.Atoi(top); err == nil && n < 20 {
			units--
		}
	}
	return []wire.Charge{{Key: c.key(classDirectory, ""), Cost: max(1, units)}}
}

// withUpload charges the bytes of a body to the mailbox it goes to.
func (c *Client) withUpload(r wire.Request) []wire.Charge {
	last := len(r.Charges) - 1
	if last < 0 || r.Charges[last].Key.Class != classOutlook || !writes[r.Method] || len(r.Body) == 0 {
		return r.Charges
	}
	upload := wire.Charge{Key: c.key(classOutlookUpload, r.Charges[last].Key.Part), Cost: len(r.Body)}
	return append(append(append([]wire.Charge{}, r.Charges[:last]...), upload), r.Charges[last])
}
