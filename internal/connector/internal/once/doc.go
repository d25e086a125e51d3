// Package once makes a creation happen once at a service that by itself would create twice. What is made carries a mark that follows from the
// idempotency key; a creation first looks for its mark, and so does whoever asks later what became of it (Creation). Where there is no place
// for a mark, what there was before tells what is new (Addition).
// Owns: the mark and the property that carries it in mailboxes. Knows no product: a connector says how its things are found and made.
// Imports: graph, action, fault.
package once
