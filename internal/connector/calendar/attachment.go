package calendar

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// AttachmentIn names one attachment.
type AttachmentIn struct {
	EventIn
	Attachment string `json:"attachment" minLength:"1" doc:"Id of the attachment"`
}

// AddIn says what to add a file to.
type AddIn struct {
	EventIn
	attachment.FileIn
}

func attachmentActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.attachment.list", Summary: "List the attachments of an event.", Effect: action.Reads,
			Operations: []m365.OperationKey{listAttachments}, Capability: m365.Calendar, Args: []string{"event"}},
			func(ctx context.Context, c action.Call, in EventIn) (attachment.List, error) {
				box, path, err := in.at(c)
				if err != nil {
					return attachment.List{}, err
				}
				return attachment.Of(ctx, box.Graph, path)
			}),
		action.Define(action.Spec{Name: "calendar.attachment.get", Summary: "Read one attachment of an event, up to 3 MB.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readAttachment, readContent}, Capability: m365.Calendar, Args: []string{"event", "attachment"}}, with(attachment.Get)),
		action.Define(action.Spec{Name: "calendar.attachment.download", Summary: "Read the bytes of an attachment of an event, whatever its size.", Effect: action.Reads, ShowsBody: true, Streams: []string{attachment.AsBytes},
			Operations: []m365.OperationKey{readAttachment, readContent}, Capability: m365.Calendar, Args: []string{"event", "attachment"}},
			func(ctx context.Context, c action.Call, in AttachmentIn) (attachment.Downloaded, error) {
				box, path, err := in.at(c)
				if err != nil {
					return attachment.Downloaded{}, err
				}
				return attachment.Download(ctx, c, box.Graph, path, in.Attachment)
			}),
		once.Define(action.Spec{Name: "calendar.attachment.add", Summary: "Add a file of up to 150 MB to an event; whoever is invited gets it with the event's next change.", Effect: action.Writes,
			Operations: []m365.OperationKey{listAttachments, addAttachment, uploadSession}, Capability: m365.Calendar, Args: []string{"event"},
			Files: []action.File{{Name: "file", Doc: "The file", Required: true, Max: attachment.MaxFile}}}, AddIn.way),
		action.Define(action.Spec{Name: "calendar.attachment.delete", Summary: "Take an attachment off an event.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{deleteAttachment}, Capability: m365.Calendar, Args: []string{"event", "attachment"}}, with(attachment.Delete)),
	}
}

// with does something with the attachment that is named.
func with[Out any](do func(ctx context.Context, g *graph.Client, event graph.Path, id string) (Out, error)) func(context.Context, action.Call, AttachmentIn) (Out, error) {
	return func(ctx context.Context, c action.Call, in AttachmentIn) (Out, error) {
		box, path, err := in.at(c)
		if err != nil {
			var none Out
			return none, err
		}
		return do(ctx, box.Graph, path, in.Attachment)
	}
}

// way is how a file is added once. What hangs on an occurrence makes an exception of it, which the occurrence's id still names.
func (in AddIn) way(_ context.Context, c action.Call) (attachment.Adding, error) {
	box, path, err := in.at(c)
	return attachment.Adding{Graph: box.Graph, Thing: path, FileIn: in.FileIn}, err
}
