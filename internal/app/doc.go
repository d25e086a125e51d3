// Package app joins the house: everything is constructed once, in the open, in wire.go, and served from here.
// Owns: the process (Main, the commands that are no actions), the HTTP server, the demo, and StartForTest. No table.
// Imports: everything; only cmd and tests import it.
package app
