package calendar

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// ScheduleIn asks when people are busy.
type ScheduleIn struct {
	place.Mailbox
	People   []string  `json:"people" minItems:"1" maxItems:"20" doc:"Addresses of people and rooms; through an app-only connection those on its list"`
	Start    time.Time `json:"start" doc:"From when"`
	End      time.Time `json:"end" doc:"Until when"`
	TimeZone string    `json:"time_zone,omitempty" doc:"Zone to show the times in: IANA or Windows name; UTC without"`
	Interval int       `json:"interval_minutes,omitempty" minimum:"5" maximum:"1440" doc:"Length of one digit of view; 30 without"`
}

// Check names every field that cannot be.
func (in ScheduleIn) Check() error {
	return fault.OfFields(append(append(wrongAddresses("people", in.People), wrongZone(in.TimeZone)...), wrongWindow(in.Start, in.End)...))
}

func wrongAddresses(field string, list []string) []fault.Field {
	var wrong []fault.Field
	for i, text := range list {
		wrong = append(wrong, wrongAddress(fmt.Sprintf("%s[%d]", field, i), text)...)
	}
	return wrong
}

// wrongAddress finds what is no bare address.
func wrongAddress(field, text string) []fault.Field {
	if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
		return []fault.Field{{Name: field, Message: "is not an address like ada@contoso.example"}}
	}
	return nil
}

// Schedules are the times of several people.
type Schedules struct {
	Schedules []Schedule `json:"schedules"`
}

// Schedule is one person's times, or the reason why they cannot be told. What the time is taken by is not shown.
type Schedule struct {
	Address string        `json:"address"`
	View    string        `json:"view,omitempty" doc:"A digit for each interval: 0 free, 1 tentative, 2 busy, 3 out of office, 4 working elsewhere"`
	Busy    []Busy        `json:"busy"`
	Hours   *WorkingHours `json:"working_hours,omitempty"`
	Unknown string        `json:"unknown,omitempty" doc:"Why nothing can be told of this one"`
}

// Busy is one stretch of time that is taken.
type Busy struct {
	Status string    `json:"status"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
}

// WorkingHours are when somebody works.
type WorkingHours struct {
	Days     []string `json:"days"`
	Start    string   `json:"start" doc:"Like 08:00"`
	End      string   `json:"end"`
	TimeZone string   `json:"time_zone"`
}

func scheduleActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.schedule.get", Summary: "Tell when people and rooms are busy.", Effect: action.Reads,
			Operations: []m365.OperationKey{getSchedule}, Capability: m365.Calendar}, schedulesOf),
		action.Define(action.Spec{Name: "calendar.times.find", Summary: "Suggest times in which everybody is free.", Effect: action.Reads,
			Operations: []m365.OperationKey{getSchedule}, MayCall: []m365.OperationKey{findMeetingTimes}, Capability: m365.Calendar}, findTimes),
	}
}

// ask reads the times of people. It changes nothing, though it is a POST. Through an app-only connection people must be on its list: the
// fence sees to that.
func ask(ctx context.Context, box place.Place, people []string, start, end time.Time, interval int) ([]graph.ScheduleInformation, error) {
	answer, err := graph.Post[graph.ScheduleAnswer](ctx, box.Graph, box.Calendar("").Sub("getSchedule"), graph.ScheduleRequest{Schedules: people,
		StartTime: graph.UTC(start), EndTime: graph.UTC(end), AvailabilityViewInterval: interval}, graph.Idempotent())
	return answer.Value, err
}

func schedulesOf(ctx context.Context, c action.Call, in ScheduleIn) (Schedules, error) {
	out := Schedules{Schedules: []Schedule{}}
	box, err := in.In(c)
	if err != nil {
		return out, err
	}
	interval := in.Interval
	if interval == 0 {
		interval = 30
	}
	list, err := ask(ctx, box, in.People, in.Start, in.End, interval)
	if err != nil {
		return out, inOurFields(err, len(in.People))
	}
	z, _ := findZone(in.TimeZone)
	for _, s := range list {
		out.Schedules = append(out.Schedules, scheduleOf(s, z))
	}
	return out, nil
}

// inOurFields renames the fields that the fence names, schedules[i], to those of the input: people come first, optional people behind them.
func inOurFields(err error, people int) error {
	f := *fault.As(err)
	f.Fields = slices.Clone(f.Fields)
	for k, field := range f.Fields {
		var i int
		if _, e := fmt.Sscanf(field.Name, "schedules[%d]", &i); e != nil {
			continue
		}
		f.Fields[k].Name = fmt.Sprintf("people[%d]", i)
		if i >= people {
			f.Fields[k].Name = fmt.Sprintf("optional_people[%d]", i-people)
		}
	}
	return &f
}

func scheduleOf(s graph.ScheduleInformation, z zone) Schedule {
	out := Schedule{Address: s.ScheduleID, View: s.AvailabilityView, Busy: []Busy{}, Unknown: whyUnknown(s)}
	for _, i := range s.ScheduleItems {
		if i.Status != "free" {
			out.Busy = append(out.Busy, Busy{i.Status, z.instant(i.Start, false), z.instant(i.End, false)})
		}
	}
	if h := s.WorkingHours; h != nil {
		out.Hours = &WorkingHours{h.DaysOfWeek, shortClock(h.StartTime), shortClock(h.EndTime), h.TimeZone.Name}
	}
	return out
}

// whyUnknown is the reason in one word; Microsoft's sentence stays behind.
func whyUnknown(s graph.ScheduleInformation) string {
	if s.Error == nil {
		return ""
	}
	if s.Error.ResponseCode == "" {
		return unknown
	}
	return s.Error.ResponseCode
}

// shortClock takes the seconds off 08:00:00.0000000.
func shortClock(s string) string {
	if len(s) > 5 {
		return s[:5]
	}
	return s
}
