package delivery

import (
	"context"
	"encoding/json"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Query asks for deliveries.
type Query struct {
	State      State  `json:"state,omitempty" enum:"queued,sending,sent,unsure,failed,cancelled,bounced" doc:"Only these"`
	Connection string `json:"connection,omitempty" doc:"Only through this connection, by id"`
	Mailbox    string `json:"mailbox,omitempty" doc:"Only from this mailbox"`
	Recipient  string `json:"recipient,omitempty" doc:"Only to this address"`
	Key        string `json:"idempotency_key,omitempty" doc:"Only the one of this key"`
	Limit      int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many; 50 without"`
	Cursor     string `json:"cursor,omitempty" doc:"next_cursor of the page before"`

	within string // see within
}

// Page is one page of deliveries, newest first.
type Page struct {
	Deliveries []Delivery    `json:"deliveries"`
	Counts     map[State]int `json:"counts" doc:"How many there are in each state, of all"`
	Queues     []Lane        `json:"queues" doc:"What waits, by mailbox, and when its end is foreseen"`
	NextCursor string        `json:"next_cursor,omitempty"`
}

const pageSize = 50

// List gives a page of deliveries.
func (e *Engine) List(ctx context.Context, q Query) (Page, error) {
	if q.Limit == 0 {
		q.Limit = pageSize
	}
	out := Page{Deliveries: []Delivery{}, Counts: map[State]int{}}
	found, err := store.Select(ctx, e.Store.Reader(), scan, "select "+columns+` from delivery_entry where ($1 = '' or state = $1) and ($2 = '' or connection = $2) and ($3 = '' or mailbox = lower($3))
		and ($4 = '' or idempotency = $4) and ($5 = '' or exists (select 1 from delivery_recipient r where r.delivery = delivery_entry.id and r.address = lower($5))) and ($6 = '' or id < $6) and ($7 = '' or $7 like '%,' || connection || ',%') order by id desc limit $8`,
		string(q.State), q.Connection, q.Mailbox, q.Key, q.Recipient, q.Cursor, q.within, q.Limit+1)
	if err != nil {
		return out, err
	}
	if len(found) > q.Limit {
		found = found[:q.Limit]
		out.NextCursor = found[q.Limit-1].ID
	}
	for _, d := range found {
		if d, err = e.shown(ctx, d); err != nil {
			return out, err
		}
		out.Deliveries = append(out.Deliveries, d)
	}
	if err := e.count(ctx, q.within, out.Counts); err != nil {
		return out, err
	}
	out.Queues, err = e.lanes(ctx, q.within)
	return out, err
}

func (e *Engine) count(ctx context.Context, within string, into map[State]int) error {
	for _, s := range states() {
		into[s] = 0
	}
	_, err := store.Select(ctx, e.Store.Reader(), func(s store.Scanner) (none struct{}, err error) {
		var state State
		var n int
		err = s.Scan(&state, &n)
		into[state] = n
		return none, err
	}, "select state, count(*) from delivery_entry where ($1 = '' or $1 like '%,' || connection || ',%') group by state", within)
	return err
}

// shown opens what stands on the envelope.
func (e *Engine) shown(ctx context.Context, d Delivery) (Delivery, error) {
	text, err := e.Vault.Open(ctx, headRef(d.ID), d.headSealed)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(text, &d.Head); err != nil {
		return d, err
	}
	return e.foreseen(d), nil
}

func (e *Engine) lookup(ctx context.Context, q store.Querier, id string) (Delivery, error) {
	d, err := scan(q.QueryRowContext(ctx, "select "+columns+" from delivery_entry where id = $1", id))
	if store.IsNoRows(err) {
		return d, fault.Missing("delivery", id)
	}
	return d, err
}

// Detail is one delivery with its history.
type Detail struct {
	Delivery
	Steps      []Step `json:"history" doc:"Every change of its state, oldest first"`
	LetterKept bool   `json:"letter_kept" doc:"Letter and files are still kept, sealed: it can be sent again"`
	ProofNote  string `json:"proof" doc:"What is known of it, and from whom"`
	CanCancel  bool   `json:"can_cancel"`
	CanResolve bool   `json:"can_resolve" doc:"A person may say what became of it, or have it sent again"`
}

// Show gives one delivery with its history.
func (e *Engine) Show(ctx context.Context, id string) (Detail, error) {
	d, err := e.lookup(ctx, e.Store.Reader(), id)
	if err != nil {
		return Detail{}, err
	}
	if d, err = e.shown(ctx, d); err != nil {
		return Detail{}, err
	}
	out := Detail{Delivery: d, CanCancel: d.State == Queued}
	if out.Steps, err = stepsOf(ctx, e.Store.Reader(), id); err != nil {
		return out, err
	}
	out.ProofNote = d.proof(out.Steps[len(out.Steps)-1].By)
	var pieces int
	if err := e.Store.Reader().QueryRowContext(ctx, "select count(*) from delivery_content where delivery = $1 and part = 0", id).Scan(&pieces); err != nil {
		return out, err
	}
	out.LetterKept = pieces > 0
	out.CanResolve = d.State == Unsure || d.State == Failed && out.LetterKept
	return out, nil
}

// proof says in words what a state rests on, which a person may have said.
func (d Delivery) proof(by string) string {
	switch {
	case d.State == Sent && by != "":
		return "A person said that it was sent"
	case d.State == Sent && d.MessageID != "":
		return "The mail was seen in the mailbox's Sent Items"
	case d.State == Sent:
		return "Microsoft answered that it took the mail; with Mail.Send alone nobody can look for it in Sent Items"
	case d.State == Bounced:
		return "The mail left, and a report of its not being delivered came back into the mailbox"
	case d.State == Unsure && d.Mode == Verified:
		return "It may have left. It is looked for in Sent Items, and not sent again before that is ruled out"
	case d.State == Unsure:
		return "It may have left, and with Mail.Send alone nobody can look. It is not sent again unless a person says so"
	case d.givenUp():
		return "A person gave it up. Whether it had left by then is not known"
	case d.State == Failed:
		return "Nothing left"
	case d.State == Cancelled:
		return "Nothing left: it was taken back before"
	}
	return "Nothing has left yet"
}

func stepsOf(ctx context.Context, q store.Querier, id string) ([]Step, error) {
	return store.Select(ctx, q, func(s store.Scanner) (t Step, err error) {
		var at int64
		err = s.Scan(&at, &t.State, &t.Code, &t.Note, &t.By)
		t.At = store.Time(at)
		return t, err
	}, "select at, state, code, note, caller from delivery_step where delivery = $1 order by number", id)
}

// step writes one change of the state down.
func (e *Engine) step(ctx context.Context, tx *store.Tx, d Delivery, s Step) error {
	_, err := tx.ExecContext(ctx, `insert into delivery_step (delivery, number, at, state, code, note, caller)
		select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6 from delivery_step where delivery = $1`, d.ID, store.Millis(e.Clock.Now()), string(s.State), s.Code, s.Note, s.By)
	return err
}
