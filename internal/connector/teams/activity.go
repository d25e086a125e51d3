package teams

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ActivityIn is an entry of somebody's activity feed.
type ActivityIn struct {
	place.Mailbox
	Team    string            `json:"team,omitempty" doc:"A team by id whose member the person is: the entry belongs to it"`
	Chat    string            `json:"chat,omitempty" doc:"A chat by id, instead of a team"`
	Type    string            `json:"type" minLength:"1" maxLength:"255" doc:"Activity type that the Teams app's manifest declares"`
	Topic   string            `json:"topic" minLength:"1" maxLength:"1000" doc:"What it is about: a text"`
	Link    string            `json:"link" minLength:"1" maxLength:"2000" doc:"Deep link that opens it: https://teams.microsoft.com/l/…"`
	Preview string            `json:"preview,omitempty" maxLength:"150" doc:"Second line"`
	Values  map[string]string `json:"values,omitempty" doc:"What stands in the places of the activity type's template"`
}

// The beginning of every deep link (userteamwork-sendactivitynotification.md).
const deepLink = "https://teams.microsoft.com/l/"

// Check names every field that cannot be.
func (in ActivityIn) Check() error {
	var wrong []fault.Field
	if len(in.Link) < len(deepLink) || in.Link[:len(deepLink)] != deepLink {
		wrong = append(wrong, fault.Field{Name: "link", Message: "is no deep link of Teams: those begin with " + deepLink})
	}
	if in.Team != "" && in.Chat != "" {
		wrong = append(wrong, fault.Field{Name: "chat", Message: "is one place too many beside team"})
	}
	if in.User == "" && (in.Team != "" || in.Chat != "") {
		wrong = append(wrong, fault.Field{Name: "user", Message: "is missing: name who of the team or chat is notified"})
	}
	return fault.OfFields(wrong)
}

// Notified says who was.
type Notified struct {
	User string `json:"user" doc:"Person by id"`
}

func activityActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.activity.notify", Summary: "Put an entry into a person's activity feed; the Teams app must be installed for them.", Effect: action.Writes,
			Operations: []m365.OperationKey{notifyUser}, MayCall: []m365.OperationKey{notifyInTeam, notifyInChat, readUser}, Capability: m365.Teams}, notify, action.WithReconcile(notified)),
	}
}

// sent is what the ledger keeps of a notification: nothing tells later whether it arrived.
type sent struct {
	User string `json:"user"`
}

func notify(ctx context.Context, c action.Call, in ActivityIn) (Notified, error) {
	id, err := personID(ctx, c, in.User)
	if err != nil {
		return Notified{}, err
	}
	n := graph.ActivityNotification{Topic: graph.ActivityTopic{Source: "text", Value: in.Topic, WebURL: in.Link}, ActivityType: in.Type}
	if in.Preview != "" {
		n.PreviewText = &graph.ActivityText{Content: in.Preview}
	}
	for name, value := range in.Values {
		n.Parameters = append(n.Parameters, graph.ActivityValue{Name: name, Value: value})
	}
	owner, err := c.Bound.Graph.Owner(m365.UserID(id))
	if err != nil {
		return Notified{}, err
	}
	at := owner.Sub("teamwork", "sendActivityNotification")
	switch {
	case in.Team != "":
		at, n.Recipient = graph.TeamAt(in.Team).Sub("sendActivityNotification"), graph.ToMember(id)
	case in.Chat != "":
		at, n.Recipient = owner.Chat(in.Chat).Sub("sendActivityNotification"), graph.ToMember(id)
	}
	if err := c.Checkpoint(ctx, sent{id}); err != nil {
		return Notified{}, err
	}
	return Notified{id}, notInstalled(ctx, c, in.Team, graph.Call(ctx, c.Bound.Graph, at, n))
}

// notInstalled says the likeliest reason for a refusal that is none of the others.
func notInstalled(ctx context.Context, c action.Call, team string, err error) error {
	known := explain(ctx, c, team, err)
	f := fault.As(known)
	if f == nil || f.Code != "permission_missing" {
		return known
	}
	out := *f
	out.Code, out.Message = "app_not_installed", "Teams does not let the app notify this person"
	out.Cause = "No Teams app of this registration is installed for them, or the permission TeamsActivity.Send is missing"
	out.Fix, out.Who = "Install the Teams app for the person (its manifest's webApplicationInfo names this application), and grant TeamsActivity.Send", "a Teams administrator of the tenant"
	return &out
}

// notified answers an unclear notification: nobody can read another's feed, so one that may have left stays open, for a person to ask.
func notified(ctx context.Context, c action.Call, _ ActivityIn) (Notified, action.Answer, error) {
	var s sent
	known, err := c.Recall(ctx, &s)
	if err != nil || !known {
		return Notified{}, action.NotStarted, err
	}
	return Notified{}, action.StillOpen, nil
}
