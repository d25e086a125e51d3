package onedrive

import (
	"context"
	"path"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// FolderCreateIn is a new folder.
type FolderCreateIn struct {
	FolderIn
	Name     string `json:"name" doc:"Name of the new folder"`
	Conflict string `json:"conflict,omitempty" enum:"fail,rename" doc:"What to do where the name is taken: fail, the default, or rename, which adds a number"`
}

// Check finds a wrong place.
func (in FolderCreateIn) Check() error { return fault.OfFields(in.wrongPlace(in.Name)) }

func folderActions() []action.Action {
	return []action.Action{
		once.Define(action.Spec{Name: "drive.folder.create", Summary: "Make a folder.", Effect: action.Writes,
			Operations: []m365.OperationKey{readAt, listRoot, listFolder, createInRoot, createInFolder}, Capability: m365.OneDrive}, FolderCreateIn.addition),
	}
}

// addition is the way of a folder that is made once.
func (in FolderCreateIn) addition(ctx context.Context, c action.Call) (once.Addition[Item], error) {
	box, folder, err := in.at(ctx, c)
	return once.Addition[Item]{
		List: func(ctx context.Context, proof graph.Option) ([]Item, error) {
			return box.named(ctx, folder, in.Name, proof)
		},
		ID: func(i Item) string { return i.ID },
		Is: func(i Item) bool { return i.Kind == "folder" },
		Make: func(ctx context.Context) (Item, error) {
			d, err := graph.Post[graph.DriveItem](ctx, box.Graph, box.DriveItem(folder).Sub("children"), graph.FolderCreation{Name: in.Name, ConflictBehavior: orFail(in.Conflict)})
			return itemOf(d), err
		},
	}, err
}

func orFail(conflict string) string {
	if conflict == "" {
		return "fail"
	}
	return conflict
}

// childPage is the largest page of children there is.
const childPage = 200

// named lists what a folder has under a name, or under what Microsoft makes of one that is taken: a number behind it. Microsoft's list of
// children takes no filter by name (driveitem-list-children.md).
func (d drive) named(ctx context.Context, folder, name string, proof graph.Option) ([]Item, error) {
	var out []Item
	ext := path.Ext(name)
	stem := strings.ToLower(strings.TrimSuffix(name, ext))
	for item, err := range graph.List[graph.DriveItem](ctx, d.Graph, d.DriveItem(folder).Sub("children"), itemFields, graph.Top(childPage), proof) {
		if err != nil {
			return nil, err
		}
		if there := strings.ToLower(item.Name); strings.HasPrefix(there, stem) && strings.HasSuffix(there, strings.ToLower(ext)) {
			out = append(out, itemOf(item))
		}
	}
	return out, nil
}
