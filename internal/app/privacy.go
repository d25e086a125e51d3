package app

import (
	"slices"

	"seneschal/internal/custody"
	"seneschal/internal/jobs"
	"seneschal/internal/privacy"
	"seneschal/internal/vault"
)

// Owners are all packages that keep data, for privacy and its test.
func (a *App) Owners() map[string]privacy.Owner {
	return map[string]privacy.Owner{"audit": a.Audit, "event": a.Events, "access": a.Access, "connection": a.Connections, "action": a.Runner,
		"customer": a.Customers, "feed": a.Feeds, "timeline": a.Timeline, "alarm": a.Alarms, "delivery": a.Deliveries}
}

// classes are all classes of data there are, those about customers first.
func (a *App) classes() []custody.Class {
	return slices.Concat(a.Timeline.Classes(), a.Customers.Classes(), a.Feeds.Classes(), a.Connections.Classes(), a.Access.Classes(), a.Runner.Classes(), a.Audit.Classes(), a.Events.Classes(), a.Alarms.Classes(), a.Deliveries.Classes(),
		privacy.Classes(), vault.Classes(), jobs.Classes())
}

// joinPrivacy joins what asks all owners. What it keeps out is the timeline's to obey.
func (a *App) joinPrivacy() {
	a.Privacy = &privacy.Service{Store: a.Store, Clock: a.Clock, Log: a.Log, Audit: a.Audit, Vault: a.Vault, Access: a.Access, Customers: a.Customers,
		Owners: a.Owners(), Classes: a.classes(), Keep: a.Config.Retention, Leaving: a.Connections.LeaveOwned, Welcome: a.Feeds.Restart}
	a.Timeline.Keep, a.Timeline.Unwanted = a.Config.Retention["RETENTION_COMMUNICATIONS"], a.Privacy.Unwanted
}
