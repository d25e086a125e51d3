package onedrive

import (
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Permission is who may do what with a file or folder.
type Permission struct {
	ID            string    `json:"id"`
	Roles         []string  `json:"roles" doc:"read, write, owner, or a role of SharePoint's own"`
	Link          *Link     `json:"link,omitempty" doc:"The link that gives it"`
	People        []Grantee `json:"people,omitempty" doc:"Who has it"`
	Invited       string    `json:"invited,omitempty" doc:"Address that was invited"`
	Inherited     bool      `json:"inherited" doc:"It comes from a folder above, and is changed there"`
	InheritedFrom string    `json:"inherited_from,omitempty" doc:"That folder by id"`
	Expires       time.Time `json:"expires,omitzero"`
}

// Link gives access to whoever is in its scope and has it.
type Link struct {
	Type  string `json:"type" doc:"view, edit or embed"`
	Scope string `json:"scope,omitempty" doc:"organization, users, or anonymous: whoever has the link"`
	URL   string `json:"url,omitempty" doc:"The link itself: whoever of its scope has it, has access"`
}

// Grantee is somebody who has a permission.
type Grantee struct {
	Kind string `json:"kind" doc:"user, group or application"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

func permissionOf(p graph.Permission) Permission {
	out := Permission{ID: p.ID, Roles: append([]string{}, p.Roles...), Expires: p.ExpirationDateTime, Inherited: p.InheritedFrom != nil}
	if p.InheritedFrom != nil {
		out.InheritedFrom = p.InheritedFrom.ID
	}
	if p.Link != nil {
		out.Link = &Link{p.Link.Type, p.Link.Scope, p.Link.WebURL}
	}
	if p.Invitation != nil {
		out.Invited = p.Invitation.Email
	}
	granted := p.GrantedToIdentitiesV2
	if p.GrantedToV2 != nil {
		granted = append(granted, *p.GrantedToV2)
	}
	for _, g := range granted {
		if to, known := granteeOf(g); known {
			out.People = append(out.People, to)
		}
	}
	return out
}

// granteeOf takes the directory's name for somebody before SharePoint's.
func granteeOf(g graph.Grantee) (Grantee, bool) {
	for _, of := range []struct {
		kind string
		id   *graph.Identity
	}{{"user", g.User}, {"group", g.Group}, {"application", g.Application}, {"user", g.SiteUser}, {"group", g.SiteGroup}} {
		if of.id != nil {
			return Grantee{of.kind, of.id.ID, of.id.DisplayName}, true
		}
	}
	return Grantee{}, false
}

// PermissionList is who may do what with an item.
type PermissionList struct {
	Permissions []Permission `json:"permissions"`
}

// PermissionIn names a permission of an item.
type PermissionIn struct {
	ItemIn
	Permission string `json:"permission" minLength:"1" doc:"Permission by id"`
}

// PermissionUpdateIn is another role for a permission.
type PermissionUpdateIn struct {
	PermissionIn
	Role string `json:"role" enum:"read,write" doc:"What it shall allow"`
}

func permissionActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.permission.list", Summary: "List who may do what with a file or folder, and by which links.", Effect: action.Reads,
			Operations: []m365.OperationKey{readAt, listPermissions}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in ItemIn) (PermissionList, error) {
				box, id, err := in.at(ctx, c)
				if err != nil {
					return PermissionList{}, err
				}
				all, err := box.permissions(ctx, id)
				return PermissionList{all}, err
			}),
		action.Define(action.Spec{Name: "drive.permission.get", Summary: "Read one permission of a file or folder.", Effect: action.Reads,
			Operations: []m365.OperationKey{readAt, readPermission}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in PermissionIn) (Permission, error) {
				box, id, err := in.at(ctx, c)
				if err != nil {
					return Permission{}, err
				}
				p, err := graph.Get[graph.Permission](ctx, box.Graph, box.Permission(id, in.Permission))
				return permissionOf(p), err
			}),
		action.Define(action.Spec{Name: "drive.permission.update", Summary: "Give a permission of a file or folder another role.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{readAt, readPermission, changePermission}, Capability: m365.OneDrive}, updatePermission),
		action.Define(action.Spec{Name: "drive.permission.delete", Summary: "Take a permission or link off a file or folder.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{readAt, readPermission, deletePermission}, Capability: m365.OneDrive}, removePermission),
	}
}

func (d drive) permissions(ctx context.Context, item string, opts ...graph.Option) ([]Permission, error) {
	out := []Permission{}
	for p, err := range graph.List[graph.Permission](ctx, d.Graph, d.DriveItem(item).Sub("permissions"), opts...) {
		if err != nil {
			return out, err
		}
		out = append(out, permissionOf(p))
	}
	return out, nil
}

// own finds the item's own permission. What comes from a folder above cannot be changed below it (permission-delete.md), and Microsoft's
// refusal does not say where it can.
func (in PermissionIn) own(ctx context.Context, c action.Call) (drive, graph.Path, error) {
	p, err := pinned(ctx, c, in.pin)
	if err != nil {
		return drive{}, graph.Path{}, err
	}
	box, err := in.in(ctx, c)
	path := box.Permission(p.Item, in.Permission)
	if err != nil {
		return box, path, err
	}
	there, err := graph.Get[graph.Permission](ctx, box.Graph, path)
	if err == nil && there.InheritedFrom != nil {
		err = &fault.Error{Kind: fault.Conflict, Code: "permission_inherited", Message: "The permission comes from a folder above",
			Fix: "Change it at the folder that drive.permission.get names as inherited_from; it then changes for everything below that", Who: "you"}
	}
	return box, path, err
}

// updatePermission says how it shall be, so it may be sent twice.
func updatePermission(ctx context.Context, c action.Call, in PermissionUpdateIn) (Permission, error) {
	box, path, err := in.own(ctx, c)
	if err != nil {
		return Permission{}, err
	}
	p, err := graph.Patch[graph.Permission](ctx, box.Graph, path, graph.PermissionChange{Roles: []string{in.Role}}, graph.Idempotent())
	return permissionOf(p), err
}

func removePermission(ctx context.Context, c action.Call, in PermissionIn) (Deleted, error) {
	box, path, err := in.own(ctx, c)
	if err != nil {
		return Deleted{}, err
	}
	return Deleted{in.Permission}, graph.Delete(ctx, box.Graph, path)
}
