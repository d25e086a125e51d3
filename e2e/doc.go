// Package e2e drives the program as its users do: scripts of commands, REST, kills, and pages in a real browser.
// Owns: the scripts in testdata and the harness around them. No table.
// Imports: app, for the program itself, and sim.
package e2e
