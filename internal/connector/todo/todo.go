package todo

import (
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
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

// Deleted names what is gone.
type Deleted struct {
	ID string `json:"id"`
}

// Probe reads the id of one list. It proves the capability todo, which apps have by Microsoft's permission data and not by all of its pages
// (graph/FACTS §9).
func Probe(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, graph.Owner.TodoLists, graph.Top(1))
}
