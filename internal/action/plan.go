package action

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// PlanJob is the kind of job that brings a plan to its end: it expires, or what was approved runs although its process died.
const PlanJob = "action.plan"

// PlanState is where a plan stands.
type PlanState string

// The states of a plan.
const (
	PlanWaiting  PlanState = "waiting"  // for a person or a rule
	PlanApproved PlanState = "approved" // it runs
	PlanRejected PlanState = "rejected"
	PlanExpired  PlanState = "expired" // nobody decided in time
	PlanDone     PlanState = "done"
	PlanRefused  PlanState = "refused" // approved, and then the hub or Microsoft refused it: nothing happened
	PlanUnclear  PlanState = "unclear" // as its run
)

const (
	planLife   = 24 * time.Hour
	maxWaiting = 100      // plans of one agent that wait at a time
	planKey    = "plan-"  // its run's idempotency key begins with it: that is what makes it run once
	planLease  = runLease // how long whoever approved has to run it before the job does
	byRule     = "rule:"  // what a plan's decider begins with where no person decided
	planPause  = 5 * time.Second
)

// Plan is an effect that somebody proposed and that happens once a person or a rule approves it. What it would do is sealed until then, and
// erased when it is over.
type Plan struct {
	ID          string          `json:"id"`
	Action      string          `json:"action"`
	Effect      string          `json:"effect"`
	Connection  string          `json:"connection"`
	Proposer    string          `json:"proposer" doc:"On whose behalf it was proposed"`
	Agent       string          `json:"agent,omitempty" doc:"The agent that proposed it"`
	InputDigest string          `json:"input_sha256" doc:"Whoever approves names it: it stands for exactly this action with exactly this input"`
	State       PlanState       `json:"state" enum:"waiting,approved,rejected,expired,done,refused,unclear"`
	DecidedBy   string          `json:"decided_by,omitempty" doc:"The person, or the rule"`
	Run         string          `json:"run,omitempty"`
	Problem     *fault.Problem  `json:"problem,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	ExpiresAt   time.Time       `json:"expires_at"`
	EndedAt     time.Time       `json:"ended_at,omitzero"`
	Input       json.RawMessage `json:"input,omitempty" doc:"What it would do; while it waits"`
	Output      json.RawMessage `json:"output,omitempty" doc:"What its run gave"`

	callerKind, callerID string
	sealed               []byte
}

// Propose keeps what a caller wants done until somebody decides. Whatever can be told before the call is told now. The same proposal again
// gives the plan that waits; where a rule approves, it has run when this returns.
func (r *Runner) Propose(ctx context.Context, q Request) (Plan, error) {
	a, ok := r.registry.Lookup(q.Action)
	if !ok || a.Target != OnConnection || a.Effect == Reads {
		return Plan{}, fault.BadField("action", "%q is no action that changes something through a connection", q.Action)
	}
	for _, f := range a.Files {
		if f.Required {
			return Plan{}, FileRefused(f)
		}
	}
	c, err := r.allowed(ctx, a, q)
	if err != nil {
		return Plan{}, err
	}
	if _, err := a.check(q.Input); err != nil {
		return Plan{}, err
	}
	now := r.clock.Now()
	p := Plan{ID: store.NewID(now), Action: a.Name, Effect: a.Effect.String(), Connection: c.ID, Proposer: q.Caller.String(), Agent: q.Caller.Agent.ID, InputDigest: inputDigest(a, q),
		State: PlanWaiting, CreatedAt: now, ExpiresAt: now.Add(planLife), callerKind: q.Caller.Kind, callerID: q.Caller.ID}
	rule, err := r.standingRule(ctx, p, c.Owner)
	if err != nil {
		return Plan{}, err
	}
	earlier, err := r.keepPlan(ctx, &p, q.Input, rule)
	if err != nil || earlier != nil {
		return orPlan(earlier), err
	}
	if p.State == PlanApproved {
		return r.carryOut(ctx, p)
	}
	return p, nil
}

func orPlan(p *Plan) Plan {
	if p == nil {
		return Plan{}
	}
	return *p
}

// FileRefused says that a file has to come another way, and how large it may be there.
func FileRefused(f File) error {
	return &fault.Error{Kind: fault.NotSupported, Code: "file_not_here", Message: fmt.Sprintf("%s is a file of up to %d bytes, which a plan does not hold", f.Name, f.Max),
		Cause: "A plan is text that a person reads before approving it", Fix: "Send the file over REST (multipart/form-data), the command line (--file) or the console", Who: "you"}
}

// keepPlan commits the plan, already approved where a rule says so.
func (r *Runner) keepPlan(ctx context.Context, p *Plan, input json.RawMessage, rule string) (earlier *Plan, err error) {
	if p.sealed, err = r.ledger.vault.Seal(planRef(p.ID), input); err != nil {
		return nil, err
	}
	err = r.ledger.store.InTx(ctx, "action.propose", func(tx *store.Tx) error {
		if earlier, err = waitingTwin(ctx, tx, *p); err != nil || earlier != nil {
			return err
		}
		if err := roomFor(ctx, tx, *p); err != nil {
			return err
		}
		approved, err := stillThere(ctx, tx, rule)
		if err != nil {
			return err
		}
		due := p.ExpiresAt
		if approved {
			p.State, p.DecidedBy, due = PlanApproved, byRule+rule, p.CreatedAt.Add(planLease)
		}
		if err := insertPlan(ctx, tx, *p); err != nil {
			return err
		}
		if err := r.jobs.Schedule(ctx, tx, PlanJob, p.ID, due); err != nil {
			return err
		}
		return r.recordPlan(ctx, tx, p.Proposer, "plan.propose", *p)
	})
	return earlier, err
}

func planRef(id string) string { return "action_plan/" + id + "/input" }

func (r *Runner) recordPlan(ctx context.Context, tx *store.Tx, by, what string, p Plan) error {
	e := audit.Entry{Actor: by, Action: what, Target: p.Connection, Outcome: string(p.State), Run: p.Run, Detail: map[string]any{"plan": p.ID, "action": p.Action, "input_sha256": p.InputDigest}}
	if p.Agent != "" {
		e.Detail["agent"] = p.Agent
	}
	if rule, ok := strings.CutPrefix(p.DecidedBy, byRule); ok {
		e.Detail["rule"] = rule
	}
	return r.audit.Record(ctx, tx, e)
}

// Approve lets a plan run, once and now. The digest says what was read: a plan that is not exactly that is refused.
func (r *Runner) Approve(ctx context.Context, by access.Caller, id, digest string) (Plan, error) {
	p, err := r.decide(ctx, by, id, "plan.approve", func(p *Plan) error {
		if digest != p.InputDigest {
			return &fault.Error{Kind: fault.Conflict, Code: "plan_changed", Message: "What you approve is not what this plan would do",
				Cause: "The digest you sent is not the plan's", Fix: "Read the plan again, then approve it with its input_sha256", Who: "you"}
		}
		p.State = PlanApproved
		return nil
	})
	if err != nil {
		return p, err
	}
	return r.carryOut(ctx, p)
}

// Reject ends a plan; what it would have done is erased.
func (r *Runner) Reject(ctx context.Context, by access.Caller, id string) (Plan, error) {
	return r.decide(ctx, by, id, "plan.reject", func(p *Plan) error {
		p.State, p.EndedAt = PlanRejected, r.clock.Now()
		return nil
	})
}

// decide commits a person's word on a plan that waits. Of two words the first counts.
func (r *Runner) decide(ctx context.Context, by access.Caller, id, what string, word func(*Plan) error) (Plan, error) {
	p, err := r.visiblePlan(ctx, by, id)
	if err != nil {
		return p, err
	}
	c, err := r.connections.Lookup(ctx, p.Connection)
	if err != nil {
		return p, err
	}
	if err := decides(by, c.ID, c.Owner); err != nil {
		return p, err
	}
	if p.over(r.clock.Now()) || p.State != PlanWaiting {
		return p, planOver(p)
	}
	if err := word(&p); err != nil {
		return p, err
	}
	p.DecidedBy = by.String()
	err = r.ledger.store.InTx(ctx, "action.decide", func(tx *store.Tx) error {
		n, err := movePlan(ctx, tx, p, PlanWaiting)
		if err != nil {
			return err
		}
		if n == 0 {
			return planOver(p)
		}
		if p.State == PlanApproved {
			err = r.jobs.Schedule(ctx, tx, PlanJob, p.ID, r.clock.Now().Add(planLease))
		} else {
			err = r.jobs.Cancel(ctx, tx, PlanJob, p.ID)
		}
		if err != nil {
			return err
		}
		return r.recordPlan(ctx, tx, p.DecidedBy, what, p)
	})
	return p, err
}

func (p Plan) over(now time.Time) bool { return p.State == PlanWaiting && !now.Before(p.ExpiresAt) }

func planOver(p Plan) error {
	return &fault.Error{Kind: fault.Conflict, Code: "plan_over", Message: "This plan is decided already, or nobody decided in time",
		Cause: fmt.Sprintf("It was made at %s and waits %s", p.CreatedAt.UTC().Format(time.RFC3339), planLife), Fix: "Have it proposed anew", Who: "you"}
}
