package onedrive

import (
	"cmp"
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/cursor"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ChangesIn asks for what changed in a OneDrive or library.
type ChangesIn struct {
	Of
	Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"At most so many changes a page; 100 without"`
	Cursor string `json:"cursor,omitempty" doc:"next_cursor of an earlier answer; everything there is without"`
}

func (in ChangesIn) question() []any { return append([]any{"changes"}, in.names()...) }

// Check finds a wrong drive and a foreign cursor.
func (in ChangesIn) Check() error { return checkPage(in.wrong(), in.Cursor, in.question()) }

// Changes are one page of what changed.
type Changes struct {
	Items   []Item   `json:"items" doc:"New and changed files and folders, as they are now; a moved or renamed folder does not name what is in it again"`
	Removed []string `json:"removed" doc:"Ids of what is gone; a folder is gone with everything in it"`
	cursor.Progress
}

func deltaActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.change.list", Summary: "List which files and folders of a OneDrive or library changed since last time.", Effect: action.Reads,
			Operations: []m365.OperationKey{walkDrive}, Capability: m365.OneDrive}, changesOf),
	}
}

// changesOf sends its options with every page: that a drive's tokens carry them is on no page. The topmost folder itself is no news.
func changesOf(ctx context.Context, c action.Call, in ChangesIn) (Changes, error) {
	box, err := in.in(ctx, c)
	if err != nil {
		return Changes{}, err
	}
	from := cursor.Start{Graph: box.Graph, Path: box.Root(), Text: in.Cursor, Question: in.question()}
	out, err := cursor.Changes(ctx, from, itemOf, []graph.Option{changeFields, graph.Top(cmp.Or(in.Limit, 100)), graph.WithoutParents()})
	return Changes{slices.DeleteFunc(out.Items, func(i Item) bool { return i.FolderID == "" }), out.Removed, out.Progress}, err
}
