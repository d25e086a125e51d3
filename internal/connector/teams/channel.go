package teams

import (
	"context"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Channel is a channel of a team.
type Channel struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Kind        string    `json:"kind" doc:"standard, private or shared"`
	Address     string    `json:"address,omitempty" doc:"Mail to it is posted, where it has one"`
	URL         string    `json:"url,omitempty"`
	Created     time.Time `json:"created,omitzero"`
}

func channelOf(c graph.Channel) Channel {
	return Channel{c.ID, c.DisplayName, c.Description, c.MembershipType, c.Email, c.WebURL, c.CreatedDateTime}
}

// Channels are the channels of a team.
type Channels struct {
	Channels []Channel `json:"channels" doc:"Private and shared ones only where whoever asks is a member, or is an app"`
}

// Folder is where a channel's files lie: a folder of a drive.
type Folder struct {
	Drive string `json:"drive" doc:"Drive by id"`
	Item  string `json:"item" doc:"Folder by id"`
	Name  string `json:"name"`
	URL   string `json:"url,omitempty"`
}

// ChannelCreateIn is a new channel.
type ChannelCreateIn struct {
	TeamIn
	Name        string   `json:"name" minLength:"1" maxLength:"50" doc:"Name"`
	Description string   `json:"description,omitempty" maxLength:"1024" doc:"What it is for"`
	Kind        string   `json:"kind,omitempty" enum:"standard,private,shared" doc:"Who sees it; standard without: everybody of the team"`
	Owners      []string `json:"owners,omitempty" maxItems:"20" doc:"Owners of a private or shared channel by address or id; through an app at least one"`
}

// ChannelUpdateIn changes a channel. What is left out stays.
type ChannelUpdateIn struct {
	ChannelIn
	Name        *string `json:"name,omitempty" minLength:"1" maxLength:"50" doc:"New name"`
	Description *string `json:"description,omitempty" maxLength:"1024" doc:"New description"`
}

// What Teams does not take in a channel's name: its own "Limits and specifications" (recall).
const unusable = `~#%&*{}+/\:<>?|'"`

func wrongChannelName(name string) []fault.Field {
	switch {
	case strings.ContainsAny(name, unusable):
		return []fault.Field{{Name: "name", Message: "holds a character that Teams does not take: one of ~ # % & * { } + / \\ : < > ? | ' \""}}
	case strings.TrimSpace(name) != name || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "."):
		return []fault.Field{{Name: "name", Message: "begins or ends with a blank or dot, or begins with an underscore"}}
	}
	return nil
}

// Check names every field that cannot be.
func (in ChannelCreateIn) Check() error {
	wrong := wrongChannelName(in.Name)
	if len(in.Owners) > 0 && (in.Kind == "" || in.Kind == "standard") {
		wrong = append(wrong, fault.Field{Name: "owners", Message: "goes with a private or shared channel alone: a standard one belongs to the team"})
	}
	return fault.OfFields(wrong)
}

// Check wants something to change.
func (in ChannelUpdateIn) Check() error {
	switch {
	case in.Name == nil && in.Description == nil:
		return fault.BadField("name", "nothing is to be changed: give name or description")
	case in.Name != nil:
		return fault.OfFields(wrongChannelName(*in.Name))
	}
	return nil
}

func channelActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.channel.list", Summary: "List the channels of a team.", Effect: action.Reads,
			Operations: []m365.OperationKey{listChannels}, Capability: m365.Teams, Args: []string{"team"}},
			func(ctx context.Context, c action.Call, in TeamIn) (Channels, error) {
				all, err := channelsOf(ctx, c, in.Team)
				return Channels{all}, explain(ctx, c, in.Team, err)
			}),
		action.Define(action.Spec{Name: "teams.channel.get", Summary: "Read one channel.", Effect: action.Reads,
			Operations: []m365.OperationKey{readChannel}, Capability: m365.Teams, Args: []string{"team", "channel"}}, getChannel),
		once.Define(action.Spec{Name: "teams.channel.create", Summary: "Make a channel in a team.", Effect: action.Writes,
			Operations: []m365.OperationKey{listChannels, createChannels}, Capability: m365.Teams, Args: []string{"team", "name"}}, ChannelCreateIn.addition),
		action.Define(action.Spec{Name: "teams.channel.update", Summary: "Change a channel's name or description.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeChannel, readChannel}, Capability: m365.Teams, Args: []string{"team", "channel"}},
			func(ctx context.Context, c action.Call, in ChannelUpdateIn) (Channel, error) {
				if _, err := graph.Patch[struct{}](ctx, c.Bound.Graph, in.path(), graph.ChannelChange{DisplayName: in.Name, Description: in.Description}, graph.Idempotent()); err != nil {
					return Channel{}, explain(ctx, c, in.Team, err)
				}
				return getChannel(ctx, c, in.ChannelIn)
			}),
		action.Define(action.Spec{Name: "teams.channel.delete", Summary: "Delete a channel with everything in it.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{removeChannel}, Capability: m365.Teams, Args: []string{"team", "channel"}},
			func(ctx context.Context, c action.Call, in ChannelIn) (Deleted, error) {
				return Deleted{in.Channel}, explain(ctx, c, in.Team, graph.Delete(ctx, c.Bound.Graph, in.path()))
			}),
		action.Define(action.Spec{Name: "teams.channel.files.get", Summary: "Find the folder in which a channel's files lie.", Effect: action.Reads,
			Operations: []m365.OperationKey{readFiles}, Capability: m365.Teams, Args: []string{"team", "channel"}},
			func(ctx context.Context, c action.Call, in ChannelIn) (Folder, error) {
				f, err := graph.Get[graph.DriveItem](ctx, c.Bound.Graph, in.path().Sub("filesFolder"))
				return Folder{f.ParentReference.DriveID, f.ID, f.Name, f.WebURL}, explain(ctx, c, in.Team, err)
			}),
	}
}

func getChannel(ctx context.Context, c action.Call, in ChannelIn) (Channel, error) {
	ch, err := graph.Get[graph.Channel](ctx, c.Bound.Graph, in.path())
	return channelOf(ch), explain(ctx, c, in.Team, err)
}

func channelsOf(ctx context.Context, c action.Call, team string, opts ...graph.Option) ([]Channel, error) {
	out := []Channel{}
	for ch, err := range graph.List[graph.Channel](ctx, c.Bound.Graph, graph.TeamAt(team).Sub("channels"), opts...) {
		if err != nil {
			return nil, err
		}
		out = append(out, channelOf(ch))
	}
	return out, nil
}

// addition is the way of a channel: names are unique in a team, so another one of the name is the one that was made.
func (in ChannelCreateIn) addition(_ context.Context, c action.Call) (once.Addition[Channel], error) {
	g := c.Bound.Graph
	if in.Kind != "" && in.Kind != "standard" && len(in.Owners) == 0 && g.Mode() == m365.Application {
		return once.Addition[Channel]{}, fault.BadField("owners", "is missing: through an app a private or shared channel needs an owner")
	}
	change := graph.ChannelChange{DisplayName: &in.Name, MembershipType: in.Kind}
	if in.Description != "" {
		change.Description = &in.Description
	}
	for _, o := range in.Owners {
		change.Members = append(change.Members, g.Member(o, "owner"))
	}
	return once.Addition[Channel]{
		List: func(ctx context.Context, proof graph.Option) ([]Channel, error) {
			all, err := channelsOf(ctx, c, in.Team, proof)
			return all, explain(ctx, c, in.Team, err)
		},
		ID: func(ch Channel) string { return ch.ID },
		Is: func(ch Channel) bool { return strings.EqualFold(ch.Name, in.Name) },
		Make: func(ctx context.Context) (Channel, error) {
			ch, err := graph.Post[graph.Channel](ctx, g, in.TeamIn.path().Sub("channels"), change)
			return channelOf(ch), explain(ctx, c, in.Team, err)
		},
	}, nil
}
