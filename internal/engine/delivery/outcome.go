package delivery

import (
	"context"
	"encoding/json"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// askLedger finds out what became of a delivery that was handed over: after a crash, or because the answer was lost, or to see it in Sent Items.
func (e *Engine) askLedger(ctx context.Context, d Delivery) (time.Time, error) {
	if d.MessageID != "" {
		return e.look(ctx, d)
	}
	run, output, err := e.Runner.ResultOfKey(ctx, d.Connection, d.key())
	if err != nil {
		return time.Time{}, err
	}
	if run != nil {
		d.Run, d.RequestID = run.ID, last(run.RequestIDs)
	}
	switch {
	case run == nil && d.State == Sending && e.Clock.Now().Sub(d.StartedAt) < ledgerKeeps:
		return e.handLate(ctx, d)
	case run == nil:
		return e.park(ctx, d)
	case run.State == action.Done:
		return e.taken(ctx, d, output, d.RequestID)
	case run.State == action.Refused && run.Problem != nil:
		return e.refused(ctx, d, asFault(*run.Problem))
	}
	if d.State == Unsure {
		return e.next(d), nil
	}
	return e.doubtful(ctx, d, nil)
}

// handLate hands over what was claimed and never came to the ledger, so that nothing has left. From now on something may.
func (e *Engine) handLate(ctx context.Context, d Delivery) (time.Time, error) {
	from := d
	d.StartedAt = e.Clock.Now()
	if written, err := e.write(ctx, from, d, ""); err != nil || !written {
		return d.StartedAt.Add(soon), err
	}
	return e.hand(ctx, d)
}

func asFault(p fault.Problem) *fault.Error { return fault.As(fault.FromProblem(p)) }

// taken is what follows from Microsoft's 202.
func (e *Engine) taken(ctx context.Context, d Delivery, output json.RawMessage, request string) (time.Time, error) {
	var sent mail.Sent
	if len(output) > 0 {
		if err := json.Unmarshal(output, &sent); err != nil {
			return time.Time{}, err
		}
	}
	from := d
	d.RequestID, d.MessageID, d.InternetMessageID, d.acceptedAt = request, sent.MessageID, sent.InternetMessageID, e.Clock.Now()
	if d.Mode == SendOnly || sent.State == "sent" {
		return e.arrived(ctx, from, d)
	}
	// The 202 is Microsoft's word, Sent Items is the proof. It shows a mail with a delay.
	_, err := e.write(ctx, from, d, "")
	return e.Clock.Now().Add(soon), err
}

// arrived ends a delivery well.
func (e *Engine) arrived(ctx context.Context, from, d Delivery) (time.Time, error) {
	d.State, d.Problem, d.SentAt = Sent, nil, e.Clock.Now()
	return e.settle(ctx, from, d)
}

// look looks for the mail in the mailbox, by the id that it keeps on its way from the drafts to Sent Items.
func (e *Engine) look(ctx context.Context, d Delivery) (time.Time, error) {
	input, err := json.Marshal(map[string]string{"user": d.Mailbox, "message": d.MessageID})
	if err != nil {
		return time.Time{}, err
	}
	result, err := e.Runner.Do(ctx, action.Request{Action: "mail.message.trace", Connection: d.Connection, Caller: system(), For: m365.Send, Input: input})
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	var found mail.Trace
	if err == nil {
		if err := json.Unmarshal(result.Output, &found); err != nil {
			return time.Time{}, err
		}
	}
	from := d
	if found.State == mail.TraceSent {
		d.RequestID, d.InternetMessageID = last(result.Requests), found.InternetMessageID
		return e.arrived(ctx, from, d)
	}
	age := e.Clock.Now().Sub(d.handed())
	if age < ordinary {
		return e.next(d), nil
	}
	if why := unseen(found.State, fault.As(err)); d.State == Sending || d.Problem == nil || d.Problem.Code != why.Code {
		return e.next(d), e.unsure(ctx, from, d, why)
	}
	if age > looked {
		return time.Time{}, nil
	}
	return e.next(d), nil
}

// unseen says why a mail that Microsoft took is not called sent.
func unseen(state string, trouble *fault.Error) *fault.Error {
	if trouble != nil {
		return cannotLook(*trouble)
	}
	f := &fault.Error{Kind: fault.Unclear, Code: "not_seen_yet", Message: "Microsoft took the mail, and Sent Items does not show it yet", Cause: "Exchange is behind, a rule or a hand moved it out of the mailbox, or it was lost on the way",
		Fix: "Wait: the hub keeps looking for a week. If recipients have it, say so: delivery resolve ID sent", Who: "nobody; it passes by itself"}
	if state == mail.TraceDraft {
		f.Message, f.Cause = "Microsoft took the mail, and shows it as a draft again", "The send was not worked off"
		f.Code, f.Fix, f.Who = "still_a_draft", "Send the draft in Outlook and say sent, or delete it there and say send_again", "you"
	}
	return f
}

// cannotLook is what keeps the hub from looking, told as what it means for the mail.
func cannotLook(f fault.Error) *fault.Error {
	cause := f.Message
	if f.Cause != "" {
		cause += ": " + f.Cause
	}
	return &fault.Error{Kind: fault.Unclear, Code: f.Code, Message: "Microsoft took the mail, and the hub cannot look for it in Sent Items", Cause: cause,
		Fix: f.Fix + "; the hub keeps looking for a week. If recipients have it, say so: delivery resolve ID sent", Who: f.Who, Upstream: f.Upstream}
}

// handed is when a delivery was last given to Microsoft: its files may have travelled for long before.
func (d Delivery) handed() time.Time { return later(d.StartedAt, d.acceptedAt) }

// next is when to look again: often at first, seldom later.
func (e *Engine) next(d Delivery) time.Time {
	now := e.Clock.Now()
	return now.Add(min(max(now.Sub(d.handed())/2, soon), seldom))
}

// doubtful is a delivery of which it is not known whether it left. In verified mode the ledger finds out; in send-only mode only that it
// certainly did not, where nothing had left the hub.
func (e *Engine) doubtful(ctx context.Context, d Delivery, f *fault.Error) (time.Time, error) {
	if f == nil {
		f = &fault.Error{}
	}
	why := &fault.Error{Kind: fault.Unclear, Code: "outcome_unknown", Message: "It is not known whether the mail left", Cause: "The hub stopped, or Microsoft's answer was lost, after the request had left", Upstream: f.Upstream}
	if d.Mode == Verified {
		why.Fix, why.Who = "Wait: the hub looks for it in Sent Items, and sends it again by itself only where it certainly did not leave", "nobody; it passes by itself"
	} else {
		why.Fix, why.Who = "Look into the mailbox's Sent Items and say what you see: delivery resolve ID sent, send_again or give_up", "whoever can open the mailbox"
		why.Alternatives = []string{"granting Mail.ReadWrite to the app: the hub can look by itself then"}
	}
	from := d
	return e.next(d), e.unsure(ctx, from, d, why)
}

func (e *Engine) unsure(ctx context.Context, from, d Delivery, f *fault.Error) error {
	_, err := e.write(ctx, from, d.because(Unsure, f), "")
	return err
}

// because is the delivery in a state, and why.
func (d Delivery) because(s State, f *fault.Error) Delivery {
	p := f.Problem()
	d.State, d.Problem = s, &p
	return d
}

// park leaves a delivery to a person: the ledger knows nothing of it any more.
func (e *Engine) park(ctx context.Context, d Delivery) (time.Time, error) {
	if d.State == Unsure {
		return time.Time{}, nil
	}
	return e.settle(ctx, d, d.because(Unsure, &fault.Error{Kind: fault.Unclear, Code: "ledger_forgot", Message: "The hub was away for so long that its ledger does not know any more whether the mail left",
		Fix: "Look into the mailbox's Sent Items and say what you see: delivery resolve ID sent, send_again or give_up", Who: "whoever can open the mailbox"}))
}

// refused is what follows when nothing left: some reasons pass by themselves, and the delivery waits for that; the others end it.
func (e *Engine) refused(ctx context.Context, d Delivery, f *fault.Error) (time.Time, error) {
	from := d
	d.StartedAt = time.Time{} // what did not leave counts against no limit
	if !passes(f, d.tries) {
		return e.settle(ctx, from, d.because(Failed, mendable(f)))
	}
	d.State, d.tries, d.MessageID = Queued, d.tries+1, ""
	pause := max(f.RetryAfter, min(time.Minute<<min(d.tries-1, 6), time.Hour))
	if f.Code == notStarted {
		f = startsOver
		if d.tries == 1 {
			pause = soon // later ones wait like the others: while Microsoft is down, each try is in doubt for a while
		}
	}
	p := f.Problem()
	d.Problem = &p
	err := e.Store.InTx(ctx, "delivery.wait", func(tx *store.Tx) error {
		if err := e.aside(ctx, tx, &d, e.Clock.Now().Add(pause)); err != nil {
			return err
		}
		_, err := e.move(ctx, tx, from, d, system(), "")
		return err
	})
	return d.due(), err
}

// enough is how often what needs a person is tried: about a day.
const enough = 30

// notStarted is the ledger's code of an effect that certainly did not happen.
const notStarted = "not_started"

// startsOver is what that means for a mail.
var startsOver = &fault.Error{Kind: fault.Unavailable, Code: notStarted, Message: "The mail certainly did not leave: the hub stopped, or the answer was lost, before Microsoft took it",
	Fix: "Wait: the hub sends it again by itself", Who: "nobody; it passes by itself"}

// mendable adds how the mail leaves once its trouble is over; where the mail itself is wrong it has to be handed in anew.
func mendable(f *fault.Error) *fault.Error {
	if f.Kind == fault.Invalid || f.Kind == fault.TooLarge || f.Code == "taken_for_spam" {
		return f
	}
	out := *f
	out.Fix += "; then have the mail sent: delivery resolve ID send_again"
	return &out
}

// fewTimes is how often a mail is tried whose files do not get through whole: each time they travel again.
const fewTimes = 5

// passes says whether a refusal is one to wait out. A connection whose sign-in or consent broke is told to people by itself: a queue must not
// fail mail by mail meanwhile.
func passes(f *fault.Error, tries int) bool {
	switch f.Kind {
	case fault.Throttled, fault.Unavailable:
		return tries < fewTimes || f.Code != "upload_lost"
	case fault.NeedsReauth, fault.NeedsAdmin:
		return tries < enough && !ofMailbox[f.Code]
	case fault.Conflict:
		return tries < enough && f.Code == "connection_paused"
	}
	return false
}

// ofMailbox are refusals that are about the one mailbox.
var ofMailbox = map[string]bool{"send_as_denied": true, "resource_not_granted": true, "mailbox_not_granted": true, "sender_blocked": true}

// write commits a change that the engine itself makes. Where somebody was faster, theirs stands, and it reports that nothing was written.
func (e *Engine) write(ctx context.Context, from, d Delivery, note string) (written bool, err error) {
	err = e.Store.InTx(context.WithoutCancel(ctx), "delivery.outcome", func(tx *store.Tx) error {
		written, err = e.move(ctx, tx, from, d, system(), note)
		return err
	})
	return written, err
}

// settle writes the last that the hub does by itself with a delivery. Where somebody was faster it comes again: what they left may need it.
func (e *Engine) settle(ctx context.Context, from, d Delivery) (time.Time, error) {
	written, err := e.write(ctx, from, d, "")
	if err != nil || written {
		return time.Time{}, err
	}
	return e.Clock.Now().Add(soon), nil
}
