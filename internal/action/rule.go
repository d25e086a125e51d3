package action

import (
	"context"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// Rule approves in a person's place: one action, through one connection, for one agent. What deletes is always asked about.
type Rule struct {
	ID         string    `json:"id"`
	Agent      string    `json:"agent" doc:"The agent, as its plans name it: apikey:ID"`
	Action     string    `json:"action"`
	Connection string    `json:"connection"`
	CreatedBy  string    `json:"created_by"`
	CreatedAt  time.Time `json:"created_at"`
}

// AddRule makes a rule. Who may approve such a plan may make it.
func (r *Runner) AddRule(ctx context.Context, by access.Caller, agent, name, connection string) (Rule, error) {
	a, ok := r.registry.Lookup(name)
	if !ok || a.Target != OnConnection || a.Effect != Writes {
		return Rule{}, fault.BadField("action", "%q is no action that a rule may approve: one that writes through a connection and deletes nothing", name)
	}
	if agent == "" {
		return Rule{}, fault.BadField("agent", "is empty; plans name theirs")
	}
	c, err := r.connections.Lookup(ctx, connection)
	if err != nil {
		return Rule{}, err
	}
	if err := decides(by, c.ID, c.Owner); err != nil {
		return Rule{}, err
	}
	now := r.clock.Now()
	rule := Rule{ID: store.NewID(now), Agent: agent, Action: a.Name, Connection: c.ID, CreatedBy: by.String(), CreatedAt: now}
	err = r.ledger.store.InTx(ctx, "action.rule", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into action_rule (id, agent, action, connection, maker_kind, maker_id, created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
			rule.ID, rule.Agent, rule.Action, rule.Connection, by.Kind, by.ID, rule.CreatedBy, store.Millis(now)); err != nil {
			return err
		}
		return r.audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "plan.rule.add", Target: c.ID, Outcome: "done", Detail: map[string]any{"rule": rule.ID, "agent": agent, "action": a.Name}})
	})
	if store.IsDuplicate(err) {
		err = &fault.Error{Kind: fault.Conflict, Code: "rule_exists", Message: "There is such a rule already", Fix: "See it with seneschal plan rule list", Who: "you"}
	}
	return rule, err
}

// Rules lists the rules on connections for which somebody may approve.
func (r *Runner) Rules(ctx context.Context, by access.Caller) ([]Rule, error) {
	all, err := store.Select(ctx, r.ledger.store.Reader(), scanRule, "select id, agent, action, connection, created_by, created_at from action_rule order by id")
	if err != nil {
		return nil, err
	}
	out := []Rule{}
	for _, rule := range all {
		owner, err := r.ownerOf(ctx, rule.Connection)
		if err != nil {
			return nil, err
		}
		if decides(by, rule.Connection, owner) == nil {
			out = append(out, rule)
		}
	}
	return out, nil
}

func scanRule(s store.Scanner) (rule Rule, err error) {
	var created int64
	err = s.Scan(&rule.ID, &rule.Agent, &rule.Action, &rule.Connection, &rule.CreatedBy, &created)
	rule.CreatedAt = store.Time(created)
	return rule, err
}

// RemoveRule ends a rule at once.
func (r *Runner) RemoveRule(ctx context.Context, by access.Caller, id string) error {
	rules, err := r.Rules(ctx, by)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if rule.ID != id {
			continue
		}
		return r.ledger.store.InTx(ctx, "action.rule", func(tx *store.Tx) error {
			if _, err := tx.ExecContext(ctx, "delete from action_rule where id = $1", id); err != nil {
				return err
			}
			return r.audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "plan.rule.remove", Target: rule.Connection, Outcome: "done", Detail: map[string]any{"rule": id}})
		})
	}
	return fault.Missing("rule", id)
}

// standingRule is the rule that approves a plan; "" where there is none, or whoever made it could not approve the plan any more.
func (r *Runner) standingRule(ctx context.Context, p Plan, owner string) (string, error) {
	if p.Agent == "" || p.Effect != Writes.String() {
		return "", nil
	}
	var id, kind, maker string
	err := r.ledger.store.Reader().QueryRowContext(ctx, "select id, maker_kind, maker_id from action_rule where agent = $1 and action = $2 and connection = $3", p.Agent, p.Action, p.Connection).Scan(&id, &kind, &maker)
	if store.IsNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	by, err := r.callers(ctx, kind, maker, "")
	if k := fault.KindOf(err); k == fault.NotFound || k == fault.Forbidden || err == nil && decides(by, p.Connection, owner) != nil {
		return "", nil //nolint:nilerr // whoever made it is gone: a person decides, as if there were none
	}
	return id, err
}

// stillThere says whether a rule was not removed meanwhile.
func stillThere(ctx context.Context, tx *store.Tx, rule string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, "select count(*) from action_rule where id = $1", rule).Scan(&n)
	return n > 0, err
}
