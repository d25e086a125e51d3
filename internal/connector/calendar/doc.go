// Package calendar reads and writes calendars of Outlook mailboxes through a connection, and finds out who is free when.
// Owns: the actions calendar.*, the probe of every capability that works on calendars, and windows.tsv, made from CLDR's table. No table
// of the database.
// Imports: m365, fault, graph, action, once, place, etag, attachment, recurrence. No other connector, no store, no feed.
//
// Times come and go as RFC 3339 instants. A time zone only says by whose clock an event is kept: it matters for whole days and series.
package calendar
