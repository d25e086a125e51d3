package calendar

import (
	"context"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ListIn asks for calendars.
type ListIn struct {
	place.Mailbox
	Group string `json:"group,omitempty" doc:"Those of one calendar group, by its id; all of the mailbox without"`
}

// List is the calendars of a mailbox.
type List struct {
	Calendars []Calendar `json:"calendars"`
}

// Calendar is one calendar.
type Calendar struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Color     string `json:"color,omitempty"`
	Owner     Person `json:"owner,omitzero"`
	IsDefault bool   `json:"is_default"`
	CanEdit   bool   `json:"can_edit"`
	CanShare  bool   `json:"can_share"`
}

var calendarFields = graph.Select("id", "name", "color", "owner", "isDefaultCalendar", "canEdit", "canShare")

func calendarOf(k graph.Calendar) Calendar {
	return Calendar{k.ID, k.Name, k.Color, Person(k.Owner), k.IsDefaultCalendar, k.CanEdit, k.CanShare}
}

// NewIn is a new calendar.
type NewIn struct {
	place.Mailbox
	Name  string  `json:"name" minLength:"1" maxLength:"255" doc:"Name, of which there is none in the mailbox yet"`
	Color *string `json:"color,omitempty" enum:"auto,lightBlue,lightGreen,lightOrange,lightGray,lightYellow,lightTeal,lightPink,lightBrown,lightRed,maxColor" doc:"Colour theme; Outlook chooses without"`
	Group string  `json:"group,omitempty" doc:"Calendar group by id to put it into; the default one without"`
}

// OneIn names one calendar.
type OneIn struct {
	place.Mailbox
	Calendar string `json:"calendar" minLength:"1" doc:"Calendar by id"`
}

// RecolorIn changes a calendar. What is left out stays.
type RecolorIn struct {
	place.Mailbox
	Calendar string  `json:"calendar,omitempty" doc:"Calendar by id; the default one without"`
	Name     *string `json:"name,omitempty" minLength:"1" maxLength:"255" doc:"New name"`
	Color    *string `json:"color,omitempty" enum:"auto,lightBlue,lightGreen,lightOrange,lightGray,lightYellow,lightTeal,lightPink,lightBrown,lightRed,maxColor" doc:"New colour theme"`
}

// Check wants something to change.
func (in RecolorIn) Check() error {
	if in.Name == nil && in.Color == nil {
		return fault.BadField("name", "is missing: give name, color or both")
	}
	return nil
}

func calendarActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.calendar.list", Summary: "List the calendars of a mailbox, or of one calendar group.", Effect: action.Reads,
			Operations: []m365.OperationKey{listCalendars, listInGroup}, Capability: m365.Calendar}, calendarsOf),
		once.Define(action.Spec{Name: "calendar.calendar.create", Summary: "Make a calendar.", Effect: action.Writes,
			Operations: []m365.OperationKey{listCalendars, createCalendar, createInGroup}, Capability: m365.Calendar, Args: []string{"name"}}, NewIn.creation),
		action.Define(action.Spec{Name: "calendar.calendar.update", Summary: "Give a calendar another name or colour.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeCalendar, changeDefault}, Capability: m365.Calendar},
			func(ctx context.Context, c action.Call, in RecolorIn) (Calendar, error) {
				box, err := in.In(c)
				if err != nil {
					return Calendar{}, err
				}
				k, err := graph.Patch[graph.Calendar](ctx, box.Graph, box.Calendar(in.Calendar), graph.CalendarChange{Name: in.Name, Color: in.Color}, graph.Idempotent())
				return calendarOf(k), err
			}),
		action.Define(action.Spec{Name: "calendar.calendar.delete", Summary: "Delete a calendar with all its events; the default one stays.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{readCalendar, deleteCalendar}, Capability: m365.Calendar, Args: []string{"calendar"}}, removeCalendar),
	}
}

func calendarsOf(ctx context.Context, c action.Call, in ListIn) (List, error) {
	out := List{Calendars: []Calendar{}}
	box, err := in.In(c)
	if err != nil {
		return out, err
	}
	for k, err := range graph.List[graph.Calendar](ctx, box.Graph, calendarsIn(box, in.Group), calendarFields, graph.Top(100)) {
		if err != nil {
			return out, err
		}
		out.Calendars = append(out.Calendars, calendarOf(k))
	}
	return out, nil
}

// calendarsIn is where the calendars of a group are; without one, all of the mailbox.
func calendarsIn(box place.Place, group string) graph.Path {
	if group == "" {
		return box.Calendars()
	}
	return box.CalendarGroup(group).Sub("calendars")
}

// creation is the way of a calendar that is made once. It is looked for in the whole mailbox, as the filter on its mark is
// (singlevaluelegacyextendedproperty-get.md).
func (in NewIn) creation(_ context.Context, c action.Call) (once.Creation[Calendar], error) {
	box, err := in.In(c)
	mark := once.Mark(c)
	return once.Creation[Calendar]{
		Find: func(ctx context.Context, proof graph.Option) (Calendar, bool, error) {
			k, found, err := once.First[graph.Calendar](ctx, box.Graph, box.Calendars(), once.Marked(mark), calendarFields, proof)
			return calendarOf(k), found, err
		},
		Make: func(ctx context.Context) (Calendar, error) {
			k, err := graph.Post[graph.Calendar](ctx, box.Graph, calendarsIn(box, in.Group), graph.CalendarChange{Name: &in.Name, Color: in.Color, ExtendedProperties: once.Marking(mark)})
			return calendarOf(k), err
		},
	}, err
}

// removeCalendar looks first: Microsoft's own refusal does not say what the calendar is.
func removeCalendar(ctx context.Context, c action.Call, in OneIn) (Deleted, error) {
	box, err := in.In(c)
	if err != nil {
		return Deleted{}, err
	}
	k, err := graph.Get[graph.Calendar](ctx, box.Graph, box.Calendar(in.Calendar), calendarFields)
	if err == nil && k.IsDefaultCalendar {
		err = &fault.Error{Kind: fault.Conflict, Code: "default_calendar", Message: "This is the mailbox's default calendar, which cannot be deleted",
			Fix: "Delete its events one by one, or name another calendar", Who: "you"}
	}
	if err != nil {
		return Deleted{}, err
	}
	return Deleted{in.Calendar}, graph.Delete(ctx, box.Graph, box.Calendar(in.Calendar))
}
