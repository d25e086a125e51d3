package onedrive

import (
	"cmp"
	"context"
	"fmt"
	"net/mail"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// InviteIn grants people a role at an item.
type InviteIn struct {
	ItemIn
	People  []string `json:"people" minItems:"1" maxItems:"100" doc:"Addresses, like ben@contoso.example"`
	Role    string   `json:"role,omitempty" enum:"read,write" doc:"What they may; read without"`
	Mail    bool     `json:"send_invitation,omitempty" doc:"Have Microsoft mail them; nobody is mailed without"`
	Message string   `json:"message,omitempty" maxLength:"2000" doc:"Words for that mail"`
}

// Check names each address that is none, and words that nobody would read.
func (in InviteIn) Check() error {
	wrong := in.wrong()
	for i, p := range in.People {
		if a, err := mail.ParseAddress(p); err != nil || a.Address != p {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("people[%d]", i), Message: "is not an address like ben@contoso.example"})
		}
	}
	if in.Message != "" && !in.Mail {
		wrong = append(wrong, fault.Field{Name: "message", Message: "goes with send_invitation alone: without it nobody is mailed"})
	}
	return fault.OfFields(wrong)
}

func inviteActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.item.invite", Summary: "Give people access to a file or folder; they are mailed only if you say so.", Effect: action.Writes,
			Operations: []m365.OperationKey{readAt, listPermissions, invitePeople}, Capability: m365.OneDrive}, invite, action.WithReconcile(invited)),
	}
}

// granting is what the ledger keeps of an invitation: the item, and which permissions there were before.
type granting struct {
	Item   string    `json:"item"`
	Before []string  `json:"before"`
	At     time.Time `json:"at"`
}

func invite(ctx context.Context, c action.Call, in InviteIn) (PermissionList, error) {
	var g granting
	known, err := c.Recall(ctx, &g)
	if err != nil {
		return PermissionList{}, err
	}
	box, err := in.in(ctx, c)
	if err == nil && !known {
		g, err = in.begin(ctx, c)
	}
	if err != nil {
		return PermissionList{}, err
	}
	ask := graph.Invitation{Roles: []string{cmp.Or(in.Role, "read")}, RequireSignIn: true, SendInvitation: in.Mail, Message: in.Message}
	for _, p := range in.People {
		ask.Recipients = append(ask.Recipients, graph.DriveRecipient{Email: p})
	}
	var opts []graph.Option
	if !in.Mail { // granting twice is as granting once; mailing is not
		opts = append(opts, graph.Idempotent())
	}
	made, err := graph.Post[struct{ Value []graph.Permission }](ctx, box.Graph, box.DriveItem(g.Item).Sub("invite"), ask, opts...)
	out := PermissionList{make([]Permission, len(made.Value))}
	for i, p := range made.Value {
		out.Permissions[i] = permissionOf(p)
	}
	cause, fix := "Sharing with people outside may be turned off for the organisation, or for this site or OneDrive; or the permission is missing",
		"Invite people of the organisation alone, or have an administrator allow sharing outside"
	if box.Graph.Mode() == m365.Application {
		cause = "An app cannot invite people who are not in the directory yet (driveitem-invite.md); or sharing is limited, or the permission is missing"
		fix = "Invite new guests through a person's own connection, or add them to the directory first; otherwise have an administrator look at the sharing settings and the permission"
	}
	return out, sharingRefused(err, true, cause, fix)
}

func (in InviteIn) begin(ctx context.Context, c action.Call) (granting, error) {
	box, id, err := in.at(ctx, c)
	if err != nil {
		return granting{}, err
	}
	var p graph.Proof
	before, err := box.permissions(ctx, id, graph.Prove(&p))
	if err != nil {
		return granting{}, err
	}
	g := granting{Item: id, At: p.At}
	for _, b := range before {
		g.Before = append(g.Before, b.ID)
	}
	return g, c.Checkpoint(ctx, g)
}

// invited answers an unclear invitation. One without a mail is sent again. One with a mail has happened where somebody has a permission
// that nobody had before; where everybody may have had theirs already, it cannot be told.
func invited(ctx context.Context, c action.Call, in InviteIn) (PermissionList, action.Answer, error) {
	var g granting
	known, err := c.Recall(ctx, &g)
	if err != nil || !known {
		return PermissionList{}, action.NotStarted, err // nothing leaves before the checkpoint
	}
	if !in.Mail {
		return once.Again(invite(ctx, c, in))
	}
	box, err := in.in(ctx, c)
	if err != nil {
		return PermissionList{}, action.StillOpen, err
	}
	var p graph.Proof
	now, err := box.permissions(ctx, g.Item, graph.Prove(&p))
	if fault.KindOf(err) == fault.NotFound {
		return PermissionList{}, action.NotStarted, nil
	}
	if err != nil {
		return PermissionList{}, action.StillOpen, err
	}
	fresh, old := in.split(now, g.Before)
	switch {
	case len(fresh) > 0:
		return PermissionList{fresh}, action.Happened, nil
	case old || p.At.Sub(g.At) < once.Settled:
		return PermissionList{}, action.StillOpen, nil
	}
	return PermissionList{}, action.NotStarted, nil
}

// split finds the direct permissions that are new, and whether there were such before.
func (in InviteIn) split(now []Permission, before []string) (fresh []Permission, old bool) {
	for _, p := range now {
		switch {
		case p.Inherited || p.Link != nil || slices.Contains(p.Roles, "owner"):
		case slices.Contains(before, p.ID):
			old = true
		default:
			fresh = append(fresh, p)
		}
	}
	return fresh, old
}
