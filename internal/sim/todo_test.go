package sim

import "testing"

func TestTasks(t *testing.T) {
	c := start(t)
	app, poor := c.appToken("Seneschal"), c.appToken("Seneschal to repair")
	person := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access Tasks.ReadWrite").str("access_token")
	const lists = ada + "/todo/lists"
	all := c.graph(app, "GET", lists, nil).list()
	if len(all) != 2 || all[0]["wellknownListName"] != "defaultList" || all[1]["wellknownListName"] != "flaggedEmails" {
		t.Fatalf("a mailbox begins with %v", all)
	}
	builtIn := lists + "/" + all[0]["id"].(string)
	task := c.graph(app, "POST", builtIn+"/tasks", map[string]any{"title": "Visit", "dueDateTime": map[string]any{"dateTime": "2031-03-04T23:30:00", "timeZone": "W. Europe Standard Time"},
		"linkedResources": []any{map[string]any{"externalId": "k", "applicationName": "x"}}})
	if task.status != 201 || task.str("dueDateTime", "dateTime") != "2031-03-04T00:00:00.0000000" || task.str("status") != "notStarted" || task.str("@odata.etag") == "" {
		t.Fatalf("got %d %s", task.status, task.raw)
	}
	path := builtIn + "/tasks/" + task.str("id")
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"without the permission", poor, "GET", lists, nil, 403, "ErrorAccessDenied"},
		{"somebody else's, as a person", person, "GET", "/users/ben@contoso.example/todo/lists", nil, 403, "ErrorAccessDenied"},
		{"one's own, as a person", person, "GET", "/me/todo/lists", nil, 200, ""},
		{"an app has no me", app, "GET", "/me/todo/lists", nil, 400, "BadRequest"},
		{"no mailbox", app, "GET", "/users/intern@contoso.example/todo/lists", nil, 404, "MailboxNotEnabledForRESTAPI"},
		{"a built-in list renamed", app, "PATCH", builtIn, map[string]any{"displayName": "Mine"}, 400, "invalidRequest"},
		{"a built-in list deleted", app, "DELETE", builtIn, nil, 400, "invalidRequest"},
		{"a list without a name", app, "POST", lists, map[string]any{"displayName": " "}, 400, "invalidRequest"},
		{"a task without a title", app, "POST", builtIn + "/tasks", map[string]any{"importance": "low"}, 400, "invalidRequest"},
		{"a state that is none", app, "PATCH", path, map[string]any{"status": "done"}, 400, "ErrorPropertyValidationFailure"},
		{"a word for a switch", app, "PATCH", path, map[string]any{"isReminderOn": "true"}, 400, "ErrorPropertyValidationFailure"},
		{"a property that is none", app, "PATCH", path, map[string]any{"priority": 1}, 400, "RequestBodyRead"},
		{"a zone that is none", app, "PATCH", path, map[string]any{"dueDateTime": map[string]any{"dateTime": "2031-03-04T00:00:00", "timeZone": "Nowhere"}}, 400, "TimeZoneNotSupportedException"},
		{"a rhythm that is none", app, "PATCH", path, map[string]any{"recurrence": map[string]any{"pattern": map[string]any{"type": "hourly", "interval": 1}, "range": map[string]any{"type": "noEnd", "startDate": "2031-03-04"}}}, 400, "invalidRequest"},
		{"a rhythm from no day", app, "PATCH", path, map[string]any{"recurrence": map[string]any{"pattern": map[string]any{"type": "daily", "interval": 1}, "range": map[string]any{"type": "noEnd"}}}, 400, "invalidRequest"},
		{"links with a change", app, "PATCH", path, map[string]any{"linkedResources": []any{}}, 400, "invalidRequest"},
		{"through another list", app, "GET", lists + "/" + all[1]["id"].(string) + "/tasks/" + task.str("id"), nil, 404, "ErrorItemNotFound"},
		{"a step without a name", app, "POST", path + "/checklistItems", map[string]any{"isChecked": true}, 400, "invalidRequest"},
		{"a step that is none", app, "GET", path + "/checklistItems/none", nil, 404, "ErrorItemNotFound"},
		{"attachments are not played", app, "GET", path + "/attachments", nil, 501, "NotImplemented"},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status || a.str("error", "code") != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.raw, tt.status, tt.code)
		}
	}
	if a := c.graph(app, "PATCH", path, map[string]any{"status": "completed"}); a.str("completedDateTime", "dateTime") == "" {
		t.Errorf("completed: got %s", a.raw)
	}
	if a := c.graph(app, "GET", path+"?$expand=linkedResources,checklistItems", nil); a.json["linkedResources"] == nil || a.json["checklistItems"] == nil {
		t.Errorf("expanded: got %s", a.raw)
	}
	if a := c.graph(app, "GET", path, nil); a.json["linkedResources"] != nil {
		t.Errorf("not expanded: got %s", a.raw)
	}
}
