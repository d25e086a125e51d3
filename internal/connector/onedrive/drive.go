package onedrive

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Drive is a OneDrive and how full it is.
type Drive struct {
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
	Type      string `json:"type" doc:"business, personal or documentLibrary"`
	Owner     string `json:"owner,omitempty" doc:"Name of whose it is"`
	WebURL    string `json:"web_url,omitempty"`
	Total     int64  `json:"total" doc:"Bytes that fit"`
	Used      int64  `json:"used" doc:"Bytes that are taken"`
	Remaining int64  `json:"remaining" doc:"Bytes that are free"`
	State     string `json:"state,omitempty" doc:"normal, nearing, critical or exceeded"`
}

// OwnerIn says whose drives are meant.
type OwnerIn struct {
	User string `json:"user,omitempty" doc:"Owner of the drives by address or id; the signed-in person without"`
}

// DriveIn names one drive.
type DriveIn struct{ Of }

// Check finds a wrong drive.
func (in DriveIn) Check() error { return fault.OfFields(in.wrong()) }

// DriveList is the drives of one person.
type DriveList struct {
	Drives []Drive `json:"drives"`
}

var driveFields = graph.Select("id", "name", "driveType", "webUrl", "owner", "quota")

func driveOf(d graph.Drive) Drive {
	return Drive{ID: d.ID, Name: d.Name, Type: d.DriveType, Owner: nameOf(d.Owner), WebURL: d.WebURL, Total: d.Quota.Total, Used: d.Quota.Used, Remaining: d.Quota.Remaining, State: d.Quota.State}
}

func driveActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.list", Summary: "List the drives of a person.", Effect: action.Reads,
			Operations: []m365.OperationKey{listDrives}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in OwnerIn) (DriveList, error) {
				out := DriveList{Drives: []Drive{}}
				box, err := place.Of(c, in.User)
				if err != nil {
					return out, err
				}
				for d, err := range graph.List[graph.Drive](ctx, box.Graph, box.Drives(), driveFields) {
					if err != nil {
						return out, err
					}
					out.Drives = append(out.Drives, driveOf(d))
				}
				return out, nil
			}),
		action.Define(action.Spec{Name: "drive.get", Summary: "Read a person's OneDrive or a site's library: how much fits into it, and how full it is.", Effect: action.Reads,
			Operations: []m365.OperationKey{readDrive}, Capability: m365.OneDrive},
			func(ctx context.Context, c action.Call, in DriveIn) (Drive, error) {
				box, err := in.in(ctx, c)
				if err != nil {
					return Drive{}, err
				}
				d, err := graph.Get[graph.Drive](ctx, box.Graph, box.Path, driveFields)
				return driveOf(d), err
			}),
	}
}
