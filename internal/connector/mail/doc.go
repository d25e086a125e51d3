// Package mail reads, writes and sends mail of Outlook mailboxes through a connection, and sets how a mailbox sorts and answers it.
// Owns: the actions mail.*, the probes of every capability that reads mail and of mailsettings. No table; what a send must remember lies in action's ledger.
// Imports: m365, fault, graph, action, once, cursor, place, attachment. No other connector, no store, no feed.
//
// A mail is sent in three steps that leave a trace each (outgoing.go): a draft with our marker, a checkpoint, the send. Whatever breaks
// off between them is answered from the mailbox, never by sending again.
package mail
