package access

import (
	"context"
	"slices"
	"strings"

	"seneschal/internal/fault"
)

// RoleRule tells a role from a claim of the ID token: app roles, or groups.
type RoleRule struct {
	Claim  string // roles or groups
	Values map[Role][]string
}

// GroupsClaim names the claim of groups; the other is roles.
const GroupsClaim = "groups"

// role gives the highest role of the values; "" for none.
func (r RoleRule) role(values []string) Role {
	all := Roles()
	for _, role := range slices.Backward(all) {
		for _, v := range r.Values[role] {
			if slices.ContainsFunc(values, func(have string) bool { return have == v || r.Claim == GroupsClaim && strings.EqualFold(have, v) }) {
				return role
			}
		}
	}
	return ""
}

// roleOf tells the role of whoever signs in. Of somebody in very many groups the token does not name them: the directory is asked then,
// and where it does not answer nothing is guessed.
func (s *SSO) roleOf(ctx context.Context, p proof) (Role, error) {
	values := p.Roles
	if s.Rule.Claim == GroupsClaim {
		values = p.Groups
	}
	if _, elsewhere := p.Elsewhere[s.Rule.Claim]; elsewhere || s.Rule.Claim == GroupsClaim && p.HasGroups {
		var err error
		if values, err = s.Directory.Groups(ctx, p.grant); err != nil {
			return "", groupsUnknown(err)
		}
	}
	if role := s.Rule.role(values); role != "" {
		return role, nil
	}
	return "", s.noRole(p)
}

func groupsUnknown(err error) error {
	f := *fault.As(err)
	return &fault.Error{Kind: fault.Unavailable, Code: "groups_unknown", Message: "Your role cannot be told", RetryAfter: f.RetryAfter, Upstream: f.Upstream,
		Cause: "You are in so many groups that Microsoft's token does not name them, and asking for them failed: " + f.Message,
		Fix:   "Sign in again in a minute. If it stays: let the registration's token name only groups assigned to the application, or use app roles (SENESCHAL_SSO_ROLE_CLAIM=roles)", Who: "an administrator of your organisation", Err: err}
}

func (s *SSO) noRole(p proof) error {
	f := &fault.Error{Kind: fault.Forbidden, Code: "no_role", Message: "You have no role in this hub", Who: "an administrator of your organisation",
		WrongFixes: []string{"signing in again before that is done"}}
	if s.Rule.Claim == GroupsClaim {
		f.Cause = "Microsoft knows who you are, and none of your groups is among SENESCHAL_SSO_ADMIN, _MEMBER, _VIEWER"
		f.Fix = "Have " + p.UPN + " added to one of those groups, and check that the registration's token configuration has the groups claim for ID tokens"
		return f
	}
	var values []string
	for _, role := range Roles() {
		values = append(values, s.Rule.Values[role]...)
	}
	f.Cause = "Microsoft knows who you are, and you have none of the app roles " + strings.Join(values, ", ")
	f.Fix = "Have one assigned to " + p.UPN + " in the Microsoft Entra admin center: Enterprise applications, the hub's application, Users and groups"
	return f
}
