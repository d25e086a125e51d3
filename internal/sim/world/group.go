package world

import (
	"fmt"
	"slices"
)

// Groups is the collection of a tenant's groups; the name is Microsoft Graph's.
const Groups = "groups"

// GroupSpec is one security group. Members are people by sign-in name and other groups by name.
type GroupSpec struct {
	Name    string   `yaml:"name"`
	Members []string `yaml:"members"`
}

// AssignmentSpec gives somebody app roles of an application.
type AssignmentSpec struct {
	To    string   `yaml:"to"` // a person's sign-in name, or a group's name
	Roles []string `yaml:"roles"`
}

func (w *World) seedGroups(t TenantSpec) {
	for _, g := range t.Groups {
		w.seedGroup(t, g)
	}
	for _, u := range t.Users {
		for i := range u.MoreGroups {
			w.seedGroup(t, GroupSpec{Name: fmt.Sprintf("%s's project %d", u.Name, i+1), Members: []string{u.UPN}})
		}
	}
}

func (w *World) seedGroup(t TenantSpec, g GroupSpec) {
	members := make([]any, 0, len(g.Members))
	for _, m := range g.Members {
		members = append(members, w.memberID(t.ID, m))
	}
	id := w.GUID("group", t.ID, g.Name)
	w.Put(Key{t.ID, Groups, id}, Object{
		"id": id, "displayName": g.Name, "description": nil, "mail": nil, "mailEnabled": false, "mailNickname": "NotSet", "securityEnabled": true, "groupTypes": []any{},
		"createdDateTime": Stamp(w.head.Start.AddDate(-1, 0, 0)), "deletedDateTime": nil, "visibility": nil, "~members": members,
	})
}

func (w *World) memberID(tenant, name string) string {
	if u, ok := w.User(tenant, name); ok {
		return text(u, "id")
	}
	return w.GUID("group", tenant, name)
}

// GroupsOf gives the groups that hold a person or group: directly, or through other groups as well.
func (w *World) GroupsOf(tenant, id string, transitive bool) []Object {
	var out []Object
	seen := map[string]bool{}
	for ask := []string{id}; len(ask) > 0; ask = ask[1:] {
		for g := range w.All(tenant, Groups) {
			if key := text(g, "id"); !seen[key] && slices.Contains(Strings(g["~members"]), ask[0]) {
				seen[key] = true
				out = append(out, g)
				if transitive {
					ask = append(ask, key)
				}
			}
		}
	}
	return out
}

// Assign gives a person or group an app role of an application by its value, and takes every other of that application away. Without a
// value none is left.
func (w *World) Assign(tenant, clientID, to string, values ...string) error {
	principal, ok := w.Principal(tenant, clientID)
	if !ok {
		return fmt.Errorf("the application %s is not in the tenant", clientID)
	}
	member := w.memberID(tenant, to)
	kind := "Group"
	if _, ok := w.User(tenant, to); ok {
		kind = "User"
	} else if _, ok := w.Get(Key{tenant, Groups, member}); !ok {
		return fmt.Errorf("there is nobody and no group %q", to)
	}
	roles := map[string]string{}
	for _, r := range Objects(principal["appRoles"]) {
		roles[text(r, "value")] = text(r, "id")
	}
	for _, v := range values {
		if roles[v] == "" {
			return fmt.Errorf("the application has no app role %q", v)
		}
	}
	var old []string
	for id, g := range w.Scan(tenant, AppRoleGrants) {
		if text(g, "principalId") == member && text(g, "resourceId") == text(principal, "id") {
			old = append(old, id)
		}
	}
	w.Update(func(tx *Tx) {
		for _, id := range old {
			tx.Delete(Key{tenant, AppRoleGrants, id})
		}
		for _, v := range values {
			id := w.GUID("appRoleAssignment", tenant, member, roles[v], w.serial())
			tx.Put(Key{tenant, AppRoleGrants, id}, Object{
				"id": id, "appRoleId": roles[v], "createdDateTime": Stamp(w.Now()), "principalDisplayName": to, "principalId": member, "principalType": kind,
				"resourceDisplayName": principal["displayName"], "resourceId": principal["id"],
			})
		}
	})
	return nil
}

// AssignedRoles are the app roles that a person has of an application: their own, and those of groups they are directly in. Nested
// groups do not count.
func (w *World) AssignedRoles(tenant string, principal Object, userID string) []string {
	holders := []string{userID}
	for _, g := range w.GroupsOf(tenant, userID, false) {
		holders = append(holders, text(g, "id"))
	}
	values := map[string]string{}
	for _, r := range Objects(principal["appRoles"]) {
		values[text(r, "id")] = text(r, "value")
	}
	var out []string
	for g := range w.All(tenant, AppRoleGrants) {
		if v := values[text(g, "appRoleId")]; v != "" && text(g, "resourceId") == text(principal, "id") && slices.Contains(holders, text(g, "principalId")) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}
