package mail

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Where a mail may be that was a draft.
const (
	TraceSent  = "sent"
	TraceDraft = "draft"
	TraceGone  = "gone"
)

// Trace is where a mail is that was sent from its draft: it keeps its immutable id (outlook-immutable-id.md).
type Trace struct {
	State             string `json:"state" enum:"sent,draft,gone" doc:"sent: no draft any more; gone: on its way into Sent Items, or removed"`
	InternetMessageID string `json:"internet_message_id,omitempty"`
	ConversationID    string `json:"conversation_id,omitempty"`
}

func traceAction() action.Action {
	return action.Define(action.Spec{Name: "mail.message.trace", Summary: "See whether a mail that was sent from its draft has arrived in Sent Items.", Effect: action.Reads,
		Operations: []m365.OperationKey{readMessage}, Capability: m365.Mail, Args: []string{"message"}}, trace)
}

func trace(ctx context.Context, c action.Call, in MessageIn) (Trace, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Trace{}, err
	}
	m, err := graph.Get[graph.Message](ctx, box.Graph, path, graph.Select(sentFields...))
	switch {
	case fault.KindOf(err) == fault.NotFound && !graph.NoMailbox(err):
		return Trace{State: TraceGone}, nil
	case err != nil:
		return Trace{}, err
	case m.IsDraft:
		return Trace{TraceDraft, m.InternetMessageID, m.ConversationID}, nil
	}
	return Trace{TraceSent, m.InternetMessageID, m.ConversationID}, nil
}
