package dispatch

import (
	"context"
	"encoding/json"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

const (
	askAgain  = 2 * time.Second  // while the ledger finds out what became of an operation
	askMost   = time.Minute      // however long that takes
	fewAsks   = 3                // after which the slot says that it is not known
	waitLeast = 15 * time.Second // after Microsoft or the network refused for a moment
	failLeast = time.Minute      // after a refusal that somebody must mend
)

// Place is the job: it does the slot's operations until the calendar holds what is wanted, or something must be waited for.
func (e *Engine) Place(ctx context.Context, id string, _ int) (time.Time, error) {
	for {
		r, found, err := e.one(ctx, e.Store.Reader(), "id = $1", id)
		if err != nil || !found {
			return time.Time{}, err
		}
		if r.op == nil {
			more, err := e.replan(ctx, r.id)
			if err != nil || !more {
				return time.Time{}, err
			}
			continue
		}
		if err := e.begin(ctx, r); err != nil {
			return time.Time{}, err
		}
		result, taken, err := e.do(ctx, r)
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err() // whoever takes over does it under the same key
		}
		if taken {
			continue
		}
		r.op.Unclear = r.op.Unclear || e.leftOpen(ctx, r, err)
		due, err := e.settle(ctx, r, result, err)
		if err != nil || !due.IsZero() {
			return due, err
		}
	}
}

// replan has a slot's next operation chosen, for one that was refused and comes up again.
func (e *Engine) replan(ctx context.Context, id string) (more bool, err error) {
	err = e.change(ctx, id, func(tx *store.Tx, r *row, rule Rule) error {
		was := r.state
		if more = r.plan(rule); r.state == Planned {
			r.state = Placing
		}
		if r.state == Held && was != Held {
			return e.tell(ctx, tx, event.SlotFailed, *r, nil)
		}
		return nil
	})
	return more, err
}

// begin says that a slot's turn has come.
func (e *Engine) begin(ctx context.Context, r row) error {
	if r.state != Planned {
		return nil
	}
	return e.Store.InTx(ctx, "dispatch.begin", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, `update dispatch_slot set state = $1 where id = $2 and state = $3`, string(Placing), r.id, string(Planned))
		return err
	})
}

// change changes a slot in one transaction.
func (e *Engine) change(ctx context.Context, id string, f func(tx *store.Tx, r *row, rule Rule) error) error {
	return e.Store.InTx(ctx, "dispatch.slot", func(tx *store.Tx) error {
		r, found, err := e.held(ctx, tx, "id = $1", id)
		if err != nil || !found {
			return err
		}
		rule, err := e.RuleOf(ctx, tx, r.connection)
		if err != nil {
			return err
		}
		if err := f(tx, &r, rule); err != nil {
			return err
		}
		return e.keep(ctx, tx, r)
	})
}

// do asks the corridor for the operation. A slot that is new here may be in the calendar already: then it is taken up, and nothing is done.
func (e *Engine) do(ctx context.Context, r row) (result action.Result, taken bool, err error) {
	if r.op.Kind == create || r.op.Kind == find && r.op.Event == "" {
		if taken, err = e.takeUp(ctx, r); err != nil || taken {
			return result, taken, err
		}
		if r.op.Kind == find {
			return action.Result{Output: json.RawMessage("{}")}, false, nil // the survey has answered it
		}
	}
	name, in := r.op.action(r.externalID)
	input, err := json.Marshal(in)
	if err != nil {
		return result, false, err
	}
	result, err = e.Runner.Do(ctx, action.Request{Action: name, Connection: r.connection, Caller: caller, Input: input, Key: r.op.Key, For: m365.Dispatch})
	return result, false, err
}

// leftOpen says that an operation may be done although the hub would not even ask about it, as when it was killed before the answer and the
// connection was paused since: the ledger knows. Where that cannot be read, it may be.
func (e *Engine) leftOpen(ctx context.Context, r row, failed error) bool {
	if f := fault.As(failed); f == nil || f.Upstream != nil || !r.op.Kind.writes() {
		return false
	}
	run, err := e.Runner.RunOfKey(ctx, r.connection, r.op.Key)
	return err != nil || run != nil && run.State != action.Refused
}

// settle commits what came of an operation, together with the next one. It gives the time to come again; zero to go on at once.
func (e *Engine) settle(ctx context.Context, before row, result action.Result, failed error) (due time.Time, err error) {
	err = e.change(context.WithoutCancel(ctx), before.id, func(tx *store.Tx, r *row, rule Rule) error {
		if r.op == nil || r.op.Key != before.op.Key {
			return nil // another process was first
		}
		r.op.Unclear = r.op.Unclear || before.op.Unclear
		s := settling{e: e, tx: tx, r: r, op: *r.op, rule: rule, was: r.state, replayed: result.Replayed}
		if failed != nil {
			due, err = s.refused(ctx, fault.As(failed))
			return err
		}
		if err := s.done(ctx, result.Output); err != nil {
			return err
		}
		if r.op = nil; s.missed && r.plan(s.rule) {
			due = e.Clock.Now().Add(backoff(r.failures-1, askAgain))
			return nil
		}
		r.problem, r.failures = nil, 0
		return s.goOn(ctx)
	})
	return due, err
}

// settling is one operation's outcome becoming the slot's.
type settling struct {
	e    *Engine
	tx   *store.Tx
	r    *row
	op   operation
	rule Rule
	was  State

	replayed bool // the ledger answered: it was done before
	missed   bool // a change whose answer was lost did not come
	came     bool // it did
}

// goOn plans what is next, and tells when the slot has come to rest.
func (s *settling) goOn(ctx context.Context) error {
	wrote := s.op.Kind.writes() || s.op.Wrote || s.came
	if s.r.plan(s.rule) {
		s.r.op.Wrote = wrote && !s.r.op.Kind.writes()
		return nil
	}
	switch {
	case s.r.state == Held && s.was != Held:
		return s.e.tell(ctx, s.tx, event.SlotFailed, *s.r, nil)
	case (s.r.state == Placed || s.r.state == Withdrawn) && wrote:
		return s.e.tell(ctx, s.tx, event.SlotPlaced, *s.r, nil)
	}
	return nil
}

// made is for an event that is there now. A survey of the mailbox may have come upon it before the slot knew it: it is nothing to be found.
func (s *settling) made(ctx context.Context, event string) error {
	if s.r.at.event != "" {
		s.r.leave(s.r.at, s.r.look)
	}
	_, err := s.tx.ExecContext(ctx, "delete from dispatch_found where event = $1", event)
	return err
}

// done takes over what an operation brought.
func (s *settling) done(ctx context.Context, output json.RawMessage) error {
	r, now := s.r, s.e.Clock.Now()
	switch s.op.Kind {
	case remove:
		r.forgetWord()
		if s.op.Old {
			r.old, r.oldProblem, r.away.Invited = link{}, "", nil
			return nil
		}
		r.at, r.url, r.placed, r.placedDigest, r.away.Drift, r.placedAt = link{}, "", nil, "", nil, now
		return nil
	case find:
		var found calendar.Referred
		if err := json.Unmarshal(output, &found); err != nil {
			return err
		}
		return s.found(ctx, found.Events)
	}
	var ev calendar.Event
	if err := json.Unmarshal(output, &ev); err != nil {
		return err
	}
	if s.op.Kind == look {
		return s.looked(ctx, ev)
	}
	if s.op.Kind == create {
		if err := s.made(ctx, ev.ID); err != nil {
			return err
		}
	}
	r.look = s.op.Kind == update && r.seen != "" && r.seen != ev.ETag || // somebody changed it after us
		s.op.Kind == create && (s.op.Unclear || s.replayed) // or may have: it was there before its answer came
	r.forgetWord()
	r.at, r.url = link{ev.ID, s.op.Mailbox, ev.ETag}, ev.WebLink
	if s.op.Kind == update && r.placed != nil {
		s.op.Want = s.op.Want.changing(*r.placed)
	}
	r.placed, r.placedDigest, r.placedAt = s.op.Want, s.op.Digest, now
	r.away.Drift, r.away.Stood = s.op.Want.attendees(ev), ""
	return nil
}

// refused says what an error means for the slot, and when to come again.
func (s *settling) refused(ctx context.Context, f *fault.Error) (time.Time, error) {
	r, now := s.r, s.e.Clock.Now()
	switch {
	case s.op.Kind == update && (f.Kind == fault.Unclear || f.Code == "changed_meanwhile"): // reading the event tells who wrote it
		r.operations++
		r.op = &operation{Kind: look, Key: key(r.id, r.operations), Event: s.op.Event, Mailbox: s.op.Mailbox, ETag: s.op.ETag, Want: s.op.Want, Digest: s.op.Digest}
		return s.unclear(f), nil
	case f.Kind == fault.Unclear || f.Code == "in_progress":
		r.op.Unclear = true
		return s.unclear(f), nil
	case f.Code == "changed_meanwhile" && s.op.Old:
		r.op, r.old.etag = nil, ""
		r.plan(s.rule)
		return now.Add(askAgain), nil
	case f.Code == "changed_meanwhile":
		r.op, r.look = nil, true
		r.plan(s.rule)
		return now.Add(askAgain), nil
	case missing(f) && (s.op.Kind == remove || s.op.Old):
		s.op.Kind = remove
		if err := s.done(ctx, nil); err != nil {
			return now, err
		}
		r.op, r.problem, r.failures = nil, nil, 0
		return time.Time{}, s.goOn(ctx)
	case missing(f) && (s.op.Kind == update || s.op.Kind == look):
		r.op, r.look, r.at.etag = nil, true, "" // it may have another id now
		r.plan(s.rule)
		return time.Time{}, nil
	}
	return s.stuck(ctx, f)
}

// unclear gives the time to ask what became of an operation: of the event, or of the ledger, which is finding out under the same key. Meanwhile
// the slot says what was in the way; where that is not known, it says so after a while.
func (s *settling) unclear(f *fault.Error) time.Time {
	r := s.r
	r.failures++
	if why := fault.As(f.Err); why != nil {
		p := why.Problem()
		r.problem = &p
	} else if r.failures > fewAsks && r.problem == nil {
		p := f.Problem()
		r.problem = &p
	}
	return s.e.Clock.Now().Add(max(f.RetryAfter, min(backoff(r.failures-1, askAgain), askMost)))
}

// stuck keeps why it cannot go on, and gives the time for another try.
func (s *settling) stuck(ctx context.Context, f *fault.Error) (time.Time, error) {
	r, now, p := s.r, s.e.Clock.Now(), f.Problem()
	if noMailbox(f.Code) {
		p.Alternatives = append(p.Alternatives, "if it was moved to another tenant, list it for dispatch on a connection of that one, and send the slot again through it")
	}
	if s.op.Old {
		p.Title = "The slot's older event in the calendar of " + s.op.Mailbox + " is not deleted yet. " + p.Title
	}
	switch r.op, r.problem = nil, &p; {
	case s.op.Kind == find && s.op.Event == "":
		r.operations = 0 // as before it was looked for: whether it is in the calendar must be known
	case s.op.Unclear && f.Upstream == nil: // the hub refuses to ask, which says nothing of what was done
		r.op = &s.op
	}
	if f.Kind == fault.Throttled || f.Kind == fault.Unavailable {
		if s.op.Kind == look {
			r.op = &s.op // it may know what was under way
		}
		if f.RetryAfter > 0 { // a time that is known is nobody's failure, however often it comes
			if r.state == Placing {
				r.state = Planned
			}
			return now.Add(max(f.RetryAfter, askAgain)), nil
		}
		r.failures++
		return now.Add(backoff(r.failures-1, waitLeast)), nil
	}
	if s.op.Old {
		r.oldProblem = f.Code
	}
	r.failures++
	if r.state != Failed {
		r.state = Failed
		if err := s.e.tell(ctx, s.tx, event.SlotFailed, *r, nil); err != nil {
			return now, err
		}
	}
	return now.Add(backoff(r.failures-1, failLeast)), nil
}

// missing says that the event is not there, while its mailbox is.
func missing(f *fault.Error) bool {
	return f.Kind == fault.NotFound && f.Upstream != nil && !noMailbox(f.Code)
}

// noMailbox says that the tenant has no such mailbox any more. Of one that was moved to another tenant Microsoft says the same as of one
// without a licence: what is left there is a mail user (learn.microsoft.com/microsoft-365/enterprise/cross-tenant-mailbox-migration).
func noMailbox(code string) bool { return code == "mailbox_missing" || code == "licence_missing" }

// stands says that a calendar which the slot's connection reaches holds an event of it, or may. Whose mailbox is gone, holds none.
func (r *row) stands() bool {
	if r.op != nil || r.old.event != "" {
		return true
	}
	gone := r.problem != nil && noMailbox(r.problem.Code) && r.at.mailbox == r.mailbox // so the problem is of this mailbox
	return r.at.event != "" && !gone
}
