package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"seneschal/internal/sim/world"
)

// chatMessageHandlers are messages of channels and chats: one kind of entity in two places.
func chatMessageHandlers() map[string]handler {
	const channel, chat = "/teams/{team-id}/channels/{channel-id}/messages", "/chats/{chat-id}/messages"
	const message, reply = channel + "/{chatMessage-id}", channel + "/{chatMessage-id}/replies/{chatMessage-id1}"
	return map[string]handler{
		"GET " + channel: listChatMessages, "POST " + channel: postChatMessage, "GET " + channel + "/delta()": deltaChatMessages,
		"GET " + message: getChatMessage, "PATCH " + message: patchChatMessage, "POST " + message + "/softDelete": softDelete,
		"GET " + message + "/replies": listReplies, "POST " + message + "/replies": postChatMessage,
		"GET " + reply: getChatMessage, "PATCH " + reply: patchChatMessage, "POST " + reply + "/softDelete": softDelete,
		"GET " + chat: listChatMessages, "POST " + chat: postChatMessage,
		"GET " + chat + "/{chatMessage-id}": getChatMessage, "PATCH " + chat + "/{chatMessage-id}": patchChatMessage,
		"POST /users/{user-id}/chats/{chat-id}/messages/{chatMessage-id}/softDelete": softDelete,
	}
}

// thread is a channel or chat as a place of messages.
type thread struct {
	c          *call
	id         string
	collection string
	team       string // "" of a chat
	object     world.Object
	context    string
}

func (c *call) thread() (thread, *problem) {
	if c.params["chat-id"] != "" {
		id, o, p := c.chat()
		return thread{c, id, world.ChatMessages, "", o, "chats('" + url.PathEscape(id) + "')/messages"}, p
	}
	id, o, p := c.channel()
	return thread{c, id, world.ChannelMessages, c.params["team-id"], o, "teams('" + c.params["team-id"] + "')/channels('" + url.PathEscape(id) + "')/messages"}, p
}

func (t thread) key(message string) world.Key { return t.c.teamsKey(t.collection, t.id+"|"+message) }

// message is the message of the path, or its reply.
func (t thread) message() (string, world.Object, *problem) {
	id, parent := t.c.params["chatMessage-id"], ""
	if reply := t.c.params["chatMessage-id1"]; reply != "" {
		id, parent = reply, id
	}
	o, found := t.c.s.world.Get(t.key(id))
	if !found || world.Text(o, "replyToId") != parent {
		return "", nil, notInTeams("The message was not found.")
	}
	return id, o, nil
}

func (t thread) render(o world.Object) world.Object {
	out := public(o)
	delete(out, world.Partition)
	if out["replyToId"] == "" {
		out["replyToId"] = nil
	}
	if slices.Contains(t.c.q.Expand, "replies") && world.Text(o, "replyToId") == "" {
		replies := []any{}
		for _, r := range t.messages(world.Text(o, "id")) {
			replies = append(replies, t.render(r))
		}
		out["replies"] = replies
	}
	return out
}

// messages gives the messages of the thread, the newest first: of a channel those at its top, or one's replies.
func (t thread) messages(parent string) []world.Object {
	var out []world.Object
	for _, o := range t.c.s.world.Scan(t.c.token.Tenant, t.collection) {
		if world.Text(o, world.Partition) == t.id && world.Text(o, "replyToId") == parent {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b world.Object) int { return strings.Compare(world.Text(b, "id"), world.Text(a, "id")) })
	return out
}

// list pages by 20, at most 50, the newest first: graph/FACTS §11.
func (t thread) list(of []world.Object) (reply, *problem) {
	return t.c.page(listing{context: t.context, defaultTop: 20, maxTop: 50, skipToken: true}, slices.Values(of), t.render)
}

func listChatMessages(c *call) (reply, *problem) {
	t, p := c.thread()
	if p != nil {
		return reply{}, p
	}
	return t.list(t.messages(""))
}

func listReplies(c *call) (reply, *problem) {
	t, p := c.thread()
	if p != nil {
		return reply{}, p
	}
	id, _, p := t.message()
	if p != nil {
		return reply{}, p
	}
	return t.list(t.messages(id))
}

func getChatMessage(c *call) (reply, *problem) {
	t, p := c.thread()
	if p != nil {
		return reply{}, p
	}
	_, o, p := t.message()
	if p != nil {
		return reply{}, p
	}
	return c.one(t.context, t.render(o))
}

// importOnly are Teams' answers to an app that posts with the one permission it can have for it: dynamics/AUTH-MATRIX §2.
func (c *call) importOnly() *problem {
	if c.params["chat-id"] != "" {
		return fail(http.StatusBadGateway, "BadGateway", "Failed to execute backend request.")
	}
	return fail(http.StatusUnauthorized, "Unauthorized", "Message POST is allowed in application-only context only for import purposes.")
}

func postChatMessage(c *call) (reply, *problem) {
	if c.token.AppOnly {
		return reply{}, c.importOnly()
	}
	t, p := c.writableThread()
	if p != nil {
		return reply{}, p
	}
	parent := c.params["chatMessage-id"]
	if parent != "" {
		if _, _, p := t.message(); p != nil {
			return reply{}, p
		}
	}
	in, p := t.content()
	if p != nil {
		return reply{}, p
	}
	u, _ := c.s.world.User(c.token.Tenant, c.token.ObjectID)
	o := t.c.s.post(c.token.Tenant, t.collection, t.id, parent, identityOf(u, c.token.Tenant), in)
	return created(t.render(o)), nil
}

// writableThread is the thread unless its team is archived.
func (c *call) writableThread() (thread, *problem) {
	if c.params["team-id"] != "" {
		if _, _, p := c.writableTeam(); p != nil {
			return thread{}, p
		}
	}
	return c.thread()
}

func identityOf(u world.Object, tenant string) world.Object {
	return world.Object{"application": nil, "device": nil, "user": world.Object{"@odata.type": "#microsoft.graph.teamworkUserIdentity", "id": u["id"], "displayName": u["displayName"], "userIdentityType": "aadUser", "tenantId": tenant}}
}

// post puts a message into a thread. Its id is the time in milliseconds, one more where that is taken.
func (s *Server) post(tenant, collection, thread, parent string, from, in world.Object) world.Object {
	var o world.Object
	at := s.world.Now().UTC()
	s.world.Update(func(tx *world.Tx) {
		id := at
		named := func() world.Key {
			return world.Key{Scope: tenant, Collection: collection, ID: thread + "|" + strconv.FormatInt(id.UnixMilli(), 10)}
		}
		for _, taken := tx.Get(named()); taken; _, taken = tx.Get(named()) {
			id = id.Add(time.Millisecond)
		}
		o = newChatMessage(id, tenant, thread, parent, from, in)
		if collection == world.ChatMessages {
			o["chatId"], o["channelIdentity"], o["webUrl"] = thread, nil, nil
			refer(o, "chats/"+thread+"/messages/"+world.Text(o, "id"))
		} else {
			channel, _ := tx.Get(world.Key{Scope: tenant, Collection: world.Channels, ID: thread})
			o["channelIdentity"] = world.Object{"teamId": world.Text(channel, world.Partition), "channelId": thread}
			message := world.Text(o, "id")
			if parent != "" {
				message = parent + "/replies/" + message
			}
			refer(o, "teams/"+world.Text(channel, world.Partition)+"/channels/"+thread+"/messages/"+message)
		}
		tx.Put(named(), o)
	})
	return o
}

func stampMillis(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func newChatMessage(at time.Time, tenant, thread, parent string, from, in world.Object) world.Object {
	id := strconv.FormatInt(at.UnixMilli(), 10)
	o := world.Object{"id": id, "etag": id, "replyToId": parent, "messageType": "message", "createdDateTime": stampMillis(at), "lastModifiedDateTime": stampMillis(at), "lastEditedDateTime": nil, "deletedDateTime": nil,
		"subject": nil, "summary": nil, "chatId": nil, "importance": "normal", "locale": "en-us", "policyViolation": nil, "eventDetail": nil, "from": from,
		"attachments": []any{}, "mentions": []any{}, "reactions": []any{}, world.Partition: thread,
		"webUrl": "https://teams.microsoft.com/l/message/" + url.PathEscape(thread) + "/" + id + "?tenantId=" + tenant + "&createdTime=" + id}
	for k, v := range in {
		o[k] = v
	}
	return o
}

// members is what holds the members of the thread.
func (t thread) members() world.Object {
	if t.team == "" || world.Text(t.object, "membershipType") != "standard" {
		return t.object
	}
	o, _ := t.c.s.world.Get(t.c.teamsKey(world.Teams, t.team))
	return o
}

// own is the message of the path if the person who asks wrote it: nobody changes another's words.
func (t thread) own() (string, world.Object, *problem) {
	id, o, p := t.message()
	if p == nil && world.Text(paramObject(paramObject(o, "from"), "user"), "id") != t.c.token.ObjectID {
		p = forbidden("Only the author of a message can change it.")
	}
	return id, o, p
}

// patchChatMessage plays chatmessage-update.md: everything for the author, and for apps the policy violation alone, which is not played.
func patchChatMessage(c *call) (reply, *problem) {
	if c.token.AppOnly {
		return reply{}, notImplemented("policy violations")
	}
	t, p := c.writableThread()
	if p != nil {
		return reply{}, p
	}
	id, o, p := t.own()
	if p != nil {
		return reply{}, p
	}
	if o["deletedDateTime"] != nil {
		return reply{}, notInTeams("The message was deleted.")
	}
	in, p := t.content()
	if p != nil {
		return reply{}, p
	}
	if in["~hosted"] != nil {
		return reply{}, notImplemented("hosted contents of a change")
	}
	n := t.changed(o)
	for k, v := range in {
		n[k] = v
	}
	n["lastEditedDateTime"] = n["lastModifiedDateTime"]
	c.s.world.Put(t.key(id), n)
	return empty(http.StatusNoContent), nil
}

func (t thread) changed(o world.Object) world.Object {
	n, at := world.Clone(o), t.c.s.world.Now()
	n["lastModifiedDateTime"], n["etag"] = stampMillis(at), strconv.FormatInt(at.UnixMilli(), 10)
	return n
}

// softDelete plays chatmessage-softdelete.md: the message stays, without its content. Deleting twice is as deleting once (recall).
func softDelete(c *call) (reply, *problem) {
	t, p := c.writableThread()
	if p != nil {
		return reply{}, p
	}
	id, o, p := t.own()
	if p != nil {
		return reply{}, p
	}
	n := t.changed(o)
	n["deletedDateTime"], n["body"], n["attachments"], n["mentions"] = n["lastModifiedDateTime"], world.Object{"contentType": "html", "content": ""}, []any{}, []any{}
	delete(n, "~hosted")
	c.s.world.Put(t.key(id), n)
	return empty(http.StatusNoContent), nil
}

// deltaChatMessages plays chatmessage-delta.md: messages of a channel without their replies; a deleted one comes with deletedDateTime.
func deltaChatMessages(c *call) (reply, *problem) {
	t, p := c.thread()
	switch {
	case p != nil:
		return reply{}, p
	case c.q.Filter != nil || len(c.q.Expand) > 0:
		return reply{}, notImplemented("$filter and $expand of the delta of messages")
	case c.q.Top > 50:
		return reply{}, badRequest("The limit of '50' for Top query has been exceeded.")
	}
	if c.q.Top < 0 {
		c.q.Top = 20
	}
	return c.follow(followed{scope: c.token.Tenant, collection: world.ChannelMessages, partition: t.id, context: "Collection(chatMessage)",
		show: func(_ string, o world.Object) world.Object { return t.render(o) },
		skip: func(o world.Object) bool { return world.Text(o, "replyToId") != "" }})
}
