package action

import (
	"strings"

	"seneschal/internal/fault"
)

// retirement is an action that people look for and Microsoft has switched off, or never had.
type retirement struct{ what, since, instead string }

// retirements are told apart from names that never were (graph/FACTS §10 and §13; dynamics/AUTH-MATRIX §1 to §3, §6).
var retirements = map[string]retirement{
	"drive.item.shared_with_me": {"the list of what others shared with a person (sharedWithMe)", "It returns no data since November 2026",
		"Read the drive of whoever shares by drive.item.list with its drive id, open a sharing link, or follow drive.change.list of drives you know"},
	"drive.item.recent": {"the list of recently used files (recent)", "It returns no data since November 2026", "Follow drive.change.list of the drives you know, or use drive.item.search"},
	"teams.connector.post": {"webhooks of Office 365 connectors", "They answer no more since spring 2026",
		"In Teams open the channel's Workflows, choose \"Post to a channel when a webhook request is received\", and use teams.workflow.post with the address it gives"},
	"mail.ews": {"Exchange Web Services (EWS)", "Exchange Online switches them off from October 2026", "Use the mail, calendar and contact actions: they speak Microsoft Graph with the same tenant"},
}

// notOffered are actions that people look for because other calendars have them: Microsoft Graph changes one occurrence or the whole series
// (event-update.md, event-delete.md), and no page has anything between.
var notOffered = map[string]retirement{
	"calendar.event.update_following": following("Change"),
	"calendar.event.delete_following": following("Delete"),
}

func following(verb string) retirement {
	fix := verb + " each occurrence by its id, or end the series on the day before with calendar.event.update (start, end, recurrence with until)"
	if verb == "Change" {
		fix += " and make another with calendar.event.create"
	}
	return retirement{"to " + strings.ToLower(verb) + " one occurrence of a series together with all behind it", "It knows one occurrence and the whole series", fix}
}

// Missing is the refusal of a name that no action has: one that Microsoft has retired or never had, or none at all.
func Missing(name string) error {
	if n, ok := notOffered[name]; ok {
		return &fault.Error{Kind: fault.NotSupported, Code: "not_offered", Operation: name, Message: "Microsoft Graph has no way " + n.what, Cause: n.since, Fix: n.instead, Who: "you",
			WrongFixes: []string{"granting more permissions: there is no such operation"}}
	}
	r, ok := retirements[name]
	if !ok {
		return fault.Missing("action", name)
	}
	return &fault.Error{Kind: fault.NotSupported, Code: "retired", Operation: name, Message: "Microsoft has switched off " + r.what, Cause: r.since, Fix: r.instead, Who: "you",
		WrongFixes: []string{"granting more permissions: nothing answers there any more"}}
}
