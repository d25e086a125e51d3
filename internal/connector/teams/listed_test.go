package teams_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/connection"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/teams"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// A connection with a list of teams reaches these, and no request about another one leaves the hub.
func TestOnlyListedTeamsAreReached(t *testing.T) {
	b := start(t)
	field, management := team(b, "Field Service"), team(b, "Management")
	inside, outside := channel(b, field, "General"), channel(b, management, "General")
	for _, tt := range []struct{ name, entry string }{{"by name", " field service "}, {"by id", strings.ToUpper(field)}} {
		t.Run(tt.name, func(t *testing.T) {
			c := b.Reteam(bench.App, tt.entry)
			if len(c.TeamStates) != 1 || c.TeamStates[0].Status != connection.TeamFound || c.TeamStates[0].ID != field || c.TeamStates[0].Name != "Field Service" || c.State != connection.Healthy {
				t.Fatalf("got %+v, %s", c.TeamStates, c.State)
			}
			bench.Do[teams.Team](b, "teams.team.get", bench.In{"team": field})
			bench.Do[teams.Team](b, "teams.team.get", bench.In{"team": strings.ToUpper(field)})
			bench.Do[any](b, "teams.channel_message.list", inside)
			for _, all := range []bench.In{{"all": true}, {"user": ada}} {
				if got := bench.Do[teams.TeamList](b, "teams.team.list", all).Teams; len(got) != 1 || got[0].ID != field {
					t.Errorf("%v lists %+v", all, got)
				}
			}
			b.Silent(func() {
				for action, in := range map[string]bench.In{
					"teams.team.get": {"team": management}, "teams.team.archive": {"team": strings.ToUpper(management)}, "teams.channel.list": {"team": management}, "teams.channel.get": outside,
					"teams.channel.create": {"team": management, "name": "x"}, "teams.channel_message.change.list": outside, "teams.channel.files.get": outside, "teams.member.list": {"team": management}, "teams.channel_message.list": outside,
					"teams.channel_message.get": with(outside, bench.In{"message": "1"}), "teams.channel_message.hosted_content.list": with(outside, bench.In{"message": "1", "reply": "2"}),
					"teams.channel_message.hosted_content.download": with(outside, bench.In{"message": "1", "content": "x"}), "teams.activity.notify": {"user": ada, "team": management, "type": "taskCreated", "topic": "x", "preview": "x", "link": "https://teams.microsoft.com/l/x"},
				} {
					if f := b.Refused(action, in, bench.Out(io.Discard)); f.Code != "team_not_listed" || f.Fix == "" || f.Who == "" {
						t.Errorf("%s: got %v", action, f)
					}
				}
				if f := b.Refused("teams.chat_message.list", bench.In{"user": ada, "chat": outside["channel"]}); f.Kind != fault.Invalid {
					t.Errorf("a channel as a chat: %v", f)
				}
				g := b.Client(t.Context(), bench.App)
				parts := []graph.Part{{Method: "GET", Path: graph.TeamAt(field)}, {Method: "GET", Path: graph.TeamAt(management).Sub("channels")}}
				if _, err := g.Batch(t.Context(), parts); fault.CodeOf(err) != "team_not_listed" {
					t.Errorf("a batch with one part outside: %v", err)
				}
			})
		})
	}
	if f := b.Refused("teams.team.create", bench.In{"name": "Another", "owner": ada}); f.Code != "team_not_listed" { // its name is looked for before
		t.Errorf("a new team: %v", f)
	}
	b.Reteam(bench.App, "Management")
	b.Silent(func() {
		if f := b.Refused("teams.team.get", bench.In{"team": field}); f.Code != "team_not_listed" {
			t.Errorf("no longer listed: %v", f)
		}
	})
	bench.Do[teams.Team](b, "teams.team.get", bench.In{"team": management})
}

// A person's connection finds its teams among those that the person is in, and lists no other.
func TestAPersonsListedTeams(t *testing.T) {
	b := start(t)
	field, management := team(b, "Field Service"), team(b, "Management")
	c := b.Reteam(bench.Person, "Field Service")
	if c.TeamStates[0].ID != field || c.State != connection.Healthy {
		t.Fatalf("got %+v, %s", c.TeamStates, c.State)
	}
	if got := bench.Do[teams.TeamList](b, "teams.team.list", bench.In{}, bench.Through(bench.Person)).Teams; len(got) != 1 || got[0].ID != field {
		t.Errorf("lists %+v", got)
	}
	b.Silent(func() {
		if f := b.Refused("teams.team.get", bench.In{"team": management}, bench.Through(bench.Person)); f.Code != "team_not_listed" {
			t.Errorf("got %v", f)
		}
	})
	if c := b.Reteam(bench.Person, "Management"); c.TeamStates[0].Status != connection.TeamUnknown || c.State != connection.Degraded {
		t.Errorf("a team that she is not in: %+v, %s", c.TeamStates, c.State)
	}
}

// The doctor tells of each listed team that is not reached, and what to do.
func TestTheDoctorTellsOfTeams(t *testing.T) {
	b := start(t)
	const none = "00000000-0000-4000-8000-000000000000"
	bench.Do[teams.Team](b, "teams.team.create", bench.In{"name": "Twins", "owner": ada})
	bench.Do[teams.Team](b, "teams.team.create", bench.In{"name": "twins", "owner": ada})
	b.Reteam(bench.App, "Field Service", "Nowhere", none, "TWINS")
	lines, err := b.Connections.Doctor(t.Context(), bench.App)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, l := range lines {
		if l.Capability == "team" {
			got[l.Title] = l.Code
			if l.State != connection.LineFailed || l.Fix == "" || l.Who == "" || !strings.Contains(l.Cause, l.Title) {
				t.Errorf("got %+v", l)
			}
		}
	}
	if len(got) != 3 || got["Nowhere"] != "team_unknown" || got[none] != "team_unknown" || got["TWINS"] != "team_ambiguous" {
		t.Errorf("got %v", got)
	}
}

// What a list of teams may hold. A wrong one changes nothing.
func TestAListOfTeamsIsChecked(t *testing.T) {
	b := start(t)
	for _, tt := range []struct {
		name  string
		teams []string
		field string
	}{
		{"none, with the capability", []string{}, "teams"},
		{"all and one", []string{"Field Service", "*"}, "teams"},
		{"too many", slices.Repeat([]string{"x"}, 501), "teams"},
		{"an empty one", []string{"Field Service", " "}, "teams[1]"},
		{"a name that is too long", []string{strings.Repeat("x", 257)}, "teams[0]"},
		{"twice, written differently", []string{"Field Service", "FIELD service"}, "teams[1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := b.Connections.Change(t.Context(), access.Local("bench"), bench.App, connection.Edit{Teams: &tt.teams})
			if f := fault.As(err); f == nil || !slices.ContainsFunc(f.Fields, func(f fault.Field) bool { return f.Name == tt.field }) {
				t.Errorf("got %v, want the field %s", err, tt.field)
			}
			if c, err := b.Connections.Lookup(t.Context(), bench.App); err != nil || !c.ReachesEveryTeam() {
				t.Errorf("changed: %v %v", c.Teams, err)
			}
		})
	}
}
