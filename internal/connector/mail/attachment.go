package mail

import (
	"context"
	"io"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Attachment tells about a file, an item or a link on a message.
type Attachment struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Kind        string `json:"kind"` // file, item or link
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size"`
	Inline      bool   `json:"inline,omitempty"`
}

// AttachmentList is the attachments of one message.
type AttachmentList struct {
	Attachments []Attachment `json:"attachments"`
}

// AttachmentIn names one attachment.
type AttachmentIn struct {
	MessageIn
	Attachment string `json:"attachment" minLength:"1" doc:"Id of the attachment"`
}

// AttachmentContent is an attachment with its bytes.
type AttachmentContent struct {
	Attachment
	Content []byte `json:"content" doc:"The file's bytes in base64; of an attached item its MIME form"`
}

// AddIn says what to add a file to.
type AddIn struct {
	MessageIn
	Name      string `json:"name,omitempty" maxLength:"255" doc:"Name of the attachment; the file's own without"`
	Inline    bool   `json:"inline,omitempty" doc:"Shown inside the body, which refers to it by content_id"`
	ContentID string `json:"content_id,omitempty" maxLength:"255" doc:"What the body's cid: refers to"`
}

// maxFile is the most an upload session takes (graph/FACTS §7).
const maxFile = 150 << 20

func attachmentActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.attachment.list", Summary: "List the attachments of a message.", Effect: action.Reads,
			Operations: []m365.OperationKey{listAttachments}, Capability: m365.Mail, Args: []string{"message"}},
			func(ctx context.Context, c action.Call, in MessageIn) (AttachmentList, error) {
				box, path, err := in.at(c)
				if err != nil {
					return AttachmentList{}, err
				}
				list, _, err := attachmentsOf(ctx, box.Graph, path)
				return AttachmentList{list}, err
			}),
		action.Define(action.Spec{Name: "mail.attachment.get", Summary: "Read one attachment, up to 3 MB.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readAttachment, readContent}, Capability: m365.Mail, Args: []string{"message", "attachment"}}, getAttachment),
		action.Define(action.Spec{Name: "mail.attachment.add", Summary: "Add a file of up to 150 MB to a draft.", Effect: action.Writes,
			Operations: []m365.OperationKey{listAttachments, addAttachment, uploadSession}, Capability: m365.Mail, Args: []string{"message"},
			Files: []action.File{{Name: "file", Doc: "The file", Required: true, Max: maxFile}}}, addFile, action.WithReconcile(fileAdded)),
	}
}

var kinds = map[string]string{graph.FileAttachment: "file", graph.ItemAttachment: "item", graph.ReferenceAttachment: "link"}

func attachmentOf(a graph.Attachment) Attachment {
	return Attachment{ID: a.ID, Name: a.Name, Kind: kinds[a.Type], ContentType: a.ContentType, Size: a.Size, Inline: a.IsInline}
}

// attachmentFields leave out contentBytes, which a list would otherwise carry whole.
var attachmentFields = graph.Select("id", "name", "contentType", "size", "isInline")

func attachmentsOf(ctx context.Context, g *graph.Client, message graph.Path) ([]Attachment, graph.Proof, error) {
	var p graph.Proof
	out := []Attachment{}
	for a, err := range graph.List[graph.Attachment](ctx, g, message.Sub("attachments"), attachmentFields, graph.Prove(&p)) {
		if err != nil {
			return nil, p, err
		}
		out = append(out, attachmentOf(a))
	}
	return out, p, nil
}

func getAttachment(ctx context.Context, c action.Call, in AttachmentIn) (AttachmentContent, error) {
	box, message, err := in.at(c)
	if err != nil {
		return AttachmentContent{}, err
	}
	path := message.Sub("attachments").Item("attachment-id", in.Attachment)
	a, err := graph.Get[graph.Attachment](ctx, box.Graph, path, attachmentFields)
	if err != nil {
		return AttachmentContent{}, err
	}
	if a.Type == graph.ReferenceAttachment {
		return AttachmentContent{}, &fault.Error{Kind: fault.NotSupported, Code: "attachment_is_link", Message: "The attachment is a link to a file in a drive; the message does not hold its bytes",
			Fix: "Open the message in Outlook and follow the link", Who: "you"}
	}
	content, err := readSmall(ctx, box.Graph, path.MIME())
	return AttachmentContent{attachmentOf(a), content}, err
}

// adding is what the ledger keeps of a file on its way: its name, which attachments there were before it, and when.
type adding struct {
	Name   string    `json:"name"`
	Before []string  `json:"before"`
	At     time.Time `json:"at"`
}

// addFile notes what is there first: an attachment has no place for a marker of ours that a list would show.
func addFile(ctx context.Context, c action.Call, in AddIn) (Attachment, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Attachment{}, err
	}
	before, proof, err := attachmentsOf(ctx, box.Graph, path)
	if err != nil {
		return Attachment{}, err
	}
	file := c.Files["file"]
	a := adding{Name: in.name(file), At: proof.At, Before: make([]string, len(before))}
	for i, b := range before {
		a.Before[i] = b.ID
	}
	if err := c.Checkpoint(ctx, a); err != nil {
		return Attachment{}, err
	}
	item := graph.AttachmentItem{Name: a.Name, Size: file.Size, ContentType: file.ContentType, IsInline: in.Inline, ContentID: in.ContentID}
	if err := attach(ctx, c, box.Graph, path, item, file); err != nil {
		return Attachment{}, err
	}
	added, _, err := a.find(ctx, box.Graph, path)
	return added, err
}

func (in AddIn) name(file *action.Content) string {
	if in.Name != "" {
		return in.Name
	}
	return file.Name
}

// find looks for an attachment of the name that was not there before.
func (a adding) find(ctx context.Context, g *graph.Client, message graph.Path) (Attachment, graph.Proof, error) {
	list, proof, err := attachmentsOf(ctx, g, message)
	if err != nil {
		return Attachment{}, proof, err
	}
	i := slices.IndexFunc(list, func(b Attachment) bool { return b.Name == a.Name && !slices.Contains(a.Before, b.ID) })
	if i < 0 {
		return Attachment{}, proof, nil
	}
	return list[i], proof, nil
}

func fileAdded(ctx context.Context, c action.Call, in AddIn) (Attachment, action.Answer, error) {
	var a adding
	known, err := c.Recall(ctx, &a)
	if err != nil || !known {
		return Attachment{}, action.NotStarted, err // nothing leaves before the checkpoint
	}
	box, path, err := in.at(c)
	if err != nil {
		return Attachment{}, 0, err
	}
	added, proof, err := a.find(ctx, box.Graph, path)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return Attachment{}, action.NotStarted, nil // no draft, no attachment
	case err != nil:
		return Attachment{}, 0, err
	case added.ID != "":
		return added, action.Happened, nil
	case proof.At.Sub(a.At) < once.Settled:
		return Attachment{}, action.StillOpen, nil
	}
	return Attachment{}, action.NotStarted, nil
}

// maxPosted is what goes in one request: under 3 MB, so that it stays under 4 MB in base64 (graph/FACTS §7).
const maxPosted = 3_000_000

// attach adds a file to a message: small ones in one request, others by upload session, of which the run tells how far it is.
func attach(ctx context.Context, c action.Call, g *graph.Client, message graph.Path, item graph.AttachmentItem, file *action.Content) error {
	if file.Size >= maxPosted {
		told := func(taken int64) { c.Progress(ctx, taken, file.Size, "bytes of the file sent to Microsoft") }
		told(0)
		_, err := g.AttachFile(ctx, message, item, file.Reader(), told)
		return err
	}
	content, err := io.ReadAll(file.Reader())
	if err != nil {
		return err
	}
	_, err = graph.Post[graph.Attachment](ctx, g, message.Sub("attachments"), graph.Attachment{Type: graph.FileAttachment, Name: item.Name, ContentType: item.ContentType,
		IsInline: item.IsInline, ContentID: item.ContentID, ContentBytes: content})
	return err
}
