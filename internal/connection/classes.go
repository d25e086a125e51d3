package connection

import (
	"context"
	"time"

	"seneschal/internal/custody"
	"seneschal/internal/store"
)

// Classes say what connections keep.
func (s *Service) Classes() []custody.Class {
	return []custody.Class{
		{Name: "connections", Title: "Connections and mailboxes", What: "Tenants, app registrations, listed mailboxes with their owners' names, a mailbox that must be refused where one is named, listed sites and teams, who signed in, grants, the doctor's last findings", Whose: "the people whose mailboxes are listed; a delegated connection's owner",
			Tables: []string{"connection_entry", "connection_mailbox", "connection_site", "connection_team", "connection_check", "connection_grant", "connection_serving"}, Seen: "everybody who may see the hub", Ends: "until removed",
			Export: custody.InExport, Erase: "the person's mailboxes leave all lists; their own connections go with credential and tokens"},
		{Name: "consents", Title: "Sign-ins and consents under way", What: "Links that were made and not used yet, as hashes", Whose: custody.NotAbout, Tables: []string{"connection_signin"}, Seen: custody.Nobody, Ends: "after 7 days at the latest",
			Export: custody.NotIn, Erase: "those of the person's own connections go with them", Prune: s.pruneSignIns},
		{Name: "use", Title: "Use of permissions", What: "How often and when last a connection used which of Microsoft's operations, by day; no mailbox, no person", Whose: custody.NotAbout, Tables: []string{"connection_use"}, Seen: custody.AdminsOnly,
			Setting: "RETENTION_USE", Ends: "with that age; with its connection", Export: custody.NotIn, Erase: custody.Untouched, Prune: s.pruneUses},
		{Name: "traffic", Title: "Requests to Microsoft", What: "How many requests a connection sent to which of Microsoft's services, and how many were throttled or failed, by hour; no mailbox, no person", Whose: custody.NotAbout, Tables: []string{"connection_traffic"},
			Seen: "everybody who may see the hub", Setting: "RETENTION_TRAFFIC", Ends: "with that age; with its connection", Export: custody.NotIn, Erase: custody.Untouched, Prune: s.pruneTraffic},
		{Name: "budgets", Title: "Request budgets", What: "What hubs on this database may still ask Microsoft for, by mailbox", Whose: "the people whose mailboxes are listed", Tables: []string{"connection_instance", "connection_slice", "connection_gate"},
			Seen: "admins; sums without mailboxes everybody", Ends: "minutes after the last request", Export: custody.NotIn, Erase: "ends by itself within minutes"},
	}
}

func (s *Service) pruneSignIns(ctx context.Context, tx *store.Tx, before time.Time, _ int) (int64, error) {
	return store.Affected(ctx, tx, "delete from connection_signin where expires_at < $1", store.Millis(before))
}
