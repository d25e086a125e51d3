package calendar

import (
	"context"
	"slices"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// FindIn asks for times in which everybody is free.
type FindIn struct {
	place.Mailbox
	People   []string  `json:"people" minItems:"1" maxItems:"20" doc:"Addresses of people and rooms who must be free; through an app-only connection those on its list"`
	Optional []string  `json:"optional_people,omitempty" maxItems:"20" doc:"Addresses of those who may be busy; times when they are free come first on equal terms"`
	Start    time.Time `json:"start" doc:"Not before this time"`
	End      time.Time `json:"end" doc:"Not after this time; at most 31 days behind start"`
	Minutes  int       `json:"duration_minutes" minimum:"5" maximum:"1440" doc:"How long; a multiple of 5"`
	AnyHour  bool      `json:"any_hour,omitempty" doc:"Outside of people's working hours too"`
	TimeZone string    `json:"time_zone,omitempty" doc:"Zone to show the times in: IANA or Windows name; UTC without"`
	Limit    int       `json:"limit,omitempty" minimum:"1" maximum:"50" doc:"At most so many; 5 without"`
}

const longestSearch = 31 * 24 * time.Hour

// Check names every field that cannot be.
func (in FindIn) Check() error {
	wrong := append(wrongAddresses("people", in.People), wrongAddresses("optional_people", in.Optional)...)
	wrong = append(append(wrong, wrongZone(in.TimeZone)...), wrongWindow(in.Start, in.End)...)
	if in.End.Sub(in.Start) > longestSearch {
		wrong = append(wrong, fault.Field{Name: "end", Message: "lies more than 31 days behind start"})
	}
	if in.Minutes%5 != 0 {
		wrong = append(wrong, fault.Field{Name: "duration_minutes", Message: "must be a multiple of 5"})
	}
	if len(in.People)+len(in.Optional) > 20 {
		wrong = append(wrong, fault.Field{Name: "optional_people", Message: "are, with people, more than 20"})
	}
	return fault.OfFields(wrong)
}

// Suggestions are times that fit, and of whom nothing could be told.
type Suggestions struct {
	Method      string       `json:"method" enum:"microsoft,free_busy" doc:"Who looked: microsoft, whose own search exists for signed-in people with Calendars.Read.Shared; free_busy: the hub, by people's free and busy times"`
	Suggestions []Suggestion `json:"suggestions"`
	Unknown     []Unseen     `json:"unknown" doc:"People whose times could not be read: whether they are free is not known"`
	Reason      string       `json:"reason,omitempty" enum:"nobody_known,no_common_time,unknown" doc:"Why there is no suggestion"`
}

// The words of Suggestions, and of Availability where nothing is known.
const (
	byMicrosoft  = "microsoft"
	byFreeBusy   = "free_busy"
	nobodyKnown  = "nobody_known"
	noCommonTime = "no_common_time"
	unknown      = "unknown"
)

// Suggestion is one time that fits.
type Suggestion struct {
	Start      time.Time      `json:"start"`
	End        time.Time      `json:"end"`
	Confidence int            `json:"confidence" doc:"Share of all people who are known to be free then, in percent"`
	People     []Availability `json:"people"`
}

// Availability is how one person is in a suggested time.
type Availability struct {
	Address string `json:"address"`
	Status  string `json:"status" enum:"free,tentative,busy,oof,workingElsewhere,outside_hours,unknown"`
}

// Unseen is somebody whose times could not be read.
type Unseen struct {
	Address string `json:"address"`
	Why     string `json:"why"`
}

// findTimes asks Microsoft where it can: its findMeetingTimes exists for signed-in people only (graph/FACTS §8). Everybody else's times are
// found by a search over free and busy times, which are open to both modes.
func findTimes(ctx context.Context, c action.Call, in FindIn) (Suggestions, error) {
	box, err := in.In(c)
	if err != nil {
		return Suggestions{}, err
	}
	if mayAskMicrosoft(ctx, c) {
		out, err := in.askMicrosoft(ctx, c, box)
		if fault.CodeOf(err) != "permission_missing" { // what a token names is a hint; Microsoft decides
			return out, err
		}
	}
	return in.freeTimes(ctx, box)
}

// freeTimes looks over free and busy times.
func (in FindIn) freeTimes(ctx context.Context, box place.Place) (Suggestions, error) {
	out := Suggestions{Method: byFreeBusy, Suggestions: []Suggestion{}, Unknown: []Unseen{}}
	s := search{FindIn: in, step: in.step()}
	s.from = roundUp(in.Start, s.step)
	list, err := ask(ctx, box, in.everybody(), s.from, in.End, int(s.step.Minutes()))
	if err != nil {
		return out, inOurFields(err, len(in.People))
	}
	for _, info := range list {
		if why := whyUnknown(info); why != "" {
			out.Unknown = append(out.Unknown, Unseen{info.ScheduleID, why})
		}
		s.people = append(s.people, newSeen(info, !has(in.People, info.ScheduleID)))
	}
	out.Suggestions = s.suggest()
	switch {
	case len(out.Suggestions) > 0:
	case len(out.Unknown) == len(list):
		out.Reason = nobodyKnown
	default:
		out.Reason = noCommonTime
	}
	return out, nil
}

// best puts the surest times first and cuts the list.
func (in FindIn) best(list []Suggestion) []Suggestion {
	slices.SortStableFunc(list, func(a, b Suggestion) int {
		if d := b.Confidence - a.Confidence; d != 0 {
			return d
		}
		return a.Start.Compare(b.Start)
	})
	limit := in.Limit
	if limit == 0 {
		limit = 5
	}
	return list[:min(limit, len(list))]
}

// step is the grid of the search: the coarsest on which the duration lies whole.
func (in FindIn) step() time.Duration {
	for _, minutes := range []int{30, 15} {
		if in.Minutes%minutes == 0 {
			return time.Duration(minutes) * time.Minute
		}
	}
	return 5 * time.Minute
}

func roundUp(t time.Time, step time.Duration) time.Time {
	if down := t.Truncate(step); !down.Equal(t) {
		return down.Add(step)
	}
	return t
}

// search is one look over the grid.
type search struct {
	FindIn
	step   time.Duration
	from   time.Time
	people []seen
}

// seen is what is known of one person's times.
type seen struct {
	address  string
	optional bool
	known    bool
	view     string // a digit for each step; it is there even where the single entries are not shown to us
	hours    *graph.WorkingHours
}

func newSeen(s graph.ScheduleInformation, optional bool) seen {
	return seen{address: s.ScheduleID, optional: optional, known: s.Error == nil && s.AvailabilityView != "", view: s.AvailabilityView, hours: s.WorkingHours}
}

// suggest gives the best times in their order. Nobody who is unknown rules a time out; it only counts less.
func (s search) suggest() []Suggestion {
	out := []Suggestion{}
	if !slices.ContainsFunc(s.people, func(p seen) bool { return p.known }) {
		return out
	}
	z, _ := findZone(s.TimeZone)
	length := time.Duration(s.Minutes) * time.Minute
	for i := 0; ; i++ {
		at := s.from.Add(time.Duration(i) * s.step)
		if at.Add(length).After(s.End) {
			break
		}
		if people, free, fits := s.look(i, at, at.Add(length)); fits {
			out = append(out, Suggestion{at.In(z.Location), at.Add(length).In(z.Location), 100 * free / len(s.people), people})
		}
	}
	return s.best(out)
}

// look tells how everybody is in the time that begins with digit i, and whether it fits all who must be free.
func (s search) look(i int, from, to time.Time) (people []Availability, free int, fits bool) {
	n := s.Minutes / int(s.step.Minutes())
	for _, p := range s.people {
		status := p.status(i, n)
		if p.known && !s.AnyHour && !p.works(from, to) {
			status = outsideHours
		}
		switch {
		case status == "free" || status == "workingElsewhere":
			free++
		case status != unknown && !p.optional:
			return nil, 0, false
		}
		people = append(people, Availability{p.address, status})
	}
	return people, free, true
}

// digits are availabilityView's (graph/FACTS §8), the least free last.
var digits = []struct {
	digit byte
	word  string
}{{'0', "free"}, {'4', "workingElsewhere"}, {'1', "tentative"}, {'2', "busy"}, {'3', "oof"}}

// status is the least free of n digits from i on.
func (p seen) status(i, n int) string {
	if !p.known || i >= len(p.view) {
		return unknown
	}
	part := p.view[i:min(i+n, len(p.view))]
	for _, d := range slices.Backward(digits) {
		if strings.IndexByte(part, d.digit) >= 0 {
			return d.word
		}
	}
	return unknown
}

// outsideHours is our own word beside Outlook's: nothing is entered then, but it is not the person's working time.
const outsideHours = "outside_hours"

// works reports whether the time lies in the person's working hours; unknown hours are no reason against it.
func (p seen) works(from, to time.Time) bool {
	if p.hours == nil {
		return true
	}
	z, known := findZone(p.hours.TimeZone.Name)
	if !known {
		return true
	}
	from, to = from.In(z.Location), to.In(z.Location)
	begin, end := shortClock(p.hours.StartTime), shortClock(p.hours.EndTime)
	return slices.Contains(p.hours.DaysOfWeek, strings.ToLower(from.Weekday().String())) && from.Format(time.DateOnly) == to.Format(time.DateOnly) &&
		from.Format("15:04") >= begin && to.Format("15:04") <= end
}
