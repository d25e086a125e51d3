package admin

import (
	"context"
	"encoding/json"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
)

type proposalIn struct {
	Connection string         `json:"connection" doc:"Id or name of the connection to act through"`
	Action     string         `json:"action" doc:"Name of the action"`
	Input      map[string]any `json:"input" doc:"The action's input"`
}

type planID struct {
	ID string `json:"id" doc:"Id of the plan"`
}

type approvalIn struct {
	ID          string `json:"id" doc:"Id of the plan"`
	InputDigest string `json:"input_sha256" doc:"The digest of what you read: plan show tells it"`
}

type plansIn struct {
	State  action.PlanState `json:"state,omitempty" enum:"waiting,approved,rejected,expired,done,refused,unclear" doc:"Only plans in this state"`
	Before time.Time        `json:"before,omitzero" doc:"Only plans made before this time"`
	Limit  int              `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many; 50 without"`
}

type plansOut struct {
	Plans []action.Plan `json:"plans"`
}

type ruleIn struct {
	Agent      string `json:"agent" doc:"The agent, as its plans name it: apikey:ID"`
	Action     string `json:"action" doc:"Name of an action that writes; what deletes is always asked about"`
	Connection string `json:"connection" doc:"Id or name of the connection"`
}

type ruleID struct {
	ID string `json:"id" doc:"Id of the rule"`
}

type rulesOut struct {
	Rules []action.Rule `json:"rules"`
}

func (h *Hub) planActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "plan.propose", Summary: "Propose something that changes Microsoft 365: it happens once, when a person or a rule approves it.", Effect: action.Writes, Plans: true, Target: action.OnHub, Scope: access.Planned,
			Route: "POST /plans", CLI: "-"}, func(ctx context.Context, c action.Call, in proposalIn) (action.Plan, error) {
			text, err := json.Marshal(in.Input)
			if err != nil {
				return action.Plan{}, err
			}
			return h.Runner.Propose(ctx, action.Request{Action: in.Action, Connection: in.Connection, Caller: c.Caller, Input: text})
		}),
		action.Define(action.Spec{Name: "plan.list", Summary: "List the plans you made or may decide, newest first.", Effect: action.Reads, Target: action.OnHub, Scope: access.Planned,
			Route: "GET /plans"}, func(ctx context.Context, c action.Call, in plansIn) (plansOut, error) {
			plans, err := h.Runner.PlansOf(ctx, c.Caller, action.PlansQuery{State: in.State, Before: in.Before, Limit: orDefault(in.Limit)})
			return plansOut{plans}, err
		}),
		action.Define(action.Spec{Name: "plan.show", Summary: "Show a plan: what it would do, who decided, and what came of it.", Effect: action.Reads, Target: action.OnHub, Scope: access.Planned,
			Route: "GET /plans/{id}", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in planID) (action.Plan, error) {
			return h.Runner.LookupPlan(ctx, c.Caller, in.ID)
		}),
		action.Define(action.Spec{Name: "plan.approve", Summary: "Approve a plan; it runs now, once.", Effect: action.Writes, Target: action.OnHub, Scope: access.Decide,
			Route: "POST /plans/{id}/approve", Args: []string{"id", "input_sha256"}}, func(ctx context.Context, c action.Call, in approvalIn) (action.Plan, error) {
			return h.Runner.Approve(ctx, c.Caller, in.ID, in.InputDigest)
		}),
		action.Define(action.Spec{Name: "plan.reject", Summary: "Reject a plan; it never runs.", Effect: action.Writes, Target: action.OnHub, Scope: access.Decide,
			Route: "POST /plans/{id}/reject", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in planID) (action.Plan, error) {
			return h.Runner.Reject(ctx, c.Caller, in.ID)
		}),
		action.Define(action.Spec{Name: "plan.rule.list", Summary: "List the rules that approve plans.", Effect: action.Reads, Target: action.OnHub, Scope: access.Decide,
			Route: "GET /plan-rules"}, func(ctx context.Context, c action.Call, _ none) (rulesOut, error) {
			rules, err := h.Runner.Rules(ctx, c.Caller)
			return rulesOut{rules}, err
		}),
		action.Define(action.Spec{Name: "plan.rule.add", Summary: "Have one action of one agent approved by itself, through one connection.", Effect: action.Writes, Target: action.OnHub, Scope: access.Decide,
			Route: "POST /plan-rules", Args: []string{"agent", "action", "connection"}}, func(ctx context.Context, c action.Call, in ruleIn) (action.Rule, error) {
			return h.Runner.AddRule(ctx, c.Caller, in.Agent, in.Action, in.Connection)
		}),
		action.Define(action.Spec{Name: "plan.rule.remove", Summary: "End a rule at once.", Effect: action.Deletes, Target: action.OnHub, Scope: access.Decide,
			Route: "DELETE /plan-rules/{id}", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in ruleID) (none, error) {
			return none{}, h.Runner.RemoveRule(ctx, c.Caller, in.ID)
		}),
	}
}
