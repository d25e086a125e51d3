// Package cursor is the text by which a caller goes on with a list: Microsoft's own place in it, tied to the question it belongs to.
// Owns: the form of that text. It holds no address: with a link a caller could choose another mailbox.
// Imports: graph, fault.
package cursor
