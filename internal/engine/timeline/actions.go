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
		action.Define(action.Spec{Name: "communication.explain", Summary: "Tell why a message is or is not on a customer's page, and whether a person may see it.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubWrite,
			Route: "GET /communications/explain", CLI: "customer explain", Args: []string{"message"}}, func(ctx context.Context, c action.Call, in Question) (Explanation, error) {
			return e.Explain(ctx, c.Caller, in)
		}),
		action.Define(action.Spec{Name: "communication.preview", Summary: "Tell what a first import would keep, without keeping anything.", Effect: action.Reads, Target: action.OnHub, Scope: access.OwnConnection,
			Route: "POST /communications/preview", CLI: "customer preview", Args: []string{"connection"}}, func(ctx context.Context, c action.Call, in PreviewQuery) (Preview, error) {
			return e.Preview(ctx, c.Caller, in)
		}),
		action.Define(action.Spec{Name: "communication.dropped", Summary: "Count what was dropped, by mailbox and reason.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead,
			Route: "GET /communications/dropped", CLI: "customer dropped"}, func(ctx context.Context, _ action.Call, _ struct{}) (Drops, error) {
			return e.Dropped(ctx)
		}),
	}
}
