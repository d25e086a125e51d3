package teams

import (
	"cmp"
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// SaidListIn asks for messages of a chat.
type SaidListIn struct {
	ChatIn
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"50" doc:"At most so many a page; 20 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

func (in SaidListIn) question() []any { return []any{"chat messages", in.User, in.Chat, in.Limit} }

// Check finds a foreign cursor.
func (in SaidListIn) Check() error { return cursor.Check(in.Cursor, in.question()...) }

// SaidIn names one message of a chat.
type SaidIn struct {
	ChatIn
	Message string `json:"message" minLength:"1" doc:"Message by id"`
}

func (in SaidIn) at(ctx context.Context, c action.Call) (graph.Path, error) {
	p, err := in.ChatIn.at(ctx, c)
	return p.Sub("messages").Item("chatMessage-id", in.Message), err
}

// SaidPostIn is a new message of a chat.
type SaidPostIn struct {
	ChatIn
	Words
}

// Check names every field that cannot be.
func (in SaidPostIn) Check() error { return fault.OfFields(in.wrong()) }

// SaidEditIn changes a message of a chat: its words as a whole.
type SaidEditIn struct {
	SaidIn
	Words
}

// Check names every field that cannot be.
func (in SaidEditIn) Check() error { return fault.OfFields(in.wrong()) }

func chatMessageActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.chat_message.list", Summary: "List messages of a chat, the newest first.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{listSaid}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat"}},
			func(ctx context.Context, c action.Call, in SaidListIn) (MessageList, error) {
				p, err := in.at(ctx, c)
				if err != nil {
					return MessageList{}, explain(ctx, c, "", err)
				}
				from := cursor.Start{Graph: c.Bound.Graph, Path: p.Sub("messages"), Text: in.Cursor, Question: in.question()}
				list, next, err := cursor.Page(ctx, from, messageOf, graph.Top(cmp.Or(in.Limit, 20)))
				return MessageList{list, next}, explain(ctx, c, "", err)
			}),
		action.Define(action.Spec{Name: "teams.chat_message.get", Summary: "Read one message of a chat.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readSaid}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat", "message"}}, getSaid),
		once.Define(action.Spec{Name: "teams.chat_message.send", Summary: "Post a message to a chat.", Effect: action.Writes,
			Operations: []m365.OperationKey{listSaid, postSaid}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat"}, Files: image},
			func(in SaidPostIn, ctx context.Context, c action.Call) (posting, error) {
				p, err := in.at(ctx, c)
				if err != nil {
					return posting{}, explain(ctx, c, "", err)
				}
				return newPosting(ctx, c, in.Words, p.Sub("messages"), p.Sub("members"), "")
			}),
		action.Define(action.Spec{Name: "teams.chat_message.update", Summary: "Change one's own message in a chat: its words as a whole.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeSaid, readSaid}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat", "message"}}, editSaid),
		action.Define(action.Spec{Name: "teams.chat_message.delete", Summary: "Delete one's own message in a chat; its place stays, without words.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{removeSaid}, Capability: m365.Teams, Args: []string{"chat", "message"}},
			func(ctx context.Context, c action.Call, in SaidIn) (Deleted, error) {
				owner, err := byID(ctx, c, in.User) // this one operation goes by the person, and not by the chat alone (chatmessage-softdelete.md)
				if err != nil {
					return Deleted{}, err
				}
				at := owner.Sub("chats").Item("chat-id", in.Chat).Sub("messages").Item("chatMessage-id", in.Message).Sub("softDelete")
				return Deleted{in.Message}, explain(ctx, c, "", graph.Call(ctx, c.Bound.Graph, at, nil, graph.Idempotent()))
			}),
	}
}

func getSaid(ctx context.Context, c action.Call, in SaidIn) (Message, error) {
	p, err := in.at(ctx, c)
	if err != nil {
		return Message{}, explain(ctx, c, "", err)
	}
	m, err := graph.Get[graph.ChatMessage](ctx, c.Bound.Graph, p)
	return messageOf(m), explain(ctx, c, "", err)
}

func editSaid(ctx context.Context, c action.Call, in SaidEditIn) (Message, error) {
	chat, err := in.ChatIn.at(ctx, c)
	if err != nil {
		return Message{}, explain(ctx, c, "", err)
	}
	m, err := in.compose(ctx, c, chat.Sub("members"))
	if err == nil {
		_, err = graph.Patch[struct{}](ctx, c.Bound.Graph, chat.Sub("messages").Item("chatMessage-id", in.Message), m, graph.Idempotent())
	}
	if err != nil {
		return Message{}, explain(ctx, c, "", err)
	}
	return getSaid(ctx, c, in.SaidIn)
}
