package calendar

import (
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/connector/internal/recurrence"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Person is a name with an address.
type Person struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// Attendee is somebody invited, with the answer.
type Attendee struct {
	Person
	Type          string    `json:"type"`               // required, optional, resource
	Response      string    `json:"response,omitempty"` // none, accepted, tentativelyAccepted, declined, notResponded, organizer
	ProposedStart time.Time `json:"proposed_start,omitzero" doc:"Another time that they propose; to take it, change the event"`
	ProposedEnd   time.Time `json:"proposed_end,omitzero"`
}

// Summary is what a list shows of an event.
type Summary struct {
	ID             string    `json:"id"`
	ETag           string    `json:"etag,omitempty" doc:"Version of the event: given back as if_match, it keeps a change of somebody else's from being overwritten"`
	Subject        string    `json:"subject"`
	Start          time.Time `json:"start,omitzero"`
	End            time.Time `json:"end,omitzero"`
	AllDay         bool      `json:"all_day,omitempty"`
	TimeZone       string    `json:"time_zone,omitempty" doc:"Zone that the event is kept in"`
	Location       string    `json:"location,omitempty"`
	Organizer      Person    `json:"organizer,omitzero"`
	IsOrganizer    bool      `json:"is_organizer"`
	Response       string    `json:"response,omitempty" doc:"The mailbox's own answer"`
	ShowAs         string    `json:"show_as,omitempty"`
	Sensitivity    string    `json:"sensitivity,omitempty"`
	Categories     []string  `json:"categories,omitempty"`
	Cancelled      bool      `json:"cancelled,omitempty"`
	Type           string    `json:"type,omitempty" doc:"singleInstance, occurrence, exception or seriesMaster"`
	SeriesID       string    `json:"series_id,omitempty"`
	HasAttachments bool      `json:"has_attachments,omitempty"`
	OnlineMeeting  string    `json:"online_meeting_url,omitempty"`
	WebLink        string    `json:"web_link,omitempty"`
}

var summaryFields = []string{"id", "subject", "start", "end", "isAllDay", "originalStartTimeZone", "location", "organizer", "isOrganizer", "responseStatus", "showAs", "sensitivity",
	"categories", "isCancelled", "type", "seriesMasterId", "hasAttachments", "onlineMeeting", "webLink"}

func summaryOf(e graph.Event, z zone) Summary {
	s := Summary{ID: e.ID, ETag: e.ETag, Subject: e.Subject, Start: z.instant(e.Start, e.IsAllDay), End: z.instant(e.End, e.IsAllDay), AllDay: e.IsAllDay, TimeZone: e.OriginalStartTimeZone,
		Location: e.Location.DisplayName, Organizer: Person(e.Organizer.EmailAddress), IsOrganizer: e.IsOrganizer, Response: e.ResponseStatus.Response, ShowAs: e.ShowAs,
		Sensitivity: e.Sensitivity, Categories: e.Categories, Cancelled: e.IsCancelled, Type: e.Type, SeriesID: e.SeriesMasterID, HasAttachments: e.HasAttachments, WebLink: e.WebLink}
	if e.OnlineMeeting != nil {
		s.OnlineMeeting = e.OnlineMeeting.JoinURL
	}
	return s
}

// Event is an event with its body and people.
type Event struct {
	Summary
	ICalUID         string           `json:"ical_uid,omitempty"`
	Attendees       []Attendee       `json:"attendees"`
	Recurrence      *recurrence.Rule `json:"recurrence,omitempty"`
	Importance      string           `json:"importance,omitempty"`
	ReminderMinutes *int             `json:"reminder_minutes,omitempty"`
	AsksForAnswers  bool             `json:"asks_for_answers" doc:"The organizer wants to know who comes"`
	AllowsProposals bool             `json:"allows_proposals" doc:"Whoever is invited may propose another time"`
	BodyType        string           `json:"body_type"`
	Body            string           `json:"body"`
}

// eventFields are all of an event that we show; without them Graph sends some thirty more.
var eventFields = append([]string{"iCalUId", "attendees", "recurrence", "importance", "isReminderOn", "reminderMinutesBeforeStart", "responseRequested", "allowNewTimeProposals", "body"}, summaryFields...)

func eventOf(e graph.Event, z zone) Event {
	out := Event{Summary: summaryOf(e, z), ICalUID: e.ICalUID, Attendees: make([]Attendee, len(e.Attendees)), Recurrence: recurrence.Of(e.Recurrence), Importance: e.Importance,
		AsksForAnswers: e.ResponseRequested, AllowsProposals: e.AllowNewTimeProposals, BodyType: e.Body.ContentType, Body: e.Body.Content}
	for i, a := range e.Attendees {
		out.Attendees[i] = Attendee{Person: Person(a.EmailAddress), Type: a.Type}
		if a.Status != nil {
			out.Attendees[i].Response = a.Status.Response
		}
		if t := a.ProposedNewTime; t != nil {
			out.Attendees[i].ProposedStart, out.Attendees[i].ProposedEnd = z.instant(t.Start, false), z.instant(t.End, false)
		}
	}
	if e.IsReminderOn {
		out.ReminderMinutes = &e.ReminderMinutes
	}
	return out
}

// EventIn names one event.
type EventIn struct {
	place.Mailbox
	Event string `json:"event" minLength:"1" doc:"Id of the event: a single one, an occurrence, or a whole series"`
}

func (in EventIn) at(c action.Call) (place.Place, graph.Path, error) {
	box, err := in.In(c)
	return box, box.Event(in.Event), err
}

// GetIn asks for one event.
type GetIn struct {
	EventIn
	TimeZone string `json:"time_zone,omitempty" doc:"Zone to show the times in: IANA or Windows name; UTC without"`
	BodyType string `json:"body_type,omitempty" enum:"text,html" doc:"Form of the body; text without"`
}

// Check finds a zone that does not exist.
func (in GetIn) Check() error { return checkZone(in.TimeZone) }

// ViewIn asks for what happens in a window of time.
type ViewIn struct {
	place.Mailbox
	Calendar string `json:"calendar,omitempty" doc:"Calendar by id; the default one without"`
	Window
}

// Window is a stretch of time, and how it is shown.
type Window struct {
	Start    time.Time `json:"start" doc:"From when"`
	End      time.Time `json:"end" doc:"Until when"`
	TimeZone string    `json:"time_zone,omitempty" doc:"Zone to show the times in: IANA or Windows name; UTC without"`
	Limit    int       `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"At most so many; 100 without"`
}

// Check finds a window that is none, and a zone that does not exist.
func (in Window) Check() error {
	return fault.OfFields(append(wrongZone(in.TimeZone), wrongWindow(in.Start, in.End)...))
}

func checkZone(name string) error { return fault.OfFields(wrongZone(name)) }

func wrongZone(name string) []fault.Field {
	if _, known := findZone(name); !known {
		return []fault.Field{noZone("time_zone")}
	}
	return nil
}

func wrongWindow(start, end time.Time) []fault.Field {
	if !end.After(start) {
		return []fault.Field{{Name: "end", Message: "must lie after start"}}
	}
	return nil
}

// View is what happens in a window, by start. Series are expanded into their occurrences.
type View struct {
	Events    []Summary `json:"events"`
	Truncated bool      `json:"truncated,omitempty" doc:"There is more in the window: narrow it, or raise limit"`
}

func readActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.event.list", Summary: "List what happens in a window of time, series expanded.", Effect: action.Reads,
			Operations: []m365.OperationKey{view, viewOf}, Capability: m365.Calendar}, eventsOf),
		action.Define(action.Spec{Name: "calendar.event.find", Summary: "Find the event that was created with a reference of your own, wherever it was moved to in time, or all such events.", Effect: action.Reads,
			Operations: []m365.OperationKey{listEvents, listIn}, Capability: m365.Calendar}, referred),
		action.Define(action.Spec{Name: "calendar.event.get", Summary: "Read one event with its body and attendees.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readEvent}, Capability: m365.Calendar, Args: []string{"event"}}, getEvent),
	}
}

// ReferredIn asks for the events that were created with a reference.
type ReferredIn struct {
	place.Mailbox
	Calendar  string `json:"calendar,omitempty" doc:"Calendar by id; the default one without"`
	Reference string `json:"reference,omitempty" minLength:"1" maxLength:"200" doc:"What calendar.event.create was given as reference; without, all events that were given one"`
	TimeZone  string `json:"time_zone,omitempty" doc:"Zone to show the times in: IANA or Windows name; UTC without"`
}

// Check finds a zone that does not exist.
func (in ReferredIn) Check() error { return checkZone(in.TimeZone) }

// Referred are the events with a reference: one, as long as nobody copied it.
type Referred struct {
	Events []ReferredEvent `json:"events"`
}

// ReferredEvent is an event with the name that whoever created it calls it by.
type ReferredEvent struct {
	Summary
	Reference string `json:"reference"`
}

// referredPage is how many a page has: a mailbox may have thousands.
const referredPage = 200

func referred(ctx context.Context, c action.Call, in ReferredIn) (Referred, error) {
	box, err := in.In(c)
	if err != nil {
		return Referred{}, err
	}
	path := box.Events()
	if in.Calendar != "" {
		path = box.Calendar(in.Calendar).Sub("events")
	}
	out := Referred{Events: []ReferredEvent{}}
	z, _ := findZone(in.TimeZone)
	for e, err := range graph.List[graph.Event](ctx, box.Graph, path, append(once.Referred(in.Reference), graph.Select(summaryFields...), graph.Top(referredPage))...) {
		if err != nil {
			return Referred{}, err
		}
		out.Events = append(out.Events, ReferredEvent{summaryOf(e, z), once.ReferenceOf(e.ExtendedProperties)})
	}
	return out, nil
}

func eventsOf(ctx context.Context, c action.Call, in ViewIn) (View, error) {
	box, err := in.In(c)
	if err != nil {
		return View{}, err
	}
	path := box.CalendarView()
	if in.Calendar != "" {
		path = box.Calendar(in.Calendar).Sub("calendarView")
	}
	return in.list(ctx, box, path)
}

// list reads what happens in the window at a path that expands series.
func (in Window) list(ctx context.Context, box place.Place, path graph.Path) (View, error) {
	out := View{Events: []Summary{}}
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	z, _ := findZone(in.TimeZone)
	opts := []graph.Option{graph.Window(in.Start, in.End), graph.OrderBy("start/dateTime"), graph.Top(min(limit+1, 100)), graph.Select(summaryFields...)}
	for e, err := range graph.List[graph.Event](ctx, box.Graph, path, opts...) {
		if err != nil {
			return View{}, err
		}
		if len(out.Events) == limit {
			out.Truncated = true
			break
		}
		out.Events = append(out.Events, summaryOf(e, z))
	}
	return out, nil
}

func getEvent(ctx context.Context, c action.Call, in GetIn) (Event, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Event{}, err
	}
	opts := []graph.Option{graph.Select(eventFields...)}
	if in.BodyType != "html" {
		opts = append(opts, graph.TextBody())
	}
	e, err := graph.Get[graph.Event](ctx, box.Graph, path, opts...)
	if err != nil {
		return Event{}, err
	}
	z, _ := findZone(in.TimeZone)
	return eventOf(e, z), nil
}
