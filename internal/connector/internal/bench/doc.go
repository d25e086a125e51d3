// Package bench joins what a connector's actions need to run against the simulator over HTTP: database, vault, audit, connection, corridor.
// Owns: nothing; it is for the tests of the connectors and no program imports it.
// Imports: the hall, the cellar and sim, but no connector: each test hands in the actions it is about.
package bench
