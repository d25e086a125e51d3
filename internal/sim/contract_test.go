package sim

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"seneschal/internal/contract"
)

// TestContract holds answers of every kind against the schemas of Microsoft's contract.
func TestContract(t *testing.T) {
	microsoft, err := contract.Load(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if microsoft == nil {
		t.Log("contract check: 0 files used") // a user's checkout has no ../shared and passes without it
		return
	}
	c := start(t)
	app := c.appToken("Seneschal")
	user := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access User.Read Mail.ReadWrite").str("access_token")
	message := c.graph(app, "GET", ada+"/messages?$top=1", nil).list()[0]["id"].(string)
	series := ""
	for _, e := range c.graph(app, "GET", "/users/admin@contoso.example/events", nil).list() {
		series = e["id"].(string)
	}
	for _, u := range []string{"admin", "ada", "ben"} {
		for _, e := range c.graph(app, "GET", "/users/"+u+"@contoso.example/events", nil).list() {
			if e["type"] == "seriesMaster" {
				series = "/users/" + u + "@contoso.example/events/" + e["id"].(string)
			}
		}
	}
	h := startHub(t, true)
	sub := map[string]any{"changeType": "created", "notificationUrl": h.URL, "resource": "users/ada@contoso.example/events", "expirationDateTime": "2026-11-22T00:00:00Z", "clientState": "x"}
	sub["expirationDateTime"] = c.Now().AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z")
	wide := window("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z")
	principals := c.graph(app, "GET", "/servicePrincipals?$filter=displayName%20eq%20'Seneschal'", nil).list()[0]["id"].(string)
	const projects = "/sites/contoso.sharepoint.com:/sites/projects"
	const orders = projects + ":/lists/Work%20orders"
	administration := c.appToken("Administration of sites")
	calls := []struct {
		token, method, path, template string
		body                          any
	}{
		{app, "GET", "/organization", "/organization", nil},
		{app, "GET", "/users", "/users", nil},
		{app, "GET", ada, "/users/{user-id}", nil},
		{user, "GET", "/me", "/me", nil},
		{app, "GET", "/users/delta", "/users/delta()", nil},
		{app, "GET", "/domains", "/domains", nil},
		{app, "GET", "/subscribedSkus", "/subscribedSkus", nil},
		{app, "GET", "/applications", "/applications", nil},
		{app, "GET", "/servicePrincipals", "/servicePrincipals", nil},
		{app, "GET", "/servicePrincipals/" + principals, "/servicePrincipals/{servicePrincipal-id}", nil},
		{app, "GET", "/servicePrincipals/" + principals + "/appRoleAssignments", "/servicePrincipals/{servicePrincipal-id}/appRoleAssignments", nil},
		{app, "GET", ada + "/licenseDetails", "/users/{user-id}/licenseDetails", nil},
		{app, "GET", ada + "/mailboxSettings", "/users/{user-id}/mailboxSettings", nil},
		{app, "PATCH", ada + "/mailboxSettings", "/users/{user-id}/mailboxSettings", map[string]any{"timeFormat": "HH:mm", "automaticRepliesSetting": map[string]any{"status": "disabled"}}},
		{user, "GET", "/me/mailboxSettings?$select=timeZone", "/me/mailboxSettings", nil},
		{app, "POST", ada + "/mailFolders/inbox/messageRules", "/users/{user-id}/mailFolders/{mailFolder-id}/messageRules", map[string]any{"displayName": "Contract", "sequence": 1, "conditions": map[string]any{"senderContains": []string{"adele"}, "withinSizeRange": map[string]any{"minimumSize": 1, "maximumSize": 9}}, "actions": map[string]any{"markAsRead": true}}},
		{app, "GET", ada + "/mailFolders/inbox/messageRules", "/users/{user-id}/mailFolders/{mailFolder-id}/messageRules", nil},
		{app, "POST", ada + "/outlook/masterCategories", "/users/{user-id}/outlook/masterCategories", map[string]any{"displayName": "Contract", "color": "preset9"}},
		{app, "GET", ada + "/outlook/masterCategories", "/users/{user-id}/outlook/masterCategories", nil},
		{app, "POST", ada + "/inferenceClassification/overrides", "/users/{user-id}/inferenceClassification/overrides", map[string]any{"classifyAs": "other", "senderEmailAddress": map[string]any{"address": "ads@shop.example"}}},
		{app, "GET", ada + "/inferenceClassification/overrides", "/users/{user-id}/inferenceClassification/overrides", nil},
		{app, "GET", ada + "/mailFolders", "/users/{user-id}/mailFolders", nil},
		{app, "GET", ada + "/mailFolders/delta", "/users/{user-id}/mailFolders/delta()", nil},
		{app, "GET", ada + "/mailFolders/inbox", "/users/{user-id}/mailFolders/{mailFolder-id}", nil},
		{app, "GET", ada + "/messages", "/users/{user-id}/messages", nil},
		{app, "GET", ada + "/mailFolders/inbox/messages/delta", "/users/{user-id}/mailFolders/{mailFolder-id}/messages/delta()", nil},
		{app, "GET", ada + "/messages/" + message, "/users/{user-id}/messages/{message-id}", nil},
		{user, "GET", "/me/messages", "/me/messages", nil},
		{app, "POST", ada + "/messages", "/users/{user-id}/messages", draft("ben@contoso.example")},
		{app, "POST", ada + "/messages/" + message + "/createReply", "/users/{user-id}/messages/{message-id}/createReply", map[string]any{}},
		{app, "PATCH", ada + "/messages/" + message, "/users/{user-id}/messages/{message-id}", map[string]any{"isRead": true}},
		{app, "GET", ada + "/messages/" + message + "/attachments", "/users/{user-id}/messages/{message-id}/attachments", nil},
		{app, "POST", ada + "/messages/" + message + "/copy", "/users/{user-id}/messages/{message-id}/copy", map[string]any{"destinationId": "archive"}},
		{app, "GET", ada + "/calendars", "/users/{user-id}/calendars", nil},
		{app, "GET", ada + "/calendar", "/users/{user-id}/calendar", nil},
		{app, "GET", ada + "/calendarGroups", "/users/{user-id}/calendarGroups", nil},
		{app, "POST", ada + "/calendarGroups", "/users/{user-id}/calendarGroups", map[string]any{"name": "Contract"}},
		{app, "POST", ada + "/calendars", "/users/{user-id}/calendars", map[string]any{"name": "Contract"}},
		{app, "GET", ada + "/calendar/calendarPermissions", "/users/{user-id}/calendar/calendarPermissions", nil},
		{app, "POST", ada + "/calendar/calendarPermissions", "/users/{user-id}/calendar/calendarPermissions", map[string]any{"emailAddress": map[string]any{"address": "ben@contoso.example"}, "role": "read"}},
		{app, "PATCH", ada + "/calendar/calendarPermissions/RGVmYXVsdA==", "/users/{user-id}/calendar/calendarPermissions/{calendarPermission-id}", map[string]any{"role": "read"}},
		{app, "GET", "/places/microsoft.graph.room", "/places/microsoft.graph.room", nil},
		{app, "GET", "/places/microsoft.graph.roomlist", "/places/microsoft.graph.roomList", nil},
		{app, "GET", "/places/building1@contoso.example/microsoft.graph.roomlist/rooms", "/places/{place-id}/microsoft.graph.roomList/rooms", nil},
		{app, "GET", "/places/room1@contoso.example", "/places/{place-id}", nil},
		{app, "GET", ada + "/events", "/users/{user-id}/events", nil},
		{app, "POST", ada + "/events", "/users/{user-id}/events", meeting("Contract", june, map[string]any{"isOnlineMeeting": true, "attendees": attendee("ben@contoso.example"), "transactionId": "c-1"})},
		{app, "GET", ada + "/calendarView" + wide, "/users/{user-id}/calendarView", nil},
		{app, "GET", ada + "/calendarView/delta" + wide, "/users/{user-id}/calendarView/delta()", nil},
		{app, "GET", series + "/instances" + wide, "/users/{user-id}/events/{event-id}/instances", nil},
		{app, "GET", series, "/users/{user-id}/events/{event-id}", nil},
		{app, "GET", series + "?$select=subject,cancelledOccurrences&$expand=exceptionOccurrences", "/users/{user-id}/events/{event-id}", nil},
		{app, "POST", ada + "/calendar/getSchedule", "/users/{user-id}/calendar/getSchedule", map[string]any{"schedules": []string{"ada@contoso.example"}, "startTime": map[string]any{"dateTime": "2026-11-20T00:00:00", "timeZone": "UTC"}, "endTime": map[string]any{"dateTime": "2026-11-28T00:00:00", "timeZone": "UTC"}}},
		{user, "POST", "/me/findMeetingTimes", "/me/findMeetingTimes", map[string]any{"attendees": attendee("ben@contoso.example")}},
		{app, "GET", ada + "/contacts", "/users/{user-id}/contacts", nil},
		{app, "POST", ada + "/contacts", "/users/{user-id}/contacts", map[string]any{"givenName": "Pavel", "homeAddress": map[string]any{"city": "Prague"}}},
		{app, "GET", ada + "/contactFolders", "/users/{user-id}/contactFolders", nil},
		{app, "POST", ada + "/contactFolders", "/users/{user-id}/contactFolders", map[string]any{"displayName": "Contract"}},
		{app, "GET", ada + "/todo/lists", "/users/{user-id}/todo/lists", nil},
		{app, "GET", ada + "/todo/lists/delta", "/users/{user-id}/todo/lists/delta()", nil},
		{app, "POST", ada + "/todo/lists", "/users/{user-id}/todo/lists", map[string]any{"displayName": "Contract"}},
		{app, "GET", ada + "/drives", "/users/{user-id}/drives", nil},
		{app, "GET", ada + "/drive", "/users/{user-id}/drive", nil},
		{app, "GET", ada + "/drive/root", "/users/{user-id}/drive/root", nil},
		{app, "GET", ada + "/drive/root:/Documents/Welcome.txt", "/users/{user-id}/drive/root:/{item-path}", nil},
		{app, "GET", ada + "/drive/root:/Documents:/children", "/users/{user-id}/drive/root:/{item-path}:/children", nil},
		{app, "GET", ada + "/drive/root/search(q='welcome')", "/users/{user-id}/drive/root/search(q='{q}')", nil},
		{app, "POST", ada + "/drive/root/children", "/users/{user-id}/drive/root/children", map[string]any{"name": "Contract", "folder": map[string]any{}}},
		{app, "GET", ada + "/drive/root/delta", "/users/{user-id}/drive/root/delta()", nil},
		{app, "GET", ada + "/drive/root/delta?token=latest", "/users/{user-id}/drive/root/delta()", nil},
		{app, "PUT", ada + "/drive/root:/Contract.png:/content", "/users/{user-id}/drive/root:/{item-path}:/content", map[string]any{"a": 1}},
		{app, "POST", ada + "/drive/root:/Contract.png:/checkout", "/users/{user-id}/drive/items/{driveItem-id}/checkout", nil},
		{app, "GET", ada + "/drive/root:/Contract.png?$select=id,publication", "/users/{user-id}/drive/items/{driveItem-id}", nil},
		{app, "POST", ada + "/drive/root:/Contract.png:/checkin", "/users/{user-id}/drive/items/{driveItem-id}/checkin", map[string]any{"comment": "x", "checkInAs": "published"}},
		{app, "GET", ada + "/drive/root:/Contract.png:/thumbnails", "/users/{user-id}/drive/items/{driveItem-id}/thumbnails", nil},
		{app, "POST", ada + "/drive/root:/Contract.png:/copy", "/users/{user-id}/drive/items/{driveItem-id}/copy", map[string]any{"name": "Copy.png"}},
		{app, "POST", ada + "/drive/root:/Documents:/createLink", "/users/{user-id}/drive/items/{driveItem-id}/createLink", map[string]any{"type": "view", "scope": "organization"}},
		{app, "POST", ada + "/drive/root:/Documents:/invite", "/users/{user-id}/drive/items/{driveItem-id}/invite", map[string]any{"roles": []any{"read"}, "recipients": []any{map[string]any{"email": "ben@contoso.example"}}}},
		{app, "GET", ada + "/drive/root:/Documents/Welcome.txt:/permissions", "/users/{user-id}/drive/items/{driveItem-id}/permissions", nil},
		{app, "GET", "/sites/root", "/sites/{site-id}", nil},
		{app, "GET", projects, "/sites/{site-id}", nil},
		{app, "GET", "/sites?search=projects", "/sites", nil},
		{app, "GET", "/sites/getAllSites", "/sites/getAllSites()", nil},
		{app, "GET", projects + ":/sites", "/sites/{site-id}/sites", nil},
		{app, "GET", projects + ":/drives", "/sites/{site-id}/drives", nil},
		{app, "GET", projects + ":/lists", "/sites/{site-id}/lists", nil},
		{app, "POST", projects + ":/lists", "/sites/{site-id}/lists", map[string]any{"displayName": "Books", "columns": []any{map[string]any{"name": "Author", "text": map[string]any{}}}, "list": map[string]any{"template": "genericList"}}},
		{app, "PATCH", projects + ":/lists/Books", "/sites/{site-id}/lists/{list-id}", map[string]any{"description": "Contract"}},
		{app, "GET", orders, "/sites/{site-id}/lists/{list-id}", nil},
		{app, "GET", orders + "/columns", "/sites/{site-id}/lists/{list-id}/columns", nil},
		{app, "POST", orders + "/columns", "/sites/{site-id}/lists/{list-id}/columns", map[string]any{"name": "Contract", "choice": map[string]any{"choices": []any{"a"}}}},
		{app, "GET", orders + "/columns/Hours", "/sites/{site-id}/lists/{list-id}/columns/{columnDefinition-id}", nil},
		{app, "PATCH", orders + "/columns/Hours", "/sites/{site-id}/lists/{list-id}/columns/{columnDefinition-id}", map[string]any{"indexed": true}},
		{app, "GET", orders + "/items?$expand=fields", "/sites/{site-id}/lists/{list-id}/items", nil},
		{app, "POST", orders + "/items", "/sites/{site-id}/lists/{list-id}/items", map[string]any{"fields": map[string]any{"Title": "Contract", "Hours": 1}}},
		{app, "GET", orders + "/items/delta", "/sites/{site-id}/lists/{list-id}/items/delta()", nil},
		{app, "GET", orders + "/items/1?$expand=fields($select=Title)", "/sites/{site-id}/lists/{list-id}/items/{listItem-id}", nil},
		{app, "PATCH", orders + "/items/1/fields", "/sites/{site-id}/lists/{list-id}/items/{listItem-id}/fields", map[string]any{"Hours": 3}},
		{app, "GET", orders + "/items/99", "/sites/{site-id}/lists/{list-id}/items/{listItem-id}", nil},
		{app, "GET", projects + ":/pages/microsoft.graph.sitePage", "/sites/{site-id}/pages/microsoft.graph.sitePage", nil},
		{app, "POST", projects + ":/pages", "/sites/{site-id}/pages", map[string]any{"@odata.type": "#microsoft.graph.sitePage", "name": "contract.aspx", "title": "Contract", "pageLayout": "article"}},
		{app, "GET", orders + "/contentTypes", "/sites/{site-id}/lists/{list-id}/contentTypes", nil},
		{administration, "GET", projects + ":/permissions", "/sites/{site-id}/permissions", nil},
		{administration, "POST", projects + ":/permissions", "/sites/{site-id}/permissions", map[string]any{"roles": []any{"read"}, "grantedToIdentities": []any{map[string]any{"application": map[string]any{"id": "89ea5c94-7736-4e25-95ad-3fa95f62b66e", "displayName": "Contract"}}}}},
		{administration, "GET", projects + ":/permissions/1", "/sites/{site-id}/permissions/{permission-id}", nil},
		{administration, "PATCH", projects + ":/permissions/1", "/sites/{site-id}/permissions/{permission-id}", map[string]any{"roles": []any{"write"}}},
		{app, "GET", ada + "/outlook/supportedTimeZones", "/users/{user-id}/outlook/supportedTimeZones()", nil},
		{app, "POST", "/subscriptions", "/subscriptions", sub},
		{app, "GET", "/subscriptions", "/subscriptions", nil},
		{app, "POST", "/$batch", "/$batch", map[string]any{"requests": []any{map[string]any{"id": "1", "method": "GET", "url": "/organization"}}}},
		{app, "GET", "/users/nobody@contoso.example", "/users/{user-id}", nil},
		{app, "GET", "/auditLogs/signIns", "/auditLogs/signIns", nil},
	}
	for _, k := range calls {
		a := c.graph(k.token, k.method, k.path, k.body)
		for _, deviation := range microsoft.Answer(k.method, k.template, a.status, a.raw) {
			t.Errorf("%s %s: %s", k.method, k.template, deviation)
		}
		if u, err := url.Parse(a.str("@odata.nextLink")); err != nil || u.Host != "" && !strings.HasPrefix(c.ready.GraphURL, "https://"+u.Host) {
			t.Errorf("%s: nextLink %v does not follow the host", k.path, u)
		}
	}
	t.Logf("contract check: 1 file, %d operations used", len(calls))
}
