package onedrive

import (
	"slices"
	"time"

	"seneschal/internal/graph"
)

// Item is a file or folder.
type Item struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Kind        string    `json:"kind" doc:"file, folder, or package: a notebook"`
	Size        int64     `json:"size" doc:"Bytes; of a folder, all that is in it"`
	ContentType string    `json:"content_type,omitempty"`
	Children    int       `json:"children,omitempty" doc:"How many entries a folder has"`
	FolderID    string    `json:"folder_id,omitempty" doc:"Where it lies"`
	Version     string    `json:"version,omitempty" doc:"Changes with every change: give it back as if_version"`
	ContentMark string    `json:"content_mark,omitempty" doc:"Changes with the content alone"`
	Created     time.Time `json:"created,omitzero"`
	Modified    time.Time `json:"modified,omitzero"`
	ModifiedBy  string    `json:"modified_by,omitempty" doc:"Name of the person or app"`
	WebURL      string    `json:"web_url,omitempty"`

	CheckedOutBy string `json:"checked_out_by,omitempty" doc:"Name of the person or app that has the file checked out; told by drive.item.get and by what checks files out and in"`
}

// fields leave out the pre-signed download address, which is a secret of its own.
var fields = []string{"id", "name", "size", "eTag", "cTag", "webUrl", "createdDateTime", "lastModifiedDateTime", "lastModifiedBy", "parentReference", "file", "folder", "root", "package"}

// itemFields are asked for everywhere; of a single item also whether it is checked out, which comes only where it is named; of what changed
// also whether it is gone, of which no page says that it comes where it is not named.
var (
	itemFields   = graph.Select(fields...)
	soleFields   = graph.Select(append(slices.Clone(fields), "publication")...)
	changeFields = graph.Select(append(slices.Clone(fields), "deleted")...)
)

func itemOf(d graph.DriveItem) Item {
	out := Item{ID: d.ID, Name: d.Name, Kind: "file", Size: d.Size, FolderID: d.ParentReference.ID, Version: d.ETag, ContentMark: d.CTag, Created: d.CreatedDateTime, Modified: d.LastModifiedDateTime,
		ModifiedBy: nameOf(d.LastModifiedBy), WebURL: d.WebURL}
	if isOut(d) {
		out.CheckedOutBy = holder(d)
	}
	switch {
	case d.Package != nil:
		out.Kind = "package"
	case d.Folder != nil:
		out.Kind, out.Children = "folder", d.Folder.ChildCount
	case d.File != nil:
		out.ContentType = d.File.MimeType
	}
	return out
}

func nameOf(by graph.IdentitySet) string {
	switch {
	case by.User != nil:
		return by.User.DisplayName
	case by.Application != nil:
		return by.Application.DisplayName
	}
	return ""
}
