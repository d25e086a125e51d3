package admin

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/customer"
	"seneschal/internal/entra"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/m365"
	"seneschal/internal/privacy"
)

// Hub is what the administration works on. Runner is set after the registry is made: actions are listed by actions.
type Hub struct {
	Connections *connection.Service
	Customers   *customer.Service
	Feeds       *feed.Service
	Access      *access.Access
	Audit       *audit.Log
	Events      *event.Log
	Webhooks    *event.Webhooks
	Clock       clock.Clock
	Runner      *action.Runner
	Privacy     *privacy.Service
	// Sees tells which communications a caller may see.
	Sees func(ctx context.Context, by access.Caller, communications []string) (map[string]bool, error)
	// LoginURL turns a login token into the address a person opens.
	LoginURL func(token string) string
}

// Actions are all actions of the administration.
func (h *Hub) Actions() []action.Action {
	all := h.connectionActions()
	all = append(all, h.peopleActions()...)
	all = append(all, h.customerActions()...)
	all = append(all, h.feedActions()...)
	all = append(all, h.eventActions()...)
	all = append(all, h.webhookActions()...)
	all = append(all, h.catalogueActions()...)
	all = append(all, h.planActions()...)
	all = append(all, h.batchActions()...)
	all = append(all, h.agentActions()...)
	all = append(all, h.auditActions()...)
	all = append(all, h.privacyActions()...)
	all = append(all, h.reviewActions()...)
	return append(all, h.recordActions()...)
}

// CatalogueEntry is an action as the catalogue lists it.
type CatalogueEntry struct {
	Name        string              `json:"name"`
	Summary     string              `json:"summary"`
	Effect      string              `json:"effect"`
	Modes       []m365.Mode         `json:"modes,omitempty"`
	Capability  m365.Capability     `json:"capability,omitempty"`
	Operations  []m365.OperationKey `json:"operations,omitempty"`
	Application []string            `json:"application_permissions,omitempty"`
	Delegated   []string            `json:"delegated_permissions,omitempty"`
	Files       []action.File       `json:"files,omitempty"`
}

type catalogue struct {
	Actions []CatalogueEntry `json:"actions"`
}

type catalogueDetail struct {
	CatalogueEntry
	Input  any `json:"input" doc:"JSON schema"`
	Output any `json:"output" doc:"JSON schema"`
}

type byName struct {
	Name string `json:"name" doc:"Name of the action"`
}

type codeIn struct {
	Code string `json:"code" doc:"An AADSTS code, with or without the prefix"`
}

type runIn struct {
	ID string `json:"id" doc:"Id of the run"`
}

type runsIn struct {
	Connection string    `json:"connection,omitempty" doc:"Only of this connection"`
	Before     time.Time `json:"before,omitzero" doc:"Only runs started before this time"`
	Limit      int       `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many; 50 without"`
}

type runsOut struct {
	Runs []action.Run `json:"runs"`
}

func entryOf(a action.Action) CatalogueEntry {
	e := CatalogueEntry{Name: a.Name, Summary: a.Summary, Effect: a.Effect.String(), Capability: a.Capability, Operations: a.Operations, Files: a.Files}
	if a.Target == action.OnConnection {
		e.Modes, e.Application, e.Delegated = a.Modes(), a.Permissions(m365.Application), a.Permissions(m365.Delegated)
	}
	return e
}

func (h *Hub) catalogueActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "action.list", Summary: "List the actions with their modes and permissions.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /actions"}, func(context.Context, action.Call, none) (catalogue, error) {
			out := catalogue{Actions: []CatalogueEntry{}}
			for _, a := range h.Runner.Registry().All() {
				if a.Target == action.OnConnection {
					out.Actions = append(out.Actions, entryOf(a))
				}
			}
			return out, nil
		}),
		action.Define(action.Spec{Name: "action.show", Summary: "Show one action with the schema of its input and output.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /actions/{name}", Args: []string{"name"}}, func(_ context.Context, _ action.Call, in byName) (catalogueDetail, error) {
			a, ok := h.Runner.Registry().Lookup(in.Name)
			if !ok {
				return catalogueDetail{}, fault.Missing("action", in.Name)
			}
			return catalogueDetail{entryOf(a), a.Input(), a.Output()}, nil
		}),
		action.Define(action.Spec{Name: "explain.code", Summary: "Explain an error code of Microsoft Entra: cause, fix and who can make it.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /explain/{code}", CLI: "explain", Args: []string{"code"}}, func(_ context.Context, _ action.Call, in codeIn) (entra.Explanation, error) {
			e, ok := entra.Explain(in.Code)
			if !ok {
				return e, &fault.Error{Kind: fault.NotFound, Code: "code_unknown", Message: in.Code + " is not among the codes we know",
					Fix: "Look it up at https://login.microsoftonline.com/error", Who: "you"}
			}
			return e, nil
		}),
		action.Define(action.Spec{Name: "run.show", Summary: "Show where a run stands.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /runs/{id}", Args: []string{"id"}}, func(ctx context.Context, c action.Call, in runIn) (action.Run, error) {
			return h.visibleRun(ctx, c.Caller, in.ID)
		}),
		action.Define(action.Spec{Name: "run.list", Summary: "List the newest runs.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /runs"}, h.listRuns),
		action.Define(action.Spec{Name: "run.again", Summary: "Do once more what a run did or was refused: a new effect, with your own rights.", Effect: action.Writes, Target: action.OnHub, Scope: access.Acting, Keyed: true,
			Route: "POST /runs/{id}/again", Args: []string{"id"}}, h.runAgain),
		action.Define(action.Spec{Name: "run.reconcile", Summary: "Find out now what became of an unclear run.", Effect: action.Writes, Target: action.OnHub, Scope: access.HubWrite,
			Route: "POST /runs/{id}/reconcile", Args: []string{"id"}}, func(ctx context.Context, _ action.Call, in runIn) (action.Run, error) {
			return h.Runner.Reconcile(ctx, in.ID)
		}),
	}
}

// visibleRun finds a run that the caller may see; of another's nobody below admin learns that it is there.
func (h *Hub) visibleRun(ctx context.Context, by access.Caller, id string) (action.Run, error) {
	run, err := h.Runner.LookupRun(ctx, id)
	if own := onlyOwn(by); err == nil && own != "" && run.Caller != own {
		return action.Run{}, fault.Missing("run", id)
	}
	return run, err
}

// runAgain reaches the runs that the caller may see.
func (h *Hub) runAgain(ctx context.Context, c action.Call, in runIn) (again, error) {
	if err := access.Allow(c.Caller, access.Want{Scope: access.HubRead}); err != nil { // who may not see runs must not learn which ones there are
		return again{}, err
	}
	run, err := h.visibleRun(ctx, c.Caller, in.ID)
	if err != nil {
		return again{}, err
	}
	result, err := h.Runner.Again(ctx, c.Caller, run, c.Key)
	return again{Run: result.Run, State: result.State, Replayed: result.Replayed, Output: result.Output}, err
}

// again is what came of running something again.
type again struct {
	Run      string          `json:"run"`
	State    action.State    `json:"state"`
	Replayed bool            `json:"replayed,omitempty" doc:"It was done by an earlier request with the same key"`
	Output   json.RawMessage `json:"output,omitempty"`
}

// onlyOwn is the name under which somebody's own runs stand, for those who see no others: people below admin.
func onlyOwn(c access.Caller) string {
	if c.Kind == "person" && c.Role != access.Admin {
		return c.String()
	}
	return ""
}

func (h *Hub) listRuns(ctx context.Context, call action.Call, in runsIn) (runsOut, error) {
	connectionID := ""
	if in.Connection != "" {
		c, err := h.Connections.Lookup(ctx, in.Connection)
		if err != nil {
			return runsOut{}, err
		}
		connectionID = c.ID
	}
	runs, err := h.Runner.Runs(ctx, action.RunsQuery{Connection: connectionID, Caller: onlyOwn(call.Caller), Before: in.Before, Limit: orDefault(in.Limit)})
	return runsOut{runs}, err
}

func orDefault(limit int) int {
	if limit == 0 {
		return 50
	}
	return limit
}

type usageOut struct {
	Budgets  []connection.BudgetUse `json:"budgets" doc:"What is used and left of Microsoft's limits now"`
	Traffic  []connection.Traffic   `json:"traffic" doc:"What was asked in the last 24 hours"`
	Troubles []connection.Trouble   `json:"troubles" doc:"Services of Microsoft's that fail now, as this hub sees them"`
}

func (h *Hub) recordActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "usage.list", Summary: "List what is used and left of each of Microsoft's request limits, and how the requests of the last day went, as this hub counts.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /usage", CLI: "usage"}, func(ctx context.Context, c action.Call, _ none) (usageOut, error) {
			budgets, err := h.Connections.Usage(ctx)
			if onlyOwn(c.Caller) != "" { // what happens in single mailboxes and conversations is not theirs to see
				budgets = slices.DeleteFunc(budgets, func(b connection.BudgetUse) bool { return b.Mailbox != "" || b.Part != "" })
			}
			if err != nil {
				return usageOut{}, err
			}
			out := usageOut{Budgets: budgets}
			if out.Traffic, err = h.Connections.Traffic(ctx, h.Clock.Now().Add(-24*time.Hour)); err != nil {
				return out, err
			}
			out.Troubles, err = h.Connections.Troubles(ctx)
			return out, err
		}),
	}
}
