package calendar

import (
	"context"
	"fmt"
	"net/mail"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ForwardIn passes an invitation on.
type ForwardIn struct {
	EventIn
	To      []string `json:"to" minItems:"1" maxItems:"100" doc:"Whom to invite, like ben@contoso.example or Ben Okafor <ben@contoso.example>: each gets a mail from Microsoft"`
	Comment string   `json:"comment,omitempty" maxLength:"10000" doc:"Words to them"`
}

// Check names each recipient that is none.
func (in ForwardIn) Check() error {
	var wrong []fault.Field
	for i, text := range in.To {
		wrong = append(wrong, wrongPerson(fmt.Sprintf("to[%d]", i), text)...)
	}
	return fault.OfFields(wrong)
}

// Forwarded names an invitation that was passed on.
type Forwarded struct {
	ID string `json:"id"`
}

type forwarding struct {
	ToRecipients []graph.Recipient `json:"toRecipients"`
	Comment      string            `json:"comment"`
}

func forwardActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.event.forward", Summary: "Pass an invitation on by mail; forwarded by an attendee, the organizer is told and has them as attendees.", Effect: action.Writes,
			Operations: []m365.OperationKey{readEvent, forwardEvent}, Capability: m365.Calendar, Args: []string{"event"}}, forward, action.WithReconcile(forwarded)),
	}
}

func forward(ctx context.Context, c action.Call, in ForwardIn) (Forwarded, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Forwarded{}, err
	}
	if _, err := note(ctx, c, box, path, Version{}); err != nil {
		return Forwarded{}, err
	}
	ask := forwarding{Comment: in.Comment}
	for _, text := range in.To {
		if a, err := mail.ParseAddress(text); err == nil { // Check refused others
			ask.ToRecipients = append(ask.ToRecipients, graph.Recipient{EmailAddress: graph.EmailAddress{Name: a.Name, Address: a.Address}})
		}
	}
	return Forwarded{in.Event}, graph.Call(ctx, box.Graph, path.Sub("forward"), ask)
}

// forwarded answers an unclear forward: nothing in the mailbox tells whether the mail left, so one that may have stays open, for a person to
// ask.
func forwarded(ctx context.Context, c action.Call, _ ForwardIn) (Forwarded, action.Answer, error) {
	var b before
	known, err := c.Recall(ctx, &b)
	if err != nil || !known {
		return Forwarded{}, action.NotStarted, err
	}
	return Forwarded{}, action.StillOpen, nil
}
