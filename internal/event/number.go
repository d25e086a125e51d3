package event

import (
	"context"
	"time"

	"seneschal/internal/store"
)

const (
	lookEvery   = 500 * time.Millisecond // how late another hub's event may be here
	numberBatch = 500
	headID      = 1
)

// Nudge has what was just committed numbered at once.
func (l *Log) Nudge() {
	select {
	case l.nudges() <- struct{}{}:
	default: // one is pending already
	}
}

func (l *Log) nudges() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nudge == nil {
		l.nudge = make(chan struct{}, 1)
	}
	return l.nudge
}

// Run numbers what was committed and wakes those who follow, until ctx ends. Every hub on a database runs it.
func (l *Log) Run(ctx context.Context) {
	for {
		if err := l.Number(ctx); err != nil && ctx.Err() == nil {
			l.Log.ErrorContext(ctx, "events could not be numbered", "error", err)
		}
		timer := l.Clock.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-l.nudges():
			timer.Stop()
		}
	}
}

// Number gives every committed event its number, and each webhook that wants it a delivery.
func (l *Log) Number(ctx context.Context) error {
	for {
		n, err := l.numberSome(ctx)
		if err != nil {
			return err
		}
		if n < numberBatch {
			return l.look(ctx)
		}
	}
}

// numberSome works on one batch. The head is locked first, so that numbers become visible in their order, whichever hub gives them.
func (l *Log) numberSome(ctx context.Context) (n int, err error) {
	var one string
	if err := l.Store.Reader().QueryRowContext(ctx, "select id from event_entry where number = 0 limit 1").Scan(&one); store.IsNoRows(err) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	err = l.Store.InTx(ctx, "event.number", func(tx *store.Tx) error {
		var head int64
		if err := tx.QueryRowContext(ctx, "update event_head set number = number where id = $1 returning number", headID).Scan(&head); err != nil {
			return err
		}
		waiting, err := store.Select(ctx, tx, scan, "select "+columns+" from event_entry where number = 0 order by id limit $1", numberBatch)
		if err != nil {
			return err
		}
		n = len(waiting)
		hooks, err := webhooks(ctx, tx)
		if err != nil {
			return err
		}
		wanted := map[string]bool{}
		for _, e := range waiting {
			head++
			e.Number = head
			if err := l.place(ctx, tx, e.Event, hooks, wanted); err != nil {
				return err
			}
		}
		for id := range wanted {
			if err := l.Jobs.Schedule(ctx, tx, DeliverJob, id, l.Clock.Now()); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "update event_head set number = $1 where id = $2", head, headID)
		return err
	})
	return n, err
}

// place gives one event its number, and a delivery to each webhook of whose filter it is.
func (l *Log) place(ctx context.Context, tx *store.Tx, e Event, hooks []Webhook, wanted map[string]bool) error {
	if _, err := tx.ExecContext(ctx, "update event_entry set number = $1 where id = $2", e.Number, e.ID); err != nil {
		return err
	}
	for _, h := range hooks {
		if !h.wants(e) {
			continue
		}
		if err := queue(ctx, tx, h.ID, e, l.Clock.Now()); err != nil {
			return err
		}
		if !h.Paused {
			wanted[h.ID] = true
		}
	}
	if l.Told == nil {
		return nil
	}
	return l.Told(ctx, tx, e)
}

// look wakes those who follow when there are numbers they have not seen, this hub's or another's.
func (l *Log) look(ctx context.Context) error {
	var head int64
	if err := l.Store.Reader().QueryRowContext(ctx, "select number from event_head where id = $1", headID).Scan(&head); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if head != l.head {
		l.head = head
		if l.news != nil {
			close(l.news)
			l.news = nil
		}
	}
	return nil
}

// changed gives a channel that is closed once there are new numbers. Ask for it before reading.
func (l *Log) changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.news == nil {
		l.news = make(chan struct{})
	}
	return l.news
}
