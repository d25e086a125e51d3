package mail

import (
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// The operations of Microsoft Graph that the actions call.
const (
	listFolders     m365.OperationKey = "GET /users/{user-id}/mailFolders"
	listChildren    m365.OperationKey = "GET /users/{user-id}/mailFolders/{mailFolder-id}/childFolders"
	listMessages    m365.OperationKey = "GET /users/{user-id}/messages"
	listInFolder    m365.OperationKey = "GET /users/{user-id}/mailFolders/{mailFolder-id}/messages"
	createMessage   m365.OperationKey = "POST /users/{user-id}/messages"
	readMessage     m365.OperationKey = "GET /users/{user-id}/messages/{message-id}"
	changeMessage   m365.OperationKey = "PATCH /users/{user-id}/messages/{message-id}"
	readMIME        m365.OperationKey = "GET /users/{user-id}/messages/{message-id}/$value"
	moveMessage     m365.OperationKey = "POST /users/{user-id}/messages/{message-id}/move"
	sendMessage     m365.OperationKey = "POST /users/{user-id}/messages/{message-id}/send"
	submitMessage   m365.OperationKey = "POST /users/{user-id}/sendMail"
	createReply     m365.OperationKey = "POST /users/{user-id}/messages/{message-id}/createReply"
	createReplyAll  m365.OperationKey = "POST /users/{user-id}/messages/{message-id}/createReplyAll"
	createForward   m365.OperationKey = "POST /users/{user-id}/messages/{message-id}/createForward"
	listAttachments m365.OperationKey = "GET /users/{user-id}/messages/{message-id}/attachments"
	addAttachment   m365.OperationKey = "POST /users/{user-id}/messages/{message-id}/attachments"
	uploadSession   m365.OperationKey = "POST /users/{user-id}/messages/{message-id}/attachments/createUploadSession"
	readAttachment  m365.OperationKey = "GET /users/{user-id}/messages/{message-id}/attachments/{attachment-id}"
	readContent     m365.OperationKey = "GET /users/{user-id}/messages/{message-id}/attachments/{attachment-id}/$value"
	listRules       m365.OperationKey = "GET /users/{user-id}/mailFolders/{mailFolder-id}/messageRules"
	createRule      m365.OperationKey = "POST /users/{user-id}/mailFolders/{mailFolder-id}/messageRules"
	readRule        m365.OperationKey = "GET /users/{user-id}/mailFolders/{mailFolder-id}/messageRules/{messageRule-id}"
	changeRule      m365.OperationKey = "PATCH /users/{user-id}/mailFolders/{mailFolder-id}/messageRules/{messageRule-id}"
	deleteRule      m365.OperationKey = "DELETE /users/{user-id}/mailFolders/{mailFolder-id}/messageRules/{messageRule-id}"
	readSettings    m365.OperationKey = "GET /users/{user-id}/mailboxSettings"
	changeSettings  m365.OperationKey = "PATCH /users/{user-id}/mailboxSettings"
	listCategories  m365.OperationKey = "GET /users/{user-id}/outlook/masterCategories"
	createCategory  m365.OperationKey = "POST /users/{user-id}/outlook/masterCategories"
	changeCategory  m365.OperationKey = "PATCH /users/{user-id}/outlook/masterCategories/{outlookCategory-id}"
	deleteCategory  m365.OperationKey = "DELETE /users/{user-id}/outlook/masterCategories/{outlookCategory-id}"
	listOverrides   m365.OperationKey = "GET /users/{user-id}/inferenceClassification/overrides"
	setOverride     m365.OperationKey = "POST /users/{user-id}/inferenceClassification/overrides"
	deleteOverride  m365.OperationKey = "DELETE /users/{user-id}/inferenceClassification/overrides/{inferenceClassificationOverride-id}"
)

// Actions are what the hub can do with mail.
func Actions() []action.Action {
	return slices.Concat(folderActions(), messageActions(), attachmentActions(), draftActions(), sendActions(), changeActions(), threadActions(), focusActions(),
		ruleActions(), reportActions(), settingsActions(), categoryActions())
}

// Probe reads the inbox's name. It proves every capability that reads mail.
func Probe(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, func(o graph.Owner) graph.Path { return o.MailFolder("inbox") }, graph.Select("id", "displayName"))
}

// ProbeSend proves as much of sending as can be without sending: that the mailbox is within reach, where the app may read it, else that the
// account is there.
func ProbeSend(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	p, err := Probe(ctx, g, mailbox)
	if fault.CodeOf(err) != "permission_missing" {
		return p, err
	}
	return place.Probe(ctx, g, mailbox, func(o graph.Owner) graph.Path { return o.Path }, graph.Select("id", "displayName"))
}

// ProbeSettings reads the mailbox's time zone. It proves the capability mailsettings.
func ProbeSettings(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, graph.Owner.MailboxSettings, graph.Select("timeZone"))
}
