// Package person is somebody at the sign-in pages: it fills the simulator's forms in as a person would, for the demo and for tests.
// Owns: Browser.
// Imports: the standard library and x/net/html.
package person
