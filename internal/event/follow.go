package event

import (
	"context"
	"slices"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// beatEvery is how often a silent stream shows that it lives: proxies cut what says nothing for half a minute.
const beatEvery = 15 * time.Second

// Sink takes what a stream gives. It blocks as long as its reader does; nothing is read ahead of it.
type Sink interface {
	Event(e Event) error
	Gap(from, to int64) error // the events between these numbers are kept no longer
	Beat() error
}

// Follow says from where and what a stream gives.
type Follow struct {
	After      int64 // number of the last event already had; -1: only what comes from now on
	Connection string
	Types      []Type
}

func (f Follow) wants(e Event) bool {
	return e.Type != WebhookTest && (f.Connection == "" || e.Connection == f.Connection) && (len(f.Types) == 0 || slices.Contains(f.Types, e.Type))
}

// Stream gives the audience every event after the number, then each new one as it comes, until ctx ends or the sink refuses.
func (l *Log) Stream(ctx context.Context, to Audience, f Follow, sink Sink) error {
	after, err := l.begin(ctx, f.After, sink)
	if err != nil {
		return err
	}
	for {
		news := l.changed()
		page, err := store.Select(ctx, l.Store.Reader(), scan, "select "+columns+" from event_entry where number > $1 order by number limit $2", after, pageSize)
		if err != nil {
			return err
		}
		admitted, err := to.admit(ctx, slices.DeleteFunc(slices.Clone(page), func(e stored) bool { return !f.wants(e.Event) }))
		if err != nil {
			return err
		}
		for _, e := range admitted {
			if err := sink.Event(e); err != nil {
				return err
			}
		}
		if len(page) > 0 {
			after = page[len(page)-1].Number
		}
		if len(page) == pageSize {
			continue
		}
		if err := l.wait(ctx, news, sink); err != nil {
			return err
		}
	}
}

// begin finds the place to start from, and says so when something before it is gone.
func (l *Log) begin(ctx context.Context, after int64, sink Sink) (int64, error) {
	var head, first int64
	if err := l.Store.Reader().QueryRowContext(ctx, "select number, coalesce((select min(number) from event_entry where number > 0), number + 1) from event_head where id = $1", headID).Scan(&head, &first); err != nil {
		return 0, err
	}
	if err := sink.Beat(); err != nil {
		return 0, err
	}
	switch {
	case after < 0:
		return head, nil
	case after > head: // of another life of this database: a backup was restored
		return head, sink.Gap(head, after)
	case after+1 < first:
		return first - 1, sink.Gap(after+1, first-1)
	default:
		return after, nil
	}
}

func (l *Log) wait(ctx context.Context, news <-chan struct{}, sink Sink) error {
	timer := l.Clock.NewTimer(beatEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-news:
		return nil
	case <-timer.C:
		return sink.Beat()
	}
}

// ParseTypes checks a list of event types.
func ParseTypes(in []string) ([]Type, error) {
	out := []Type{}
	for _, name := range in {
		t := Type(name)
		if !slices.Contains(Types(), t) {
			return nil, fault.BadField("types", "%q is not an event; there are %v", name, Types())
		}
		out = append(out, t)
	}
	return out, nil
}
