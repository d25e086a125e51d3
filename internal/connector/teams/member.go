package teams

import (
	"context"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Member is an entry of a team, channel or chat.
type Member struct {
	ID      string   `json:"id" doc:"Of the entry, not of the person"`
	User    string   `json:"user" doc:"Person by id"`
	Name    string   `json:"name"`
	Address string   `json:"address,omitempty"`
	Roles   []string `json:"roles" doc:"owner, guest, or none"`
}

func memberOf(m graph.ConversationMember) Member {
	return Member{m.ID, m.UserID, m.DisplayName, m.Email, append([]string{}, m.Roles...)}
}

// is tells whether a name means the member: address or id of the person.
func (m Member) is(name string) bool {
	return name != "" && (strings.EqualFold(m.User, name) || strings.EqualFold(m.Address, name))
}

// Members are the members of a team, channel or chat.
type Members struct {
	Members []Member `json:"members"`
}

// MembersIn names a team, or a channel of it.
type MembersIn struct {
	TeamIn
	Channel string `json:"channel,omitempty" doc:"Private or shared channel by id, instead of the team as a whole"`
}

func (in MembersIn) path() graph.Path {
	if in.Channel != "" {
		return graph.ChannelAt(in.Team, in.Channel).Sub("members")
	}
	return in.TeamIn.path().Sub("members")
}

// MemberAddIn adds somebody.
type MemberAddIn struct {
	MembersIn
	User string `json:"user" minLength:"1" doc:"Person by address or id"`
	Role string `json:"role,omitempty" enum:"member,owner" doc:"member without"`
}

// MemberIn names somebody who is in it.
type MemberIn struct {
	MembersIn
	User string `json:"user" minLength:"1" doc:"Member by address or id of the person"`
}

// MemberUpdateIn changes somebody's role.
type MemberUpdateIn struct {
	MemberIn
	Role string `json:"role" enum:"member,owner" doc:"New role"`
}

// Removed says who is not in it any more.
type Removed struct {
	Removed string `json:"removed" doc:"Person by id"`
}

func memberActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.member.list", Summary: "List who is in a team or channel.", Effect: action.Reads,
			Operations: []m365.OperationKey{listMembers}, MayCall: []m365.OperationKey{listInChannel}, Capability: m365.Teams, Args: []string{"team"}},
			func(ctx context.Context, c action.Call, in MembersIn) (Members, error) {
				all, err := membersAt(ctx, c, in.path())
				return Members{all}, explain(ctx, c, in.Team, err)
			}),
		once.Define(action.Spec{Name: "teams.member.add", Summary: "Add somebody to a team or to a private or shared channel, once.", Effect: action.Writes,
			Operations: []m365.OperationKey{listMembers, addMembers}, MayCall: []m365.OperationKey{listInChannel, addInChannel, readUser}, Capability: m365.Teams, Args: []string{"team", "user"}}, MemberAddIn.creation),
		action.Define(action.Spec{Name: "teams.member.update", Summary: "Make a member an owner, or an owner a member.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{listMembers, changeMembers}, MayCall: []m365.OperationKey{listInChannel, changeInside}, Capability: m365.Teams, Args: []string{"team", "user", "role"}},
			func(ctx context.Context, c action.Call, in MemberUpdateIn) (Member, error) {
				m, err := in.find(ctx, c)
				if err != nil {
					return Member{}, err
				}
				changed, err := graph.Patch[graph.ConversationMember](ctx, c.Bound.Graph, in.path().Item("conversationMember-id", m.ID), graph.Role(roleOf(in.Role)), graph.Idempotent())
				return memberOf(changed), explain(ctx, c, in.Team, err)
			}),
		action.Define(action.Spec{Name: "teams.member.remove", Summary: "Take somebody out of a team or channel.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{listMembers, removeMembers}, MayCall: []m365.OperationKey{listInChannel, removeInside}, Capability: m365.Teams, Args: []string{"team", "user"}},
			func(ctx context.Context, c action.Call, in MemberIn) (Removed, error) {
				m, err := in.find(ctx, c)
				if err != nil {
					return Removed{}, err
				}
				return Removed{m.User}, explain(ctx, c, in.Team, graph.Delete(ctx, c.Bound.Graph, in.path().Item("conversationMember-id", m.ID)))
			}),
	}
}

// roleOf is Microsoft's word for a role: none for a plain member.
func roleOf(role string) string {
	if role == "owner" {
		return role
	}
	return ""
}

func membersAt(ctx context.Context, c action.Call, p graph.Path, opts ...graph.Option) ([]Member, error) {
	out := []Member{}
	for m, err := range graph.List[graph.ConversationMember](ctx, c.Bound.Graph, p, opts...) {
		if err != nil {
			return nil, err
		}
		out = append(out, memberOf(m))
	}
	return out, nil
}

// find looks a member up by the person's name.
func (in MemberIn) find(ctx context.Context, c action.Call) (Member, error) {
	all, err := membersAt(ctx, c, in.path())
	if err != nil {
		return Member{}, explain(ctx, c, in.Team, err)
	}
	if i := slices.IndexFunc(all, func(m Member) bool { return m.is(in.User) }); i >= 0 {
		return all[i], nil
	}
	return Member{}, fault.Missing("member", in.User)
}

// creation is the way of somebody who is to be in it: whoever is, in that role, need not be added.
func (in MemberAddIn) creation(ctx context.Context, c action.Call) (once.Creation[Member], error) {
	path, role := in.path(), roleOf(in.Role)
	id, err := somebody(ctx, c, in.User)
	return once.Creation[Member]{
		Find: func(ctx context.Context, proof graph.Option) (Member, bool, error) {
			all, err := membersAt(ctx, c, path, proof)
			if err != nil {
				return Member{}, false, explain(ctx, c, in.Team, err)
			}
			i := slices.IndexFunc(all, func(m Member) bool { return m.is(id) && slices.Contains(m.Roles, "owner") == (role == "owner") })
			if i < 0 {
				return Member{}, false, nil
			}
			return all[i], true, nil
		},
		Make: func(ctx context.Context) (Member, error) {
			m, err := graph.Post[graph.ConversationMember](ctx, c.Bound.Graph, path, c.Bound.Graph.Member(id, role))
			return memberOf(m), explain(ctx, c, in.Team, err)
		},
	}, err
}

// somebody is a person's object id: whoever is added need not be listed with the connection, so the directory is asked, which is open to all.
func somebody(ctx context.Context, c action.Call, user string) (string, error) {
	u, err := graph.Get[struct {
		ID string `json:"id"`
	}](ctx, c.Bound.Graph, graph.At("users").Item("user-id", user), graph.Select("id"))
	if fault.KindOf(err) == fault.NotFound {
		return "", fault.BadField("user", "the tenant has no such person")
	}
	return u.ID, err
}
