// Package wire is the one road by which the hub's requests leave: fence, token, governor, retry, limits, trace, recorder.
// A caller hands over a Request and gets an Answer, or a fault.Error that says what happened, what is known about the
// outcome, and Microsoft's request id. It knows HTTP, but no product: paths, error tables and limits come from graph and its kin.
//
// Owns: the pipeline (Client), the governor of shared request budgets (Governor), and what may be repeated (retry.go).
// Imports: fault, m365, telemetry, clock, vault's Secret. No database: SliceLeaser is what it needs of one.
//
// A request's way: fence -> governor -> token -> send -> answer checked (size, kind, completeness) -> decoded, repeated or refused.
package wire
