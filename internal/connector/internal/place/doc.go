// Package place is where an action works: the mailbox or the drive of a person, or a site, as inputs name it, with the client that reaches it.
// Owns: the fields user and site of the inputs, how old an answer about them may be, that a site is found before anything in it is asked for, and how one read of a person's things becomes the proof of a probe. Knows no product.
// Imports: m365, fault, graph, action.
package place
