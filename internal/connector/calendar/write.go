package calendar

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/mail"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/connector/internal/recurrence"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Invitee is somebody to invite. Inviting sends a mail.
type Invitee struct {
	Address string `json:"address" doc:"ada@contoso.example, or Ada Lovelace <ada@contoso.example>"`
	Type    string `json:"type,omitempty" enum:"required,optional,resource" doc:"required without"`
}

// Details are what a new event may have and a change may touch. In a change null takes away what is there.
type Details struct {
	TimeZone        string                           `json:"time_zone,omitempty" doc:"Zone that the event is kept in: IANA or Windows name; UTC without. Whole days and series follow its clock"`
	AllDay          *bool                            `json:"all_day,omitempty" doc:"Whole days: start and end are midnights in time_zone, or when its clocks are put forward over that"`
	Body            action.Nullable[string]          `json:"body,omitzero" maxLength:"500000" doc:"Body; null empties it. An online meeting lives in its body: keep what Teams wrote there"`
	BodyType        string                           `json:"body_type,omitempty" enum:"text,html" doc:"Form of the body; text without"`
	Location        action.Nullable[string]          `json:"location,omitzero" maxLength:"255" doc:"Where; null takes it away"`
	Attendees       action.Nullable[[]Invitee]       `json:"attendees,omitzero" maxItems:"500" doc:"Whom to invite, the whole list: each gets a mail from Microsoft. An empty list or null uninvites all"`
	Recurrence      action.Nullable[recurrence.Rule] `json:"recurrence,omitzero" doc:"How it repeats; null makes one event of a series"`
	ShowAs          *string                          `json:"show_as,omitempty" enum:"free,tentative,busy,oof,workingElsewhere" doc:"How the time shows to others"`
	Importance      *string                          `json:"importance,omitempty" enum:"low,normal,high" doc:"Importance"`
	Sensitivity     *string                          `json:"sensitivity,omitempty" enum:"normal,personal,private,confidential" doc:"Sensitivity"`
	Categories      action.Nullable[[]string]        `json:"categories,omitzero" maxItems:"25" doc:"Categories, the whole list; an empty list or null clears it"`
	ReminderMinutes action.Nullable[int]             `json:"reminder_minutes,omitzero" minimum:"-1" maximum:"20160" doc:"Minutes before the start; null or -1 for no reminder"`
	AsksForAnswers  *bool                            `json:"asks_for_answers,omitempty" doc:"Whether whoever is invited is asked for an answer; Microsoft's own is yes"`
	AllowsProposals *bool                            `json:"allows_proposals,omitempty" doc:"Whether whoever is invited may propose another time; Microsoft's own is yes"`
	OnlineMeeting   bool                             `json:"online_meeting,omitempty" doc:"With a Teams meeting; that cannot be undone"`
}

// CreateIn is a new event.
type CreateIn struct {
	place.Mailbox
	Calendar string    `json:"calendar,omitempty" doc:"Calendar by id; the default one without"`
	Subject  string    `json:"subject" minLength:"1" maxLength:"255" doc:"Subject"`
	Start    time.Time `json:"start" doc:"When it begins"`
	End      time.Time `json:"end" doc:"When it ends"`
	// Reference goes with the event wherever Exchange moves it, and nobody but programs sees it.
	Reference string `json:"reference,omitempty" minLength:"1" maxLength:"200" doc:"Your own name for the event, by which calendar.event.find finds it"`
	Details
}

// Check names every field that cannot be, before anything is asked of Microsoft.
func (in CreateIn) Check() error {
	return fault.OfFields(append(in.wrongPeople(), in.wrongTimes(in.Start, in.End)...))
}

func (d Details) wrongPeople() []fault.Field {
	var wrong []fault.Field
	for i, a := range d.Attendees.Or(nil) {
		wrong = append(wrong, wrongPerson(fmt.Sprintf("attendees[%d].address", i), a.Address)...)
	}
	return wrong
}

func wrongPerson(field, text string) []fault.Field {
	if _, err := mail.ParseAddress(text); err != nil {
		return []fault.Field{{Name: field, Message: "is not an address like ada@contoso.example"}}
	}
	return nil
}

func (d Details) wrongTimes(start, end time.Time) []fault.Field {
	z, known := findZone(d.TimeZone)
	if !known {
		return append(wrongWindow(start, end), noZone("time_zone"))
	}
	wrong := wrongWindow(start, end)
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"start", start}, {"end", end}} {
		switch {
		case d.wholeDays() && !z.begins(t.at):
			wrong = append(wrong, fault.Field{Name: t.name, Message: "of a whole day must be midnight in time_zone"})
		case !d.wholeDays() && !z.tells(t.at):
			wrong = append(wrong, fault.Field{Name: t.name, Message: "lies in the hour that comes twice when the clocks go back: give it in UTC, without time_zone"})
		}
	}
	if r := d.Recurrence.Value(); r != nil {
		wrong = append(wrong, r.Wrong(start, z.Location)...)
	}
	return wrong
}

func (d Details) wholeDays() bool { return d.AllDay != nil && *d.AllDay }

// change writes the details; times are added where they are given. What is cleared is written as Graph's own empty value, except for a
// recurrence, whose null is documented (event-update.md).
func (d Details) change() graph.EventChange {
	e := graph.EventChange{ShowAs: d.ShowAs, Importance: d.Importance, Sensitivity: d.Sensitivity, IsAllDay: d.AllDay, ResponseRequested: d.AsksForAnswers, AllowNewTimeProposals: d.AllowsProposals}
	if !d.Body.IsZero() {
		kind := d.BodyType
		if kind == "" {
			kind = "text"
		}
		e.Body = &graph.ItemBody{ContentType: kind, Content: d.Body.Or("")}
	}
	if !d.Location.IsZero() {
		e.Location = &graph.Location{DisplayName: d.Location.Or("")}
	}
	if !d.Attendees.IsZero() {
		e.Attendees = invited(d.Attendees.Or(nil))
	}
	if !d.Categories.IsZero() {
		e.Categories = d.Categories.Or([]string{})
	}
	if !d.ReminderMinutes.IsZero() {
		minutes := d.ReminderMinutes.Or(-1)
		on := minutes >= 0
		e.IsReminderOn = &on
		if on {
			e.ReminderMinutes = &minutes
		}
	}
	if !d.Recurrence.IsZero() {
		e.Recurrence = new(*graph.Recurrence) // null, until times fills it
	}
	if d.OnlineMeeting {
		provider := "teamsForBusiness"
		e.IsOnlineMeeting, e.OnlineMeetingProvider = &d.OnlineMeeting, &provider
	}
	return e
}

func invited(list []Invitee) []graph.Attendee {
	out := make([]graph.Attendee, 0, len(list))
	for _, i := range list {
		a, err := mail.ParseAddress(i.Address)
		if err != nil {
			continue // Check refused it
		}
		kind := i.Type
		if kind == "" {
			kind = "required"
		}
		out = append(out, graph.Attendee{EmailAddress: graph.EmailAddress{Name: a.Name, Address: a.Address}, Type: kind})
	}
	return out
}

func (d Details) times(e *graph.EventChange, start, end time.Time) {
	z, _ := findZone(d.TimeZone)
	e.Start, e.End = z.at(start), z.at(end)
	if d.wholeDays() {
		e.Start, e.End = z.date(start), z.date(end)
	}
	if r := d.Recurrence.Value(); r != nil {
		pattern := r.Pattern(start, z.Location, z.name)
		e.Recurrence = &pattern
	}
}

func writeActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.event.create", Summary: "Put one event into a mailbox's calendar; attendees are invited by mail.", Effect: action.Writes, Repeatable: true, Late: true,
			Operations: []m365.OperationKey{createEvent, createIn, listEvents}, Capability: m365.Calendar}, create),
		action.Define(action.Spec{Name: "calendar.event.update", Summary: "Change an event: a single one, one occurrence, or a whole series; attendees are told by mail.", Effect: action.Writes,
			Operations: []m365.OperationKey{changeEvent, readEvent}, Capability: m365.Calendar, Args: []string{"event"}}, update, action.WithReconcile(updated)),
		action.Define(action.Spec{Name: "calendar.event.delete", Summary: "Delete an event: a single one, one occurrence, or a whole series; an organizer's deletion cancels it for the attendees.", Effect: action.Deletes, Repeatable: true, Late: true,
			Operations: []m365.OperationKey{deleteEvent}, Capability: m365.Calendar, Args: []string{"event"}}, remove),
	}
}

// transaction is what Microsoft knows a new event by: POST with the same one makes no second event (graph/FACTS §8). It follows from the
// idempotency key, so it is the same after a restart, and it looks like the GUID that clients usually send.
func transaction(c action.Call) string {
	sum := sha256.Sum256([]byte(c.Connection.ID + "\n" + c.Key))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func create(ctx context.Context, c action.Call, in CreateIn) (Event, error) {
	box, err := in.In(c)
	if err != nil {
		return Event{}, err
	}
	id := transaction(c)
	e := in.change()
	e.Subject, e.TransactionID, e.ExtendedProperties = &in.Subject, &id, once.Marking(id)
	if in.Reference != "" {
		e.ExtendedProperties = append(e.ExtendedProperties, once.Refer(in.Reference))
	}
	in.times(&e, in.Start, in.End)
	path := box.Events()
	if in.Calendar != "" {
		path = box.Calendar(in.Calendar).Sub("events")
	}
	z, _ := findZone(in.TimeZone)
	made, err := graph.Post[graph.Event](ctx, box.Graph, path, e, graph.Idempotent())
	if fault.KindOf(err) == fault.Conflict {
		// Some answer the repeated POST with the event, some with a conflict; either way it is there once.
		made, err = marked(ctx, box.Graph, path, id, err)
	}
	return eventOf(made, z), err
}

// marked finds the event with a transaction id; without one, otherwise tells why.
func marked(ctx context.Context, g *graph.Client, events graph.Path, id string, otherwise error) (graph.Event, error) {
	found, err := graph.Get[struct{ Value []graph.Event }](ctx, g, events, once.Marked(id), graph.Select(eventFields...))
	if err != nil || len(found.Value) == 0 {
		return graph.Event{}, otherwise
	}
	return found.Value[0], nil
}

// DeleteIn deletes an event.
type DeleteIn struct {
	EventIn
	Version
}

// Check finds a version that is none.
func (in DeleteIn) Check() error { return fault.OfFields(in.wrong()) }

// Deleted names what is gone.
type Deleted struct {
	ID string `json:"id"`
}

func remove(ctx context.Context, c action.Call, in DeleteIn) (Deleted, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Deleted{}, err
	}
	return Deleted{in.Event}, in.refused(graph.Delete(ctx, box.Graph, path, in.options()...))
}
