// Package contacts reads and writes the contacts of Outlook mailboxes, their folders and their photos, through a connection.
// Owns: the actions contact.*, and the probe of the capability that works on contacts. No table of the database.
// Imports: m365, fault, graph, action, once, cursor, place, etag. No other connector, no store, no feed.
//
// Contacts have no transactionId: a new contact or folder carries a mark of ours, which is looked for before it is made and when its answer
// was lost (see once). Every mailbox has one default folder, which Microsoft's list of folders leaves out.
package contacts
