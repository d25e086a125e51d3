// Package access knows who may do what: people with roles, their one-time login links and sessions, and API keys with scopes.
// Owns: tables access_person, access_login, access_session and access_apikey; the one function Allow that every face asks.
// Imports: store, audit, event, clock, vault.Secret and the dictionary.
//
// Tokens (login links, sessions, API keys) are random and stored as SHA-256 only: who reads the database cannot sign in with it.
package access
