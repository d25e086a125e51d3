package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// MailboxFence is a connection's allow-list. What is not listed is refused before anything leaves.
type MailboxFence struct {
	Mailboxes []string // object ids and addresses, in any case; wire.Me for a delegated connection's owner
	Shared    []string // mailboxes that were shared with whoever signed in: their mail alone
	Sites     []string // site ids and addresses; nil: no site
	EverySite bool     // sites without a list: what the permissions and SharePoint itself allow
	Drives    []string // drive ids; nil: no drive. A site's library is judged by its site
	Teams     []string // team ids; nil: no team
	EveryTeam bool     // teams without a list: what the permissions and Teams itself allow
	ReadOnly  bool     // only what changes nothing
}

// Fence makes the check of the list. The list is read once: a changed one needs a new fence.
func (f MailboxFence) Fence() wire.Fence {
	mailboxes, shared, sites, drives, teams := fold(f.Mailboxes), fold(f.Shared), fold(siteNames(f.Sites)), fold(f.Drives), fold(f.Teams)
	return func(r wire.Request) error {
		if f.ReadOnly && !reads(r) {
			return outside(r, "read_only", "This connection is set to read only", "Switch read-only off for the connection, if it may write")
		}
		if strangers := f.strangers(r, mailboxes); len(strangers) > 0 {
			out := outside(r, "mailbox_not_listed", "The request is about people who are not on this connection's list", "Leave them out, or add their mailboxes to the connection")
			out.Fields = strangers
			return out
		}
		t := r.Target
		if !f.EverySite && t.Site == "" && looksForSites(r) {
			return outside(r, "site_search_not_supported", "This connection looks for no sites: it reaches those on its list", "Name the site by its address, or list * for the connection")
		}
		if !f.EveryTeam && r.Operation == "POST /teams" {
			return outside(r, "team_not_listed", "This connection makes no teams: a new one is not on its list", "List * for the connection, or make the team elsewhere and add it to the list")
		}
		if r.Operation == "POST /subscriptions" {
			t = subscribed(r.Body)
		}
		for _, t := range []wire.Target{t, r.Into} {
			other := shared[strings.ToLower(t.Mailbox)] && !mailboxes[strings.ToLower(t.Mailbox)]
			switch {
			case other && !directorySections[t.Section] && !aboutMail(r, t):
				return outside(r, "shared_mail_only", "Through a person's connection a shared mailbox is open for its mail alone", "List the mailbox on an app-only connection for this")
			case t.Mailbox != "" && !other && !directorySections[t.Section] && !mailboxes[strings.ToLower(t.Mailbox)]:
				return outside(r, "mailbox_not_listed", "The mailbox is not on this connection's list", "Add the mailbox to the connection")
			case t.Site != "" && !f.EverySite && !sites[strings.ToLower(t.Site)]:
				return outside(r, "site_not_listed", "The site is not on this connection's list", "Add the site to the connection; one that is listed is reached when the doctor has found it")
			case t.Team != "" && !f.EveryTeam && !teams[strings.ToLower(t.Team)]:
				return outside(r, "team_not_listed", "The team is not on this connection's list", "Add the team to the connection; one that is listed is reached when the doctor has found it")
			case t.Drive != "" && t.Site == "" && !drives[strings.ToLower(t.Drive)]:
				return outside(r, "drive_not_listed", "The drive is not on this connection's list", "Add the drive's site to the connection")
			}
		}
		return nil
	}
}

// askedAbout are the requests that name in their body whom they are about, and the property that does.
var askedAbout = map[string]string{"/getSchedule": "schedules", "/getPresencesByUserId": "ids"}

// strangers names those of a request about several people who are not listed: the path names at most whose right it is asked by. A person's connection asks by the person's own rights, which Microsoft keeps.
func (f MailboxFence) strangers(r wire.Request, listed map[string]bool) []fault.Field {
	property, about := askedAbout[r.Operation[max(0, strings.LastIndex(r.Operation, "/")):]]
	if !about || listed[wire.Me] {
		return nil
	}
	var asked map[string]json.RawMessage
	var people []string
	if json.Unmarshal(r.Body, &asked) != nil || json.Unmarshal(asked[property], &people) != nil {
		return []fault.Field{{Name: property, Message: "cannot be read"}} // what cannot be judged does not leave
	}
	var out []fault.Field
	for i, s := range people {
		if !listed[strings.ToLower(s)] {
			out = append(out, fault.Field{Name: fmt.Sprintf("%s[%d]", property, i), Message: "is not on this connection's list"})
		}
	}
	return out
}

// looksForSites says that a request is about sites and names none.
func looksForSites(r wire.Request) bool {
	_, template, _ := strings.Cut(r.Operation, " ")
	return template == "/sites" || strings.HasPrefix(template, "/sites/")
}

// siteNames has addresses as requests name them.
func siteNames(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s
		if host, path, is := SiteAddress(s); is {
			out[i] = siteName(host, path)
		}
	}
	return out
}

func fold(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, s := range list {
		set[strings.ToLower(s)] = true
	}
	return set
}

// aboutMail says that a request to a mailbox is about its mail, and is no wish to be told of changes there: what Microsoft has for people who
// were let in (outlook-share-messages-folders.md, outlook-send-mail-from-other-user.md). Rules are behind a folder, and belong to the settings.
func aboutMail(r wire.Request, t wire.Target) bool {
	return r.Operation != "POST /subscriptions" && (t.Section == "messages" || t.Section == "mailFolders") && !strings.Contains(r.Operation, "/messageRules")
}

// directorySections are the places behind a user that tell about the account, not about what the person wrote or received.
// Everything else behind a user is guarded, the unknown included.
var directorySections = map[string]bool{
	"": true, "licenseDetails": true, "memberOf": true, "transitiveMemberOf": true, "manager": true, "directReports": true,
	"appRoleAssignments": true, "oauth2PermissionGrants": true, "ownedObjects": true, "authentication": true, "photo": true,
}

// readingPosts are POSTs that only ask, by the end of their template, and those that keep a feed alive without touching anybody's data.
var readingPosts = []string{"/getSchedule", "/findMeetingTimes", "/getMailTips", "/translateExchangeIds", "/getPresencesByUserId",
	"/getByIds", "/checkMemberGroups", "/getMemberGroups", "/search/query", "/extractSensitivityLabels", "/reauthorize", "/subscriptions", "/$batch"}

// reads says that a request changes nothing. A batch is not asked: each of its parts is.
func reads(r wire.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	_, template, _ := strings.Cut(r.Operation, " ")
	if strings.HasPrefix(template, "/subscriptions/") {
		return true
	}
	if r.Method != http.MethodPost {
		return false
	}
	for _, end := range readingPosts {
		if strings.HasSuffix(template, end) {
			return true
		}
	}
	return false
}

// subscribed finds whose data a new subscription would tell about.
func subscribed(body []byte) wire.Target {
	var s struct {
		Resource string `json:"resource"`
	}
	if json.Unmarshal(body, &s) != nil {
		return wire.Target{}
	}
	resource, _, _ := strings.Cut(strings.Trim(s.Resource, "/"), "?")
	parts := strings.Split(resource, "/")
	section := ""
	if len(parts) > 2 {
		section = parts[2]
	}
	switch owner := strings.ToLower(parts[0]); {
	case owner == "me" && len(parts) > 1:
		return wire.Target{Mailbox: wire.Me, Section: parts[1]}
	case owner == "users" && len(parts) > 1:
		return wire.Target{Mailbox: parts[1], Section: section}
	case owner == "sites" && len(parts) > 1:
		return wire.Target{Site: parts[1], Section: section}
	case owner == "teams" && len(parts) > 1:
		return wire.Target{Team: parts[1], Section: section}
	case owner == "drives" && len(parts) > 1:
		return wire.Target{Drive: parts[1], Section: section}
	}
	return wire.Target{}
}

func outside(r wire.Request, code, message, fix string) *fault.Error {
	return &fault.Error{Kind: fault.Forbidden, Code: code, Operation: r.Operation, Message: message,
		Cause: "The connection's own fence refused it; Microsoft was not asked", Fix: fix, Who: "the operator of this hub"}
}
