package onedrive

import (
	"context"
	"slices"
	"strings"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// The operations of Microsoft Graph that the actions call.
const (
	listDrives       m365.OperationKey = "GET /users/{user-id}/drives"
	readDrive        m365.OperationKey = "GET /users/{user-id}/drive"
	readRoot         m365.OperationKey = "GET /users/{user-id}/drive/root"
	readItem         m365.OperationKey = "GET /users/{user-id}/drive/items/{driveItem-id}"
	readAt           m365.OperationKey = "GET /users/{user-id}/drive/root:/{item-path}"
	changeItem       m365.OperationKey = "PATCH /users/{user-id}/drive/items/{driveItem-id}"
	deleteItem       m365.OperationKey = "DELETE /users/{user-id}/drive/items/{driveItem-id}"
	listRoot         m365.OperationKey = "GET /users/{user-id}/drive/root/children"
	listFolder       m365.OperationKey = "GET /users/{user-id}/drive/items/{driveItem-id}/children"
	createInRoot     m365.OperationKey = "POST /users/{user-id}/drive/root/children"
	createInFolder   m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/children"
	searchRoot       m365.OperationKey = "GET /users/{user-id}/drive/root/search(q='{q}')"
	searchFolder     m365.OperationKey = "GET /users/{user-id}/drive/items/{driveItem-id}/search(q='{q}')"
	readContent      m365.OperationKey = "GET /users/{user-id}/drive/items/{driveItem-id}/content"
	listVersions     m365.OperationKey = "GET /users/{user-id}/drive/items/{driveItem-id}/versions"
	restoreVersion   m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/versions/{driveItemVersion-id}/restoreVersion"
	walkDrive        m365.OperationKey = "GET /users/{user-id}/drive/root/delta()"
	checkOutFile     m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/checkout"
	checkInFile      m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/checkin"
	discardCheckOut  m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/discardCheckout"
	extractLabels    m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/extractSensitivityLabels"
	listThumbnails   m365.OperationKey = "GET /users/{user-id}/drive/items/{driveItem-id}/thumbnails"
	makeCopy         m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/copy"
	listPermissions  m365.OperationKey = "GET /users/{user-id}/drive/items/{driveItem-id}/permissions"
	readPermission   m365.OperationKey = "GET /users/{user-id}/drive/items/{driveItem-id}/permissions/{permission-id}"
	changePermission m365.OperationKey = "PATCH /users/{user-id}/drive/items/{driveItem-id}/permissions/{permission-id}"
	deletePermission m365.OperationKey = "DELETE /users/{user-id}/drive/items/{driveItem-id}/permissions/{permission-id}"
	makeLink         m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/createLink"
	invitePeople     m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}/invite"
	putAt            m365.OperationKey = "PUT /users/{user-id}/drive/root:/{item-path}:/content"
	putInFolder      m365.OperationKey = "PUT /users/{user-id}/drive/items/{driveItem-id}:/{filename}:/content"
	uploadAt         m365.OperationKey = "POST /users/{user-id}/drive/root:/{item-path}:/createUploadSession"
	uploadInFolder   m365.OperationKey = "POST /users/{user-id}/drive/items/{driveItem-id}:/{filename}:/createUploadSession"
)

// Actions are what the hub can do with files.
func Actions() []action.Action {
	out := slices.Concat(driveActions(), readActions(), folderActions(), changeActions(), uploadActions(), downloadActions(), versionActions(), permissionActions(), linkActions(), inviteActions(), copyActions(), mirrorActions(), deltaActions(), thumbnailActions(), checkOutActions(), labelActions())
	for i := range out {
		if out[i].Name != "drive.list" { // which is about people: a site's libraries are sharepoint.library.list
			out[i].Or, out[i].MayCall = m365.SharePoint, inLibrary(out[i].Operations)
		}
	}
	return out
}

// inLibrary are the operations on a site's library that stand for those on a OneDrive, after those that find it.
func inLibrary(on []m365.OperationKey) []m365.OperationKey {
	out := []m365.OperationKey{"GET /sites/{hostname}:/{relative-path}", "GET /sites/{site-id}/drive", "GET /sites/{site-id}/drives"}
	for _, o := range on {
		out = append(out, m365.OperationKey(strings.Replace(string(o), "/users/{user-id}/drive", "/drives/{drive-id}", 1)))
	}
	return out
}

// Probe reads the id of the topmost folder. It proves the capability onedrive.
func Probe(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, graph.Owner.DriveRoot, graph.Select("id"))
}
