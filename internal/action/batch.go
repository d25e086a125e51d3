package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"seneschal/internal/access"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Step is one action of a batch.
type Step struct {
	ID     string         `json:"id" minLength:"1" maxLength:"40" doc:"A name of your own without /, unlike the other steps'"`
	Action string         `json:"action" doc:"Name of an action on a connection, as in mail.message.send"`
	Input  map[string]any `json:"input,omitempty" doc:"The action's input. {\"$from\": \"STEP/field\"} anywhere in it stands for what an earlier step gave, by JSON pointer"`
	After  []string       `json:"after,omitempty" doc:"Steps that must be done first; where one of them fails, this one is left out. Steps that the input names need not be repeated here"`
}

// StepState is what became of a step.
type StepState string

// The states of a step: those of a run's end, and skipped.
const (
	StepDone    StepState = StepState(Done)
	StepRefused StepState = StepState(Refused)
	StepUnclear StepState = StepState(Unclear)
	StepSkipped StepState = "skipped" // a step before it was not done: nothing was tried
)

// StepResult is a step's outcome.
type StepResult struct {
	ID       string          `json:"id"`
	Action   string          `json:"action"`
	State    StepState       `json:"state" enum:"done,refused,unclear,skipped"`
	Run      string          `json:"run,omitempty"`
	Replayed bool            `json:"replayed,omitempty" doc:"It was done by an earlier request with the same key"`
	Requests []string        `json:"request_ids,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
	Problem  *fault.Problem  `json:"problem,omitempty"`
}

// BatchRequest is many actions through one connection in one call.
type BatchRequest struct {
	Connection string
	Caller     access.Caller
	Steps      []Step
	Key        string // required where a step writes: each step's key is made of it and the step's id
}

const (
	// batchWorkers is how many steps run at a time: three full envelopes of reads.
	batchWorkers = 60
	// maxWrong is about how many wrong fields a refusal lists.
	maxWrong = 20
	// maxBatchOutput bounds what a batch answers with, in bytes; what is beyond it is left out, and said.
	maxBatchOutput = 32 << 20
)

// Batch runs the steps, each through the corridor as if it had come alone: its own rights, claim, outcome and audit entry. Steps that do
// not depend on one another run at the same time, and what they read at the same moment leaves as one $batch. Nothing is run when any
// step is wrong in itself. Sent again with the same key, it goes on where it was broken off.
func (r *Runner) Batch(ctx context.Context, q BatchRequest) ([]StepResult, error) {
	b := &batch{r: r, q: q, results: make([]StepResult, len(q.Steps)), outputs: make([]json.RawMessage, len(q.Steps)), at: map[string]int{}, allowed: map[string]error{}, blocks: make([][]int, len(q.Steps)), waitsFor: make([]int, len(q.Steps))}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	b.ctx, b.gathering = graph.Gather(ctx)
	b.mu.Lock()
	for i := range q.Steps {
		if b.waitsFor[i] == 0 {
			b.ready = append(b.ready, i)
		}
	}
	b.start()
	b.mu.Unlock()
	b.done.Wait()
	return b.results, nil
}

// batch is a run of Batch.
type batch struct {
	r         *Runner
	q         BatchRequest
	ctx       context.Context
	gathering *graph.Gathering
	at        map[string]int   // step by id
	allowed   map[string]error // by action: why the corridor will refuse it, or nil
	blocks    [][]int          // steps that wait for a step
	done      sync.WaitGroup

	mu       sync.Mutex
	waitsFor []int // how many steps a step still waits for
	ready    []int
	running  int
	results  []StepResult
	outputs  []json.RawMessage // of steps that others wait for
	answered int               // bytes of outputs in results
}

// start begins what is ready, as far as there is room. The lock is held.
func (b *batch) start() {
	for len(b.ready) > 0 && b.running < batchWorkers {
		i := b.ready[0]
		b.ready = b.ready[1:]
		b.running++
		b.gathering.Join()
		b.done.Go(func() { b.work(i) })
	}
}

// work runs a step. The next steps join the gathering before this one leaves it, so that no envelope goes too early.
func (b *batch) work(i int) {
	defer b.gathering.Leave()
	result := b.run(i)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish(i, result)
	b.running--
	b.start()
}

// run brings one step to its result.
func (b *batch) run(i int) StepResult {
	step := b.q.Steps[i]
	out := StepResult{ID: step.ID, Action: step.Action, State: StepDone}
	input, err := b.input(step)
	if err == nil {
		a, _ := b.r.registry.Lookup(step.Action)
		request := Request{Action: step.Action, Connection: b.q.Connection, Caller: b.q.Caller, Input: input}
		if a.Effect != Reads {
			request.Key = b.key(step)
		}
		var result Result
		result, err = b.r.Do(b.ctx, request)
		out.Run, out.Replayed, out.Requests, out.Output = result.Run, result.Replayed, result.Requests, result.Output
	}
	if err != nil {
		p := fault.As(err).Problem()
		out.Problem, out.State = &p, StepRefused
		if fault.KindOf(err) == fault.Unclear {
			out.State = StepUnclear
		}
	}
	return out
}

// finish keeps a result, and makes ready or leaves out what waited for it. The lock is held.
func (b *batch) finish(i int, result StepResult) {
	b.results[i] = result
	if result.State != StepDone {
		b.skip(i)
		return
	}
	if len(b.blocks[i]) > 0 {
		b.outputs[i] = result.Output
	}
	for _, next := range b.blocks[i] {
		if b.waitsFor[next]--; b.waitsFor[next] == 0 && b.results[next].State == "" {
			b.ready = append(b.ready, next)
		}
	}
	if b.answered += len(result.Output); b.answered > maxBatchOutput {
		b.answered -= len(result.Output)
		b.results[i].Output, b.results[i].Problem = nil, leftOut(result)
	}
}

// skip leaves out everything that waits for a step that was not done. The lock is held.
func (b *batch) skip(failed int) {
	for _, next := range b.blocks[failed] {
		if b.results[next].State != "" {
			continue
		}
		step := b.q.Steps[next]
		p := (&fault.Error{Kind: fault.Conflict, Code: "earlier_step_failed", Operation: step.Action, Message: fmt.Sprintf("The step %s waits for %s, which was not done", step.ID, b.q.Steps[failed].ID),
			Cause: "Nothing was tried", Fix: "Correct " + b.q.Steps[failed].ID + " and send the batch again with the same key: what is done is not done again", Who: "you"}).Problem()
		b.results[next] = StepResult{ID: step.ID, Action: step.Action, State: StepSkipped, Problem: &p}
		b.skip(next)
	}
}

func leftOut(r StepResult) *fault.Problem {
	f := &fault.Error{Kind: fault.TooLarge, Code: "output_left_out", Operation: r.Action, Message: "The step is done; its output did not fit into the batch's answer any more", Fix: "Ask for less in one batch, or run the step alone", Who: "you"}
	if r.Run != "" {
		f.Fix = "See run " + r.Run
	}
	p := f.Problem()
	return &p
}

// key is a step's own idempotency key.
func (b *batch) key(s Step) string { return b.q.Key + "/" + s.ID }

// prepare finds everything that is wrong before anything is done, and who waits for whom.
func (b *batch) prepare(ctx context.Context) error {
	var wrong []fault.Field
	for i, s := range b.q.Steps {
		if _, twice := b.at[s.ID]; twice {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("steps[%d].id", i), Message: "is the name of an earlier step"})
		}
		if strings.Contains(s.ID, "/") {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("steps[%d].id", i), Message: "must not contain /, which ends it where an input names it"})
		}
		b.at[s.ID] = i
	}
	for i, s := range b.q.Steps {
		problems, err := b.look(ctx, s)
		if err != nil {
			return err
		}
		if len(wrong) >= maxWrong {
			break // whoever reads it mends the first ones first
		}
		for _, p := range append(problems, b.link(i, s)...) {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("steps[%d].%s", i, p.Name), Message: p.Message})
		}
	}
	if len(wrong) == 0 && b.circular() {
		wrong = append(wrong, fault.Field{Name: "steps", Message: "wait for one another in a circle"})
	}
	if len(wrong) > 0 {
		return fault.BadFields(wrong...)
	}
	return nil
}

// look checks a step as the corridor will, as far as it can be told before the steps before it are done.
func (b *batch) look(ctx context.Context, s Step) ([]fault.Field, error) {
	a, ok := b.r.registry.Lookup(s.Action)
	switch {
	case !ok || a.Target != OnConnection:
		return []fault.Field{{Name: "action", Message: fmt.Sprintf("%q is no action on a connection", s.Action)}}, nil
	case len(a.Streams) > 0:
		return []fault.Field{{Name: "action", Message: s.Action + " answers with a stream, which does not fit here"}}, nil
	case slices.ContainsFunc(a.Files, func(f File) bool { return f.Required }):
		return []fault.Field{{Name: "action", Message: s.Action + " takes a file, which does not fit here"}}, nil
	case a.Effect != Reads && b.q.Key == "":
		return nil, fault.BadField("Idempotency-Key", "is missing: the step %s writes, and a repeated request must not be a second effect", s.ID)
	case a.Effect != Reads && len(b.key(s)) > maxKey:
		return nil, fault.BadField("Idempotency-Key", "must have at most %d characters together with a step's id", maxKey-1)
	}
	if err := b.mayRun(ctx, a); err != nil {
		return nil, named(s, err)
	}
	if len(references(s.Input)) > 0 {
		return nil, nil // what it will be is not known yet
	}
	input, err := inputText(s.Input)
	if err != nil {
		return nil, err
	}
	if _, err = a.check(input); err != nil {
		return inStep(err)
	}
	return nil, nil
}

// mayRun asks what the corridor will ask of each step, once for all steps of one action.
func (b *batch) mayRun(ctx context.Context, a Action) error {
	err, known := b.allowed[a.Name]
	if !known {
		_, err = b.r.allowed(ctx, a, Request{Connection: b.q.Connection, Caller: b.q.Caller})
		b.allowed[a.Name] = err
	}
	return err
}

// inStep gives the wrong fields of a step's input.
func inStep(err error) (fields []fault.Field, _ error) {
	known := (*fault.Error)(nil)
	if !errors.As(err, &known) || len(known.Fields) == 0 {
		return nil, err
	}
	for _, f := range known.Fields {
		fields = append(fields, fault.Field{Name: "input." + f.Name, Message: f.Message})
	}
	return fields, nil
}

// named says which step a refusal is about.
func named(s Step, err error) error {
	known := (*fault.Error)(nil)
	if !errors.As(err, &known) {
		return err
	}
	f := *known
	if f.Operation == "" {
		f.Operation = s.Action
	}
	f.Message = "Step " + s.ID + ": " + f.Message
	return &f
}

// link notes for whom a step waits.
func (b *batch) link(i int, s Step) (wrong []fault.Field) {
	waits := map[int]bool{}
	for n, id := range s.After {
		j, ok := b.at[id]
		if !ok || j == i {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("after[%d]", n), Message: fmt.Sprintf("%q is no other step of this batch", id)})
			continue
		}
		waits[j] = true
	}
	for _, ref := range references(s.Input) {
		id, _, ok := splitReference(ref)
		j, known := b.at[id]
		if !ok || !known || j == i {
			wrong = append(wrong, fault.Field{Name: "input", Message: fmt.Sprintf(`{"$from": %q} names no other step of this batch and a field of what it gives`, ref)})
			continue
		}
		waits[j] = true
	}
	for j := range waits {
		b.blocks[j] = append(b.blocks[j], i)
		b.waitsFor[i]++
	}
	return wrong
}

// circular says whether some steps wait for one another.
func (b *batch) circular() bool {
	left := slices.Clone(b.waitsFor)
	var free []int
	for i, n := range left {
		if n == 0 {
			free = append(free, i)
		}
	}
	seen := 0
	for ; seen < len(free); seen++ {
		for _, next := range b.blocks[free[seen]] {
			if left[next]--; left[next] == 0 {
				free = append(free, next)
			}
		}
	}
	return seen < len(left)
}
