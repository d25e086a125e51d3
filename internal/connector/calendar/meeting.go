package calendar

import (
	"context"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// CancelIn calls a meeting off.
type CancelIn struct {
	EventIn
	Version
	Comment string `json:"comment,omitempty" maxLength:"10000" doc:"Words to the attendees"`
}

// Check finds a version that is none.
func (in CancelIn) Check() error { return fault.OfFields(in.wrong()) }

// RespondIn answers an invitation.
type RespondIn struct {
	EventIn
	Response     string     `json:"response" enum:"accept,decline,tentative" doc:"The answer"`
	Comment      string     `json:"comment,omitempty" maxLength:"10000" doc:"Words to the organizer"`
	SendResponse *bool      `json:"send_response,omitempty" doc:"Mail the organizer; yes without"`
	ProposeStart *time.Time `json:"propose_start,omitempty" doc:"When you would rather begin, where the organizer allows proposals; goes with propose_end, and with decline or tentative"`
	ProposeEnd   *time.Time `json:"propose_end,omitempty" doc:"When that would end"`
}

// Check names what a proposal lacks: it goes with a mailed answer that does not accept (event-decline.md, event-tentativelyaccept.md).
func (in RespondIn) Check() error {
	if in.ProposeStart == nil && in.ProposeEnd == nil {
		return nil
	}
	var wrong []fault.Field
	switch {
	case in.ProposeStart == nil:
		wrong = append(wrong, fault.Field{Name: "propose_start", Message: "is missing: a proposed time has a start and an end"})
	case in.ProposeEnd == nil:
		wrong = append(wrong, fault.Field{Name: "propose_end", Message: "is missing: a proposed time has a start and an end"})
	case !in.ProposeEnd.After(*in.ProposeStart):
		wrong = append(wrong, fault.Field{Name: "propose_end", Message: "must lie after propose_start"})
	}
	if in.Response == "accept" {
		wrong = append(wrong, fault.Field{Name: "response", Message: "must be decline or tentative where another time is proposed"})
	}
	if in.SendResponse != nil && !*in.SendResponse {
		wrong = append(wrong, fault.Field{Name: "send_response", Message: "must not be false where another time is proposed: the organizer would not learn of it"})
	}
	return fault.OfFields(wrong)
}

// Cancelled names a meeting that was called off.
type Cancelled struct {
	ID string `json:"id"`
}

// Responded says what was answered.
type Responded struct {
	ID       string `json:"id"`
	Response string `json:"response"`
}

// answers are, for our words, Graph's action and what the event then shows.
var answers = map[string]struct {
	operation func(graph.Path) graph.Path
	status    string
}{
	"accept":    {func(p graph.Path) graph.Path { return p.Sub("accept") }, "accepted"},
	"decline":   {func(p graph.Path) graph.Path { return p.Sub("decline") }, "declined"},
	"tentative": {func(p graph.Path) graph.Path { return p.Sub("tentativelyAccept") }, "tentativelyAccepted"},
}

func meetingActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "calendar.event.cancel", Summary: "Call off a meeting that the mailbox organizes, one occurrence or all; attendees are told by mail.", Effect: action.Deletes,
			Operations: []m365.OperationKey{cancelEvent, readEvent}, Capability: m365.Calendar, Args: []string{"event"}}, cancel, action.WithReconcile(cancelled)),
		action.Define(action.Spec{Name: "calendar.event.respond", Summary: "Answer an invitation, to one occurrence or all; the organizer is told by mail unless you say otherwise.", Effect: action.Writes,
			Operations: []m365.OperationKey{acceptEvent, declineEvent, tentative, readEvent}, Capability: m365.Calendar, Args: []string{"event", "response"}}, respond, action.WithReconcile(responded)),
	}
}

// before is what the ledger keeps of an event that is about to change.
type before struct {
	ETag string    `json:"etag"`
	At   time.Time `json:"at"`
}

// note reads the event, sees that it is the version that is meant, and commits what it was.
func note(ctx context.Context, c action.Call, box place.Place, path graph.Path, v Version) (graph.Event, error) {
	var p graph.Proof
	e, err := graph.Get[graph.Event](ctx, box.Graph, path, graph.Select(eventFields...), graph.Prove(&p))
	if err != nil {
		return e, err
	}
	if err := v.matches(e); err != nil {
		return e, err
	}
	return e, c.Checkpoint(ctx, before{e.ETag, p.At})
}

// gone is whatBecame's own answer: the event is not there any more, and what that means is the caller's to say.
const gone action.Answer = 0

// whatBecame looks at the event of an unclear run. sign tells from it that the effect is there (Happened), that it cannot be told
// (StillOpen), or that there is no sign of it (NotStarted): that counts once nothing can be under way any more.
func whatBecame(ctx context.Context, c action.Call, in EventIn, sign func(graph.Event, before) action.Answer) (graph.Event, action.Answer, error) {
	var b before
	known, err := c.Recall(ctx, &b)
	if err != nil || !known {
		return graph.Event{}, action.NotStarted, err // nothing leaves before the checkpoint
	}
	box, path, err := in.at(c)
	if err != nil {
		return graph.Event{}, gone, err
	}
	var p graph.Proof
	e, err := graph.Get[graph.Event](ctx, box.Graph, path, graph.Select(eventFields...), graph.Prove(&p))
	if fault.KindOf(err) == fault.NotFound {
		return e, gone, nil
	}
	if err != nil {
		return e, gone, err
	}
	answer := sign(e, b)
	if answer == action.NotStarted && p.At.Sub(b.At) < once.Settled {
		answer = action.StillOpen
	}
	return e, answer, nil
}

// cancel makes sure that there is something to call off: Microsoft's own refusal of an attendee's cancel does not say what to do instead.
// A version is compared with what was read a moment before: whether an action takes the header is on no page.
func cancel(ctx context.Context, c action.Call, in CancelIn) (Cancelled, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Cancelled{}, err
	}
	e, err := note(ctx, c, box, path, in.Version)
	if err != nil {
		return Cancelled{}, err
	}
	if !e.IsOrganizer {
		return Cancelled{}, &fault.Error{Kind: fault.Conflict, Code: "not_the_organizer", Message: "The mailbox does not organize this meeting; only " + e.Organizer.EmailAddress.Address + " can call it off",
			Fix: "Decline it with calendar.event.respond", Who: "you"}
	}
	return Cancelled{in.Event}, graph.Call(ctx, box.Graph, path.Sub("cancel"), comment{Comment: in.Comment})
}

type comment struct {
	Comment         string          `json:"comment"`
	SendResponse    *bool           `json:"sendResponse,omitempty"`
	ProposedNewTime *graph.TimeSlot `json:"proposedNewTime,omitempty"`
}

// cancelled takes a meeting that is gone as called off: nothing else makes a meeting of one's own disappear but a deletion, which
// calls it off as well.
func cancelled(ctx context.Context, c action.Call, in CancelIn) (Cancelled, action.Answer, error) {
	_, answer, err := whatBecame(ctx, c, in.EventIn, func(e graph.Event, _ before) action.Answer {
		if e.IsCancelled {
			return action.Happened
		}
		return action.NotStarted
	})
	if answer == gone {
		answer = action.Happened
	}
	return Cancelled{in.Event}, answer, err
}

func respond(ctx context.Context, c action.Call, in RespondIn) (Responded, error) {
	box, path, err := in.at(c)
	if err != nil {
		return Responded{}, err
	}
	e, err := note(ctx, c, box, path, Version{})
	if err != nil {
		return Responded{}, err
	}
	if e.IsOrganizer {
		return Responded{}, &fault.Error{Kind: fault.Conflict, Code: "is_the_organizer", Message: "The mailbox organizes this meeting, so it has no invitation to answer",
			Fix: "Call it off with calendar.event.cancel, or change it with calendar.event.update", Who: "you"}
	}
	words := comment{Comment: in.Comment, SendResponse: in.SendResponse}
	if in.ProposeStart != nil {
		if !e.AllowNewTimeProposals {
			return Responded{}, &fault.Error{Kind: fault.Conflict, Code: "proposals_not_allowed", Message: "The organizer of this meeting takes no proposals of another time",
				Fix: "Answer without a proposal, and say in comment when you could", Who: "you"}
		}
		words.ProposedNewTime = &graph.TimeSlot{Start: graph.UTC(*in.ProposeStart), End: graph.UTC(*in.ProposeEnd)}
	}
	a := answers[in.Response]
	return Responded{in.Event, a.status}, graph.Call(ctx, box.Graph, a.operation(path), words)
}

// responded takes a declined meeting that is gone as answered: declining takes it out of the calendar.
func responded(ctx context.Context, c action.Call, in RespondIn) (Responded, action.Answer, error) {
	want := answers[in.Response].status
	_, answer, err := whatBecame(ctx, c, in.EventIn, func(e graph.Event, b before) action.Answer {
		if e.ETag != b.ETag && e.ResponseStatus.Response == want {
			return action.Happened
		}
		return action.NotStarted
	})
	switch {
	case answer == gone && in.Response == "decline":
		answer = action.Happened
	case answer == gone:
		answer = action.NotStarted
	}
	return Responded{in.Event, want}, answer, err
}
