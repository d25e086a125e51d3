// Package sharepoint reads and writes what lies in sites: their lists with columns and items, their pages, and which applications were granted
// them. Files in a site's libraries are read and written as files: see onedrive.
// Owns: the actions sharepoint.*, and the probe of the capability that works on sites. No table of the database.
// Imports: m365, fault, graph, action, once, cursor, place, etag. No other connector, no store, no feed.
//
// A site is named by its address or id and is found before anything in it is asked for (place.Site). Lists, columns and pages are told from
// what there was before (once.Addition). An item of a list has no place for a mark, and lists are long: what became of one whose answer was
// lost is told from what changed in the list since.
//
// What an item holds is whatever its list has columns for. Names are not looked up before a write, which would cost a request each time: when
// Microsoft refuses the content, the columns are read, and the fault names the fields.
package sharepoint
