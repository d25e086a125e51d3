// Package dispatch puts planned slots into technicians' calendars, each exactly once, and keeps them in step: one way, from the hub to
// Microsoft 365.
// Owns: tables dispatch_*, jobs dispatch.place and dispatch.sweep, actions dispatch.*.
// Imports: the hall, and connector/calendar for its types and zones. What leaves goes through action.Do, in the name of the capability dispatch.
//
// A slot's row says what is wanted and what is there; the difference is the next operation, and it stands in the row before it leaves: its
// action, its input and its key. Whatever dies, whoever takes over does the same operation under the same key, and the ledger of effects
// makes it one. What came of it is committed together with the next operation. So creating, changing, re-assigning (made there, then deleted
// here), cancelling and deleting are no cases of their own, and any order of faults ends in the same calendar.
//
// Nobody is mailed by a slot alone. Whom it asks for is invited by a change of its own, after it is placed; that change, and every later one
// of an event that people are invited to, waits for a person, as Exchange mails them.
package dispatch
