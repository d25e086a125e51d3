package mail

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/m365"
)

// AttachmentIn names one attachment.
type AttachmentIn struct {
	MessageIn
	Attachment string `json:"attachment" minLength:"1" doc:"Id of the attachment"`
}

// AddIn says what to add a file to.
type AddIn struct {
	MessageIn
	attachment.FileIn
}

func attachmentActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.attachment.list", Summary: "List the attachments of a message.", Effect: action.Reads,
			Operations: []m365.OperationKey{listAttachments}, Capability: m365.Mail, Args: []string{"message"}},
			func(ctx context.Context, c action.Call, in MessageIn) (attachment.List, error) {
				box, path, err := in.at(c)
				if err != nil {
					return attachment.List{}, err
				}
				return attachment.Of(ctx, box.Graph, path)
			}),
		action.Define(action.Spec{Name: "mail.attachment.get", Summary: "Read one attachment, up to 3 MB.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readAttachment, readContent}, Capability: m365.Mail, Args: []string{"message", "attachment"}},
			func(ctx context.Context, c action.Call, in AttachmentIn) (attachment.Content, error) {
				box, path, err := in.at(c)
				if err != nil {
					return attachment.Content{}, err
				}
				return attachment.Get(ctx, box.Graph, path, in.Attachment)
			}),
		once.Define(action.Spec{Name: "mail.attachment.add", Summary: "Add a file of up to 150 MB to a draft.", Effect: action.Writes,
			Operations: []m365.OperationKey{listAttachments, addAttachment, uploadSession}, Capability: m365.Mail, Args: []string{"message"},
			Files: []action.File{{Name: "file", Doc: "The file", Required: true, Max: attachment.MaxFile}}}, AddIn.way),
	}
}

func (in AddIn) way(_ context.Context, c action.Call) (attachment.Adding, error) {
	box, path, err := in.at(c)
	return attachment.Adding{Graph: box.Graph, Thing: path, FileIn: in.FileIn}, err
}
