package feed

import (
	"context"

	"seneschal/internal/connection"
	"seneschal/internal/store"
)

// Folder is an entry of a Folders feed.
type Folder struct {
	ID       string
	Parent   string
	Title    string
	Items    int  // as Microsoft counts them
	Excluded bool // drafts, outbox, junk, deleted items: they and what lies below are not followed
}

// folders is the hall's own follower of Folders feeds: each folder in scope has a Mail feed.
type folders struct{ s *Service }

// Take has nothing to ask.
func (w folders) Take(_ context.Context, _ connection.Bound, f Feed, p Page) (Effect, error) {
	return func(ctx context.Context, tx *store.Tx) error {
		for _, i := range p.Items {
			if err := keepFolder(ctx, tx, f, i.Value.(Folder)); err != nil {
				return err
			}
		}
		for _, id := range p.Removed {
			if _, err := tx.ExecContext(ctx, "delete from feed_folder where connection = $1 and mailbox = $2 and folder = $3", f.Connection, f.Mailbox, id); err != nil {
				return err
			}
		}
		if !p.Last { // a parent may come after its children
			return nil
		}
		if p.Full {
			if _, err := tx.ExecContext(ctx, "delete from feed_folder where connection = $1 and mailbox = $2 and round < $3", f.Connection, f.Mailbox, p.Round); err != nil {
				return err
			}
		}
		return w.s.followFolders(ctx, tx, f)
	}, nil
}

func keepFolder(ctx context.Context, tx *store.Tx, f Feed, v Folder) error {
	_, err := tx.ExecContext(ctx, `insert into feed_folder (connection, mailbox, folder, parent, title, excluded, items, round) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (connection, mailbox, folder) do update set parent = excluded.parent, title = excluded.title, excluded = excluded.excluded, items = excluded.items, round = excluded.round`,
		f.Connection, f.Mailbox, v.ID, v.Parent, v.Title, flag(v.Excluded), v.Items, f.round)
	return err
}

// Drop forgets the mailbox's folders and ends their feeds.
func (w folders) Drop(ctx context.Context, tx *store.Tx, f Feed) error {
	if _, err := tx.ExecContext(ctx, "delete from feed_folder where connection = $1 and mailbox = $2", f.Connection, f.Mailbox); err != nil {
		return err
	}
	return w.s.followFolders(ctx, tx, f)
}

// followFolders makes and ends the mailbox's Mail feeds so that they are its folders in scope.
func (s *Service) followFolders(ctx context.Context, tx *store.Tx, f Feed) error {
	known, err := store.Select(ctx, tx, func(r store.Scanner) (v Folder, err error) {
		var excluded int64
		err = r.Scan(&v.ID, &v.Parent, &v.Title, &excluded, &v.Items)
		v.Excluded = excluded != 0
		return v, err
	}, "select folder, parent, title, excluded, items from feed_folder where connection = $1 and mailbox = $2 order by folder", f.Connection, f.Mailbox)
	if err != nil {
		return err
	}
	wanted := inScope(known)
	have, err := store.Select(ctx, tx, scan, "select "+columns+" from feed_entry where connection = $1 and mailbox = $2 and kind = $3", f.Connection, f.Mailbox, string(Mail))
	if err != nil {
		return err
	}
	for _, h := range have {
		v, ok := wanted[h.Resource]
		if !ok {
			if err := s.end(ctx, tx, h); err != nil {
				return err
			}
			continue
		}
		if _, err := tx.ExecContext(ctx, "update feed_entry set title = $1, expected = $2 where id = $3", v.Title, v.Items, h.ID); err != nil {
			return err
		}
		delete(wanted, h.Resource)
	}
	for _, v := range known {
		if _, ok := wanted[v.ID]; !ok {
			continue
		}
		if err := s.begin(ctx, tx, Feed{Connection: f.Connection, Kind: Mail, Mailbox: f.Mailbox, Resource: v.ID, Title: v.Title, Purpose: f.Purpose, Expected: int64(v.Items)}); err != nil {
			return err
		}
	}
	return nil
}

// inScope leaves out what is excluded, with everything below it. A parent that is not listed (the mailbox's root) excludes nothing.
func inScope(known []Folder) map[string]Folder {
	byID := map[string]Folder{}
	for _, v := range known {
		byID[v.ID] = v
	}
	out := map[string]Folder{}
	for _, v := range known {
		at, ok := v, true
		for range known { // no deeper than there are folders, should they ever form a ring
			if at.Excluded {
				ok = false
			}
			next, listed := byID[at.Parent]
			if !ok || !listed {
				break
			}
			at = next
		}
		if ok {
			out[v.ID] = v
		}
	}
	return out
}

// people is the hall's own follower of Users feeds: what the directory says of a listed mailbox has changed.
type people struct{ s *Service }

// Take has the mailboxes looked up anew: one may have lost its licence, its address, its account.
func (w people) Take(_ context.Context, _ connection.Bound, f Feed, p Page) (Effect, error) {
	if p.Quiet || len(p.Items)+len(p.Removed) == 0 {
		return nil, nil
	}
	return func(ctx context.Context, tx *store.Tx) error {
		return w.s.Connections.Recheck(ctx, tx, f.Connection, "")
	}, nil
}

// Drop has nothing to forget.
func (people) Drop(context.Context, *store.Tx, Feed) error { return nil }

// followers are those of a kind; some kinds have the hall's own first.
func (s *Service) followers(k Kind) []Follower {
	switch k {
	case Folders:
		return append([]Follower{folders{s}}, s.Followers[k]...)
	case Users:
		return append([]Follower{people{s}}, s.Followers[k]...)
	case Site, ContactFolders:
		return append([]Follower{parts{s}}, s.Followers[k]...)
	case Drive, Contacts, List:
		return append([]Follower{changes{s}}, s.Followers[k]...)
	default:
		return s.Followers[k]
	}
}
