package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// PostJob is the kind of job that brings one delivery on its way, and looks after it until its end is known. Its id is the delivery's.
const PostJob = "delivery.post"

const (
	settled     = mail.Settled       // after which nothing that was asked for is under way any more
	ordinary    = time.Minute        // how late Sent Items may be before a mail is called unsure
	soon        = 2 * time.Second    // the first look
	seldom      = 10 * time.Minute   // the pause between the last ones
	looked      = 7 * 24 * time.Hour // after which nobody looks any more; a person decides
	ledgerKeeps = 6 * 24 * time.Hour // a run may be forgotten after seven days
)

// actionOf is what a mode sends by.
var actionOf = map[Mode]string{Verified: "mail.message.send", SendOnly: "mail.message.submit"}

func system() access.Caller { return access.System("delivery") }

// key is the effect's in the ledger: a round is one mail, however often it is tried.
func (d Delivery) key() string { return fmt.Sprintf("delivery/%s/%d", d.ID, d.round) }

// Post is the job.
func (e *Engine) Post(ctx context.Context, id string, _ int) (time.Time, error) {
	d, err := e.lookup(ctx, e.Store.Reader(), id)
	if fault.KindOf(err) == fault.NotFound {
		return time.Time{}, nil
	}
	if err == nil {
		d, err = e.shown(ctx, d)
	}
	if err != nil {
		return time.Time{}, err
	}
	switch d.State {
	case Queued:
		return e.start(ctx, d)
	case Sending, Unsure:
		return e.askLedger(ctx, d)
	}
	return time.Time{}, nil
}

// start claims a queued delivery when its time and its mailbox's pace allow it, and hands it over.
func (e *Engine) start(ctx context.Context, from Delivery) (time.Time, error) {
	now := e.Clock.Now()
	if from.due().After(now) {
		return from.due(), nil
	}
	c, err := e.Connections.Lookup(ctx, from.Connection)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return time.Time{}, err
	}
	if err == nil {
		err = refuses(c, from.Mailbox)
	}
	d := from
	if err == nil {
		if d, err = e.adapted(ctx, c, d); err != nil {
			return time.Time{}, err
		}
		err = fits(d)
	}
	if err != nil {
		return e.refused(ctx, from, fault.As(err))
	}
	claimed, err := e.claim(ctx, from, &d)
	switch {
	case err != nil:
		return time.Time{}, err
	case !claimed && d.due().After(now):
		return d.due(), nil
	case !claimed:
		return now.Add(soon), nil // taken back in this moment, or claimed by somebody who may not bring it to an end
	}
	return e.hand(ctx, d)
}

// claim writes down that the delivery is being sent, before anything leaves; or what it waits for instead, where the mailbox's limits keep it.
func (e *Engine) claim(ctx context.Context, from Delivery, d *Delivery) (claimed bool, err error) {
	err = e.Store.InTx(ctx, "delivery.claim", func(tx *store.Tx) error {
		if err := e.turn(ctx, tx, d); err != nil {
			return err
		}
		now := e.Clock.Now()
		claimed = !d.due().After(now)
		if claimed {
			d.State, d.StartedAt, d.Problem = Sending, now, nil
		}
		moved, err := e.move(ctx, tx, from, *d, system(), "")
		if err == nil && !moved {
			claimed, d.slotAt, d.waitsUntil = false, time.Time{}, time.Time{}
		}
		return err
	})
	return claimed, err
}

// turn says when a delivery that is due may really leave: it stays due where nothing keeps it.
func (e *Engine) turn(ctx context.Context, tx *store.Tx, d *Delivery) error {
	if _, err := e.free(ctx, tx, *d); err != nil {
		return err
	}
	until, err := e.held(ctx, tx, *d)
	if err != nil {
		return err
	}
	now := e.Clock.Now()
	placed := !d.slotAt.IsZero()
	switch wait := until.Sub(now); {
	case placed && until.IsZero():
		return nil
	case placed && wait <= e.interval():
		d.slotAt = until // it came a moment before its turn: its place stays its own
		return nil
	case wait > window: // for the day's recipients; others may still fit
		d.Problem = nil // whatever it waited for before
		return e.aside(ctx, tx, d, until)
	}
	return e.place(ctx, tx, d, later(until, now))
}

// hand asks the corridor. What it says afterwards is what the ledger says.
func (e *Engine) hand(ctx context.Context, d Delivery) (time.Time, error) {
	input, files, err := e.input(ctx, d)
	if err != nil {
		return e.stuck(ctx, d, err)
	}
	defer closeAll(files)
	result, err := e.Runner.Do(ctx, action.Request{Action: actionOf[d.Mode], Connection: d.Connection, Caller: system(), For: m365.Send, Input: input, Files: files, Key: d.key()})
	if err == nil {
		d.Run = result.Run
		return e.taken(ctx, d, result.Output, last(result.Requests))
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err() // whoever takes over asks the ledger
	}
	f := fault.As(err)
	if f.Code == "in_progress" {
		return e.Clock.Now().Add(soon), nil
	}
	run, err := e.Runner.RunOfKey(ctx, d.Connection, d.key())
	if err != nil {
		return time.Time{}, err
	}
	if run == nil && f.Kind == fault.Internal {
		return e.stuck(ctx, d, f)
	}
	if run != nil {
		d.Run, d.RequestID = run.ID, last(run.RequestIDs)
	}
	if run == nil || run.State == action.Refused {
		return e.refused(ctx, d, f)
	}
	return e.doubtful(ctx, d, f)
}

// stuck has a mail wait that the hub cannot bring out of its own house. The ledger does not know it, so nothing has left.
func (e *Engine) stuck(ctx context.Context, d Delivery, trouble error) (time.Time, error) {
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	e.Log.ErrorContext(ctx, "a mail could not be handed over for the hub's own trouble", "delivery", d.ID, "error", trouble)
	return e.refused(ctx, d, &fault.Error{Kind: fault.Unavailable, Code: "hub_in_trouble", Message: "The hub could not open the mail or hand it over, and nothing has left", Cause: "Its disk is full, its temporary folder is missing, or its key file is another one",
		Fix: "Look for this time in the hub's log, and at its disk, its temporary folder and its key file; the mail then leaves by itself", Who: "the operator of this hub", Err: trouble})
}

// input is what the mail's action takes.
func (e *Engine) input(ctx context.Context, d Delivery) (json.RawMessage, map[string]*action.Content, error) {
	l, err := e.letter(ctx, d.ID)
	if err != nil {
		return nil, nil, err
	}
	body, form := l.body()
	in := mail.Letter{To: l.To, Cc: l.Cc, Bcc: l.Bcc, ReplyTo: l.ReplyTo, Subject: l.Subject, Body: body, BodyType: form, Importance: l.Importance}
	for _, name := range slices.Sorted(maps.Keys(l.Headers)) {
		in.Headers = append(in.Headers, mail.Header{Name: name, Value: l.Headers[name]})
	}
	send := mail.SendIn{Letter: in, Inline: d.inline()}
	send.User = d.Mailbox
	text, err := json.Marshal(send)
	if err != nil {
		return nil, nil, err
	}
	files, err := e.files(ctx, d)
	return text, files, err
}

// inline are the content ids of the files that the HTML shows.
func (d Delivery) inline() map[string]string {
	out := map[string]string{}
	for i, f := range d.Head.Files {
		if f.ContentID != "" {
			out[fileName(i)] = f.ContentID
		}
	}
	return out
}

func last(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}
