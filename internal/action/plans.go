package action

import (
	"context"
	"encoding/json"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

const planColumns = `id, action, connection, caller_kind, caller_id, caller, agent, input_digest, input_sealed, state, decided_by, run, problem, created_at, expires_at, ended_at`

func (r *Runner) scanPlan(s store.Scanner) (p Plan, err error) {
	var created, expires, ended int64
	var problem string
	if err = s.Scan(&p.ID, &p.Action, &p.Connection, &p.callerKind, &p.callerID, &p.Proposer, &p.Agent, &p.InputDigest, &p.sealed, &p.State, &p.DecidedBy, &p.Run, &problem,
		&created, &expires, &ended); err != nil {
		return p, err
	}
	p.CreatedAt, p.ExpiresAt, p.EndedAt = store.Time(created), store.Time(expires), store.Time(ended)
	if a, ok := r.registry.Lookup(p.Action); ok {
		p.Effect = a.Effect.String()
	}
	if problem != "" {
		p.Problem = &fault.Problem{}
		err = json.Unmarshal([]byte(problem), p.Problem)
	}
	return p, err
}

func (p Plan) problemText() (string, error) {
	if p.Problem == nil {
		return "", nil
	}
	text, err := json.Marshal(p.Problem)
	return string(text), err
}

func insertPlan(ctx context.Context, tx *store.Tx, p Plan) error {
	_, err := tx.ExecContext(ctx, "insert into action_plan ("+planColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', '', $12, $13, 0)",
		p.ID, p.Action, p.Connection, p.callerKind, p.callerID, p.Proposer, p.Agent, p.InputDigest, p.sealed, string(p.State), p.DecidedBy, store.Millis(p.CreatedAt), store.Millis(p.ExpiresAt))
	return err
}

// movePlan writes a plan's new state if it still stands where it stood. What it would do is erased when it is over; its run has what it needs.
func movePlan(ctx context.Context, tx *store.Tx, p Plan, from PlanState) (int64, error) {
	problem, err := p.problemText()
	if err != nil {
		return 0, err
	}
	sealed := p.sealed
	if p.State != PlanWaiting && p.State != PlanApproved && p.State != PlanUnclear {
		sealed = nil
	}
	return store.Affected(ctx, tx, "update action_plan set state = $1, decided_by = $2, run = $3, problem = $4, ended_at = $5, input_sealed = $6 where id = $7 and state = $8",
		string(p.State), p.DecidedBy, p.Run, problem, store.Millis(p.EndedAt), sealed, p.ID, string(from))
}

// waitingTwin finds the same proposal of the same agent while it waits.
func waitingTwin(ctx context.Context, tx *store.Tx, p Plan) (*Plan, error) {
	var id string
	var created, expires int64
	err := tx.QueryRowContext(ctx, `select id, created_at, expires_at from action_plan where agent = $1 and caller_kind = $2 and caller_id = $3 and connection = $4 and input_digest = $5
		and state = $6 and expires_at > $7`, p.Agent, p.callerKind, p.callerID, p.Connection, p.InputDigest, string(PlanWaiting), store.Millis(p.CreatedAt)).Scan(&id, &created, &expires)
	if store.IsNoRows(err) {
		return nil, nil
	}
	p.ID, p.CreatedAt, p.ExpiresAt = id, store.Time(created), store.Time(expires)
	return &p, err
}

func roomFor(ctx context.Context, tx *store.Tx, p Plan) error {
	var n int
	if err := tx.QueryRowContext(ctx, "select count(*) from action_plan where agent = $1 and caller_kind = $2 and caller_id = $3 and state = $4 and expires_at > $5", p.Agent, p.callerKind, p.callerID, string(PlanWaiting), store.Millis(p.CreatedAt)).Scan(&n); err != nil {
		return err
	}
	if n < maxWaiting {
		return nil
	}
	return &fault.Error{Kind: fault.Throttled, Code: "too_many_plans", Message: "As many plans wait for a decision as may wait at a time", Fix: "Have some of them approved or rejected, then propose again", Who: "a person who may act through the connection", RetryAfter: time.Minute}
}

func (r *Runner) planRow(ctx context.Context, id string) (Plan, error) {
	p, err := r.scanPlan(r.ledger.store.Reader().QueryRowContext(ctx, "select "+planColumns+" from action_plan where id = $1", id))
	if store.IsNoRows(err) {
		return p, fault.Missing("plan", id)
	}
	return p, err
}

// seesPlan says who may look at a plan: the agent that made it, and whoever may decide.
func seesPlan(by access.Caller, p Plan, owner string) bool {
	if by.Agent.ID != "" {
		return by.Agent.ID == p.Agent && by.Kind == p.callerKind && by.ID == p.callerID
	}
	return by.Kind == p.callerKind && by.ID == p.callerID || decides(by, p.Connection, owner) == nil
}

func (r *Runner) visiblePlan(ctx context.Context, by access.Caller, id string) (Plan, error) {
	p, err := r.planRow(ctx, id)
	if err != nil {
		return p, err
	}
	owner, err := r.ownerOf(ctx, p.Connection)
	if err != nil {
		return p, err
	}
	if !seesPlan(by, p, owner) {
		return Plan{}, fault.Missing("plan", id)
	}
	return p, nil
}

// ownerOf is whose a connection is; one that is gone is nobody's, and its plans are the admins' to see.
func (r *Runner) ownerOf(ctx context.Context, connection string) (string, error) {
	c, err := r.connections.Lookup(ctx, connection)
	if fault.KindOf(err) == fault.NotFound {
		return "", nil
	}
	return c.Owner, err
}

// LookupPlan shows a plan with what it would do while it waits, and what came of it afterwards.
func (r *Runner) LookupPlan(ctx context.Context, by access.Caller, id string) (Plan, error) {
	p, err := r.visiblePlan(ctx, by, id)
	if err != nil {
		return p, err
	}
	if p.over(r.clock.Now()) {
		p.State, p.sealed = PlanExpired, nil
	}
	if len(p.sealed) > 0 {
		if p.Input, err = r.ledger.vault.Open(ctx, planRef(p.ID), p.sealed); err != nil {
			return p, err
		}
		if a, ok := r.registry.Lookup(p.Action); ok {
			if p.Input, err = withoutSecrets(a, p.Input); err != nil {
				return p, err
			}
		}
	}
	if p.State != PlanDone {
		return p, nil
	}
	run, err := r.RunOfKey(ctx, p.Connection, planKey+p.ID)
	if err != nil || run == nil {
		return p, err
	}
	p.Output, err = r.ledger.output(ctx, *run)
	return p, err
}

// withoutSecrets hides those fields of an input that are handed in and never shown; the digest stands for them.
func withoutSecrets(a Action, input json.RawMessage) (json.RawMessage, error) {
	var fields map[string]any
	if err := json.Unmarshal(input, &fields); err != nil {
		return nil, err
	}
	hidden := false
	for name, p := range a.Input().Properties {
		if _, given := fields[name]; given && p.WriteOnly {
			fields[name], hidden = "(secret)", true
		}
	}
	if !hidden {
		return input, nil
	}
	return encode(fields)
}

// PlansQuery narrows a list of plans; empty fields do not.
type PlansQuery struct {
	State  PlanState
	Before time.Time
	Limit  int
}

// PlansOf lists the newest plans that somebody may see, without what they would do.
func (r *Runner) PlansOf(ctx context.Context, by access.Caller, q PlansQuery) ([]Plan, error) {
	now := r.clock.Now()
	if q.Before.IsZero() {
		q.Before = now.Add(time.Hour)
	}
	owners := map[string]string{}
	out := []Plan{}
	for before, last := store.Millis(q.Before), "~"; ; {
		page, err := store.Select(ctx, r.ledger.store.Reader(), r.scanPlan, "select "+planColumns+` from action_plan where ($1 = '' or agent = $2)
			and (created_at < $3 or created_at = $4 and id < $5) order by created_at desc, id desc limit 200`, by.Agent.ID, by.Agent.ID, before, before, last)
		if err != nil || len(page) == 0 {
			return out, err
		}
		for _, p := range page {
			before, last = store.Millis(p.CreatedAt), p.ID
			if _, known := owners[p.Connection]; !known {
				if owners[p.Connection], err = r.ownerOf(ctx, p.Connection); err != nil {
					return nil, err
				}
			}
			if p.over(now) {
				p.State = PlanExpired
			}
			if seesPlan(by, p, owners[p.Connection]) && (q.State == "" || p.State == q.State) {
				out = append(out, p)
			}
			if len(out) == q.Limit {
				return out, nil
			}
		}
	}
}
