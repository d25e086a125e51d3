package action

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
	"seneschal/internal/wire"
)

// SweepJob is the kind of job that answers runs without outcome.
const SweepJob = "action.reconcile"

// Runner is the corridor: every caller of every face comes through Do.
type Runner struct {
	registry    *Registry
	connections *connection.Service
	audit       *audit.Log
	jobs        connection.Scheduler
	clock       clock.Clock
	log         *slog.Logger
	metrics     *telemetry.Metrics
	ledger      *ledger
	callers     func(ctx context.Context, kind, id, agent string) (access.Caller, error)
	counted     func(ctx context.Context, tx *store.Tx, c access.Caller) error
	running     sync.Map // run id -> struct{}: runs of this process
}

// Options are what a Runner needs from outside.
type Options struct {
	Registry    *Registry
	Connections *connection.Service
	Store       *store.Store
	Vault       *vault.Vault
	Audit       *audit.Log
	Jobs        connection.Scheduler
	Clock       clock.Clock
	Log         *slog.Logger
	Metrics     *telemetry.Metrics
	Callers     func(ctx context.Context, kind, id, agent string) (access.Caller, error) // who proposed a plan, with today's rights
	Admit       func(ctx context.Context, tx *store.Tx, c access.Caller) error           // counts an agent's call, and refuses it
	Instance    string
}

// NewRunner makes the corridor.
func NewRunner(o Options) *Runner {
	return &Runner{registry: o.Registry, connections: o.Connections, audit: o.Audit, jobs: o.Jobs, clock: o.Clock, log: o.Log, metrics: o.Metrics, callers: o.Callers, counted: o.Admit,
		ledger: &ledger{store: o.Store, vault: o.Vault, owner: o.Instance + "/" + store.NewID(o.Clock.Now()), now: o.Clock.Now}}
}

// Registry gives the actions there are.
func (r *Runner) Registry() *Registry { return r.registry }

// Request is one call of an action.
type Request struct {
	Action     string
	Connection string // id or name; "" for hub actions
	Caller     access.Caller
	Input      json.RawMessage
	Files      map[string]*Content
	Key        string // idempotency key; required for effects outside
	DryRun     bool
	Agent      bool // an agent asks in the caller's name
	// For is the capability in whose name an engine acts: the connection must serve it, and mailboxes must be listed for its purpose, whatever
	// the action's own are. Of other callers it is refused.
	For m365.Capability

	plan string // set by an approved plan that runs: what an agent wants changed has no other way

	Out  func(Bytes) io.Writer // where an action that streams bytes writes
	Send func(Message) error   // takes the messages of one that streams those
}

// takes says whether whoever asks can take the action's answer.
func (q Request) takes(a Action) bool {
	switch {
	case a.Messages():
		return q.Send != nil
	case len(a.Streams) > 0:
		return q.Out != nil
	default:
		return true
	}
}

// Result is what came of it.
type Result struct {
	Run      string          `json:"run,omitempty"`
	State    State           `json:"state"`
	Replayed bool            `json:"replayed,omitempty"`    // an earlier run with the same key did it
	Requests []string        `json:"request_ids,omitempty"` // Microsoft's, the last ones
	DryRun   *Preview        `json:"dry_run,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
}

// Preview is what a dry run would have done. Nothing left the hub.
type Preview struct {
	Action      string              `json:"action"`
	Connection  string              `json:"connection,omitempty"` // none where it is done in the hub itself
	Effect      string              `json:"effect"`
	Operations  []m365.OperationKey `json:"operations"`
	Permissions []string            `json:"permissions"`
	InputDigest string              `json:"input_sha256"`
}

// Do runs an action for a caller. Its order is the house's rule: know the action, decode and check the input, ask access, explain the
// fence, claim the key, run, record.
func (r *Runner) Do(ctx context.Context, q Request) (Result, error) {
	a, ok := r.registry.Lookup(q.Action)
	if !ok {
		return Result{}, Missing(q.Action)
	}
	if q.Agent {
		q.Caller = q.Caller.ByAgent()
	}
	result, err := r.do(ctx, a, q)
	word := string(Done)
	if err != nil {
		word = string(fault.KindOf(err))
		f := *fault.As(err)
		if f.Operation == "" {
			f.Operation = a.Name
		}
		err = &f
	}
	r.metrics.Run(a.Name, word)
	return result, err
}

func (r *Runner) do(ctx context.Context, a Action, q Request) (Result, error) {
	if q.Caller.Agent.ID != "" {
		if err := r.admit(ctx, a, q); err != nil {
			return Result{}, err
		}
	}
	if a.Target == OnHub {
		if err := access.Allow(q.Caller, a.Wants()); err != nil {
			return Result{}, err
		}
		in, err := r.checkInput(a, q)
		if err != nil {
			return Result{}, err
		}
		if !q.takes(a) {
			return Result{}, streamOnly(a, a.Route)
		}
		if q.DryRun && a.Effect != Reads && a.Input().Properties["dry_run"] == nil { // what can tell more has a field for it
			return Result{State: Done, DryRun: &Preview{Action: a.Name, Effect: a.Effect.String(), Operations: []m365.OperationKey{}, Permissions: []string{}, InputDigest: inputDigest(a, q)}}, nil
		}
		out, err := a.run(ctx, Call{Caller: q.Caller, Key: q.Key, Files: q.Files, Out: q.Out, send: q.Send}, in)
		return finished(out, err)
	}
	c, err := r.allowed(ctx, a, q)
	if err != nil {
		return Result{}, err
	}
	in, err := r.checkInput(a, q)
	if err != nil {
		return Result{}, err
	}
	if !q.takes(a) && !q.DryRun {
		return Result{}, streamOnly(a, "the action")
	}
	if q.DryRun {
		return Result{State: Done, DryRun: &Preview{a.Name, c.Name, a.Effect.String(), a.Operations, a.Permissions(c.Kind), inputDigest(a, q)}}, nil
	}
	bound, err := r.connections.Bind(ctx, c.ID, purposeOf(a, q.For))
	if err != nil {
		return Result{}, err
	}
	call := Call{Caller: q.Caller, Key: q.Key, Connection: c, Bound: bound, Files: q.Files, Out: q.Out}
	if a.Effect == Reads {
		return r.read(ctx, a, call, in, priorityOf(q))
	}
	return r.write(ctx, a, call, in, q)
}

func streamOnly(a Action, where string) error {
	return &fault.Error{Kind: fault.NotSupported, Code: "stream_only", Message: a.Name + " answers with a stream, which does not fit here", Fix: "Open " + where + " over REST and keep reading", Who: "you"}
}

func finished(out any, err error) (Result, error) {
	if err != nil {
		return Result{}, err
	}
	text, err := encode(out)
	return Result{State: Done, Output: text}, err
}

// encode writes JSON as people may read it: addresses keep their &.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// purposeOf is what a mailbox must be listed for: by the capability in whose name an engine acts, else by the action.
func purposeOf(a Action, in m365.Capability) connection.Purpose {
	if info, ok := m365.LookupCapability(in); ok {
		return connection.Purpose(info.Purpose)
	}
	if a.Purpose == "" {
		return connection.ForActions
	}
	return a.Purpose
}

func (r *Runner) checkInput(a Action, q Request) (any, error) {
	in, err := a.check(q.Input)
	if err != nil {
		return nil, err
	}
	for _, f := range a.Files {
		if f.Required && q.Files[f.Name] == nil {
			return nil, fault.BadField(f.Name, "is missing: this action takes a file")
		}
	}
	for name := range q.Files {
		if !declares(a, name) {
			return nil, fault.BadField(name, "is not a file of this action")
		}
	}
	if a.Target != OnHub && a.Effect != Reads && !q.DryRun && (q.Key == "" || len(q.Key) > maxKey) {
		return nil, fault.BadField("Idempotency-Key", "must have 1 to %d characters: an effect outside needs a key, so that a repeated request is not a second effect", maxKey)
	}
	return in, nil
}

func declares(a Action, file string) bool {
	for _, f := range a.Files {
		if f.Name == file {
			return true
		}
	}
	return false
}

// read runs an action without effect. A body is audited before it is fetched, and not fetched when it cannot be.
func (r *Runner) read(ctx context.Context, a Action, c Call, in any, priority wire.Priority) (Result, error) {
	ctx = wire.WithPriority(ctx, priority)
	if a.ShowsBody && c.Caller.Agent.ID == "" { // an agent's call stands in the record already, whatever it is
		err := r.ledger.store.InTx(ctx, "action.audit", func(tx *store.Tx) error {
			return r.audit.Record(ctx, tx, audit.Entry{Actor: c.Caller.String(), Action: a.Name, Target: c.Connection.ID, Outcome: "asked"})
		})
		if err != nil {
			return Result{}, fmt.Errorf("nothing was fetched, as the look could not be recorded: %w", err)
		}
	}
	ctx, trail := wire.WithTrail(ctx)
	out, err := a.run(ctx, c, in)
	r.notice(ctx, c.Connection, err)
	result, err := finished(out, err)
	result.Requests = trail.IDs()
	return result, err
}

// priorityOf lets people go before engines.
func priorityOf(q Request) wire.Priority {
	if q.For != "" {
		return wire.Dispatch
	}
	return wire.Interactive
}

// write is the way of everything with an effect: claim, run, outcome.
func (r *Runner) write(ctx context.Context, a Action, c Call, in any, q Request) (Result, error) {
	run := Run{ID: store.NewID(r.clock.Now()), Action: a.Name, Connection: c.Connection.ID, Caller: q.Caller.String(), Key: q.Key, For: q.For, InputDigest: inputDigest(a, q), StartedAt: r.clock.Now(),
		owner: r.ledger.owner, leasedUntil: r.clock.Now().Add(runLease)}
	ctx = telemetry.WithRun(wire.WithPriority(ctx, priorityOf(q)), run.ID)
	sealed, err := r.ledger.vault.Seal(sealRef(run.ID, "input"), q.Input)
	if err != nil {
		return Result{}, err
	}
	run.inputSealed, run.withFiles = sealed, len(q.Files) > 0
	r.running.Store(run.ID, struct{}{})
	defer r.running.Delete(run.ID)
	earlier, err := r.claim(ctx, &run)
	if err != nil {
		return Result{}, err
	}
	if earlier != nil {
		return r.repeated(ctx, *earlier, run)
	}
	r.equip(&c, run)
	ctx, trail := wire.WithTrail(ctx)
	held, stop := r.keepLease(ctx, run)
	out, err := guard(wire.WithFence(ctx, held), a, c, in)
	stop()
	return r.end(ctx, a, run, out, trail.IDs(), err)
}

func inputDigest(a Action, q Request) string {
	parts := [][]byte{[]byte(a.Name), canonical(q.Input)}
	for _, f := range a.Files {
		if c := q.Files[f.Name]; c != nil {
			parts = append(parts, []byte(f.Name), []byte(c.SHA256), []byte(c.Name))
		}
	}
	return digest(parts...)
}

// canonical makes equal JSON equal bytes: a client may order fields anew when it repeats itself.
func canonical(raw json.RawMessage) []byte {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return raw
	}
	text, _ := json.Marshal(v) // what came from JSON goes back
	return text
}

func (r *Runner) claim(ctx context.Context, run *Run) (earlier *Run, err error) {
	err = r.ledger.store.InTx(ctx, "action.claim", func(tx *store.Tx) error {
		earlier, err = r.ledger.claim(ctx, tx, run)
		if err != nil || earlier != nil {
			return err
		}
		// The sweep is due when a lease could first have run out; the outcome's commit takes it back.
		return r.jobs.Schedule(ctx, tx, SweepJob, run.ID, r.clock.Now().Add(sweepAfter))
	})
	if store.IsDuplicate(err) { // the same key came twice in the same moment
		return nil, &fault.Error{Kind: fault.Conflict, Code: "in_progress", Message: "A request with this idempotency key is running in this moment", Fix: "Ask again with the same key in a few seconds", Who: "you"}
	}
	return earlier, err
}

// repeated answers a key that was used before.
func (r *Runner) repeated(ctx context.Context, old, now Run) (Result, error) {
	switch {
	case old.InputDigest != now.InputDigest || old.Action != now.Action:
		return Result{}, &fault.Error{Kind: fault.Conflict, Code: "key_reused", Message: "This idempotency key was used for another input",
			Cause: "The first request with it was run " + old.ID, Fix: "Use a new key for a new effect", Who: "you"}
	case old.State == Done:
		output, err := r.ledger.output(ctx, old)
		return Result{Run: old.ID, State: Done, Replayed: true, Requests: old.RequestIDs, Output: output}, err
	case old.State == Unclear || old.leasedUntil.Before(r.clock.Now()):
		return Result{Run: old.ID, State: Unclear}, unclearFault(old.ID, nil)
	default:
		return Result{}, &fault.Error{Kind: fault.Conflict, Code: "in_progress", Message: "The request with this idempotency key is still running",
			Cause: "It is run " + old.ID, Fix: "Ask again with the same key in a few seconds", Who: "you", RetryAfter: 2 * time.Second}
	}
}

func unclearFault(run string, err error) *fault.Error {
	f := &fault.Error{Kind: fault.Unclear, Code: "outcome_unknown", Message: "It is not known yet whether this happened; the hub is finding out",
		Cause: "Microsoft's answer was lost after the request had left", Fix: "Look at run " + run + " in a minute, or repeat with the same key: it is never sent twice", Who: "you", Err: err}
	if up := fault.As(err); up != nil {
		f.Upstream = up.Upstream
	}
	return f
}

// equip gives the call its ways to the ledger.
func (r *Runner) equip(c *Call, run Run) {
	c.Run, c.Began = run.ID, run.StartedAt
	last := time.Time{}
	c.checkpoint = func(ctx context.Context, v any) error { return r.ledger.checkpoint(ctx, run, v) }
	c.recall = func(ctx context.Context, v any) (bool, error) { return r.ledger.recall(ctx, run, v) }
	c.progress = func(ctx context.Context, done, total int64, note string) {
		if now := r.clock.Now(); now.Sub(last) >= time.Second || done == total {
			last = now
			if err := r.ledger.progress(ctx, run, done, total, note); err != nil {
				r.log.WarnContext(ctx, "progress was not recorded", "error", err)
			}
		}
	}
}

// guard turns a panic into an error: after a claim the outcome must be written whatever happens.
func guard(ctx context.Context, a Action, c Call, in any) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault.Error{Kind: fault.Unclear, Code: "outcome_unknown", Message: "The action broke off", Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	return a.run(ctx, c, in)
}

// end writes the outcome, and tells the caller.
func (r *Runner) end(ctx context.Context, a Action, run Run, out any, requests []string, failed error) (Result, error) {
	r.notice(ctx, connection.Connection{ID: run.Connection}, failed)
	ctx = context.WithoutCancel(ctx) // the caller may be gone; the outcome is not
	o := outcome{state: Done}
	if failed != nil {
		o = failedOutcome(a, failed)
	}
	o.resumes, o.forgets = a.Resumes, run.withFiles || run.For != ""
	o.requestIDs = requests
	if failed == nil {
		text, err := encode(out)
		if err != nil {
			return Result{Run: run.ID, State: Unclear}, unclearFault(run.ID, err)
		}
		o.output = text
	}
	err := r.ledger.store.InTx(ctx, "action.outcome", func(tx *store.Tx) error {
		if err := r.ledger.end(ctx, tx, run, o); err != nil {
			return err
		}
		if o.state == Unclear {
			if err := r.jobs.Schedule(ctx, tx, SweepJob, run.ID, r.clock.Now().Add(firstLook)); err != nil {
				return err
			}
		} else if err := r.jobs.Cancel(ctx, tx, SweepJob, run.ID); err != nil {
			return err
		}
		return r.record(ctx, tx, a.Name, run, o)
	})
	switch {
	case err != nil: // the sweep will find out; whoever asks again must do it with the same key
		return Result{Run: run.ID, State: Unclear}, unclearFault(run.ID, err)
	case o.state == Unclear:
		return Result{Run: run.ID, State: Unclear}, unclearFault(run.ID, failed)
	case failed != nil:
		return Result{Run: run.ID, State: Refused}, failed
	}
	return Result{Run: run.ID, State: Done, Requests: requests, Output: o.output}, nil
}

// findsOut says that what became of the effect can be known later without doing harm. Of any other the refusal is told: to do it again has the
// same effect, and only whoever asked knows whether it is still wanted.
func (a Action) findsOut() bool { return a.reconcile != nil || a.Late }

func failedOutcome(a Action, err error) outcome {
	f := fault.As(err)
	p := f.Problem()
	o := outcome{state: Refused, problem: &p}
	// A context that ended says nothing about what Microsoft did with the request.
	if f.Kind == fault.Unclear || f.Kind == fault.Internal || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || a.findsOut() && fault.MayBeDone(err) {
		o.state = Unclear
	}
	return o
}

func (r *Runner) record(ctx context.Context, tx *store.Tx, name string, run Run, o outcome) error {
	e := audit.Entry{Actor: run.Caller, Action: name, Target: run.Connection, Outcome: string(o.state), Run: run.ID, Detail: map[string]any{"input_sha256": run.InputDigest}}
	if len(o.requestIDs) > 0 {
		e.RequestID = o.requestIDs[len(o.requestIDs)-1]
	}
	if plan, ok := strings.CutPrefix(run.Key, planKey); ok {
		e.Detail["plan"] = plan
	}
	if o.problem != nil {
		e.Detail["code"] = o.problem.Code
	}
	return r.audit.Record(ctx, tx, e)
}

// notice has the connection looked at when an answer says that its grants or sign-in changed.
func (r *Runner) notice(ctx context.Context, c connection.Connection, err error) {
	f := fault.As(err)
	if f == nil || (f.Kind != fault.NeedsAdmin && f.Kind != fault.NeedsReauth) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	e := r.ledger.store.InTx(ctx, "action.notice", func(tx *store.Tx) error {
		return r.connections.Suspect(ctx, tx, c.ID)
	})
	if e != nil {
		r.log.WarnContext(ctx, "a connection's check was not scheduled", "connection", c.ID, "error", e)
	}
}
