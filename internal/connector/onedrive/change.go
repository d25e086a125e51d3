package onedrive

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// MoveIn is another place for an item, and another name where that is wanted.
type MoveIn struct {
	ItemIn
	Folder     string `json:"folder,omitempty" doc:"Folder by id to put it into; the topmost one without"`
	FolderPath string `json:"folder_path,omitempty" doc:"Folder by its path to put it into, instead of folder"`
	Name       string `json:"name,omitempty" doc:"New name; the old one without"`
	IfVersion  string `json:"if_version,omitempty" doc:"Only if the item still has this version"`
}

func (in MoveIn) target() FolderIn { return FolderIn{in.Of, in.Folder, in.FolderPath} }

// Check finds a wrong item and a wrong place.
func (in MoveIn) Check() error {
	return fault.OfFields(append(in.wrong(), wrongFolder(in.Folder, in.FolderPath, in.Name)...))
}

// RenameIn is another name for an item.
type RenameIn struct {
	ItemIn
	Name      string `json:"name" doc:"New name"`
	IfVersion string `json:"if_version,omitempty" doc:"Only if the item still has this version"`
}

// Check finds a wrong item and a wrong name.
func (in RenameIn) Check() error {
	return fault.OfFields(append(in.wrong(), wrongName("name", in.Name)...))
}

// DeleteIn names what shall go.
type DeleteIn struct {
	ItemIn
	IfVersion string `json:"if_version,omitempty" doc:"Only if the item still has this version"`
}

// Deleted names what is gone.
type Deleted struct {
	ID string `json:"id"`
}

func changeActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.item.move", Summary: "Move a file or folder to another folder of the same OneDrive.", Effect: action.Writes,
			Operations: []m365.OperationKey{readAt, readRoot, readItem, changeItem}, Capability: m365.OneDrive}, move, action.WithReconcile(became(move))),
		action.Define(action.Spec{Name: "drive.item.rename", Summary: "Rename a file or folder.", Effect: action.Writes,
			Operations: []m365.OperationKey{readAt, readItem, changeItem}, Capability: m365.OneDrive}, rename, action.WithReconcile(became(rename))),
		action.Define(action.Spec{Name: "drive.item.delete", Summary: "Put a file, or a folder with everything in it, into the recycle bin.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{readAt, readItem, deleteItem}, Capability: m365.OneDrive}, remove),
	}
}

// pin is what a change is about by ids, kept from its first look on: a repetition must not reach what has come to a path since.
type pin struct {
	Item   string `json:"item"`
	Folder string `json:"folder,omitempty"`
	Name   string `json:"name,omitempty"`
}

// pinned finds the ids, or those that were found before.
func pinned(ctx context.Context, c action.Call, find func(context.Context, action.Call) (pin, error)) (pin, error) {
	var p pin
	known, err := c.Recall(ctx, &p)
	if err != nil || known {
		return p, err
	}
	if p, err = find(ctx, c); err != nil {
		return p, err
	}
	return p, c.Checkpoint(ctx, p)
}

func (in ItemIn) pin(ctx context.Context, c action.Call) (pin, error) {
	_, id, err := in.at(ctx, c)
	return pin{Item: id}, err
}

func (in RenameIn) pin(ctx context.Context, c action.Call) (pin, error) {
	p, err := in.ItemIn.pin(ctx, c)
	p.Name = in.Name
	return p, err
}

// pin of a move has the topmost folder's id, too: it is moved to by its id like any other.
func (in MoveIn) pin(ctx context.Context, c action.Call) (pin, error) {
	p, err := in.ItemIn.pin(ctx, c)
	if err != nil {
		return p, err
	}
	p.Name = in.Name
	box, folder, err := in.target().at(ctx, c)
	if err == nil && folder == "" {
		folder, err = box.lookUp(ctx, "")
	}
	p.Folder = folder
	return p, err
}

func rename(ctx context.Context, c action.Call, in RenameIn) (Item, error) {
	p, err := pinned(ctx, c, in.pin)
	if err != nil {
		return Item{}, err
	}
	return in.change(ctx, c, p, in.IfVersion)
}

func move(ctx context.Context, c action.Call, in MoveIn) (Item, error) {
	p, err := pinned(ctx, c, in.pin)
	if err != nil {
		return Item{}, err
	}
	return in.change(ctx, c, p, in.IfVersion)
}

// change says how it shall be, so it may be sent twice.
func (of Of) change(ctx context.Context, c action.Call, p pin, version string) (Item, error) {
	box, err := of.in(ctx, c)
	if err != nil {
		return Item{}, err
	}
	change := graph.ItemChange{Name: p.Name}
	if p.Folder != "" {
		change.ParentReference = &graph.ItemReference{ID: p.Folder}
	}
	d, err := graph.Patch[graph.DriveItem](ctx, box.Graph, box.DriveItem(p.Item), change, append(ifVersion(version), graph.Idempotent())...)
	return itemOf(d), box.explained(ctx, p.Item, err)
}

// became answers an unclear change: the item is as it shall be, or is changed again. With a version the repetition alone could not tell its
// own first try from somebody else's change.
func became[In interface{ owner() Of }](run func(context.Context, action.Call, In) (Item, error)) func(context.Context, action.Call, In) (Item, action.Answer, error) {
	return func(ctx context.Context, c action.Call, in In) (Item, action.Answer, error) {
		var p pin
		known, err := c.Recall(ctx, &p)
		if err != nil || !known {
			return Item{}, action.NotStarted, err // nothing leaves before the checkpoint
		}
		box, err := in.owner().in(ctx, c)
		if err != nil {
			return Item{}, action.StillOpen, err
		}
		d, err := graph.Get[graph.DriveItem](ctx, box.Graph, box.DriveItem(p.Item), itemFields)
		if err == nil && p.metBy(d) {
			return itemOf(d), action.Happened, nil
		}
		if err != nil {
			return once.Again(Item{}, err)
		}
		return once.Again(run(ctx, c, in))
	}
}

func (of Of) owner() Of { return of }

// metBy says that an item is as the change wants it.
func (p pin) metBy(d graph.DriveItem) bool {
	return (p.Name == "" || p.Name == d.Name) && (p.Folder == "" || p.Folder == d.ParentReference.ID)
}

func remove(ctx context.Context, c action.Call, in DeleteIn) (Deleted, error) {
	p, err := pinned(ctx, c, in.pin)
	if err != nil {
		return Deleted{}, err
	}
	box, err := in.in(ctx, c)
	if err != nil {
		return Deleted{}, err
	}
	return Deleted{p.Item}, box.explained(ctx, p.Item, graph.Delete(ctx, box.Graph, box.DriveItem(p.Item), ifVersion(in.IfVersion)...))
}

func ifVersion(version string) []graph.Option {
	if version == "" {
		return nil
	}
	return []graph.Option{graph.IfMatch(version)}
}
