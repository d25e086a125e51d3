// Package clock is the one source of time, and the hook that crash tests use to stop the process between two steps.
// Owns: Clock (Now, NewTimer, Sleep), the adjustable clock of demo and tests, and Hook with the names of the crash points.
// Imports: the standard library.
// Nothing below app calls time.Now, time.After or time.Sleep: app constructs one Clock and hands it down.
package clock
