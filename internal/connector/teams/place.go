package teams

import (
	"context"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// TeamIn names one team.
type TeamIn struct {
	Team string `json:"team" minLength:"1" doc:"Team by id"`
}

func (in TeamIn) path() graph.Path { return graph.TeamAt(in.Team) }

// ChannelIn names one channel.
type ChannelIn struct {
	TeamIn
	Channel string `json:"channel" minLength:"1" doc:"Channel by id"`
}

func (in ChannelIn) path() graph.Path { return graph.ChannelAt(in.Team, in.Channel) }

// Deleted says what is gone.
type Deleted struct {
	Deleted string `json:"deleted" doc:"Its id"`
}

// me is the object id of whoever signed in; "" for an app.
func me(ctx context.Context, c action.Call) (string, error) {
	if c.Bound.Graph.Mode() != m365.Delegated {
		return "", nil
	}
	for _, m := range c.Connection.For("actions") {
		if m.ObjectID != "" {
			return m.ObjectID, nil
		}
	}
	return idOf(ctx, c, "")
}

// personID is the object id of a person by address or id, "" for whoever signed in. Some operations take no other name.
func personID(ctx context.Context, c action.Call, user string) (string, error) {
	if user == "" && c.Bound.Graph.Mode() == m365.Delegated {
		return me(ctx, c)
	}
	if m, listed := c.Bound.Connection.LookupMailbox(user); listed && m.ObjectID != "" {
		return m.ObjectID, nil
	}
	return idOf(ctx, c, user)
}

func idOf(ctx context.Context, c action.Call, user string) (string, error) {
	owner, err := c.Bound.Graph.Owner(m365.UserID(user))
	if err != nil {
		return "", err
	}
	u, err := graph.Get[struct {
		ID string `json:"id"`
	}](ctx, c.Bound.Graph, owner.Path, graph.Select("id"))
	return u.ID, err
}

// byID is a person's place by their object id: the way in which presence, meetings and chats want it. A signed-in person's own is theirs.
func byID(ctx context.Context, c action.Call, user string) (graph.Owner, error) {
	id, err := personID(ctx, c, user)
	if err != nil {
		return graph.Owner{}, err
	}
	return c.Bound.Graph.Owner(m365.UserID(id))
}

// explain finds out why Teams refused something in a team: its code for all of it is Forbidden, and its words change. It asks only after
// a refusal, and keeps that where the questions give no answer.
func explain(ctx context.Context, c action.Call, team string, err error) error {
	f := fault.As(err)
	if f == nil || f.Upstream == nil || f.Upstream.Status != 403 || f.Kind == fault.NotSupported {
		return err
	}
	g := c.Bound.Graph
	if known := noLicence(ctx, g, *f); known != nil {
		return known
	}
	if team == "" {
		return err
	}
	t, asked := graph.Get[graph.Team](ctx, g, graph.TeamAt(team))
	switch {
	case asked == nil && t.IsArchived != nil && *t.IsArchived:
		return because(*f, fault.Conflict, "team_archived", "The team is archived: it can be read, and not be written", "Restore it with teams.team.restore, or write into another team", "an owner of the team")
	case asked != nil && fault.As(asked).Upstream != nil && fault.As(asked).Upstream.Status == 403 && g.Mode() == m365.Delegated:
		return because(*f, fault.Forbidden, "not_a_member", "Whoever signed in is not a member of this team", "Have an owner of the team add them, or use a connection of a member", "an owner of the team")
	case g.Mode() == m365.Delegated && isGuest(ctx, g):
		return because(*f, fault.Forbidden, "guest", "Whoever signed in is a guest here, and guests may not do this", "Use a connection of a member of the organisation", "you")
	}
	return err
}

// because keeps what Microsoft answered, and says what it means.
func because(f fault.Error, kind fault.Kind, code, message, fix, who string) error {
	f.Kind, f.Code, f.Message, f.Fix, f.Who = kind, code, message, fix, who
	f.Cause, f.Alternatives = "Microsoft answered 403, and the hub asked why", nil
	f.WrongFixes = []string{"granting more permissions: that is not what is missing"}
	return &f
}

// noLicence tells that a signed-in person has no licence with Teams; nil where they have one or it cannot be seen.
func noLicence(ctx context.Context, g *graph.Client, f fault.Error) error {
	if g.Mode() != m365.Delegated {
		return nil
	}
	owner, err := g.Owner("")
	if err != nil {
		return nil
	}
	for l, err := range graph.List[struct {
		Plans []struct {
			Name   string `json:"servicePlanName"`
			Status string `json:"provisioningStatus"`
		} `json:"servicePlans"`
	}](ctx, g, owner.Sub("licenseDetails")) {
		if err != nil {
			return nil
		}
		for _, p := range l.Plans {
			if strings.HasPrefix(p.Name, "TEAMS") && p.Status != "Disabled" {
				return nil
			}
		}
	}
	return because(f, fault.NotSupported, "licence_missing", "Whoever signed in has no licence with Microsoft Teams", "Assign a licence with Teams to the person, or use a connection of somebody who has one", "an administrator of the tenant")
}

func isGuest(ctx context.Context, g *graph.Client) bool {
	owner, err := g.Owner("")
	if err != nil {
		return false
	}
	u, err := graph.Get[struct {
		Type string `json:"userType"`
	}](ctx, g, owner.Path, graph.Select("userType"))
	return err == nil && u.Type == "Guest"
}
