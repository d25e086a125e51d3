package sim

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/contract"
	"seneschal/internal/sim/world"
)

const (
	fieldService = "Field Service"
	management   = "Management"
)

// teamID finds a seeded team; channelPath one of its channels.
func (c *cloud) teamID(token, name string) string {
	c.t.Helper()
	for _, o := range c.graph(token, "GET", "/teams", nil).list() {
		if o["displayName"] == name {
			return o["id"].(string)
		}
	}
	c.t.Fatalf("there is no team %q", name)
	return ""
}

func (c *cloud) channelPath(token, team, name string) string {
	c.t.Helper()
	for _, o := range c.graph(token, "GET", "/teams/"+team+"/channels", nil).list() {
		if o["displayName"] == name {
			return "/teams/" + team + "/channels/" + url.PathEscape(o["id"].(string))
		}
	}
	c.t.Fatalf("there is no channel %q", name)
	return ""
}

// as signs a person in with everything that is granted.
func (c *cloud) as(upn string) string {
	c.t.Helper()
	return c.signIn(c.app("Seneschal sign-in"), upn, "openid offline_access User.Read").str("access_token")
}

func bound(user string, roles ...string) map[string]any {
	return map[string]any{"@odata.type": "#microsoft.graph.aadUserConversationMember", "roles": roles, "user@odata.bind": "https://graph.microsoft.com/v1.0/users('" + user + "')"}
}

func text(words string) map[string]any {
	return map[string]any{"body": map[string]any{"contentType": "text", "content": words}}
}

// wide lifts the limits that a test without pauses would meet.
func (c *cloud) wide() {
	c.t.Helper()
	if err := c.SetLimits(Limits{TeamsRequests: 1000, TeamsPosts: 1000, TeamsThread: 1000}); err != nil {
		c.t.Fatal(err)
	}
}

func TestTeams(t *testing.T) {
	c := start(t)
	c.wide()
	app, poor, person, ben, intern := c.appToken("Seneschal"), c.appToken("Seneschal to repair"), c.as("ada@contoso.example"), c.as("ben@contoso.example"), c.as("intern@contoso.example")
	team, foreign := c.teamID(app, fieldService), c.teamID(app, management)
	at := "/teams/" + team
	general, leads := c.channelPath(app, team, "General"), c.channelPath(app, team, "Leads")
	message := c.graph(person, "POST", general+"/messages", text("Hello"))
	if message.status != 201 || message.str("from", "user", "displayName") != "Ada Lovelace" || message.str("channelIdentity", "teamId") != team {
		t.Fatalf("posted: got %d %s", message.status, message.raw)
	}
	mine := general + "/messages/" + message.str("id")
	chat := c.graph(person, "POST", "/chats", map[string]any{"chatType": "oneOnOne", "members": []any{bound("ada@contoso.example", "owner"), bound("ben@contoso.example", "owner")}})
	if chat.status != 201 {
		t.Fatalf("a chat: got %d %s", chat.status, chat.raw)
	}
	talk := "/chats/" + url.PathEscape(chat.str("id"))
	mention := func(id string) map[string]any {
		return map[string]any{"body": map[string]any{"contentType": "html", "content": `Hi <at id="0">you</at>`}, "mentions": []any{map[string]any{"id": 0, "mentionText": "you", "mentioned": map[string]any{"user": map[string]any{"id": id}}}}}
	}
	for _, tt := range []struct {
		name, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"without the permission", poor, "GET", "/teams", nil, 403, "Forbidden"},
		{"a person without a licence", intern, "GET", "/me/joinedTeams", nil, 403, "Forbidden"},
		{"a team somebody is not in", person, "GET", "/teams/" + foreign, nil, 403, "Forbidden"},
		{"a team that is none", app, "GET", "/teams/00000000-0000-0000-0000-000000000000", nil, 404, "NotFound"},
		{"a private channel, as somebody outside", person, "GET", leads, nil, 404, "NotFound"},
		{"a private channel, as an app", app, "GET", leads, nil, 200, ""},
		{"an app posts", app, "POST", general + "/messages", text("no"), 403, "Forbidden"},
		{"an app posts into a chat", app, "POST", talk + "/messages", text("no"), 403, "Forbidden"},
		{"an app creates a team of nobody", app, "POST", "/teams", map[string]any{"displayName": "x"}, 400, "BadRequest"},
		{"somebody else's message changed", ben, "PATCH", mine, text("mine now"), 403, "Forbidden"},
		{"somebody else's message deleted", ben, "POST", mine + "/softDelete", nil, 403, "Forbidden"},
		{"an empty message", person, "POST", general + "/messages", text(" "), 400, "BadRequest"},
		{"a property that is none", person, "POST", general + "/messages", map[string]any{"text": "x"}, 400, "RequestBodyRead"},
		{"a card that is placed nowhere", person, "POST", general + "/messages", map[string]any{"body": map[string]any{"contentType": "html", "content": "x"}, "attachments": []any{map[string]any{"id": "1"}}}, 400, "BadRequest"},
		{"a mention of a member", person, "POST", general + "/messages", mention(c.user("ben@contoso.example").ID), 201, ""},
		{"a mention of somebody outside", person, "POST", general + "/messages", mention(c.user("emma@contoso.example").ID), 400, "BadRequest"},
		{"a message too large", person, "POST", general + "/messages", text(string(make([]rune, 30<<10))), 413, "RequestEntityTooLarge"},
		{"a page too long", app, "GET", general + "/messages?$top=51", nil, 400, "BadRequest"},
		{"a channel by a name in use", app, "POST", at + "/channels", map[string]any{"displayName": "dispatch"}, 400, "BadRequest"},
		{"General deleted", app, "DELETE", general, nil, 400, "BadRequest"},
		{"the last owner leaves", person, "DELETE", at + "/members/" + c.member(app, at, "ada@contoso.example"), nil, 400, "BadRequest"},
		{"a member changes members", ben, "POST", at + "/members", bound("emma@contoso.example"), 403, "Forbidden"},
		{"a chat somebody is not in", c.as("chloe@contoso.example"), "GET", talk, nil, 403, "Forbidden"},
		{"another's chats, as a person", person, "GET", "/users/ben@contoso.example/chats", nil, 403, "Forbidden"},
		{"a person of an app's chats", app, "GET", "/users/ben@contoso.example/chats", nil, 200, ""},
		{"a chat of two that gets a third", person, "POST", talk + "/members", bound("chloe@contoso.example", "owner"), 400, "BadRequest"},
		{"presence of a session that is not the app's", app, "POST", "/users/" + c.user("ada@contoso.example").ID + "/presence/setPresence", map[string]any{"sessionId": "x", "availability": "Busy", "activity": "InACall"}, 400, "BadRequest"},
		{"a meeting without a policy", app, "GET", "/users/" + c.user("emma@contoso.example").ID + "/onlineMeetings/x", nil, 403, "Forbidden"},
		{"a meeting by an address", app, "GET", ada + "/onlineMeetings/x", nil, 400, "BadRequest"},
		{"an activity for somebody without the app", app, "POST", "/users/chloe@contoso.example/teamwork/sendActivityNotification", map[string]any{"topic": map[string]any{"source": "entityUrl", "value": "x"}, "activityType": "taskCreated"}, 403, "Forbidden"},
		{"tabs are not played", app, "GET", general + "/tabs", nil, 403, "Forbidden"},
	} {
		if a := c.graph(tt.token, tt.method, tt.path, tt.body); a.status != tt.status || a.str("error", "code") != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, a.status, a.raw, tt.status, tt.code)
		}
	}
	if again := c.graph(ben, "POST", "/chats", map[string]any{"chatType": "oneOnOne", "members": []any{bound("ben@contoso.example", "owner"), bound("ada@contoso.example", "owner")}}); again.str("id") != chat.str("id") {
		t.Errorf("the chat of two was made twice: %s", again.raw)
	}
}

func (c *cloud) member(token, at, upn string) string {
	c.t.Helper()
	for _, m := range c.graph(token, "GET", at+"/members", nil).list() {
		if m["userId"] == c.user(upn).ID {
			return m["id"].(string)
		}
	}
	c.t.Fatalf("%s is not a member of %s", upn, at)
	return ""
}

func TestMessagesOfAChannel(t *testing.T) {
	c := start(t)
	c.wide()
	app, person := c.appToken("Seneschal"), c.as("ada@contoso.example")
	general := c.channelPath(app, c.teamID(app, fieldService), "General") + "/messages"
	var ids []string
	for _, words := range []string{"one", "two", "three"} {
		ids = append(ids, c.graph(person, "POST", general, text(words)).str("id"))
	}
	reply := c.graph(person, "POST", general+"/"+ids[0]+"/replies", text("an answer"))
	walk := c.graph(app, "GET", general+"/delta", nil)
	if got := walk.list(); len(got) != 3 || got[0]["replyToId"] != nil {
		t.Errorf("from the beginning: %s", walk.raw)
	}
	if a := c.graph(person, "PATCH", general+"/"+ids[1], text("two, better")); a.status != 204 {
		t.Errorf("changed: got %d %s", a.status, a.raw)
	}
	if a := c.graph(person, "POST", general+"/"+ids[2]+"/softDelete", nil); a.status != 204 {
		t.Errorf("deleted: got %d %s", a.status, a.raw)
	}
	next, err := url.Parse(walk.str("@odata.deltaLink"))
	if err != nil {
		t.Fatal(err)
	}
	changed := c.graph(app, "GET", general+"/delta?"+next.RawQuery, nil).list()
	if len(changed) != 2 || changed[1]["deletedDateTime"] == nil {
		t.Errorf("what changed: %v", changed)
	}
	list := c.graph(app, "GET", general+"?$top=2&$expand=replies", nil)
	if got := list.list(); len(got) != 2 || got[0]["id"] != ids[2] || list.str("@odata.nextLink") == "" {
		t.Errorf("the newest first, two a page: %s", list.raw)
	}
	if got := c.graph(app, "GET", general+"/"+ids[0]+"/replies", nil).list(); len(got) != 1 || got[0]["id"] != reply.str("id") || got[0]["replyToId"] != ids[0] {
		t.Errorf("replies: %v", got)
	}
	if a := c.graph(app, "GET", general+"/"+reply.str("id"), nil); a.status != 404 {
		t.Errorf("a reply is found at the top: %s", a.raw)
	}
}

// Teams answers an app that holds the one permission there is for posting with 401 and 502, with a good token (dynamics/AUTH-MATRIX §2).
func TestPostingForImportOnly(t *testing.T) {
	c := start(t, importing(t))
	c.wide()
	app, person := c.appToken("Seneschal"), c.as("ada@contoso.example")
	general := c.channelPath(app, c.teamID(app, fieldService), "General")
	chat := c.graph(person, "POST", "/chats", map[string]any{"chatType": "oneOnOne", "members": []any{bound("ada@contoso.example", "owner"), bound("ben@contoso.example", "owner")}})
	if a := c.graph(app, "POST", general+"/messages", text("no")); a.status != 401 || a.str("error", "code") != "Unauthorized" {
		t.Errorf("a channel: got %d %s", a.status, a.raw)
	}
	if a := c.graph(app, "POST", "/chats/"+url.PathEscape(chat.str("id"))+"/messages", text("no")); a.status != 502 || a.str("error", "code") != "BadGateway" {
		t.Errorf("a chat: got %d %s", a.status, a.raw)
	}
}

// importing is the world contoso whose app may import messages.
func importing(t *testing.T) func(*Config) {
	t.Helper()
	file, err := world.File("contoso")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "importing.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(file), "TeamsActivity.Send,\n          Presence.ReadWrite.All", "TeamsActivity.Send, Teamwork.Migrate.All,\n          Presence.ReadWrite.All", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.World = path }
}

func TestTeamsTakeTheirTime(t *testing.T) {
	c := start(t)
	if err := c.SetLimits(Limits{TeamsRequests: 1000, TeamsThread: 4, TeamsPosts: 1000, TeamTime: "20s"}); err != nil {
		t.Fatal(err)
	}
	app := c.appToken("Seneschal")
	made := c.graph(app, "POST", "/teams", map[string]any{"template@odata.bind": "https://graph.microsoft.com/v1.0/teamsTemplates('standard')", "displayName": "New", "members": []any{bound("ada@contoso.example", "owner")}})
	team, operation := made.header.Get("Content-Location"), made.header.Get("Location")
	id := strings.TrimSuffix(strings.TrimPrefix(team, "/teams('"), "')")
	operation = strings.NewReplacer("('", "/", "')", "").Replace(operation)
	if made.status != 202 || id == "" || c.graph(app, "GET", operation, nil).str("status") != "inProgress" || c.graph(app, "GET", "/teams/"+id, nil).status != 404 {
		t.Fatalf("at once: got %d %v %s", made.status, made.header, operation)
	}
	if err := c.Advance(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	if a := c.graph(app, "GET", operation, nil); a.str("status") != "succeeded" || a.str("targetResourceId") != id {
		t.Errorf("later: got %s", a.raw)
	}
	if a := c.graph(app, "GET", "/teams/"+id, nil); a.status != 200 || a.json["isArchived"] != false {
		t.Errorf("the team: got %s", a.raw)
	}
	general := c.channelPath(app, id, "General") + "/messages"
	for i := range 5 {
		if a := c.graph(app, "GET", general, nil); (i == 4) != (a.status == 429) {
			t.Errorf("read no. %d of a channel in a second: got %d %s", i+1, a.status, a.raw)
		}
	}
	c.graph(app, "POST", "/teams/"+id+"/archive", nil)
	person := c.as("ada@contoso.example")
	if a := c.graph(person, "POST", general, text("not yet archived")); a.status != 201 {
		t.Errorf("while it is being archived: got %d %s", a.status, a.raw)
	}
	if err := c.Advance(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	if a := c.graph(person, "POST", general, text("archived")); a.status != 403 {
		t.Errorf("archived: got %d %s", a.status, a.raw)
	}
	if a := c.graph(person, "GET", general, nil); a.status != 200 || len(a.list()) != 1 {
		t.Errorf("an archived team is read: got %d %s", a.status, a.raw)
	}
}

func TestAWorkflowPostsAsItself(t *testing.T) {
	c := start(t)
	c.wide()
	app := c.appToken("Seneschal")
	team := c.teamID(app, fieldService)
	messages := c.channelPath(app, team, "General") + "/messages"
	i := slices.IndexFunc(c.tenant("contoso").Teams, func(t ReadyTeam) bool { return t.ID == team })
	address := c.tenant("contoso").Teams[i].WorkflowURL
	card := `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","version":"1.4","body":[]}}]}`
	for _, tt := range []struct {
		name, address, body string
		status, messages    int
	}{
		{"a card", address, card, 202, 1},
		{"another signature", address[:len(address)-4] + "XXXX", card, 401, 1},
		{"no card, and nobody is told", address, `{"text":"x"}`, 202, 1},
		{"no such workflow", c.ready.GraphURL + "/workflows/none/triggers/manual/paths/invoke?sig=x", card, 404, 1},
	} {
		a := c.do("POST", tt.address, strings.NewReader(tt.body), nil)
		if got := c.graph(app, "GET", messages, nil).list(); a.status != tt.status || len(got) != tt.messages {
			t.Errorf("%s: got %d %s, %d messages", tt.name, a.status, a.raw, len(got))
		}
	}
	if got := c.graph(app, "GET", messages, nil).list()[0]; got["from"].(map[string]any)["application"] == nil || len(got["attachments"].([]any)) != 1 {
		t.Errorf("the message: got %v", got)
	}
}

// The answers about teams are Microsoft's contract's.
func TestTeamsContract(t *testing.T) {
	microsoft, err := contract.Load(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if microsoft == nil {
		t.Log("contract check: 0 files used")
		return
	}
	c := start(t)
	c.wide()
	app, person := c.appToken("Seneschal"), c.as("ada@contoso.example")
	team := c.teamID(app, fieldService)
	at, id := "/teams/"+team, c.user("ada@contoso.example").ID
	general := c.channelPath(app, team, "General")
	message := general + "/messages/" + c.graph(person, "POST", general+"/messages", text("x")).str("id")
	chat := "/chats/" + url.PathEscape(c.graph(person, "POST", "/chats", map[string]any{"chatType": "group", "topic": "t", "members": []any{bound("ada@contoso.example", "owner"), bound("ben@contoso.example", "owner")}}).str("id"))
	said := chat + "/messages/" + c.graph(person, "POST", chat+"/messages", text("x")).str("id")
	pinned := map[string]any{"message@odata.bind": "https://graph.microsoft.com/v1.0" + said}
	meeting := c.graph(person, "POST", "/me/onlineMeetings", map[string]any{"subject": "x"}).str("id")
	const channels, of = "/teams/{team-id}/channels", "/teams/{team-id}/channels/{channel-id}"
	for _, k := range []struct {
		token, method, path, template string
		body                          any
	}{
		{app, "GET", "/teams", "/teams", nil},
		{person, "GET", "/me/joinedTeams", "/me/joinedTeams", nil},
		{app, "GET", at, "/teams/{team-id}", nil},
		{app, "GET", at + "/members", "/teams/{team-id}/members", nil},
		{app, "POST", at + "/members", "/teams/{team-id}/members", bound("emma@contoso.example", "owner")},
		{app, "PATCH", at + "/members/" + c.member(app, at, "ben@contoso.example"), "/teams/{team-id}/members/{conversationMember-id}", map[string]any{"@odata.type": "#microsoft.graph.aadUserConversationMember", "roles": []string{"owner"}}},
		{app, "DELETE", at + "/members/" + c.member(app, at, "ben@contoso.example"), "/teams/{team-id}/members/{conversationMember-id}", nil},
		{app, "GET", at + "/channels", channels, nil},
		{app, "POST", at + "/channels", channels, map[string]any{"displayName": "Secret", "membershipType": "private", "members": []any{bound("ada@contoso.example", "owner")}}},
		{app, "GET", general, of, nil},
		{person, "GET", general + "/filesFolder", of + "/filesFolder", nil},
		{app, "GET", general + "/members", of + "/members", nil},
		{app, "GET", general + "/messages", of + "/messages", nil},
		{person, "POST", general + "/messages", of + "/messages", text("y")},
		{app, "GET", message, of + "/messages/{chatMessage-id}", nil},
		{person, "POST", message + "/replies", of + "/messages/{chatMessage-id}/replies", text("z")},
		{app, "GET", message + "/replies", of + "/messages/{chatMessage-id}/replies", nil},
		{app, "GET", general + "/messages/delta", of + "/messages/delta()", nil},
		{person, "GET", "/me/chats?$expand=members", "/me/chats", nil},
		{app, "GET", chat, "/chats/{chat-id}", nil},
		{app, "GET", chat + "/members", "/chats/{chat-id}/members", nil},
		{app, "GET", chat + "/messages", "/chats/{chat-id}/messages", nil},
		{app, "GET", said, "/chats/{chat-id}/messages/{chatMessage-id}", nil},
		{person, "POST", chat + "/pinnedMessages", "/chats/{chat-id}/pinnedMessages", pinned},
		{person, "GET", chat + "/pinnedMessages?$expand=message", "/chats/{chat-id}/pinnedMessages", nil},
		{person, "DELETE", chat + "/pinnedMessages/" + said[strings.LastIndex(said, "/")+1:], "/chats/{chat-id}/pinnedMessages/{pinnedChatMessageInfo-id}", nil},
		{app, "GET", "/users/" + id + "/presence", "/users/{user-id}/presence", nil},
		{app, "POST", "/communications/getPresencesByUserId", "/communications/getPresencesByUserId", map[string]any{"ids": []string{id}}},
		{app, "POST", "/users/" + id + "/presence/setPresence", "/users/{user-id}/presence/setPresence", map[string]any{"sessionId": c.app("Seneschal").ClientID, "availability": "Busy", "activity": "InACall", "expirationDuration": "PT1H"}},
		{app, "POST", "/users/" + id + "/presence/clearPresence", "/users/{user-id}/presence/clearPresence", map[string]any{"sessionId": c.app("Seneschal").ClientID}},
		{app, "POST", "/users/" + id + "/onlineMeetings/createOrGet", "/users/{user-id}/onlineMeetings/createOrGet", map[string]any{"externalId": "k", "subject": "x"}},
		{person, "GET", "/me/onlineMeetings/" + meeting, "/me/onlineMeetings/{onlineMeeting-id}", nil},
		{person, "PATCH", "/me/onlineMeetings/" + meeting, "/me/onlineMeetings/{onlineMeeting-id}", map[string]any{"subject": "y"}},
		{person, "DELETE", "/me/onlineMeetings/" + meeting, "/me/onlineMeetings/{onlineMeeting-id}", nil},
		{app, "POST", "/users/ada@contoso.example/teamwork/sendActivityNotification", "/users/{user-id}/teamwork/sendActivityNotification", map[string]any{"topic": map[string]any{"source": "entityUrl", "value": "x"}, "activityType": "taskCreated"}},
	} {
		a := c.graph(k.token, k.method, k.path, k.body)
		if a.status >= 300 {
			t.Errorf("%s %s: got %d %s", k.method, k.path, a.status, a.raw)
		}
		for _, deviation := range microsoft.Answer(k.method, k.template, a.status, a.raw) {
			t.Errorf("%s %s: %s", k.method, k.template, deviation)
		}
	}
}
