package attachment

import (
	"context"
	"io"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Attachment tells about a file, an item or a link on a message or an event.
type Attachment struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Kind        string `json:"kind"` // file, item or link
	ContentType string `json:"content_type,omitempty"`
	Size        int64  `json:"size"`
	Inline      bool   `json:"inline,omitempty"`
}

// List is the attachments of one thing.
type List struct {
	Attachments []Attachment `json:"attachments"`
}

// Content is an attachment with its bytes.
type Content struct {
	Attachment
	Content []byte `json:"content" doc:"The file's bytes in base64; of an attached item its MIME form"`
}

// Downloaded is what was handed out.
type Downloaded struct {
	Attachment
	Bytes int64 `json:"bytes" doc:"How many were written"`
}

// Deleted names what is gone.
type Deleted struct {
	ID string `json:"id"`
}

var kinds = map[string]string{graph.FileAttachment: "file", graph.ItemAttachment: "item", graph.ReferenceAttachment: "link"}

func attachmentOf(a graph.Attachment) Attachment {
	return Attachment{ID: a.ID, Name: a.Name, Kind: kinds[a.Type], ContentType: a.ContentType, Size: a.Size, Inline: a.IsInline}
}

// fields leave out contentBytes, which a list would otherwise carry whole.
var fields = graph.Select("id", "name", "contentType", "size", "isInline")

// Of lists what hangs on a thing.
func Of(ctx context.Context, g *graph.Client, thing graph.Path) (List, error) {
	list, _, err := all(ctx, g, thing)
	return List{list}, err
}

// Seen lists what hangs on a thing, with the proof of when.
func Seen(ctx context.Context, g *graph.Client, thing graph.Path) ([]Attachment, graph.Proof, error) {
	return all(ctx, g, thing)
}

func all(ctx context.Context, g *graph.Client, thing graph.Path) ([]Attachment, graph.Proof, error) {
	var p graph.Proof
	out := []Attachment{}
	for a, err := range graph.List[graph.Attachment](ctx, g, thing.Sub("attachments"), fields, graph.Prove(&p)) {
		if err != nil {
			return nil, p, err
		}
		out = append(out, attachmentOf(a))
	}
	return out, p, nil
}

func one(thing graph.Path, id string) graph.Path {
	return thing.Sub("attachments").Item("attachment-id", id)
}

// withBytes reads an attachment that has bytes, which a link has not.
func withBytes(ctx context.Context, g *graph.Client, thing graph.Path, id string) (Attachment, error) {
	a, err := graph.Get[graph.Attachment](ctx, g, one(thing, id), fields)
	if err == nil && a.Type == graph.ReferenceAttachment {
		err = &fault.Error{Kind: fault.NotSupported, Code: "attachment_is_link", Message: "The attachment is a link to a file in a drive; its bytes are not here",
			Fix: "Open it in Outlook and follow the link", Who: "you"}
	}
	return attachmentOf(a), err
}

// Get reads one attachment with its bytes.
func Get(ctx context.Context, g *graph.Client, thing graph.Path, id string) (Content, error) {
	a, err := withBytes(ctx, g, thing, id)
	if err != nil {
		return Content{}, err
	}
	content, err := Bytes(ctx, g, one(thing, id).MIME())
	return Content{a, content}, err
}

// maxShown is what a read hands out whole: the bytes travel inside JSON, and the caller holds them in memory.
const maxShown = 3 << 20

// Bytes reads the bytes at a path ($value) whole, up to 3 MB.
func Bytes(ctx context.Context, g *graph.Client, p graph.Path) ([]byte, error) {
	s, err := g.Content(ctx, p)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(s, maxShown+1))
	if closed := s.Close(); err == nil {
		err = closed
	}
	if err == nil && len(content) > maxShown {
		err = &fault.Error{Kind: fault.TooLarge, Code: "content_too_large", Message: "The content is larger than the 3 MB that this action hands out",
			Fix: "Open it in Outlook", Who: "you"}
	}
	if err != nil {
		return nil, err
	}
	return content, nil
}

// AsBytes is the media type of a download.
const AsBytes = "application/octet-stream"

// Download hands out an attachment of any size. Nothing of it is kept in memory but one buffer.
func Download(ctx context.Context, c action.Call, g *graph.Client, thing graph.Path, id string) (Downloaded, error) {
	a, err := withBytes(ctx, g, thing, id)
	if err != nil {
		return Downloaded{}, err
	}
	s, err := g.Content(ctx, one(thing, id).MIME())
	if err != nil {
		return Downloaded{}, err
	}
	n, err := io.Copy(c.Out(action.Bytes{Media: AsBytes, Name: a.Name}), s)
	if closed := s.Close(); err == nil {
		err = closed
	}
	return Downloaded{a, n}, err
}

// Delete takes an attachment away.
func Delete(ctx context.Context, g *graph.Client, thing graph.Path, id string) (Deleted, error) {
	return Deleted{id}, graph.Delete(ctx, g, one(thing, id))
}
