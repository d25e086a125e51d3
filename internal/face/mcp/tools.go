package mcp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"seneschal/internal/access"
	"seneschal/internal/action"
)

// everyday are the actions that an agent sees without asking for more: what people ask an assistant for, few enough to be read whole with
// every question.
var everyday = []string{
	"connection.list", "directory.user.list",
	"mail.message.list", "mail.message.get", "mail.message.send", "mail.draft.create", "mail.message.move",
	"calendar.event.list", "calendar.event.get", "calendar.times.find", "calendar.event.create", "calendar.event.update", "calendar.event.respond",
	"contact.search", "contact.create",
	"todo.list.list", "todo.task.list", "todo.task.create", "todo.task.update",
	"drive.item.search", "drive.item.list", "teams.channel_message.send",
	"customer.list", "communication.list", "communication.body",
	"plan.list", "plan.show",
}

// The arguments that tools have besides the action's own.
const (
	connectionArg = "connection"
	partArg       = "part"
)

// toolName is an action's name at this face.
func toolName(action string) string { return strings.ReplaceAll(action, ".", "_") }

// offered says whether an action can be a tool at all. What changes the hub itself cannot: an agent that could make keys, rules or
// connections would have no fence. Nor can what answers with bytes: a tool answers with text.
func offered(a action.Action) bool {
	switch {
	case len(a.Streams) > 0:
		return false
	case a.Target == action.OnHub:
		return a.Effect == action.Reads && a.Scope != access.AdminOnly
	}
	return true
}

// mayCall says whether a caller may use a tool somewhere; the corridor asks again, for the connection that is meant.
func mayCall(c access.Caller, a action.Action) bool {
	if a.Target == action.OnHub {
		return access.Allow(c, a.Wants()) == nil
	}
	if a.Effect == action.Reads {
		return c.Anywhere(access.ActionRead)
	}
	return c.Anywhere(access.ActionWrite)
}

// toolOf describes an action as a tool.
func toolOf(a action.Action) (*sdk.Tool, error) {
	schema, err := inputOf(a)
	if err != nil {
		return nil, err
	}
	reads, deletes, outside := a.Effect == action.Reads, a.Effect == action.Deletes, a.Target == action.OnConnection
	return &sdk.Tool{
		Name: toolName(a.Name), Title: a.Name, Description: describe(a), InputSchema: schema,
		// Proposing the same again gives the plan that waits already.
		Annotations: &sdk.ToolAnnotations{Title: strings.TrimSuffix(a.Summary, "."), ReadOnlyHint: reads, DestructiveHint: &deletes, IdempotentHint: true, OpenWorldHint: &outside},
	}, nil
}

func describe(a action.Action) string {
	text := a.Summary
	if a.Effect != action.Reads {
		text += " Gives a plan: nothing happens until a person or a rule approves it. Ask plan_show what came of it."
	}
	for _, f := range a.Files {
		need := "may be given"
		if f.Required {
			need = "is needed"
		}
		text += fmt.Sprintf(" The file %s %s over REST or the command line only, up to %d bytes.", f.Name, need, f.Max)
	}
	return text
}

// inputOf is the action's own schema and the face's arguments beside it.
func inputOf(a action.Action) (map[string]any, error) {
	text, err := json.Marshal(a.Input())
	if err != nil {
		return nil, err
	}
	schema := map[string]any{}
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	fields, _ := schema["properties"].(map[string]any)
	if fields == nil {
		fields = map[string]any{}
	}
	if a.Target == action.OnConnection {
		fields[connectionArg] = map[string]any{"type": "string", "description": "Id or name of the connection to act through: connection_list tells them"}
		required, _ := schema["required"].([]any)
		schema["required"] = append(required, connectionArg)
	}
	if a.Effect == action.Reads {
		fields[partArg] = map[string]any{"type": "integer", "minimum": 1, "description": "Which part of an answer that is too long for one; the first without"}
	}
	schema["properties"] = fields
	return schema, nil
}

// chosen are the actions that a session sees.
func chosen(r *action.Registry, all bool, may func(action.Action) bool) []action.Action {
	var out []action.Action
	for _, a := range r.All() {
		if (all || slices.Contains(everyday, a.Name)) && offered(a) && may(a) {
			out = append(out, a)
		}
	}
	return out
}
