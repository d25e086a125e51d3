// Package planning is the door for planning systems that post technicians' slots in signed calls.
// Owns: the route /notify/dispatch/. No table.
// Imports: the hall, and dispatch's way of taking a call.
package planning
