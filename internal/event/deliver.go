package event

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// DeliverJob is the kind of job that calls a webhook; its id is the webhook's.
const DeliverJob = "event.deliver"

const (
	batchSize   = 8  // calls to one webhook at a time
	rounds      = 50 // before others get their turn
	troubled    = 3  // failed calls in a row after which a webhook is tried with one event at a time
	restLeast   = 5 * time.Second
	restMost    = 5 * time.Minute
	longestRest = 24 * time.Hour // what a receiver may ask for
	answerMost  = 64 << 10
)

// pauses are those of the standard (Standard Webhooks, "Deliverability and reliability"), each with up to a tenth more or less. After the
// last the event is a dead letter.
var pauses = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

// Deliver is the job: it calls the webhook with what is due, and says when to look again.
func (w *Webhooks) Deliver(ctx context.Context, id string, _ int) (time.Time, error) {
	for range rounds {
		h, err := w.find(ctx, id)
		if fault.KindOf(err) == fault.NotFound || (err == nil && h.Paused) {
			return time.Time{}, nil // resuming schedules it anew
		}
		if err != nil {
			return time.Time{}, err
		}
		if h.RestUntil.After(w.Clock.Now()) {
			return h.RestUntil, nil
		}
		most := batchSize
		if h.Failures >= troubled {
			most = 1
		}
		batch, err := w.take(ctx, h, most)
		if err != nil {
			return time.Time{}, err
		}
		if len(batch) == 0 {
			return w.nextDue(ctx, h)
		}
		if err := w.callAll(ctx, h, batch); err != nil {
			return time.Time{}, err
		}
	}
	return w.Clock.Now(), nil
}

// callAll makes the calls of a batch side by side, and writes down what became of them.
func (w *Webhooks) callAll(ctx context.Context, h Webhook, batch []Delivery) error {
	answers := make([]answer, len(batch))
	var all sync.WaitGroup
	for i := range batch {
		all.Go(func() { answers[i] = w.call(ctx, h, batch[i].Event) })
	}
	all.Wait()
	now := w.Clock.Now()
	for i := range batch {
		if ctx.Err() != nil && answers[i].status == 0 {
			continue // the hub stops: whoever takes over calls again
		}
		w.judge(&h, &batch[i], answers[i], now)
	}
	if err := w.settle(context.WithoutCancel(ctx), h, batch); err != nil {
		return err
	}
	return ctx.Err()
}

// judge says what an answer makes of a delivery and of its webhook.
func (w *Webhooks) judge(h *Webhook, d *Delivery, a answer, now time.Time) {
	d.Status, d.Problem = a.status, a.problem
	if a.ok() {
		d.State, d.EndedAt, d.DueAt = Delivered, now, time.Time{}
		h.Failures, h.RestUntil = 0, time.Time{}
		return
	}
	if a.status == http.StatusGone {
		h.Paused, h.Reason = true, "the receiver answered 410 Gone: it wants no more events; resume it once it does"
		d.State, d.Attempts, d.DueAt = Waiting, d.Attempts-1, now
		return
	}
	h.Failures++
	if h.Failures >= troubled {
		h.RestUntil = now.Add(w.jitter(min(restLeast<<min(h.Failures-troubled, 10), restMost)))
	}
	if d.Attempts > len(pauses) {
		d.State, d.EndedAt, d.DueAt = Dead, now, time.Time{}
		return
	}
	d.State, d.DueAt = Waiting, now.Add(max(w.jitter(pauses[d.Attempts-1]), min(a.retryAfter, longestRest)))
}

// jitter spreads calls that failed together.
func (w *Webhooks) jitter(d time.Duration) time.Duration {
	tenth := d / 10
	if tenth <= 0 {
		return d
	}
	return d - tenth + time.Duration(w.Random()%uint64(2*tenth)) //nolint:gosec // both are positive
}

// answer is what a call came to.
type answer struct {
	status     int
	retryAfter time.Duration
	problem    string
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// call sends one event to a webhook.
func (w *Webhooks) call(ctx context.Context, h Webhook, event string) answer {
	req, err := w.request(ctx, h, event)
	if err != nil {
		return answer{problem: short("%s", fault.As(err).Error())}
	}
	resp, err := w.Client(h.AllowPrivate).Do(req)
	if err != nil {
		return answer{problem: unreached(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	// The rest of a longer answer is not read, and nothing of it is kept: it is the receiver's.
	_, _ = io.CopyN(io.Discard, resp.Body, answerMost)
	a := answer{status: resp.StatusCode}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.retryAfter = time.Duration(min(seconds, int(longestRest.Seconds()))) * time.Second
	}
	switch {
	case a.ok():
	case a.status >= 300 && a.status < 400:
		a.problem = short("the receiver redirects (%d); redirects are not followed: enter the address it really has", a.status)
	default:
		a.problem = short("the receiver answered %d %s", a.status, http.StatusText(a.status))
	}
	return a
}

func (w *Webhooks) request(ctx context.Context, h Webhook, id string) (*http.Request, error) {
	e, err := scan(w.Store.Reader().QueryRowContext(ctx, "select "+columns+" from event_entry where id = $1", id))
	if err != nil {
		return nil, err
	}
	body, err := bodyOf(e.Event)
	if err != nil {
		return nil, err
	}
	secrets, err := w.secrets(ctx, h)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Seneschal-Webhooks/1")
	return req, sign(req.Header, e.ID, w.Clock.Now(), body, secrets...)
}

func (w *Webhooks) secrets(ctx context.Context, h Webhook) ([]vault.Secret, error) {
	now, err := w.Vault.Get(ctx, w.Store.Reader(), secretRef(h.ID))
	if err != nil || !h.TwoSecrets.After(w.Clock.Now()) {
		return []vault.Secret{now}, err
	}
	before, err := w.Vault.Get(ctx, w.Store.Reader(), previousRef(h.ID))
	return []vault.Secret{now, before}, err
}

// unreached tells why there was no answer, without the address: parts of it may be secret.
func unreached(err error) string {
	var known *fault.Error
	var whole *url.Error
	var timeout net.Error
	switch {
	case errors.As(err, &known):
		return short("%s", known.Message)
	case errors.As(err, &timeout) && timeout.Timeout():
		return short("no answer within %s", callTimeout)
	case errors.As(err, &whole):
		return short("no connection: %v", whole.Err)
	default:
		return short("no connection: %v", err)
	}
}

// Test calls a webhook once with an event of its own, and tells what came of it. It works on a paused webhook as well.
func (w *Webhooks) Test(ctx context.Context, by, idOrName string) (Delivery, error) {
	d := Delivery{State: Sending, Type: WebhookTest, Attempts: 1, once: true}
	var hook Webhook
	err := w.change(ctx, by, "webhook.test", idOrName, func(tx *store.Tx, h Webhook) error {
		hook, d.Webhook, d.About, d.TriedAt = h, h.ID, "webhook/"+h.ID, w.Clock.Now()
		id, err := w.Log.emit(ctx, tx, Event{Type: WebhookTest, About: d.About, Data: map[string]any{"webhook": h.Name}})
		if err != nil {
			return err
		}
		d.Event = id
		_, err = tx.ExecContext(ctx, `insert into event_delivery (webhook, event, number, about, state, once, attempts, due_at, tried_at, ended_at, status, problem)
			values ($1, $2, 0, $3, $4, 1, 1, 0, $5, 0, 0, '')`, d.Webhook, d.Event, d.About, string(Sending), store.Millis(d.TriedAt))
		return err
	})
	if err != nil {
		return d, err
	}
	a := w.call(ctx, hook, d.Event)
	d.Status, d.Problem, d.State, d.EndedAt = a.status, a.problem, Dead, w.Clock.Now()
	if a.ok() {
		d.State = Delivered
	}
	err = w.Store.InTx(context.WithoutCancel(ctx), "event.tested", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "update event_delivery set state = $1, ended_at = $2, status = $3, problem = $4 where webhook = $5 and event = $6",
			string(d.State), store.Millis(d.EndedAt), d.Status, d.Problem, d.Webhook, d.Event)
		return err
	})
	return d, err
}
