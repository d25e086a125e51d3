package graph

import (
	"net/http"
	"strings"

	"seneschal/internal/sim/world"
)

// invite brings an organiser's event to the attendees who have a mailbox in this world: an event in their calendar and a message about it.
// For those invited before it is an update.
func (s *Server) invite(organizer, o world.Object, comment string) {
	for _, a := range world.Objects(o["attendees"]) {
		if user, here := s.guest(organizer, a); here {
			s.inviteOne(organizer, user, o, comment)
		}
	}
}

// guest is an attendee with a mailbox in this world. Whoever has none is mailed all the same, and that is counted.
func (s *Server) guest(organizer, attendee world.Object) (user world.Object, here bool) {
	_, address := world.Address(attendee)
	_, user, err := s.mailboxOf(address)
	if err != nil {
		s.record.Count("invitations_left_the_world", 1)
		return nil, false
	}
	return user, world.Text(user, "id") != world.Text(organizer, "id")
}

// shared are the properties that the organiser's event gives to the copies.
var shared = []string{"subject", "body", "bodyPreview", "start", "end", "originalStartTimeZone", "originalEndTimeZone", "location", "locations", "isAllDay", "recurrence", "type", "onlineMeeting", "isOnlineMeeting", "onlineMeetingProvider", "attendees", "importance", "sensitivity", "responseRequested", "allowNewTimeProposals", "~cancelled"}

func (s *Server) inviteOne(organizer, user, o world.Object, comment string) {
	userID := world.Text(user, "id")
	box := world.Mailbox(userID)
	ref, copied, known := s.counterpart(box, o)
	if !known {
		ref.key = s.world.NewKey()
		copied = world.Clone(o)
		delete(copied, "~properties")
		copied["isOrganizer"], copied["~calendar"], copied["transactionId"], copied["showAs"] = false, s.world.CalendarKey(userID), nil, "tentative"
		copied["responseStatus"] = world.Object{"response": "notResponded", "time": "0001-01-01T00:00:00Z"}
		copied["seriesMasterId"] = nil
		if alone := world.Text(o, "type"); alone == "exception" || alone == "occurrence" {
			copied["type"] = "singleInstance"
		}
	} else {
		before := copied
		copied = bump(s.world, copied)
		for _, name := range shared {
			copied[name] = o[name]
		}
		if world.Text(before, "type") != "" && world.Text(o, "type") == "exception" {
			copied["type"] = before["type"]
		}
	}
	room := world.Text(user, "~purpose") == "room"
	if room {
		copied["responseStatus"], copied["showAs"] = world.Object{"response": "accepted", "time": world.Stamp(s.world.Now())}, "busy"
	}
	s.keep(box, ref, copied)
	if room { // rooms answer by themselves
		s.recordResponse(copied, user, answer{response: "accepted", prefix: "Accepted: "})
		return
	}
	s.meetingMail(notice{from: organizer, to: user, event: o, subject: world.Text(o, "subject"), comment: comment, kind: "meetingRequest"})
}

// copyOf finds the copy of an event in another mailbox by its iCalUId: graph/FACTS §8.
func (s *Server) copyOf(box string, o world.Object) (string, world.Object, bool) {
	for key, e := range s.world.Scan(box, world.Events) {
		if world.Text(e, "iCalUId") == world.Text(o, "iCalUId") {
			return key, e, true
		}
	}
	return "", nil, false
}

// notice is a message about a meeting.
type notice struct {
	from, to, event        world.Object
	subject, comment, kind string
	more                   world.Object // what messages of its kind have besides
}

// meetingMail puts the message about a meeting into a mailbox.
func (s *Server) meetingMail(n notice) {
	s.record.Count("meeting_mails", 1)
	userID := world.Text(n.to, "id")
	_, domain, _ := strings.Cut(world.Text(n.from, "userPrincipalName"), "@")
	m := world.Message(world.Mail{
		Folder: s.world.FolderKey(userID, "inbox"), Subject: n.subject, Text: n.comment, From: world.Recipient(world.Text(n.from, "displayName"), world.Text(n.from, "mail")),
		To: []world.Object{world.Recipient(world.Text(n.to, "displayName"), world.Text(n.to, "mail"))}, At: s.world.Now(), InternetID: "<" + s.world.NewGUID() + "@" + domain + ">",
		Conversation: s.world.ItemKey("meeting", world.Text(n.event, "iCalUId")),
	})
	if n.comment == "" {
		m["body"], m["bodyPreview"] = n.event["body"], n.event["bodyPreview"]
	}
	m["@odata.type"], m["meetingMessageType"] = "#microsoft.graph.eventMessage", n.kind
	if n.kind == "meetingRequest" {
		m["@odata.type"] = "#microsoft.graph.eventMessageRequest"
	}
	if strings.HasPrefix(n.kind, "meeting") && strings.HasSuffix(n.kind, "ed") && n.kind != "meetingCancelled" {
		m["@odata.type"] = "#microsoft.graph.eventMessageResponse"
	}
	m["startDateTime"], m["endDateTime"], m["isOutOfDate"], m["isAllDay"], m["isDelegated"], m["type"] = n.event["start"], n.event["end"], false, n.event["isAllDay"], false, n.event["type"]
	for name, v := range n.more {
		m[name] = v
	}
	s.world.Put(world.Key{Scope: world.Mailbox(userID), Collection: world.Messages, ID: s.world.NewKey()}, m)
}

// uninvite tells the attendees that a meeting is off: their copy is marked cancelled and a message says so.
func (s *Server) uninvite(organizer, o world.Object, comment string) {
	for _, a := range world.Objects(o["attendees"]) {
		user, here := s.guest(organizer, a)
		if !here {
			continue
		}
		box := world.Mailbox(world.Text(user, "id"))
		if ref, e, found := s.counterpart(box, o); found {
			n := bump(s.world, e)
			n["isCancelled"], n["showAs"], n["subject"] = true, "free", "Canceled: "+strings.TrimPrefix(world.Text(e, "subject"), "Canceled: ")
			s.keep(box, ref, n)
			s.meetingMail(notice{from: organizer, to: user, event: o, subject: "Canceled: " + world.Text(o, "subject"), comment: comment, kind: "meetingCancelled"})
		}
	}
}

// cancelEvent is the organiser's alone: an attendee gets 400, graph/FACTS §8.
func cancelEvent(c *call) (reply, *problem) {
	ref, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if !world.Flag(o, "isOrganizer") {
		return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "Your request can't be completed. You need to be an organizer to cancel a meeting.")
	}
	c.s.uninvite(c.user, o, paramText(in, "comment"))
	c.s.dropEvent(c.box, ref, o)
	return empty(http.StatusAccepted), nil
}
