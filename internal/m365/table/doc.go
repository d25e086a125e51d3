// Package table holds Microsoft's permission data as raw text, for readers of different houses.
// Owns: operations.tsv, permissions.tsv, subscriptions.tsv, and what documentation pages add to the first two (each names its source and its columns in its head).
// Imports: nothing. The client (m365) and the simulator (sim) each parse it with a reader of their own, so that one misreading cannot hide on both sides.
package table

import _ "embed"

// Operations lists every Microsoft Graph operation we know with the permissions it accepts, one per line.
//
//go:embed operations.tsv
var Operations string

// Permissions lists every Microsoft Graph permission with its delegated and application ids, one per line.
//
//go:embed permissions.tsv
var Permissions string

// Documented lists operations that Operations lacks and a documentation page has, in the same form.
//
//go:embed documented.tsv
var Documented string

// DocumentedPermissions lists permissions that Permissions lacks, in the same form.
//
//go:embed documentedpermissions.tsv
var DocumentedPermissions string

// Subscriptions lists the permissions that allow a change-notification subscription, one resource per line.
//
//go:embed subscriptions.tsv
var Subscriptions string
