// Package graph speaks Microsoft Graph over wire: typed paths and calls, paging and delta as iterators, batches, uploads, MIME.
// A path knows its operation ("GET /users/{user-id}/messages"), whose data it touches and which budgets it costs; the rest follows.
// Only a delegated client has an owner without a name: an app without a user has no "me" (dynamics/AUTH-MATRIX §1, rule 1).
//
// Owns: the paths, the models (only the fields we use), the table of Microsoft's error codes (errors.go), the table of its limits
// (limits.go), and the fence of a connection's allow-list (fence.go).
// Imports: wire, fault, m365, clock. It keeps no state.
package graph
