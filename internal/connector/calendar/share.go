package calendar

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Permission is what somebody may do with a calendar.
type Permission struct {
	ID                 string   `json:"id"`
	Person             Person   `json:"person" doc:"Who; My Organization, everybody in it, has no address"`
	Role               string   `json:"role" doc:"none, freeBusyRead, limitedRead, read, write, delegateWithoutPrivateEventAccess, delegateWithPrivateEventAccess or custom"`
	AllowedRoles       []string `json:"allowed_roles" doc:"What it can be changed to"`
	InsideOrganization bool     `json:"inside_organization"`
	Removable          bool     `json:"removable"`
}

func permissionOf(p graph.CalendarPermission) Permission {
	return Permission{p.ID, Person(p.EmailAddress), p.Role, append([]string{}, p.AllowedRoles...), p.IsInsideOrganization, p.IsRemovable}
}

// SharesIn names a calendar whose sharing is meant.
type SharesIn struct {
	place.Mailbox
	Calendar string `json:"calendar,omitempty" doc:"Calendar by id; the default one without"`
}

// PermissionList is who may do what with a calendar.
type PermissionList struct {
	Permissions []Permission `json:"permissions"`
}

// ShareIn gives somebody a role.
type ShareIn struct {
	SharesIn
	Address string `json:"address" minLength:"1" doc:"Who, like ben@contoso.example; people outside may read at most"`
	Name    string `json:"name,omitempty" maxLength:"255" doc:"Their name"`
	Role    string `json:"role" enum:"freeBusyRead,limitedRead,read,write,delegateWithoutPrivateEventAccess,delegateWithPrivateEventAccess" doc:"What they may; delegates manage the default calendar and get its invitations"`
}

// Check finds what is no address, and a delegate of a calendar that can have none (outlook-share-or-delegate-calendar.md).
func (in ShareIn) Check() error {
	wrong := wrongAddress("address", in.Address)
	if in.Calendar != "" && strings.HasPrefix(in.Role, "delegate") {
		wrong = append(wrong, fault.Field{Name: "role", Message: "must be one of freeBusyRead, limitedRead, read, write: delegates are of the default calendar alone"})
	}
	return fault.OfFields(wrong)
}

// PermissionIn names one permission of a calendar.
type PermissionIn struct {
	SharesIn
	Permission string `json:"permission" minLength:"1" doc:"Permission by id"`
}

// PermissionUpdateIn is another role for a permission.
type PermissionUpdateIn struct {
	PermissionIn
	Role string `json:"role" enum:"none,freeBusyRead,limitedRead,read,write,delegateWithoutPrivateEventAccess,delegateWithPrivateEventAccess" doc:"One of the permission's allowed_roles"`
}

func (in SharesIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.Calendar(in.Calendar).Sub("calendarPermissions"), err
}

func shareActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.permission.list", Summary: "List with whom a calendar is shared, and its delegates.", Effect: action.Reads,
			Operations: []m365.OperationKey{listShares, listSharesIn}, Capability: m365.Calendar},
			func(ctx context.Context, c action.Call, in SharesIn) (PermissionList, error) {
				box, path, err := in.at(c)
				if err != nil {
					return PermissionList{}, err
				}
				list, err := sharesAt(ctx, box, path)
				return PermissionList{list}, err
			}),
		once.Define(action.Spec{Name: "calendar.permission.create", Summary: "Share a calendar with somebody, or make them a delegate; Microsoft may tell them by mail.", Effect: action.Writes,
			Operations: []m365.OperationKey{listShares, listSharesIn, createShare, createShareIn}, Capability: m365.Calendar, Args: []string{"address", "role"}}, ShareIn.addition),
		action.Define(action.Spec{Name: "calendar.permission.update", Summary: "Give somebody another role at a calendar.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{readShare, readShareIn, changeShare, changeShareIn}, Capability: m365.Calendar, Args: []string{"permission", "role"}}, updateShare),
		action.Define(action.Spec{Name: "calendar.permission.delete", Summary: "Share a calendar with somebody no more.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{readShare, readShareIn, deleteShare, deleteShareIn}, Capability: m365.Calendar, Args: []string{"permission"}}, removeShare),
	}
}

func sharesAt(ctx context.Context, box place.Place, path graph.Path, opts ...graph.Option) ([]Permission, error) {
	out := []Permission{}
	for p, err := range graph.List[graph.CalendarPermission](ctx, box.Graph, path, append(opts, graph.Top(100))...) {
		if err != nil {
			return out, err
		}
		out = append(out, permissionOf(p))
	}
	return out, nil
}

// addition is the way of a permission that is made once. Who has one already is refused: what Microsoft makes of a second is on no page.
func (in ShareIn) addition(_ context.Context, c action.Call) (once.Addition[Permission], error) {
	box, path, err := in.at(c)
	return once.Addition[Permission]{
		List: func(ctx context.Context, proof graph.Option) ([]Permission, error) {
			return sharesAt(ctx, box, path, proof)
		},
		ID: func(p Permission) string { return p.ID },
		Is: func(p Permission) bool { return strings.EqualFold(p.Person.Address, in.Address) },
		Make: func(ctx context.Context) (Permission, error) {
			p, err := graph.Post[graph.CalendarPermission](ctx, box.Graph, path, graph.CalendarPermissionChange{EmailAddress: &graph.EmailAddress{Name: in.Name, Address: in.Address}, Role: in.Role})
			return permissionOf(p), err
		},
		Taken: func(p Permission) error {
			return &fault.Error{Kind: fault.Conflict, Code: "already_shared", Message: fmt.Sprintf("The calendar is shared with %s already, as %s", in.Address, p.Role),
				Fix: "Change the role with calendar.permission.update, permission " + p.ID, Who: "you"}
		},
	}, err
}

// there reads the permission: Microsoft's own refusals do not say what it may become.
func (in PermissionIn) there(ctx context.Context, c action.Call) (place.Place, graph.Path, graph.CalendarPermission, error) {
	box, path, err := in.at(c)
	if err != nil {
		return box, path, graph.CalendarPermission{}, err
	}
	path = path.Item("calendarPermission-id", in.Permission)
	p, err := graph.Get[graph.CalendarPermission](ctx, box.Graph, path)
	return box, path, p, err
}

// updateShare says how it shall be, so it may be sent twice.
func updateShare(ctx context.Context, c action.Call, in PermissionUpdateIn) (Permission, error) {
	box, path, p, err := in.there(ctx, c)
	if err == nil && !slices.Contains(p.AllowedRoles, in.Role) {
		err = fault.BadField("role", "must be one of %s for this person", strings.Join(p.AllowedRoles, ", "))
	}
	if err != nil {
		return Permission{}, err
	}
	p, err = graph.Patch[graph.CalendarPermission](ctx, box.Graph, path, graph.CalendarPermissionChange{Role: in.Role}, graph.Idempotent())
	return permissionOf(p), err
}

func removeShare(ctx context.Context, c action.Call, in PermissionIn) (Deleted, error) {
	box, path, p, err := in.there(ctx, c)
	if err == nil && !p.IsRemovable {
		err = &fault.Error{Kind: fault.Conflict, Code: "permission_not_removable", Message: "This permission stays: it says what everybody in the organization may do",
			Fix: "Give it the role none with calendar.permission.update, where its allowed_roles have it", Who: "you"}
	}
	if err != nil {
		return Deleted{}, err
	}
	return Deleted{in.Permission}, graph.Delete(ctx, box.Graph, path)
}
