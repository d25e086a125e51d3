package onedrive

import (
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Version is what a file was at a time; the newest is what it is.
type Version struct {
	ID         string    `json:"id"`
	Size       int64     `json:"size"`
	Modified   time.Time `json:"modified,omitzero"`
	ModifiedBy string    `json:"modified_by,omitempty" doc:"Name of the person or app"`
}

// VersionList is a file's versions, the newest first.
type VersionList struct {
	Versions []Version `json:"versions"`
}

// RestoreIn names a version to come back.
type RestoreIn struct {
	ItemIn
	Version string `json:"version" minLength:"1" doc:"Version by id"`
}

// Restored names what came back.
type Restored struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

func versionActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.version.list", Summary: "List the versions of a file.", Effect: action.Reads,
			Operations: []m365.OperationKey{readAt, listVersions}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in ItemIn) (VersionList, error) {
				out := VersionList{Versions: []Version{}}
				box, id, err := in.at(ctx, c)
				if err != nil {
					return out, err
				}
				for v, err := range graph.List[graph.DriveItemVersion](ctx, box.Graph, box.DriveItem(id).Sub("versions")) {
					if err != nil {
						return out, err
					}
					out.Versions = append(out.Versions, Version{v.ID, v.Size, v.LastModifiedDateTime, nameOf(v.LastModifiedBy)})
				}
				return out, nil
			}),
		action.Define(action.Spec{Name: "drive.version.restore", Summary: "Make an earlier version the newest one again.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{readAt, readItem, restoreVersion}, Capability: m365.OneDrive}, restore),
	}
}

// restore may be sent twice: another version with the same content is all that comes of it.
func restore(ctx context.Context, c action.Call, in RestoreIn) (Restored, error) {
	p, err := pinned(ctx, c, in.pin)
	if err != nil {
		return Restored{}, err
	}
	box, err := in.in(ctx, c)
	if err != nil {
		return Restored{}, err
	}
	err = graph.Call(ctx, box.Graph, box.DriveItem(p.Item).Sub("versions").Item("driveItemVersion-id", in.Version).Sub("restoreVersion"), nil, graph.Idempotent())
	return Restored{p.Item, in.Version}, box.explained(ctx, p.Item, err)
}
