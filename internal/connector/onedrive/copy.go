package onedrive

import (
	"cmp"
	"context"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// CopyIn says of what a copy is made, and where.
type CopyIn struct {
	ItemIn
	ToUser     string `json:"to_user,omitempty" doc:"Owner of the OneDrive to copy into, by address or id; the same drive without"`
	ToSite     string `json:"to_site,omitempty" maxLength:"2000" doc:"Site by address or id to copy into a library of, instead of to_user"`
	ToLibrary  string `json:"to_library,omitempty" doc:"Library of that site by name or id; the site's own one without"`
	Folder     string `json:"folder,omitempty" doc:"Folder by id to put the copy into; the topmost one without"`
	FolderPath string `json:"folder_path,omitempty" doc:"Folder by its path to put the copy into, instead of folder"`
	Name       string `json:"name,omitempty" doc:"Name of the copy; that of the original without"`
	Conflict   string `json:"conflict,omitempty" enum:"fail,rename,replace" doc:"What to do where the name is taken: fail, the default, rename, which adds a number, or replace"`
}

func (in CopyIn) target() FolderIn {
	return FolderIn{copyTo{in.ToUser, in.ToSite, in.ToLibrary}.or(in.Of), in.Folder, in.FolderPath}
}

// Check finds a wrong item and a wrong place.
func (in CopyIn) Check() error {
	return fault.OfFields(append(append(in.wrong(), copyTo{in.ToUser, in.ToSite, in.ToLibrary}.wrong()...), wrongFolder(in.Folder, in.FolderPath, in.Name)...))
}

// copyTo says whose drive something shall come into.
type copyTo struct{ user, site, library string }

// or is that drive, or the same one where nothing is said.
func (to copyTo) or(same Of) Of {
	if to == (copyTo{}) {
		return same
	}
	return Of{to.user, to.site, to.library}
}

func (to copyTo) wrong() []fault.Field {
	switch {
	case to.site != "" && to.user != "":
		return []fault.Field{{Name: "to_site", Message: "is one owner too many beside to_user"}}
	case to.library != "" && to.site == "":
		return []fault.Field{{Name: "to_library", Message: "is one of no site: give to_site"}}
	}
	return place.WrongSite("to_site", to.site)
}

func copyActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.item.copy", Summary: "Copy a file, or a folder with everything in it, and wait until Microsoft is done.", Effect: action.Writes,
			Operations: []m365.OperationKey{readAt, readItem, readRoot, listRoot, listFolder, makeCopy}, Capability: m365.OneDrive}, copyItem, action.WithReconcile(copied)),
	}
}

// copying is what the ledger keeps of a copy. Where it is watched is a secret; the ledger seals it.
type copying struct {
	Item     string    `json:"item"`
	IsFolder bool      `json:"is_folder"`
	Name     string    `json:"name"`
	Drive    string    `json:"drive"` // to copy into, and the folder there
	Folder   string    `json:"folder"`
	Before   []string  `json:"before"` // what stood there under such a name, with the mark of its content
	Monitor  string    `json:"monitor,omitempty"`
	At       time.Time `json:"at"`
}

// transfer is one copy on its way.
type transfer struct {
	from, to drive
	copying
}

func (in CopyIn) transfer(ctx context.Context, c action.Call) (transfer, error) {
	from, err := in.in(ctx, c)
	if err != nil {
		return transfer{}, err
	}
	to, err := in.target().in(ctx, c)
	return transfer{from: from, to: to}, err
}

func copyItem(ctx context.Context, c action.Call, in CopyIn) (Item, error) {
	t, err := in.transfer(ctx, c)
	if err != nil {
		return Item{}, err
	}
	if err := t.prepare(ctx, in); err != nil {
		return Item{}, err
	}
	if err := c.Checkpoint(ctx, t.copying); err != nil {
		return Item{}, err
	}
	to := graph.ItemCopy{ParentReference: graph.ItemReference{DriveID: t.Drive, ID: t.Folder}, Name: t.Name}
	t.Monitor, err = t.from.Graph.CopyItem(ctx, t.from.DriveItem(t.Item), t.to.DriveItem(t.Folder), to, in.onConflict()...)
	if err != nil {
		return Item{}, err
	}
	// From here on Microsoft copies, whatever becomes of us: what is not known of it is asked for later.
	if err := c.Checkpoint(ctx, t.copying); err != nil {
		return Item{}, unknown(err)
	}
	return t.follow(ctx, c)
}

// onConflict leaves out what Microsoft does by itself (driveitem-copy.md).
func (in CopyIn) onConflict() []graph.Option {
	if orFail(in.Conflict) == "fail" {
		return nil
	}
	return []graph.Option{graph.OnConflict(in.Conflict)}
}

// prepare finds by ids what is copied and where to, and what is there already.
func (t *transfer) prepare(ctx context.Context, in CopyIn) error {
	item, err := graph.Get[graph.DriveItem](ctx, t.from.Graph, in.path(t.from), graph.Select("id", "name", "folder"))
	if err != nil {
		return err
	}
	target := ItemIn{in.target().Of, in.Folder, in.FolderPath}
	folder, err := graph.Get[graph.DriveItem](ctx, t.to.Graph, target.path(t.to), graph.Select("id", "parentReference"))
	if err != nil {
		return err
	}
	t.copying = copying{Item: item.ID, IsFolder: item.Folder != nil, Name: cmp.Or(in.Name, item.Name), Drive: folder.ParentReference.DriveID, Folder: folder.ID}
	var p graph.Proof
	there, err := t.to.named(ctx, t.Folder, t.Name, graph.Prove(&p))
	for _, i := range there {
		t.Before = append(t.Before, mark(i))
	}
	t.At = p.At
	return err
}

func (t transfer) follow(ctx context.Context, c action.Call) (Item, error) {
	if t.Monitor == "" {
		return Item{}, unknown(nil)
	}
	job, err := t.from.Graph.FollowCopy(ctx, t.from.DriveItem(t.Item), t.Monitor, func(percent float64) { c.Progress(ctx, int64(percent), 100, "percent of the copy") })
	if err != nil {
		return Item{}, unknown(err)
	}
	if job.Status != "completed" {
		return Item{}, failed(job)
	}
	i, err := t.made(ctx, job)
	if err != nil {
		return i, unknown(err)
	}
	return i, nil
}

// made reads what a completed copy made.
func (t transfer) made(ctx context.Context, job graph.CopyJob) (Item, error) {
	if job.ResourceID == "" {
		i, there, err := t.arrived(ctx, graph.Prove(&graph.Proof{}))
		if err == nil && !there {
			err = fault.Missing("copy", t.Name)
		}
		return i, err
	}
	d, err := graph.Get[graph.DriveItem](ctx, t.to.Graph, t.to.DriveItem(job.ResourceID), itemFields)
	return itemOf(d), err
}

// arrived finds what was not in the folder before, and could be the copy.
func (t transfer) arrived(ctx context.Context, proof graph.Option) (Item, bool, error) {
	there, err := t.to.named(ctx, t.Folder, t.Name, proof)
	at := slices.IndexFunc(there, func(i Item) bool { return (i.Kind == "folder") == t.IsFolder && !slices.Contains(t.Before, mark(i)) })
	if at < 0 {
		return Item{}, false, err
	}
	return there[at], true, err
}

func unknown(err error) error {
	return &fault.Error{Kind: fault.Unclear, Code: "outcome_unknown", Message: "Microsoft copies, and it is not known how far it is", Fix: "Look at the run again in a few minutes: the hub asks by itself", Who: "nobody; it passes by itself", Err: err}
}

func failed(job graph.CopyJob) error {
	f := &fault.Error{Kind: fault.UpstreamRefused, Code: "copy_failed", Message: "Microsoft did not finish the copy", Cause: "Microsoft's monitor of the copy says that it failed",
		Fix: "Look into the folder for what was copied until then, and copy again", Who: "you"}
	if job.Error != nil {
		f.Upstream = &fault.Upstream{Code: job.Error.Code}
	}
	return f
}

// copied answers an unclear copy: by its monitor where that is known and still there, else by what has come to the folder. What comes of a
// folder is there before everything in it is: without a monitor it is waited for as long as a request may be under way.
func copied(ctx context.Context, c action.Call, in CopyIn) (Item, action.Answer, error) {
	t, err := in.transfer(ctx, c)
	if err != nil {
		return Item{}, action.StillOpen, err
	}
	known, err := c.Recall(ctx, &t.copying)
	if err != nil || !known {
		return Item{}, action.NotStarted, err // nothing leaves before the checkpoint
	}
	if t.Monitor != "" {
		job, err := t.from.Graph.CopyStanding(ctx, t.from.DriveItem(t.Item), t.Monitor)
		switch kind := fault.KindOf(err); {
		case err == nil && job.Status == "completed":
			i, err := t.made(ctx, job)
			if err == nil || fault.KindOf(err) == fault.NotFound { // or somebody has taken it away since
				return i, action.Happened, nil
			}
			return Item{}, action.StillOpen, nil
		case err == nil && job.Ended():
			return Item{}, action.NotStarted, nil
		case err == nil || kind != fault.Gone && kind != fault.NotFound:
			return Item{}, action.StillOpen, nil
		}
	}
	var p graph.Proof
	i, there, err := t.arrived(ctx, graph.Prove(&p))
	settled := p.At.Sub(t.At) >= once.Settled
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return Item{}, action.NotStarted, nil // what it was to be put into is gone
	case err != nil:
		return Item{}, action.StillOpen, err
	case there && (settled || !t.IsFolder):
		return i, action.Happened, nil
	case !settled:
		return Item{}, action.StillOpen, nil
	}
	return Item{}, action.NotStarted, nil
}
