package action

import (
	"context"
	"errors"
	"fmt"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// admit is where the corridor is narrower for agents: every call stands in the record before anything is done, and an effect has to be an
// approved plan's.
func (r *Runner) admit(ctx context.Context, a Action, q Request) error {
	if q.plan == "" && a.Effect != Reads && !a.Plans {
		return &fault.Error{Kind: fault.Forbidden, Code: "plan_needed", Message: "An agent changes nothing by itself: " + a.Name + " needs a plan that somebody approves",
			Cause: "The call came from the agent " + q.Caller.Agent.ID, Fix: "Propose it with plan.propose", Who: "you", Alternatives: []string{"a person who does it in the console"}}
	}
	if a.Scope == access.AdminOnly {
		return &fault.Error{Kind: fault.Forbidden, Code: "not_for_agents", Message: "Agents may not do this, whoever they act for", Fix: "Do it yourself, in the console or on the hub's host", Who: "an admin of this hub"}
	}
	target := ""
	if q.Connection != "" {
		if c, err := r.connections.Lookup(ctx, q.Connection); err == nil {
			target = c.ID
		}
	}
	entry := audit.Entry{Actor: q.Caller.String(), Action: a.Name, Target: target, Outcome: "asked", Detail: map[string]any{"agent": q.Caller.Agent.ID}}
	if q.plan != "" {
		entry.Detail["plan"] = q.plan
	}
	err := r.ledger.store.InTx(ctx, "action.admit", func(tx *store.Tx) error {
		if err := r.counted(ctx, tx, q.Caller); err != nil {
			return err
		}
		return r.audit.Record(ctx, tx, entry)
	})
	if known := (*fault.Error)(nil); err != nil && !errors.As(err, &known) {
		return fmt.Errorf("nothing was done, as the call could not be recorded: %w", err)
	}
	return err
}

// decides says whether somebody may approve what would be done through a connection: a person who could do it, or the host's operator.
func decides(by access.Caller, connection, owner string) error {
	if by.Agent.ID != "" || by.Kind != "person" && by.Kind != "local" {
		return &fault.Error{Kind: fault.Forbidden, Code: "not_a_person", Message: "A plan is approved by a person, or by a rule that a person made",
			Fix: "Approve it in the console, or on the hub's host: seneschal plan approve", Who: "a person who may act through the connection"}
	}
	return access.Allow(by, access.Want{Scope: access.ActionWrite, Connection: connection, Owner: owner})
}
