package calendar

import (
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Group is a group of calendars, as Outlook shows them together.
type Group struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	IsDefault bool   `json:"is_default" doc:"One of those that every mailbox has, and that stay"`
}

// GroupList is the calendar groups of a mailbox.
type GroupList struct {
	Groups []Group `json:"groups"`
}

// GroupCreateIn is a new group.
type GroupCreateIn struct {
	place.Mailbox
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"Name, of which there is none in the mailbox yet"`
}

// GroupIn names one group.
type GroupIn struct {
	place.Mailbox
	Group string `json:"group" minLength:"1" doc:"Calendar group by id"`
}

// GroupRenameIn is another name for a group.
type GroupRenameIn struct {
	GroupIn
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"New name"`
}

// defaultGroups are the classes of My Calendars, Other Calendars and People's Calendars, the same in every mailbox
// (microsoft-graph-docs-contrib, issue 7269).
var defaultGroups = []string{"0006f0b7-0000-0000-c000-000000000046", "0006f0b8-0000-0000-c000-000000000046", "0006f0b9-0000-0000-c000-000000000046"}

func groupOf(g graph.CalendarGroup) Group {
	return Group{g.ID, g.Name, slices.Contains(defaultGroups, g.ClassID)}
}

func groupActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.group.list", Summary: "List the calendar groups of a mailbox.", Effect: action.Reads,
			Operations: []m365.OperationKey{listGroups}, Capability: m365.Calendar},
			func(ctx context.Context, c action.Call, in place.Mailbox) (GroupList, error) {
				box, err := in.In(c)
				if err != nil {
					return GroupList{}, err
				}
				list, err := groupsOf(ctx, box)
				return GroupList{list}, err
			}),
		once.Define(action.Spec{Name: "calendar.group.create", Summary: "Make a calendar group.", Effect: action.Writes,
			Operations: []m365.OperationKey{listGroups, createGroup}, Capability: m365.Calendar, Args: []string{"name"}}, GroupCreateIn.addition),
		action.Define(action.Spec{Name: "calendar.group.rename", Summary: "Rename a calendar group.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeGroup}, Capability: m365.Calendar, Args: []string{"group", "name"}},
			func(ctx context.Context, c action.Call, in GroupRenameIn) (Group, error) {
				box, err := in.In(c)
				if err != nil {
					return Group{}, err
				}
				g, err := graph.Patch[graph.CalendarGroup](ctx, box.Graph, box.CalendarGroup(in.Group), graph.CalendarGroupChange{Name: in.Name}, graph.Idempotent())
				return groupOf(g), err
			}),
		action.Define(action.Spec{Name: "calendar.group.delete", Summary: "Delete an empty calendar group; the default ones stay.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{readGroup, listInGroup, deleteGroup}, Capability: m365.Calendar, Args: []string{"group"}}, removeGroup),
	}
}

func groupsOf(ctx context.Context, box place.Place, opts ...graph.Option) ([]Group, error) {
	out := []Group{}
	for g, err := range graph.List[graph.CalendarGroup](ctx, box.Graph, box.CalendarGroups(), append(opts, graph.Top(100))...) {
		if err != nil {
			return out, err
		}
		out = append(out, groupOf(g))
	}
	return out, nil
}

// addition is the way of a group that is made once: groups have no place for a mark.
func (in GroupCreateIn) addition(_ context.Context, c action.Call) (once.Addition[Group], error) {
	box, err := in.In(c)
	return once.Addition[Group]{
		List: func(ctx context.Context, proof graph.Option) ([]Group, error) { return groupsOf(ctx, box, proof) },
		ID:   func(g Group) string { return g.ID },
		Is:   func(g Group) bool { return g.Name == in.Name },
		Make: func(ctx context.Context) (Group, error) {
			g, err := graph.Post[graph.CalendarGroup](ctx, box.Graph, box.CalendarGroups(), graph.CalendarGroupChange{Name: in.Name})
			return groupOf(g), err
		},
	}, err
}

// removeGroup deletes an empty group alone: what becomes of the calendars of another is on no page.
func removeGroup(ctx context.Context, c action.Call, in GroupIn) (Deleted, error) {
	box, err := in.In(c)
	if err != nil {
		return Deleted{}, err
	}
	path := box.CalendarGroup(in.Group)
	g, err := graph.Get[graph.CalendarGroup](ctx, box.Graph, path)
	if err != nil {
		return Deleted{}, err
	}
	if groupOf(g).IsDefault {
		return Deleted{}, &fault.Error{Kind: fault.Conflict, Code: "default_calendar_group", Message: "This calendar group is one that every mailbox has; it cannot be deleted", Fix: "Name another group", Who: "you"}
	}
	_, full, err := once.First[graph.Calendar](ctx, box.Graph, path.Sub("calendars"), graph.Select("id"), graph.Top(1))
	if err == nil && full {
		err = &fault.Error{Kind: fault.Conflict, Code: "calendar_group_not_empty", Message: "There are calendars in this group; Microsoft does not say what would become of them",
			Fix: "Delete them first with calendar.calendar.delete, or move them in Outlook", Who: "you"}
	}
	if err != nil {
		return Deleted{}, err
	}
	return Deleted{in.Group}, graph.Delete(ctx, box.Graph, path)
}
