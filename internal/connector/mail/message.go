package mail

import (
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Summary is what a list shows of a message.
type Summary struct {
	ID             string    `json:"id"`
	Subject        string    `json:"subject"`
	From           Person    `json:"from,omitzero"`
	To             []Person  `json:"to"`
	Received       time.Time `json:"received,omitzero"`
	Preview        string    `json:"preview"`
	HasAttachments bool      `json:"has_attachments"`
	IsRead         bool      `json:"is_read"`
	IsDraft        bool      `json:"is_draft,omitempty"`
	FolderID       string    `json:"folder_id,omitempty"`
	ConversationID string    `json:"conversation_id,omitempty"`
	Importance     string    `json:"importance,omitempty"`
	Categories     []string  `json:"categories,omitempty"`
	Flag           string    `json:"flag,omitempty"` // flagged or complete
	Part           string    `json:"part,omitempty" doc:"Part of the inbox: focused or other"`
	WebLink        string    `json:"web_link,omitempty"`
}

var summaryFields = []string{"id", "subject", "from", "toRecipients", "receivedDateTime", "bodyPreview", "hasAttachments", "isRead", "isDraft", "parentFolderId",
	"conversationId", "importance", "categories", "flag", "inferenceClassification", "webLink"}

func summaryOf(m graph.Message) Summary {
	return Summary{ID: m.ID, Subject: m.Subject, From: personOf(m.From), To: personsOf(m.ToRecipients), Received: m.ReceivedDateTime, Preview: m.BodyPreview,
		HasAttachments: m.HasAttachments, IsRead: m.IsRead, IsDraft: m.IsDraft, FolderID: m.ParentFolderID, ConversationID: m.ConversationID,
		Importance: m.Importance, Categories: m.Categories, Flag: flagWord(m.Flag.FlagStatus), Part: m.InferenceClass, WebLink: m.WebLink}
}

// Header is one internet message header.
type Header struct {
	Name  string `json:"name" maxLength:"100"`
	Value string `json:"value" maxLength:"1000"`
}

// Message is a message with its body.
type Message struct {
	Summary
	Cc                []Person  `json:"cc"`
	Bcc               []Person  `json:"bcc"`
	ReplyTo           []Person  `json:"reply_to"`
	Sent              time.Time `json:"sent,omitzero"`
	InternetMessageID string    `json:"internet_message_id,omitempty"`
	BodyType          string    `json:"body_type"` // text or html
	Body              string    `json:"body"`
	Headers           []Header  `json:"headers,omitempty"`
}

// MessageIn names one message.
type MessageIn struct {
	place.Mailbox
	Message string `json:"message" minLength:"1" doc:"Id of the message"`
}

func (in MessageIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.Message(in.Message), err
}

// GetIn asks for one message.
type GetIn struct {
	MessageIn
	BodyType string `json:"body_type,omitempty" enum:"text,html" doc:"Form of the body; text without"`
	Headers  bool   `json:"headers,omitempty" doc:"The internet headers too; the list may be incomplete, the MIME form is not"`
}

// MIME is a message as it travelled.
type MIME struct {
	Size    int    `json:"size"`
	Content []byte `json:"content" doc:"RFC 5322 bytes, in base64"`
}

func messageActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.message.list", Summary: "List messages, newest first, without their bodies.", Effect: action.Reads,
			Operations: []m365.OperationKey{listInFolder, listMessages}, Capability: m365.Mail}, messagesOf),
		action.Define(action.Spec{Name: "mail.message.get", Summary: "Read one message with its body.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readMessage}, Capability: m365.Mail, Args: []string{"message"}}, getMessage),
		action.Define(action.Spec{Name: "mail.message.mime", Summary: "Read one message in its MIME form, up to 3 MB.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readMIME}, Capability: m365.Mail, Args: []string{"message"}}, mimeOf),
	}
}

func getMessage(ctx context.Context, c action.Call, in GetIn) (Message, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Message{}, err
	}
	fields := append([]string{"body", "ccRecipients", "bccRecipients", "replyTo", "sentDateTime", "internetMessageId"}, summaryFields...)
	if in.Headers {
		fields = append(fields, "internetMessageHeaders") // only when asked for by name (graph/FACTS §7)
	}
	opts := []graph.Option{graph.Select(fields...)}
	if in.BodyType != "html" {
		opts = append(opts, graph.TextBody())
	}
	m, err := graph.Get[graph.Message](ctx, box.Graph, path, opts...)
	if err != nil {
		return Message{}, err
	}
	out := Message{Summary: summaryOf(m), Cc: personsOf(m.CcRecipients), Bcc: personsOf(m.BccRecipients), ReplyTo: personsOf(m.ReplyTo), Sent: m.SentDateTime,
		InternetMessageID: m.InternetMessageID, BodyType: m.Body.ContentType, Body: m.Body.Content}
	for _, h := range m.InternetMessageHeaders {
		out.Headers = append(out.Headers, Header(h))
	}
	return out, nil
}

func mimeOf(ctx context.Context, c action.Call, in MessageIn) (MIME, error) {
	box, path, err := in.at(c)
	if err != nil {
		return MIME{}, err
	}
	content, err := attachment.Bytes(ctx, box.Graph, path.MIME())
	return MIME{len(content), content}, err
}
