package event

import (
	"context"
	"fmt"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// DeliveryState says how a delivery stands.
type DeliveryState string

// The states.
const (
	Waiting   DeliveryState = "waiting"   // to be called when due
	Sending   DeliveryState = "sending"   // a call was begun; found after a crash, it is made again
	Delivered DeliveryState = "delivered" // answered with 2xx
	Dead      DeliveryState = "dead"      // given up after the last attempt; webhook replay has it tried again
)

// Delivery is one event on its way to one webhook.
type Delivery struct {
	Webhook  string        `json:"webhook"`
	Event    string        `json:"event"` // the webhook-id of every attempt
	Type     Type          `json:"type"`
	Number   int64         `json:"number"`
	About    string        `json:"about,omitempty"`
	State    DeliveryState `json:"state"`
	Attempts int           `json:"attempts"`
	DueAt    time.Time     `json:"due_at,omitzero"`
	TriedAt  time.Time     `json:"tried_at,omitzero"`
	EndedAt  time.Time     `json:"ended_at,omitzero"`
	Status   int           `json:"status,omitempty"` // the last answer's
	Problem  string        `json:"problem,omitempty"`

	once bool // a test: tried one time
}

// queue has an event delivered to a webhook. One that is there already stays as it is.
func queue(ctx context.Context, tx *store.Tx, webhook string, e Event, now time.Time) error {
	_, err := tx.ExecContext(ctx, `insert into event_delivery (webhook, event, number, about, state, once, attempts, due_at, tried_at, ended_at, status, problem)
		values ($1, $2, $3, $4, $5, 0, 0, $6, 0, 0, 0, '') on conflict (webhook, event) do nothing`, webhook, e.ID, e.Number, e.About, string(Waiting), store.Millis(now))
	return err
}

const deliveryColumns = "d.webhook, d.event, d.number, d.about, d.state, d.once, d.attempts, d.due_at, d.tried_at, d.ended_at, d.status, d.problem"

func scanDelivery(s store.Scanner) (d Delivery, err error) {
	var once, due, tried, ended int64
	err = s.Scan(&d.Webhook, &d.Event, &d.Number, &d.About, &d.State, &once, &d.Attempts, &due, &tried, &ended, &d.Status, &d.Problem, &d.Type)
	d.once, d.DueAt, d.TriedAt, d.EndedAt = once != 0, store.Time(due), store.Time(tried), store.Time(ended)
	return d, err
}

// DeliveryQuery narrows a list of deliveries; empty fields do not.
type DeliveryQuery struct {
	Webhook string
	State   DeliveryState
	Limit   int
}

// Deliveries lists the newest.
func (w *Webhooks) Deliveries(ctx context.Context, q DeliveryQuery) ([]Delivery, error) {
	return store.Select(ctx, w.Store.Reader(), scanDelivery, `select `+deliveryColumns+`, e.type from event_delivery d join event_entry e on e.id = d.event
		where ($1 = '' or d.webhook = $2) and ($3 = '' or (d.state = $4 and d.once = 0)) order by d.event desc limit $5`, q.Webhook, q.Webhook, string(q.State), string(q.State), q.Limit)
}

// ReplayQuery says what is delivered again: one event, everything since a time, or the dead letters.
type ReplayQuery struct {
	Event string
	Since time.Time
}

// Replay has events delivered again, under their old ids and in their order. It gives how many.
func (w *Webhooks) Replay(ctx context.Context, by, idOrName string, q ReplayQuery) (n int64, err error) {
	err = w.change(ctx, by, "webhook.replay", idOrName, func(tx *store.Tx, h Webhook) error {
		now := store.Millis(w.Clock.Now())
		if q.Event == "" && q.Since.IsZero() {
			n, err = store.Affected(ctx, tx, "update event_delivery set state = $1, attempts = 0, due_at = $2, ended_at = 0 where webhook = $3 and state = $4 and once = 0", string(Waiting), now, h.ID, string(Dead))
		} else {
			n, err = w.queueAgain(ctx, tx, h, q)
		}
		if err != nil {
			return err
		}
		return w.Jobs.Schedule(ctx, tx, DeliverJob, h.ID, w.Clock.Now())
	})
	return n, err
}

// queueAgain also takes events from before the webhook was there.
func (w *Webhooks) queueAgain(ctx context.Context, tx *store.Tx, h Webhook, q ReplayQuery) (n int64, err error) {
	where, args := "id = $1", []any{q.Event}
	if q.Event == "" {
		where, args = "at >= $1", []any{store.Millis(q.Since)}
	}
	found, err := store.Select(ctx, tx, scan, "select "+columns+" from event_entry where number > 0 and "+where+" order by number", args...)
	if err != nil {
		return 0, err
	}
	for _, e := range found {
		if !h.wants(e.Event) {
			continue
		}
		again, err := tx.ExecContext(ctx, `insert into event_delivery (webhook, event, number, about, state, once, attempts, due_at, tried_at, ended_at, status, problem)
			values ($1, $2, $3, $4, $5, 0, 0, $6, 0, 0, 0, '') on conflict (webhook, event) do update set state = excluded.state, attempts = 0, due_at = excluded.due_at, ended_at = 0
			where event_delivery.state in ($7, $8)`, h.ID, e.ID, e.Number, e.About, string(Waiting), store.Millis(w.Clock.Now()), string(Delivered), string(Dead))
		if err != nil {
			return n, err
		}
		queued, err := again.RowsAffected()
		if err != nil {
			return n, err
		}
		n += queued
	}
	if q.Event != "" && n == 0 {
		return 0, fault.BadField("event", "%q is not an event of this webhook's filter that is kept and was ended", q.Event)
	}
	return n, nil
}

// take writes down which deliveries are called next, before they are: those that are due, of each thing the earliest only.
// The job's lease makes this process the only one at work on the webhook, so whatever stands as sending was interrupted.
func (w *Webhooks) take(ctx context.Context, h Webhook, most int) (out []Delivery, err error) {
	err = w.Store.InTx(ctx, "event.take", func(tx *store.Tx) error {
		at := w.Clock.Now()
		now := store.Millis(at)
		out, err = store.Select(ctx, tx, scanDelivery, `select `+deliveryColumns+`, e.type from event_delivery d join event_entry e on e.id = d.event
			where d.webhook = $1 and d.once = 0 and d.state in ($2, $3) and d.due_at <= $4
			and not exists (select 1 from event_delivery b where b.webhook = d.webhook and b.about = d.about and b.number < d.number and b.once = 0 and b.state in ($5, $6))
			order by d.number limit $7`, h.ID, string(Waiting), string(Sending), now, string(Waiting), string(Sending), most)
		if err != nil || len(out) == 0 {
			return err
		}
		for i := range out {
			out[i].Attempts++
			out[i].TriedAt = at
			if _, err := tx.ExecContext(ctx, "update event_delivery set state = $1, attempts = $2, tried_at = $3 where webhook = $4 and event = $5", string(Sending), out[i].Attempts, now, h.ID, out[i].Event); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// settle writes down what became of the calls. A row that was taken again meanwhile, after this process had lost its lease, is left alone.
func (w *Webhooks) settle(ctx context.Context, h Webhook, batch []Delivery) error {
	return w.Store.InTx(ctx, "event.settle", func(tx *store.Tx) error {
		for _, d := range batch {
			if d.State == Sending {
				continue // interrupted
			}
			if _, err := tx.ExecContext(ctx, "update event_delivery set state = $1, attempts = $2, due_at = $3, ended_at = $4, status = $5, problem = $6 where webhook = $7 and event = $8 and state = $9 and tried_at = $10",
				string(d.State), d.Attempts, store.Millis(d.DueAt), store.Millis(d.EndedAt), d.Status, d.Problem, h.ID, d.Event, string(Sending), store.Millis(d.TriedAt)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "update event_webhook set failures = $1, rest_until = $2 where id = $3", h.Failures, store.Millis(h.RestUntil), h.ID)
		if err != nil || !h.Paused {
			return err
		}
		_, err = tx.ExecContext(ctx, "update event_webhook set paused = 1, reason = $1 where id = $2", h.Reason, h.ID)
		return err
	})
}

// nextDue is when there is something to do again; zero when there is nothing.
func (w *Webhooks) nextDue(ctx context.Context, h Webhook) (time.Time, error) {
	var due int64
	err := w.Store.Reader().QueryRowContext(ctx, `select coalesce(min(d.due_at), 0) from event_delivery d where d.webhook = $1 and d.once = 0 and d.state in ($2, $3)
		and not exists (select 1 from event_delivery b where b.webhook = d.webhook and b.about = d.about and b.number < d.number and b.once = 0 and b.state in ($4, $5))`,
		h.ID, string(Waiting), string(Sending), string(Waiting), string(Sending)).Scan(&due)
	return store.Time(due), err
}

// short keeps a problem readable in a table.
func short(format string, args ...any) string {
	s := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	if r := []rune(s); len(r) > 300 {
		return string(r[:299]) + "…"
	}
	return s
}
