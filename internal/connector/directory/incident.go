package directory

import (
	"context"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

const listIssues m365.OperationKey = "GET /admin/serviceAnnouncement/issues"

func incidentActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "directory.incident.list", Summary: "List what Microsoft tells the tenant about troubles of its services.", Effect: action.Reads,
			Operations: []m365.OperationKey{listIssues}, Capability: m365.Directory}, incidentsOf),
	}
}

// IncidentsIn asks for incidents.
type IncidentsIn struct {
	Open  bool `json:"open,omitempty" doc:"Only those that are not resolved"`
	Limit int  `json:"limit,omitempty" minimum:"1" maximum:"500" doc:"At most so many, the newest; 50 without"`
}

// Incidents is a list of them, newest first.
type Incidents struct {
	Incidents []Incident `json:"incidents"`
}

// Incident is a trouble of one of Microsoft's services, as Microsoft describes it to this tenant.
type Incident struct {
	ID             string    `json:"id" doc:"Microsoft's number, as its support knows it"`
	Title          string    `json:"title"`
	Service        string    `json:"service"`
	Feature        string    `json:"feature,omitempty"`
	Impact         string    `json:"impact,omitempty"`
	Classification string    `json:"classification" doc:"advisory or incident"`
	Status         string    `json:"status" doc:"Microsoft's word, such as investigating or serviceRestored"`
	Resolved       bool      `json:"resolved"`
	Start          time.Time `json:"start"`
	End            time.Time `json:"end,omitzero"`
	UpdatedAt      time.Time `json:"updated_at"`
}

// incidentsOf reads all there are, which Microsoft keeps for 30 days, as it documents no order and no filter by state
// (serviceannouncement-list-issues.md names $filter without its fields).
func incidentsOf(ctx context.Context, c action.Call, in IncidentsIn) (Incidents, error) {
	out := Incidents{Incidents: []Incident{}}
	for i, err := range graph.List[graph.ServiceIssue](ctx, c.Bound.Graph, graph.At("admin", "serviceAnnouncement", "issues")) {
		if err != nil {
			return Incidents{}, err
		}
		if in.Open && i.IsResolved {
			continue
		}
		out.Incidents = append(out.Incidents, Incident{ID: i.ID, Title: i.Title, Service: i.Service, Feature: i.Feature, Impact: i.ImpactDescription, Classification: i.Classification,
			Status: i.Status, Resolved: i.IsResolved, Start: i.StartDateTime, End: i.EndDateTime, UpdatedAt: i.LastModifiedDateTime})
	}
	slices.SortStableFunc(out.Incidents, func(a, b Incident) int { return b.Start.Compare(a.Start) })
	limit := in.Limit
	if limit == 0 {
		limit = 50
	}
	out.Incidents = out.Incidents[:min(limit, len(out.Incidents))]
	return out, nil
}
