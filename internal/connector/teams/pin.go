package teams

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Pinned are the messages that are pinned in a chat.
type Pinned struct {
	Messages []Message `json:"messages"`
}

// Pin says what is pinned.
type Pin struct {
	Message string `json:"message" doc:"Message by id"`
}

func pinActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "teams.chat.pinned.list", Summary: "List what is pinned in a chat.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{listPins}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat"}},
			func(ctx context.Context, c action.Call, in ChatIn) (Pinned, error) {
				out := Pinned{[]Message{}}
				p, err := in.at(ctx, c)
				if err != nil {
					return out, explain(ctx, c, "", err)
				}
				for m, err := range graph.List[graph.PinnedMessage](ctx, c.Bound.Graph, p.Sub("pinnedMessages"), graph.Query("$expand", "message")) {
					if err != nil {
						return out, explain(ctx, c, "", err)
					}
					if m.Message == nil {
						m.Message = &graph.ChatMessage{ID: m.ID}
					}
					out.Messages = append(out.Messages, messageOf(*m.Message))
				}
				return out, nil
			}),
		once.Define(action.Spec{Name: "teams.chat.pin", Summary: "Pin a message in a chat, once.", Effect: action.Writes,
			Operations: []m365.OperationKey{listPins, pinMessage}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat", "message"}}, SaidIn.pinning),
		action.Define(action.Spec{Name: "teams.chat.unpin", Summary: "Unpin a message of a chat.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{unpinMessage}, MayCall: []m365.OperationKey{listInChat}, Capability: m365.Teams, Args: []string{"chat", "message"}},
			func(ctx context.Context, c action.Call, in SaidIn) (Deleted, error) {
				p, err := in.ChatIn.at(ctx, c)
				if err == nil {
					err = graph.Delete(ctx, c.Bound.Graph, p.Sub("pinnedMessages").Item("pinnedChatMessageInfo-id", in.Message))
				}
				return Deleted{in.Message}, explain(ctx, c, "", err)
			}),
	}
}

// pinning is the way of a pin: a message is pinned or it is not.
func (in SaidIn) pinning(ctx context.Context, c action.Call) (once.Creation[Pin], error) {
	p, err := in.ChatIn.at(ctx, c)
	if err != nil {
		return once.Creation[Pin]{}, explain(ctx, c, "", err)
	}
	g := c.Bound.Graph
	return once.Creation[Pin]{
		Find: func(ctx context.Context, proof graph.Option) (Pin, bool, error) {
			for m, err := range graph.List[graph.PinnedMessage](ctx, g, p.Sub("pinnedMessages"), proof) {
				if err != nil {
					return Pin{}, false, err
				}
				if m.ID == in.Message {
					return Pin{m.ID}, true, nil
				}
			}
			return Pin{}, false, nil
		},
		Make: func(ctx context.Context) (Pin, error) {
			m, err := graph.Post[graph.PinnedMessage](ctx, g, p.Sub("pinnedMessages"), g.Pinning(p.Sub("messages").Item("chatMessage-id", in.Message)))
			return Pin{m.ID}, explain(ctx, c, "", err)
		},
	}, nil
}
