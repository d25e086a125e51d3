package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/wire"
)

// Team is a team. Lists of all teams fill in id, name and description only (graph/FACTS §11).
type Team struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
	Visibility  string `json:"visibility"`
	WebURL      string `json:"webUrl"`
	IsArchived  *bool  `json:"isArchived"`
}

// NewTeam is a team to be made. An app names its owner (team-post.md).
type NewTeam struct {
	Template    string      `json:"template@odata.bind"`
	DisplayName string      `json:"displayName"`
	Description string      `json:"description,omitempty"`
	Visibility  string      `json:"visibility,omitempty"`
	Members     []NewMember `json:"members,omitempty"`
}

// NewMember is somebody to be added to a team, channel or chat.
type NewMember struct {
	Type  string   `json:"@odata.type"`
	Roles []string `json:"roles"`
	User  string   `json:"user@odata.bind,omitempty"`
}

// Member names a person, by id or sign-in name, with a role: owner, guest, or "" for none. The address of Graph in it is Microsoft's own in
// every cloud's examples; only what is in the brackets counts.
func (c *Client) Member(user, role string) NewMember {
	m := NewMember{Type: memberType, Roles: []string{}, User: c.base + "/users(" + Quote(user) + ")"}
	if role != "" {
		m.Roles = append(m.Roles, role)
	}
	return m
}

// Role is a change of a member's role.
func Role(role string) NewMember {
	m := NewMember{Type: memberType, Roles: []string{}}
	if role != "" {
		m.Roles = append(m.Roles, role)
	}
	return m
}

const memberType = "#microsoft.graph.aadUserConversationMember"

// ConversationMember is an entry of a team, channel or chat.
type ConversationMember struct {
	ID          string   `json:"id"`
	Roles       []string `json:"roles"`
	DisplayName string   `json:"displayName"`
	UserID      string   `json:"userId"`
	Email       string   `json:"email"`
	TenantID    string   `json:"tenantId"`
}

// Channel is a channel of a team.
type Channel struct {
	ID              string    `json:"id"`
	DisplayName     string    `json:"displayName"`
	Description     string    `json:"description"`
	MembershipType  string    `json:"membershipType"`
	Email           string    `json:"email"`
	WebURL          string    `json:"webUrl"`
	CreatedDateTime time.Time `json:"createdDateTime"`
}

// ChannelChange is what may be written of a channel.
type ChannelChange struct {
	DisplayName    *string     `json:"displayName,omitempty"`
	Description    *string     `json:"description,omitempty"`
	MembershipType string      `json:"membershipType,omitempty"`
	Members        []NewMember `json:"members,omitempty"`
}

// TeamOperation is how far a change is that Teams makes in its own time (resources/teamsasyncoperation.md).
type TeamOperation struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Error  *struct {
		Code string `json:"code"`
	} `json:"error"`
}

// Ended says whether nothing more will come of it.
func (o TeamOperation) Ended() bool { return o.Status == "succeeded" || o.Status == "failed" }

// TeamAt is one team.
func TeamAt(id string) Path { return At("teams").Item("team-id", id) }

// ChannelAt is one channel.
func ChannelAt(team, id string) Path {
	return TeamAt(team).Sub("channels").Item("channel-id", id)
}

// MessageAt is a message of a channel; with a reply, that.
func MessageAt(team, channel, id, reply string) Path {
	p := ChannelAt(team, channel).Sub("messages").Item("chatMessage-id", id)
	if reply != "" {
		p = p.Sub("replies").Item("chatMessage-id1", reply)
	}
	return p
}

// Chats is where chats are made, as the owner's matter: the fence judges whose chat it is, which its address does not say.
func (o Owner) Chats() Path {
	p := At("chats")
	p.err = o.err
	p.target = wire.Target{Mailbox: o.target.Mailbox, Section: "chats"}
	return p
}

// Chat is a chat of the owner's, by its own address. A channel is a conversation too, and is reached through its team, by which it is judged:
// its id, which ends in thread.tacv2 (channel-get.md), is that of no chat.
func (o Owner) Chat(id string) Path {
	p := o.Chats().Item("chat-id", id)
	if strings.HasSuffix(strings.ToLower(id), "@thread.tacv2") {
		p.err = fault.BadField("chat", "is the id of a channel: name its team and channel")
	}
	return p
}

// StartedTeam is what Teams answers to a change that it makes in its own time.
type StartedTeam struct{ Team, Operation string }

// The places in an answer to a change of a team: /teams('…')/operations('…'), or with the ids behind slashes (both are on the pages).
var startedForm = regexp.MustCompile(`^/?teams(?:\('|/|\()([^'/)]+)(?:'?\))?/operations(?:\('|/|\()([^'/)]+)`)

// StartOnTeam has Teams begin a change of a team: it answers with a place to ask at.
func (c *Client) StartOnTeam(ctx context.Context, p Path, body any, opts ...Option) (StartedTeam, error) {
	r, k, err := c.request(http.MethodPost, p, opts)
	if err != nil {
		return StartedTeam{}, err
	}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return StartedTeam{}, unencodable(r.Operation, err)
		}
		c.setBody(&r, "application/json", text)
	}
	answer, err := c.wire.Do(ctx, r)
	if err != nil {
		return StartedTeam{}, err
	}
	k.prove(answer)
	found := startedForm.FindStringSubmatch(answer.Header.Get("Location"))
	if found == nil {
		return StartedTeam{}, nil // accepted, and it is not said where to ask
	}
	return StartedTeam{found[1], found[2]}, nil
}

// Standing is how far the change is.
func (s StartedTeam) Standing(ctx context.Context, c *Client) (TeamOperation, error) {
	return Get[TeamOperation](ctx, c, TeamAt(s.Team).Sub("operations").Item("teamsAsyncOperation-id", s.Operation))
}

// The pauses between two looks: "wait >30 seconds between checks" (resources/teamsasyncoperation.md); the first one comes sooner, as most
// changes take seconds.
const (
	firstTeamPause = 3 * time.Second
	laterTeamPause = 31 * time.Second
)

// Follow watches a change until it has ended.
func (s StartedTeam) Follow(ctx context.Context, c *Client) (TeamOperation, error) {
	for pause := firstTeamPause; ; pause = laterTeamPause {
		o, err := s.Standing(ctx, c)
		if err != nil || o.Ended() {
			return o, err
		}
		if err := c.wire.Clock.Sleep(ctx, pause); err != nil {
			return o, err
		}
	}
}
