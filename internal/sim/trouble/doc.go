// Package trouble is the simulator's misbehaviour on request and its memory of what was asked of it.
// Owns: faults (POST /faults), the record of requests (GET /requests) and the counters.
// Imports: the standard library.
package trouble
