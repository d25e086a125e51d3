// Package cursor lets callers go on with a list, or with what changed in it, page by page. What they keep meanwhile is a text: Microsoft's
// own place in the list, tied to the question it belongs to.
// Owns: the form of that text, and how pages are read by it. It holds no address: with a link a caller could choose another mailbox.
// Imports: graph, fault.
package cursor
