package world

import (
	"fmt"
	"strings"
	"time"
)

// seedConversations puts what customers wrote, and most answers, into the mailboxes.
func (w *World) seedConversations(t TenantSpec) {
	if len(w.spec.Topics) == 0 || len(w.spec.Customers) == 0 {
		return
	}
	for _, u := range t.Users {
		if !u.Mailbox {
			continue
		}
		r := w.Rand("mail", u.UPN)
		for n := range u.Mails {
			topic := w.spec.Topics[r.IntN(len(w.spec.Topics))]
			customer := w.spec.Customers[n%len(w.spec.Customers)]
			contact := customer.Contacts[r.IntN(len(customer.Contacts))]
			at := w.head.Start.Add(-time.Duration(1+r.IntN(t.MailDays*24*60-60)) * time.Minute)
			w.seedConversation(t, u, contact, topic, at, n, r.IntN(4) > 0)
		}
	}
}

func (w *World) seedConversation(t TenantSpec, u UserSpec, c ContactSpec, topic TopicSpec, at time.Time, n int, answered bool) {
	userID := w.GUID("user", t.ID, u.UPN)
	scope := Mailbox(userID)
	conversation := w.ItemKey("conversation", u.UPN, fmt.Sprint(n))
	me, them := Recipient(u.Name, u.UPN), Recipient(c.Name, c.Address)
	asked := fmt.Sprintf("<%s@mail.%s>", w.GUID("asked", u.UPN, fmt.Sprint(n)), domainOf(c.Address))
	w.Update(func(tx *Tx) {
		in := Message(Mail{Folder: w.FolderKey(userID, "inbox"), Subject: topic.Subject, Text: topic.Asks, From: them, To: []Object{me}, At: at, InternetID: asked, Conversation: conversation, Read: answered})
		tx.Put(Key{scope, Messages, w.ItemKey("in", u.UPN, fmt.Sprint(n))}, in)
		if !answered {
			return
		}
		reply := fmt.Sprintf("<%s@%s>", w.GUID("answered", u.UPN, fmt.Sprint(n)), t.Domain)
		out := Message(Mail{Folder: w.FolderKey(userID, "sentitems"), Subject: "Re: " + topic.Subject, Text: topic.Answers, From: me, To: []Object{them}, At: at.Add(40 * time.Minute), InternetID: reply, Conversation: conversation, Read: true})
		out["~headers"] = []any{Object{"name": "In-Reply-To", "value": asked}, Object{"name": "References", "value": asked}}
		if at.Add(40 * time.Minute).Before(w.head.Start) {
			tx.Put(Key{scope, Messages, w.ItemKey("out", u.UPN, fmt.Sprint(n))}, out)
		}
	})
}

func domainOf(address string) string {
	for i := range address {
		if address[i] == '@' {
			return address[i+1:]
		}
	}
	return address
}

// seedMeetings puts meetings with customers' contacts into the calendars, and a weekly series with one moved and one cancelled week.
func (w *World) seedMeetings(t TenantSpec) {
	if len(w.spec.Customers) == 0 {
		return
	}
	day := w.head.Start.Truncate(24 * time.Hour)
	series := false
	for _, u := range t.Users {
		r := w.Rand("meetings", u.UPN)
		for n := range u.Meetings {
			customer := w.spec.Customers[(n+1)%len(w.spec.Customers)]
			contact := customer.Contacts[n%len(customer.Contacts)]
			start := workday(day.AddDate(0, 0, r.IntN(20)-8)).Add(time.Duration(8+2*n) * time.Hour)
			userID := w.GUID("user", t.ID, u.UPN)
			w.Put(Key{Mailbox(userID), Events, w.ItemKey("event", u.UPN, fmt.Sprint(n))}, Event(Meeting{
				UID: w.icalUID("event", u.UPN, fmt.Sprint(n)), Calendar: w.CalendarKey(userID), Subject: "On site: " + customer.Name, Text: "Visit at " + customer.Name + " with " + contact.Name + ".",
				Zone: t.TimeZone, Location: customer.Name, Start: start, End: start.Add(time.Hour), Organizer: Recipient(u.Name, u.UPN), Mine: true,
				Attendees: []any{Attendee(contact.Name, contact.Address, "required", "accepted", w.head.Start)}, Created: w.head.Start.AddDate(0, 0, -10),
			}))
		}
		if u.Meetings > 1 && !series {
			series = true
			w.seedSeries(t, u, day)
		}
	}
}

func workday(d time.Time) time.Time {
	for d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		d = d.AddDate(0, 0, 1)
	}
	return d
}

func (w *World) icalUID(parts ...string) string {
	return "040000008200E00074C5B7101A82E008" + fmt.Sprintf("%X", w.digest(parts...))
}

func (w *World) seedSeries(t TenantSpec, u UserSpec, day time.Time) {
	first := day.AddDate(0, 0, -14)
	for first.Weekday() != time.Tuesday {
		first = first.AddDate(0, 0, 1)
	}
	start := first.Add(13 * time.Hour)
	userID := w.GUID("user", t.ID, u.UPN)
	scope, master := Mailbox(userID), w.ItemKey("series", u.UPN)
	contact := w.spec.Customers[0].Contacts[0]
	recurrence := Object{
		"pattern": Object{"type": "weekly", "interval": 1, "month": 0, "dayOfMonth": 0, "daysOfWeek": []any{"tuesday"}, "firstDayOfWeek": "monday", "index": "first"},
		"range":   Object{"type": "numbered", "startDate": first.Format(time.DateOnly), "endDate": "0001-01-01", "recurrenceTimeZone": "UTC", "numberOfOccurrences": 10},
	}
	m := Meeting{
		UID: w.icalUID("series", u.UPN), Calendar: w.CalendarKey(userID), Subject: "Weekly call with " + w.spec.Customers[0].Name, Text: "Open tickets of the week.", Zone: "UTC",
		Start: start, End: start.Add(30 * time.Minute), Organizer: Recipient(u.Name, u.UPN), Mine: true, Recurrence: recurrence,
		Attendees: []any{Attendee(contact.Name, contact.Address, "required", "accepted", w.head.Start)}, Created: w.head.Start.AddDate(0, 0, -20),
	}
	series := Event(m)
	series["~cancelled"] = []any{Stamp(start.AddDate(0, 0, 28))}
	w.Put(Key{scope, Events, master}, series)
	moved := start.AddDate(0, 0, 21)
	m.Recurrence, m.Start, m.End, m.Subject = nil, moved.Add(2*time.Hour), moved.Add(150*time.Minute), m.Subject+" (moved)"
	exception := Event(m)
	exception["type"], exception["seriesMasterId"], exception["~original"] = "exception", master, Stamp(moved)
	w.Put(Key{scope, Events, w.ItemKey("exception", u.UPN)}, exception)
}

// seedContacts puts the customers' people into the contacts of everybody with meetings.
func (w *World) seedContacts(t TenantSpec) {
	for _, u := range t.Users {
		if u.Meetings == 0 {
			continue
		}
		userID := w.GUID("user", t.ID, u.UPN)
		w.Update(func(tx *Tx) {
			for _, customer := range w.spec.Customers {
				for _, person := range customer.Contacts {
					given, family, _ := strings.Cut(person.Name, " ")
					o := Contact(w.ContactsKey(userID), w.head.Start.AddDate(0, -1, 0))
					o["displayName"], o["givenName"], o["surname"], o["fileAs"], o["companyName"] = person.Name, given, family, family+", "+given, customer.Name
					o["emailAddresses"] = []any{Object{"name": person.Name, "address": person.Address}}
					tx.Put(Key{Mailbox(userID), Contacts, w.ItemKey("contact", u.UPN, person.Address)}, o)
				}
			}
		})
	}
}
