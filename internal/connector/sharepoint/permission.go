package sharepoint

import (
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Grant is what an application with Sites.Selected may do on a site.
type Grant struct {
	ID   string `json:"id"`
	Role string `json:"role" doc:"read, write, owner or fullcontrol"`
	App  string `json:"app" doc:"The application by its client id"`
	Name string `json:"name,omitempty" doc:"Its name, as whoever granted it wrote it"`
}

func grantsOf(p graph.Permission) []Grant {
	out := []Grant{}
	for _, to := range p.GrantedToIdentitiesV2 {
		if to.Application == nil {
			continue
		}
		g := Grant{ID: p.ID, App: to.Application.ID, Name: to.Application.DisplayName}
		if len(p.Roles) > 0 {
			g.Role = p.Roles[0]
		}
		out = append(out, g)
	}
	return out
}

func grantOf(p graph.Permission) Grant {
	if all := grantsOf(p); len(all) > 0 {
		return all[0]
	}
	return Grant{ID: p.ID}
}

// Grants are a site's.
type Grants struct {
	Permissions []Grant `json:"permissions"`
}

// GrantIn lets an application into a site.
type GrantIn struct {
	SiteIn
	App  string `json:"app" minLength:"36" maxLength:"36" doc:"The application by its client id"`
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"Its name, for people who read the list"`
	Role string `json:"role" enum:"read,write,owner,fullcontrol" doc:"What it may do: read, write items, pages and files, or, as owner or fullcontrol, change lists too"`
}

// PermissionIn names one grant.
type PermissionIn struct {
	SiteIn
	Permission string `json:"permission" minLength:"1" doc:"Permission by id"`
}

// PermissionUpdateIn is another role for an application.
type PermissionUpdateIn struct {
	PermissionIn
	Role string `json:"role" enum:"read,write,owner,fullcontrol" doc:"What it shall be allowed"`
}

func permissionActions() []action.Action {
	return []action.Action{
		define(action.Spec{Name: "sharepoint.permission.list", Summary: "List which applications were granted a site.", Effect: action.Reads, Operations: []m365.OperationKey{get + permissions}, Args: []string{"site"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, _ SiteIn) (Grants, error) {
				all, err := grants(ctx, s)
				return Grants{all}, err
			}),
		once.Define(action.Spec{Name: "sharepoint.permission.grant", Summary: "Let an application that has Sites.Selected into a site.", Effect: action.Writes, Operations: []m365.OperationKey{siteAt, get + permissions, post + permissions}, Capability: m365.SharePoint}, GrantIn.creation),
		define(action.Spec{Name: "sharepoint.permission.update", Summary: "Give an application another role on a site.", Effect: action.Writes, Repeatable: true, Operations: []m365.OperationKey{patch + permission}, Args: []string{"site", "permission", "role"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in PermissionUpdateIn) (Grant, error) {
				p, err := graph.Patch[graph.Permission](ctx, s.Graph, s.Permission(in.Permission), graph.PermissionChange{Roles: []string{in.Role}}, graph.Idempotent())
				return grantOf(p), err
			}),
		define(action.Spec{Name: "sharepoint.permission.revoke", Summary: "Take a site from an application.", Effect: action.Deletes, Repeatable: true, Operations: []m365.OperationKey{remove + permission}, Args: []string{"site", "permission"}},
			func(ctx context.Context, _ action.Call, s place.SitePlace, in PermissionIn) (Deleted, error) {
				return Deleted{in.Permission}, graph.Delete(ctx, s.Graph, s.Permission(in.Permission))
			}),
	}
}

func grants(ctx context.Context, s place.SitePlace, opts ...graph.Option) ([]Grant, error) {
	out := []Grant{}
	for p, err := range graph.List[graph.Permission](ctx, s.Graph, s.Permissions(), opts...) {
		if err != nil {
			return out, err
		}
		out = append(out, grantsOf(p)...)
	}
	return out, nil
}

// creation is the way of a grant, which its application and role tell from others. That an application has one role on a site is kept by us:
// no page says what Microsoft makes of a second grant.
func (in GrantIn) creation(ctx context.Context, c action.Call) (once.Creation[Grant], error) {
	s, err := in.site().In(ctx, c)
	var other bool
	return once.Creation[Grant]{
		Find: func(ctx context.Context, proof graph.Option) (Grant, bool, error) {
			all, err := grants(ctx, s, proof)
			i := slices.IndexFunc(all, func(g Grant) bool { return g.App == in.App })
			if other = i >= 0 && all[i].Role != in.Role; i < 0 || other {
				return Grant{}, false, err
			}
			return all[i], true, err
		},
		Make: func(ctx context.Context) (Grant, error) {
			if other {
				return Grant{}, &fault.Error{Kind: fault.Conflict, Code: "already_granted", Message: "The application has another role on the site", Fix: "Change it with sharepoint.permission.update; sharepoint.permission.list has its id", Who: "you"}
			}
			p, err := graph.Post[graph.Permission](ctx, s.Graph, s.Permissions(), graph.SiteGrant{Roles: []string{in.Role}, GrantedToIdentities: []graph.Grantee{{Application: &graph.Identity{ID: in.App, DisplayName: in.Name}}}})
			return grantOf(p), err
		},
	}, err
}
