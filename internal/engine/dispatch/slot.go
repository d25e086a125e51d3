package dispatch

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"seneschal/internal/connector/calendar"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// State is where a slot stands in the calendar.
type State string

// The states.
const (
	Planned   State = "planned"   // what was last said waits for its turn
	Placing   State = "placing"   // an operation is under way
	Placed    State = "placed"    // the calendar holds what is wanted
	Drifted   State = "drifted"   // somebody changed the event by hand
	Held      State = "held"      // the next operation would mail people: somebody must say so
	Failed    State = "failed"    // refused; the problem says why, and it is tried again
	Withdrawn State = "withdrawn" // cancelled or removed, and no event is there any more
)

// Difference is one field that somebody changed by hand.
type Difference struct {
	Field    string `json:"field"`
	Slot     string `json:"slot"`     // as it was placed
	Calendar string `json:"calendar"` // as it is
}

// Slot is a planned stretch of a technician's time, and what became of it.
type Slot struct {
	ExternalID string `json:"external_id"`
	Connection string `json:"connection"`
	Source     string `json:"source,omitempty"`
	Technician string `json:"technician"`
	Content
	State     State          `json:"state"`
	Problem   *fault.Problem `json:"problem,omitempty"`
	Drift     []Difference   `json:"drift,omitempty" doc:"What somebody changed by hand, or that they deleted it"`
	Event     string         `json:"event,omitempty" doc:"Id of the event that it is now"`
	PlacedAt  time.Time      `json:"placed_at,omitzero" doc:"When Microsoft last answered that the calendar holds it"`
	ChangedAt time.Time      `json:"changed_at,omitzero" doc:"When the plan last changed"`
}

// link is one event in one mailbox.
type link struct{ event, mailbox, etag string }

// row is a slot as the table has it.
type row struct {
	id, externalID, connection, source, mailbox string
	want                                        Content
	wantDigest                                  string
	withdrawn                                   bool // cancelled or removed: no event is wanted
	state                                       State
	problem                                     *fault.Problem
	at                                          link // the event it is now
	url                                         string
	placed                                      *Content // what was last written
	placedDigest                                string
	old                                         link // an event to be deleted, since the slot is elsewhere now
	op                                          *operation
	operations                                  int64 // how many there were: each has a key of its own
	look                                        bool  // the event changed, and somebody must look how
	recreated                                   bool  // it was deleted by hand once, and made anew
	away                                        away
	seen                                        string // version that the feed told since the operation was planned; gone for none
	oldProblem                                  string // code of why the older event cannot be deleted
	released                                    bool   // a person said that the next operation may mail people
	failures                                    int64
	createdAt, changedAt, placedAt, saidAt      time.Time
	saidDigest                                  string // of what the planning system last said, whatever the plan took over from the calendar since

	wantSealed, placedSealed, opSealed, driftSealed []byte
}

const columns = `id, external_id, connection, source, mailbox, wanted, wanted_digest, withdrawn, state, problem, event, event_mailbox, etag, link, placed, placed_digest,
	old_event, old_mailbox, old_etag, operation, operations, look, recreated, drift, released, failures, created_at, changed_at, placed_at, said_at, said_digest, seen_etag, old_problem`

func scan(s store.Scanner) (r row, err error) {
	var withdrawn, look, recreated, released, created, changed, placed, said int64
	var problem string
	err = s.Scan(&r.id, &r.externalID, &r.connection, &r.source, &r.mailbox, &r.wantSealed, &r.wantDigest, &withdrawn, &r.state, &problem, &r.at.event, &r.at.mailbox, &r.at.etag, &r.url, &r.placedSealed, &r.placedDigest,
		&r.old.event, &r.old.mailbox, &r.old.etag, &r.opSealed, &r.operations, &look, &recreated, &r.driftSealed, &released, &r.failures, &created, &changed, &placed, &said, &r.saidDigest, &r.seen, &r.oldProblem)
	if err != nil {
		return r, err
	}
	r.withdrawn, r.look, r.recreated, r.released = withdrawn != 0, look != 0, recreated != 0, released != 0
	r.createdAt, r.changedAt, r.placedAt, r.saidAt = store.Time(created), store.Time(changed), store.Time(placed), store.Time(said)
	if problem != "" {
		r.problem = &fault.Problem{}
		err = json.Unmarshal([]byte(problem), r.problem)
	}
	return r, err
}

func ref(id, part string) string { return "dispatch_slot/" + id + "/" + part }

// open unseals what a row keeps of its customer.
func (e *Engine) open(ctx context.Context, r row) (row, error) {
	for _, part := range []struct {
		name   string
		sealed []byte
		into   any
	}{{"wanted", r.wantSealed, &r.want}, {"placed", r.placedSealed, &r.placed}, {"operation", r.opSealed, &r.op}, {"drift", r.driftSealed, &r.away}} {
		if len(part.sealed) == 0 {
			continue
		}
		text, err := e.Vault.Open(ctx, ref(r.id, part.name), part.sealed)
		if err == nil {
			err = json.Unmarshal(text, part.into)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// away is what is known of events that are not as the slot has them; it is sealed, as it names people.
type away struct {
	Drift   []Difference `json:"fields,omitempty"`
	There   *Content     `json:"there,omitempty"`   // what the calendar says where it drifted
	Invited []string     `json:"invited,omitempty"` // to the older event, by hand
	Mailed  []string     `json:"mailed,omitempty"`  // whom the operation would mail that is held back
	Let     []string     `json:"let,omitempty"`     // whom a person, who was shown them, let it mail
	Stood   string       `json:"stood,omitempty"`   // mailbox in which it stood through a connection that is not its own any more
}

func (a away) none() bool {
	return len(a.Drift)+len(a.Invited)+len(a.Mailed)+len(a.Let) == 0 && a.Stood == ""
}

func (e *Engine) seal(id, part string, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return e.Vault.Seal(ref(id, part), text)
}

// sealed are the four sealed parts of a row.
func (e *Engine) sealed(r row) (parts [4][]byte, err error) {
	if parts[0], err = e.seal(r.id, "wanted", r.want); err != nil {
		return parts, err
	}
	if r.placed != nil {
		if parts[1], err = e.seal(r.id, "placed", r.placed); err != nil {
			return parts, err
		}
	}
	if r.op != nil {
		if parts[2], err = e.seal(r.id, "operation", r.op); err != nil {
			return parts, err
		}
	}
	if !r.away.none() {
		parts[3], err = e.seal(r.id, "drift", r.away)
	}
	return parts, err
}

// keep writes a row, new or not.
func (e *Engine) keep(ctx context.Context, tx *store.Tx, r row) error {
	parts, err := e.sealed(r)
	if err != nil {
		return err
	}
	problem := ""
	if r.problem != nil {
		text, err := json.Marshal(r.problem)
		if err != nil {
			return err
		}
		problem = string(text)
	}
	_, err = tx.ExecContext(ctx, `insert into dispatch_slot (`+columns+`, start_at, end_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35)
		on conflict (id) do update set connection = excluded.connection, source = excluded.source, mailbox = excluded.mailbox, wanted = excluded.wanted, wanted_digest = excluded.wanted_digest, withdrawn = excluded.withdrawn,
		state = excluded.state, problem = excluded.problem, event = excluded.event, event_mailbox = excluded.event_mailbox, etag = excluded.etag, link = excluded.link, placed = excluded.placed, placed_digest = excluded.placed_digest,
		old_event = excluded.old_event, old_mailbox = excluded.old_mailbox, old_etag = excluded.old_etag, operation = excluded.operation, operations = excluded.operations, look = excluded.look, recreated = excluded.recreated,
		drift = excluded.drift, released = excluded.released, failures = excluded.failures, changed_at = excluded.changed_at, placed_at = excluded.placed_at, said_at = excluded.said_at, said_digest = excluded.said_digest, seen_etag = excluded.seen_etag, old_problem = excluded.old_problem, start_at = excluded.start_at, end_at = excluded.end_at`,
		r.id, r.externalID, r.connection, r.source, r.mailbox, parts[0], r.wantDigest, number(r.withdrawn), string(r.state), problem, r.at.event, r.at.mailbox, r.at.etag, r.url, parts[1], r.placedDigest,
		r.old.event, r.old.mailbox, r.old.etag, parts[2], r.operations, number(r.look), number(r.recreated), parts[3], number(r.released), r.failures,
		store.Millis(r.createdAt), store.Millis(r.changedAt), store.Millis(r.placedAt), store.Millis(r.saidAt), r.saidDigest, r.seen, r.oldProblem, store.Millis(r.want.Start), store.Millis(r.want.End))
	return err
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// one reads a slot; found is false where there is none.
func (e *Engine) one(ctx context.Context, q store.Querier, where string, args ...any) (r row, found bool, err error) {
	return e.read(ctx, q, where, args)
}

// held reads a slot for changing it: nobody else does until the transaction ends. SQLite has one writer at a time anyway.
func (e *Engine) held(ctx context.Context, tx *store.Tx, where string, args ...any) (r row, found bool, err error) {
	if e.Store.Engine == store.Postgres {
		where += " for update"
	}
	return e.read(ctx, tx, where, args)
}

func (e *Engine) read(ctx context.Context, q store.Querier, where string, args []any) (r row, found bool, err error) {
	r, err = scan(q.QueryRowContext(ctx, "select "+columns+" from dispatch_slot where "+where, args...))
	if store.IsNoRows(err) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	r, err = e.open(ctx, r)
	return r, err == nil, err
}

func (e *Engine) many(ctx context.Context, q store.Querier, where string, args ...any) ([]row, error) {
	all, err := store.Select(ctx, q, scan, "select "+columns+" from dispatch_slot where "+where, args...)
	for i := range all {
		if err == nil {
			all[i], err = e.open(ctx, all[i])
		}
	}
	return all, err
}

// shown is the slot as whoever may see it reads it.
func (r row) shown() Slot {
	w := r.want
	if in, known := calendar.LookupZone(w.TimeZone); known {
		w.Start, w.End = w.Start.In(in), w.End.In(in)
	}
	return Slot{ExternalID: r.externalID, Connection: r.connection, Source: r.source, Technician: r.mailbox, Content: w, State: r.state, Problem: r.told(), Drift: r.away.Drift, Event: r.at.event, PlacedAt: r.placedAt,
		ChangedAt: r.changedAt}
}

// told is the problem with the people it is about, who are sealed apart.
func (r row) told() *fault.Problem {
	if r.problem == nil || len(r.away.Mailed) == 0 {
		return r.problem
	}
	p := *r.problem
	p.Title += ": " + strings.Join(r.away.Mailed, ", ")
	return &p
}

// Query narrows a list of slots; empty fields do not.
type Query struct {
	From, To   time.Time // slots that touch the stretch
	Technician string
	Connection string // id
	States     []State
	After      string // external id of the last slot of the page before
	Limit      int
}

// List gives slots by their external ids.
func (e *Engine) List(ctx context.Context, q Query) ([]Slot, error) {
	var w store.Where
	w.And("external_id > ?", q.After)
	if !q.From.IsZero() {
		w.And("end_at > ?", store.Millis(q.From))
	}
	if !q.To.IsZero() {
		w.And("start_at < ?", store.Millis(q.To))
	}
	if q.Technician != "" {
		w.And("mailbox = ?", strings.ToLower(q.Technician))
	}
	if q.Connection != "" {
		w.And("connection = ?", q.Connection)
	}
	if len(q.States) > 0 {
		w.And("state in (" + store.List(&w.Args, q.States) + ")")
	}
	limit := w.Add(q.Limit)
	all, err := e.many(ctx, e.Store.Reader(), w.String()+" order by external_id limit "+limit, w.Args...)
	out := make([]Slot, 0, len(all))
	for _, r := range all {
		out = append(out, r.shown())
	}
	return out, err
}

// Lookup finds a slot by the planning system's id.
func (e *Engine) Lookup(ctx context.Context, externalID string) (Slot, error) {
	r, found, err := e.one(ctx, e.Store.Reader(), "external_id = $1", externalID)
	if err == nil && !found {
		err = fault.Missing("slot", externalID)
	}
	return r.shown(), err
}

// sameCategories compares without order: Exchange keeps its own.
func sameCategories(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
