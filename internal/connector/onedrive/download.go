package onedrive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// DownloadIn names a file, or a part of it.
type DownloadIn struct {
	ItemIn
	Offset int64 `json:"offset,omitempty" minimum:"0" doc:"Byte to begin with; the first without"`
	Length int64 `json:"length,omitempty" minimum:"1" doc:"At most so many bytes; all that follow without"`
}

// Downloaded is what was handed out.
type Downloaded struct {
	Item
	Bytes int64 `json:"bytes" doc:"How many were written"`
}

const bytesOfFile = "application/octet-stream"

func downloadActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.item.download", Summary: "Read a file's bytes, or a part of them.", Effect: action.Reads, ShowsBody: true, Streams: []string{bytesOfFile},
			Operations: []m365.OperationKey{readAt, readItem, readContent}, Capability: m365.OneDrive}, download),
	}
}

func download(ctx context.Context, c action.Call, in DownloadIn) (Downloaded, error) {
	box, err := in.in(ctx, c)
	if err != nil {
		return Downloaded{}, err
	}
	d, err := graph.Get[graph.DriveItem](ctx, box.Graph, in.path(box), itemFields)
	if err != nil {
		return Downloaded{}, err
	}
	switch {
	case d.File == nil:
		return Downloaded{}, fault.BadField("item", "is not a file")
	case in.Offset > d.Size:
		return Downloaded{}, fault.BadField("offset", "is behind the file's end: it has %d bytes", d.Size)
	}
	end := d.Size
	if in.Length > 0 {
		end = min(end, in.Offset+in.Length)
	}
	r := reading{drive: box, item: d, at: in.Offset, end: end, to: func() io.Writer { return c.Out(action.Bytes{Media: bytesOfFile, Name: d.Name}) }}
	return Downloaded{itemOf(d), end - in.Offset}, r.run(ctx)
}

// reading is a file on its way out. Nothing of it is kept in memory but two pieces.
type reading struct {
	drive
	item    graph.DriveItem
	at, end int64
	to      func() io.Writer
	out     io.Writer // asked for with the first good answer: until then a fault can be told
}

// patience is how many breaks without a byte between them a download bears.
const patience = 4

// run reads to the end. Where the bytes break off it goes on behind them, as long as the content is the same.
func (r *reading) run(ctx context.Context) error {
	if r.at == r.end {
		r.out = r.to()
		return nil
	}
	for breaks := 0; r.at < r.end; {
		before := r.at
		err := r.stretch(ctx)
		if err == nil {
			continue
		}
		if breaks++; r.at > before {
			breaks = 1
		}
		if fault.KindOf(err) != fault.Unavailable || breaks > patience || ctx.Err() != nil {
			return err
		}
		if err := r.unchanged(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stretch reads from where we are until the end or a break.
func (r *reading) stretch(ctx context.Context) error {
	s, err := r.Graph.Content(ctx, r.DriveItem(r.item.ID).Sub("content"), graph.Range(r.at, r.end-1))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // its bytes are read, or broken off
	if s.Status != http.StatusPartialContent && r.at > 0 {
		if _, err := io.CopyN(io.Discard, s, r.at); err != nil {
			return err
		}
	}
	if r.out == nil {
		r.out = r.to()
	}
	n, err := relay(r.out, s, r.end-r.at)
	r.at += n
	if errors.Is(err, io.EOF) {
		err = &fault.Error{Kind: fault.Unavailable, Code: "connection_lost", Message: fmt.Sprintf("The file ended %d bytes before its size", r.end-r.at), Fix: "Try again", Who: "you"}
	}
	return err
}

// relayed is the size of the pieces in which bytes are handed on: one is read while the one before is written.
const relayed = 1 << 20

// relay hands n bytes on. It counts those that were written; a source that ends early gives io.EOF.
func relay(to io.Writer, from io.Reader, n int64) (int64, error) {
	full, empty := make(chan []byte, 1), make(chan []byte, 2)
	empty <- make([]byte, min(relayed, n))
	empty <- make([]byte, min(relayed, n))
	var broke error
	go func() {
		defer close(full)
		for left := n; left > 0; {
			b, more := <-empty
			if !more {
				return
			}
			b = b[:min(int64(cap(b)), left)]
			got, err := io.ReadFull(from, b)
			left -= int64(got)
			if got > 0 {
				full <- b[:got]
			}
			if err != nil {
				broke = err
				return
			}
		}
	}()
	var written int64
	var failed error
	for b := range full {
		if failed == nil {
			var k int
			k, failed = to.Write(b)
			written += int64(k)
		}
		if failed == nil {
			empty <- b
		} else if empty != nil {
			close(empty)
			empty = nil
		}
	}
	if failed == nil && errors.Is(broke, io.ErrUnexpectedEOF) {
		broke = io.EOF
	}
	if failed == nil {
		failed = broke
	}
	return written, failed
}

// unchanged says whether what follows still belongs to what was handed out.
func (r *reading) unchanged(ctx context.Context) error {
	d, err := graph.Get[graph.DriveItem](ctx, r.Graph, r.DriveItem(r.item.ID), graph.Select("id", "cTag"))
	if err == nil && d.CTag != r.item.CTag {
		err = &fault.Error{Kind: fault.Conflict, Code: "changed_meanwhile", Message: "The file was changed while it was read", Fix: "Read it again from its start", Who: "you"}
	}
	return err
}
