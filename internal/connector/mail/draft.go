package mail

import (
	"context"
	"fmt"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Letter is a new message.
type Letter struct {
	To          []string    `json:"to,omitempty" doc:"Recipients: ada@contoso.example or Ada Lovelace <ada@contoso.example>"`
	Cc          []string    `json:"cc,omitempty" doc:"Recipients of a copy"`
	Bcc         []string    `json:"bcc,omitempty" doc:"Recipients of a copy whom the others do not see"`
	ReplyTo     []string    `json:"reply_to,omitempty" doc:"Where answers shall go instead of the sender"`
	Subject     string      `json:"subject,omitempty" maxLength:"255" doc:"Subject"`
	Body        string      `json:"body,omitempty" maxLength:"500000" doc:"Body"`
	BodyType    string      `json:"body_type,omitempty" enum:"text,html" doc:"Form of the body; text without"`
	Importance  string      `json:"importance,omitempty" enum:"low,normal,high" doc:"Importance; normal without"`
	Headers     []Header    `json:"headers,omitempty" maxItems:"5" doc:"Internet headers; their names begin with x-"`
	Attachments []SmallFile `json:"attachments,omitempty" doc:"Small files, 2.5 MB together; larger ones go as a file of the action"`
}

// SmallFile is a file inside the input.
type SmallFile struct {
	Name        string `json:"name" minLength:"1" maxLength:"255" doc:"Name of the file"`
	ContentType string `json:"content_type,omitempty" doc:"Media type"`
	Content     []byte `json:"content" doc:"The bytes in base64"`
	Inline      bool   `json:"inline,omitempty" doc:"Shown inside the body, which refers to it by content_id"`
	ContentID   string `json:"content_id,omitempty" maxLength:"255" doc:"What the body's cid: refers to"`
}

// maxSmall bounds all small files of a letter, so that with a long body the request stays under 4 MB (graph/FACTS §7).
const maxSmall = 2_500_000

// Check names every field that Outlook would refuse.
func (l Letter) Check() error { return fault.OfFields(l.wrong()) }

func (l Letter) wrong() []fault.Field {
	wrong := append(notAddresses("to", l.To), notAddresses("cc", l.Cc)...)
	wrong = append(append(wrong, notAddresses("bcc", l.Bcc)...), notAddresses("reply_to", l.ReplyTo)...)
	for i, h := range l.Headers {
		if !strings.HasPrefix(strings.ToLower(h.Name), "x-") {
			wrong = append(wrong, fault.Field{Name: fmt.Sprintf("headers[%d].name", i), Message: "must begin with x-"})
		}
	}
	size := 0
	for _, a := range l.Attachments {
		size += len(a.Content)
	}
	if size > maxSmall {
		wrong = append(wrong, fault.Field{Name: "attachments", Message: fmt.Sprintf("hold %d bytes; at most %d go inside the input, more goes as a file of the action", size, maxSmall)})
	}
	return wrong
}

func (l Letter) change(mark string) graph.MessageChange {
	m := graph.MessageChange{Subject: &l.Subject, Body: bodyOf(l.Body, l.BodyType), ToRecipients: recipients(l.To), CcRecipients: recipients(l.Cc), BccRecipients: recipients(l.Bcc),
		ReplyTo: recipients(l.ReplyTo), ExtendedProperties: once.Marking(mark)}
	if l.Importance != "" {
		m.Importance = &l.Importance
	}
	for _, h := range l.Headers {
		m.InternetMessageHeaders = append(m.InternetMessageHeaders, graph.Header(h))
	}
	for _, a := range l.Attachments {
		m.Attachments = append(m.Attachments, graph.Attachment{Type: graph.FileAttachment, Name: a.Name, ContentType: a.ContentType, IsInline: a.Inline, ContentID: a.ContentID, ContentBytes: a.Content})
	}
	return m
}

func bodyOf(content, kind string) *graph.ItemBody {
	if kind == "" {
		kind = "text"
	}
	return &graph.ItemBody{ContentType: kind, Content: content}
}

// marked finds the messages with the call's marker in the whole mailbox: a rule or a hand may have moved them.
func marked(ctx context.Context, box place.Place, c action.Call) ([]graph.Message, error) {
	var out []graph.Message
	for m, err := range graph.List[graph.Message](ctx, box.Graph, box.Messages(), once.Marked(once.Mark(c)), graph.Select(sentFields...)) {
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// DraftIn is a draft to be made.
type DraftIn struct {
	place.Mailbox
	Letter
}

// DraftChangeIn changes a draft.
type DraftChangeIn struct {
	MessageIn
	To         []string `json:"to,omitempty" doc:"Recipients, the whole list; an empty list clears it"`
	Cc         []string `json:"cc,omitempty" doc:"Recipients of a copy, the whole list"`
	Bcc        []string `json:"bcc,omitempty" doc:"Recipients of a hidden copy, the whole list"`
	ReplyTo    []string `json:"reply_to,omitempty" doc:"Where answers shall go, the whole list"`
	Subject    *string  `json:"subject,omitempty" maxLength:"255" doc:"Subject"`
	Body       *string  `json:"body,omitempty" maxLength:"500000" doc:"Body"`
	BodyType   string   `json:"body_type,omitempty" enum:"text,html" doc:"Form of the body; text without"`
	Importance *string  `json:"importance,omitempty" enum:"low,normal,high" doc:"Importance"`
}

// Check names every address that cannot be read.
func (in DraftChangeIn) Check() error {
	return fault.OfFields(append(append(notAddresses("to", in.To), notAddresses("cc", in.Cc)...), append(notAddresses("bcc", in.Bcc), notAddresses("reply_to", in.ReplyTo)...)...))
}

func draftActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.draft.create", Summary: "Put a draft into a mailbox; nothing is sent.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{listMessages, createMessage}, Capability: m365.Mail}, createDraft),
		action.Define(action.Spec{Name: "mail.draft.update", Summary: "Change a draft.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeMessage, readMessage}, Capability: m365.Mail, Args: []string{"message"}}, updateDraft),
	}
}

// createDraft looks for its marker first. That makes it repeatable: a second run, even one long after the ledger forgot the key, finds
// the first one's draft.
func createDraft(ctx context.Context, c action.Call, in DraftIn) (Summary, error) {
	box, err := in.In(c)
	if err != nil {
		return Summary{}, err
	}
	there, err := marked(ctx, box, c)
	if err != nil {
		return Summary{}, err
	}
	if len(there) > 0 {
		m, err := graph.Get[graph.Message](ctx, box.Graph, box.Message(there[0].ID), graph.Select(summaryFields...))
		return summaryOf(m), err
	}
	letter := in.change(once.Mark(c))
	letter.From = fromShared(c, in.User)
	m, err := graph.Post[graph.Message](ctx, box.Graph, box.Messages(), letter)
	return summaryOf(m), err
}

// updateDraft makes sure that it is one: what it sets is refused on received mail from 2026-12-31 on, unless a permission is granted
// that we do not ask for (graph/FACTS §7).
func updateDraft(ctx context.Context, c action.Call, in DraftChangeIn) (Summary, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Summary{}, err
	}
	now, err := graph.Get[graph.Message](ctx, box.Graph, path, graph.Select("id", "isDraft"))
	if err != nil {
		return Summary{}, err
	}
	if !now.IsDraft {
		return Summary{}, &fault.Error{Kind: fault.Conflict, Code: "not_a_draft", Message: "The message is not a draft, so its text and recipients stay as they are",
			Fix: "Change read mark, flag, categories or importance with mail.message.update", Who: "you"}
	}
	change := graph.MessageChange{Subject: in.Subject, ToRecipients: recipients(in.To), CcRecipients: recipients(in.Cc), BccRecipients: recipients(in.Bcc),
		ReplyTo: recipients(in.ReplyTo), Importance: in.Importance}
	if in.Body != nil {
		change.Body = bodyOf(*in.Body, in.BodyType)
	}
	m, err := graph.Patch[graph.Message](ctx, box.Graph, path, change, graph.Idempotent())
	return summaryOf(m), err
}
