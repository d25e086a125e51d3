package mail

import (
	"cmp"
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// RuleList is all rules of an inbox, in the order in which they run.
type RuleList struct {
	Rules []Rule `json:"rules"`
}

// RuleIn names one rule.
type RuleIn struct {
	place.Mailbox
	Rule string `json:"rule" minLength:"1" doc:"Id of the rule"`
}

func (in RuleIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.InboxRule(in.Rule), err
}

// RuleCreateIn is a new rule. Microsoft wants a name, a place and something to do (mailfolder-post-messagerules.md).
type RuleCreateIn struct {
	place.Mailbox
	Name       string          `json:"name" minLength:"1" maxLength:"255" doc:"Name of the rule"`
	Sequence   int             `json:"sequence" minimum:"1" maximum:"2147483647" doc:"Its place among the rules: they run from the lowest up"`
	Enabled    *bool           `json:"enabled,omitempty" doc:"Whether it runs; it does without"`
	Conditions *RuleConditions `json:"conditions,omitempty" doc:"What a message must be; every message without"`
	Exceptions *RuleConditions `json:"exceptions,omitempty" doc:"What a message must not be"`
	Actions    RuleActions     `json:"actions" doc:"What it does"`
}

// Check names every field that cannot be.
func (in RuleCreateIn) Check() error {
	return fault.OfFields(append(append(in.Conditions.wrong("conditions"), in.Exceptions.wrong("exceptions")...), in.Actions.wrong()...))
}

// RuleUpdateIn changes a rule. What is left out stays; each of conditions, exceptions and actions is written whole.
type RuleUpdateIn struct {
	RuleIn
	Name       *string                         `json:"name,omitempty" minLength:"1" maxLength:"255" doc:"Name of the rule"`
	Sequence   *int                            `json:"sequence,omitempty" minimum:"1" maximum:"2147483647" doc:"Its place among the rules: they run from the lowest up"`
	Enabled    *bool                           `json:"enabled,omitempty" doc:"Whether it runs"`
	Conditions action.Nullable[RuleConditions] `json:"conditions,omitzero" doc:"What a message must be, the whole of it; null: every message"`
	Exceptions action.Nullable[RuleConditions] `json:"exceptions,omitzero" doc:"What a message must not be, the whole of it; null for none"`
	Actions    *RuleActions                    `json:"actions,omitempty" doc:"What it does, the whole of it"`
}

// Check wants something to change, and names every field that cannot be.
func (in RuleUpdateIn) Check() error {
	wrong := append(in.Conditions.Value().wrong("conditions"), in.Exceptions.Value().wrong("exceptions")...)
	if in.Actions != nil {
		wrong = append(wrong, in.Actions.wrong()...)
	}
	if in.Name == nil && in.Sequence == nil && in.Enabled == nil && in.Conditions.IsZero() && in.Exceptions.IsZero() && in.Actions == nil {
		wrong = append(wrong, fault.Field{Name: "name", Message: "nothing is to be changed: give name, sequence, enabled, conditions, exceptions or actions"})
	}
	return fault.OfFields(wrong)
}

// RuleDeleted names a rule that is gone.
type RuleDeleted struct {
	ID string `json:"id"`
}

// A rule works on by itself: it may delete every mail that comes, and pass it on to strangers. Making and changing one has therefore the
// effect of a deletion, and is shown as one to people and agents.
func ruleActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.rule.list", Summary: "List the rules of an inbox, in the order in which they run.", Effect: action.Reads,
			Operations: []m365.OperationKey{listRules}, Capability: m365.MailSettings}, rulesOf),
		action.Define(action.Spec{Name: "mail.rule.get", Summary: "Read one rule of an inbox.", Effect: action.Reads,
			Operations: []m365.OperationKey{readRule}, Capability: m365.MailSettings, Args: []string{"rule"}},
			func(ctx context.Context, c action.Call, in RuleIn) (Rule, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Rule{}, err
				}
				r, err := graph.Get[graph.MessageRule](ctx, box.Graph, path)
				return ruleOf(r), err
			}),
		once.Define(action.Spec{Name: "mail.rule.create", Summary: "Make a rule of an inbox; it may delete mail that comes, or pass it on.", Effect: action.Deletes,
			Operations: []m365.OperationKey{listRules, createRule}, Capability: m365.MailSettings}, RuleCreateIn.addition),
		action.Define(action.Spec{Name: "mail.rule.update", Summary: "Change a rule of an inbox; it may delete mail that comes, or pass it on.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{changeRule}, Capability: m365.MailSettings, Args: []string{"rule"}}, updateRule),
		action.Define(action.Spec{Name: "mail.rule.delete", Summary: "Delete a rule of an inbox.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{deleteRule}, Capability: m365.MailSettings, Args: []string{"rule"}},
			func(ctx context.Context, c action.Call, in RuleIn) (RuleDeleted, error) {
				box, path, err := in.at(c)
				if err != nil {
					return RuleDeleted{}, err
				}
				return RuleDeleted{in.Rule}, graph.Delete(ctx, box.Graph, path)
			}),
	}
}

func rulesOf(ctx context.Context, c action.Call, in place.Mailbox) (RuleList, error) {
	box, err := in.In(c)
	if err != nil {
		return RuleList{Rules: []Rule{}}, err
	}
	list, err := rulesIn(ctx, box)
	return RuleList{list}, err
}

func rulesIn(ctx context.Context, box place.Place, opts ...graph.Option) ([]Rule, error) {
	out := []Rule{}
	for r, err := range graph.List[graph.MessageRule](ctx, box.Graph, box.InboxRules(), opts...) {
		if err != nil {
			return nil, err
		}
		out = append(out, ruleOf(r))
	}
	slices.SortStableFunc(out, func(a, b Rule) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return out, nil
}

// addition is the way of a rule that is made once. Rules have no place for a mark, and Outlook writes conditions its own way (the example
// has ADELE for adele), so a rule is told by its name.
func (in RuleCreateIn) addition(_ context.Context, c action.Call) (once.Addition[Rule], error) {
	box, err := in.In(c)
	enabled := in.Enabled == nil || *in.Enabled
	change := graph.MessageRuleChange{DisplayName: &in.Name, Sequence: &in.Sequence, IsEnabled: &enabled, Actions: in.Actions.graph()}
	if in.Conditions != nil {
		change.Conditions = graph.Set(in.Conditions.predicates())
	}
	if in.Exceptions != nil {
		change.Exceptions = graph.Set(in.Exceptions.predicates())
	}
	return once.Addition[Rule]{
		List: func(ctx context.Context, proof graph.Option) ([]Rule, error) { return rulesIn(ctx, box, proof) },
		ID:   func(r Rule) string { return r.ID },
		Is:   func(r Rule) bool { return r.Name == in.Name },
		Make: func(ctx context.Context) (Rule, error) {
			r, err := graph.Post[graph.MessageRule](ctx, box.Graph, box.InboxRules(), change)
			return ruleOf(r), err
		},
	}, err
}

func updateRule(ctx context.Context, c action.Call, in RuleUpdateIn) (Rule, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Rule{}, err
	}
	change := graph.MessageRuleChange{DisplayName: in.Name, Sequence: in.Sequence, IsEnabled: in.Enabled}
	if !in.Conditions.IsZero() {
		change.Conditions = graph.Set(in.Conditions.Value().predicates())
	}
	if !in.Exceptions.IsZero() {
		change.Exceptions = graph.Set(in.Exceptions.Value().predicates())
	}
	if in.Actions != nil {
		change.Actions = in.Actions.graph()
	}
	r, err := graph.Patch[graph.MessageRule](ctx, box.Graph, path, change, graph.Idempotent())
	return ruleOf(r), err
}
