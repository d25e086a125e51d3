package graph

import "time"

// DateTimeTimeZone is a wall-clock time with its zone, as calendars keep it.
type DateTimeTimeZone struct {
	DateTime string `json:"dateTime"` // 2026-11-02T09:00:00.0000000, without offset
	TimeZone string `json:"timeZone"` // Windows or IANA name
}

// UTC is t in the form calendars take.
func UTC(t time.Time) DateTimeTimeZone {
	return DateTimeTimeZone{DateTime: t.UTC().Format("2006-01-02T15:04:05.0000000"), TimeZone: "UTC"}
}

// In reads the wall clock in a zone the caller has looked up: zone names are Windows' as often as IANA's.
func (d DateTimeTimeZone) In(zone *time.Location) (time.Time, error) {
	return time.ParseInLocation("2006-01-02T15:04:05.9999999", d.DateTime, zone)
}

// Location is where an event takes place.
type Location struct {
	DisplayName          string `json:"displayName"`
	LocationType         string `json:"locationType,omitempty"`
	LocationEmailAddress string `json:"locationEmailAddress,omitempty"`
	UniqueID             string `json:"uniqueId,omitempty"`
}

// ResponseStatus is what somebody answered to an invitation.
type ResponseStatus struct {
	Response string    `json:"response"` // none, organizer, tentativelyAccepted, accepted, declined, notResponded
	Time     time.Time `json:"time,omitzero"`
}

// Attendee is somebody invited.
type Attendee struct {
	EmailAddress    EmailAddress    `json:"emailAddress"`
	Type            string          `json:"type"` // required, optional, resource
	Status          *ResponseStatus `json:"status,omitempty"`
	ProposedNewTime *TimeSlot       `json:"proposedNewTime,omitempty"`
}

// Recurrence is how an event repeats.
type Recurrence struct {
	Pattern RecurrencePattern `json:"pattern"`
	Range   RecurrenceRange   `json:"range"`
}

// RecurrencePattern is the rhythm.
type RecurrencePattern struct {
	Type           string   `json:"type"` // daily, weekly, absoluteMonthly, relativeMonthly, absoluteYearly, relativeYearly
	Interval       int      `json:"interval"`
	Month          int      `json:"month,omitempty"`
	DayOfMonth     int      `json:"dayOfMonth,omitempty"`
	DaysOfWeek     []string `json:"daysOfWeek,omitempty"`
	FirstDayOfWeek string   `json:"firstDayOfWeek,omitempty"`
	Index          string   `json:"index,omitempty"`
}

// RecurrenceRange is from when until when.
type RecurrenceRange struct {
	Type                string `json:"type"` // endDate, noEnd, numbered
	StartDate           string `json:"startDate"`
	EndDate             string `json:"endDate,omitempty"`
	RecurrenceTimeZone  string `json:"recurrenceTimeZone,omitempty"`
	NumberOfOccurrences int    `json:"numberOfOccurrences,omitempty"`
}

// OnlineMeeting is how to join.
type OnlineMeeting struct {
	JoinURL      string `json:"joinUrl"`
	ConferenceID string `json:"conferenceId"`
	TollNumber   string `json:"tollNumber"`
}

// Event is an event as read.
type Event struct {
	ETag                  string             `json:"@odata.etag"`
	ID                    string             `json:"id"`
	ICalUID               string             `json:"iCalUId"`
	TransactionID         string             `json:"transactionId"`
	ChangeKey             string             `json:"changeKey"`
	Subject               string             `json:"subject"`
	BodyPreview           string             `json:"bodyPreview"`
	Body                  ItemBody           `json:"body"`
	Start                 DateTimeTimeZone   `json:"start"`
	End                   DateTimeTimeZone   `json:"end"`
	OriginalStart         time.Time          `json:"originalStart"`
	OriginalStartTimeZone string             `json:"originalStartTimeZone"`
	OriginalEndTimeZone   string             `json:"originalEndTimeZone"`
	Location              Location           `json:"location"`
	Locations             []Location         `json:"locations"`
	Organizer             Recipient          `json:"organizer"`
	Attendees             []Attendee         `json:"attendees"`
	ResponseStatus        ResponseStatus     `json:"responseStatus"`
	Recurrence            *Recurrence        `json:"recurrence"`
	SeriesMasterID        string             `json:"seriesMasterId"`
	Type                  string             `json:"type"` // singleInstance, occurrence, exception, seriesMaster
	ShowAs                string             `json:"showAs"`
	Sensitivity           string             `json:"sensitivity"`
	Importance            string             `json:"importance"`
	Categories            []string           `json:"categories"`
	IsAllDay              bool               `json:"isAllDay"`
	IsCancelled           bool               `json:"isCancelled"`
	IsOrganizer           bool               `json:"isOrganizer"`
	IsOnlineMeeting       bool               `json:"isOnlineMeeting"`
	IsReminderOn          bool               `json:"isReminderOn"`
	ReminderMinutes       int                `json:"reminderMinutesBeforeStart"`
	ResponseRequested     bool               `json:"responseRequested"`
	AllowNewTimeProposals bool               `json:"allowNewTimeProposals"`
	HasAttachments        bool               `json:"hasAttachments"`
	OnlineMeetingProvider string             `json:"onlineMeetingProvider"`
	OnlineMeeting         *OnlineMeeting     `json:"onlineMeeting"`
	WebLink               string             `json:"webLink"`
	CreatedDateTime       time.Time          `json:"createdDateTime"`
	LastModifiedDateTime  time.Time          `json:"lastModifiedDateTime"`
	ExtendedProperties    []ExtendedProperty `json:"singleValueExtendedProperties"`
	CancelledOccurrences  []string           `json:"cancelledOccurrences"` // of a series, only with Select
	ExceptionOccurrences  []Event            `json:"exceptionOccurrences"` // of a series, only with Expand
}

// EventChange is an event as written: a new one, or the fields to change. Send a new one with Idempotent when it has a TransactionID.
type EventChange struct {
	TransactionID         *string            `json:"transactionId,omitempty"` // new events only
	Subject               *string            `json:"subject,omitempty"`
	Body                  *ItemBody          `json:"body,omitempty"`
	Start                 *DateTimeTimeZone  `json:"start,omitempty"`
	End                   *DateTimeTimeZone  `json:"end,omitempty"`
	Location              *Location          `json:"location,omitempty"`
	Attendees             []Attendee         `json:"attendees,omitzero"`
	Recurrence            **Recurrence       `json:"recurrence,omitempty"` // a pointer to nil is null: a series becomes one event
	ShowAs                *string            `json:"showAs,omitempty"`
	Sensitivity           *string            `json:"sensitivity,omitempty"`
	Importance            *string            `json:"importance,omitempty"`
	Categories            []string           `json:"categories,omitzero"`
	IsAllDay              *bool              `json:"isAllDay,omitempty"`
	IsReminderOn          *bool              `json:"isReminderOn,omitempty"`
	ReminderMinutes       *int               `json:"reminderMinutesBeforeStart,omitempty"`
	ResponseRequested     *bool              `json:"responseRequested,omitempty"`
	AllowNewTimeProposals *bool              `json:"allowNewTimeProposals,omitempty"`
	IsOnlineMeeting       *bool              `json:"isOnlineMeeting,omitempty"`
	OnlineMeetingProvider *string            `json:"onlineMeetingProvider,omitempty"`
	ExtendedProperties    []ExtendedProperty `json:"singleValueExtendedProperties,omitempty"`
}

// ScheduleRequest asks for the free and busy times of several mailboxes; it only reads, so send it with Idempotent.
type ScheduleRequest struct {
	Schedules                []string         `json:"schedules"`
	StartTime                DateTimeTimeZone `json:"startTime"`
	EndTime                  DateTimeTimeZone `json:"endTime"`
	AvailabilityViewInterval int              `json:"availabilityViewInterval,omitempty"` // minutes, 5 to 1440
}

// ScheduleAnswer is the answer to a ScheduleRequest.
type ScheduleAnswer struct {
	Value []ScheduleInformation `json:"value"`
}

// ScheduleInformation is one mailbox's times, or the reason why there are none.
type ScheduleInformation struct {
	ScheduleID       string         `json:"scheduleId"`
	AvailabilityView string         `json:"availabilityView"` // 0 free, 1 tentative, 2 busy, 3 out of office, 4 elsewhere
	ScheduleItems    []ScheduleItem `json:"scheduleItems"`
	WorkingHours     *WorkingHours  `json:"workingHours"`
	Error            *ScheduleError `json:"error"`
}

// ScheduleItem is one busy stretch.
type ScheduleItem struct {
	Status    string           `json:"status"`
	Subject   string           `json:"subject"`
	Location  string           `json:"location"`
	IsPrivate bool             `json:"isPrivate"`
	Start     DateTimeTimeZone `json:"start"`
	End       DateTimeTimeZone `json:"end"`
}

// WorkingHours are the hours of a mailbox's owner.
type WorkingHours struct {
	DaysOfWeek []string `json:"daysOfWeek"`
	StartTime  string   `json:"startTime"`
	EndTime    string   `json:"endTime"`
	TimeZone   struct {
		Name string `json:"name"`
	} `json:"timeZone"`
}

// ScheduleError is why one mailbox's times could not be read.
type ScheduleError struct {
	Message      string `json:"message"`
	ResponseCode string `json:"responseCode"`
}

// MeetingTimesRequest asks Microsoft for times to meet (findMeetingTimes); it only reads, so send it with Idempotent.
type MeetingTimesRequest struct {
	Attendees           []Attendee     `json:"attendees"` // none: the organizer alone
	IsOrganizerOptional bool           `json:"isOrganizerOptional"`
	TimeConstraint      TimeConstraint `json:"timeConstraint"`
	MeetingDuration     string         `json:"meetingDuration"` // ISO 8601: PT60M
	MaxCandidates       int            `json:"maxCandidates,omitempty"`
	MinimumPercentage   float64        `json:"minimumAttendeePercentage"` // Microsoft's own is 50
}

// TimeConstraint is when a meeting may be.
type TimeConstraint struct {
	ActivityDomain string     `json:"activityDomain"` // work, personal, unrestricted
	TimeSlots      []TimeSlot `json:"timeSlots"`
}

// TimeSlot is a stretch of time.
type TimeSlot struct {
	Start DateTimeTimeZone `json:"start"`
	End   DateTimeTimeZone `json:"end"`
}

// MeetingTimes is the answer to a MeetingTimesRequest: suggestions, or the reason why there are none.
type MeetingTimes struct {
	EmptyReason string                  `json:"emptySuggestionsReason"`
	Suggestions []MeetingTimeSuggestion `json:"meetingTimeSuggestions"`
}

// MeetingTimeSuggestion is one time to meet. Each availability is free, tentative, busy, oof, workingElsewhere or unknown.
type MeetingTimeSuggestion struct {
	Slot      TimeSlot `json:"meetingTimeSlot"`
	Organizer string   `json:"organizerAvailability"`
	Attendees []struct {
		Availability string   `json:"availability"`
		Attendee     Attendee `json:"attendee"`
	} `json:"attendeeAvailability"`
}
