package world

import (
	"html"
	"strings"
	"time"
)

// Collections of a mailbox.
const (
	MailFolders    = "mailFolders"
	Messages       = "messages"
	Attachments    = "attachments"
	Calendars      = "calendars"
	CalendarGroups = "calendarGroups"
	CalendarShares = "calendarPermissions"
	Events         = "events"
	ContactFolders = "contactFolders"
	Contacts       = "contacts"
	TodoLists      = "todoLists"
	TodoTasks      = "todoTasks"
	Settings       = "mailboxSettings"
	Rules          = "messageRules"
	Categories     = "masterCategories"
	FocusOverrides = "inferenceClassificationOverrides"
)

// Mailbox is the scope of a user's mailbox.
func Mailbox(userID string) string { return "mailbox:" + userID }

// WellKnown lists the folders every mailbox has: the name paths use, the name people see, and whether it is hidden. List: recall, graph/FACTS §7.
var WellKnown = []struct {
	Name, Display string
	Hidden        bool
}{
	{"inbox", "Inbox", false}, {"drafts", "Drafts", false}, {"sentitems", "Sent Items", false}, {"deleteditems", "Deleted Items", false},
	{"junkemail", "Junk Email", false}, {"archive", "Archive", false}, {"outbox", "Outbox", false}, {"conversationhistory", "Conversation History", false},
	{"recoverableitemsdeletions", "Deletions", true},
}

// FolderKey is the store id of a well-known folder ("msgfolderroot" included).
func (w *World) FolderKey(userID, wellKnown string) string {
	return w.ItemKey("folder", userID, wellKnown)
}

// CalendarKey is the store id of a mailbox's default calendar.
func (w *World) CalendarKey(userID string) string { return w.ItemKey("calendar", userID) }

// CalendarGroupKey is the store id of one of a mailbox's calendar groups that are there from the start.
func (w *World) CalendarGroupKey(userID, classID string) string {
	return w.ItemKey("calendarGroup", userID, classID)
}

// OwnCalendars is the class of the group that calendars are in unless something else is said, and the first of those that stay. The classes are
// the same in every mailbox (microsoft-graph-docs-contrib, issue 7269).
const OwnCalendars = "0006f0b7-0000-0000-c000-000000000046"

// CalendarGroupsOfAll are the groups of every mailbox.
var CalendarGroupsOfAll = []struct{ Class, Name string }{
	{OwnCalendars, "My Calendars"}, {"0006f0b8-0000-0000-c000-000000000046", "Other Calendars"}, {"0006f0b9-0000-0000-c000-000000000046", "People's Calendars"},
}

// ContactsKey is the store id of a mailbox's default contact folder.
func (w *World) ContactsKey(userID string) string { return w.ItemKey("contacts", userID) }

// Contact makes a contact of a folder with all properties Outlook fills, and nothing said.
func Contact(folder string, at time.Time) Object {
	o := Object{"createdDateTime": Stamp(at), "lastModifiedDateTime": Stamp(at), Partition: folder, "~version": 1}
	for _, name := range []string{"assistantName", "birthday", "businessHomePage", "companyName", "department", "displayName", "fileAs", "generation", "givenName", "initials", "jobTitle",
		"manager", "middleName", "mobilePhone", "nickName", "officeLocation", "personalNotes", "profession", "spouseName", "surname", "title", "yomiCompanyName", "yomiGivenName", "yomiSurname"} {
		o[name] = nil
	}
	for _, name := range []string{"businessPhones", "categories", "children", "emailAddresses", "homePhones", "imAddresses"} {
		o[name] = []any{}
	}
	for _, name := range []string{"businessAddress", "homeAddress", "otherAddress"} {
		o[name] = Object{}
	}
	return o
}

// TodoList makes a list of tasks; kind says which of the built-in ones it is, none for others.
func TodoList(name, kind string) Object {
	return Object{"displayName": name, "isOwner": true, "isShared": false, "wellknownListName": kind, "~version": 1}
}

// TodoTask makes a task of a list with all properties To Do fills, and nothing said.
func TodoTask(list string, at time.Time) Object {
	return Object{
		"title": "", "status": "notStarted", "importance": "normal", "isReminderOn": false, "hasAttachments": false, "categories": []any{}, "body": Object{"content": "", "contentType": "text"},
		"createdDateTime": Stamp(at), "lastModifiedDateTime": Stamp(at), "bodyLastModifiedDateTime": Stamp(at), Partition: list, "~version": 1, "~steps": []any{}, "~links": []any{},
	}
}

// Recipient makes a recipient as Outlook shows it.
func Recipient(name, address string) Object {
	return Object{"emailAddress": Object{"name": name, "address": address}}
}

// Address reads a recipient's name and address.
func Address(v any) (name, address string) {
	r, _ := v.(Object)
	e, _ := r["emailAddress"].(Object)
	return text(e, "name"), text(e, "address")
}

// Body makes an item body from plain text.
func Body(plain string) Object {
	return Object{"contentType": "html", "content": "<html><head></head><body><p>" + strings.ReplaceAll(html.EscapeString(plain), "\n", "<br>") + "</p></body></html>"}
}

// Preview is the first 255 characters of a text, as bodyPreview holds them.
func Preview(plain string) string {
	p := strings.TrimSpace(strings.Join(strings.Fields(plain), " "))
	if r := []rune(p); len(r) > 255 {
		p = string(r[:255])
	}
	return p
}

// Mail is what a new message is made of.
type Mail struct {
	Key, Folder, Subject, Text string
	From                       Object
	To, Cc                     []Object
	At                         time.Time
	InternetID, Conversation   string
	Read, Draft                bool
}

// Message makes a message with all properties Outlook fills.
func Message(m Mail) Object {
	at := Stamp(m.At)
	return Object{
		"createdDateTime": at, "lastModifiedDateTime": at, "receivedDateTime": at, "sentDateTime": at, "categories": []any{},
		"hasAttachments": false, "internetMessageId": m.InternetID, "subject": m.Subject, "bodyPreview": Preview(m.Text), "importance": "normal",
		Partition: m.Folder, "conversationId": m.Conversation, "isDeliveryReceiptRequested": false, "isReadReceiptRequested": false,
		"isRead": m.Read, "isDraft": m.Draft, "inferenceClassification": "focused", "body": Body(m.Text), "sender": m.From, "from": m.From,
		"toRecipients": list(m.To), "ccRecipients": list(m.Cc), "bccRecipients": []any{}, "replyTo": []any{}, "flag": Object{"flagStatus": "notFlagged"},
		"~moves": 0, "~version": 1,
	}
}

func list(rs []Object) []any {
	out := make([]any, 0, len(rs))
	for _, r := range rs {
		out = append(out, r)
	}
	return out
}

// Meeting is what a new event is made of.
type Meeting struct {
	UID, Calendar, Subject, Text, Zone, Location string
	Start, End                                   time.Time
	Organizer                                    Object
	Attendees                                    []any
	Mine                                         bool // the mailbox organises it
	Recurrence                                   any
	Created                                      time.Time
}

// Event makes an event with all properties Outlook fills. Its times are kept in UTC; the answer converts them.
func Event(m Meeting) Object {
	kind, response := "singleInstance", Object{"response": "organizer", "time": "0001-01-01T00:00:00Z"}
	if m.Recurrence != nil {
		kind = "seriesMaster"
	}
	if !m.Mine {
		response = Object{"response": "notResponded", "time": "0001-01-01T00:00:00Z"}
	}
	location := Object{"displayName": m.Location, "locationType": "default", "uniqueIdType": "unknown"}
	locations := []any{}
	if m.Location != "" {
		locations = append(locations, location)
	}
	attendees := m.Attendees
	if attendees == nil {
		attendees = []any{}
	}
	return Object{
		"createdDateTime": Stamp(m.Created), "lastModifiedDateTime": Stamp(m.Created), "categories": []any{}, "transactionId": nil,
		"originalStartTimeZone": m.Zone, "originalEndTimeZone": m.Zone, "iCalUId": m.UID, "reminderMinutesBeforeStart": 15, "isReminderOn": true,
		"hasAttachments": false, "subject": m.Subject, "bodyPreview": Preview(m.Text), "importance": "normal", "sensitivity": "normal", "isAllDay": false,
		"isCancelled": false, "isOrganizer": m.Mine, "responseRequested": true, "seriesMasterId": nil, "showAs": "busy", "type": kind,
		"onlineMeetingUrl": nil, "isOnlineMeeting": false, "onlineMeetingProvider": "unknown", "allowNewTimeProposals": true, "isDraft": false, "hideAttendees": false,
		"responseStatus": response, "body": Body(m.Text), "location": location, "locations": locations, "recurrence": m.Recurrence, "attendees": attendees,
		"organizer": m.Organizer, "onlineMeeting": nil, "start": UTC(m.Start), "end": UTC(m.End), "~calendar": m.Calendar, "~version": 1, "~moves": 0,
	}
}

// UTC makes a dateTimeTimeZone in UTC.
func UTC(t time.Time) Object {
	return Object{"dateTime": t.UTC().Format("2006-01-02T15:04:05.0000000"), "timeZone": "UTC"}
}

// Instant reads a stored dateTimeTimeZone, which is in UTC.
func Instant(v any) time.Time {
	o, _ := v.(Object)
	t, _ := time.Parse("2006-01-02T15:04:05", text(o, "dateTime")) // fractions are accepted by Parse
	return t
}

// Attendee makes an attendee as Outlook shows it.
func Attendee(name, address, kind, response string, at time.Time) Object {
	when := "0001-01-01T00:00:00Z"
	if response != "none" {
		when = Stamp(at)
	}
	return Object{"type": kind, "status": Object{"response": response, "time": when}, "emailAddress": Object{"name": name, "address": address}}
}
