package contacts

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Folder is a folder of contacts.
type Folder struct {
	ID       string `json:"id"`
	ParentID string `json:"parent_id,omitempty"`
	Name     string `json:"name"`
}

// FolderListIn asks for one level of folders.
type FolderListIn struct {
	place.Mailbox
	Parent string `json:"parent,omitempty" doc:"Folder by id whose folders are asked for; those below the default folder without"`
}

// FolderList is one level of folders.
type FolderList struct {
	Folders []Folder `json:"folders"`
}

// FolderCreateIn is a new folder.
type FolderCreateIn struct {
	place.Mailbox
	Parent string `json:"parent,omitempty" doc:"Folder by id to put it into; the default folder without"`
	Name   string `json:"name" minLength:"1" maxLength:"255" doc:"Name, of which there is none among its neighbours yet"`
}

// FolderIn names one folder.
type FolderIn struct {
	place.Mailbox
	Folder string `json:"folder" minLength:"1" doc:"Folder by id"`
}

func (in FolderIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.ContactFolder(in.Folder), err
}

// FolderRenameIn is another name for a folder.
type FolderRenameIn struct {
	FolderIn
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"New name"`
}

// Deleted names what is gone.
type Deleted struct {
	ID string `json:"id"`
}

var folderFields = graph.Select("id", "parentFolderId", "displayName")

func folderOf(f graph.ContactFolder) Folder { return Folder{f.ID, f.ParentFolderID, f.DisplayName} }

func folderActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "contact.folder.list", Summary: "List the contact folders of a mailbox beside the default one, one level at a time.", Effect: action.Reads,
			Operations: []m365.OperationKey{listFolders, listChildren}, Capability: m365.Contacts}, foldersOf),
		once.Define(action.Spec{Name: "contact.folder.create", Summary: "Make a contact folder.", Effect: action.Writes,
			Operations: []m365.OperationKey{listFolders, createFolder, listChildren, createChild}, Capability: m365.Contacts}, FolderCreateIn.creation),
		action.Define(action.Spec{Name: "contact.folder.rename", Summary: "Rename a contact folder.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeFolder}, Capability: m365.Contacts, Args: []string{"folder", "name"}},
			func(ctx context.Context, c action.Call, in FolderRenameIn) (Folder, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Folder{}, err
				}
				f, err := graph.Patch[graph.ContactFolder](ctx, box.Graph, path, graph.ContactFolderChange{DisplayName: in.Name}, graph.Idempotent())
				return folderOf(f), err
			}),
		action.Define(action.Spec{Name: "contact.folder.delete", Summary: "Delete a contact folder with everything in it.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{deleteFolder}, Capability: m365.Contacts, Args: []string{"folder"}},
			func(ctx context.Context, c action.Call, in FolderIn) (Deleted, error) {
				box, path, err := in.at(c)
				if err != nil {
					return Deleted{}, err
				}
				return Deleted{in.Folder}, graph.Delete(ctx, box.Graph, path)
			}),
	}
}

// below is where the folders of a parent are; without one, those of the default folder.
func below(box place.Place, parent string) graph.Path {
	if parent == "" {
		return box.ContactFolders()
	}
	return box.ContactFolder(parent).Sub("childFolders")
}

func foldersOf(ctx context.Context, c action.Call, in FolderListIn) (FolderList, error) {
	out := FolderList{Folders: []Folder{}}
	box, err := in.In(c)
	if err != nil {
		return out, err
	}
	for f, err := range graph.List[graph.ContactFolder](ctx, box.Graph, below(box, in.Parent), folderFields, graph.Top(100)) {
		if err != nil {
			return out, err
		}
		out.Folders = append(out.Folders, folderOf(f))
	}
	return out, nil
}

// creation is the way of a folder that is made once. Its name alone would not do: a folder of that name may be somebody else's.
func (in FolderCreateIn) creation(_ context.Context, c action.Call) (once.Creation[Folder], error) {
	box, err := in.In(c)
	path, mark := below(box, in.Parent), once.Mark(c)
	return once.Creation[Folder]{
		Find: func(ctx context.Context, proof graph.Option) (Folder, bool, error) {
			f, found, err := once.First[graph.ContactFolder](ctx, box.Graph, path, once.Marked(mark), folderFields, proof)
			return folderOf(f), found, err
		},
		Make: func(ctx context.Context) (Folder, error) {
			f, err := graph.Post[graph.ContactFolder](ctx, box.Graph, path, graph.ContactFolderChange{DisplayName: in.Name, ExtendedProperties: once.Marking(mark)})
			return folderOf(f), err
		},
	}, err
}
