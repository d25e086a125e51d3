package world

import (
	"strings"
	"sync"

	"seneschal/internal/m365/table"
)

// Permission is one Microsoft Graph permission with the ids that grants name.
type Permission struct {
	Name    string
	ScopeID string // delegated form, "" if there is none
	RoleID  string // application form, "" if there is none
	Admin   bool   // the delegated form needs an administrator by its own flag
}

// Permissions lists Microsoft Graph's permissions by lower-case name.
var Permissions = sync.OnceValue(func() map[string]Permission {
	out := map[string]Permission{}
	for line := range strings.SplitSeq(table.Permissions+table.DocumentedPermissions, "\n") {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(f) < 4 {
			continue
		}
		p := Permission{Name: f[0], ScopeID: orEmpty(f[1]), Admin: f[2] == "yes", RoleID: orEmpty(f[3])}
		out[strings.ToLower(p.Name)] = p
	}
	return out
})

func orEmpty(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// NeedsAdmin tells whether a user may not consent to the scope alone.
// Under Microsoft's managed consent policy that covers mail, calendars, chats, tasks and more, whatever the permission's own flag says: graph/FACTS §1.7.
func NeedsAdmin(scope string, managedPolicy bool) bool {
	low := strings.ToLower(scope)
	if Permissions()[low].Admin {
		return true
	}
	if !managedPolicy {
		return false
	}
	for _, p := range []string{"mail.", "calendars.", "mailboxsettings.", "chat.", "tasks.", "contacts.readwrite", "people.read"} {
		if strings.HasPrefix(low, p) {
			return true
		}
	}
	sharing := strings.HasPrefix(low, "files.") || strings.HasPrefix(low, "sites.")
	return sharing && strings.HasSuffix(low, ".all") || strings.HasSuffix(low, ".shared")
}
