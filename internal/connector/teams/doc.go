// Package teams reads and writes Microsoft Teams: teams, channels, members, messages, chats, presence, online meetings, activity
// notifications and, as the way that an app has for posting, workflows.
// Owns: the actions teams.*, and the probes of the capabilities that work in Teams. No table of the database.
// Imports: m365, fault, graph, action, once, cursor, place. No other connector, no store, no feed.
//
// Which connection may do what follows from Microsoft's permission data (m365): an app posts nothing in channels and chats.
//
// A message has no place for a mark of ours, and posting twice posts twice. What became of a post whose answer was lost is told by reading the
// latest messages of whoever posts (posting.go); where that cannot tell, the run stays unclear and nothing is sent again.
//
// Whose team a call is about stands in one place: wire.Target.Team, set by graph's paths. Whose chat it is says the owner of graph's path:
// an app names one of its listed people, and reads only what that person is in (chat.go).
package teams
