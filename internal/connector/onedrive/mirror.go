package onedrive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// MirrorIn says which folder is to look like which.
type MirrorIn struct {
	FolderIn
	ToUser       string `json:"to_user,omitempty" doc:"Owner of the OneDrive that has the mirror, by address or id; the same drive without"`
	ToSite       string `json:"to_site,omitempty" maxLength:"2000" doc:"Site by address or id that has the mirror in a library, instead of to_user"`
	ToLibrary    string `json:"to_library,omitempty" doc:"Library of that site by name or id; the site's own one without"`
	ToFolder     string `json:"to_folder,omitempty" doc:"Folder by id that is the mirror; the topmost one without"`
	ToFolderPath string `json:"to_folder_path,omitempty" doc:"Folder by its path that is the mirror, instead of to_folder; it must be there"`
	Remove       bool   `json:"remove,omitempty" doc:"Put what the mirror has and the original has not into the recycle bin; without, it stays and is counted"`
	RemoveMany   bool   `json:"remove_many,omitempty" doc:"Remove even more than ten entries that are more than a fifth of what was looked at in the mirror"`
}

// Check finds wrong places.
func (in MirrorIn) Check() error {
	to := in.target()
	wrong := append(in.wrong(), copyTo{in.ToUser, in.ToSite, in.ToLibrary}.wrong()...)
	for _, f := range (FolderIn{Folder: to.Folder, FolderPath: to.FolderPath}).wrong() {
		f.Name = "to_" + f.Name
		wrong = append(wrong, f)
	}
	if in.RemoveMany && !in.Remove {
		wrong = append(wrong, fault.Field{Name: "remove_many", Message: "says nothing without remove"})
	}
	return fault.OfFields(wrong)
}

func (in MirrorIn) target() FolderIn {
	return FolderIn{copyTo{in.ToUser, in.ToSite, in.ToLibrary}.or(in.Of), in.ToFolder, in.ToFolderPath}
}

// Mirrored is what a mirroring did.
type Mirrored struct {
	Same     int   `json:"same" doc:"Files that were alike already"`
	Copied   int   `json:"copied" doc:"Files and whole folders that the mirror lacked"`
	Replaced int   `json:"replaced" doc:"Files whose content differed"`
	Removed  int   `json:"removed" doc:"Entries put into the mirror's recycle bin"`
	Kept     int   `json:"kept" doc:"Entries that only the mirror has, and keeps"`
	Bytes    int64 `json:"bytes" doc:"Size of what was copied and replaced"`
}

func mirrorActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.folder.mirror", Summary: "Make a folder look like another one, copying inside Microsoft 365 what differs; one that broke off is simply run again.", Effect: action.Deletes,
			Operations: []m365.OperationKey{readAt, readItem, readRoot, listRoot, listFolder, makeCopy, deleteItem}, Capability: m365.OneDrive, Repeatable: true}, mirror),
	}
}

// mirror reads both sides, says no before it changes anything, and then makes them alike step by step. Each step is one that a repetition
// finds done, so it may break off anywhere.
func mirror(ctx context.Context, c action.Call, in MirrorIn) (Mirrored, error) {
	p, err := plan(ctx, c, in)
	if err != nil {
		return Mirrored{}, err
	}
	if err := p.brake(in); err != nil {
		return Mirrored{}, err
	}
	return p.carryOut(ctx, c)
}

// mirroring is what there is to do.
type mirroring struct {
	from, to drive
	remove   bool
	steps    []mirrorStep
	looked   int // entries of the mirror
	out      Mirrored
}

// mirrorStep is one entry to copy or to remove.
type mirrorStep struct {
	path     string          // for people
	item     graph.DriveItem // of the original, or to remove
	folder   string          // of the mirror, to copy into
	drive    string
	removes  bool
	replaces bool
}

func plan(ctx context.Context, c action.Call, in MirrorIn) (*mirroring, error) {
	from, err := in.in(ctx, c)
	if err != nil {
		return nil, err
	}
	to, err := in.target().in(ctx, c)
	if err != nil {
		return nil, err
	}
	m := &mirroring{from: from, to: to, remove: in.Remove}
	original, err := m.from.folder(ctx, in.FolderIn)
	if err != nil {
		return nil, err
	}
	copied, err := m.to.folder(ctx, in.target())
	if err != nil {
		return nil, err
	}
	if err := m.apart(ctx, original, copied); err != nil {
		return nil, err
	}
	return m, m.compare(ctx, c, "", original, copied)
}

// folder reads a folder by its id, its path, or as the topmost one.
func (d drive) folder(ctx context.Context, in FolderIn) (graph.DriveItem, error) {
	f, err := graph.Get[graph.DriveItem](ctx, d.Graph, ItemIn{in.Of, in.Folder, in.FolderPath}.path(d), graph.Select("id", "name", "folder", "root", "parentReference"))
	if err == nil && f.Folder == nil && f.Root == nil {
		err = &fault.Error{Kind: fault.Invalid, Code: "no_folder", Message: f.Name + " is no folder", Fix: "Name a folder", Who: "you"}
	}
	return f, err
}

// apart refuses a mirror inside its original, and the other way around: it would grow for ever, or remove what it mirrors.
func (m *mirroring) apart(ctx context.Context, original, copied graph.DriveItem) error {
	for _, way := range []struct {
		d            drive
		inner, outer graph.DriveItem
	}{{m.to, copied, original}, {m.from, original, copied}} {
		for at := way.inner; ; {
			if at.ID == way.outer.ID {
				return &fault.Error{Kind: fault.Invalid, Code: "mirror_inside", Message: "One of the two folders lies in the other, or they are the same", Fix: "Choose folders of which neither holds the other", Who: "you"}
			}
			if at.ParentReference.ID == "" {
				break
			}
			var err error
			if at, err = graph.Get[graph.DriveItem](ctx, way.d.Graph, way.d.DriveItem(at.ParentReference.ID), graph.Select("id", "parentReference")); err != nil {
				return err
			}
		}
	}
	return nil
}

// compare finds what differs in two folders and below.
func (m *mirroring) compare(ctx context.Context, c action.Call, path string, original, copied graph.DriveItem) error {
	wanted, err := m.from.entries(ctx, original.ID)
	if err != nil {
		return err
	}
	there, err := m.to.entries(ctx, copied.ID)
	if err != nil {
		return err
	}
	m.looked += len(there)
	c.Progress(ctx, int64(m.looked), int64(m.looked), "entries compared")
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		item := wanted[key]
		step := mirrorStep{path: path + item.Name, item: item, folder: copied.ID, drive: copied.ParentReference.DriveID}
		old, found := there[key]
		delete(there, key)
		switch {
		case !found:
			m.steps = append(m.steps, step)
		case item.Folder != nil && old.Folder != nil:
			err = m.compare(ctx, c, step.path+"/", item, old)
		case item.Folder != nil || old.Folder != nil || item.Package != nil || old.Package != nil:
			err = m.instead(step, old)
		case alike(item, old):
			m.out.Same++
		default:
			step.replaces = true
			m.steps = append(m.steps, step)
		}
		if err != nil {
			return err
		}
	}
	m.surplus(path, there)
	return nil
}

// instead has something of another kind make way, if anything may be removed.
func (m *mirroring) instead(step mirrorStep, old graph.DriveItem) error {
	if !m.remove {
		return &fault.Error{Kind: fault.Conflict, Code: "other_kind", Message: step.path + " is a folder on one side and none on the other",
			Fix: "Rename one of them, or say remove, and what the mirror has goes into the recycle bin", Who: "you"}
	}
	m.steps = append(m.steps, mirrorStep{path: step.path, item: old, removes: true}, step)
	return nil
}

// surplus is what only the mirror has.
func (m *mirroring) surplus(path string, there map[string]graph.DriveItem) {
	for _, key := range slices.Sorted(maps.Keys(there)) {
		if !m.remove {
			m.out.Kept++
			continue
		}
		m.steps = append(m.steps, mirrorStep{path: path + there[key].Name, item: there[key], removes: true})
	}
}

// entries are a folder's, by the name as OneDrive tells names apart: without regard to case.
func (d drive) entries(ctx context.Context, folder string) (map[string]graph.DriveItem, error) {
	out := map[string]graph.DriveItem{}
	for item, err := range graph.List[graph.DriveItem](ctx, d.Graph, d.DriveItem(folder).Sub("children"), mirrorFields, graph.Top(childPage)) {
		if err != nil {
			return nil, err
		}
		out[strings.ToLower(item.Name)] = item
	}
	return out, nil
}

var mirrorFields = graph.Select("id", "name", "size", "file", "folder", "package", "parentReference")

// alike says that two files have the same content. Where Microsoft tells no hash it is not known, and a copy settles it.
func alike(a, b graph.DriveItem) bool {
	return a.Size == b.Size && a.File != nil && b.File != nil && a.File.Hashes.QuickXor != "" && a.File.Hashes.QuickXor == b.File.Hashes.QuickXor
}

// A mirror that would lose more than this is most likely one of a folder that somebody emptied, or of the wrong one.
const (
	removedAtMost = 10
	removedShare  = 5 // a fifth
)

// brake stops a mirroring that would remove a great part of what is there.
func (m *mirroring) brake(in MirrorIn) error {
	n := 0
	for _, s := range m.steps {
		if s.removes {
			n++
		}
	}
	if n <= max(removedAtMost, m.looked/removedShare) || in.RemoveMany {
		return nil
	}
	return &fault.Error{Kind: fault.Conflict, Code: "removes_many", Message: fmt.Sprintf("The mirror would lose %d of %d entries; nothing was changed", n, m.looked), Cause: "The original was emptied, or another folder is meant",
		Fix: "Look at both folders, and say remove_many if it is right", Who: "you"}
}
