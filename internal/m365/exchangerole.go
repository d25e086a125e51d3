package m365

import (
	"slices"
	"strings"
)

// exchangeRoles are the roles of Exchange Online that give an app what a permission of Graph gives, for the mailboxes of a scope alone: Microsoft
// Learn, "Role Based Access Control for Applications in Exchange Online", Supported Application Roles. What is not among them, tasks for one,
// reaches every mailbox or none.
var exchangeRoles = map[string]string{
	"Mail.Read": "Application Mail.Read", "Mail.ReadBasic": "Application Mail.ReadBasic", "Mail.ReadBasic.All": "Application Mail.ReadBasic",
	"Mail.ReadWrite": "Application Mail.ReadWrite", "Mail.Send": "Application Mail.Send",
	"MailboxSettings.Read": "Application MailboxSettings.Read", "MailboxSettings.ReadWrite": "Application MailboxSettings.ReadWrite",
	"Calendars.Read": "Application Calendars.Read", "Calendars.ReadWrite": "Application Calendars.ReadWrite",
	"Contacts.Read": "Application Contacts.Read", "Contacts.ReadWrite": "Application Contacts.ReadWrite",
}

// ExchangeRole is the role of Exchange Online in place of an application permission; "" where there is none.
func ExchangeRole(permission string) string { return exchangeRoles[permission] }

// MailboxPermissions begin the names of the application permissions that let an app into every mailbox of a tenant. Exchange adds them to what
// its roles give: one of them makes a scope void.
var MailboxPermissions = []string{"Mail.", "MailboxSettings.", "MailboxFolder.", "MailboxItem.", "Calendars.", "Contacts."}

// EveryMailbox picks those of granted permissions that let an app into every mailbox.
func EveryMailbox(granted []string) []string {
	return slices.DeleteFunc(slices.Clone(granted), func(p string) bool {
		return !slices.ContainsFunc(MailboxPermissions, func(prefix string) bool { return strings.HasPrefix(p, prefix) })
	})
}

// FromExchange lists the permissions that are not asked for, as Exchange gives them for the app's own mailboxes; sorted by name.
func (a Asking) FromExchange() []Required {
	if !a.LimitedMailboxes || a.Mode != Application {
		return nil
	}
	a.LimitedMailboxes = false
	return slices.DeleteFunc(a.Manifest(), func(r Required) bool { return ExchangeRole(r.Permission) == "" })
}
