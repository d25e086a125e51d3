package graph

import "seneschal/internal/m365"

// Owner is a user's place: the entry in the directory, and above all the mailbox below it.
type Owner struct{ Path }

// User is the place of a named user, by object id or user principal name.
func (c *Client) User(id m365.UserID) Owner {
	return Owner{At("users").Item("user-id", string(id))}
}

// me is the place of the signed-in user: Owner gives it to a delegated client alone.
func me() Path {
	p := Path{template: "/me", url: "/me"}
	p.target.Mailbox = "me"
	return p
}

// Messages of the whole mailbox.
func (o Owner) Messages() Path { return o.Sub("messages") }

// Message is one message.
func (o Owner) Message(id string) Path { return o.Sub("messages").Item("message-id", id) }

// MailFolders is the list of top folders.
func (o Owner) MailFolders() Path { return o.Sub("mailFolders") }

// MailFolder is one folder, by id or well-known name (inbox, drafts, sentitems, …).
func (o Owner) MailFolder(id string) Path { return o.Sub("mailFolders").Item("mailFolder-id", id) }

// Events of the default calendar; series by their masters.
func (o Owner) Events() Path { return o.Sub("events") }

// Event is one event.
func (o Owner) Event(id string) Path { return o.Sub("events").Item("event-id", id) }

// Calendars is the list of calendars.
func (o Owner) Calendars() Path { return o.Sub("calendars") }

// Calendar is one calendar; without an id the default one.
func (o Owner) Calendar(id string) Path {
	if id == "" {
		return o.Sub("calendar")
	}
	return o.Sub("calendars").Item("calendar-id", id)
}

// CalendarGroups is the list of groups of calendars.
func (o Owner) CalendarGroups() Path { return o.Sub("calendarGroups") }

// CalendarGroup is one group of calendars.
func (o Owner) CalendarGroup(id string) Path {
	return o.Sub("calendarGroups").Item("calendarGroup-id", id)
}

// CalendarView is a window of the default calendar, occurrences expanded; see Window.
func (o Owner) CalendarView() Path { return o.Sub("calendarView") }

// Contacts of the default folder.
func (o Owner) Contacts() Path { return o.Sub("contacts") }

// Contact is one contact, in whichever folder it lies.
func (o Owner) Contact(id string) Path { return o.Sub("contacts").Item("contact-id", id) }

// ContactFolders is the list of the folders below the default one.
func (o Owner) ContactFolders() Path { return o.Sub("contactFolders") }

// ContactFolder is one folder of contacts.
func (o Owner) ContactFolder(id string) Path {
	return o.Sub("contactFolders").Item("contactFolder-id", id)
}

// ContactsIn are the contacts of a folder; without an id the default one's.
func (o Owner) ContactsIn(folder string) Path {
	if folder == "" {
		return o.Contacts()
	}
	return o.ContactFolder(folder).Sub("contacts")
}

// TodoLists is the list of task lists.
func (o Owner) TodoLists() Path { return o.Sub("todo", "lists") }

// TodoList is one task list.
func (o Owner) TodoList(id string) Path {
	return o.Sub("todo", "lists").Item("todoTaskList-id", id)
}

// TodoTasks are the tasks of a list.
func (o Owner) TodoTasks(list string) Path { return o.TodoList(list).Sub("tasks") }

// TodoTask is one task.
func (o Owner) TodoTask(list, id string) Path { return o.TodoTasks(list).Item("todoTask-id", id) }
