package dispatch

import (
	"context"
	"encoding/json"
	"fmt"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// A complete import that would remove more than the larger of these waits for somebody's approval.
const (
	fewRemovals   = 10
	removalsShare = 5 // one in five: 20 %
)

const importActive = "connection = $1 and source = $2 and withdrawn = 0"

// missing are the slots that a complete run does not name, by external id, without those that were said after it.
func (e *Engine) missing(ctx context.Context, tx *store.Tx, b batch) ([]string, error) {
	if !b.complete {
		return nil, nil
	}
	named := map[string]bool{}
	for _, in := range b.slots {
		named[in.ExternalID] = true
	}
	type known struct {
		id   string
		said int64
	}
	all, err := store.Select(ctx, tx, func(s store.Scanner) (k known, err error) { return k, s.Scan(&k.id, &k.said) }, "select external_id, said_at from dispatch_slot where "+importActive+" order by external_id", b.connection, b.source)
	var gone []string
	for _, k := range all {
		if !named[k.id] && !b.late(store.Time(k.said)) {
			gone = append(gone, k.id)
		}
	}
	return gone, err
}

// brakeOn says why a run must not go on by itself; "" where it may.
func (e *Engine) brakeOn(ctx context.Context, tx *store.Tx, b batch, going []string) (string, error) {
	if len(going) <= fewRemovals || b.approved != "" {
		return "", nil
	}
	var active int
	if err := tx.QueryRowContext(ctx, "select count(*) from dispatch_slot where "+importActive, b.connection, b.source).Scan(&active); err != nil {
		return "", err
	}
	if len(going) <= max(fewRemovals, active/removalsShare) {
		return "", nil
	}
	return fmt.Sprintf("it would remove %d of %d slots, and more than %d go only when somebody says so", len(going), active, max(fewRemovals, active/removalsShare)), nil
}

// ImportIn is an import's own words beside its rows.
type ImportIn struct {
	Connection string `json:"connection,omitempty" doc:"For slots that name none; needed where the import is complete"`
	Source     string `json:"source,omitempty" maxLength:"100" doc:"For slots that name none"`
	Complete   bool   `json:"complete,omitempty" doc:"These are all the slots there are of the source: what is absent leaves the calendar. Without, an absent slot changes nothing"`
	DryRun     bool   `json:"dry_run,omitempty" doc:"Say what would change, and change nothing"`
}

// stored is an import that waits, as it is kept: sealed.
type stored struct {
	ImportIn
	Slots []SlotIn `json:"slots"`
}

// Import takes the rows of a file.
func (e *Engine) Import(ctx context.Context, by access.Caller, in ImportIn, slots []SlotIn) (Outcome, error) {
	b, err := e.batchOf(ctx, in, slots)
	if err != nil {
		return Outcome{}, err
	}
	made := e.Clock.Now()
	out, err := e.take(ctx, by, b, in.DryRun)
	if err != nil || out.Waits == "" || in.DryRun {
		return out, err
	}
	b.at = made
	out.Import, err = e.park(ctx, by, b, stored{in, slots}, out.Waits)
	return out, err
}

func (e *Engine) batchOf(ctx context.Context, in ImportIn, slots []SlotIn) (batch, error) {
	b := batch{slots: slots, complete: in.Complete, source: in.Source, rows: true}
	for i := range b.slots {
		if b.slots[i].Connection == "" {
			b.slots[i].Connection = in.Connection
		}
		if b.slots[i].Source == "" {
			b.slots[i].Source = in.Source
		}
	}
	if !in.Complete {
		return b, nil
	}
	if in.Connection == "" {
		return b, fault.BadField("connection", "is missing: an import that is complete says for which connection it is")
	}
	c, err := e.Connections.Lookup(ctx, in.Connection)
	if err != nil {
		return b, err
	}
	b.connection = c.ID
	for i, s := range slots {
		if s.Source != in.Source {
			return b, fault.BadField(fmt.Sprintf("row %d: source", i+1), "is %q, and the import is complete for %q", s.Source, in.Source)
		}
	}
	return b, nil
}

// park keeps an import until somebody approves or rejects it, with the time when it was made: it is no word on what is said after that.
func (e *Engine) park(ctx context.Context, by access.Caller, b batch, s stored, why string) (id string, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	id = store.NewID(e.Clock.Now())
	sealed, err := e.Vault.Seal("dispatch_import/"+id, text)
	if err != nil {
		return "", err
	}
	return id, e.Store.InTx(ctx, "dispatch.park", func(tx *store.Tx) error {
		if err := e.overtake(ctx, tx, b); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "insert into dispatch_import (id, connection, source, content, state, summary, caller, made_at, ended_at) values ($1, $2, $3, $4, 'waiting', $5, $6, $7, 0)",
			id, b.connection, b.source, sealed, why, by.String(), store.Millis(b.at))
		if err != nil {
			return err
		}
		return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "dispatch.slot.import", Target: b.connection, Outcome: "waiting", Detail: map[string]any{"import": id, "slots": len(s.Slots)}})
	})
}

// overtake ends older imports that wait for the same connection and source as this complete one: approved after it, they would bring an older plan back.
func (e *Engine) overtake(ctx context.Context, tx *store.Tx, b batch) error {
	if !b.complete {
		return nil
	}
	now := e.Clock.Now()
	_, err := tx.ExecContext(ctx, "update dispatch_import set state = 'overtaken', content = null, ended_at = $1 where connection = $2 and source = $3 and state = 'waiting' and made_at <= $4", store.Millis(now), b.connection, b.source, store.Millis(b.said(now)))
	return err
}

// Waiting is an import that waits for approval.
type Waiting struct {
	ID         string `json:"id"`
	Connection string `json:"connection"`
	Source     string `json:"source,omitempty"`
	Why        string `json:"why"`
	By         string `json:"by"`
}

// Imports lists those that wait, oldest first.
func (e *Engine) Imports(ctx context.Context) ([]Waiting, error) {
	return store.Select(ctx, e.Store.Reader(), func(s store.Scanner) (w Waiting, err error) {
		return w, s.Scan(&w.ID, &w.Connection, &w.Source, &w.Why, &w.By)
	}, "select id, connection, source, summary, caller from dispatch_import where state = 'waiting' order by made_at, id")
}

// Approve has a waiting import done, or forgotten. What was said of a slot since it was made stays.
func (e *Engine) Approve(ctx context.Context, by access.Caller, id string, reject bool) (Outcome, error) {
	if reject {
		return Outcome{Items: []Item{}}, e.Store.InTx(ctx, "dispatch.reject", func(tx *store.Tx) error { return e.approve(ctx, tx, by, id, "rejected") })
	}
	var sealed []byte
	var made int64
	err := e.Store.Reader().QueryRowContext(ctx, "select content, made_at from dispatch_import where id = $1 and state = 'waiting'", id).Scan(&sealed, &made)
	if store.IsNoRows(err) {
		return Outcome{}, fault.Missing("waiting import", id)
	}
	if err != nil {
		return Outcome{}, err
	}
	text, err := e.Vault.Open(ctx, "dispatch_import/"+id, sealed)
	if err != nil {
		return Outcome{}, err
	}
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return Outcome{}, err
	}
	b, err := e.batchOf(ctx, s.ImportIn, s.Slots)
	if err != nil {
		return Outcome{}, err
	}
	b.approved, b.at = id, store.Time(made)
	return e.take(ctx, by, b, false)
}

// approve ends a waiting import, together with what it changes; "" is none. One that was overtaken meanwhile waits no more.
func (e *Engine) approve(ctx context.Context, tx *store.Tx, by access.Caller, id, word string) error {
	if id == "" {
		return nil
	}
	n, err := store.Affected(ctx, tx, "update dispatch_import set state = $1, content = null, ended_at = $2 where id = $3 and state = 'waiting'", word, store.Millis(e.Clock.Now()), id)
	if err == nil && n == 0 {
		err = fault.Missing("waiting import", id)
	}
	if err != nil {
		return err
	}
	return e.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "dispatch.import.approve", Target: id, Outcome: word})
}
