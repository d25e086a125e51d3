// Package delivery sends mail with state and proof: quotes, invoices, and whatever else is handed to it. A delivery is taken once for its key,
// waits for its time and its mailbox's pace, leaves through the ledger of effects, and ends in a word that is true.
// Owns: tables delivery_*, jobs delivery.post and delivery.reports, actions delivery.*.
// Imports: the hall. Microsoft 365 is reached by action.Do alone, in the name of the capability send.
//
// A delivery's life: queued -> sending -> sent | unsure | failed; queued -> cancelled; sent -> bounced. What an unsure one waits for depends on
// its mode: verified, it is looked for in Sent Items and ends by itself; send-only, nobody can look, so a person says what became of it.
//
// Letter and files are sealed to their row, in pieces, and go as soon as nobody can need them any more.
package delivery
