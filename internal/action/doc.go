// Package action is the one corridor for everything that changes the world outside, or asks it: define an action once, and every face has it.
// Owns: Define and the registry, Do (decode, allow, fence explained, claim, run, record, audit), the ledger table action_run and its sweep.
// Imports: connection, access, audit, event, vault, jobs, store, graph's client, and the dictionary. JSON schemas are huma's.
//
// The ledger: claimed is committed before the first call, the outcome after the last one. A claim without outcome is unclear, never
// "duplicate" and never silently lost; the sweep answers it with the action's Reconcile.
package action
