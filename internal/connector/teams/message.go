package teams

import (
	"cmp"
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Author is who wrote a message: a person or a program.
type Author struct {
	User    string `json:"user,omitempty" doc:"Person by id"`
	Program string `json:"program,omitempty" doc:"Program by id: a bot, a workflow"`
	Name    string `json:"name,omitempty"`
}

// Attachment is a card or a file of a message.
type Attachment struct {
	Type    string `json:"type" doc:"reference for a file, else the type of card"`
	Name    string `json:"name,omitempty"`
	URL     string `json:"url,omitempty"`
	Content string `json:"content,omitempty" doc:"Of a card, as JSON"`
}

// Message is a message of a channel or chat.
type Message struct {
	ID          string       `json:"id"`
	ReplyTo     string       `json:"reply_to,omitempty" doc:"Of a reply, what it answers"`
	Kind        string       `json:"kind,omitempty" doc:"message; others tell what happened, such as systemEventMessage"`
	From        Author       `json:"from"`
	Created     time.Time    `json:"created"`
	Modified    time.Time    `json:"modified"`
	Edited      bool         `json:"edited"`
	Deleted     bool         `json:"deleted"`
	Subject     string       `json:"subject,omitempty"`
	Importance  string       `json:"importance,omitempty"`
	BodyType    string       `json:"body_type" doc:"text or html"`
	Body        string       `json:"body"`
	Attachments []Attachment `json:"attachments,omitempty"`
	Mentions    []string     `json:"mentions,omitempty" doc:"People by id"`
	URL         string       `json:"url,omitempty"`
}

func messageOf(m graph.ChatMessage) Message {
	out := Message{ID: m.ID, ReplyTo: m.ReplyToID, Kind: m.MessageType, Created: m.CreatedDateTime, Modified: m.LastModifiedDateTime, Edited: m.LastEditedDateTime != nil, Deleted: m.DeletedDateTime != nil,
		Subject: m.Subject, Importance: m.Importance, BodyType: m.Body.ContentType, Body: m.Body.Content, URL: m.WebURL}
	if m.From != nil {
		switch {
		case m.From.User != nil:
			out.From = Author{User: m.From.User.ID, Name: m.From.User.DisplayName}
		case m.From.Application != nil:
			out.From = Author{Program: m.From.Application.ID, Name: m.From.Application.DisplayName}
		}
	}
	for _, a := range m.Attachments {
		out.Attachments = append(out.Attachments, Attachment{a.ContentType, a.Name, a.ContentURL, a.Content})
	}
	for _, at := range m.Mentions {
		if at.Mentioned.User != nil {
			out.Mentions = append(out.Mentions, at.Mentioned.User.ID)
		}
	}
	return out
}

// MessageList is one page of messages.
type MessageList struct {
	Messages   []Message `json:"messages" doc:"The newest first"`
	NextCursor string    `json:"next_cursor,omitempty"`
}

// MessageListIn asks for messages of a channel.
type MessageListIn struct {
	ChannelIn
	ReplyTo string `json:"reply_to,omitempty" doc:"The replies to this message instead of the channel's top"`
	Limit   int    `json:"limit,omitempty" minimum:"1" maximum:"50" doc:"At most so many a page; 20 without"`
	Cursor  string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

func (in MessageListIn) question() []any {
	return []any{"messages", in.Team, in.Channel, in.ReplyTo, in.Limit}
}

// Check finds a foreign cursor.
func (in MessageListIn) Check() error { return cursor.Check(in.Cursor, in.question()...) }

func (in MessageListIn) path() graph.Path {
	if in.ReplyTo != "" {
		return graph.MessageAt(in.Team, in.Channel, in.ReplyTo, "").Sub("replies")
	}
	return in.ChannelIn.path().Sub("messages")
}

// MessageIn names one message of a channel, or one reply.
type MessageIn struct {
	ChannelIn
	Message string `json:"message" minLength:"1" doc:"Message by id"`
	Reply   string `json:"reply,omitempty" doc:"A reply to it by id, instead"`
}

func (in MessageIn) path() graph.Path {
	return graph.MessageAt(in.Team, in.Channel, in.Message, in.Reply)
}

// id is the one that is meant.
func (in MessageIn) id() string { return cmp.Or(in.Reply, in.Message) }

// MessageEditIn changes a message: its words as a whole.
type MessageEditIn struct {
	MessageIn
	Subject string `json:"subject,omitempty" maxLength:"255" doc:"Subject, of a message at the top of a channel"`
	Words
}

// Check names every field that cannot be.
func (in MessageEditIn) Check() error { return fault.OfFields(in.wrong()) }

// MessageChangesIn asks for what changed in a channel.
type MessageChangesIn struct {
	ChannelIn
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"50" doc:"At most so many a page; 50 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer; everything of the last eight months without"`
}

func (in MessageChangesIn) question() []any {
	return []any{"messages changed", in.Team, in.Channel, in.Limit}
}

// Check finds a foreign cursor.
func (in MessageChangesIn) Check() error { return cursor.Check(in.Cursor, in.question()...) }

// MessageChanges are one page of what changed in a channel.
type MessageChanges struct {
	Messages []Message `json:"messages" doc:"New and changed ones at the top of the channel, as they are now; deleted ones say so"`
	cursor.Progress
}

func messageActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.channel_message.list", Summary: "List messages of a channel, or replies to one, the newest first.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{listMessages}, MayCall: []m365.OperationKey{listReplies}, Capability: m365.Teams, Args: []string{"team", "channel"}},
			func(ctx context.Context, c action.Call, in MessageListIn) (MessageList, error) {
				from := cursor.Start{Graph: c.Bound.Graph, Path: in.path(), Text: in.Cursor, Question: in.question()}
				list, next, err := cursor.Page(ctx, from, messageOf, graph.Top(cmp.Or(in.Limit, 20)))
				return MessageList{list, next}, explain(ctx, c, in.Team, err)
			}),
		action.Define(action.Spec{Name: "teams.channel_message.get", Summary: "Read one message of a channel, or one reply.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readMessage}, MayCall: []m365.OperationKey{readReply}, Capability: m365.Teams, Args: []string{"team", "channel", "message"}}, getMessage),
		action.Define(action.Spec{Name: "teams.channel_message.change.list", Summary: "List which messages of a channel changed since last time.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{walkMessages}, Capability: m365.Teams, Args: []string{"team", "channel"}},
			func(ctx context.Context, c action.Call, in MessageChangesIn) (MessageChanges, error) {
				from := cursor.Start{Graph: c.Bound.Graph, Path: in.ChannelIn.path().Sub("messages"), Text: in.Cursor, Question: in.question()}
				out, err := cursor.Changes(ctx, from, messageOf, nil, graph.Top(cmp.Or(in.Limit, 50)))
				return MessageChanges{out.Items, out.Progress}, explain(ctx, c, in.Team, err)
			}),
		action.Define(action.Spec{Name: "teams.channel_message.update", Summary: "Change one's own message in a channel: its words as a whole.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeMessage, readMessage}, MayCall: []m365.OperationKey{changeReply, readReply, listInChannel}, Capability: m365.Teams, Args: []string{"team", "channel", "message"}},
			func(ctx context.Context, c action.Call, in MessageEditIn) (Message, error) {
				m, err := in.compose(ctx, c, in.ChannelIn.path().Sub("members"))
				m.Subject = in.Subject
				if err == nil {
					_, err = graph.Patch[struct{}](ctx, c.Bound.Graph, in.path(), m, graph.Idempotent())
				}
				if err != nil {
					return Message{}, explain(ctx, c, in.Team, err)
				}
				return getMessage(ctx, c, in.MessageIn)
			}),
		action.Define(action.Spec{Name: "teams.channel_message.delete", Summary: "Delete one's own message in a channel; its place stays, without words.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{removeMessage}, MayCall: []m365.OperationKey{removeReply}, Capability: m365.Teams, Args: []string{"team", "channel", "message"}},
			func(ctx context.Context, c action.Call, in MessageIn) (Deleted, error) {
				return Deleted{in.id()}, explain(ctx, c, in.Team, graph.Call(ctx, c.Bound.Graph, in.path().Sub("softDelete"), nil, graph.Idempotent()))
			}),
	}
}

func getMessage(ctx context.Context, c action.Call, in MessageIn) (Message, error) {
	m, err := graph.Get[graph.ChatMessage](ctx, c.Bound.Graph, in.path())
	return messageOf(m), explain(ctx, c, in.Team, err)
}
