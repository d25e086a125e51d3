// Package place is where an action works: the mailbox or the drive of a person, as inputs name it, with the client that reaches it.
// Owns: the field user of the inputs, and how one read of a person's things becomes the proof of a probe. Knows no product.
// Imports: m365, graph, action.
package place
