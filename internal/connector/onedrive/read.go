package onedrive

import (
	"cmp"
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ListIn asks for what is in a folder.
type ListIn struct {
	FolderIn
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many entries a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

func (in ListIn) question() []any {
	return append([]any{"children"}, append(in.names(), in.Folder, in.FolderPath)...)
}

// Check finds a wrong folder and a foreign cursor.
func (in ListIn) Check() error { return checkPage(in.wrong(), in.Cursor, in.question()) }

// SearchIn asks for files and folders by what they are called or hold.
type SearchIn struct {
	FolderIn
	Text   string `json:"text" minLength:"1" maxLength:"255" doc:"Words that stand in name, content or properties, as Microsoft's index has them: what was written in this minute may be missing"`
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many entries a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer"`
}

func (in SearchIn) question() []any {
	return append([]any{"search"}, append(in.names(), in.Folder, in.FolderPath, in.Text)...)
}

// Check finds a wrong folder and a foreign cursor.
func (in SearchIn) Check() error { return checkPage(in.wrong(), in.Cursor, in.question()) }

func checkPage(wrong []fault.Field, text string, question []any) error {
	if err := fault.OfFields(wrong); err != nil {
		return err
	}
	return cursor.Check(text, question...)
}

// List is one page of files and folders.
type List struct {
	Items      []Item `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; the last page has none"`
}

func readActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.item.get", Summary: "Read what is known of a file or folder.", Effect: action.Reads,
			Operations: []m365.OperationKey{readItem, readAt}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in ItemIn) (Item, error) {
				box, err := in.in(ctx, c)
				if err != nil {
					return Item{}, err
				}
				d, err := graph.Get[graph.DriveItem](ctx, box.Graph, in.path(box), soleFields)
				return itemOf(d), err
			}),
		action.Define(action.Spec{Name: "drive.item.list", Summary: "List what is in a folder.", Effect: action.Reads,
			Operations: []m365.OperationKey{readAt, listRoot, listFolder}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in ListIn) (List, error) {
				return page(ctx, c, in.FolderIn, in.Limit, in.Cursor, in.question(), func(folder graph.Path) graph.Path { return folder.Sub("children") })
			}),
		action.Define(action.Spec{Name: "drive.item.search", Summary: "Find files and folders by words.", Effect: action.Reads,
			Operations: []m365.OperationKey{readAt, searchRoot, searchFolder}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in SearchIn) (List, error) {
				return page(ctx, c, in.FolderIn, in.Limit, in.Cursor, in.question(), func(folder graph.Path) graph.Path { return folder.SearchedFor(in.Text) })
			}),
	}
}

// page reads one page of a list that belongs to a folder.
func page(ctx context.Context, c action.Call, in FolderIn, limit int, text string, question []any, of func(graph.Path) graph.Path) (List, error) {
	box, folder, err := in.at(ctx, c)
	if err != nil {
		return List{}, err
	}
	from := cursor.Start{Graph: box.Graph, Path: of(box.DriveItem(folder)), Text: text, Question: question}
	list, next, err := cursor.Page(ctx, from, itemOf, itemFields, graph.Top(cmp.Or(limit, 100)))
	return List{list, next}, err
}
