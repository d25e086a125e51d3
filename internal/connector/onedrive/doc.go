// Package onedrive reads and writes files through a connection: those of people's OneDrive, which is fenced as their mailbox is, and those of the
// libraries of sites, which are fenced as their site is.
// Owns: the actions drive.*, and the probe of the capability that works on files. No table of the database.
// Imports: m365, fault, graph, action, once, cursor, place. No other connector, no store, no feed.
//
// A file has no place for a mark of ours. What became of a creation whose answer was lost is told from what was there before (see
// once.Addition): two programs that make the same name in the same folder at the same moment are told apart by Microsoft alone. A copy, which
// Microsoft makes in its own time, is asked for at its monitor first.
//
// Addresses that Microsoft signs (uploads, bytes, pictures, monitors) are secrets: they are in no output and no log, and the ledger seals them.
// Sharing links are what their action is for: they are in its output.
package onedrive
