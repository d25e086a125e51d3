package graph

import (
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

// forwardEvent brings an invitation to others. Forwarded by an attendee, the organiser is told and has them as attendees too: event-forward.md.
func forwardEvent(c *call) (reply, *problem) {
	_, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	to := world.Objects(param(in, "toRecipients"))
	if len(to) == 0 {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is needed.")
	}
	if !world.Flag(o, "isOrganizer") {
		c.s.forwarded(c.user, o, to)
	}
	for _, r := range to {
		_, address := world.Address(r)
		if _, user, err := c.s.mailboxOf(address); err == nil {
			c.s.inviteOne(c.user, user, o, paramText(in, "comment"))
		} else {
			c.s.record.Count("invitations_left_the_world", 1)
		}
	}
	return empty(http.StatusAccepted), nil
}

// forwarded tells the organiser to whom an attendee forwarded the invitation.
func (s *Server) forwarded(by, o world.Object, to []world.Object) {
	_, organizer := world.Address(o["organizer"])
	_, user, err := s.mailboxOf(organizer)
	if err != nil {
		return
	}
	box := world.Mailbox(world.Text(user, "id"))
	ref, e, found := s.counterpart(box, o)
	if !found {
		return
	}
	n := bump(s.world, e)
	list := append([]any{}, anyOf(e["attendees"])...)
	for _, r := range to {
		name, address := world.Address(r)
		if name == "" {
			name = address
		}
		list = append(list, world.Attendee(name, address, "required", "none", s.world.Now()))
	}
	n["attendees"] = list
	s.keep(box, ref, n)
	s.meetingMail(notice{from: by, to: user, event: o, subject: "Meeting Forward Notification: " + world.Text(o, "subject"), kind: "none"})
}

// answer is what an attendee says to an invitation.
type answer struct {
	response, prefix, comment string
	proposal                  any // the other time; nil without
}

// respond plays accept, decline, tentativelyAccept: graph/FACTS §8.
func respond(response, prefix string) handler {
	return func(c *call) (reply, *problem) {
		ref, o, p := c.event()
		if p != nil {
			return reply{}, p
		}
		in, p := c.json()
		if p != nil {
			return reply{}, p
		}
		send := paramBool(in, "sendResponse", true)
		said := answer{response: response, prefix: prefix, comment: paramText(in, "comment"), proposal: param(in, "proposedNewTime")}
		if world.Flag(o, "isOrganizer") {
			return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.")
		}
		if p := said.proposes(o, send); p != nil {
			return reply{}, p
		}
		if response == "declined" {
			c.s.dropEvent(c.box, ref, o)
		} else {
			n := c.changed(o)
			n["responseStatus"] = world.Object{"response": response, "time": world.Stamp(c.s.world.Now())}
			n["showAs"] = "busy"
			if response == "tentativelyAccepted" {
				n["showAs"] = "tentative"
			}
			c.s.keep(c.box, ref, n)
		}
		if send {
			c.s.recordResponse(o, c.user, said)
		}
		return empty(http.StatusAccepted), nil
	}
}

// proposes refuses another time where none may be proposed: event-decline.md, event-tentativelyaccept.md.
func (a answer) proposes(o world.Object, send bool) *problem {
	if a.proposal == nil {
		return nil
	}
	if a.response == "accepted" || !send {
		return fail(http.StatusBadRequest, "ErrorInvalidRequest", "A new time can be proposed only when declining or tentatively accepting, and only with a response.")
	}
	if !world.Flag(o, "allowNewTimeProposals") {
		return fail(http.StatusBadRequest, "ErrorInvalidRequest", "The organizer does not allow new time proposals for this meeting.")
	}
	slot, _ := a.proposal.(world.Object)
	for _, name := range []string{"start", "end"} {
		if _, _, p := moment(param(slot, name)); p != nil {
			return p
		}
	}
	return nil
}

// recordResponse brings an answer to the organiser: the attendee's status in the event, and a message.
func (s *Server) recordResponse(o, from world.Object, said answer) {
	_, organizer := world.Address(o["organizer"])
	_, user, err := s.mailboxOf(organizer)
	if err != nil {
		return
	}
	box := world.Mailbox(world.Text(user, "id"))
	ref, e, found := s.counterpart(box, o)
	if !found {
		return
	}
	n := bump(s.world, e)
	list := []any{}
	for _, a := range world.Objects(e["attendees"]) {
		if _, who := world.Address(a); strings.EqualFold(who, world.Text(from, "mail")) {
			a = world.Clone(a)
			a["status"] = world.Object{"response": said.response, "time": world.Stamp(s.world.Now())}
			if delete(a, "proposedNewTime"); said.proposal != nil {
				a["proposedNewTime"] = said.proposal
			}
		}
		list = append(list, a)
	}
	n["attendees"] = list
	s.keep(box, ref, n)
	subject := said.prefix
	if said.proposal != nil {
		subject = "New Time Proposed: " // concepts/outlook-calendar-meeting-proposals.md
	}
	kind := map[string]string{"accepted": "meetingAccepted", "declined": "meetingDeclined", "tentativelyAccepted": "meetingTenativelyAccepted"}[said.response] // Microsoft's spelling
	s.meetingMail(notice{from: from, to: user, event: o, subject: subject + world.Text(o, "subject"), comment: said.comment, kind: kind,
		more: world.Object{"responseType": said.response, "proposedNewTime": said.proposal}})
}
