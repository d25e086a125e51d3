// Package fault is the one error that crosses package borders: what happened, the likely cause, the exact fix, and who can make it.
// Owns: Error, its closed list of kinds, and its form as problem details (RFC 9457).
// Imports: the standard library.
package fault
