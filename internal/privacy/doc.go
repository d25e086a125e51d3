// Package privacy hands out and erases what the hub keeps about somebody, and lets everything go at its age. What there is, is each owner's:
// it asks them all.
// Owns: table privacy_suppressed, job privacy.retain, the key privacy/suppression in the vault.
// Imports: custody, store, vault, audit, access, customer and the dictionary.
//
// Who was erased is not known any more: what keeps an address from coming back with the next walk is a hash of it under a key of the vault.
package privacy
