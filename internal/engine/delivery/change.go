package delivery

import (
	"context"
	"encoding/json"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// events are what others hear of: every change.
var events = map[State]event.Type{Queued: event.DeliveryQueued, Sending: event.DeliverySending, Sent: event.DeliverySent, Unsure: event.DeliveryUnsure, Failed: event.DeliveryFailed, Cancelled: event.DeliveryCancelled, Bounced: event.DeliveryBounced}

// move writes a new state down, with its history, its event and, where a person asked, its audit entry, unless somebody was faster: from is what
// it was read as. It reports whether it was written.
func (e *Engine) move(ctx context.Context, tx *store.Tx, from, d Delivery, by access.Caller, note string) (bool, error) {
	problem, code := "", ""
	if d.Problem != nil {
		text, err := json.Marshal(d.Problem)
		if err != nil {
			return false, err
		}
		problem, code = string(text), d.Problem.Code
	}
	d.ChangedAt = from.ChangedAt
	if d.State != from.State {
		d.ChangedAt = e.Clock.Now()
	}
	n, err := store.Affected(ctx, tx, `update delivery_entry set state = $1, mode = $2, round = $3, tries = $4, slot_at = $5, started_at = $6, changed_at = $7, sent_at = $8, message_id = $9, internet_message_id = $10, run = $11,
		request_id = $12, problem = $13, waits_until = $14, accepted_at = $15 where id = $16 and state = $17 and round = $18 and tries = $19`, string(d.State), string(d.Mode), d.round, d.tries, store.Millis(d.slotAt), store.Millis(d.StartedAt), store.Millis(d.ChangedAt), store.Millis(d.SentAt),
		d.MessageID, d.InternetMessageID, d.Run, d.RequestID, problem, store.Millis(d.waitsUntil), store.Millis(d.acceptedAt), d.ID, string(from.State), from.round, from.tries)
	if err != nil || n == 0 {
		return false, err
	}
	if d.State == from.State && note == "" {
		return true, nil // with a note it is news of the same state: another report
	}
	if err := e.step(ctx, tx, d, Step{State: d.State, Code: code, Note: note, By: byOf(by)}); err != nil {
		return false, err
	}
	if by.Kind != "system" {
		if err := e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "delivery." + string(d.State), Target: d.ID, Outcome: "done", Run: d.Run, RequestID: d.RequestID}); err != nil {
			return false, err
		}
	}
	if err := e.ended(ctx, tx, d); err != nil {
		return false, err
	}
	if err := e.watch(ctx, tx, d); err != nil {
		return false, err
	}
	return true, e.emit(ctx, tx, d, code)
}

func byOf(by access.Caller) string {
	if by.Kind == "system" {
		return ""
	}
	return by.String()
}

// ended erases what nobody needs any more: the letter of what was sent or taken back. That of an unsure or failed one stays, so that it can be
// sent again.
func (e *Engine) ended(ctx context.Context, tx *store.Tx, d Delivery) error {
	if d.State != Sent && d.State != Cancelled && d.State != Bounced {
		return nil
	}
	return forgetContent(ctx, tx, d.ID)
}

func (e *Engine) emit(ctx context.Context, tx *store.Tx, d Delivery, code string) error {
	data := map[string]any{"delivery": d.ID, "state": d.State, "mode": d.Mode, "mailbox": d.Mailbox, "idempotency_key": d.Key}
	for name, v := range map[string]string{"message_id": d.MessageID, "internet_message_id": d.InternetMessageID, "run": d.Run, "request_id": d.RequestID, "code": code} {
		if v != "" {
			data[name] = v
		}
	}
	return e.Events.Emit(ctx, tx, event.Event{Type: events[d.State], Connection: d.Connection, About: "delivery/" + d.ID, Data: data})
}

// Cancel takes back what has not left.
func (e *Engine) Cancel(ctx context.Context, by access.Caller, id string) (Detail, error) {
	err := e.Store.InTx(ctx, "delivery.cancel", func(tx *store.Tx) error {
		from, err := e.lookup(ctx, tx, id)
		if err != nil || from.State == Cancelled {
			return err
		}
		if from.State != Queued {
			return tooLate(from)
		}
		if _, err := e.free(ctx, tx, from); err != nil { // before the delivery's row, as everybody does
			return err
		}
		d := from
		d.State, d.Problem = Cancelled, nil
		done, err := e.move(ctx, tx, from, d, by, "")
		if err == nil && !done {
			return tooLate(from)
		}
		if err != nil {
			return err
		}
		if err := e.shorten(ctx, tx, from); err != nil {
			return err
		}
		return e.Jobs.Cancel(ctx, tx, PostJob, id)
	})
	if err != nil {
		return Detail{}, err
	}
	return e.Show(ctx, id)
}

func tooLate(d Delivery) error {
	return &fault.Error{Kind: fault.Conflict, Code: "not_queued", Message: "The delivery is " + string(d.State) + ", and only a queued one can be taken back", Fix: "See what stands: seneschal delivery show " + d.ID, Who: "you"}
}

// Word is what a person says of a delivery.
type Word string

// The words.
const (
	WasSent   Word = "sent"
	SendAgain Word = "send_again"
	GiveUp    Word = "give_up"
)

// givenUp is the problem's code of what a person gave up.
const givenUp = "given_up"

// Resolve takes a person's word on an unsure delivery, or sends a failed one again.
func (e *Engine) Resolve(ctx context.Context, by access.Caller, in ResolveIn) (Detail, error) {
	err := e.Store.InTx(ctx, "delivery.resolve", func(tx *store.Tx) error {
		from, err := e.lookup(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		d, err := e.resolved(ctx, tx, from, in.As)
		if err != nil {
			return err
		}
		done, err := e.move(ctx, tx, from, d, by, in.Note)
		switch {
		case err != nil:
			return err
		case !done:
			return &fault.Error{Kind: fault.Conflict, Code: "changed_meanwhile", Message: "The delivery's state changed in this moment", Fix: "Look at it again: seneschal delivery show " + in.ID, Who: "you"}
		case d.State == Queued:
			return e.Jobs.Schedule(ctx, tx, PostJob, d.ID, d.due())
		}
		return e.Jobs.Cancel(ctx, tx, PostJob, d.ID)
	})
	if err != nil {
		return Detail{}, err
	}
	return e.Show(ctx, in.ID)
}

// resolved is the delivery by a person's word.
func (e *Engine) resolved(ctx context.Context, tx *store.Tx, d Delivery, as Word) (Delivery, error) {
	if d.State != Unsure && (d.State != Failed || as != SendAgain) {
		return d, &fault.Error{Kind: fault.Conflict, Code: "not_unsure", Message: "The delivery is " + string(d.State) + ": there is nothing to decide", Cause: "An unsure one takes every word; a failed one can be sent again",
			Fix: "See what stands: seneschal delivery show " + d.ID, Who: "you"}
	}
	switch as {
	case WasSent:
		d.State, d.SentAt, d.Problem = Sent, e.Clock.Now(), nil
	case GiveUp:
		d.State = Failed
		d.Problem = &fault.Problem{Type: "about:blank", Title: "A person gave it up", Kind: fault.Conflict, Code: givenUp, Fix: "Send it again if it shall leave after all", Who: "you"}
	case SendAgain:
		if err := e.mayLeaveAgain(ctx, tx, d); err != nil {
			return d, err
		}
		// The key of another round is another effect: that a person takes upon themselves.
		d.State, d.round, d.tries, d.Problem, d.Run, d.RequestID = Queued, d.round+1, 0, nil, "", ""
		d.StartedAt, d.acceptedAt, d.SentAt, d.SendAt, d.MessageID, d.InternetMessageID = time.Time{}, time.Time{}, time.Time{}, time.Time{}, "", ""
		return d, e.reserve(ctx, tx, &d)
	}
	return d, nil
}

// mayLeaveAgain refuses a second mail where it is known how to wait it out: a verified one may still show up in Sent Items.
func (e *Engine) mayLeaveAgain(ctx context.Context, tx *store.Tx, d Delivery) error {
	var pieces int
	if err := tx.QueryRowContext(ctx, "select count(*) from delivery_content where delivery = $1 and part = 0", d.ID).Scan(&pieces); err != nil {
		return err
	}
	if pieces == 0 {
		return &fault.Error{Kind: fault.Gone, Code: "letter_gone", Message: "The letter is not kept any more", Fix: "Hand the mail in again, under a new key", Who: "you"}
	}
	wait := d.handed().Add(settled).Sub(e.Clock.Now())
	if d.Mode != Verified || wait <= 0 || d.State != Unsure && !d.givenUp() {
		return nil
	}
	f := &fault.Error{Kind: fault.Conflict, Code: "may_still_arrive", Message: "The mail may still appear in Sent Items", Cause: "A request may be under way for a quarter of an hour", Fix: "Wait: the hub looks by itself, and sends again by itself where nothing left", Who: "nobody; it passes by itself", RetryAfter: wait}
	if d.givenUp() {
		f.Fix, f.Who = "Wait, and look into the mailbox's Sent Items before you have it sent again: nobody else looks for it any more", "you"
	}
	return f
}

// givenUp says that a person ended an unsure delivery: whether it left is as little known as before.
func (d Delivery) givenUp() bool {
	return d.State == Failed && d.Problem != nil && d.Problem.Code == givenUp
}
