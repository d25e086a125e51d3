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
		_, address := world.Address(a)
		_, user, err := s.mailboxOf(address)
		if err != nil || world.Text(user, "id") == world.Text(organizer, "id") {
			s.record.Count("invitations_left_the_world", 1)
			continue
		}
		s.inviteOne(organizer, user, o, comment)
	}
}

// shared are the properties that the organiser's event gives to the copies.
var shared = []string{"subject", "body", "bodyPreview", "start", "end", "originalStartTimeZone", "originalEndTimeZone", "location", "locations", "isAllDay", "recurrence", "type", "onlineMeeting", "isOnlineMeeting", "onlineMeetingProvider", "attendees", "importance", "sensitivity", "~cancelled"}

func (s *Server) inviteOne(organizer, user, o world.Object, comment string) {
	userID := world.Text(user, "id")
	box := world.Mailbox(userID)
	key, copied, known := s.copyOf(box, o)
	if !known {
		key = s.world.NewKey()
		copied = world.Clone(o)
		delete(copied, "~properties")
		copied["isOrganizer"], copied["~calendar"], copied["transactionId"], copied["showAs"] = false, s.world.CalendarKey(userID), nil, "tentative"
		copied["responseStatus"] = world.Object{"response": "notResponded", "time": "0001-01-01T00:00:00Z"}
		copied["seriesMasterId"] = nil
		if world.Text(o, "type") == "exception" {
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
	s.world.Put(world.Key{Scope: box, Collection: world.Events, ID: key}, copied)
	if room { // rooms answer by themselves
		s.recordResponse(copied, world.Text(user, "mail"), "accepted", "", user, "Accepted: ")
		return
	}
	s.meetingMail(organizer, user, o, world.Text(o, "subject"), comment, "meetingRequest")
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

// meetingMail puts the message about a meeting into a mailbox.
func (s *Server) meetingMail(from, to, event world.Object, subject, comment, kind string) {
	userID := world.Text(to, "id")
	_, domain, _ := strings.Cut(world.Text(from, "userPrincipalName"), "@")
	m := world.Message(world.Mail{
		Folder: s.world.FolderKey(userID, "inbox"), Subject: subject, Text: comment, From: world.Recipient(world.Text(from, "displayName"), world.Text(from, "mail")),
		To: []world.Object{world.Recipient(world.Text(to, "displayName"), world.Text(to, "mail"))}, At: s.world.Now(), InternetID: "<" + s.world.NewGUID() + "@" + domain + ">", Conversation: s.world.ItemKey("meeting", world.Text(event, "iCalUId")),
	})
	if comment == "" {
		m["body"], m["bodyPreview"] = event["body"], event["bodyPreview"]
	}
	m["@odata.type"], m["meetingMessageType"] = "#microsoft.graph.eventMessage", kind
	if kind == "meetingRequest" {
		m["@odata.type"] = "#microsoft.graph.eventMessageRequest"
	}
	if strings.HasPrefix(kind, "meeting") && strings.HasSuffix(kind, "ed") && kind != "meetingCancelled" {
		m["@odata.type"] = "#microsoft.graph.eventMessageResponse"
	}
	m["startDateTime"], m["endDateTime"], m["isOutOfDate"], m["isAllDay"], m["isDelegated"], m["type"] = event["start"], event["end"], false, event["isAllDay"], false, event["type"]
	s.world.Put(world.Key{Scope: world.Mailbox(userID), Collection: world.Messages, ID: s.world.NewKey()}, m)
}

// uninvite tells the attendees that a meeting is off: their copy is marked cancelled and a message says so.
func (s *Server) uninvite(organizer, o world.Object, comment string) {
	for _, a := range world.Objects(o["attendees"]) {
		_, address := world.Address(a)
		_, user, err := s.mailboxOf(address)
		if err != nil || world.Text(user, "id") == world.Text(organizer, "id") {
			continue
		}
		box := world.Mailbox(world.Text(user, "id"))
		if world.Text(o, "type") == "occurrence" {
			continue // the copies of a series keep one cancelled occurrence; see docs/fidelity.md
		}
		if key, e, found := s.copyOf(box, o); found {
			n := bump(s.world, e)
			n["isCancelled"], n["showAs"], n["subject"] = true, "free", "Canceled: "+strings.TrimPrefix(world.Text(e, "subject"), "Canceled: ")
			s.world.Put(world.Key{Scope: box, Collection: world.Events, ID: key}, n)
			s.meetingMail(organizer, user, o, "Canceled: "+world.Text(o, "subject"), comment, "meetingCancelled")
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

func forwardEvent(c *call) (reply, *problem) {
	_, o, p := c.event()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	for _, r := range world.Objects(param(in, "toRecipients")) {
		_, address := world.Address(r)
		if _, user, err := c.s.mailboxOf(address); err == nil {
			c.s.inviteOne(c.user, user, o, paramText(in, "comment"))
		}
	}
	return empty(http.StatusAccepted), nil
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
		switch proposed := param(in, "proposedNewTime"); {
		case world.Flag(o, "isOrganizer"):
			return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.")
		case proposed != nil && (response == "accepted" || !send):
			return reply{}, fail(http.StatusBadRequest, "ErrorInvalidRequest", "A new time can be proposed only when declining or tentatively accepting, and only with a response.")
		}
		k := world.Key{Scope: c.box, Collection: world.Events, ID: ref.key}
		if response == "declined" {
			c.s.dropEvent(c.box, ref, o)
		} else if ref.occurrence == 0 {
			n := c.changed(o)
			n["responseStatus"] = world.Object{"response": response, "time": world.Stamp(c.s.world.Now())}
			n["showAs"] = "busy"
			if response == "tentativelyAccepted" {
				n["showAs"] = "tentative"
			}
			c.s.world.Put(k, n)
		}
		if send {
			c.s.recordResponse(o, world.Text(c.user, "mail"), response, paramText(in, "comment"), c.user, prefix)
		}
		return empty(http.StatusAccepted), nil
	}
}

// recordResponse brings an answer to the organiser: the attendee's status in the event, and a message.
func (s *Server) recordResponse(o world.Object, address, response, comment string, from world.Object, prefix string) {
	_, organizer := world.Address(o["organizer"])
	_, user, err := s.mailboxOf(organizer)
	if err != nil {
		return
	}
	box := world.Mailbox(world.Text(user, "id"))
	key, e, found := s.copyOf(box, o)
	if !found {
		return
	}
	n := bump(s.world, e)
	list := []any{}
	for _, a := range world.Objects(e["attendees"]) {
		if _, who := world.Address(a); strings.EqualFold(who, address) {
			a = world.Clone(a)
			a["status"] = world.Object{"response": response, "time": world.Stamp(s.world.Now())}
		}
		list = append(list, a)
	}
	n["attendees"] = list
	s.world.Put(world.Key{Scope: box, Collection: world.Events, ID: key}, n)
	kind := map[string]string{"accepted": "meetingAccepted", "declined": "meetingDeclined", "tentativelyAccepted": "meetingTenativelyAccepted"}[response] // Microsoft's spelling
	s.meetingMail(from, user, o, prefix+world.Text(o, "subject"), comment, kind)
}
