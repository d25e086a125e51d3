// Package vault keeps secrets: the Secret type that cannot be printed, sealing bound to a row, and key rotation.
// Owns: tables vault_keyset (the Tink keyset, wrapped by the master key) and vault_secret (one sealed secret a reference).
// Imports: store and the dictionary.
//
// The reference of a secret ("connection/01J…/credential") is its associated data: a sealed value copied to another row does not open there.
package vault
