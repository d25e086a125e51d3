package calendar

import (
	"context"
	"slices"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// UpdateIn changes an event. What is left out stays.
type UpdateIn struct {
	EventIn
	Version
	SkipRead bool       `json:"skip_read,omitempty" doc:"Leave comparing if_match to Microsoft, which saves a request; that Microsoft compares for events is practice and on no page of its documentation"`
	Subject  *string    `json:"subject,omitempty" minLength:"1" maxLength:"255" doc:"Subject"`
	Start    *time.Time `json:"start,omitempty" doc:"When it begins; goes with end"`
	End      *time.Time `json:"end,omitempty" doc:"When it ends; goes with start"`
	Details
}

// Check names every field that cannot be. What depends on the start wants the start too.
func (in UpdateIn) Check() error {
	wrong := append(in.wrongPeople(), in.wrong()...)
	if in.SkipRead && in.IfMatch == "" {
		wrong = append(wrong, fault.Field{Name: "skip_read", Message: "needs if_match beside it: what the event was is not read then"})
	}
	if in.Start != nil && in.End != nil {
		return fault.OfFields(append(wrong, in.wrongTimes(*in.Start, *in.End)...))
	}
	wrong = append(wrong, wrongZone(in.TimeZone)...)
	for _, f := range []struct {
		name  string
		given bool
	}{{"start", in.Start != nil}, {"end", in.End != nil}, {"time_zone", in.TimeZone != ""}, {"all_day", in.AllDay != nil}, {"recurrence", in.Recurrence.Value() != nil}} {
		if f.given {
			wrong = append(wrong, fault.Field{Name: f.name, Message: "needs start and end beside it"})
		}
	}
	return fault.OfFields(wrong)
}

// update looks at the event first. A PATCH mails the attendees each time it is sent, so it is sent once; what the event was before
// answers an update whose answer was lost.
func update(ctx context.Context, c action.Call, in UpdateIn) (Event, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Event{}, err
	}
	now, err := in.note(ctx, c, box, path)
	if err != nil {
		return Event{}, err
	}
	if !in.Recurrence.IsZero() && now.SeriesMasterID != "" {
		return Event{}, fault.BadField("recurrence", "belongs to the series, and this is one occurrence of it: change the event %s", now.SeriesMasterID)
	}
	e := in.change()
	e.Subject = in.Subject
	if in.Start != nil {
		in.times(&e, *in.Start, *in.End)
	}
	z, _ := findZone(in.TimeZone)
	after, err := graph.Patch[graph.Event](ctx, box.Graph, path, e, in.options()...)
	return eventOf(after, z), in.refused(err)
}

// note keeps what the event was before. A caller who has read it says so, and saves the request; whether it is one of a series is asked of
// the event all the same.
func (in UpdateIn) note(ctx context.Context, c action.Call, box place.Place, path graph.Path) (graph.Event, error) {
	if in.SkipRead && in.Recurrence.IsZero() {
		return graph.Event{ETag: in.IfMatch}, c.Checkpoint(ctx, before{in.IfMatch, c.Began})
	}
	return note(ctx, c, box, path, in.Version)
}

func updated(ctx context.Context, c action.Call, in UpdateIn) (Event, action.Answer, error) {
	z, _ := findZone(in.TimeZone)
	e, answer, err := whatBecame(ctx, c, in.EventIn, func(e graph.Event, b before) action.Answer {
		switch {
		case e.ETag == b.ETag:
			return action.NotStarted
		case in.heldBy(e, z):
			return action.Happened
		}
		return action.StillOpen // somebody else changed it too: what became of ours cannot be told from it
	})
	if answer == gone {
		answer = action.NotStarted
	}
	return eventOf(e, z), answer, err
}

// heldBy reports whether the event is as the update wants it. The body cannot be compared: Exchange writes it anew.
func (in UpdateIn) heldBy(e graph.Event, z zone) bool {
	return agrees(in.Subject, e.Subject) && agrees(in.ShowAs, e.ShowAs) && agrees(in.Importance, e.Importance) && agrees(in.Sensitivity, e.Sensitivity) &&
		(in.Location.IsZero() || in.Location.Or("") == e.Location.DisplayName) && agrees(in.AllDay, e.IsAllDay) && agrees(in.AsksForAnswers, e.ResponseRequested) && agrees(in.AllowsProposals, e.AllowNewTimeProposals) &&
		(in.Categories.IsZero() || slices.Equal(in.Categories.Or(nil), e.Categories)) && (in.Recurrence.IsZero() || (in.Recurrence.Value() == nil) == (e.Recurrence == nil)) &&
		(in.Start == nil || in.Start.Equal(z.instant(e.Start, e.IsAllDay)) && in.End.Equal(z.instant(e.End, e.IsAllDay)))
}

// agrees reports whether what is wanted, if anything, is there.
func agrees[T comparable](want *T, have T) bool { return want == nil || *want == have }
