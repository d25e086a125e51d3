package graph

import "time"

// The models hold the fields that the hub uses, no more. What is read has plain values; what is written (…Change) has pointers,
// so that "leave as it is" (nil), "empty" and a value are three things. A nil slice is left out, an empty one clears the list.

// EmailAddress is a name with an address.
type EmailAddress struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// Recipient is who writes or receives.
type Recipient struct {
	EmailAddress EmailAddress `json:"emailAddress"`
}

// ItemBody is the text of a message or event.
type ItemBody struct {
	ContentType string `json:"contentType"` // "text" or "html"
	Content     string `json:"content"`
}

// Header is one internet message header.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ExtendedProperty is a marker of our own on an entry: id is "String {guid} Name x" (graph/FACTS §7).
type ExtendedProperty struct {
	ID    string `json:"id"`
	Value string `json:"value"`
}

// Flag is the follow-up flag.
type Flag struct {
	FlagStatus string `json:"flagStatus"`
}

// Message is a message as read.
type Message struct {
	ETag                   string             `json:"@odata.etag"`
	ID                     string             `json:"id"`
	ChangeKey              string             `json:"changeKey"`
	ParentFolderID         string             `json:"parentFolderId"`
	ConversationID         string             `json:"conversationId"`
	InternetMessageID      string             `json:"internetMessageId"`
	Subject                string             `json:"subject"`
	BodyPreview            string             `json:"bodyPreview"`
	Body                   ItemBody           `json:"body"`
	UniqueBody             ItemBody           `json:"uniqueBody"` // only with Select: what no earlier message of the conversation says
	From                   Recipient          `json:"from"`
	Sender                 Recipient          `json:"sender"`
	ToRecipients           []Recipient        `json:"toRecipients"`
	CcRecipients           []Recipient        `json:"ccRecipients"`
	BccRecipients          []Recipient        `json:"bccRecipients"`
	ReplyTo                []Recipient        `json:"replyTo"`
	CreatedDateTime        time.Time          `json:"createdDateTime"`
	LastModifiedDateTime   time.Time          `json:"lastModifiedDateTime"`
	ReceivedDateTime       time.Time          `json:"receivedDateTime"`
	SentDateTime           time.Time          `json:"sentDateTime"`
	Importance             string             `json:"importance"`
	InferenceClass         string             `json:"inferenceClassification"`
	Categories             []string           `json:"categories"`
	Flag                   Flag               `json:"flag"`
	IsRead                 bool               `json:"isRead"`
	IsDraft                bool               `json:"isDraft"`
	HasAttachments         bool               `json:"hasAttachments"`
	WebLink                string             `json:"webLink"`
	InternetMessageHeaders []Header           `json:"internetMessageHeaders"` // only with Select; may be incomplete, so the tap reads MIME
	ExtendedProperties     []ExtendedProperty `json:"singleValueExtendedProperties"`
	Attachments            []Attachment       `json:"attachments"` // only with $expand
}

// MessageChange is a message as written: a new draft, or the fields to change.
type MessageChange struct {
	Subject                *string            `json:"subject,omitempty"`
	Body                   *ItemBody          `json:"body,omitempty"`
	From                   *Recipient         `json:"from,omitempty"`
	Sender                 *Recipient         `json:"sender,omitempty"`
	ToRecipients           []Recipient        `json:"toRecipients,omitzero"`
	CcRecipients           []Recipient        `json:"ccRecipients,omitzero"`
	BccRecipients          []Recipient        `json:"bccRecipients,omitzero"`
	ReplyTo                []Recipient        `json:"replyTo,omitzero"`
	Importance             *string            `json:"importance,omitempty"`
	InternetMessageID      *string            `json:"internetMessageId,omitempty"`      // drafts only
	InternetMessageHeaders []Header           `json:"internetMessageHeaders,omitempty"` // new drafts only: at most five, names begin with x-
	Categories             []string           `json:"categories,omitzero"`
	Flag                   *Flag              `json:"flag,omitempty"`
	IsRead                 *bool              `json:"isRead,omitempty"`
	InferenceClass         *string            `json:"inferenceClassification,omitempty"`
	ExtendedProperties     []ExtendedProperty `json:"singleValueExtendedProperties,omitempty"`
	Attachments            []Attachment       `json:"attachments,omitempty"` // new drafts only: under 3 MB together
}

// MailFolder is a folder of messages.
type MailFolder struct {
	ID               string `json:"id"`
	ParentFolderID   string `json:"parentFolderId"`
	DisplayName      string `json:"displayName"`
	ChildFolderCount int    `json:"childFolderCount"`
	TotalItemCount   int    `json:"totalItemCount"`
	UnreadItemCount  int    `json:"unreadItemCount"`
	IsHidden         bool   `json:"isHidden"`
}

// The kinds of attachments.
const (
	FileAttachment      = "#microsoft.graph.fileAttachment"
	ItemAttachment      = "#microsoft.graph.itemAttachment"
	ReferenceAttachment = "#microsoft.graph.referenceAttachment"
)

// Attachment is a file, an item or a link on a message or event. ContentBytes is for small files: read others by MIME and Content.
type Attachment struct {
	Type                 string    `json:"@odata.type"`
	ID                   string    `json:"id,omitempty"`
	Name                 string    `json:"name"`
	ContentType          string    `json:"contentType,omitempty"`
	Size                 int64     `json:"size,omitempty"`
	IsInline             bool      `json:"isInline,omitempty"`
	ContentID            string    `json:"contentId,omitempty"`
	ContentBytes         []byte    `json:"contentBytes,omitempty"`
	LastModifiedDateTime time.Time `json:"lastModifiedDateTime,omitzero"`
}
