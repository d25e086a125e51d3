package app

import (
	"cmp"
	"context"
	"iter"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/connector/contacts"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/connector/sharepoint"
	"seneschal/internal/feed"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// walkDrive follows a OneDrive, or a site's library.
func walkDrive(ctx context.Context, b connection.Bound, f feed.Feed, from m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	walk := func() iter.Seq2[graph.Page[graph.DriveItem], error] {
		if f.Site != "" {
			return onedrive.WalkLibrary(ctx, b.Graph, f.Site, f.Drive, from, graph.Prove(proof))
		}
		return onedrive.Walk(ctx, b.Graph, mailboxID(b, f.Mailbox), from, graph.Prove(proof))
	}
	return pages(walk(), func(i graph.DriveItem) string { return i.ID }, func(i graph.DriveItem) any {
		e := feed.Entry{Drive: i.ParentReference.DriveID, Place: i.ParentReference.ID, Name: i.Name, Created: i.CreatedDateTime}
		if i.Folder == nil { // a folder's versions change with whatever is in it
			e.Version = cmp.Or(i.CTag, i.ETag) // a notebook may have no content of its own
		}
		return e
	})
}

func walkContacts(ctx context.Context, b connection.Bound, f feed.Feed, from m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	return pages(contacts.Walk(ctx, b.Graph, mailboxID(b, f.Mailbox), f.Resource, from, graph.Prove(proof)), func(k graph.Contact) string { return k.ID }, func(k graph.Contact) any {
		return feed.Entry{Version: cmp.Or(k.ETag, k.LastModifiedDateTime.Format(time.RFC3339Nano)), Created: k.CreatedDateTime}
	})
}

func walkList(ctx context.Context, b connection.Bound, f feed.Feed, from m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	return pages(sharepoint.Walk(ctx, b.Graph, f.Site, f.Resource, from, graph.Prove(proof)), func(i graph.ListItem) string { return i.ID }, func(i graph.ListItem) any {
		return feed.Entry{Version: i.ETag, Created: i.CreatedDateTime}
	})
}

// walkContactFolders gives all folders at once: of which there are any, no link tells.
func walkContactFolders(ctx context.Context, b connection.Bound, f feed.Feed, _ m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	return once(func() ([]feed.Item, error) {
		all, err := contacts.FoldersOf(ctx, b.Graph, mailboxID(b, f.Mailbox), graph.Prove(proof))
		var out []feed.Item
		for _, v := range all {
			out = append(out, feed.Item{ID: v.ID, Value: feed.Part{Kind: feed.Contacts, Title: v.Name}})
		}
		return out, err
	})
}

// walkSite gives all libraries and lists at once. A library goes by the id of its list, by which Microsoft tells of changes in it.
func walkSite(ctx context.Context, b connection.Bound, f feed.Feed, _ m365.DeltaLink, proof *graph.Proof) iter.Seq2[feed.Raw, error] {
	return once(func() ([]feed.Item, error) {
		drives, err := sharepoint.LibrariesOf(ctx, b.Graph, f.Site, graph.Prove(proof))
		if err != nil {
			return nil, err
		}
		lists, err := sharepoint.ListsOf(ctx, b.Graph, f.Site, graph.Prove(proof))
		var out []feed.Item
		for _, d := range drives {
			out = append(out, feed.Item{ID: cmp.Or(d.InSite.List, d.ID), Value: feed.Part{Kind: feed.Drive, Drive: d.ID, Title: d.Name}})
		}
		for _, l := range lists {
			out = append(out, feed.Item{ID: l.ID, Value: feed.Part{Kind: feed.List, Title: l.DisplayName}})
		}
		return out, err
	})
}

// once is a walk of a single page that has everything: it leaves no link, so the next one has everything again.
func once(read func() ([]feed.Item, error)) iter.Seq2[feed.Raw, error] {
	return func(yield func(feed.Raw, error) bool) {
		items, err := read()
		yield(feed.Raw{Items: items, Last: true}, err)
	}
}
