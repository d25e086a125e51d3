// Package access knows who may do what: people with roles, how they sign in and stay signed in, and API keys with scopes.
// Owns: tables access_*; the one function Allow that every face asks; sign-in by one-time link and with Microsoft (SSO); the addresses
// that were verified as a person's.
// Imports: store, audit, event, clock, vault.Secret and the dictionary; go-oidc, which nobody else does.
//
// Tokens (login links, sessions, API keys, sign-ins under way) are random and stored as SHA-256 only: who reads the database cannot sign
// in with it. A person is bound to a directory and the entry in it (tid, oid), never to a name or an address.
package access
