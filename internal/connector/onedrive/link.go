package onedrive

import (
	"cmp"
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// LinkIn asks for a link to an item. Links for single people are made by an invitation.
type LinkIn struct {
	ItemIn
	Type    string    `json:"type,omitempty" enum:"view,edit" doc:"What the link allows; view without"`
	Scope   string    `json:"scope,omitempty" enum:"organization,anonymous" doc:"Who may use it: people of the organisation, the default, or anybody who has it"`
	Expires time.Time `json:"expires,omitzero" doc:"When a new link ends; when the organisation says without"`
}

const anybody = "anonymous"

func linkActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.link.create", Summary: "Make a sharing link for a file or folder, or get the one of its kind that there is.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{readAt, makeLink}, Capability: m365.OneDrive}, createLink),
	}
}

// createLink may be sent twice: Microsoft gives the app's link of a kind back where there is one (driveitem-createlink.md).
func createLink(ctx context.Context, c action.Call, in LinkIn) (Permission, error) {
	p, err := pinned(ctx, c, in.pin)
	if err != nil {
		return Permission{}, err
	}
	box, err := in.in(ctx, c)
	if err != nil {
		return Permission{}, err
	}
	ask := graph.LinkCreation{Type: cmp.Or(in.Type, "view"), Scope: cmp.Or(in.Scope, "organization")}
	if !in.Expires.IsZero() {
		ask.ExpirationDateTime = &in.Expires
	}
	made, err := graph.Post[graph.Permission](ctx, box.Graph, box.DriveItem(p.Item).Sub("createLink"), ask, graph.Idempotent())
	return permissionOf(made), sharingRefused(err, in.Scope == anybody, "Links for anybody may be turned off for the organisation or this OneDrive; or the permission is missing",
		"Make a link with scope organization, invite people by address, or have an administrator allow links for anybody")
}

// sharingRefused names the settings of the organisation behind a refusal that Microsoft's code does not tell from a missing permission.
func sharingRefused(err error, applies bool, cause, fix string) error {
	f := fault.As(err)
	if f == nil || !applies || f.Kind != fault.NeedsAdmin {
		return err
	}
	named := *f
	named.Code, named.Message, named.Cause, named.Fix = "sharing_refused", "Microsoft did not allow this way of sharing", cause, fix
	return &named
}
