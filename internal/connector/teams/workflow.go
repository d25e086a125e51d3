package teams

import (
	"context"
	"encoding/json"
	"fmt"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// WorkflowPostIn is a post by way of a workflow.
type WorkflowPostIn struct {
	URL  string         `json:"url" minLength:"1" maxLength:"4000" format:"password" writeOnly:"true" doc:"Address that the workflow shows (When a Teams webhook request is received). A secret: whoever has it can post"`
	Card map[string]any `json:"card,omitempty" doc:"Adaptive Card as JSON"`
	Text string         `json:"text,omitempty" maxLength:"10000" doc:"A text, instead: the hub makes a card of it"`
}

// Check names every field that cannot be.
func (in WorkflowPostIn) Check() error {
	switch {
	case (in.Text == "") == (in.Card == nil):
		return fault.BadField("card", "give either card or text")
	case in.Card == nil:
		return nil
	}
	return fault.OfFields(wrongCard("card", in.Card))
}

// Handed says what became of it: a workflow tells no more.
type Handed struct {
	Accepted bool   `json:"accepted" doc:"The workflow has taken it; whether it posted stands in its history"`
	Note     string `json:"note"`
}

func workflowActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.workflow.post", Summary: "Post a card by way of a workflow: the one way that needs nobody signed in.", Effect: action.Writes,
			Foreign: "an address of Power Automate, which needs no token", Capability: m365.Teams}, postByWorkflow, action.WithReconcile(postedByWorkflow)),
	}
}

func (in WorkflowPostIn) message() (graph.CardMessage, error) {
	card := in.Card
	if card == nil {
		card = map[string]any{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
			"body": []any{map[string]any{"type": "TextBlock", "text": in.Text, "wrap": true}}}
	}
	m := graph.CardMessage{Type: "message", Attachments: []graph.CardSent{{ContentType: cardType, Content: card}}}
	if text, err := json.Marshal(m); err != nil || len(text) > largest {
		return m, fault.BadField("card", "%s", fmt.Sprintf("is %d bytes with its envelope; Teams takes about %d, and a workflow does not say so", len(text), largest))
	}
	return m, nil
}

func postByWorkflow(ctx context.Context, c action.Call, in WorkflowPostIn) (Handed, error) {
	w, err := c.Bound.Graph.ReadWorkflow(in.URL)
	if err != nil {
		return Handed{}, err
	}
	m, err := in.message()
	if err != nil {
		return Handed{}, err
	}
	if err := c.Checkpoint(ctx, struct{}{}); err != nil {
		return Handed{}, err
	}
	if err := c.Bound.Graph.PostWorkflow(ctx, w, m); err != nil {
		return Handed{}, err
	}
	return Handed{true, "Taken, which is no proof that it was posted: the workflow's own history tells"}, nil
}

// postedByWorkflow answers an unclear post: a workflow has no place to ask, so what may have left stays open and is not sent again.
func postedByWorkflow(ctx context.Context, c action.Call, _ WorkflowPostIn) (Handed, action.Answer, error) {
	var s struct{}
	known, err := c.Recall(ctx, &s)
	if err != nil || !known {
		return Handed{}, action.NotStarted, err
	}
	return Handed{}, action.StillOpen, nil
}
