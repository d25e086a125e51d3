package contacts

import (
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// The operations of Microsoft Graph that the actions call.
const (
	listFolders    m365.OperationKey = "GET /users/{user-id}/contactFolders"
	createFolder   m365.OperationKey = "POST /users/{user-id}/contactFolders"
	changeFolder   m365.OperationKey = "PATCH /users/{user-id}/contactFolders/{contactFolder-id}"
	deleteFolder   m365.OperationKey = "DELETE /users/{user-id}/contactFolders/{contactFolder-id}"
	listChildren   m365.OperationKey = "GET /users/{user-id}/contactFolders/{contactFolder-id}/childFolders"
	createChild    m365.OperationKey = "POST /users/{user-id}/contactFolders/{contactFolder-id}/childFolders"
	listContacts   m365.OperationKey = "GET /users/{user-id}/contacts"
	createContact  m365.OperationKey = "POST /users/{user-id}/contacts"
	listInFolder   m365.OperationKey = "GET /users/{user-id}/contactFolders/{contactFolder-id}/contacts"
	createInFolder m365.OperationKey = "POST /users/{user-id}/contactFolders/{contactFolder-id}/contacts"
	walkFolder     m365.OperationKey = "GET /users/{user-id}/contactFolders/{contactFolder-id}/contacts/delta()"
	readContact    m365.OperationKey = "GET /users/{user-id}/contacts/{contact-id}"
	changeContact  m365.OperationKey = "PATCH /users/{user-id}/contacts/{contact-id}"
	deleteContact  m365.OperationKey = "DELETE /users/{user-id}/contacts/{contact-id}"
	readPhoto      m365.OperationKey = "GET /users/{user-id}/contacts/{contact-id}/photo"
	readPhotoBytes m365.OperationKey = "GET /users/{user-id}/contacts/{contact-id}/photo/$value"
	writePhoto     m365.OperationKey = "PUT /users/{user-id}/contacts/{contact-id}/photo/$value"
)

// Actions are what the hub can do with contacts.
func Actions() []action.Action {
	return slices.Concat(folderActions(), readActions(), writeActions(), photoActions())
}

// Probe reads the id of one contact. It proves the capability contacts.
func Probe(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, graph.Owner.Contacts, graph.Top(1), graph.Select("id"))
}
