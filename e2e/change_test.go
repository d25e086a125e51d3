package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// change does something in Microsoft 365 that concerns the timeline, or does not.
func (s *storm) change() {
	s.t.Helper()
	mailbox := []string{ada, ben}[s.r.IntN(2)]
	switch s.r.IntN(8) {
	case 0, 1, 2:
		s.arrive(mailbox)
	case 3:
		if m := s.some(mailbox); m != "" {
			s.graph("DELETE", "/users/"+mailbox+"/messages/"+m, nil)
		}
	case 4:
		if m := s.some(mailbox); m != "" {
			to := []string{"archive", "deleteditems", "inbox", "junkemail"}[s.r.IntN(4)]
			s.graph("POST", "/users/"+mailbox+"/messages/"+m+"/move", map[string]any{"destinationId": to})
		}
	case 5:
		s.folder(mailbox)
	case 6:
		s.meet(mailbox)
	case 7:
		s.mails++
		s.graph("POST", "/users/"+mailbox+"/sendMail", map[string]any{"message": map[string]any{"subject": fmt.Sprint("Sent ", s.mails), "body": map[string]any{"contentType": "text", "content": "Hello."},
			"toRecipients": []any{map[string]any{"emailAddress": map[string]any{"address": "nora@northwind.example"}}}}})
	}
}

// arrive delivers one mail to one or both mailboxes, of the customer or of a stranger.
func (s *storm) arrive(mailbox string) {
	s.t.Helper()
	s.mails++
	from := []string{"nora@northwind.example", "nora@northwind.example", "someone@elsewhere.example"}[s.r.IntN(3)]
	mime := fmt.Appendf(nil, "From: Nora <%s>\r\nTo: %s, %s\r\nSubject: Storm %d\r\nMessage-ID: <storm-%d@northwind.example>\r\nDate: %s\r\n\r\nHello there.\r\n", from, ada, ben, s.mails, s.mails, s.time.Now().UTC().Format(time.RFC1123Z))
	boxes := []string{mailbox}
	if s.r.IntN(3) == 0 {
		boxes = []string{ada, ben}
	}
	for _, box := range boxes {
		if err := s.cloud.DeliverMail(box, "inbox", mime); err != nil {
			s.t.Fatal(err)
		}
	}
}

// some is a message of the mailbox; none when it is empty.
func (s *storm) some(mailbox string) string {
	s.t.Helper()
	var list struct{ Value []struct{ ID string } }
	if err := json.Unmarshal(s.graph("GET", "/users/"+mailbox+"/messages?$select=id&$top=50", nil), &list); err != nil {
		s.t.Fatal(err)
	}
	if len(list.Value) == 0 {
		return ""
	}
	return list.Value[s.r.IntN(len(list.Value))].ID
}

// folder makes a folder and moves a message there; now and then the folder goes, with what lies in it.
func (s *storm) folder(mailbox string) {
	s.t.Helper()
	s.mails++
	var made struct{ ID string }
	if err := json.Unmarshal(s.graph("POST", "/users/"+mailbox+"/mailFolders", map[string]any{"displayName": fmt.Sprint("Storm ", s.mails)}), &made); err != nil {
		s.t.Fatal(err)
	}
	if m := s.some(mailbox); m != "" {
		s.graph("POST", "/users/"+mailbox+"/messages/"+m+"/move", map[string]any{"destinationId": made.ID})
	}
	if s.r.IntN(4) == 0 {
		s.graph("DELETE", "/users/"+mailbox+"/mailFolders/"+made.ID, nil)
	}
}

// meet makes, moves or cancels a meeting with the customer.
func (s *storm) meet(mailbox string) {
	s.t.Helper()
	at := func(h int) map[string]any {
		return map[string]any{"dateTime": s.time.Now().UTC().Truncate(24 * time.Hour).Add(time.Duration(h) * time.Hour).Format("2006-01-02T15:04:05"), "timeZone": "UTC"}
	}
	start := s.r.IntN(9 * 24)
	ids := slices.Sorted(maps.Keys(s.events))
	if len(ids) > 0 && s.r.IntN(2) == 0 {
		id := ids[s.r.IntN(len(ids))]
		if s.r.IntN(2) == 0 {
			s.graph("DELETE", "/users/"+s.events[id]+"/events/"+id, nil)
			delete(s.events, id)
			return
		}
		s.graph("PATCH", "/users/"+s.events[id]+"/events/"+id, map[string]any{"start": at(start), "end": at(start + 1)})
		return
	}
	s.mails++
	var made struct{ ID string }
	text := s.graph("POST", "/users/"+mailbox+"/events", map[string]any{"subject": fmt.Sprint("Visit ", s.mails), "start": at(start), "end": at(start + 1),
		"attendees": []any{map[string]any{"type": "required", "emailAddress": map[string]any{"address": "nora@northwind.example"}}}})
	if err := json.Unmarshal(text, &made); err != nil {
		s.t.Fatal(err)
	}
	s.events[made.ID] = mailbox
}
