package place

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Mailbox says whose mail, calendar, contacts or tasks are meant.
type Mailbox struct {
	User string `json:"user,omitempty" doc:"Mailbox by address or id; the signed-in person without"`
}

// In is the mailbox as the call reaches it.
func (m Mailbox) In(c action.Call) (Place, error) { return Of(c, m.User) }

// Place is a person's place, and the client that reaches it.
type Place struct {
	graph.Owner
	Graph *graph.Client
}

// Of is the place of a user by address or id; the signed-in person's without.
func Of(c action.Call, user string) (Place, error) {
	owner, err := c.Bound.Graph.Owner(m365.UserID(user))
	return Place{owner, c.Bound.Graph}, err
}

// Probe reads what lies at a place of a user, and gives the proof of the answer.
func Probe(ctx context.Context, g *graph.Client, user m365.UserID, at func(graph.Owner) graph.Path, opts ...graph.Option) (graph.Proof, error) {
	var p graph.Proof
	owner, err := g.Owner(user)
	if err != nil {
		return p, err
	}
	_, err = graph.Get[struct{}](ctx, g, at(owner), append(opts, graph.Prove(&p))...)
	return p, err
}
