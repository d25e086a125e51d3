package graph

import "time"

// ChatMessage is a message of a channel or chat.
type ChatMessage struct {
	ID                   string              `json:"id"`
	ReplyToID            string              `json:"replyToId"`
	MessageType          string              `json:"messageType"`
	CreatedDateTime      time.Time           `json:"createdDateTime"`
	LastModifiedDateTime time.Time           `json:"lastModifiedDateTime"`
	LastEditedDateTime   *time.Time          `json:"lastEditedDateTime"`
	DeletedDateTime      *time.Time          `json:"deletedDateTime"`
	Subject              string              `json:"subject"`
	Importance           string              `json:"importance"`
	WebURL               string              `json:"webUrl"`
	ChatID               string              `json:"chatId"`
	From                 *ChatIdentity       `json:"from"`
	Body                 ItemBody            `json:"body"`
	Attachments          []ChatAttachment    `json:"attachments"`
	Mentions             []ChatMention       `json:"mentions"`
	ChannelIdentity      *ChatChannelAddress `json:"channelIdentity"`
}

// ChatChannelAddress says in which channel a message is.
type ChatChannelAddress struct {
	TeamID    string `json:"teamId"`
	ChannelID string `json:"channelId"`
}

// ChatIdentity is who wrote or is mentioned: a person, a program, or a device.
type ChatIdentity struct {
	User        *ChatParty `json:"user,omitempty"`
	Application *ChatParty `json:"application,omitempty"`
}

// ChatParty is one of them.
type ChatParty struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName,omitempty"`
	Kind        string `json:"userIdentityType,omitempty"`
}

// ChatAttachment is a card or a file that a message names; its place in the body is <attachment id="…">.
type ChatAttachment struct {
	ID          string `json:"id"`
	ContentType string `json:"contentType"`
	ContentURL  string `json:"contentUrl,omitempty"`
	Content     string `json:"content,omitempty"`
	Name        string `json:"name,omitempty"`
}

// ChatMention is somebody mentioned; the place in the body is <at id="…">.
type ChatMention struct {
	ID        int          `json:"id"`
	Text      string       `json:"mentionText"`
	Mentioned ChatIdentity `json:"mentioned"`
}

// NewChatMessage is what a message shall say.
type NewChatMessage struct {
	Subject     string           `json:"subject,omitempty"`
	Importance  string           `json:"importance,omitempty"`
	Body        ItemBody         `json:"body"`
	Attachments []ChatAttachment `json:"attachments,omitempty"`
	Mentions    []ChatMention    `json:"mentions,omitempty"`
	Hosted      []HostedContent  `json:"hostedContents,omitempty"`
}

// HostedContent is what a message shows and keeps itself, such as an image. A new one has a temporary id, by which the body refers to it; one
// that is read has its id alone.
type HostedContent struct {
	ID           string `json:"id,omitempty"`
	TemporaryID  string `json:"@microsoft.graph.temporaryId,omitempty"`
	ContentType  string `json:"contentType,omitempty"`
	ContentBytes []byte `json:"contentBytes,omitempty"`
}

// Chat is a chat.
type Chat struct {
	ID                  string               `json:"id"`
	Topic               string               `json:"topic"`
	ChatType            string               `json:"chatType"`
	CreatedDateTime     time.Time            `json:"createdDateTime"`
	LastUpdatedDateTime time.Time            `json:"lastUpdatedDateTime"`
	WebURL              string               `json:"webUrl"`
	Members             []ConversationMember `json:"members"`
}

// NewChat is a chat to be made.
type NewChat struct {
	ChatType string      `json:"chatType"`
	Topic    string      `json:"topic,omitempty"`
	Members  []NewMember `json:"members"`
}

// PinnedMessage is a message that is pinned in a chat; it has the message's id.
type PinnedMessage struct {
	ID      string       `json:"id"`
	Message *ChatMessage `json:"message"`
}

// Pin names a message to be pinned by its address.
type Pin struct {
	Message string `json:"message@odata.bind"`
}

// Pinning names a message of a chat.
func (c *Client) Pinning(message Path) Pin { return Pin{c.base + message.url} }
