package mail

import (
	"context"
	"fmt"
	"io"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Settled is how long after it was asked for a send may still be under way.
const Settled = once.Settled

const (
	maxFurther   = 10
	maxSubmitted = 3_000_000 // of all files: the request stays under 4 MB in base64 (graph/FACTS §7)
)

// further are the files of a mail that has several.
func further() []action.File {
	out := make([]action.File, maxFurther)
	for i := range out {
		out[i] = action.File{Name: furtherName(i), Doc: fmt.Sprintf("File %d of several", i+1), Max: attachment.MaxFile}
	}
	return out
}

func furtherName(i int) string { return fmt.Sprintf("attachment_%d", i+1) }

// enclosed is a file of a mail.
type enclosed struct {
	*action.Content
	as        string // its name among the action's files
	contentID string // what the HTML's cid: says for it; "" for one that is not shown there
}

// inOrder are a call's files as they shall stand in the mail.
func inOrder(given map[string]*action.Content) []enclosed {
	var out []enclosed
	add := func(name string) {
		if f := given[name]; f != nil {
			out = append(out, enclosed{Content: f, as: name})
		}
	}
	add("file")
	for i := range maxFurther {
		add(furtherName(i))
	}
	return out
}

// Submitted is all that Microsoft says of a mail that was handed over without a draft: sendMail answers 202 without an id (user-sendmail.md).
type Submitted struct {
	State string `json:"state" enum:"accepted" doc:"Microsoft took it; whether it left, nobody can ask with Mail.Send alone"`
}

func submitAction() action.Action {
	return action.Define(action.Spec{Name: "mail.message.submit", Summary: "Send a mail of less than 3 MB with the permission Mail.Send alone, at most once: an answer that is lost stays unclear.", Effect: action.Writes,
		Operations: []m365.OperationKey{submitMessage}, Capability: m365.Mail, Files: further()}, submit, action.WithReconcile(submitted))
}

// submission is the body of sendMail.
type submission struct {
	Message graph.MessageChange `json:"message"`
	Save    bool                `json:"saveToSentItems"`
}

func submit(ctx context.Context, c action.Call, in SendIn) (Submitted, error) {
	box, err := in.In(c)
	if err != nil {
		return Submitted{}, err
	}
	body := submission{in.change(once.Mark(c)), true}
	body.Message.From = fromShared(c, in.User)
	given, err := in.enclosed(c)
	if err != nil {
		return Submitted{}, err
	}
	files, err := inline(given)
	if err != nil {
		return Submitted{}, err
	}
	body.Message.Attachments = append(body.Message.Attachments, files...)
	if err := c.Checkpoint(ctx, submitting{c.Began}); err != nil {
		return Submitted{}, err
	}
	return Submitted{"accepted"}, graph.Call(ctx, box.Graph, box.Sub("sendMail"), body)
}

func inline(files []enclosed) ([]graph.Attachment, error) {
	total := int64(0)
	for _, f := range files {
		total += f.Size
	}
	if total >= maxSubmitted {
		return nil, &fault.Error{Kind: fault.TooLarge, Code: "too_large_for_send_only", Message: "The files are larger than one request takes", Fields: []fault.Field{{Name: furtherName(0), Message: fmt.Sprintf("and the others have %d bytes; less than %d fit", total, maxSubmitted)}},
			Fix: "Use mail.message.send, which needs Mail.ReadWrite", Who: "you"}
	}
	var out []graph.Attachment
	for _, f := range files {
		content, err := io.ReadAll(f.Reader())
		if err != nil {
			return nil, err
		}
		out = append(out, graph.Attachment{Type: graph.FileAttachment, Name: f.Name, ContentType: f.ContentType, IsInline: f.contentID != "", ContentID: f.contentID, ContentBytes: content})
	}
	return out, nil
}

// submitting is what the ledger keeps: that the request was about to leave.
type submitting struct {
	At time.Time `json:"at"`
}

// submitted can tell only that nothing had left yet. Whatever left stays open: Mail.Send does not let anybody look.
func submitted(ctx context.Context, c action.Call, _ SendIn) (Submitted, action.Answer, error) {
	var s submitting
	known, err := c.Recall(ctx, &s)
	switch {
	case err != nil:
		return Submitted{}, 0, err
	case !known:
		return Submitted{}, action.NotStarted, nil
	}
	return Submitted{}, action.StillOpen, nil
}
