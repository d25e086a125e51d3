package cli

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/spf13/cobra"

	"seneschal/internal/action"
)

// listed says which action lists what a flag, or the collection in a route, chooses from.
var listed = map[string]string{"connection": "connection.list", "connections": "connection.list", "customer": "customer.list", "customers": "customer.list",
	"person": "person.list", "people": "person.list"}

// suggester is cobra's form of a completion.
type suggester = func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective)

// choices suggests the names of what there is; nothing where that cannot be told now.
func (f *Face) choices(what string) suggester {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		result, err := f.do(cmd.Context(), action.Request{Action: listed[what]}, map[string]any{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return namesIn(result.Output), cobra.ShellCompDirectiveNoFileComp
	}
}

// namesIn gives the names in the one list an output holds.
func namesIn(output []byte) (names []string) {
	var lists map[string]json.RawMessage
	_ = json.Unmarshal(output, &lists) // no object, no names
	for _, raw := range lists {
		var items []struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(raw, &items) != nil {
			continue
		}
		for _, i := range items {
			names = append(names, i.Name)
		}
	}
	slices.Sort(names)
	return names
}

// actions suggests the names of actions; on a connection only, or all.
func (f *Face) actions(onConnection bool) suggester {
	return func(_ *cobra.Command, args []string, _ string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, a := range f.Registry.All() {
			if !onConnection || a.Target == action.OnConnection {
				out = append(out, cobra.CompletionWithDesc(a.Name, a.Summary))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeArgs suggests what a command's arguments can be: its route says which collection each is from.
func (f *Face) completeArgs(cmd *cobra.Command, a action.Action) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) < len(a.Args) {
			switch what := collection(a.Route, a.Args[len(args)]); {
			case what == "actions":
				return f.actions(false)(cmd, args, begun)
			case listed[what] != "":
				return f.choices(what)(cmd, args, begun)
			}
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// collection is the one that a placeholder of a route chooses from: connections of /connections/{id}.
func collection(route, placeholder string) string {
	head, _, ok := strings.Cut(route, "/{"+placeholder+"}")
	if !ok {
		return ""
	}
	return head[strings.LastIndexByte(head, '/')+1:]
}

// completeFlag suggests the values of a flag: those its schema allows, or the names of what there is.
func (f *Face) completeFlag(cmd *cobra.Command, flag string, p *huma.Schema) {
	var suggest suggester
	values := p.Enum
	if p.Items != nil {
		values = p.Items.Enum
	}
	switch _, ok := listed[flag]; {
	case len(values) > 0:
		var allowed []cobra.Completion
		for _, v := range values {
			if s, isText := v.(string); isText {
				allowed = append(allowed, s)
			}
		}
		suggest = cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp)
	case ok:
		suggest = f.choices(flag)
	default:
		return
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, suggest) // fails for unknown flags only
}
