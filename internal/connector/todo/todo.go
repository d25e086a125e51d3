package todo

import (
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// The operations of Microsoft Graph that the actions call.
const (
	lists m365.OperationKey = "/users/{user-id}/todo/lists"
	list                    = lists + "/{todoTaskList-id}"
	tasks                   = list + "/tasks"
	task                    = tasks + "/{todoTask-id}"
	steps                   = task + "/checklistItems"
	step                    = steps + "/{checklistItem-id}"
	links                   = task + "/linkedResources"
	link                    = links + "/{linkedResource-id}"
)

const (
	get    m365.OperationKey = "GET "
	post   m365.OperationKey = "POST "
	patch  m365.OperationKey = "PATCH "
	remove m365.OperationKey = "DELETE "
	delta  m365.OperationKey = "/delta()"
)

// Actions are what the hub can do with tasks.
func Actions() []action.Action {
	return slices.Concat(listActions(), taskActions(), changeActions(), stepActions(), linkActions())
}

// Mailbox says whose tasks are meant.
type Mailbox struct {
	User string `json:"user,omitempty" doc:"Mailbox by address or id; the signed-in person without"`
}

// place is the mailbox of an input, and the client that reaches it.
type place struct {
	graph.Owner
	g *graph.Client
}

func (m Mailbox) in(c action.Call) (place, error) {
	owner, err := c.Bound.Graph.Owner(m365.UserID(m.User))
	return place{owner, c.Bound.Graph}, err
}

// Deleted names what is gone.
type Deleted struct {
	ID string `json:"id"`
}

func refuse(wrong []fault.Field) error {
	if len(wrong) == 0 {
		return nil
	}
	return fault.BadFields(wrong...)
}

// Probe reads the id of one list. It proves the capability todo, which apps have by Microsoft's permission data and not by all of its pages
// (graph/FACTS §9).
func Probe(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	var p graph.Proof
	owner, err := g.Owner(mailbox)
	if err != nil {
		return p, err
	}
	_, err = graph.Get[struct{}](ctx, g, owner.TodoLists(), graph.Top(1), graph.Prove(&p))
	return p, err
}
