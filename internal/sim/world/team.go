package world

import (
	"cmp"
	"slices"
	"strings"
)

// The collections of Teams. All lie with the tenant, but a person's online meetings, which lie with the mailbox.
const (
	Teams           = "teams"
	Channels        = "channels" // Partition is the team
	ChannelMessages = "channelMessages"
	Chats           = "chats"
	ChatMessages    = "chatMessages"
	TeamOperations  = "teamOperations"
	Presences       = "presences"
	OnlineMeetings  = "onlineMeetings"
	Activities      = "activityNotifications"
	Workflows       = "workflows"
)

// TeamSpec is one team. People are named by their sign-in names.
type TeamSpec struct {
	Name        string        `yaml:"name"`
	Description string        `yaml:"description"`
	Owners      []string      `yaml:"owners"`
	Members     []string      `yaml:"members"`
	Channels    []ChannelSpec `yaml:"channels"`
}

// ChannelSpec is a channel beside General. Only private and shared ones have members of their own.
type ChannelSpec struct {
	Name    string   `yaml:"name"`
	Kind    string   `yaml:"kind"` // standard (default), private, shared
	Owners  []string `yaml:"owners"`
	Members []string `yaml:"members"`
}

// HasTeams tells whether a user may use Teams: only who has a licence with it may.
func HasTeams(u Object) bool { return len(Objects(u["assignedLicenses"])) > 0 }

// TeamMember is an entry of a team, channel or chat. Roles are owner, guest, or none.
func TeamMember(userID string, roles ...string) Object {
	return Object{"userId": userID, "roles": anyOf(roles)}
}

func anyOf(list []string) []any {
	out := []any{}
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// Team makes a team; its id is that of the group behind it.
func (w *World) Team(id, name, description, visibility string, members []any) Object {
	return Object{"id": id, "displayName": name, "description": orNil(description), "visibility": visibility, "createdDateTime": Stamp(w.Now()), "~members": members}
}

// Channel makes a channel of a team.
func (w *World) Channel(team, name, description, kind string, members []any) Object {
	return Object{"displayName": name, "description": orNil(description), "membershipType": kind, "createdDateTime": Stamp(w.Now()), Partition: team, "~members": members, "~version": 1}
}

// ChannelKey is the store id of a seeded channel, in the form of Teams' own: two parts that must be encoded in paths (graph/FACTS §11).
func (w *World) ChannelKey(parts ...string) string {
	return "19:" + strings.ReplaceAll(w.GUID(append([]string{"channel"}, parts...)...), "-", "") + "@thread.tacv2"
}

// seedTeams makes the teams of a tenant, each with General, and a workflow that posts into General when its address is called.
func (w *World) seedTeams(t TenantSpec) {
	people := func(names []string, roles ...string) []any {
		out := []any{}
		for _, n := range names {
			out = append(out, TeamMember(w.memberID(t.ID, n), roles...))
		}
		return out
	}
	for _, spec := range t.Teams {
		team, general, changes := w.GUID("team", t.ID, spec.Name), w.ChannelKey(t.ID, spec.Name, "General"), map[Key]Object{}
		changes[Key{t.ID, Teams, team}] = w.Team(team, spec.Name, spec.Description, "private", slices.Concat(people(spec.Owners, "owner"), people(spec.Members)))
		changes[Key{t.ID, Channels, general}] = w.Channel(team, "General", spec.Description, "standard", nil)
		for _, c := range spec.Channels {
			kind := cmp.Or(c.Kind, "standard")
			changes[Key{t.ID, Channels, w.ChannelKey(t.ID, spec.Name, c.Name)}] = w.Channel(team, c.Name, "", kind, slices.Concat(people(c.Owners, "owner"), people(c.Members)))
		}
		changes[Key{Collection: Workflows, ID: w.WorkflowKey(t.ID, spec.Name)}] = Object{"name": spec.Name, "~tenant": t.ID, "~team": team, "~channel": general, "~signature": w.ItemKey("signature", t.ID, spec.Name)}
		w.Update(func(tx *Tx) {
			for k, o := range changes {
				tx.Put(k, o)
			}
		})
	}
}

// WorkflowKey is the id of a seeded team's workflow.
func (w *World) WorkflowKey(tenant, team string) string {
	return strings.ReplaceAll(w.GUID("workflow", tenant, team), "-", "")
}
