package admin

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/action"
)

type agentsOut struct {
	Agents []access.AgentState `json:"agents"`
}

type agentID struct {
	ID string `json:"id" doc:"The agent: apikey:ID, client:ID or local:NAME; agent list tells them"`
}

type budgetIn struct {
	ID     string `json:"id" doc:"The agent: apikey:ID, client:ID or local:NAME; agent list tells them"`
	Hourly int64  `json:"hourly_calls" minimum:"0" maximum:"1000000" doc:"What it may ask in an hour"`
}

type grantID struct {
	Grant string `json:"grant" doc:"What a person allowed: agent list tells it"`
}

func (h *Hub) agentActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "agent.list", Summary: "List the agents that act for you, or as an admin for anybody, with what they used.", Effect: action.Reads, Target: action.OnHub, Scope: access.Self, Route: "GET /agents"},
			func(ctx context.Context, c action.Call, _ none) (agentsOut, error) {
				person := ""
				if c.Caller.Role != access.Admin {
					person = c.Caller.ID
				}
				agents, err := h.Access.Agents(ctx, person)
				return agentsOut{agents}, err
			}),
		action.Define(action.Spec{Name: "agent.stop", Summary: "Stop an agent at once: it is refused everything, and what it proposed does not happen.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /agents/{id}/stop", Args: []string{"id"}},
			func(ctx context.Context, c action.Call, in agentID) (none, error) {
				return none{}, h.Access.SwitchAgent(ctx, c.Caller, in.ID, true)
			}),
		action.Define(action.Spec{Name: "agent.start", Summary: "Let a stopped agent go on.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "POST /agents/{id}/start", Args: []string{"id"}},
			func(ctx context.Context, c action.Call, in agentID) (none, error) {
				return none{}, h.Access.SwitchAgent(ctx, c.Caller, in.ID, false)
			}),
		action.Define(action.Spec{Name: "agent.budget", Summary: "Say how often an agent may ask in an hour.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite, Route: "PUT /agents/{id}/budget", Args: []string{"id"}},
			func(ctx context.Context, c action.Call, in budgetIn) (none, error) {
				return none{}, h.Access.SetAgentBudget(ctx, c.Caller, in.ID, in.Hourly)
			}),
		action.Define(action.Spec{Name: "agent.revoke", Summary: "Take back what a person allowed a program: your own, or as an admin anybody's.", Effect: action.Deletes, Target: action.OnHub, Scope: access.Self, Route: "DELETE /agent-grants/{grant}", Args: []string{"grant"}},
			func(ctx context.Context, c action.Call, in grantID) (none, error) {
				return none{}, h.Access.RevokeGrant(ctx, c.Caller, in.Grant)
			}),
	}
}
