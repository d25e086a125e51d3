package timeline

import (
	"context"
	"fmt"
	"slices"

	"seneschal/internal/connection"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/mail"
	"seneschal/internal/customer"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// Follower learns from Mail and Calendar feeds of timeline mailboxes.
type Follower struct{ Engine *Engine }

// Take judges the page, and looks up what left the collection: a removal may be a move.
func (w Follower) Take(ctx context.Context, b connection.Bound, f feed.Feed, p feed.Page) (feed.Effect, error) {
	if f.Purpose != connection.ForTimeline {
		return nil, nil
	}
	book, err := w.Engine.Customers.Book(ctx)
	if err != nil {
		return nil, err
	}
	t := taking{engine: w.Engine, bound: b, feed: f, page: p, dropped: map[Reason]int64{}}
	if t.unwanted, err = w.Engine.Unwanted(ctx, w.Engine.Store.Reader()); err != nil {
		return nil, err
	}
	for _, i := range p.Items {
		if err := t.judge(i, book); err != nil {
			return nil, &feed.Poison{Item: i.ID, Err: err}
		}
	}
	if err := t.lookUp(ctx); err != nil {
		return nil, err
	}
	return t.commit, nil
}

// CanWait says of a mail in which no customer takes part, as far as its notification tells, that the page can do without it a little longer.
func (w Follower) CanWait(ctx context.Context, b connection.Bound, f feed.Feed, item any) (bool, error) {
	m, ok := item.(graph.Message)
	if f.Purpose != connection.ForTimeline || !ok {
		return false, nil
	}
	book, err := w.Engine.Customers.Book(ctx)
	if err != nil {
		return false, err
	}
	_, why := judgeMail(m, b.Connection.Home(), book)
	return why != "", nil
}

// taking is the work on one page.
type taking struct {
	engine  *Engine
	bound   connection.Bound
	feed    feed.Feed
	page    feed.Page
	kept    []kept
	lapsed  []string // known before, not worth keeping any more: a claim was given up, a meeting made private
	gone    []string // copies to forget
	moved   map[string]feed.Feed
	dropped map[Reason]int64

	unwanted func(address string) bool
}

func (t *taking) judge(i feed.Item, book customer.Book) error {
	var k kept
	var why Reason
	var err error
	switch v := i.Value.(type) {
	case graph.Message:
		k, why = judgeMail(v, t.bound.Connection.Home(), book)
	case graph.Event:
		k, why, err = judgeMeeting(v, t.feed.From(), t.feed.To(), t.bound.Connection.Home(), book)
	default:
		err = fmt.Errorf("an item of type %T", v)
	}
	if err != nil {
		return err
	}
	if why == "" {
		why = t.engine.unkept(k, t.unwanted)
	}
	if why != "" {
		if i.New || t.page.Full {
			t.dropped[why]++
		}
		if !i.New {
			t.lapsed = append(t.lapsed, i.ID)
		}
		return nil
	}
	k.narrow(t.feed.Mailbox, book)
	k.change = t.change(i)
	t.kept = slices.DeleteFunc(t.kept, func(o kept) bool { return o.item == k.item }) // an entry may come twice: the last one counts
	t.lapsed = slices.DeleteFunc(t.lapsed, func(id string) bool { return id == k.item })
	t.kept = append(t.kept, k)
	return nil
}

// lookUp finds out what became of copies that left the collection, or were not seen in a full round.
func (t *taking) lookUp(ctx context.Context) error {
	var err error
	if t.gone, err = t.engine.heldOf(ctx, t.feed, t.lapsed); err != nil {
		return err
	}
	missing, err := t.engine.heldOf(ctx, t.feed, t.page.Removed)
	if err != nil {
		return err
	}
	if t.page.Full && t.page.Last {
		unseen, err := t.engine.unseen(ctx, t.feed, t.page.Round)
		if err != nil {
			return err
		}
		for _, id := range unseen {
			if !slices.ContainsFunc(t.page.Items, func(i feed.Item) bool { return i.ID == id }) {
				missing = append(missing, id)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if t.feed.Kind == feed.Calendar { // one calendar: what left it, or its window, is gone
		t.gone = append(t.gone, missing...)
		return nil
	}
	found, err := mail.Find(ctx, t.bound.Graph, mailboxOf(t.bound, t.feed), missing)
	if err != nil {
		return err
	}
	t.moved = map[string]feed.Feed{}
	for _, id := range missing {
		if m, ok := found[id]; ok {
			if to, followed := t.engine.Feeds.Of(ctx, t.feed.Connection, t.feed.Mailbox, m.ParentFolderID); followed {
				t.moved[id] = to
				continue
			}
		}
		t.gone = append(t.gone, id)
	}
	return nil
}

// mailboxOf is how Microsoft is asked for the feed's mailbox: by object id, as an alias is no key.
func mailboxOf(b connection.Bound, f feed.Feed) m365.UserID {
	if b.Connection.Kind == m365.Delegated {
		return ""
	}
	if m, ok := b.Connection.LookupMailbox(f.Mailbox); ok && m.ObjectID != "" {
		return m365.UserID(m.ObjectID)
	}
	return m365.UserID(f.Mailbox)
}

func (t *taking) commit(ctx context.Context, tx *store.Tx) error {
	if err := standStill(ctx, tx, "row exclusive"); err != nil {
		return err
	}
	unwanted, err := t.engine.Unwanted(ctx, tx) // somebody may have been erased since the page was judged
	if err != nil {
		return err
	}
	t.kept = slices.DeleteFunc(t.kept, func(k kept) bool { return t.engine.unkept(k, unwanted) == Erased })
	for _, id := range t.gone {
		communication, err := forgetCopy(ctx, tx, t.feed, id)
		if err != nil {
			return err
		}
		if communication == "" || t.page.Full || t.feed.Kind != feed.Calendar { // what a round over everything did not find has left the window, no more is known
			continue
		}
		if err := t.engine.tell(ctx, tx, t.feed, kept{item: id, kind: Meeting, change: feed.Removed}, communication); err != nil {
			return err
		}
	}
	for id, to := range t.moved {
		if err := moveCopy(ctx, tx, t.feed, id, to); err != nil {
			return err
		}
	}
	for _, k := range t.kept {
		id, before, err := t.engine.keep(ctx, tx, t.feed, k, t.page.Round)
		if err != nil {
			return fmt.Errorf("keeping a %s: %w", k.kind, err)
		}
		if k.change == "" || k.kind == Mail && (before || k.change != feed.Appeared) { // a mail that was moved, read or flagged was received before
			continue
		}
		if err := t.engine.tell(ctx, tx, t.feed, k, id); err != nil {
			return err
		}
	}
	return countDropped(ctx, tx, t.feed, t.page, t.dropped)
}

// change says what an entry of a page is news of: "" for none. A round over everything tells no changes, and the first import nothing.
func (t *taking) change(i feed.Item) string {
	switch {
	case t.page.Quiet:
		return ""
	case i.New:
		return feed.Appeared
	case !t.page.Full:
		return feed.Changed
	default:
		return ""
	}
}

// tell emits the event of a communication. It names ids: whoever may see more asks for it.
func (e *Engine) tell(ctx context.Context, tx *store.Tx, f feed.Feed, k kept, id string) error {
	kind, data := event.MailReceived, map[string]any{"mailbox": f.Mailbox, "item": k.item, "communication": id}
	if k.kind == Meeting {
		kind, data["change"] = event.EventChanged, k.change
	}
	if len(k.customers) > 0 {
		data["customers"] = k.customers
	}
	return e.Events.Emit(ctx, tx, event.Event{Type: kind, Connection: f.Connection, About: k.item, Data: data})
}

// Drop forgets the copies of a feed that is no more.
func (w Follower) Drop(ctx context.Context, tx *store.Tx, f feed.Feed) error {
	ids, err := store.Select(ctx, tx, func(r store.Scanner) (id string, err error) { return id, r.Scan(&id) }, "select item from timeline_copy where feed = $1", f.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := forgetCopy(ctx, tx, f, id); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "delete from timeline_dropped where feed = $1", f.ID)
	return err
}

// bodyOf fetches a copy's body from where it lies now.
func bodyOf(ctx context.Context, b connection.Bound, c copyRow, kind Kind) (content graph.ItemBody, proof graph.Proof, err error) {
	f := feed.Feed{Mailbox: c.mailbox}
	if kind == Meeting {
		e, proof, err := calendar.Body(ctx, b.Graph, mailboxOf(b, f), c.item)
		return e.Body, proof, err
	}
	m, proof, err := mail.Body(ctx, b.Graph, mailboxOf(b, f), c.item)
	return m.Body, proof, err
}

func missingCopy() error {
	return &fault.Error{Kind: fault.Gone, Code: "no_copy_left", Message: "No copy of this is left in the listed mailboxes", Cause: "It was deleted or moved out of reach since the last look",
		Fix: "Walk the mailbox's feeds to bring the page up to date", Who: "an admin of this hub"}
}
