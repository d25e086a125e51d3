package feed

import "seneschal/internal/custody"

// Classes say what feeds keep.
func (s *Service) Classes() []custody.Class {
	return []custody.Class{{Name: "feeds", Title: "Feeds", What: "Which folders and calendars of which mailboxes are followed and how far, with Microsoft's id of the mailbox; folder names; entries known, as numbers; entries set aside, by id; subscriptions at Microsoft, with the tenant's id; Microsoft's ids of the files, contacts and list items that are followed, with the id of the folder they lie in, and numbers made of their names and versions; which contents were read, as numbers, and how many were refused and why; certificates, without their keys", Whose: "the people whose mailboxes are listed, and who work in the listed sites",
		Tables: []string{"feed_entry", "feed_item", "feed_parked", "feed_folder", "feed_subscription", "feed_look", "feed_certificate", "feed_read", "feed_refused", "feed_mark"}, Seen: "everybody who may see the hub; folder names and entries set aside admins alone",
		Ends: "with the mailbox's listing, or its connection", Export: custody.InExport, Erase: "the feeds of the person's mailbox end"}}
}
