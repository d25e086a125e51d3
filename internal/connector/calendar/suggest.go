package calendar

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// candidates is how many times Microsoft is asked for: as many as we hand out at most, as some are left out again (fits).
const candidates = 50

// mayAskMicrosoft reports whether findMeetingTimes is open to the call. Microsoft has it for signed-in people only; that the token names
// the permission is no more than a hint, which spares a request that would be refused.
func mayAskMicrosoft(ctx context.Context, c action.Call) bool {
	if c.Connection.Kind != m365.Delegated {
		return false
	}
	claims, err := c.Bound.Tokens.Claims(ctx)
	if err != nil {
		return false // a personal account's token shows nothing, and Microsoft has no findMeetingTimes for it (user-findmeetingtimes.md)
	}
	granted := map[string]bool{}
	for _, scope := range claims.Scopes {
		granted[scope] = true
	}
	op, _ := m365.LookupOperation(findMeetingTimes)
	return op.In(m365.Delegated).Allows(granted)
}

// askMicrosoft has Microsoft suggest times. Its own words are translated into those of the search, so that a caller need not care who
// looked: who must be free is free in each suggestion, and the best come first.
func (in FindIn) askMicrosoft(ctx context.Context, c action.Call, box place.Place) (Suggestions, error) {
	answer, err := graph.Post[graph.MeetingTimes](ctx, box.Graph, box.Sub("findMeetingTimes"), in.question(c.Connection.Account), graph.Idempotent())
	if err != nil {
		return Suggestions{}, err
	}
	out := Suggestions{Method: byMicrosoft, Suggestions: []Suggestion{}, Unknown: []Unseen{}}
	z, _ := findZone(in.TimeZone)
	for _, m := range answer.Suggestions {
		people, free, fits := in.availability(m, c.Connection.Account)
		for _, p := range people {
			if p.Status == unknown && !slices.ContainsFunc(out.Unknown, func(u Unseen) bool { return u.Address == p.Address }) {
				out.Unknown = append(out.Unknown, Unseen{p.Address, unknown})
			}
		}
		if fits {
			out.Suggestions = append(out.Suggestions, Suggestion{z.instant(m.Slot.Start, false), z.instant(m.Slot.End, false), 100 * free / len(people), people})
		}
	}
	out.Suggestions = in.best(out.Suggestions)
	switch {
	case len(out.Suggestions) > 0:
	case len(out.Unknown) == len(in.everybody()):
		out.Reason = nobodyKnown
	default:
		out.Reason = reasonOf(answer.EmptyReason)
	}
	return out, nil
}

// question asks in Microsoft's terms. The signed-in person organizes what is found, and is no attendee beside that.
func (in FindIn) question(organizer string) graph.MeetingTimesRequest {
	q := graph.MeetingTimesRequest{Attendees: []graph.Attendee{}, IsOrganizerOptional: !has(in.People, organizer), MeetingDuration: fmt.Sprintf("PT%dM", in.Minutes), MaxCandidates: candidates,
		TimeConstraint: graph.TimeConstraint{ActivityDomain: "work", TimeSlots: []graph.TimeSlot{{Start: graph.UTC(in.Start), End: graph.UTC(in.End)}}}}
	if in.AnyHour {
		q.TimeConstraint.ActivityDomain = "unrestricted"
	}
	must := 0
	for _, address := range in.everybody() {
		a := graph.Attendee{EmailAddress: graph.EmailAddress{Address: address}, Type: "optional"}
		if has(in.People, address) {
			a.Type = "required"
		}
		if strings.EqualFold(address, organizer) {
			continue
		}
		if a.Type == "required" {
			must++
		}
		q.Attendees = append(q.Attendees, a)
	}
	if len(q.Attendees) > 0 {
		// Chances are averaged over all attendees, somebody unknown counting 49 and somebody busy 0 (user-findmeetingtimes.md): so much is
		// left of a time in which all who must be free are merely unknown.
		q.MinimumPercentage = float64(49 * must / len(q.Attendees))
	}
	return q
}

func (in FindIn) everybody() []string { return slices.Concat(in.People, in.Optional) }

func has(list []string, address string) bool {
	return slices.ContainsFunc(list, func(a string) bool { return strings.EqualFold(a, address) })
}

// availability tells how everybody is in a suggested time, in the order of the question, and whether it fits: somebody must be known, and
// nobody who must be free be known to be busy. By its averages Microsoft suggests such times too.
func (in FindIn) availability(m graph.MeetingTimeSuggestion, organizer string) (people []Availability, free int, fits bool) {
	known, busy := false, false
	for _, address := range in.everybody() {
		status := unknown
		if strings.EqualFold(address, organizer) {
			status = m.Organizer
		}
		for _, a := range m.Attendees {
			if strings.EqualFold(a.Attendee.EmailAddress.Address, address) {
				status = a.Availability
			}
		}
		switch {
		case status == "free" || status == "workingElsewhere":
			free++
		case status != unknown:
			busy = busy || has(in.People, address)
		}
		known = known || status != unknown
		people = append(people, Availability{address, status})
	}
	return people, free, known && !busy
}

// reasonOf translates why there is no suggestion; Microsoft writes the words with and without a capital. Those that were left out again
// leave no reason of Microsoft's.
func reasonOf(microsofts string) string {
	switch strings.ToLower(microsofts) {
	case "", "attendeesunavailable", "attendeesunavailableorunknown", "organizerunavailable":
		return noCommonTime
	}
	return unknown
}
