package access

import (
	"context"
	"strings"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// HourlyCalls is what an agent may ask in an hour unless an admin says otherwise: far more than a person who is watching notices, far less
// than a loop gone wrong.
const HourlyCalls = 1000

// AgentState is an agent with what it used, and whether it may go on.
type AgentState struct {
	ID         string    `json:"id"`
	Name       string    `json:"name" doc:"Of the key, or what the client calls itself"`
	For        string    `json:"for" doc:"On whose behalf it acts"`
	Grant      string    `json:"grant,omitempty" doc:"What its person allowed; empty for keys"`
	Writes     bool      `json:"writes" doc:"It may propose changes"`
	Stopped    bool      `json:"stopped"`
	StoppedBy  string    `json:"stopped_by,omitempty"`
	StoppedAt  time.Time `json:"stopped_at,omitzero"`
	HourlyCap  int64     `json:"hourly_calls" doc:"What it may ask in an hour"`
	Calls      int64     `json:"calls_this_hour"`
	LastCalled time.Time `json:"last_called_at,omitzero"`
	since      int64     // the hour that Calls counts
}

const agentColumns = "id, stopped_at, stopped_by, hourly, hour, calls, called_at"

func scanAgent(s store.Scanner) (g AgentState, err error) {
	var stopped, called int64
	err = s.Scan(&g.ID, &stopped, &g.StoppedBy, &g.HourlyCap, &g.since, &g.Calls, &called)
	g.Stopped, g.StoppedAt, g.LastCalled = stopped > 0, store.Time(stopped), store.Time(called)
	return g, err
}

// CountAgent counts a call of an agent in the transaction that records it, and refuses it where an admin stopped the agent or its hour is
// used up.
func (a *Access) CountAgent(ctx context.Context, tx *store.Tx, c Caller) error {
	now := a.Clock.Now()
	hour := store.Millis(now.Truncate(time.Hour))
	if err := touchAgent(ctx, tx, c.Agent.ID); err != nil {
		return err
	}
	g, err := scanAgent(tx.QueryRowContext(ctx, "update access_agent set calls = case when hour = $1 then calls + 1 else 1 end, hour = $2, called_at = $3 where id = $4 returning "+agentColumns,
		hour, hour, store.Millis(now), c.Agent.ID))
	switch {
	case err != nil:
		return err
	case g.Stopped:
		return agentStopped(g)
	case g.Calls > g.HourlyCap:
		return &fault.Error{Kind: fault.Throttled, Code: "agent_budget", Message: "This agent has asked as often as it may in an hour", Fix: "Go on in the next hour, or have its budget raised: seneschal agent budget", Who: "an admin of this hub",
			RetryAfter: now.Truncate(time.Hour).Add(time.Hour).Sub(now)}
	default:
		return nil
	}
}

func touchAgent(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.ExecContext(ctx, "insert into access_agent ("+agentColumns+") values ($1, 0, '', $2, 0, 0, 0) on conflict (id) do nothing", id, HourlyCalls)
	return err
}

func agentStopped(g AgentState) error {
	return &fault.Error{Kind: fault.Forbidden, Code: "agent_stopped", Message: "An admin stopped this agent", Cause: "It was stopped at " + g.StoppedAt.UTC().Format(time.RFC3339),
		Fix: "Ask why; it is started again in the console, or with seneschal agent start " + g.ID, Who: "an admin of this hub"}
}

// SwitchAgent stops an agent at once, or lets it go on. One that was never heard of can be stopped, too.
func (a *Access) SwitchAgent(ctx context.Context, by Caller, id string, stop bool) error {
	now, who, what := int64(0), "", "agent.start"
	if stop {
		now, who, what = store.Millis(a.Clock.Now()), by.String(), "agent.stop"
	}
	return a.changeAgent(ctx, by, id, what, "update access_agent set stopped_at = $1, stopped_by = $2 where id = $3", now, who, id)
}

// SetAgentBudget says how often an agent may ask in an hour.
func (a *Access) SetAgentBudget(ctx context.Context, by Caller, id string, hourly int64) error {
	return a.changeAgent(ctx, by, id, "agent.budget", "update access_agent set hourly = $1 where id = $2", hourly, id)
}

func (a *Access) changeAgent(ctx context.Context, by Caller, id, what, query string, args ...any) error {
	kind, rest, _ := strings.Cut(id, ":")
	if rest == "" || kind != "apikey" && kind != "client" && kind != "local" && kind != "person" {
		return fault.BadField("id", "%q is no agent; agent list tells them", id)
	}
	return a.Store.InTx(ctx, "access.agent", func(tx *store.Tx) error {
		if err := touchAgent(ctx, tx, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
		return a.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: what, Target: id, Outcome: "done"})
	})
}

// Agents lists what has asked as an agent, or may: API keys that did, and the clients that people allowed. Of a person, their own alone.
func (a *Access) Agents(ctx context.Context, person string) ([]AgentState, error) {
	states, err := store.Select(ctx, a.Store.Reader(), scanAgent, "select "+agentColumns+" from access_agent order by id")
	if err != nil {
		return nil, err
	}
	hour := store.Millis(a.Clock.Now().Truncate(time.Hour))
	known := map[string]AgentState{}
	for _, g := range states {
		if g.since != hour {
			g.Calls = 0
		}
		known[g.ID] = g
	}
	state := func(id string) AgentState {
		if g, ok := known[id]; ok {
			return g
		}
		return AgentState{ID: id, HourlyCap: HourlyCalls}
	}
	out := []AgentState{}
	grants, err := a.Grants(ctx, person)
	if err != nil {
		return nil, err
	}
	for _, grant := range grants {
		g := state("client:" + grant.Client)
		g.Name, g.For, g.Grant, g.Writes = grant.Name, "person:"+grant.PersonName, grant.ID, grant.Writes
		out = append(out, g)
	}
	if person != "" {
		return out, nil
	}
	keys, err := a.APIKeys(ctx)
	for _, k := range keys {
		if _, asked := known["apikey:"+k.ID]; asked {
			g := state("apikey:" + k.ID)
			g.Name, g.For, g.Writes = k.Name, k.CreatedBy, k.caller().Anywhere(ActionWrite)
			out = append(out, g)
		}
	}
	for _, g := range states {
		if name, ok := strings.CutPrefix(g.ID, "local:"); ok {
			g = state(g.ID)
			g.Name, g.For, g.Writes = name, g.ID, true
			out = append(out, g)
		}
	}
	return out, err
}

// Returning gives a caller as it is today, by kind, id and agent: for what was asked earlier and is done now.
func (a *Access) Returning(ctx context.Context, kind, id, agent string) (Caller, error) {
	c, err := a.today(ctx, kind, id)
	if err != nil || agent == "" {
		return c, err
	}
	client, ok := strings.CutPrefix(agent, "client:")
	if !ok {
		return c.ByAgent(), nil
	}
	grants, err := a.Grants(ctx, id)
	if err != nil {
		return Caller{}, err
	}
	reads := Caller{}
	for _, g := range grants {
		switch {
		case g.Client == client && g.Writes:
			return c.byClient(client, true), nil
		case g.Client == client:
			reads = c.byClient(client, false)
		}
	}
	if reads.Kind != "" {
		return reads, nil
	}
	return Caller{}, fault.Missing("agent", agent)
}

func (c Caller) byClient(client string, writes bool) Caller {
	c.Agent = Agent{ID: "client:" + client, For: c.String(), ReadOnly: !writes}
	return c
}

func (a *Access) today(ctx context.Context, kind, id string) (Caller, error) {
	switch kind {
	case "local":
		return Local(id), nil
	case "person":
		p, err := a.LookupPerson(ctx, id)
		if err == nil && p.ID != id {
			err = fault.Missing("person", id)
		}
		if err == nil && p.Disabled {
			err = refused(p.Name+" is disabled", "Ask an admin of this hub", "an admin of this hub", nil)
		}
		return p.Caller(), err
	case "apikey":
		k, err := scanKey(a.Store.Reader().QueryRowContext(ctx, "select "+keyColumns+" from access_apikey where id = $1", id))
		if store.IsNoRows(err) {
			return Caller{}, fault.Missing("apikey", id)
		}
		if err == nil && k.over(a.Clock.Now()) {
			err = k.expired()
		}
		return k.caller(), err
	default:
		return Caller{}, fault.Missing("caller", kind+":"+id)
	}
}
