package calendar

import (
	"context"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// InstancesIn asks for the occurrences of a series in a window of time.
type InstancesIn struct {
	EventIn
	Window
}

// SeriesIn names a series, by itself or by one of its occurrences.
type SeriesIn struct {
	place.Mailbox
	Event    string `json:"event" minLength:"1" doc:"Id of the series, or of any occurrence of it"`
	TimeZone string `json:"time_zone,omitempty" doc:"Zone to show the times in: IANA or Windows name; UTC without"`
}

// Check finds a zone that does not exist.
func (in SeriesIn) Check() error { return checkZone(in.TimeZone) }

// Series is a whole series, with what is not as its rhythm has it.
type Series struct {
	Event
	Cancelled  []string  `json:"cancelled" doc:"Days, by the series' own clock, whose occurrence was taken out"`
	Exceptions []Summary `json:"exceptions" doc:"Occurrences that were changed by themselves"`
}

func seriesActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.event.instances", Summary: "List the occurrences of one series in a window of time, changed ones included.", Effect: action.Reads,
			Operations: []m365.OperationKey{listInstances}, Capability: m365.Calendar, Args: []string{"event"}}, instancesOf),
		action.Define(action.Spec{Name: "calendar.series.get", Summary: "Read a whole series: how it repeats, which days were taken out, which occurrences were changed.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readEvent}, Capability: m365.Calendar, Args: []string{"event"}}, getSeries),
	}
}

func instancesOf(ctx context.Context, c action.Call, in InstancesIn) (View, error) {
	box, path, err := in.at(c)
	if err != nil {
		return View{}, err
	}
	return in.list(ctx, box, path.Sub("instances"))
}

func getSeries(ctx context.Context, c action.Call, in SeriesIn) (Series, error) {
	box, err := in.In(c)
	if err != nil {
		return Series{}, err
	}
	found, err := graph.Get[graph.Event](ctx, box.Graph, box.Event(in.Event), graph.Select("id", "type", "seriesMasterId"))
	if err != nil {
		return Series{}, err
	}
	id := in.Event
	switch {
	case found.SeriesMasterID != "":
		id = found.SeriesMasterID
	case found.Type != "seriesMaster":
		return Series{}, fault.BadField("event", "is a single event and belongs to no series; read it with calendar.event.get")
	}
	// Both are given only where they are asked for (graph/FACTS §8).
	e, err := graph.Get[graph.Event](ctx, box.Graph, box.Event(id), graph.Select(append([]string{"cancelledOccurrences", "exceptionOccurrences"}, eventFields...)...), graph.Query("$expand", "exceptionOccurrences"), graph.TextBody())
	if err != nil {
		return Series{}, err
	}
	z, _ := findZone(in.TimeZone)
	out := Series{Event: eventOf(e, z), Cancelled: []string{}, Exceptions: []Summary{}}
	for _, occurrence := range e.CancelledOccurrences {
		out.Cancelled = append(out.Cancelled, dayOf(occurrence))
	}
	for _, x := range e.ExceptionOccurrences {
		out.Exceptions = append(out.Exceptions, summaryOf(x, z))
	}
	return out, nil
}

// dayOf is the day at the end of an occurrence's name, OID.<series>.2031-03-05; another form stays as it is.
func dayOf(occurrence string) string { return occurrence[strings.LastIndexByte(occurrence, '.')+1:] }
