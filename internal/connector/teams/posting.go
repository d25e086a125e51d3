package teams

import (
	"context"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// MessagePostIn is a new message of a channel.
type MessagePostIn struct {
	ChannelIn
	Subject string `json:"subject,omitempty" maxLength:"255" doc:"Subject"`
	Words
}

// Check names every field that cannot be.
func (in MessagePostIn) Check() error { return fault.OfFields(in.wrong()) }

// MessageReplyIn is a reply to a message of a channel.
type MessageReplyIn struct {
	ChannelIn
	Message string `json:"message" minLength:"1" doc:"The message that is answered, by id"`
	Words
}

// Check names every field that cannot be.
func (in MessageReplyIn) Check() error { return fault.OfFields(in.wrong()) }

func postActions() []action.Action {
	return []action.Action{
		once.Define(action.Spec{Name: "teams.channel_message.send", Summary: "Post a message to a channel.", Effect: action.Writes,
			Operations: []m365.OperationKey{listMessages, postMessage}, MayCall: []m365.OperationKey{listInChannel}, Capability: m365.Teams, Args: []string{"team", "channel"}, Files: image}, MessagePostIn.posting),
		once.Define(action.Spec{Name: "teams.channel_message.reply", Summary: "Reply to a message of a channel.", Effect: action.Writes,
			Operations: []m365.OperationKey{listReplies, postReply}, MayCall: []m365.OperationKey{listInChannel}, Capability: m365.Teams, Args: []string{"team", "channel", "message"}, Files: image}, MessageReplyIn.posting),
	}
}

func (in MessagePostIn) posting(ctx context.Context, c action.Call) (posting, error) {
	p, err := newPosting(ctx, c, in.Words, in.path().Sub("messages"), in.path().Sub("members"), in.Team)
	p.message.Subject = in.Subject
	return p, err
}

func (in MessageReplyIn) posting(ctx context.Context, c action.Call) (posting, error) {
	return newPosting(ctx, c, in.Words, graph.MessageAt(in.Team, in.Channel, in.Message, "").Sub("replies"), in.path().Sub("members"), in.Team)
}

// posting is a message on its way into a thread, and how it is found there if the answer is lost. Teams takes no key: what was there before
// tells a new message from an old one with the same words, and only one's own are looked at.
type posting struct {
	c       action.Call
	at      graph.Path // the thread: read and written at one address
	team    string
	message graph.NewChatMessage
}

func newPosting(ctx context.Context, c action.Call, w Words, at, members graph.Path, team string) (posting, error) {
	m, err := w.compose(ctx, c, members)
	return posting{c, at, team, m}, explain(ctx, c, team, err)
}

// posted is what the ledger keeps: when nothing had left yet, and one's own messages from shortly before.
type posted struct {
	Me     string    `json:"me"`
	Before []string  `json:"before"`
	At     time.Time `json:"at"`
}

// slack is how far the hub's clock and Teams' may be apart: older messages cannot be the one.
const slack = 10 * time.Minute

// Run posts.
func (p posting) Run(ctx context.Context, c action.Call) (Message, error) {
	message, err := pictured(p.message, c.Files[image[0].Name])
	if err != nil {
		return Message{}, err
	}
	id, err := me(ctx, c)
	if err != nil {
		return Message{}, err
	}
	var proof graph.Proof
	mine, _, err := p.latest(ctx, id, time.Time{}, 1, graph.Prove(&proof))
	if err != nil {
		return Message{}, explain(ctx, c, p.team, err)
	}
	s := posted{Me: id, At: proof.At}
	for _, m := range mine {
		if m.CreatedDateTime.After(s.At.Add(-slack)) {
			s.Before = append(s.Before, m.ID)
		}
	}
	if err := c.Checkpoint(ctx, s); err != nil {
		return Message{}, err
	}
	m, err := graph.Post[graph.ChatMessage](ctx, c.Bound.Graph, p.at, message)
	return messageOf(m), explain(ctx, c, p.team, err)
}

// pagesOf how many messages back a post is looked for.
const mostPages = 4

// latest reads the newest messages, and picks somebody's that are not older than since. whole says that nothing younger was left unread.
// It does not end at the first old message: Teams lists a thread with a fresh reply before younger ones (recall), so a page without any
// young one ends it.
func (p posting) latest(ctx context.Context, of string, since time.Time, pages int, opts ...graph.Option) (mine []graph.ChatMessage, whole bool, err error) {
	next := graph.PageToken("")
	for range pages {
		var page []graph.ChatMessage
		page, next, err = graph.ListPage[graph.ChatMessage](ctx, p.c.Bound.Graph, p.at, next, append(opts, graph.Top(50))...)
		if err != nil {
			return nil, false, err
		}
		young := 0
		for _, m := range page {
			if !m.CreatedDateTime.Before(since) {
				young++
				if m.From != nil && m.From.User != nil && strings.EqualFold(m.From.User.ID, of) {
					mine = append(mine, m)
				}
			}
		}
		if next == "" || young == 0 {
			return mine, true, nil
		}
	}
	return mine, false, nil
}

// Became answers an unclear post. It happened where one's own new message says the same. It did not where there is no new one and none can be
// under way any more. A new one with other words may be it all the same, as Teams writes HTML anew: that stays open, for a person to look.
func (p posting) Became(ctx context.Context, c action.Call) (Message, action.Answer, error) {
	var s posted
	known, err := c.Recall(ctx, &s)
	if err != nil || !known {
		return Message{}, action.NotStarted, err // nothing leaves before the checkpoint
	}
	var proof graph.Proof
	mine, whole, err := p.latest(ctx, s.Me, s.At.Add(-slack), mostPages, graph.Prove(&proof))
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return Message{}, action.NotStarted, nil // where it was to be is gone
	case err != nil:
		return Message{}, action.StillOpen, err
	}
	fresh := slices.DeleteFunc(mine, func(m graph.ChatMessage) bool { return slices.Contains(s.Before, m.ID) })
	if i := slices.IndexFunc(fresh, p.says); i >= 0 {
		return messageOf(fresh[i]), action.Happened, nil
	}
	if len(fresh) > 0 || !whole || proof.At.Sub(s.At) < once.Settled {
		return Message{}, action.StillOpen, nil
	}
	return Message{}, action.NotStarted, nil
}

// says tells whether a message has the words of the posting, as people read them.
func (p posting) says(m graph.ChatMessage) bool {
	return m.DeletedDateTime == nil && m.Subject == p.message.Subject && len(m.Attachments) == len(p.message.Attachments) && plain(m.Body) == plain(p.message.Body)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plain is what people read of a body: tags, entities and the width of blanks are Teams' own, and where an image stands there are no words.
func plain(b graph.ItemBody) string {
	text := strings.ReplaceAll(b.Content, imagePlace, " ")
	if strings.EqualFold(b.ContentType, "html") {
		text = html.UnescapeString(tags.ReplaceAllString(text, " "))
	}
	return strings.Join(strings.Fields(text), " ")
}
