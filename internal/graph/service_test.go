package graph_test

import (
	"testing"

	"seneschal/internal/graph"
)

func TestService(t *testing.T) {
	for operation, want := range map[string]string{
		"GET /users/{user-id}/messages":                                     "mail",
		"GET /users/{user-id}/mailFolders/{mailFolder-id}/messages/delta()": "mail",
		"PATCH /me/mailboxSettings":                                         "mail",
		"GET /me/calendarView":                                              "calendar",
		"GET /users/{user-id}/contacts":                                     "contacts",
		"GET /me/todo/lists":                                                "tasks",
		"PUT /users/{user-id}/drive/items/{driveItem-id}/content":           "files",
		"PUT {uploadUrl}":                                                   "files",
		"GET /sites/{site-id}/drives":                                       "files",
		"GET /sites/{site-id}/lists/{list-id}/items":                        "SharePoint",
		"POST /teams/{team-id}/channels/{channel-id}/messages":              "Teams",
		"GET /chats/{chat-id}/messages":                                     "Teams",
		"POST /$batch":                                                      "Graph itself",
		"POST /subscriptions":                                               "Graph itself",
		"GET /reports/authenticationMethods/userRegistrationDetails":        "security and reports",
		"GET /users":        "directory",
		"GET /organization": "directory",
	} {
		if got := graph.Service(operation); got != want {
			t.Errorf("%s: got %s, want %s", operation, got, want)
		}
	}
}
