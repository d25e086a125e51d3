// Package timeline keeps what a customer and we wrote to each other and when we meet: metadata only, from listed mailboxes and those
// that people have followed of their own, and only where a participant belongs to a customer. Anything else is dropped before it reaches the database and counted
// by reason.
//
// A communication is one mail or meeting, whatever the number of its copies; each copy brings its own participants (the sender's alone
// knows Bcc) and takes them with it. Bodies are never kept: they are fetched when somebody opens one, after the look was recorded.
//
// Who sees what: admins everything; everybody else the communications with one of their own addresses among the participants, on the list,
// in search and counts, and before any body is fetched (Engine.sees is the one place). Through a person's own connection a body is fetched
// for that person alone (Engine.usable).
//
// Owns: tables timeline_*, actions communication.* and customer.explain, event message.received of timeline mailboxes.
// Imports: the hall and below, connector/mail and connector/calendar. No other engine, never a face.
package timeline
