package sim

import "testing"

func TestCalendarGroupsSharesAndPlaces(t *testing.T) {
	c := start(t)
	app := c.appToken("Seneschal")
	person, none := c.signIn(c.app("Seneschal sign-in"), "ada@contoso.example", "openid offline_access User.Read Calendars.Read").str("access_token"), c.appToken("Nothing granted")
	group := c.graph(app, "POST", ada+"/calendarGroups", map[string]any{"name": "Customers"}).str("id")
	inGroup := c.graph(app, "POST", ada+"/calendarGroups/"+group+"/calendars", map[string]any{"name": "Fabrikam"}).str("id")
	home := c.graph(app, "GET", ada+"/calendar", nil).str("id")
	first := c.graph(app, "GET", ada+"/calendarGroups", nil).list()[0]["id"].(string)
	with := func(address, role string) map[string]any {
		return map[string]any{"emailAddress": map[string]any{"address": address}, "role": role}
	}
	const shares = ada + "/calendar/calendarPermissions"
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
	}{
		{"a group without a name", app, "POST", ada + "/calendarGroups", map[string]any{}, 400},
		{"a group's name twice", app, "POST", ada + "/calendarGroups", map[string]any{"name": "customers"}, 409},
		{"a calendar's name twice", app, "POST", ada + "/calendars", map[string]any{"name": "Fabrikam"}, 409},
		{"a group with a calendar", app, "DELETE", ada + "/calendarGroups/" + group, nil, 400},
		{"a default group", app, "DELETE", ada + "/calendarGroups/" + first, nil, 400},
		{"the default calendar", app, "DELETE", ada + "/calendars/" + home, nil, 400},
		{"a group that is none", app, "GET", ada + "/calendarGroups/" + inGroup, nil, 400},
		{"a group without the permission", none, "POST", ada + "/calendarGroups", map[string]any{"name": "x"}, 403},
		{"a person's own group", person, "POST", "/me/calendarGroups", map[string]any{"name": "Mine"}, 201},
		{"somebody else's by a person", person, "GET", "/users/ben@contoso.example/calendarGroups", nil, 403},
		{"no mailbox", app, "GET", "/users/intern@contoso.example/calendarGroups", nil, 404},
		{"sharing with somebody inside", app, "POST", shares, with("ben@contoso.example", "delegateWithPrivateEventAccess"), 200},
		{"a delegate of another calendar", app, "POST", ada + "/calendars/" + inGroup + "/calendarPermissions", with("ben@contoso.example", "delegateWithPrivateEventAccess"), 400},
		{"writing from outside", app, "POST", shares, with("nora@northwind.example", "write"), 400},
		{"another role for everybody", app, "PATCH", shares + "/RGVmYXVsdA==", map[string]any{"role": "none"}, 200},
		{"another address", app, "PATCH", shares + "/RGVmYXVsdA==", map[string]any{"role": "read", "emailAddress": map[string]any{"address": "x@y.example"}}, 400},
		{"everybody taken away", app, "DELETE", shares + "/RGVmYXVsdA==", nil, 400},
		{"a role without the permission", none, "PATCH", shares + "/RGVmYXVsdA==", map[string]any{"role": "read"}, 403},
		{"the empty group", app, "DELETE", ada + "/calendars/" + inGroup, nil, 204},
		{"then the group", app, "DELETE", ada + "/calendarGroups/" + group, nil, 204},
		{"rooms for a person", person, "GET", "/places/microsoft.graph.room", nil, 200},
		{"rooms of a list by its id", app, "GET", "/places/" + c.graph(app, "GET", "/places/microsoft.graph.roomList", nil).list()[0]["id"].(string) + "/microsoft.graph.roomList/rooms", nil, 404},
		{"a change by an app", app, "PATCH", "/places/room1@contoso.example", map[string]any{"@odata.type": "#microsoft.graph.room", "capacity": 3}, 403},
		{"a change without a kind", person, "PATCH", "/places/room1@contoso.example", map[string]any{"capacity": 3}, 400},
		{"a change of what stays", person, "PATCH", "/places/room1@contoso.example", map[string]any{"@odata.type": "microsoft.graph.room", "emailAddress": "x@y.example"}, 400},
		{"a change by a person", person, "PATCH", "/places/room1@contoso.example", map[string]any{"@odata.type": "microsoft.graph.room", "capacity": 3}, 200},
		{"rooms for an app that was granted nothing", none, "GET", "/places/microsoft.graph.room", nil, 403},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status {
			t.Errorf("%s: got %d %s, want %d", tt.name, a.status, a.raw, tt.status)
		}
	}
}
