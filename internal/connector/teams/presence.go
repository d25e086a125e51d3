package teams

import (
	"cmp"
	"context"
	"fmt"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Presence is how present somebody is.
type Presence struct {
	User         string `json:"user" doc:"Person by id"`
	Availability string `json:"availability" doc:"Such as Available, Busy, Away, Offline"`
	Activity     string `json:"activity" doc:"Such as InACall"`
}

func presenceOf(p graph.PresenceState) Presence { return Presence{p.ID, p.Availability, p.Activity} }

// PresenceListIn asks about several people.
type PresenceListIn struct {
	Users []string `json:"users" minItems:"1" maxItems:"650" doc:"People by address or id; through an app those on the connection's list"`
}

// Presences are how present several people are.
type Presences struct {
	Presences []Presence `json:"presences"`
}

// PresenceSetIn says how present somebody is.
type PresenceSetIn struct {
	place.Mailbox
	State   string `json:"state" enum:"available,in_a_call,in_a_conference_call,away" doc:"What the hub says of them; what they say themselves counts more"`
	Minutes int    `json:"minutes,omitempty" minimum:"5" maximum:"240" doc:"For how long; 60 without"`
}

// The states that a program may set: presence-setpresence.md.
var sessions = map[string]graph.PresenceSession{
	"available": {Availability: "Available", Activity: "Available"}, "in_a_call": {Availability: "Busy", Activity: "InACall"},
	"in_a_conference_call": {Availability: "Busy", Activity: "InAConferenceCall"}, "away": {Availability: "Away", Activity: "Away"},
}

func presenceActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.presence.get", Summary: "See how present a person is.", Effect: action.Reads,
			Operations: []m365.OperationKey{readPresence}, Capability: m365.Presence}, getPresence),
		action.Define(action.Spec{Name: "teams.presence.list", Summary: "See how present several people are.", Effect: action.Reads,
			Operations: []m365.OperationKey{readPresences}, MayCall: []m365.OperationKey{readUser}, Capability: m365.Presence},
			func(ctx context.Context, c action.Call, in PresenceListIn) (Presences, error) {
				out, of := Presences{[]Presence{}}, graph.PresencesOf{}
				for _, u := range in.Users {
					id, err := personID(ctx, c, u)
					if err != nil {
						return out, err
					}
					of.IDs = append(of.IDs, id)
				}
				all, err := graph.Post[struct{ Value []graph.PresenceState }](ctx, c.Bound.Graph, graph.At("communications", "getPresencesByUserId"), of, graph.Idempotent())
				for _, p := range all.Value {
					out.Presences = append(out.Presences, presenceOf(p))
				}
				return out, err
			}),
		action.Define(action.Spec{Name: "teams.presence.set", Summary: "Say for a while that a person is available, away, or in a call.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{setPresence, readPresence}, MayCall: []m365.OperationKey{readUser}, Capability: m365.Presence},
			func(ctx context.Context, c action.Call, in PresenceSetIn) (Presence, error) {
				s := sessions[in.State]
				s.Expiration = fmt.Sprintf("PT%dM", cmp.Or(in.Minutes, 60))
				return tellPresence(ctx, c, in.Mailbox, s, func(p graph.Path) graph.Path { return p.Sub("setPresence") })
			}),
		action.Define(action.Spec{Name: "teams.presence.clear", Summary: "Take back what the hub said of a person's presence.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{clearPresence, readPresence}, MayCall: []m365.OperationKey{readUser}, Capability: m365.Presence},
			func(ctx context.Context, c action.Call, in place.Mailbox) (Presence, error) {
				return tellPresence(ctx, c, in, graph.PresenceSession{}, func(p graph.Path) graph.Path { return p.Sub("clearPresence") })
			}),
	}
}

func getPresence(ctx context.Context, c action.Call, in place.Mailbox) (Presence, error) {
	box, err := in.In(c)
	if err != nil {
		return Presence{}, err
	}
	p, err := graph.Get[graph.PresenceState](ctx, box.Graph, box.Sub("presence"))
	return presenceOf(p), err
}

// tellPresence speaks for the application's session, whose id is the application's.
func tellPresence(ctx context.Context, c action.Call, in place.Mailbox, s graph.PresenceSession, last func(graph.Path) graph.Path) (Presence, error) {
	owner, err := byID(ctx, c, in.User)
	if err != nil {
		return Presence{}, err
	}
	s.ID = string(c.Connection.ClientID)
	if err := graph.Call(ctx, c.Bound.Graph, last(owner.Sub("presence")), s, graph.Idempotent()); err != nil {
		return Presence{}, explain(ctx, c, "", err)
	}
	return getPresence(ctx, c, in)
}
