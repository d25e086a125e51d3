package calendar

import (
	"context"
	"iter"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// walkPage is how many events a step of a walk asks for.
const walkPage = 200

// Walk follows a window of the mailbox's default calendar from a link on, series expanded; from "" it reads the whole window. Times come
// in UTC. The window is fixed in the link; $select is not allowed here (graph/FACTS §5).
func Walk(ctx context.Context, g *graph.Client, mailbox m365.UserID, start, end time.Time, from m365.DeltaLink, opts ...graph.Option) iter.Seq2[graph.Page[graph.Event], error] {
	owner, err := g.Owner(mailbox)
	if err != nil {
		return func(yield func(graph.Page[graph.Event], error) bool) { yield(graph.Page[graph.Event]{}, err) }
	}
	return graph.Delta[graph.Event](ctx, g, owner.CalendarView(), from, append(opts, graph.Window(start, end), graph.PageSize(walkPage))...)
}

// Body reads an event with its body as HTML, and gives the proof of the answer.
func Body(ctx context.Context, g *graph.Client, mailbox m365.UserID, id string) (graph.Event, graph.Proof, error) {
	var proof graph.Proof
	owner, err := g.Owner(mailbox)
	if err != nil {
		return graph.Event{}, proof, err
	}
	e, err := graph.Get[graph.Event](ctx, g, owner.Event(id), graph.Select("id", "subject", "body", "start", "end", "location", "organizer", "attendees"), graph.Prove(&proof))
	return e, proof, err
}

// At reads a start or end as it comes: in UTC unless another zone was asked for.
func At(d graph.DateTimeTimeZone) (time.Time, error) {
	z, ok := findZone(d.TimeZone)
	if !ok {
		return time.Time{}, fault.BadField("timeZone", "%q is no zone we know", d.TimeZone)
	}
	return d.In(z.Location)
}
