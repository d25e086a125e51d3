package admin

import (
	"context"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/privacy"
)

type dataOut struct {
	Data []privacy.Kept `json:"data"`
}

type privacyIn struct {
	Person string `json:"person" maxLength:"320" doc:"An e-mail address, or name or id of somebody who signs in here"`
}

type eraseIn struct {
	Person    string `json:"person" maxLength:"320" doc:"An e-mail address, or name or id of somebody who signs in here"`
	MayReturn bool   `json:"may_return,omitempty" doc:"Let the next full walk bring communications back; without, the addresses are kept out"`
	DryRun    bool   `json:"dry_run,omitempty" doc:"Count what would go, and change nothing"`
}

type allowIn struct {
	Address string `json:"address" maxLength:"320" doc:"An address that was erased"`
}

type suppressedOut struct {
	KeptOut int64 `json:"kept_out" doc:"How many addresses"`
}

func (h *Hub) privacyActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "data.list", Summary: "List what the hub keeps: where, whose, how long, who sees it, how it is handed out and erased.", Effect: action.Reads, Target: action.OnHub, Scope: access.HubRead, Route: "GET /data"},
			func(context.Context, action.Call, none) (dataOut, error) { return dataOut{h.Privacy.Data()}, nil }),
		// Addresses of people stand in no path and no query: those lie in logs.
		action.Define(action.Spec{Name: "privacy.export", Summary: "Hand out everything the hub keeps about a person.", Effect: action.Reads, Target: action.OnHub, Scope: access.AdminOnly, Route: "POST /privacy/export", Args: []string{"person"}},
			func(ctx context.Context, c action.Call, in privacyIn) (privacy.Export, error) {
				return h.Privacy.Export(ctx, c.Caller, in.Person)
			}),
		action.Define(action.Spec{Name: "privacy.erase", Summary: "Erase a person from everything the hub keeps.", Effect: action.Deletes, Target: action.OnHub, Scope: access.AdminOnly, Route: "POST /privacy/erase", Args: []string{"person"}},
			func(ctx context.Context, c action.Call, in eraseIn) (privacy.Erased, error) {
				return h.Privacy.Erase(ctx, c.Caller, in.Person, in.MayReturn, in.DryRun)
			}),
		action.Define(action.Spec{Name: "privacy.allow", Summary: "Let an erased address come back with the next walk.", Effect: action.Writes, Target: action.OnHub, Scope: access.AdminOnly, Route: "POST /privacy/allow", Args: []string{"address"}},
			func(ctx context.Context, c action.Call, in allowIn) (none, error) {
				return none{}, h.Privacy.Allow(ctx, c.Caller, in.Address)
			}),
		action.Define(action.Spec{Name: "privacy.kept_out", Summary: "Count the erased addresses that are kept out.", Effect: action.Reads, Target: action.OnHub, Scope: access.AdminOnly, Route: "GET /privacy/kept-out", CLI: "privacy kept-out"},
			func(ctx context.Context, _ action.Call, _ none) (suppressedOut, error) {
				n, err := h.Privacy.Suppressed(ctx)
				return suppressedOut{n}, err
			}),
	}
}
