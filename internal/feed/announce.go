package feed

import (
	"context"

	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/store"
)

// Announcer tells what changes in mailboxes that are followed for something other than a timeline or dispatch, which tell what they make of it. It tells ids and nothing else: whose
// mail that is, and what it says, is for whoever may ask Microsoft.
type Announcer struct{ Events *event.Log }

// What a change of a calendar is called.
const (
	Appeared = "appeared" // new, or come into the window that is followed
	Changed  = "changed"
	Removed  = "removed"
)

// Take tells in the page's own transaction. The first import is no news, and in a round over everything only what was not known is.
func (a Announcer) Take(_ context.Context, _ connection.Bound, f Feed, p Page) (Effect, error) {
	if f.Purpose == connection.ForTimeline || f.Purpose == connection.ForDispatch || p.Quiet || (f.Kind != Mail && f.Kind != Calendar) {
		return nil, nil
	}
	var news []event.Event
	add := func(t event.Type, item, change string) {
		data := map[string]any{"feed": f.ID, "item": item}
		if change != "" {
			data["change"] = change
		}
		news = append(news, event.Event{Type: t, Connection: f.Connection, About: item, Data: data})
	}
	for _, i := range p.Items {
		switch {
		case f.Kind == Mail && i.New:
			add(event.MailReceived, i.ID, "")
		case f.Kind == Calendar && i.New:
			add(event.EventChanged, i.ID, Appeared)
		case f.Kind == Calendar && !p.Full:
			add(event.EventChanged, i.ID, Changed)
		}
	}
	if f.Kind == Calendar {
		for _, id := range p.Removed {
			add(event.EventChanged, id, Removed)
		}
	}
	return func(ctx context.Context, tx *store.Tx) error {
		for _, e := range news {
			if err := a.Events.Emit(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// CanWait is true where it tells nothing.
func (Announcer) CanWait(_ context.Context, _ connection.Bound, f Feed, _ any) (bool, error) {
	return f.Purpose == connection.ForTimeline, nil
}

// Drop has nothing to forget.
func (Announcer) Drop(context.Context, *store.Tx, Feed) error { return nil }
