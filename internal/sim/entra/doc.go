// Package entra is the simulated identity platform: sign-in pages, consent, tokens, and every refusal of graph/FACTS §1.6 that it can naturally make.
// Owns: the endpoints under /{tenant}/…, the pages' forms, refresh tokens, codes, sessions; the check of the tokens it issued (Verify).
// Imports: sim/world, sim/trouble, go-jose. Never a client package.
package entra
