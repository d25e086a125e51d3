package mail

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// SendIn is a mail to be sent.
type SendIn struct {
	place.Mailbox
	Letter
	Inline map[string]string `json:"inline,omitempty" doc:"Which files are shown inside the HTML, by name, and what its cid: says for each: {\"attachment_1\": \"logo\"}"`
}

// Check wants somebody to send to, besides all that a letter wants.
func (in SendIn) Check() error {
	wrong := in.wrong()
	if len(in.To)+len(in.Cc)+len(in.Bcc) == 0 {
		wrong = append(wrong, fault.Field{Name: "to", Message: "is missing: a mail needs a recipient in to, cc or bcc"})
	}
	return fault.OfFields(append(wrong, WrongInline(in.Inline)...))
}

// contentIDForm is what a content id looks like: it stands in a header between < and >, and in HTML behind cid:.
var contentIDForm = regexp.MustCompile(`^[!-;=?-~]{1,255}$`)

// WrongInline names what is wrong with content ids by file.
func WrongInline(ids map[string]string) (wrong []fault.Field) {
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		if !contentIDForm.MatchString(ids[name]) {
			wrong = append(wrong, fault.Field{Name: "inline." + name, Message: "must be 1 to 255 printable characters without blanks, < and >"})
		}
	}
	return wrong
}

// enclosed are the files of the mail in their order, with their content ids.
func (in SendIn) enclosed(c action.Call) ([]enclosed, error) {
	for _, name := range slices.Sorted(maps.Keys(in.Inline)) {
		if c.Files[name] == nil {
			return nil, fault.BadField("inline."+name, "names no file of this request")
		}
	}
	out := inOrder(c.Files)
	for i, f := range out {
		out[i].contentID = in.Inline[f.as]
	}
	return out, nil
}

// AnswerIn is a reply's or forward's own words. Microsoft takes a comment or a body, not both (graph/FACTS §7).
type AnswerIn struct {
	MessageIn
	Cc       []string `json:"cc,omitempty" doc:"Recipients of a copy, instead of those that follow from the message"`
	Bcc      []string `json:"bcc,omitempty" doc:"Recipients of a hidden copy"`
	Comment  string   `json:"comment,omitempty" maxLength:"500000" doc:"Words above the quoted message"`
	Body     string   `json:"body,omitempty" maxLength:"500000" doc:"Body instead of comment and quoted message"`
	BodyType string   `json:"body_type,omitempty" enum:"text,html" doc:"Form of the body; text without"`
}

func (in AnswerIn) wrong() []fault.Field {
	wrong := append(notAddresses("cc", in.Cc), notAddresses("bcc", in.Bcc)...)
	if in.Comment != "" && in.Body != "" {
		wrong = append(wrong, fault.Field{Name: "body", Message: "does not go with comment: give one of them"})
	}
	return wrong
}

// ReplyIn answers a message.
type ReplyIn struct {
	AnswerIn
	All bool `json:"all,omitempty" doc:"To everybody on the message, not its sender alone"`
}

// Check names every wrong field.
func (in ReplyIn) Check() error { return fault.OfFields(in.wrong()) }

// ForwardIn passes a message on.
type ForwardIn struct {
	AnswerIn
	To []string `json:"to" minItems:"1" doc:"Recipients"`
}

// Check names every wrong field.
func (in ForwardIn) Check() error {
	return fault.OfFields(append(in.wrong(), notAddresses("to", in.To)...))
}

func sendActions() []action.Action {
	enclosed := []action.File{{Name: "file", Doc: "One file to enclose", Max: attachment.MaxFile}}
	several := append(enclosed, further()...)
	// What every way of sending calls once it has its draft.
	delivery := []m365.OperationKey{sendMessage, readMessage, addAttachment, uploadSession, listAttachments, moveMessage, listMessages}
	spec := func(name, summary string, first ...m365.OperationKey) action.Spec {
		return action.Spec{Name: name, Summary: summary, Effect: action.Writes, Operations: append(first, delivery...), Capability: m365.Mail, Files: enclosed}
	}
	reply := spec("mail.message.reply", "Reply to a message.", createReply, createReplyAll)
	forward := spec("mail.message.forward", "Forward a message.", createForward)
	reply.Args, forward.Args = []string{"message"}, []string{"message"}
	whole := spec("mail.message.send", "Send a mail, once and never twice.", createMessage)
	whole.Files = several
	return []action.Action{
		action.Define(whole, send, action.WithReconcile(func(ctx context.Context, c action.Call, in SendIn) (Sent, action.Answer, error) {
			return whatBecame(ctx, c, in.Mailbox)
		})),
		submitAction(), traceAction(),
		action.Define(reply, replyTo, action.WithReconcile(func(ctx context.Context, c action.Call, in ReplyIn) (Sent, action.Answer, error) {
			return whatBecame(ctx, c, in.Mailbox)
		})),
		action.Define(forward, forwardTo, action.WithReconcile(func(ctx context.Context, c action.Call, in ForwardIn) (Sent, action.Answer, error) {
			return whatBecame(ctx, c, in.Mailbox)
		})),
	}
}

func whatBecame(ctx context.Context, c action.Call, m place.Mailbox) (Sent, action.Answer, error) {
	box, err := m.In(c)
	if err != nil {
		return Sent{}, 0, err
	}
	return sending{box, c}.reconcile(ctx)
}

func send(ctx context.Context, c action.Call, in SendIn) (Sent, error) {
	box, err := in.In(c)
	if err != nil {
		return Sent{}, err
	}
	files, err := in.enclosed(c)
	if err != nil {
		return Sent{}, err
	}
	var p graph.Proof
	letter := in.change(once.Mark(c))
	letter.From = fromShared(c, in.User)
	draft, err := graph.Post[graph.Message](ctx, box.Graph, box.Messages(), letter, graph.Prove(&p))
	if err != nil {
		return Sent{}, err
	}
	return sending{box, c}.deliver(ctx, draft, p, files)
}

// answer is the body of createReply and createForward.
type answer struct {
	Message graph.MessageChange `json:"message"`
	Comment string              `json:"comment,omitempty"`
}

// answer carries our marker as a new draft does: the action's message is a whole one by its contract, and the request that makes an item
// may bring its extended properties (singlevaluelegacyextendedproperty-post-singlevalueextendedproperties.md). That page does not list the
// answers by name, so no promise rests on it: a draft without marker would stay behind unsent (docs/fidelity.md).
func (in AnswerIn) answer(c action.Call) answer {
	a := answer{Comment: in.Comment, Message: graph.MessageChange{From: fromShared(c, in.User), CcRecipients: recipients(in.Cc), BccRecipients: recipients(in.Bcc),
		ExtendedProperties: once.Marking(once.Mark(c))}}
	if in.Body != "" {
		a.Message.Body = bodyOf(in.Body, in.BodyType)
	}
	return a
}

func replyTo(ctx context.Context, c action.Call, in ReplyIn) (Sent, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Sent{}, err
	}
	path, create := path.Sub("createReply"), in.answer(c)
	if in.All {
		path = box.Message(in.Message).Sub("createReplyAll")
	}
	return answerWith(ctx, c, box, path, create)
}

func forwardTo(ctx context.Context, c action.Call, in ForwardIn) (Sent, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Sent{}, err
	}
	create := in.answer(c)
	create.Message.ToRecipients = recipients(in.To)
	return answerWith(ctx, c, box, path.Sub("createForward"), create)
}

// answerWith makes the draft and brings it on its way.
func answerWith(ctx context.Context, c action.Call, box place.Place, path graph.Path, create answer) (Sent, error) {
	var p graph.Proof
	draft, err := graph.Post[graph.Message](ctx, box.Graph, path, create, graph.Prove(&p))
	if err != nil {
		return Sent{}, err
	}
	return sending{box, c}.deliver(ctx, draft, p, inOrder(c.Files))
}
