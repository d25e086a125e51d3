package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
)

// session is who calls, and the way to the corridor.
type session struct {
	caller access.Caller
	do     func(ctx context.Context, q action.Request) (action.Result, error)
}

// arguments are a tool call's, taken apart.
type arguments struct {
	connection string
	part       int
	input      json.RawMessage
}

// parse takes a tool's arguments apart. What is left is the action's input, which its schema checks.
func parse(a action.Action, raw json.RawMessage) (arguments, error) {
	out := arguments{part: 1}
	fields := map[string]json.RawMessage{}
	if text := bytes.TrimSpace(raw); len(text) > 0 && !bytes.Equal(text, []byte("null")) {
		if err := json.Unmarshal(text, &fields); err != nil {
			return out, fault.BadField("(arguments)", "must be a JSON object")
		}
	}
	if a.Target == action.OnConnection {
		if err := take(fields, connectionArg, &out.connection, "must be text: the id or name of a connection"); err != nil {
			return out, err
		}
	}
	if a.Effect == action.Reads {
		if err := take(fields, partArg, &out.part, "must be a whole number from 1 on"); err != nil {
			return out, err
		}
		if out.part < 1 {
			return out, fault.BadField(partArg, "must be a whole number from 1 on")
		}
	}
	for _, f := range a.Files {
		if _, given := fields[f.Name]; given || f.Required {
			return out, action.FileRefused(f)
		}
	}
	var err error
	out.input, err = json.Marshal(fields)
	return out, err
}

func take(fields map[string]json.RawMessage, name string, into any, wrong string) error {
	raw, ok := fields[name]
	if !ok {
		return nil
	}
	delete(fields, name)
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) || json.Unmarshal(raw, into) != nil {
		return fault.BadField(name, "%s", wrong)
	}
	return nil
}

// call does what a tool says. Whatever goes wrong is the tool's answer, so that the agent reads it and can do better.
func (s session) call(ctx context.Context, a action.Action, raw json.RawMessage) *sdk.CallToolResult {
	in, err := parse(a, raw)
	if err != nil {
		return refusal(err)
	}
	if a.Effect == action.Reads {
		result, err := s.do(ctx, action.Request{Action: a.Name, Connection: in.connection, Caller: s.caller, Input: in.input, Agent: true})
		if err != nil {
			return refusal(err)
		}
		return answer(result.Output, in.part)
	}
	proposal, err := json.Marshal(map[string]any{"action": a.Name, "connection": in.connection, "input": in.input})
	if err != nil {
		return refusal(err)
	}
	result, err := s.do(ctx, action.Request{Action: "plan.propose", Caller: s.caller, Input: proposal, Agent: true})
	if err != nil {
		return refusal(err)
	}
	return planned(result.Output)
}

// planned tells what became of a proposal.
func planned(output json.RawMessage) *sdk.CallToolResult {
	var p struct {
		ID    string           `json:"id"`
		State action.PlanState `json:"state"`
	}
	if err := json.Unmarshal(output, &p); err != nil {
		return refusal(err)
	}
	says := fmt.Sprintf("Nothing has happened yet. It is plan %s, which a person approves or rejects in the console or with \"seneschal plan approve\". Ask plan_show for what came of it.", p.ID)
	switch p.State {
	case action.PlanDone:
		says = "A rule approved it, and it is done, once: plan " + p.ID + "."
	case action.PlanRefused:
		says = "A rule approved it, and it was refused; nothing happened: plan " + p.ID + "."
	case action.PlanUnclear, action.PlanApproved:
		says = "A rule approved it; whether it happened is not known yet. Ask plan_show: plan " + p.ID + ". Do not propose it again before that."
	}
	r := answer(output, 1)
	r.Content = append([]sdk.Content{&sdk.TextContent{Text: says}}, r.Content...)
	r.IsError = p.State == action.PlanRefused
	return r
}

// refusal is a fault as a tool's answer: what happened, why, what to do, and who can.
func refusal(err error) *sdk.CallToolResult {
	p := fault.As(err).Problem()
	text, _ := json.Marshal(p) // strings and numbers always encode
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: string(text)}}}
}
