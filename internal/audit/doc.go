// Package audit is the record of what was done: append-only, each entry chained to the one before by its hash.
// Owns: tables audit_entry, audit_head and audit_name.
// Imports: store, clock and the dictionary.
//
// The chain holds pseudonyms; the names lie in audit_name beside it and can be erased without breaking the chain.
package audit
