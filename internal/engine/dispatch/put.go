package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Change is what a slot that came in means for the plan.
type Change string

// The changes.
const (
	Created   Change = "created"
	Updated   Change = "updated"
	Unchanged Change = "unchanged"
	Removed   Change = "removed"
	Outdated  Change = "outdated" // it was so before what is known came to be
)

// Item is one slot of a run of many.
type Item struct {
	ExternalID string `json:"external_id"`
	Change     Change `json:"change"`
}

// Outcome is what a run of many changed, or would change.
type Outcome struct {
	Import    string `json:"import,omitempty" doc:"Id of the import, where it waits for approval"`
	Waits     string `json:"waits,omitempty" doc:"Why it waits for approval; nothing was changed then"`
	Created   int    `json:"created"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
	Removed   int    `json:"removed"`
	Outdated  int    `json:"outdated,omitempty" doc:"How many were so before what is known of them, by the call's own timestamp; they change nothing"`
	Repeated  bool   `json:"repeated,omitempty" doc:"The call came before under the same id, and was not taken again"`
	Items     []Item `json:"items" doc:"What changed, by external id; unchanged ones are counted only"`
}

func (o *Outcome) count(i Item) {
	switch i.Change {
	case Created:
		o.Created++
	case Updated:
		o.Updated++
	case Removed:
		o.Removed++
	case Outdated:
		o.Outdated++
	default:
		o.Unchanged++
		return
	}
	o.Items = append(o.Items, i)
}

// Put takes one slot.
func (e *Engine) Put(ctx context.Context, by access.Caller, in SlotIn) (Slot, error) {
	if _, err := e.PutAll(ctx, by, []SlotIn{in}, false); err != nil {
		return Slot{}, err
	}
	return e.Lookup(ctx, in.ExternalID)
}

// PutAll takes many slots, all or none: where one is wrong, every wrong one is named and nothing is changed. Dry changes nothing either.
func (e *Engine) PutAll(ctx context.Context, by access.Caller, all []SlotIn, dry bool) (Outcome, error) {
	return e.take(ctx, by, batch{slots: all}, dry)
}

// batch is a run of many slots; a complete one removes what of its source it does not name.
type batch struct {
	slots      []SlotIn
	complete   bool
	connection string // by id: of a complete one
	source     string
	approved   string    // id of the import that it is, where somebody has seen how many go
	rows       bool      // its slots are rows of a file, and errors say which
	intake     string    // id of the intake to which it was posted
	message    string    // id of the call to the intake
	at         time.Time // when it came to be so; zero: now
}

// said is when it came to be so.
func (b batch) said(now time.Time) time.Time {
	if b.at.IsZero() {
		return now
	}
	return b.at
}

// late says that of a slot more is known than the batch knew, by when that was last said.
func (b batch) late(said time.Time) bool { return !b.at.IsZero() && b.at.Before(said) }

// named says at which of its slots fields are wrong.
func (b batch) named(i int, fields []fault.Field) []fault.Field {
	for n, f := range fields {
		switch {
		case b.rows:
			fields[n].Name = fmt.Sprintf("row %d: %s", i+1, f.Name)
		case len(b.slots) > 1:
			fields[n].Name = fmt.Sprintf("slots[%d].%s", i, f.Name)
		}
	}
	return fields
}

func (e *Engine) take(ctx context.Context, by access.Caller, b batch, dry bool) (Outcome, error) {
	t, err := e.routes(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if err := t.check(b); err != nil {
		return Outcome{}, err
	}
	out, err := e.takeOnce(ctx, by, t, b, dry)
	for again := 0; again < mostRaces && store.LostRace(err); again++ { // somebody sent the same new slot in the same moment
		out, err = e.takeOnce(ctx, by, t, b, dry)
	}
	return out, err
}

const mostRaces = 5

func (e *Engine) takeOnce(ctx context.Context, by access.Caller, t routes, b batch, dry bool) (out Outcome, err error) {
	err = e.Store.InTx(ctx, "dispatch.put", func(tx *store.Tx) error {
		out = Outcome{Items: []Item{}}
		if taken, err := e.takeMessage(ctx, tx, b); err != nil || !taken {
			out.Repeated = err == nil
			return err
		}
		if err := e.approve(ctx, tx, by, b.approved, "approved"); err != nil {
			return err
		}
		going, err := e.missing(ctx, tx, b)
		if err != nil {
			return err
		}
		if out.Waits, err = e.brakeOn(ctx, tx, b, going); err != nil || out.Waits != "" {
			return err
		}
		if err := e.takeAll(ctx, tx, t, b, &out, dry); err != nil {
			return err
		}
		for _, id := range going {
			if !dry {
				if err := e.withdraw(ctx, tx, t, id, b.said(e.Clock.Now())); err != nil {
					return err
				}
			}
			out.count(Item{id, Removed})
		}
		if dry {
			return nil
		}
		if err := e.overtake(ctx, tx, b); err != nil {
			return err
		}
		return e.recordPut(ctx, tx, by, out)
	})
	return out, err
}

// recordPut audits what changed, if anything did.
func (e *Engine) recordPut(ctx context.Context, tx *store.Tx, by access.Caller, out Outcome) error {
	if len(out.Items) == 0 {
		return nil
	}
	return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "dispatch.slot.put", Target: "dispatch", Outcome: "done",
		Detail: map[string]any{"created": out.Created, "updated": out.Updated, "removed": out.Removed, "unchanged": out.Unchanged}})
}

func (e *Engine) takeAll(ctx context.Context, tx *store.Tx, t routes, b batch, out *Outcome, dry bool) error {
	rules, same := map[string]Rule{}, []string{}
	var wrong []fault.Field
	for i, in := range b.slots {
		c, _ := t.find(in)
		rule, known := rules[c.ID]
		if !known {
			var err error
			if rule, err = e.RuleOf(ctx, tx, c.ID); err != nil {
				return err
			}
			rules[c.ID] = rule
		}
		r, found, err := e.held(ctx, tx, "external_id = $1", in.ExternalID)
		if err != nil {
			return err
		}
		if b.late(r.saidAt) {
			out.count(Item{in.ExternalID, Outdated})
			continue
		}
		change, no := e.merge(&r, found && t.ids[r.connection], found, in, c)
		if wrong = append(wrong, b.named(i, no)...); len(wrong) > 0 {
			continue // nothing is changed any more, and the others may be wrong as well
		}
		out.count(Item{in.ExternalID, change})
		if change == Unchanged {
			same = append(same, r.id)
		}
		if dry || change == Unchanged {
			continue
		}
		r.saidAt = b.said(e.Clock.Now())
		if err := e.place(ctx, tx, r, rule); err != nil {
			return err
		}
	}
	if len(wrong) > 0 || dry {
		return fault.OfFields(wrong[:min(len(wrong), mostWrong)])
	}
	return e.saidAgain(ctx, tx, same, b.said(e.Clock.Now()))
}

// saidAgain notes of slots that say nothing new when they were said: what was so before then comes too late for them as well.
func (e *Engine) saidAgain(ctx context.Context, tx *store.Tx, ids []string, at time.Time) error {
	for some := range slices.Chunk(ids, seenBatch) {
		args := store.Args{store.Millis(at)}
		in := store.List(&args, some)
		if _, err := tx.ExecContext(ctx, "update dispatch_slot set said_at = $1 where id in ("+in+")", args...); err != nil {
			return err
		}
	}
	return nil
}

// merge changes the row to what is wanted now; reached says that there is a connection to where it is. A slot that says nothing new costs no request, and leaves what the plan took over from the
// calendar since.
func (e *Engine) merge(r *row, reached, found bool, in SlotIn, c connection.Connection) (Change, []fault.Field) {
	w, now := in.want(), e.Clock.Now()
	mailbox, digest := strings.ToLower(in.Technician), w.digest()
	if !found {
		*r = row{id: store.NewID(now), externalID: in.ExternalID, connection: c.ID, source: in.Source, mailbox: mailbox, want: w, wantDigest: digest, saidDigest: digest, withdrawn: w.cancelled(), state: Planned, createdAt: now, changedAt: now}
		return Created, nil
	}
	moves, anew := r.connection != c.ID, r.saidDigest != digest || r.mailbox != mailbox
	if moves {
		if reached && r.stands() {
			return "", []fault.Field{{Name: "connection", Message: fmt.Sprintf("of slot %s cannot change to %s while it stands in a calendar through another one: cancel it first, and send it again when it is withdrawn", in.ExternalID, c.Name)}}
		}
		r.through(c.ID)
	}
	if !moves && !anew && r.source == in.Source {
		return Unchanged, nil
	}
	if anew {
		r.want, r.wantDigest, r.saidDigest, r.mailbox, r.withdrawn, r.recreated, r.failures = w, digest, digest, mailbox, w.cancelled(), false, 0
		if r.at.event == "" {
			r.away.Drift = nil
		}
	}
	r.forgetWord()
	r.source, r.changedAt, r.problem = in.Source, now, nil
	if r.state == Failed || r.state == Withdrawn || r.state == Held {
		r.state = Planned
	}
	return Updated, nil
}

// place writes a changed row with its next operation, and has that done.
func (e *Engine) place(ctx context.Context, tx *store.Tx, r row, rule Rule) error {
	more := r.plan(rule)
	if err := e.keep(ctx, tx, r); err != nil {
		return err
	}
	if r.state == Held {
		return e.tell(ctx, tx, event.SlotFailed, r, nil)
	}
	if !more {
		return nil
	}
	return e.Jobs.Schedule(ctx, tx, PlaceJob, r.id, e.Clock.Now())
}

// withdraw takes a slot out of the plan: its event is deleted. What was said of it before then comes too late.
func (e *Engine) withdraw(ctx context.Context, tx *store.Tx, t routes, externalID string, said time.Time) error {
	r, found, err := e.held(ctx, tx, "external_id = $1", externalID)
	if err != nil || !found {
		return err
	}
	t.rehome(&r)
	rule, err := e.RuleOf(ctx, tx, r.connection)
	if err != nil {
		return err
	}
	r.cancel(e.Clock.Now(), said)
	r.saidDigest = r.wantDigest
	return e.place(ctx, tx, r, rule)
}

// cancel has no event wanted any more.
func (r *row) cancel(now, said time.Time) {
	r.forgetWord()
	r.withdrawn, r.want.Status, r.changedAt, r.saidAt, r.problem, r.failures = true, cancelled, now, said, nil, 0
	r.wantDigest = r.want.digest()
}

// Remove takes one slot out of the plan.
func (e *Engine) Remove(ctx context.Context, by access.Caller, externalID string) (Slot, error) {
	t, err := e.routes(ctx)
	if err != nil {
		return Slot{}, err
	}
	err = e.Store.InTx(ctx, "dispatch.remove", func(tx *store.Tx) error {
		r, found, err := e.held(ctx, tx, "external_id = $1", externalID)
		if err == nil && !found {
			err = fault.Missing("slot", externalID)
		}
		if err != nil || r.withdrawn && r.saidDigest == r.wantDigest {
			return err // the planning system said so before, not the calendar alone
		}
		if err := e.withdraw(ctx, tx, t, externalID, e.Clock.Now()); err != nil {
			return err
		}
		return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "dispatch.slot.remove", Target: r.connection, Outcome: "done", Detail: map[string]any{"slot": r.id}})
	})
	if err != nil {
		return Slot{}, err
	}
	return e.Lookup(ctx, externalID)
}
