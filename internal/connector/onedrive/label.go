package onedrive

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Label is a sensitivity label of a file. Graph gives no name with it.
type Label struct {
	ID     string `json:"id" doc:"Label by id, as the compliance portal has it"`
	How    string `json:"how,omitempty" doc:"How it came to the file: standard, by a person; privileged, or auto, by a rule"`
	Tenant string `json:"tenant,omitempty" doc:"Tenant that the label belongs to"`
}

// LabelList are the labels of a file, at most one of each tenant.
type LabelList struct {
	Labels []Label `json:"labels"`
}

// labelActions read labels. Giving one is a metered API behind an application of its own (driveitem-assignsensitivitylabel.md).
func labelActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "drive.label.list", Summary: "List the sensitivity labels of a file.", Effect: action.Reads,
			Operations: []m365.OperationKey{readAt, extractLabels}, Capability: m365.OneDrive}, labelsOf),
	}
}

// labelsOf asks with a POST that changes nothing of the file's: Microsoft brings its own note of the labels up to date.
func labelsOf(ctx context.Context, c action.Call, in ItemIn) (LabelList, error) {
	out := LabelList{Labels: []Label{}}
	box, id, err := in.at(ctx, c)
	if err != nil {
		return out, err
	}
	got, err := graph.Post[graph.ExtractedLabels](ctx, box.Graph, box.DriveItem(id).Sub("extractSensitivityLabels"), nil, graph.Idempotent())
	for _, l := range append(got.Labels, got.Value.Labels...) {
		out.Labels = append(out.Labels, Label{l.Label, l.Method, l.TenantID})
	}
	return out, err
}
