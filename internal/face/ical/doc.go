// Package ical serves technicians' slots as read-only calendars under secret addresses, for calendar programs that cannot sign in.
// Owns: the route /ical/. No table.
// Imports: the hall, and dispatch's read model.
package ical
