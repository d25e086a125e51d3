package connection

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// lineOfTeam is of lines that are about one listed team.
const lineOfTeam = "team"

// resolveTeams finds the ids of the listed teams, by which everything in them is asked for. Those that were found within a day are asked for
// again only when the look is thorough.
func (s *Service) resolveTeams(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, r *report, thorough bool) {
	if !c.Serves(m365.Teams) || c.ReachesEveryTeam() {
		return
	}
	any := c
	any.setTeams([]Team{{Named: EveryTeam}}) // which of them are listed is what is asked
	g := s.client(any, e, tokens, "", nil)
	var group errgroup.Group
	group.SetLimit(mailboxesAtOnce)
	for i, t := range r.teams {
		if t.Status == TeamFound && s.Clock.Now().Sub(t.CheckedAt) < grantsEvery && !thorough {
			continue
		}
		group.Go(func() error { s.resolveTeam(ctx, g, &r.teams[i]); return nil })
	}
	_ = group.Wait() // the functions return no errors
}

// resolveTeam asks for one team. An answer that tells nothing of it leaves what was known.
func (s *Service) resolveTeam(ctx context.Context, g *graph.Client, t *Team) {
	found, err := teamsCalled(ctx, g, t.Named)
	switch f := fault.As(err); {
	case f == nil && len(found) == 1:
		t.ID, t.Name, t.Status, t.Note = found[0].ID, found[0].DisplayName, TeamFound, ""
	case f == nil && len(found) > 1:
		t.ID, t.Name, t.Status, t.Note = "", "", TeamAmbiguous, "Several teams have this name"
	case f == nil || f.Kind == fault.NotFound:
		t.ID, t.Name, t.Status, t.Note = "", "", TeamUnknown, "There is no team of this id or name"
		if g.Mode() == m365.Delegated {
			t.Note = "Whoever signed in is in no team of this id or name"
		}
	case refused(f):
		t.Status, t.Note = TeamDenied, sentence(f)
	default:
		t.Note = sentence(f)
		return
	}
	t.CheckedAt = s.Clock.Now()
}

// teamsCalled finds the teams that an entry means: one by its id, else those of the name, of a person's own where a person signed in.
func teamsCalled(ctx context.Context, g *graph.Client, named string) ([]graph.Team, error) {
	if m365.IsGUID(named) {
		t, err := graph.Get[graph.Team](ctx, g, graph.TeamAt(named))
		return []graph.Team{t}, err
	}
	from, opts := graph.At("teams"), []graph.Option{graph.Filter("displayName eq " + graph.Quote(named))}
	if g.Mode() == m365.Delegated {
		from, opts = mustOwner(g).Sub("joinedTeams"), nil // takes no filter
	}
	var out []graph.Team
	for t, err := range graph.List[graph.Team](ctx, g, from, opts...) {
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(t.DisplayName, named) {
			out = append(out, t)
		}
	}
	return out, nil
}

// teamLines tell of every listed team that is not reached.
func (r *report) teamLines(c Connection) []Line {
	var lines []Line
	for _, t := range r.teams {
		l := Line{Connection: c.Name, Capability: lineOfTeam, Title: t.Named, State: LineFailed, Cause: t.Note + ": " + t.Named}
		switch {
		case t.Status == TeamUnknown:
			l.Code, l.Fix, l.Who = "team_unknown", "Correct the id or name, or take it off the list; a renamed team is found by its id", "an admin of this hub"
		case t.Status == TeamAmbiguous:
			l.Code, l.Fix, l.Who = "team_ambiguous", "List the team by its id, which teams.team.list tells", "an admin of this hub"
		case t.Status == TeamDenied && c.Kind == m365.Delegated:
			l.Code, l.Fix, l.Who = "team_denied", "Have "+c.Account+" let into the team, or take it off the list", "an owner of the team"
		case t.Status == TeamDenied:
			l.Code, l.Fix, l.Who = "team_denied", "Grant the app the missing permission, or take the team off the list", "an administrator of the tenant"
		default:
			continue
		}
		lines = append(lines, l)
	}
	return lines
}
