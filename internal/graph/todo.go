package graph

import "time"

// TodoList is a list of tasks.
type TodoList struct {
	ID                string `json:"id"`
	DisplayName       string `json:"displayName"`
	IsOwner           bool   `json:"isOwner"`
	IsShared          bool   `json:"isShared"`
	WellknownListName string `json:"wellknownListName"` // none, defaultList, flaggedEmails
}

// TodoListChange is a list as written.
type TodoListChange struct {
	DisplayName string `json:"displayName"`
}

// TodoTask is a task as read.
type TodoTask struct {
	ID                   string            `json:"id"`
	ETag                 string            `json:"@odata.etag"`
	Title                string            `json:"title"`
	Status               string            `json:"status"`
	Importance           string            `json:"importance"`
	Body                 ItemBody          `json:"body"`
	Categories           []string          `json:"categories"`
	StartDateTime        *DateTimeTimeZone `json:"startDateTime"`
	DueDateTime          *DateTimeTimeZone `json:"dueDateTime"`
	CompletedDateTime    *DateTimeTimeZone `json:"completedDateTime"`
	ReminderDateTime     *DateTimeTimeZone `json:"reminderDateTime"`
	IsReminderOn         bool              `json:"isReminderOn"`
	Recurrence           *Recurrence       `json:"recurrence"`
	HasAttachments       bool              `json:"hasAttachments"`
	CreatedDateTime      time.Time         `json:"createdDateTime"`
	LastModifiedDateTime time.Time         `json:"lastModifiedDateTime"`
	LinkedResources      []LinkedResource  `json:"linkedResources"` // only with $expand
	ChecklistItems       []ChecklistItem   `json:"checklistItems"`  // only with $expand
}

// TodoTaskChange is a task as written: a new one, or the fields to change.
type TodoTaskChange struct {
	Title            *string                    `json:"title,omitempty"`
	Status           *string                    `json:"status,omitempty"`
	Importance       *string                    `json:"importance,omitempty"`
	Body             *ItemBody                  `json:"body,omitempty"`
	Categories       []string                   `json:"categories,omitzero"`
	StartDateTime    Settable[DateTimeTimeZone] `json:"startDateTime,omitzero"`
	DueDateTime      Settable[DateTimeTimeZone] `json:"dueDateTime,omitzero"`
	ReminderDateTime Settable[DateTimeTimeZone] `json:"reminderDateTime,omitzero"`
	IsReminderOn     *bool                      `json:"isReminderOn,omitempty"`
	Recurrence       Settable[Recurrence]       `json:"recurrence,omitzero"`
	LinkedResources  []LinkedResource           `json:"linkedResources,omitempty"` // new tasks only
}

// ChecklistItem is a step of a task.
type ChecklistItem struct {
	ID              string    `json:"id,omitempty"`
	DisplayName     string    `json:"displayName"`
	IsChecked       bool      `json:"isChecked"`
	CheckedDateTime time.Time `json:"checkedDateTime,omitzero"`
	CreatedDateTime time.Time `json:"createdDateTime,omitzero"`
}

// ChecklistItemChange is a step as written.
type ChecklistItemChange struct {
	DisplayName *string `json:"displayName,omitempty"`
	IsChecked   *bool   `json:"isChecked,omitempty"`
}

// LinkedResource is where a task comes from, in another program.
type LinkedResource struct {
	ID              string `json:"id,omitempty"`
	ApplicationName string `json:"applicationName,omitempty"`
	DisplayName     string `json:"displayName,omitempty"`
	ExternalID      string `json:"externalId,omitempty"`
	WebURL          string `json:"webUrl,omitempty"`
}

// LinkedResourceChange is the fields of a link to change.
type LinkedResourceChange struct {
	ApplicationName *string `json:"applicationName,omitempty"`
	DisplayName     *string `json:"displayName,omitempty"`
	WebURL          *string `json:"webUrl,omitempty"`
}
