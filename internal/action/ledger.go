package action

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// Migrations are the ledger's table.
//
//go:embed migrations
var Migrations embed.FS

// State is where an effect stands.
type State string

// The states of the ledger.
const (
	Claimed State = "claimed" // the claim is committed; the outcome is not
	Sent    State = "sent"    // a checkpoint was passed: something may have left
	Done    State = "done"
	Refused State = "refused" // nothing happened, and the problem says why
	Unclear State = "unclear" // it may have happened; Reconcile finds out
)

const (
	runLease   = time.Minute
	maxOutput  = 256 << 10 // a larger output is not kept for a repeated key; the effect is
	maxKey     = 200
	sweepAfter = runLease + 5*time.Second
)

// Run is one row of the ledger as it may be shown: neither input nor output stand in it in clear.
type Run struct {
	ID          string          `json:"id"`
	Action      string          `json:"action"`
	Connection  string          `json:"connection"`
	Caller      string          `json:"caller"`
	Key         string          `json:"idempotency_key"`
	For         m365.Capability `json:"for,omitempty" doc:"The capability in whose name an engine ran it"`
	InputDigest string          `json:"input_sha256"`
	State       State           `json:"state"`
	Problem     *fault.Problem  `json:"problem,omitempty"`
	RequestIDs  []string        `json:"request_ids,omitempty"`
	Done        int64           `json:"done"`
	Total       int64           `json:"total"`
	Note        string          `json:"note,omitempty"`
	UpdatedAt   time.Time       `json:"updated_at,omitzero"` // when it last told how far it is, or ended
	StartedAt   time.Time       `json:"started_at"`
	EndedAt     time.Time       `json:"ended_at,omitzero"`
	CanRunAgain bool            `json:"can_run_again,omitempty" doc:"What it was asked is still kept, sealed: run.again does it once more"`

	withFiles                             bool // known while it runs
	inputSealed, outputSealed, checkpoint []byte
	owner                                 string
	leasedUntil                           time.Time
}

const runColumns = `id, action, connection, caller, idempotency, input_digest, input_sealed, state, owner, leased_until, checkpoint, output_sealed,
	problem, request_ids, done, total, note, updated_at, started_at, ended_at, capability`

func scanRun(s store.Scanner) (r Run, err error) {
	var leased, updated, started, ended int64
	var problem, ids string
	err = s.Scan(&r.ID, &r.Action, &r.Connection, &r.Caller, &r.Key, &r.InputDigest, &r.inputSealed, &r.State, &r.owner, &leased, &r.checkpoint, &r.outputSealed,
		&problem, &ids, &r.Done, &r.Total, &r.Note, &updated, &started, &ended, &r.For)
	if err != nil {
		return r, err
	}
	r.leasedUntil, r.UpdatedAt, r.StartedAt, r.EndedAt = store.Time(leased), store.Time(updated), store.Time(started), store.Time(ended)
	r.CanRunAgain = len(r.inputSealed) > 0 && (r.State == Done || r.State == Refused)
	if problem != "" {
		r.Problem = &fault.Problem{}
		if err := json.Unmarshal([]byte(problem), r.Problem); err != nil {
			return r, err
		}
	}
	return r, json.Unmarshal([]byte(ids), &r.RequestIDs)
}

// ledger is the table; Runner drives it.
type ledger struct {
	store *store.Store
	vault *vault.Vault
	owner string
	now   func() time.Time
}

func sealRef(run, part string) string { return "action_run/" + run + "/" + part }

func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		sum := sha256.Sum256(p)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (l *ledger) lookup(ctx context.Context, q store.Querier, where string, args ...any) (Run, error) {
	return scanRun(q.QueryRowContext(ctx, "select "+runColumns+" from action_run where "+where, args...))
}

// claim writes the row that must stand before the first call. With a key that was used, it gives the earlier run instead.
func (l *ledger) claim(ctx context.Context, tx *store.Tx, r *Run) (earlier *Run, err error) {
	old, err := l.lookup(ctx, tx, "connection = $1 and idempotency = $2", r.Connection, r.Key)
	switch {
	case err == nil && old.State == Refused && old.InputDigest == r.InputDigest && old.Action == r.Action:
		// Nothing happened then, so the same key may try again, and go on where that run stopped if its action can.
		if r.checkpoint, err = l.inherit(ctx, old, r.ID); err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, "delete from action_run where id = $1", old.ID); err != nil {
			return nil, err
		}
	case err == nil:
		return &old, nil
	case !store.IsNoRows(err):
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `insert into action_run (id, action, connection, caller, idempotency, input_digest, input_sealed, state, owner, leased_until,
		checkpoint, problem, request_ids, done, total, note, started_at, ended_at, capability) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', '[]', 0, 0, '', $12, 0, $13)`,
		r.ID, r.Action, r.Connection, r.Caller, r.Key, r.InputDigest, r.inputSealed, string(Claimed), r.owner, store.Millis(r.leasedUntil), r.checkpoint, store.Millis(r.StartedAt), string(r.For))
	return nil, err
}

// inherit seals what an earlier run left for the one that goes on; nil where it left nothing.
func (l *ledger) inherit(ctx context.Context, old Run, heir string) ([]byte, error) {
	if len(old.checkpoint) == 0 {
		return nil, nil
	}
	text, err := l.vault.Open(ctx, sealRef(old.ID, "checkpoint"), old.checkpoint)
	if err != nil {
		return nil, err
	}
	return l.vault.Seal(sealRef(heir, "checkpoint"), text)
}

// checkpoint commits what Reconcile will need, before the step it is about.
func (l *ledger) checkpoint(ctx context.Context, r Run, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sealed, err := l.vault.Seal(sealRef(r.ID, "checkpoint"), text)
	if err != nil {
		return err
	}
	return l.store.InTx(ctx, "action.checkpoint", func(tx *store.Tx) error {
		// An unclear run stays unclear while it is being answered.
		return ours(store.Affected(ctx, tx, "update action_run set state = case when state = $1 then $2 else $3 end, checkpoint = $4 where id = $5 and owner = $6 and state not in ($7, $8)",
			string(Unclear), string(Unclear), string(Sent), sealed, r.ID, r.owner, string(Done), string(Refused)))
	})
}

func (l *ledger) recall(ctx context.Context, r Run, v any) (bool, error) {
	if len(r.checkpoint) == 0 {
		return false, nil
	}
	text, err := l.vault.Open(ctx, sealRef(r.ID, "checkpoint"), r.checkpoint)
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(text, v)
}

// outcome is what a run ended with.
type outcome struct {
	state      State
	output     []byte
	problem    *fault.Problem
	requestIDs []string
	resumes    bool // a refused one leaves its checkpoint to the next run with its key
	forgets    bool // its input alone cannot be run again: it took files, which are not kept, or an engine asked, which keeps its own state
}

// end commits the outcome. The sealed input stays for a day, so that it may be run again, and for an unclear run as long as it is needed.
func (l *ledger) end(ctx context.Context, tx *store.Tx, r Run, o outcome) error {
	var sealed []byte
	if len(o.output) > 0 && len(o.output) <= maxOutput {
		var err error
		if sealed, err = l.vault.Seal(sealRef(r.ID, "output"), o.output); err != nil {
			return err
		}
	}
	problem := ""
	if o.problem != nil {
		text, err := json.Marshal(o.problem)
		if err != nil {
			return err
		}
		problem = string(text)
	}
	if o.requestIDs == nil {
		o.requestIDs = []string{}
	}
	ids, _ := json.Marshal(o.requestIDs) // strings always encode
	forget := ""
	if o.state != Unclear && o.forgets {
		forget = ", input_sealed = null"
	}
	if o.state == Done || o.state == Refused && !o.resumes {
		forget += ", checkpoint = null"
	}
	return ours(store.Affected(ctx, tx, `update action_run set state = $1, output_sealed = $2, problem = $3, request_ids = $4, ended_at = $5, updated_at = $6, owner = '', leased_until = 0`+forget+` where id = $7 and owner = $8 and state not in ($9, $10)`,
		string(o.state), sealed, problem, string(ids), store.Millis(l.now()), store.Millis(l.now()), r.ID, r.owner, string(Done), string(Refused)))
}

// renew keeps a long run its owner's, and gives the time until which it is.
func (l *ledger) renew(ctx context.Context, r Run) (until time.Time, err error) {
	until = l.now().Add(runLease)
	return until, ours(store.Affected(ctx, l.store.Writer(), "update action_run set leased_until = $1 where id = $2 and owner = $3", store.Millis(until), r.ID, r.owner))
}

// expire takes a run from an owner whose lease has run out.
func (l *ledger) expire(ctx context.Context, tx *store.Tx, r Run) error {
	return ours(store.Affected(ctx, tx, "update action_run set leased_until = 0 where id = $1 and owner = $2 and leased_until <= $3", r.ID, r.owner, store.Millis(l.now())))
}

func (l *ledger) progress(ctx context.Context, r Run, done, total int64, note string) error {
	_, err := l.store.Writer().ExecContext(ctx, "update action_run set done = $1, total = $2, note = $3, updated_at = $4 where id = $5 and owner = $6", done, total, note, store.Millis(l.now()), r.ID, r.owner)
	return err
}

func (l *ledger) output(ctx context.Context, r Run) (json.RawMessage, error) {
	if len(r.outputSealed) == 0 {
		return nil, nil
	}
	return l.vault.Open(ctx, sealRef(r.ID, "output"), r.outputSealed)
}

func (l *ledger) input(ctx context.Context, r Run) (json.RawMessage, error) {
	return l.vault.Open(ctx, sealRef(r.ID, "input"), r.inputSealed)
}
