// Package attachment lists, reads, adds and takes away the files, items and links that hang on a message or an event. Both are named by their
// path; Microsoft treats their attachments alike.
// Owns: how an attachment is shown, what one request may carry, and how a file is added once. Knows no product.
// Imports: graph, action, fault, once.
package attachment
