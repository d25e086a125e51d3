package teams

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

// Meeting is an online meeting. It is in nobody's calendar: calendar.event.create with online_meeting makes one that is.
type Meeting struct {
	ID        string    `json:"id"`
	Subject   string    `json:"subject,omitempty"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	JoinURL   string    `json:"join_url"`
	Chat      string    `json:"chat,omitempty" doc:"Its chat by id"`
	Organizer string    `json:"organizer,omitempty"`
	Attendees []string  `json:"attendees" doc:"By sign-in name"`
}

func meetingOf(m graph.TeamsMeeting) Meeting {
	out := Meeting{ID: m.ID, Subject: m.Subject, Start: m.StartDateTime, End: m.EndDateTime, JoinURL: m.JoinWebURL, Attendees: []string{}}
	if m.ChatInfo != nil {
		out.Chat = m.ChatInfo.ThreadID
	}
	if m.Participants != nil {
		if m.Participants.Organizer != nil {
			out.Organizer = m.Participants.Organizer.UPN
		}
		for _, a := range m.Participants.Attendees {
			out.Attendees = append(out.Attendees, a.UPN)
		}
	}
	return out
}

// MeetingCreateIn is a new online meeting.
type MeetingCreateIn struct {
	place.Mailbox
	Subject   string    `json:"subject" minLength:"1" maxLength:"255" doc:"Subject"`
	Start     time.Time `json:"start" doc:"When it begins"`
	End       time.Time `json:"end" doc:"When it ends"`
	Attendees []string  `json:"attendees,omitempty" maxItems:"100" doc:"People by sign-in name; nobody is mailed"`
}

// Check wants an end behind the start.
func (in MeetingCreateIn) Check() error {
	if !in.End.After(in.Start) {
		return fault.BadField("end", "is not after start")
	}
	return nil
}

// MeetingFindIn names one meeting.
type MeetingFindIn struct {
	place.Mailbox
	Meeting string `json:"meeting,omitempty" doc:"Meeting by id"`
	JoinURL string `json:"join_url,omitempty" doc:"Meeting by the address to join it, instead"`
}

// Check wants one name for the meeting.
func (in MeetingFindIn) Check() error {
	if (in.Meeting == "") == (in.JoinURL == "") {
		return fault.BadField("meeting", "give either meeting or join_url")
	}
	return nil
}

// MeetingIn names one meeting by id.
type MeetingIn struct {
	place.Mailbox
	Meeting string `json:"meeting" minLength:"1" doc:"Meeting by id"`
}

// MeetingChangeIn changes a meeting. What is left out stays.
type MeetingChangeIn struct {
	MeetingIn
	Subject   *string    `json:"subject,omitempty" minLength:"1" maxLength:"255" doc:"New subject"`
	Start     *time.Time `json:"start,omitempty" doc:"New beginning"`
	End       *time.Time `json:"end,omitempty" doc:"New end"`
	Attendees []string   `json:"attendees,omitempty" minItems:"1" maxItems:"100" doc:"The attendees anew, the whole list"`
}

// Check wants something to change.
func (in MeetingChangeIn) Check() error {
	switch {
	case in.Subject == nil && in.Start == nil && in.End == nil && len(in.Attendees) == 0:
		return fault.BadField("subject", "nothing is to be changed: give subject, start, end or attendees")
	case (in.Start == nil) != (in.End == nil):
		return fault.BadField("end", "start and end are changed together (onlinemeeting-update.md)")
	case in.Start != nil && !in.End.After(*in.Start):
		return fault.BadField("end", "is not after start")
	}
	return nil
}

func attending(people []string) *graph.MeetingParticipants {
	if len(people) == 0 {
		return nil
	}
	out := &graph.MeetingParticipants{}
	for _, p := range people {
		out.Attendees = append(out.Attendees, graph.MeetingParticipant{UPN: p})
	}
	return out
}

func meetingActions() []action.Action {
	return []action.Action{
		// Microsoft gives the same meeting to the same external id (onlinemeeting-createorget.md), so making it twice makes it once.
		action.Define(action.Spec{Name: "teams.meeting.create", Summary: "Make an online meeting to join by its address; it stands in no calendar.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{makeMeeting}, MayCall: []m365.OperationKey{readUser}, Capability: m365.Meetings},
			func(ctx context.Context, c action.Call, in MeetingCreateIn) (Meeting, error) {
				at, err := in.meetings(ctx, c)
				if err != nil {
					return Meeting{}, err
				}
				change := graph.TeamsMeetingChange{ExternalID: once.Mark(c), Subject: &in.Subject, StartDateTime: &in.Start, EndDateTime: &in.End, Participants: attending(in.Attendees)}
				m, err := graph.Post[graph.TeamsMeeting](ctx, c.Bound.Graph, at.Sub("createOrGet"), change, graph.Idempotent())
				return meetingOf(m), policy(ctx, c, err)
			}),
		action.Define(action.Spec{Name: "teams.meeting.get", Summary: "Read an online meeting, by its id or the address to join it.", Effect: action.Reads,
			Operations: []m365.OperationKey{readMeeting}, MayCall: []m365.OperationKey{findMeeting, readUser}, Capability: m365.Meetings}, getMeeting),
		action.Define(action.Spec{Name: "teams.meeting.update", Summary: "Change an online meeting.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeMeeting}, MayCall: []m365.OperationKey{readUser}, Capability: m365.Meetings, Args: []string{"meeting"}},
			func(ctx context.Context, c action.Call, in MeetingChangeIn) (Meeting, error) {
				at, err := in.meetings(ctx, c)
				if err != nil {
					return Meeting{}, err
				}
				change := graph.TeamsMeetingChange{Subject: in.Subject, StartDateTime: in.Start, EndDateTime: in.End, Participants: attending(in.Attendees)}
				m, err := graph.Patch[graph.TeamsMeeting](ctx, c.Bound.Graph, at.Item("onlineMeeting-id", in.Meeting), change, graph.Idempotent())
				return meetingOf(m), policy(ctx, c, err)
			}),
		action.Define(action.Spec{Name: "teams.meeting.delete", Summary: "Delete an online meeting.", Effect: action.Deletes, Repeatable: true,
			Operations: []m365.OperationKey{removeMeeting}, MayCall: []m365.OperationKey{readUser}, Capability: m365.Meetings, Args: []string{"meeting"}},
			func(ctx context.Context, c action.Call, in MeetingIn) (Deleted, error) {
				at, err := in.meetings(ctx, c)
				if err != nil {
					return Deleted{}, err
				}
				return Deleted{in.Meeting}, policy(ctx, c, graph.Delete(ctx, c.Bound.Graph, at.Item("onlineMeeting-id", in.Meeting)))
			}),
	}
}

func (in MeetingCreateIn) meetings(ctx context.Context, c action.Call) (graph.Path, error) {
	return meetingsOf(ctx, c, in.Mailbox)
}

func (in MeetingIn) meetings(ctx context.Context, c action.Call) (graph.Path, error) {
	return meetingsOf(ctx, c, in.Mailbox)
}

// meetingsOf is where a person's meetings are: one's own as oneself, another's by object id (onlinemeeting-get.md).
func meetingsOf(ctx context.Context, c action.Call, of place.Mailbox) (graph.Path, error) {
	if of.User == "" {
		box, err := of.In(c)
		return box.Sub("onlineMeetings"), err
	}
	owner, err := byID(ctx, c, of.User)
	return owner.Sub("onlineMeetings"), err
}

func getMeeting(ctx context.Context, c action.Call, in MeetingFindIn) (Meeting, error) {
	at, err := meetingsOf(ctx, c, in.Mailbox)
	if err != nil {
		return Meeting{}, err
	}
	if in.Meeting != "" {
		m, err := graph.Get[graph.TeamsMeeting](ctx, c.Bound.Graph, at.Item("onlineMeeting-id", in.Meeting))
		return meetingOf(m), policy(ctx, c, err)
	}
	m, found, err := once.First[graph.TeamsMeeting](ctx, c.Bound.Graph, at, graph.Filter("JoinWebUrl eq "+graph.Quote(in.JoinURL)))
	if err == nil && !found {
		err = fault.Missing("meeting at this address", in.JoinURL)
	}
	return meetingOf(m), policy(ctx, c, err)
}

// policy says what an app lacks where it has the permission: the policy in Teams that lets it to this person's meetings.
func policy(ctx context.Context, c action.Call, err error) error {
	f := fault.As(err)
	if f == nil || f.Upstream == nil || f.Upstream.Status != 403 || c.Bound.Graph.Mode() != m365.Application {
		return explain(ctx, c, "", err)
	}
	out := *f
	out.Kind, out.Code, out.Message = fault.NeedsAdmin, "resource_not_granted", "Teams does not let the app to this person's online meetings"
	out.Cause = "The app needs an application access policy for the person besides the permission OnlineMeetings.ReadWrite.All; or that is missing"
	out.Fix, out.Who = "New-CsApplicationAccessPolicy with the app's id, then Grant-CsApplicationAccessPolicy to the person (Teams PowerShell); it takes up to half an hour", "a Teams administrator of the tenant"
	out.Alternatives = []string{"calendar.event.create with online_meeting: it needs no policy, and works in both modes"}
	out.WrongFixes = []string{"granting more Graph permissions: the policy is Teams' own"}
	return &out
}
