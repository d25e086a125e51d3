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
		d.slotAt, d.waitsUntil = time.Time{}, time.Time{}
		return nil
	}
	return e.place(ctx, tx, d, e.Clock.Now())
}

// free is the mailbox's next free place. From here to the transaction's end nobody else takes one, and nobody else counts what left: two that
// did so at once would both leave.
func (e *Engine) free(ctx context.Context, tx *store.Tx, d Delivery) (time.Time, error) {
	var last int64
	err := tx.QueryRowContext(ctx, "insert into delivery_lane (connection, mailbox, next_at) values ($1, $2, 0) on conflict (connection, mailbox) do update set next_at = delivery_lane.next_at returning next_at",
		d.Connection, d.Mailbox).Scan(&last)
	return later(e.Clock.Now(), store.Time(last).Add(e.interval())), err
}

// place takes the mailbox's next place that is not before a time. What comes after it gets the places behind.
func (e *Engine) place(ctx context.Context, tx *store.Tx, d *Delivery, notBefore time.Time) error {
	free, err := e.free(ctx, tx, *d)
	if err != nil {
		return err
	}
	d.slotAt, d.waitsUntil = later(free, notBefore), time.Time{}
	_, err = tx.ExecContext(ctx, "update delivery_lane set next_at = $1 where connection = $2 and mailbox = $3", store.Millis(d.slotAt), d.Connection, d.Mailbox)
	return err
}

// aside has a delivery wait for something of its own. It gets its place afterwards, so that nothing else waits with it; but where the queue is
// longer than its wait, it stays in the queue.
func (e *Engine) aside(ctx context.Context, tx *store.Tx, d *Delivery, until time.Time) error {
	free, err := e.free(ctx, tx, *d)
	if err != nil {
		return err
	}
	if !until.After(free) {
		return e.place(ctx, tx, d, until)
	}
	d.slotAt, d.waitsUntil = time.Time{}, until
	return nil
}

// shorten gives back the places behind the last mail that is still queued, when one goes that does not leave any more.
func (e *Engine) shorten(ctx context.Context, tx *store.Tx, gone Delivery) error {
	var last int64
	err := tx.QueryRowContext(ctx, "select slot_at from delivery_entry where connection = $1 and mailbox = $2 and state = $3 order by slot_at desc limit 1", gone.Connection, gone.Mailbox, string(Queued)).Scan(&last)
	if err != nil && !store.IsNoRows(err) {
		return err
	}
	_, err = tx.ExecContext(ctx, "update delivery_lane set next_at = $1 where connection = $2 and mailbox = $3 and next_at > $1", max(last, store.Millis(e.Clock.Now())), gone.Connection, gone.Mailbox)
	return err
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

// heldForDay says when enough of the day's recipients are a day old for the mail, and for older ones that wait for the same: they shall not all come
// back at one moment. A mail beyond the whole limit leaves alone.
func (e *Engine) heldForDay(ctx context.Context, tx *store.Tx, d Delivery, now time.Time) (time.Time, error) {
	since := now.Add(-day)
	written, err := e.wroteTo(ctx, tx, d, since)
	if err != nil {
		return time.Time{}, err
	}
	switch {
	case written+d.recipients+e.Limits.Recipients <= e.Limits.PerDay:
		return time.Time{}, nil // whatever waits has room as well: most mailboxes are always here, and their queues are not read
	case written == 0 || written+d.recipients <= e.Limits.PerDay:
		return e.heldForOlder(ctx, tx, d, now)
	}
	var ahead int
	err = tx.QueryRowContext(ctx, "select coalesce(sum(recipients), 0) from delivery_entry where waits_until > 0 and "+older, d.Connection, d.Mailbox, string(Queued), d.ID).Scan(&ahead)
	if err != nil {
		return time.Time{}, err
	}
	var enough int64
	err = tx.QueryRowContext(ctx, `select coalesce(min(case when freed >= $1 then started_at end), max(started_at)) from
		(select started_at, cast(sum(recipients) over (order by started_at) as bigint) as freed from delivery_entry where connection = $2 and mailbox = $3 and started_at > $4) w`,
		written+ahead+d.recipients-e.Limits.PerDay, d.Connection, d.Mailbox, store.Millis(since)).Scan(&enough)
	return store.Time(enough).Add(day), err
}

// older are a mailbox's queued mails that came before another, and wait for nothing but the mailbox's limits.
const older = "connection = $1 and mailbox = $2 and state = $3 and problem = '' and id < $4"

// heldForOlder keeps a mail that would fit from taking the room of the oldest: overtaken by one small mail after the other, it would
// never leave. What is a day old by the time of that one is in nobody's way.
func (e *Engine) heldForOlder(ctx context.Context, tx *store.Tx, d Delivery, now time.Time) (time.Time, error) {
	var recipients int
	var due int64
	err := tx.QueryRowContext(ctx, "select recipients, case when waits_until > 0 then waits_until else slot_at end from delivery_entry where (waits_until > 0 or slot_at > 0) and "+older+" order by id limit 1", d.Connection, d.Mailbox, string(Queued), d.ID).Scan(&recipients, &due)
	if store.IsNoRows(err) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	its := later(store.Time(due), now.Add(e.interval())) // it is about to go where its time has come
	left, err := e.wroteTo(ctx, tx, d, its.Add(-day))
	if err != nil || left+recipients+d.recipients <= e.Limits.PerDay {
		return time.Time{}, err
	}
	return its, nil
}

// wroteTo is how many recipients a delivery's mailbox has written to since a time.
func (e *Engine) wroteTo(ctx context.Context, q store.Querier, d Delivery, since time.Time) (n int, err error) {
	err = q.QueryRowContext(ctx, "select coalesce(sum(recipients), 0) from delivery_entry where connection = $1 and mailbox = $2 and started_at > $3", d.Connection, d.Mailbox, store.Millis(since)).Scan(&n)
	return n, err
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
	queued, err := store.Select(ctx, e.Store.Reader(), func(s store.Scanner) (d Delivery, err error) {
		var due int64
		err = s.Scan(&d.Connection, &d.Mailbox, &d.recipients, &due)
		d.slotAt = store.Time(due)
		return d, err
	}, `select connection, mailbox, recipients, case when slot_at > 0 then slot_at when send_at > waits_until then send_at else waits_until end as due
		from delivery_entry where state = $1 and ($2 = '' or $2 like '%,' || connection || ',%') order by connection, mailbox, due`, string(Queued), within)
	out := []Lane{}
	var ahead forecast
	for _, d := range queued {
		if n := len(out); n == 0 || out[n-1].Connection != d.Connection || out[n-1].Mailbox != d.Mailbox {
			out = append(out, Lane{Connection: d.Connection, Mailbox: d.Mailbox})
			if ahead, err = e.ahead(ctx, d); err != nil {
				return nil, err
			}
		}
		l := &out[len(out)-1]
		l.Queued, l.Recipients, l.EndsAt = l.Queued+1, l.Recipients+d.recipients, ahead.leaves(d)
	}
	return out, err
}

// forecast follows a mailbox's queue in the order in which it leaves. Days are reckoned one after the other and not minute by minute: so the end
// may be foreseen a little early or late, but never without the days that it takes.
type forecast struct {
	free     time.Time // the next mail leaves then or later
	since    time.Time // when the day began
	written  int       // recipients of that day
	interval time.Duration
	perDay   int
}

// ahead begins with what the mailbox has sent in the day before.
func (e *Engine) ahead(ctx context.Context, d Delivery) (forecast, error) {
	now := e.Clock.Now()
	written, err := e.wroteTo(ctx, e.Store.Reader(), d, now.Add(-day))
	return forecast{free: now, since: now, written: written, interval: e.interval(), perDay: e.Limits.PerDay}, err
}

// leaves is when the next mail leaves.
func (f *forecast) leaves(d Delivery) time.Time {
	at := later(d.due(), f.free)
	if at.Sub(f.since) >= day {
		f.since, f.written = at, 0
	}
	if f.written > 0 && f.written+d.recipients > f.perDay {
		f.since, f.written = f.since.Add(day), 0
		at = later(at, f.since)
	}
	f.written += d.recipients
	f.free = at.Add(f.interval)
	return at
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
