// Package connection is a Microsoft 365 tenant we are connected to: its credential, its mailboxes with purposes, its sites and teams, its grants, and its
// health with proof. It also shares the request budgets of all connections among the hubs on one database (Budgets).
// Owns: tables connection_entry, connection_mailbox, connection_site, connection_team, connection_check, connection_grant, connection_serving, connection_signin, connection_use, connection_traffic,
// connection_instance, connection_slice, connection_gate; the job connection.check; the secrets below "connection/" in the vault.
// Imports: access, audit, event, vault, jobs, store, entra, graph, wire, config's endpoints by function, and the dictionary.
//
// A connection's life: pending_consent or verifying -> healthy <-> degraded, throttled, needs_reauth, needs_admin, failed; paused by hand.
// Green needs evidence younger than freshFor; older evidence reads as unknown (see Connection.Current).
package connection
