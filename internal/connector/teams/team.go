package teams

import (
	"cmp"
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Team is a team.
type Team struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Visibility  string `json:"visibility,omitempty" doc:"private, public or hiddenMembership; lists of all teams leave it out"`
	Archived    *bool  `json:"archived,omitempty" doc:"Archived teams can be read only; lists of all teams leave it out"`
	URL         string `json:"url,omitempty"`
}

func teamOf(t graph.Team) Team {
	return Team{t.ID, t.DisplayName, t.Description, t.Visibility, t.IsArchived, t.WebURL}
}

// TeamListIn asks for teams.
type TeamListIn struct {
	place.Mailbox
	All    bool   `json:"all,omitempty" doc:"All teams of the tenant instead of those a person is in"`
	Name   string `json:"name,omitempty" doc:"Of all teams, those of this very name"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many a page; 50 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

func (in TeamListIn) question() []any { return []any{"teams", in.User, in.All, in.Name, in.Limit} }

// Check finds a foreign cursor, and what does not go together.
func (in TeamListIn) Check() error {
	switch {
	case in.Name != "" && !in.All:
		return fault.BadField("name", "goes with all alone: a person's teams come without a choice of names")
	case in.All && in.User != "":
		return fault.BadField("user", "does not go with all: those are nobody's in particular")
	}
	return cursor.Check(in.Cursor, in.question()...)
}

// TeamList is one page of teams.
type TeamList struct {
	Teams      []Team `json:"teams"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// TeamCreateIn is a new team.
type TeamCreateIn struct {
	Name        string `json:"name" minLength:"1" maxLength:"256" doc:"Name"`
	Description string `json:"description,omitempty" maxLength:"1024" doc:"What it is for"`
	Visibility  string `json:"visibility,omitempty" enum:"private,public" doc:"Who may join; private without"`
	Owner       string `json:"owner,omitempty" doc:"Its owner by address or id: needed through an app, which cannot own one; whoever signed in without"`
}

func teamActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.team.list", Summary: "List the teams that a person is in, or all teams of the tenant.", Effect: action.Reads,
			Operations: []m365.OperationKey{joinedTeams}, MayCall: []m365.OperationKey{listTeams}, Capability: m365.Teams}, listTeamsOf),
		action.Define(action.Spec{Name: "teams.team.get", Summary: "Read one team.", Effect: action.Reads,
			Operations: []m365.OperationKey{readTeam}, Capability: m365.Teams, Args: []string{"team"}},
			func(ctx context.Context, c action.Call, in TeamIn) (Team, error) {
				t, err := graph.Get[graph.Team](ctx, c.Bound.Graph, in.path())
				return teamOf(t), explain(ctx, c, in.Team, err)
			}),
		action.Define(action.Spec{Name: "teams.team.create", Summary: "Make a team; Teams takes some seconds to minutes for it.", Effect: action.Writes,
			Operations: []m365.OperationKey{listTeams, createTeams, readOperation, readTeam}, Capability: m365.Teams}, createTeam, action.WithReconcile(createdTeam)),
		onTeam("teams.team.archive", "Archive a team: it can be read, and not be written.", archiveTeam, "archive"),
		onTeam("teams.team.restore", "Restore an archived team.", unarchiveTeam, "unarchive"),
	}
}

func listTeamsOf(ctx context.Context, c action.Call, in TeamListIn) (TeamList, error) {
	from := cursor.Start{Graph: c.Bound.Graph, Text: in.Cursor, Question: in.question()}
	opts := []graph.Option{}
	if in.All {
		from.Path = graph.At("teams")
		opts = append(opts, graph.Top(cmp.Or(in.Limit, 50)))
		if in.Name != "" {
			opts = append(opts, graph.Filter("displayName eq "+graph.Quote(in.Name)))
		}
	} else {
		box, err := in.In(c)
		if err != nil {
			return TeamList{}, err
		}
		from.Path = box.Sub("joinedTeams") // takes no size of a page
	}
	teams, next, err := cursor.Page(ctx, from, teamOf, opts...)
	// Those that are not on the connection's list are nobody's business here; a page may be shorter for it.
	teams = slices.DeleteFunc(teams, func(t Team) bool { return !c.Bound.Connection.ReachesTeam(t.ID) })
	return TeamList{teams, next}, explain(ctx, c, "", err)
}

// making is what the ledger keeps of a new team: what looked like it before, and what Teams said of it.
type making struct {
	graph.StartedTeam
}

func (in TeamCreateIn) addition(c action.Call) once.Addition[Team] {
	g := c.Bound.Graph
	return once.Addition[Team]{
		List: func(ctx context.Context, proof graph.Option) ([]Team, error) {
			out := []Team{}
			for t, err := range graph.List[graph.Team](ctx, g, graph.At("teams"), graph.Filter("displayName eq "+graph.Quote(in.Name)), proof) {
				if err != nil {
					return nil, err
				}
				out = append(out, teamOf(t))
			}
			return out, nil
		},
		ID: func(t Team) string { return t.ID },
		Is: func(t Team) bool { return t.Name == in.Name },
		Make: func(ctx context.Context) (Team, error) {
			team := graph.NewTeam{Template: "https://graph.microsoft.com/v1.0/teamsTemplates('standard')", DisplayName: in.Name, Description: in.Description, Visibility: cmp.Or(in.Visibility, "private")}
			if in.Owner != "" {
				team.Members = []graph.NewMember{g.Member(in.Owner, "owner")}
			}
			started, err := g.StartOnTeam(ctx, graph.At("teams"), team)
			if err != nil {
				return Team{}, explain(ctx, c, "", err)
			}
			if err := c.Checkpoint(ctx, making{started}); err != nil {
				return Team{}, unknown(err)
			}
			return made(ctx, g, started)
		},
	}
}

func createTeam(ctx context.Context, c action.Call, in TeamCreateIn) (Team, error) {
	if in.Owner == "" && c.Bound.Graph.Mode() == m365.Application {
		return Team{}, fault.BadField("owner", "is missing: an app cannot own a team, so it names who does")
	}
	return in.addition(c).Run(ctx, c)
}

// made waits until a team is there.
func made(ctx context.Context, g *graph.Client, s graph.StartedTeam) (Team, error) {
	if s.Team == "" {
		return Team{}, unknown(nil)
	}
	o, err := s.Follow(ctx, g)
	if err != nil {
		return Team{}, unknown(err)
	}
	if o.Status != "succeeded" {
		return Team{}, failed(o)
	}
	t, err := graph.Get[graph.Team](ctx, g, graph.TeamAt(s.Team))
	if err != nil {
		return Team{}, unknown(err)
	}
	return teamOf(t), nil
}

func failed(o graph.TeamOperation) error {
	f := &fault.Error{Kind: fault.UpstreamRefused, Code: "team_operation_failed", Message: "Teams took the request and could not carry it out", Fix: "Look at the team in the Teams admin center, and try again", Who: "an administrator of the tenant"}
	if o.Error != nil && o.Error.Code != "" {
		f.Cause = "Teams says " + o.Error.Code
	}
	return f
}

// unknown says that something was begun whose end is not known: the ledger looks again.
func unknown(err error) error {
	return &fault.Error{Kind: fault.Unclear, Code: "outcome_unknown", Message: "Teams has taken it on, and it is not known yet whether it is done", Fix: "Look at the run in a minute, or repeat with the same key", Who: "you", Err: err}
}

// createdTeam answers an unclear creation: Teams tells of what it has begun; before that, another team of the name is the one.
func createdTeam(ctx context.Context, c action.Call, in TeamCreateIn) (Team, action.Answer, error) {
	var m making
	known, err := c.Recall(ctx, &m)
	if err != nil || !known {
		return Team{}, action.NotStarted, err
	}
	if m.Team == "" {
		return in.addition(c).Became(ctx, c)
	}
	o, err := m.Standing(ctx, c.Bound.Graph)
	switch {
	case err != nil:
		return Team{}, action.StillOpen, err
	case o.Status == "failed":
		return Team{}, action.NotStarted, nil
	case !o.Ended():
		return Team{}, action.StillOpen, nil
	}
	t, err := graph.Get[graph.Team](ctx, c.Bound.Graph, graph.TeamAt(m.Team))
	if err != nil {
		return Team{}, action.StillOpen, err
	}
	return teamOf(t), action.Happened, nil
}

// onTeam is an action that has Teams change a whole team in its own time. It says how the team shall be: twice is as once.
func onTeam(name, summary string, op m365.OperationKey, last string) action.Action {
	at := map[string]func(graph.Path) graph.Path{
		"archive":   func(p graph.Path) graph.Path { return p.Sub("archive") },
		"unarchive": func(p graph.Path) graph.Path { return p.Sub("unarchive") },
	}[last]
	return action.Define(action.Spec{Name: name, Summary: summary, Effect: action.Writes, Repeatable: true,
		Operations: []m365.OperationKey{op, readOperation, readTeam}, Capability: m365.Teams, Args: []string{"team"}},
		func(ctx context.Context, c action.Call, in TeamIn) (Team, error) {
			started, err := c.Bound.Graph.StartOnTeam(ctx, at(in.path()), nil, graph.Idempotent())
			if err != nil {
				return Team{}, explain(ctx, c, in.Team, err)
			}
			return made(ctx, c.Bound.Graph, started)
		})
}
