package attachment

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// MaxFile is the most an upload session takes (graph/FACTS §7).
const MaxFile = 150 << 20

// maxPosted is what goes in one request: under 3 MB, so that it stays under 4 MB in base64 (graph/FACTS §7).
const maxPosted = 3_000_000

// FileIn says how a file is to hang on its thing.
type FileIn struct {
	Name      string `json:"name,omitempty" maxLength:"255" doc:"Name of the attachment; the file's own without"`
	Inline    bool   `json:"inline,omitempty" doc:"Shown inside the body, which refers to it by content_id"`
	ContentID string `json:"content_id,omitempty" maxLength:"255" doc:"What the body's cid: refers to"`
}

// Adding is the way of the call's file, "file", to a thing, once (see once.Way).
type Adding struct {
	Graph *graph.Client
	Thing graph.Path
	FileIn
}

// begun is what the ledger keeps of a file on its way: its name, which attachments there were before it, and when.
type begun struct {
	Name   string    `json:"name"`
	Before []string  `json:"before"`
	At     time.Time `json:"at"`
}

// Run notes what is there first: an attachment has no place for a marker of ours that a list would show.
func (w Adding) Run(ctx context.Context, c action.Call) (Attachment, error) {
	before, proof, err := all(ctx, w.Graph, w.Thing)
	if err != nil {
		return Attachment{}, err
	}
	file := c.Files["file"]
	b := begun{Name: cmp.Or(w.Name, file.Name), At: proof.At, Before: make([]string, len(before))}
	for i, a := range before {
		b.Before[i] = a.ID
	}
	if err := c.Checkpoint(ctx, b); err != nil {
		return Attachment{}, err
	}
	item := graph.AttachmentItem{Name: b.Name, Size: file.Size, ContentType: file.ContentType, IsInline: w.Inline, ContentID: w.ContentID}
	if err := Send(ctx, c, w.Graph, w.Thing, item, file); err != nil {
		return Attachment{}, err
	}
	added, _, err := w.find(ctx, b)
	return added, err
}

// find looks for an attachment of the name that was not there before.
func (w Adding) find(ctx context.Context, b begun) (Attachment, graph.Proof, error) {
	list, proof, err := all(ctx, w.Graph, w.Thing)
	if err != nil {
		return Attachment{}, proof, err
	}
	i := slices.IndexFunc(list, func(a Attachment) bool { return a.Name == b.Name && !slices.Contains(b.Before, a.ID) })
	if i < 0 {
		return Attachment{}, proof, nil
	}
	return list[i], proof, nil
}

// Became answers an unclear run.
func (w Adding) Became(ctx context.Context, c action.Call) (Attachment, action.Answer, error) {
	var b begun
	known, err := c.Recall(ctx, &b)
	if err != nil || !known {
		return Attachment{}, action.NotStarted, err // nothing leaves before the checkpoint
	}
	added, proof, err := w.find(ctx, b)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return Attachment{}, action.NotStarted, nil // what it was to hang on is gone
	case err != nil:
		return Attachment{}, action.StillOpen, err
	case added.ID != "":
		return added, action.Happened, nil
	case proof.At.Sub(b.At) < once.Settled:
		return Attachment{}, action.StillOpen, nil
	}
	return Attachment{}, action.NotStarted, nil
}

// Send adds a file to a thing: small ones in one request, others by upload session, of which the run tells how far it is.
func Send(ctx context.Context, c action.Call, g *graph.Client, thing graph.Path, item graph.AttachmentItem, file *action.Content) error {
	if file.Size >= maxPosted {
		told := func(taken int64) { c.Progress(ctx, taken, file.Size, "bytes of the file sent to Microsoft") }
		told(0)
		_, err := g.AttachFile(ctx, thing, item, file.Reader(), told)
		return lost(err)
	}
	content, err := io.ReadAll(file.Reader())
	if err != nil {
		return err
	}
	_, err = graph.Post[graph.Attachment](ctx, g, thing.Sub("attachments"), graph.Attachment{Type: graph.FileAttachment, Name: item.Name, ContentType: item.ContentType,
		IsInline: item.IsInline, ContentID: item.ContentID, ContentBytes: content})
	return err
}

// lost says of an upload whose address Microsoft does not know any more what that means: it was given out a moment ago.
func lost(err error) error {
	f := fault.As(err)
	if f == nil || f.Code != "link_expired" {
		return err
	}
	out := *f
	out.Kind, out.Code, out.Message, out.Cause = fault.Unavailable, "upload_lost", "Microsoft forgot the upload of a file before it was whole", "A passing fault at Microsoft, or something on the way that changes requests"
	out.Fix, out.Who = "Try again; where it happens each time, let requests to outlook.office.com through unchanged", "the operator of this hub"
	return &out
}
