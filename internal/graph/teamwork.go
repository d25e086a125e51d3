package graph

import "time"

// PresenceState is how present somebody is.
type PresenceState struct {
	ID           string `json:"id"`
	Availability string `json:"availability"`
	Activity     string `json:"activity"`
}

// PresenceSession is what an application says of somebody's presence. Its id is the application's (presence-setpresence.md).
type PresenceSession struct {
	ID           string `json:"sessionId"`
	Availability string `json:"availability,omitempty"`
	Activity     string `json:"activity,omitempty"`
	Expiration   string `json:"expirationDuration,omitempty"` // ISO 8601, PT5M to PT4H
}

// PresencesOf asks about several people by object id.
type PresencesOf struct {
	IDs []string `json:"ids"`
}

// TeamsMeeting is an online meeting.
type TeamsMeeting struct {
	ID               string               `json:"id"`
	Subject          string               `json:"subject"`
	StartDateTime    time.Time            `json:"startDateTime"`
	EndDateTime      time.Time            `json:"endDateTime"`
	CreationDateTime time.Time            `json:"creationDateTime"`
	JoinWebURL       string               `json:"joinWebUrl"`
	ExternalID       string               `json:"externalId"`
	ChatInfo         *MeetingChat         `json:"chatInfo"`
	Participants     *MeetingParticipants `json:"participants"`
}

// MeetingChat is where a meeting's chat is.
type MeetingChat struct {
	ThreadID string `json:"threadId"`
}

// MeetingParticipants are those a meeting names.
type MeetingParticipants struct {
	Organizer *MeetingParticipant  `json:"organizer,omitempty"`
	Attendees []MeetingParticipant `json:"attendees"`
}

// MeetingParticipant is one of them.
type MeetingParticipant struct {
	UPN  string `json:"upn"`
	Role string `json:"role,omitempty"`
}

// TeamsMeetingChange is what may be written of a meeting.
type TeamsMeetingChange struct {
	ExternalID    string               `json:"externalId,omitempty"`
	Subject       *string              `json:"subject,omitempty"`
	StartDateTime *time.Time           `json:"startDateTime,omitempty"`
	EndDateTime   *time.Time           `json:"endDateTime,omitempty"`
	Participants  *MeetingParticipants `json:"participants,omitempty"`
}

// ActivityNotification is an entry of somebody's activity feed (userteamwork-sendactivitynotification.md).
type ActivityNotification struct {
	Topic        ActivityTopic      `json:"topic"`
	ActivityType string             `json:"activityType"`
	PreviewText  *ActivityText      `json:"previewText,omitempty"`
	Parameters   []ActivityValue    `json:"templateParameters,omitempty"`
	Recipient    *ActivityRecipient `json:"recipient,omitempty"`
}

// ActivityTopic is what it is about: an entity of Graph, or a text with a deep link.
type ActivityTopic struct {
	Source string `json:"source"`
	Value  string `json:"value"`
	WebURL string `json:"webUrl,omitempty"`
}

// ActivityText is the preview.
type ActivityText struct {
	Content string `json:"content"`
}

// ActivityValue fills a place of the activity type's template.
type ActivityValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ActivityRecipient is whom it is for, among the members of a team or chat.
type ActivityRecipient struct {
	Type   string `json:"@odata.type"`
	UserID string `json:"userId"`
}

// ToMember names a person as recipient.
func ToMember(userID string) *ActivityRecipient {
	return &ActivityRecipient{"microsoft.graph.aadUserNotificationRecipient", userID}
}
