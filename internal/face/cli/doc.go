// Package cli is the face for people and scripts at a terminal: every action as a command, with one way of input, output and exit codes.
// Owns: the command tree made from the registry, the client that speaks to a running hub, and the text, JSON and CSV output. No table.
// Imports: the hall and the dictionary.
//
// Exit codes: 0 done, 1 failed, 2 usage, 3 needs attention.
package cli
