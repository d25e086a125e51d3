// Package etag ties a change to the version of a thing that its caller saw: if_match in inputs, etag in outputs.
// Owns: what an etag looks like, and what a refused one says. Knows no product: a connector says what its things are called.
// Imports: fault, graph.
package etag
