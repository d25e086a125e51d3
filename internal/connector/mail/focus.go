package mail

import (
	"context"
	"net/mail"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Override says for one sender into which part of the inbox mail goes.
type Override struct {
	ID     string `json:"id"`
	Sender Person `json:"sender"`
	Part   string `json:"part" doc:"focused or other"`
}

// OverrideList is all of a mailbox.
type OverrideList struct {
	Overrides []Override `json:"overrides"`
}

// OverrideSetIn settles where mail of a sender goes.
type OverrideSetIn struct {
	place.Mailbox
	Sender string `json:"sender" minLength:"3" doc:"Sender: ada@contoso.example or Ada Lovelace <ada@contoso.example>"`
	Part   string `json:"part" enum:"focused,other" doc:"Part of the inbox that its mail goes into"`
}

// Check finds a sender that is none.
func (in OverrideSetIn) Check() error {
	if _, err := mail.ParseAddress(in.Sender); err != nil {
		return fault.BadField("sender", "is not an address like ada@contoso.example or Ada Lovelace <ada@contoso.example>")
	}
	return nil
}

// OverrideIn names one override.
type OverrideIn struct {
	place.Mailbox
	Override string `json:"override" minLength:"1" doc:"Id of the override"`
}

// OverrideDeleted names an override that is gone.
type OverrideDeleted struct {
	ID string `json:"id"`
}

func overrideOf(o graph.FocusOverride) Override {
	return Override{o.ID, Person(o.Sender), o.ClassifyAs}
}

// Setting is repeatable: another POST for the same address changes the override that there is (inferenceclassification-post-overrides.md).
func focusActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.focused.override.list", Summary: "List the senders for whom it is settled whether their mail is focused.", Effect: action.Reads,
			Operations: []m365.OperationKey{listOverrides}, Capability: m365.Mail},
			func(ctx context.Context, c action.Call, in place.Mailbox) (OverrideList, error) {
				out := OverrideList{Overrides: []Override{}}
				box, err := in.In(c)
				if err != nil {
					return out, err
				}
				for o, err := range graph.List[graph.FocusOverride](ctx, box.Graph, box.FocusOverrides()) {
					if err != nil {
						return OverrideList{}, err
					}
					out.Overrides = append(out.Overrides, overrideOf(o))
				}
				return out, nil
			}),
		action.Define(action.Spec{Name: "mail.focused.override.set", Summary: "Settle whether mail of a sender is focused, from now on.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{setOverride}, Capability: m365.Mail, Args: []string{"sender", "part"}},
			func(ctx context.Context, c action.Call, in OverrideSetIn) (Override, error) {
				box, err := in.In(c)
				if err != nil {
					return Override{}, err
				}
				sender := recipients([]string{in.Sender})[0].EmailAddress
				o, err := graph.Post[graph.FocusOverride](ctx, box.Graph, box.FocusOverrides(), graph.FocusOverride{ClassifyAs: in.Part, Sender: sender}, graph.Idempotent())
				return overrideOf(o), err
			}),
		action.Define(action.Spec{Name: "mail.focused.override.delete", Summary: "Let Outlook decide again whether mail of a sender is focused.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{deleteOverride}, Capability: m365.Mail, Args: []string{"override"}},
			func(ctx context.Context, c action.Call, in OverrideIn) (OverrideDeleted, error) {
				box, err := in.In(c)
				if err != nil {
					return OverrideDeleted{}, err
				}
				return OverrideDeleted{in.Override}, graph.Delete(ctx, box.Graph, box.FocusOverride(in.Override))
			}),
	}
}
