package mail

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// FolderListIn asks for the folders below one folder, or for the top ones.
type FolderListIn struct {
	place.Mailbox
	Parent string `json:"parent,omitempty" doc:"Folder by id or well-known name whose folders are asked for; the top folders without"`
	Hidden bool   `json:"hidden,omitempty" doc:"Hidden folders too"`
}

// FolderList is one level of folders.
type FolderList struct {
	Folders []Folder `json:"folders"`
}

// Folder is a folder of messages.
type Folder struct {
	ID       string `json:"id"`
	ParentID string `json:"parent_id,omitempty"`
	Name     string `json:"name"`
	Folders  int    `json:"folders"`
	Messages int    `json:"messages"`
	Unread   int    `json:"unread"`
	Hidden   bool   `json:"hidden,omitempty"`
}

func folderActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.folder.list", Summary: "List the mail folders of a mailbox, one level at a time.", Effect: action.Reads,
			Operations: []m365.OperationKey{listFolders, listChildren}, Capability: m365.Mail}, foldersOf),
	}
}

// foldersOf asks for large pages: Outlook's own are of ten (graph/FACTS §7).
func foldersOf(ctx context.Context, c action.Call, in FolderListIn) (FolderList, error) {
	out := FolderList{Folders: []Folder{}}
	box, err := in.In(c)
	if err != nil {
		return out, err
	}
	path := box.MailFolders()
	if in.Parent != "" {
		path = box.MailFolder(in.Parent).Sub("childFolders")
	}
	opts := []graph.Option{graph.Top(100), graph.Select("id", "parentFolderId", "displayName", "childFolderCount", "totalItemCount", "unreadItemCount", "isHidden")}
	if in.Hidden {
		opts = append(opts, graph.Query("includeHiddenFolders", "true"))
	}
	for f, err := range graph.List[graph.MailFolder](ctx, box.Graph, path, opts...) {
		if err != nil {
			return out, err
		}
		out.Folders = append(out.Folders, Folder{f.ID, f.ParentFolderID, f.DisplayName, f.ChildFolderCount, f.TotalItemCount, f.UnreadItemCount, f.IsHidden})
	}
	return out, nil
}
