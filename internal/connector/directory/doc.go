// Package directory looks up people and the organization of a connected tenant.
// Owns: the actions directory.*, and the probe of the capability directory. No table.
// Imports: m365, fault, graph, action, place. No other connector, no store, no feed.
package directory
