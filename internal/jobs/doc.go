// Package jobs runs durable work: River in a box, with the leases that recovery rests on.
// Owns: tables jobs_row (what is due, and who works on it), jobs_lock (named locks across processes), and River's own river_*.
// Imports: store, clock and the dictionary. River is imported here only.
//
// A job only points at a row: a kind and an id. The row carries its due time and a lease; whoever's lease ran out, or whose process is
// gone, loses it to the next sweep. River moves the work between processes and bounds how much runs at once; correctness and the time
// to recover depend on the rows alone.
package jobs
