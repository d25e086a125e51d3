package timeline

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/action"
)

// Actions are the engine's ways in for every face.
func (e *Engine) Actions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "communication.list", Summary: "List mail and meetings with a customer, newest first.", Effect: action.Reads, Target: action.OnHub, Scope: access.Communications,
			Route: "GET /customers/{customer}/communications", CLI: "customer communications", Args: []string{"customer"}}, func(ctx context.Context, c action.Call, in Query) (Result, error) {
			return e.List(ctx, c.Caller, in)
		}),
		action.Define(action.Spec{Name: "communication.body", Summary: "Open one mail or meeting; the look is recorded first, and the body is not kept.", Effect: action.Reads, Target: action.OnHub, Scope: access.Communications,
			Route: "GET /communications/{id}/body", ShowsBody: true, Args: []string{"id"}}, func(ctx context.Context, c action.Call, in BodyQuery) (Body, error) {
			return e.Open(ctx, c.Caller, in)
		}),
	}
}
