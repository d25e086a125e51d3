// Package entra gets tokens from Microsoft Entra ID for every kind of credential, and knows what its refusals mean.
// Owns: Client (one app registration in one tenant, as the app or on behalf of a person), the table of AADSTS codes, consent links,
// claims read for diagnosis, and the set-up scripts of an app registration.
// It also checks the tokens with which Microsoft vouches for a notification's content (Notary).
// Imports: wire's token interface, the dictionary, clock and vault.Secret. MSAL is imported here only.
//
// What it needs of a database are two small interfaces, TokenCache and Lock; connection implements them.
package entra
