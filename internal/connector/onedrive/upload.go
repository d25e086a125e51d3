package onedrive

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// UploadIn is a file to be put into a folder.
type UploadIn struct {
	FolderIn
	Name     string `json:"name" doc:"Name of the file there"`
	Conflict string `json:"conflict,omitempty" enum:"fail,rename,replace" doc:"What to do where the name is taken: fail, the default, rename, which adds a number, or replace, which makes a new version"`
}

// Check finds a wrong place.
func (in UploadIn) Check() error { return fault.OfFields(in.wrongPlace(in.Name)) }

// The bounds of a file: what goes in one request (graph/FACTS §10), and Microsoft's largest file.
const (
	maxPut  = 4_000_000
	maxFile = 250 << 30
)

func uploadActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.item.upload", Summary: "Put a file of any size into a folder; one that broke off goes on with the same key.", Effect: action.Writes, Resumes: true,
			Operations: []m365.OperationKey{readAt, listRoot, listFolder, putAt, putInFolder, uploadAt, uploadInFolder}, Capability: m365.OneDrive,
			Files: []action.File{{Name: "file", Doc: "The file, which may be empty", Required: true, Max: maxFile}}}, upload, action.WithReconcile(uploaded)),
	}
}

// sending is what the ledger keeps of an upload. The session's address is a secret; the ledger seals it.
type sending struct {
	Folder  string    `json:"folder"`
	Before  []string  `json:"before"` // what stood under such a name, with the mark of its content
	Size    int64     `json:"size"`
	Session string    `json:"session,omitempty"`
	At      time.Time `json:"at"`
}

// effort is one upload on its way.
type effort struct {
	drive
	in UploadIn
	sending
}

func upload(ctx context.Context, c action.Call, in UploadIn) (Item, error) {
	file := c.Files["file"]
	box, folder, err := in.at(ctx, c)
	if err != nil {
		return Item{}, err
	}
	e := effort{box, in, sending{}}
	if _, err := c.Recall(ctx, &e.sending); err != nil {
		return Item{}, err
	}
	e.Folder, e.Size, e.Before = folder, file.Size, nil
	var p graph.Proof
	there, err := e.standing(ctx, graph.Prove(&p))
	if err != nil {
		return Item{}, err
	}
	for _, i := range there {
		e.Before = append(e.Before, mark(i))
	}
	e.At = p.At
	if err := c.Checkpoint(ctx, e.sending); err != nil {
		return Item{}, err
	}
	send := e.put
	if file.Size >= maxPut {
		send = e.bySession
	}
	made, err := send(ctx, c, file)
	return made, e.heldBy(ctx, err)
}

// heldBy names who has checked out what stands under the name.
func (e effort) heldBy(ctx context.Context, err error) error {
	if fault.CodeOf(err) != "locked" {
		return err
	}
	there, e2 := e.standing(ctx, graph.Prove(&graph.Proof{}))
	if e2 != nil || len(there) != 1 {
		return err
	}
	return e.explained(ctx, there[0].ID, err)
}

// standing lists what has the name, or one that Microsoft could have made of it.
func (e effort) standing(ctx context.Context, proof graph.Option) ([]Item, error) {
	path := strings.Trim(e.in.FolderPath, "/")
	if e.in.Folder != "" || e.in.Conflict == "rename" {
		return e.named(ctx, e.Folder, e.in.Name, proof)
	}
	d, err := graph.Get[graph.DriveItem](ctx, e.Graph, e.DriveItemAt(path+"/"+e.in.Name), itemFields, proof)
	if fault.KindOf(err) == fault.NotFound {
		// A refusal proves no time: the folder tells it, and that it is there.
		_, err = graph.Get[struct{}](ctx, e.Graph, e.DriveItem(e.Folder), graph.Select("id"), proof)
		return nil, err
	}
	return []Item{itemOf(d)}, err
}

func mark(i Item) string { return i.ID + " " + i.ContentMark }

// arrived finds what was not there before and could be ours.
func (e effort) arrived(ctx context.Context, proof graph.Option) (Item, bool, error) {
	there, err := e.standing(ctx, proof)
	for _, i := range there {
		if i.Kind == "file" && i.Size == e.Size && !slices.Contains(e.Before, mark(i)) {
			return i, true, nil
		}
	}
	return Item{}, false, err
}

// put sends a small file in one request. That may leave twice, except where each would get a name of its own; the second is then told that
// the name is taken, by the first.
func (e effort) put(ctx context.Context, _ action.Call, file *action.Content) (Item, error) {
	content, err := io.ReadAll(file.Reader())
	if err != nil {
		return Item{}, err
	}
	opts := []graph.Option{graph.OnConflict(orFail(e.in.Conflict))}
	if e.in.Conflict == "rename" {
		opts = append(opts, graph.Once())
	}
	d, err := e.Graph.PutFile(ctx, e.FileIn(e.Folder, e.in.Name).Sub("content"), content, opts...)
	if fault.KindOf(err) == fault.Conflict {
		var p graph.Proof
		if i, ours, e := e.arrived(ctx, graph.Prove(&p)); e == nil && ours {
			return i, nil
		}
	}
	return itemOf(d), err
}

// bySession sends a large file piece by piece. A session that Microsoft has forgotten is made anew, once.
func (e effort) bySession(ctx context.Context, c action.Call, file *action.Content) (Item, error) {
	path := e.FileIn(e.Folder, e.in.Name).Sub("createUploadSession")
	for anew := false; ; anew = true {
		s, err := e.open(ctx, c, path)
		if err != nil {
			return Item{}, err
		}
		d, err := e.Graph.UploadFile(ctx, path, s, file.Reader(), file.Size, func(taken int64) { c.Progress(ctx, taken, file.Size, "bytes of the file sent to Microsoft") })
		switch kind := fault.KindOf(err); {
		case err == nil:
			return itemOf(d), nil
		case kind == fault.Gone:
			// It is over: with our last piece, whose answer was lost, or by its age.
			var p graph.Proof
			i, ours, lookErr := e.arrived(ctx, graph.Prove(&p))
			switch {
			case lookErr != nil:
				return Item{}, lookErr
			case ours:
				return i, nil
			case anew:
				return Item{}, refusedAnew(err)
			}
			e.Session = ""
		case kind == fault.Conflict:
			_ = e.Graph.EndUpload(ctx, path, s.UploadURL) // it ends by itself, too
			return Item{}, err
		default:
			return Item{}, err
		}
	}
}

// refusedAnew is told where a session is over that was only just made.
func refusedAnew(err error) error {
	f := *fault.As(err)
	f.Code, f.Message, f.Cause = "upload_refused", "Microsoft's upload address refused the file, and a new one did, too", "Something between the hub and Microsoft changes requests to SharePoint's hosts, or the folder is being taken away"
	f.Fix, f.Who = "Look whether the folder is still there; let requests to *.sharepoint.com through unchanged, and run the upload again with the same key", "the operator of this hub"
	return &f
}

// open goes on with the session of an earlier run, or makes one; it is in the ledger before its first piece leaves. A session nobody sends
// to expires by itself, so asking twice for one does no harm.
func (e *effort) open(ctx context.Context, c action.Call, path graph.Path) (graph.UploadSession, error) {
	if e.Session != "" {
		s, err := e.Graph.UploadStanding(ctx, path, e.Session)
		if fault.KindOf(err) != fault.Gone {
			return s, err
		}
	}
	s, err := graph.Post[graph.UploadSession](ctx, e.Graph, path, graph.UploadStart{Item: graph.UploadProperties{ConflictBehavior: orFail(e.in.Conflict)}}, graph.Idempotent())
	if err != nil {
		return s, fault.Certain(err) // no piece has left
	}
	e.Session = s.UploadURL
	return s, c.Checkpoint(ctx, e.sending)
}

// uploaded answers an unclear upload. One whose session still waits for pieces has not happened; with the same key it goes on.
func uploaded(ctx context.Context, c action.Call, in UploadIn) (Item, action.Answer, error) {
	box, err := in.in(ctx, c)
	e := effort{box, in, sending{}}
	if err != nil {
		return Item{}, action.StillOpen, err
	}
	known, err := c.Recall(ctx, &e.sending)
	if err != nil || !known {
		return Item{}, action.NotStarted, err // nothing leaves before the checkpoint
	}
	if e.Session != "" {
		_, err := e.Graph.UploadStanding(ctx, e.FileIn(e.Folder, in.Name).Sub("createUploadSession"), e.Session)
		switch {
		case err == nil:
			return Item{}, action.NotStarted, nil
		case fault.KindOf(err) != fault.Gone:
			return Item{}, action.StillOpen, nil //nolint:nilerr // it is asked again
		}
	}
	var p graph.Proof
	i, ours, err := e.arrived(ctx, graph.Prove(&p))
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return Item{}, action.NotStarted, nil // what it was to be put into is gone
	case err != nil:
		return Item{}, action.StillOpen, err
	case ours:
		return i, action.Happened, nil
	case p.At.Sub(e.At) < once.Settled:
		return Item{}, action.StillOpen, nil
	}
	return Item{}, action.NotStarted, nil
}
