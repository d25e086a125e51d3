package mail

import (
	"context"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ThreadIn asks for a conversation.
type ThreadIn struct {
	place.Mailbox
	Conversation string `json:"conversation" minLength:"1" doc:"Id of the conversation, which every message tells"`
	Limit        int    `json:"limit,omitempty" minimum:"1" maximum:"50" doc:"At most so many messages; 25 without"`
	Cursor       string `json:"cursor,omitempty" doc:"next_cursor of the page before"`
}

// Check finds a cursor of something else.
func (in ThreadIn) Check() error {
	after, err := readCursor(in.Cursor)
	if err != nil || in.Cursor != "" && after.Thread != in.Conversation {
		return fault.BadField("cursor", "is not a next_cursor of this conversation")
	}
	return nil
}

// Thread is a page of a conversation, in whichever folders its messages lie, oldest first.
type Thread struct {
	Messages   []ThreadMessage `json:"messages"`
	NextCursor string          `json:"next_cursor,omitempty"`
}

// ThreadMessage is a message with what it adds to the conversation.
type ThreadMessage struct {
	Summary
	Sent time.Time `json:"sent,omitzero"`
	Text string    `json:"text" doc:"What no earlier message of the conversation says"`
	Cut  bool      `json:"cut,omitempty" doc:"The text goes on: read the message"`
}

// maxThreadText is what a conversation shows of each message, in characters: a page of them stays one answer.
const maxThreadText = 20_000

func threadActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.thread.get", Summary: "Read a conversation, across folders, oldest message first.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{listMessages}, Capability: m365.Mail, Args: []string{"conversation"}}, threadOf),
	}
}

// threadOf orders by the time, which therefore stands first in the filter; else it is refused as inefficient (graph/FACTS §7).
func threadOf(ctx context.Context, c action.Call, in ThreadIn) (Thread, error) {
	out := Thread{Messages: []ThreadMessage{}}
	box, err := in.In(c)
	if err != nil {
		return out, err
	}
	after, err := readCursor(in.Cursor)
	if err != nil {
		return out, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = 25
	}
	since := after.Until
	if since.IsZero() {
		since = time.Unix(0, 0) // before any mail
	}
	opts := []graph.Option{graph.OrderBy("receivedDateTime"), graph.Filter("receivedDateTime ge " + stamp(since) + " and conversationId eq " + graph.Quote(in.Conversation)),
		graph.Select(append([]string{"uniqueBody", "sentDateTime"}, summaryFields...)...), graph.TextBody(), graph.Top(limit + 1 + len(after.Seen))}
	var page []Summary
	for m, err := range graph.List[graph.Message](ctx, box.Graph, box.Messages(), opts...) {
		switch {
		case err != nil:
			return Thread{}, err
		case after.has(m.ID):
			continue
		case len(page) == limit:
			next := after.behind(page)
			next.Thread = in.Conversation
			out.NextCursor = next.String()
			return out, nil
		}
		page = append(page, summaryOf(m))
		text := strings.TrimSpace(m.UniqueBody.Content)
		shown, cut := firstOf(text, maxThreadText)
		out.Messages = append(out.Messages, ThreadMessage{summaryOf(m), m.SentDateTime, shown, cut})
	}
	return out, nil
}

// firstOf is the beginning of a text, in whole characters.
func firstOf(text string, most int) (string, bool) {
	for i := range text {
		if most--; most < 0 {
			return text[:i], true
		}
	}
	return text, false
}
