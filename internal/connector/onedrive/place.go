package onedrive

import (
	"context"
	"strings"
	"unicode/utf8"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Of says whose OneDrive is meant.
type Of struct {
	User    string `json:"user,omitempty" doc:"Owner of the OneDrive by address or id; the signed-in person without"`
	Site    string `json:"site,omitempty" maxLength:"2000" doc:"Site of SharePoint by address or id: its library is meant, and nobody's OneDrive"`
	Library string `json:"library,omitempty" doc:"Library of the site by name or id; the site's own one without"`
}

func (of Of) wrong() []fault.Field {
	switch {
	case of.Site != "" && of.User != "":
		return []fault.Field{{Name: "site", Message: "is one owner too many beside user"}}
	case of.Library != "" && of.Site == "":
		return []fault.Field{{Name: "library", Message: "is one of no site: give site"}}
	}
	return place.WrongSite("site", of.Site)
}

// names are what tells drives apart.
func (of Of) names() []any {
	if of.Site == "" {
		return []any{of.User}
	}
	return []any{of.User, of.Site, of.Library}
}

// drive is the OneDrive or the library of an input, and the client that reaches it.
type drive struct {
	graph.DrivePlace
	Graph *graph.Client
}

func (of Of) in(ctx context.Context, c action.Call) (drive, error) {
	if of.Site != "" {
		return of.library(ctx, c)
	}
	if !c.Connection.Serves(m365.OneDrive) {
		return drive{}, action.NotChosen(c.Connection, m365.OneDrive)
	}
	box, err := place.Of(c, of.User)
	return drive{box.Drive(), box.Graph}, err
}

func (of Of) library(ctx context.Context, c action.Call) (drive, error) {
	if !c.Connection.Serves(m365.SharePoint) {
		return drive{}, action.NotChosen(c.Connection, m365.SharePoint)
	}
	s, err := place.SiteOf(ctx, c, of.Site)
	if err != nil {
		return drive{}, err
	}
	d, err := s.Graph.Library(ctx, s.SitePlace, of.Library)
	return drive{d, s.Graph}, place.NotGranted(ctx, c, err)
}

// ItemIn names one file or folder.
type ItemIn struct {
	Of
	Item string `json:"item,omitempty" doc:"File or folder by id"`
	Path string `json:"path,omitempty" doc:"File or folder by its path from the topmost folder, like Projects/Plan.docx, instead of item"`
}

// Check wants one name for the item.
func (in ItemIn) Check() error { return fault.OfFields(in.wrong()) }

func (in ItemIn) wrong() []fault.Field {
	path := strings.Trim(in.Path, "/")
	switch {
	case in.Item == "" && path == "":
		return []fault.Field{{Name: "item", Message: "is missing: give item or path"}}
	case in.Item != "" && path != "":
		return []fault.Field{{Name: "path", Message: "is one name too many beside item"}}
	}
	return append(in.Of.wrong(), wrongPath("path", path)...)
}

// FolderIn names one folder; the topmost one where it says nothing.
type FolderIn struct {
	Of
	Folder     string `json:"folder,omitempty" doc:"Folder by id; the topmost one without"`
	FolderPath string `json:"folder_path,omitempty" doc:"Folder by its path from the topmost one, like Projects/2031, instead of folder"`
}

// Check wants at most one name for the folder.
func (in FolderIn) Check() error { return fault.OfFields(in.wrong()) }

func (in FolderIn) wrong() []fault.Field {
	path := strings.Trim(in.FolderPath, "/")
	if in.Folder != "" && path != "" {
		return []fault.Field{{Name: "folder_path", Message: "is one name too many beside folder"}}
	}
	return append(in.Of.wrong(), wrongPath("folder_path", path)...)
}

// What OneDrive for work takes for names: Microsoft's "Restrictions and limitations in OneDrive and SharePoint".
const (
	maxPath  = 400 // of a decoded path, names and slashes
	maxName  = 255
	unusable = `"*:<>?/\|`
)

// wrongPath tells what is wrong with a path; the empty one is the topmost folder's.
func wrongPath(field, path string) []fault.Field {
	if path == "" {
		return nil
	}
	if n := utf8.RuneCountInString(path); n > maxPath {
		return []fault.Field{{Name: field, Message: "is longer than OneDrive takes: at most 400 characters from the topmost folder"}}
	}
	for name := range strings.SplitSeq(path, "/") {
		if wrong := wrongName(field, name); wrong != nil {
			return wrong
		}
	}
	return nil
}

// wrongName tells what is wrong with a name. What is usable in it is left to Microsoft's answer: tenants differ.
func wrongName(field, name string) []fault.Field {
	switch {
	case name == "" || name == "." || name == "..":
		return []fault.Field{{Name: field, Message: "holds a name that is none"}}
	case strings.ContainsAny(name, unusable) || strings.ContainsFunc(name, isControl):
		return []fault.Field{{Name: field, Message: `holds a name with a character that OneDrive does not take: one of " * : < > ? / \ | or a control character`}}
	case strings.TrimSpace(name) != name:
		return []fault.Field{{Name: field, Message: "holds a name that begins or ends with a blank"}}
	case !utf8.ValidString(name):
		return []fault.Field{{Name: field, Message: "holds a name that is not UTF-8"}}
	case utf8.RuneCountInString(name) > maxName:
		return []fault.Field{{Name: field, Message: "holds a name of more than 255 characters"}}
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// wrongPlace adds what only folder and name together show.
func (in FolderIn) wrongPlace(name string) []fault.Field {
	wrong := append(in.wrong(), wrongName("name", name)...)
	if path := strings.Trim(in.FolderPath, "/"); len(wrong) == 0 && utf8.RuneCountInString(path+"/"+name) > maxPath {
		wrong = append(wrong, fault.Field{Name: "name", Message: "makes a path that is longer than OneDrive takes: at most 400 characters from the topmost folder"})
	}
	return wrong
}

// wrongFolder tells what is wrong with a folder something shall come into, and with its name there; without a name it keeps its own.
func wrongFolder(folder, path, name string) []fault.Field {
	in := FolderIn{Folder: folder, FolderPath: path}
	if name == "" {
		return in.wrong()
	}
	return in.wrongPlace(name)
}

// path is where the item is read.
func (in ItemIn) path(box drive) graph.Path {
	if in.Item != "" {
		return box.DriveItem(in.Item)
	}
	return box.DriveItemAt(in.Path)
}

// at finds the item by its id, which survives renames: what is named by a path is looked up.
func (in ItemIn) at(ctx context.Context, c action.Call) (box drive, id string, err error) {
	if box, err = in.in(ctx, c); err != nil || in.Item != "" {
		return box, in.Item, err
	}
	id, err = box.lookUp(ctx, in.Path)
	return box, id, err
}

// at finds the folder's id; empty for the topmost one.
func (in FolderIn) at(ctx context.Context, c action.Call) (box drive, id string, err error) {
	box, err = in.in(ctx, c)
	if err != nil || strings.Trim(in.FolderPath, "/") == "" {
		return box, in.Folder, err
	}
	id, err = box.lookUp(ctx, in.FolderPath)
	return box, id, err
}

func (d drive) lookUp(ctx context.Context, path string) (string, error) {
	item, err := graph.Get[graph.DriveItem](ctx, d.Graph, d.DriveItemAt(path), graph.Select("id"))
	return item.ID, err
}
