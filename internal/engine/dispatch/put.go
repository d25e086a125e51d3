package dispatch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
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

// routes find the connection that reaches a technician's calendar.
type routes struct {
	byMailbox map[string][]connection.Connection
	byName    map[string]connection.Connection
}

func (e *Engine) routes(ctx context.Context) (routes, error) {
	all, err := e.Connections.List(ctx)
	t := routes{map[string][]connection.Connection{}, map[string]connection.Connection{}}
	for _, c := range all {
		if c.Kind != m365.Application || !c.Serves(m365.Dispatch) {
			continue
		}
		t.byName[c.ID], t.byName[c.Name] = c, c
		for _, m := range c.For(connection.ForDispatch) {
			t.byMailbox[strings.ToLower(m.Address)] = append(t.byMailbox[strings.ToLower(m.Address)], c)
		}
	}
	return t, err
}

// find says why a slot cannot be placed anywhere, before it is taken.
func (t routes) find(in SlotIn) (connection.Connection, []fault.Field) {
	mailbox := strings.ToLower(in.Technician)
	have := t.byMailbox[mailbox]
	no := func(field, format string, args ...any) (connection.Connection, []fault.Field) {
		return connection.Connection{}, []fault.Field{{Name: field, Message: fmt.Sprintf(format, args...)}}
	}
	if in.Connection != "" {
		c, ok := t.byName[in.Connection]
		switch {
		case !ok:
			return no("connection", "%s is no app-only connection with the capability dispatch", in.Connection)
		case !slices.ContainsFunc(have, func(h connection.Connection) bool { return h.ID == c.ID }):
			return no("technician", "%s is not listed on %s for dispatch: seneschal mailbox add %s %s --purpose dispatch", in.Technician, c.Name, c.Name, in.Technician)
		}
		return c, nil
	}
	switch len(have) {
	case 0:
		return no("technician", "%s is not known: no connection lists the mailbox for dispatch; add it: seneschal mailbox add CONNECTION %s --purpose dispatch", in.Technician, in.Technician)
	case 1:
		return have[0], nil
	}
	names := make([]string, len(have))
	for i, c := range have {
		names[i] = c.Name
	}
	return no("connection", "is needed: %s list the mailbox for dispatch", strings.Join(names, " and "))
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
				if err := e.withdraw(ctx, tx, id); err != nil {
					return err
				}
			}
			out.count(Item{id, Removed})
		}
		if dry {
			return nil
		}
		if err := e.overtake(ctx, tx, b); err != nil || len(out.Items) == 0 {
			return err
		}
		return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "dispatch.slot.put", Target: "dispatch", Outcome: "done",
			Detail: map[string]any{"created": out.Created, "updated": out.Updated, "removed": out.Removed, "unchanged": out.Unchanged}})
	})
	return out, err
}

// check names every wrong field of every slot.
func (t routes) check(b batch) error {
	var wrong []fault.Field
	seen := map[string]int{}
	for i, in := range b.slots {
		fields := in.wrong()
		if _, no := t.find(in); len(fields) == 0 {
			fields = no
		}
		if first, twice := seen[in.ExternalID]; twice {
			fields = append(fields, fault.Field{Name: "external_id", Message: fmt.Sprintf("%s is there twice: also as number %d", in.ExternalID, first+1)})
		}
		seen[in.ExternalID] = i
		for _, f := range fields {
			switch {
			case b.rows:
				f.Name = fmt.Sprintf("row %d: %s", i+1, f.Name)
			case len(b.slots) > 1:
				f.Name = fmt.Sprintf("slots[%d].%s", i, f.Name)
			}
			wrong = append(wrong, f)
		}
		if len(wrong) >= mostWrong {
			break
		}
	}
	return fault.OfFields(wrong)
}

const mostWrong = 100

func (e *Engine) takeAll(ctx context.Context, tx *store.Tx, t routes, b batch, out *Outcome, dry bool) error {
	rules := map[string]Rule{}
	for _, in := range b.slots {
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
		if b.at.Before(r.saidAt) && !b.at.IsZero() {
			out.count(Item{in.ExternalID, Outdated})
			continue
		}
		change, err := e.merge(&r, found, in, c)
		if err != nil {
			return err
		}
		out.count(Item{in.ExternalID, change})
		if r.saidAt = b.at; b.at.IsZero() {
			r.saidAt = e.Clock.Now()
		}
		if dry || change == Unchanged && b.at.IsZero() {
			continue
		}
		if err := e.place(ctx, tx, r, rule); err != nil {
			return err
		}
	}
	return nil
}

// merge changes the row to what is wanted now. A slot that says nothing new costs nothing.
func (e *Engine) merge(r *row, found bool, in SlotIn, c connection.Connection) (Change, error) {
	w, now := in.want(), e.Clock.Now()
	gone, mailbox, digest := w.Status == "cancelled", strings.ToLower(in.Technician), w.digest()
	if !found {
		*r = row{id: store.NewID(now), externalID: in.ExternalID, connection: c.ID, source: in.Source, mailbox: mailbox, want: w, wantDigest: digest, withdrawn: gone, state: Planned, createdAt: now, changedAt: now}
		return Created, nil
	}
	moves := r.connection != c.ID
	if moves {
		if r.stands() {
			return "", fault.BadField("connection", "cannot change while the slot stands in a calendar through another one: cancel it first, and send it again when it is withdrawn")
		}
		r.connection, r.at, r.url, r.placed, r.placedDigest, r.look, r.away.Drift = c.ID, link{}, "", nil, "", false, nil
	}
	if !moves && r.wantDigest == digest && r.mailbox == mailbox && r.withdrawn == gone && r.source == in.Source {
		return Unchanged, nil
	}
	if r.wantDigest != digest || r.mailbox != mailbox {
		r.recreated, r.failures = false, 0
		if r.at.event == "" {
			r.away.Drift = nil
		}
	}
	r.want, r.wantDigest, r.mailbox, r.withdrawn, r.source, r.changedAt, r.problem, r.released = w, digest, mailbox, gone, in.Source, now, nil, false
	if r.state == Failed || r.state == Withdrawn || r.state == Held {
		r.state = Planned
	}
	return Updated, nil
}

// place writes a changed row with its next operation, and has that done.
func (e *Engine) place(ctx context.Context, tx *store.Tx, r row, rule Rule) error {
	more := r.plan(rule)
	if err := e.keep(ctx, tx, r); err != nil || !more {
		return err
	}
	return e.Jobs.Schedule(ctx, tx, PlaceJob, r.id, e.Clock.Now())
}

// withdraw takes a slot out of the plan: its event is deleted.
func (e *Engine) withdraw(ctx context.Context, tx *store.Tx, externalID string) error {
	r, found, err := e.held(ctx, tx, "external_id = $1", externalID)
	if err != nil || !found {
		return err
	}
	rule, err := e.RuleOf(ctx, tx, r.connection)
	if err != nil {
		return err
	}
	r.withdrawn, r.want.Status, r.changedAt, r.released, r.problem, r.failures = true, "cancelled", e.Clock.Now(), false, nil, 0
	r.wantDigest = r.want.digest()
	return e.place(ctx, tx, r, rule)
}

// Remove takes one slot out of the plan.
func (e *Engine) Remove(ctx context.Context, by access.Caller, externalID string) (Slot, error) {
	err := e.Store.InTx(ctx, "dispatch.remove", func(tx *store.Tx) error {
		r, found, err := e.held(ctx, tx, "external_id = $1", externalID)
		if err == nil && !found {
			err = fault.Missing("slot", externalID)
		}
		if err != nil || r.withdrawn {
			return err
		}
		if err := e.withdraw(ctx, tx, externalID); err != nil {
			return err
		}
		return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "dispatch.slot.remove", Target: r.connection, Outcome: "done", Detail: map[string]any{"slot": r.id}})
	})
	if err != nil {
		return Slot{}, err
	}
	return e.Lookup(ctx, externalID)
}

// Technicians are the mailboxes that are listed for dispatch, with the connections that reach them.
func (e *Engine) Technicians(ctx context.Context) ([]string, error) {
	t, err := e.routes(ctx)
	return slices.Sorted(maps.Keys(t.byMailbox)), err
}
