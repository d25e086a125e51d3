package graph

// MailboxSettings are a mailbox's own settings as read.
type MailboxSettings struct {
	ArchiveFolder    string           `json:"archiveFolder"`
	AutomaticReplies AutomaticReplies `json:"automaticRepliesSetting"`
	DateFormat       string           `json:"dateFormat"`
	TimeFormat       string           `json:"timeFormat"`
	TimeZone         string           `json:"timeZone"`
	Language         Locale           `json:"language"`
	WorkingHours     MailboxHours     `json:"workingHours"`
	MeetingMessages  string           `json:"delegateMeetingMessageDeliveryOptions"`
	UserPurpose      string           `json:"userPurpose"` // user, linked, shared, room, equipment, others
}

// AutomaticReplies are what a mailbox answers by itself.
type AutomaticReplies struct {
	Status               string           `json:"status"`           // disabled, alwaysEnabled, scheduled
	ExternalAudience     string           `json:"externalAudience"` // none, contactsOnly, all
	InternalReplyMessage string           `json:"internalReplyMessage"`
	ExternalReplyMessage string           `json:"externalReplyMessage"`
	ScheduledStart       DateTimeTimeZone `json:"scheduledStartDateTime"`
	ScheduledEnd         DateTimeTimeZone `json:"scheduledEndDateTime"`
}

// Locale is a language with its region.
type Locale struct {
	Locale      string `json:"locale"`
	DisplayName string `json:"displayName,omitempty"`
}

// MailboxHours are when the owner of a mailbox works.
type MailboxHours struct {
	DaysOfWeek []string `json:"daysOfWeek"`
	StartTime  string   `json:"startTime"` // 08:00:00.0000000
	EndTime    string   `json:"endTime"`
	TimeZone   ZoneName `json:"timeZone"`
}

// ZoneName is a time zone by its name; one that somebody made has its rules beside it, which stay with Microsoft.
type ZoneName struct {
	Name string `json:"name"`
}

// MailboxSettingsChange are the settings to change.
type MailboxSettingsChange struct {
	AutomaticReplies *AutomaticRepliesChange `json:"automaticRepliesSetting,omitempty"`
	DateFormat       *string                 `json:"dateFormat,omitempty"`
	TimeFormat       *string                 `json:"timeFormat,omitempty"`
	TimeZone         *string                 `json:"timeZone,omitempty"`
	Language         *Locale                 `json:"language,omitempty"`
	WorkingHours     *MailboxHoursChange     `json:"workingHours,omitempty"`
	MeetingMessages  *string                 `json:"delegateMeetingMessageDeliveryOptions,omitempty"`
}

// AutomaticRepliesChange is what of the automatic replies is to change.
type AutomaticRepliesChange struct {
	Status               string            `json:"status"`
	ExternalAudience     *string           `json:"externalAudience,omitempty"`
	InternalReplyMessage *string           `json:"internalReplyMessage,omitempty"`
	ExternalReplyMessage *string           `json:"externalReplyMessage,omitempty"`
	ScheduledStart       *DateTimeTimeZone `json:"scheduledStartDateTime,omitempty"`
	ScheduledEnd         *DateTimeTimeZone `json:"scheduledEndDateTime,omitempty"`
}

// MailboxHoursChange is what of the working hours is to change.
type MailboxHoursChange struct {
	DaysOfWeek []string  `json:"daysOfWeek,omitempty"`
	StartTime  string    `json:"startTime,omitempty"`
	EndTime    string    `json:"endTime,omitempty"`
	TimeZone   *ZoneName `json:"timeZone,omitempty"`
}

// Category is an entry of a mailbox's list of categories.
type Category struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Color       string `json:"color"` // none, preset0 … preset24
}

// CategoryChange is a category as written. Its name cannot be changed later (outlookcategory-update.md).
type CategoryChange struct {
	DisplayName *string `json:"displayName,omitempty"`
	Color       *string `json:"color,omitempty"`
}

// FocusOverride says for one sender into which part of the inbox mail goes.
type FocusOverride struct {
	ID         string       `json:"id,omitempty"`
	ClassifyAs string       `json:"classifyAs"` // focused, other
	Sender     EmailAddress `json:"senderEmailAddress"`
}

// MailboxSettings are the mailbox's own settings.
func (o Owner) MailboxSettings() Path { return o.Sub("mailboxSettings") }

// Categories is the mailbox's list of categories.
func (o Owner) Categories() Path { return o.Sub("outlook", "masterCategories") }

// Category is one category.
func (o Owner) Category(id string) Path { return o.Categories().Item("outlookCategory-id", id) }

// FocusOverrides are the senders whose part of the inbox is settled.
func (o Owner) FocusOverrides() Path { return o.Sub("inferenceClassification", "overrides") }

// FocusOverride is one of them.
func (o Owner) FocusOverride(id string) Path {
	return o.FocusOverrides().Item("inferenceClassificationOverride-id", id)
}
