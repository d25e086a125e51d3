package connection

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
)

// EveryTeam is the entry of a list of teams that stands for all of them: what the permissions and Teams allow.
const EveryTeam = "*"

// mostTeams bounds a list: each of its teams is asked for whenever the connection is looked at thoroughly.
const mostTeams = 500

// TeamStatus is what Microsoft says of a listed team.
type TeamStatus string

// The statuses.
const (
	TeamUnchecked TeamStatus = "unchecked"
	TeamFound     TeamStatus = "resolved"
	TeamUnknown   TeamStatus = "unknown"   // there is no team of this id or name, or none that the person is in
	TeamAmbiguous TeamStatus = "ambiguous" // several have the name
	TeamDenied    TeamStatus = "denied"    // Microsoft does not let the connection in
)

// Team is one listed team.
type Team struct {
	Named     string     `json:"named"` // as listed: its id or its name
	Status    TeamStatus `json:"status"`
	ID        string     `json:"id,omitempty"`
	Name      string     `json:"name,omitempty"`
	Note      string     `json:"note,omitempty"`
	CheckedAt time.Time  `json:"checked_at,omitzero"`
}

// setTeams gives a connection its list.
func (c *Connection) setTeams(list []Team) {
	c.Teams, c.TeamStates = make([]string, len(list)), list
	for i, t := range list {
		c.Teams[i] = t.Named
	}
}

// ReachesEveryTeam says whether the list of teams is no limit.
func (c Connection) ReachesEveryTeam() bool { return slices.Contains(c.Teams, EveryTeam) }

// ReachesTeam says whether a team is on the list, by its id.
func (c Connection) ReachesTeam(id string) bool {
	return c.ReachesEveryTeam() || slices.ContainsFunc(c.TeamStates, func(t Team) bool { return t.ID != "" && strings.EqualFold(t.ID, id) })
}

// fenceTeams lets the listed teams through, by the ids that they were found under. Names are nothing that a request could say.
func (c Connection) fenceTeams(fence *graph.MailboxFence, p Purpose) {
	if !c.Serves(m365.Teams) || p != ForActions && p != "" {
		return
	}
	fence.EveryTeam = c.ReachesEveryTeam()
	for _, t := range c.TeamStates {
		if t.ID != "" {
			fence.Teams = append(fence.Teams, t.ID)
		}
	}
}

// normaliseTeams trims what people paste; ids are in small letters.
func (f *Form) normaliseTeams() {
	for i, t := range f.Teams {
		if f.Teams[i] = strings.TrimSpace(t); m365.IsGUID(f.Teams[i]) {
			f.Teams[i] = lower(f.Teams[i])
		}
	}
}

func (f *Form) checkTeams(bad func(string, string, ...any)) {
	switch {
	case len(f.Teams) == 0 && slices.Contains(f.Capabilities, m365.Teams):
		bad("teams", "Enter at least one team by its id or its name, or * for all that the permissions reach")
	case slices.Contains(f.Teams, EveryTeam) && len(f.Teams) > 1:
		bad("teams", "* stands for all teams: leave out the others, or *")
	case len(f.Teams) > mostTeams:
		bad("teams", "holds %d teams; at most %d", len(f.Teams), mostTeams)
	}
	seen := map[string]bool{}
	for i, t := range f.Teams {
		switch {
		case t == "" || len(t) > 256: // the longest name a team may have (team-post.md)
			bad(fmt.Sprintf("teams[%d]", i), "is neither the id nor the name of a team")
		case seen[lower(t)]:
			bad(fmt.Sprintf("teams[%d]", i), "is listed twice")
		}
		seen[lower(t)] = true
	}
}

// mergeTeams keeps what is known of entries that stay.
func mergeTeams(old []Team, entered []string) []Team {
	out := make([]Team, 0, len(entered))
	for _, named := range entered {
		next := Team{Named: named, Status: TeamUnchecked}
		if i := slices.IndexFunc(old, func(o Team) bool { return o.Named == named }); i >= 0 {
			next = old[i]
		}
		out = append(out, next)
	}
	return out
}

func replaceTeams(ctx context.Context, tx *store.Tx, connection string, list []Team) error {
	if _, err := tx.ExecContext(ctx, "delete from connection_team where connection = $1", connection); err != nil {
		return err
	}
	for _, t := range list {
		if _, err := tx.ExecContext(ctx, "insert into connection_team (connection, named, team_id, name, status, note, checked_at) values ($1, $2, $3, $4, $5, $6, $7)",
			connection, t.Named, t.ID, t.Name, string(t.Status), t.Note, store.Millis(t.CheckedAt)); err != nil {
			return err
		}
	}
	return listChanged(ctx, tx, connection)
}

func updateTeams(ctx context.Context, tx *store.Tx, connection string, list []Team) error {
	for _, t := range list {
		if _, err := tx.ExecContext(ctx, "update connection_team set team_id = $1, name = $2, status = $3, note = $4, checked_at = $5 where connection = $6 and named = $7",
			t.ID, t.Name, string(t.Status), t.Note, store.Millis(t.CheckedAt), connection, t.Named); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return nil
	}
	return listChanged(ctx, tx, connection)
}

// readTeams reads the lists of all connections (""), or of one.
func readTeams(ctx context.Context, q store.Querier, connection string) (map[string][]Team, error) {
	type owned struct {
		connection string
		Team
	}
	rows, err := store.Select(ctx, q, func(s store.Scanner) (o owned, err error) {
		var checked int64
		err = s.Scan(&o.connection, &o.Named, &o.ID, &o.Name, &o.Status, &o.Note, &checked)
		o.CheckedAt = store.Time(checked)
		return o, err
	}, "select connection, named, team_id, name, status, note, checked_at from connection_team where ($1 = '' or connection = $2) order by connection, named", connection, connection)
	out := map[string][]Team{}
	for _, r := range rows {
		out[r.connection] = append(out[r.connection], r.Team)
	}
	return out, err
}
