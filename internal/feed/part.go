package feed

import (
	"context"

	"seneschal/internal/connection"
	"seneschal/internal/store"
)

// Part is an entry of a Site or ContactFolders feed: a library, list or folder that has a feed of its own.
type Part struct {
	Kind  Kind
	Drive string // a library's
	Title string
}

// parts is the hall's own follower of Site and ContactFolders feeds, of which each walk brings all there is: each part has a feed.
type parts struct{ s *Service }

// Take has nothing to ask.
func (w parts) Take(_ context.Context, _ connection.Bound, f Feed, p Page) (Effect, error) {
	return func(ctx context.Context, tx *store.Tx) error {
		wanted := map[string]Part{}
		for _, i := range p.Items {
			wanted[i.ID] = i.Value.(Part)
		}
		have, err := w.of(ctx, tx, f)
		if err != nil {
			return err
		}
		for _, h := range have {
			v, ok := wanted[h.Resource]
			if !ok || v.Kind != h.Kind || v.Drive != h.Drive {
				if err := w.s.end(ctx, tx, h); err != nil {
					return err
				}
				continue
			}
			if _, err := tx.ExecContext(ctx, "update feed_entry set title = $1 where id = $2", v.Title, h.ID); err != nil {
				return err
			}
			delete(wanted, h.Resource)
		}
		for _, i := range p.Items {
			v, ok := wanted[i.ID]
			if !ok {
				continue
			}
			if err := w.s.begin(ctx, tx, Feed{Connection: f.Connection, Kind: v.Kind, Mailbox: f.Mailbox, Resource: i.ID, Title: v.Title, Purpose: f.Purpose, Site: f.Site, Drive: v.Drive, newsFrom: f.Proof.At}); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// of gives the feeds of a site, or of a mailbox's contact folders.
func (w parts) of(ctx context.Context, tx *store.Tx, f Feed) ([]Feed, error) {
	return store.Select(ctx, tx, scan, "select "+columns+" from feed_entry where connection = $1 and mailbox = $2 and site = $3 and kind in ($4, $5) and resource <> '' order by number",
		f.Connection, f.Mailbox, f.Site, kindsOf[f.Kind][0], kindsOf[f.Kind][1])
}

// kindsOf are the kinds of parts.
var kindsOf = map[Kind][2]string{Site: {string(Drive), string(List)}, ContactFolders: {string(Contacts), string(Contacts)}}

// Drop ends the parts' feeds.
func (w parts) Drop(ctx context.Context, tx *store.Tx, f Feed) error {
	have, err := w.of(ctx, tx, f)
	if err != nil {
		return err
	}
	for _, h := range have {
		if err := w.s.end(ctx, tx, h); err != nil {
			return err
		}
	}
	return nil
}
