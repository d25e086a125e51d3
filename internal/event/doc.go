// Package event tells others what happened: it records events in the transaction that made them true.
// Owns: table event_entry.
// Imports: store, clock and the dictionary.
package event
