package feed

import (
	"context"
	"time"

	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// Entry is an item of a Drive, Contacts or List feed: as much of it as tells what changed.
type Entry struct {
	Drive   string // id of the drive a file is in
	Place   string // id of the folder it lies in; "" where there are none
	Name    string // "" where there are none
	Version string // another one with other content; "" for a folder, whose content are its entries
	Created time.Time
}

// What a change of a file, contact or list item is called; Removed and the others of calendars are not about these.
const (
	Created = "created"
	Updated = "updated" // its content
	Moved   = "moved"   // to another folder
	Renamed = "renamed"
	Deleted = "deleted" // or moved to where it is not followed
)

// changes is the hall's own follower of Drive, Contacts and List feeds. It keeps of each item what it has told, so that each change is told
// once, whatever comes again: pages read twice, folders that come with what lies in them, a link that Microsoft forgot. Nobody else learns
// from these feeds, and it tells ids alone.
type changes struct{ s *Service }

// Take has nothing to ask.
func (w changes) Take(_ context.Context, _ connection.Bound, f Feed, p Page) (Effect, error) {
	return func(ctx context.Context, tx *store.Tx) error {
		t := telling{Feed: f, Page: p, events: w.s.Events, tx: tx}
		if err := t.items(ctx); err != nil {
			return err
		}
		if err := t.removed(ctx, p.Removed); err != nil || !p.Last {
			return err
		}
		return t.end(ctx)
	}, nil
}

// Drop forgets what was told.
func (changes) Drop(ctx context.Context, tx *store.Tx, f Feed) error {
	_, err := tx.ExecContext(ctx, "delete from feed_mark where feed = $1", f.number)
	return err
}

// telling is one page being told.
type telling struct {
	Feed
	Page
	events *event.Log
	tx     *store.Tx
}

// items tells what is new or different; of an item that comes twice the last one counts (graph/FACTS §5).
func (t *telling) items(ctx context.Context) error {
	last := map[string]int{}
	for i, item := range t.Page.Items {
		last[item.ID] = i
	}
	have, err := marksOf(ctx, t.tx, t.number, ids(t.Page.Items))
	if err != nil {
		return err
	}
	var marks []entryMark
	for i, item := range t.Page.Items {
		if last[item.ID] != i {
			continue
		}
		e := item.Value.(Entry)
		if err := t.nameDrive(ctx, e.Drive); err != nil {
			return err
		}
		is := t.mark(item.ID, e)
		was, known := have[item.ID]
		for _, change := range t.differences(was, is, known && was.round != gone, e) {
			if err := t.tell(ctx, item.ID, change); err != nil {
				return err
			}
		}
		marks = append(marks, is)
	}
	return keepMarks(ctx, t.tx, t.number, marks)
}

// nameDrive keeps the id of a OneDrive, which the first of its items tells.
func (t *telling) nameDrive(ctx context.Context, id string) error {
	if t.Drive != "" || id == "" {
		return nil
	}
	t.Drive = id
	_, err := t.tx.ExecContext(ctx, "update feed_entry set drive = $1 where id = $2", id, t.ID)
	return err
}

// differences says what happened to an item. What was there already when the feed began is no news.
func (t *telling) differences(was, is entryMark, known bool, e Entry) (all []string) {
	switch {
	case !known && t.Quiet && !e.Created.After(t.newsFrom):
		return nil
	case !known:
		return []string{Created}
	}
	if was.place != is.place {
		all = append(all, Moved)
	}
	if was.name != is.name {
		all = append(all, Renamed)
	}
	if was.version != is.version {
		all = append(all, Updated)
	}
	return all
}

// removed tells what is gone. Its mark stays until the round's end: what lay in it may be named later in the round, or not at all.
func (t *telling) removed(ctx context.Context, items []string) error {
	have, err := marksOf(ctx, t.tx, t.number, items)
	if err != nil {
		return err
	}
	for _, id := range items {
		if m, known := have[id]; !known || m.round == gone {
			continue
		}
		if err := t.lose(ctx, id); err != nil {
			return err
		}
		have[id] = entryMark{round: gone}
	}
	return nil
}

func (t *telling) lose(ctx context.Context, id string) error {
	if _, err := t.tx.ExecContext(ctx, "update feed_mark set round = $1 where feed = $2 and item = $3", gone, t.number, id); err != nil {
		return err
	}
	return t.tell(ctx, id, Deleted)
}

// end tells at a round's end what else is gone: what lies in folders that are gone and was not moved out of them, and after a round over
// everything what did not come in it. An item that is set aside came, and could not be read.
func (t *telling) end(ctx context.Context) error {
	if t.Full {
		unseen, err := marked(ctx, t.tx, `select item from feed_mark where feed = $1 and round >= 0 and round < $2
			and not exists (select 1 from feed_parked p where p.feed = $3 and p.item = feed_mark.item) order by item`, t.number, t.Page.Round, t.ID)
		if err != nil {
			return err
		}
		if err := t.removed(ctx, unseen); err != nil {
			return err
		}
	}
	for {
		within, err := marked(ctx, t.tx, `select m.item from feed_mark f join feed_mark m on m.feed = f.feed and m.place = f.item where f.feed = $1 and f.round = $2 and m.round >= 0 order by m.item`, t.number, gone)
		if err != nil {
			return err
		}
		if len(within) == 0 {
			break
		}
		if err := t.removed(ctx, within); err != nil {
			return err
		}
	}
	_, err := t.tx.ExecContext(ctx, "delete from feed_mark where feed = $1 and round = $2", t.number, gone)
	return err
}

// told says where the items of a kind are: which event tells of them, and what it names beside the item.
func (t *telling) told() (event.Type, map[string]any) {
	switch t.Kind {
	case Drive:
		return event.FileChanged, map[string]any{"drive": t.Drive}
	case List:
		return event.ListItemChanged, map[string]any{"site": t.Site, "list": t.Resource}
	default:
		return event.ContactChanged, map[string]any{"folder": t.Resource}
	}
}

// tell tells ids and nothing else: what a file is called, and who a contact is, is for whoever may ask Microsoft.
func (t *telling) tell(ctx context.Context, item, change string) error {
	name, data := t.told()
	data["feed"], data["item"], data["change"] = t.ID, item, change
	return t.events.Emit(ctx, t.tx, event.Event{Type: name, Connection: t.Connection, About: item, Data: data, Mailbox: t.Mailbox})
}
