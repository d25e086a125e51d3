// Package feed follows what happens in Microsoft 365: mail folders, calendar windows, the directory's users, drives, contacts and lists.
//
// Wake-up and truth are different things. A notification or a timer only makes a feed due; a walk reads the stored delta link and hands
// each page to the feed's followers in one transaction together with the new link. Lost, doubled, forged and late notifications, expired
// subscriptions and forgotten links all end in "walk again". An item that fails three times is parked with its reason, and the walk goes on.
//
// Owns: tables feed_*, jobs feed.walk, feed.sync and feed.audit, events feed.lagging, feed.item_parked, and what drives,
// contacts and lists tell: file.changed, contact.changed, list_item.changed.
// Imports: the hall (connection, audit, event, access) and below, never a connector: app joins each Source to a connector's iterator.
package feed
