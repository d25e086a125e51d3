package delivery

import (
	"context"
	"time"

	"seneschal/internal/store"
)

const (
	window = time.Minute    // in which so many mails may leave a mailbox
	day    = 24 * time.Hour // in which so many recipients may be written to
)

// interval is the pause between two mails of a mailbox.
func (e *Engine) interval() time.Duration { return window / time.Duration(e.Limits.PerMinute) }

// reserve gives a delivery its place in the mailbox's pace, so that each wakes once and not all at every turn. One that waits for its time gets
// its place then: what is ahead of it now says nothing about later.
func (e *Engine) reserve(ctx context.Context, tx *store.Tx, d *Delivery) error {
	if d.SendAt.After(e.Clock.Now()) {
		d.slotAt = time.Time{}
		return nil
	}
	var err error
	d.slotAt, err = e.place(ctx, tx, *d, e.Clock.Now())
	return err
}

// place takes the next place of the mailbox that is not before a time.
func (e *Engine) place(ctx context.Context, tx *store.Tx, d Delivery, notBefore time.Time) (time.Time, error) {
	from := store.Millis(notBefore)
	var next int64
	err := tx.QueryRowContext(ctx, `insert into delivery_lane (connection, mailbox, next_at) values ($1, $2, $3)
		on conflict (connection, mailbox) do update set next_at = case when delivery_lane.next_at + $4 > excluded.next_at then delivery_lane.next_at + $4 else excluded.next_at end returning next_at`,
		d.Connection, d.Mailbox, from, e.interval().Milliseconds()).Scan(&next)
	return store.Time(next), err
}

// held says until when a mailbox's limits keep a delivery back; zero when it may leave now. What left is counted, not what was planned: after a
// night without the hub every place lies in the past.
func (e *Engine) held(ctx context.Context, tx *store.Tx, d Delivery) (time.Time, error) {
	now := e.Clock.Now()
	var mails int
	var oldest int64
	err := tx.QueryRowContext(ctx, "select count(*), coalesce(min(started_at), 0) from delivery_entry where connection = $1 and mailbox = $2 and started_at > $3",
		d.Connection, d.Mailbox, store.Millis(now.Add(-window))).Scan(&mails, &oldest)
	if err != nil {
		return time.Time{}, err
	}
	if mails >= e.Limits.PerMinute {
		return store.Time(oldest).Add(window), nil
	}
	return e.heldForDay(ctx, tx, d, now)
}

func (e *Engine) heldForDay(ctx context.Context, tx *store.Tx, d Delivery, now time.Time) (time.Time, error) {
	var written int
	var oldest int64
	err := tx.QueryRowContext(ctx, "select coalesce(sum(recipients), 0), coalesce(min(started_at), 0) from delivery_entry where connection = $1 and mailbox = $2 and started_at > $3",
		d.Connection, d.Mailbox, store.Millis(now.Add(-day))).Scan(&written, &oldest)
	if err != nil || written == 0 || written+d.recipients <= e.Limits.PerDay {
		return time.Time{}, err
	}
	return store.Time(oldest).Add(day), nil
}

// Lane is a mailbox's queue.
type Lane struct {
	Connection string    `json:"connection"`
	Mailbox    string    `json:"mailbox"`
	Queued     int       `json:"queued"`
	Recipients int       `json:"recipients" doc:"Of the queued mails together"`
	EndsAt     time.Time `json:"ends_at" doc:"When the last of them leaves, by the mailbox's pace and its recipients a day"`
}

// lanes foresees the end of each queue.
func (e *Engine) lanes(ctx context.Context, within string) ([]Lane, error) {
	now := e.Clock.Now()
	all, err := store.Select(ctx, e.Store.Reader(), func(s store.Scanner) (l Lane, err error) {
		var last, written int64
		err = s.Scan(&l.Connection, &l.Mailbox, &l.Queued, &l.Recipients, &last, &written)
		l.EndsAt = store.Time(last)
		if paced := now.Add(time.Duration(l.Queued-1) * e.interval()); l.EndsAt.Before(paced) {
			l.EndsAt = paced
		}
		if days := (written + int64(l.Recipients) - 1) / int64(e.Limits.PerDay); days > 0 {
			l.EndsAt = later(l.EndsAt, now.Add(time.Duration(days)*day))
		}
		return l, err
	}, `select q.connection, q.mailbox, count(*), sum(q.recipients), max(case when q.slot_at > q.send_at then q.slot_at else q.send_at end),
		(select coalesce(sum(w.recipients), 0) from delivery_entry w where w.connection = q.connection and w.mailbox = q.mailbox and w.started_at > $1)
		from delivery_entry q where q.state = $2 and ($3 = '' or $3 like '%,' || q.connection || ',%') group by q.connection, q.mailbox order by q.connection, q.mailbox`, store.Millis(now.Add(-day)), string(Queued), within)
	return all, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// foreseen says of a queued one when it leaves.
func (e *Engine) foreseen(d Delivery) Delivery {
	if d.State == Queued {
		d.ExpectedAt = later(d.due(), e.Clock.Now())
	}
	return d
}
