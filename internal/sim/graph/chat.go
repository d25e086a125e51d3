package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

func chatHandlers() map[string]handler {
	const chat = "/chats/{chat-id}"
	return map[string]handler{
		"GET /chats": listChats, "GET /users/{user-id}/chats": listChats, "POST /chats": createChat, "GET " + chat: getChat,
		"GET " + chat + "/pinnedMessages": listPinned, "POST " + chat + "/pinnedMessages": pin, "DELETE " + chat + "/pinnedMessages/{pinnedChatMessageInfo-id}": unpin,
	}
}

// chat is the chat of the path: a person sees those they are in.
func (c *call) chat() (string, world.Object, *problem) {
	id := c.params["chat-id"]
	o, found := c.s.world.Get(c.teamsKey(world.Chats, id))
	switch {
	case !found:
		return "", nil, notInTeams("The chat was not found.")
	case !c.token.AppOnly && memberOfList(o, c.token.ObjectID) == nil:
		return "", nil, forbidden("The user is not a member of the chat.")
	case c.user != nil && memberOfList(o, c.userID()) == nil:
		return "", nil, notInTeams("The chat was not found.")
	}
	return id, o, nil
}

func (c *call) renderChat(id string, o world.Object) world.Object {
	out := public(o)
	out["id"], out["tenantId"], out["isHiddenForAllMembers"] = id, c.token.Tenant, false
	out["webUrl"] = "https://teams.microsoft.com/l/chat/" + url.PathEscape(id) + "/0?tenantId=" + c.token.Tenant
	if slices.Contains(c.q.Expand, "members") {
		members := []any{}
		for _, m := range world.Objects(o["~members"]) {
			members = append(members, c.renderMember(roster{key: c.teamsKey(world.Chats, id)}, m))
		}
		out["members"] = members
	}
	return out
}

// listChats shows a person's chats: of the path's, or of whoever asks. That an app may not list all chats of a tenant is recall.
func listChats(c *call) (reply, *problem) {
	who := c.token.ObjectID
	if c.user != nil {
		who = c.userID()
	} else if c.token.AppOnly {
		return reply{}, badRequest("Requested API is not supported in application-only context.")
	}
	items := func(yield func(world.Object) bool) {
		for id, o := range c.s.world.Scan(c.token.Tenant, world.Chats) {
			if memberOfList(o, who) != nil && !yield(c.renderChat(id, o)) {
				return
			}
		}
	}
	return c.page(listing{context: "chats", defaultTop: 20, maxTop: 50, skipToken: true}, items, itself)
}

func getChat(c *call) (reply, *problem) {
	id, o, p := c.chat()
	if p != nil {
		return reply{}, p
	}
	return c.one("chats", c.renderChat(id, o))
}

var chatForm = form{"chatType": {words: []string{"oneOnOne", "group"}}, "topic": aText, "members": objects(250)}

// createChat plays chat-post.md: the one chat of two people is made once; whoever asks as a person is one of its members.
func createChat(c *call) (reply, *problem) {
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := chatForm.check(in); p != nil {
		return reply{}, p
	}
	members, p := c.newMembers(in["members"])
	if p != nil {
		return reply{}, p
	}
	kind, o := world.Text(in, "chatType"), world.Object{"~members": members}
	switch {
	case c.guest():
		return reply{}, forbidden("Guests cannot create chats.")
	case kind == "oneOnOne" && len(members) != 2, kind == "group" && len(members) < 2, kind == "":
		return reply{}, badRequest("The number of members does not fit the type of the chat.")
	case kind == "oneOnOne" && in["topic"] != nil:
		return reply{}, badRequest("Topic can only be set for group chats.")
	case !c.token.AppOnly && memberOfList(o, c.token.ObjectID) == nil:
		return reply{}, badRequest("The caller must be among the members.")
	}
	for _, m := range world.Objects(members) {
		if len(world.Strings(m["roles"])) == 0 {
			return reply{}, badRequest("Each member needs a role: owner or guest.")
		}
	}
	id := "19:" + strings.ReplaceAll(c.s.world.NewGUID(), "-", "") + "@thread.v2"
	if kind == "oneOnOne" {
		ids := []string{world.Text(world.Objects(members)[0], "userId"), world.Text(world.Objects(members)[1], "userId")}
		slices.Sort(ids)
		id = "19:" + ids[0] + "_" + ids[1] + "@unq.gbl.spaces"
		if o, found := c.s.world.Get(c.teamsKey(world.Chats, id)); found {
			return created(c.renderChat(id, o)), nil
		}
	}
	at := world.Stamp(c.s.world.Now())
	o["chatType"], o["topic"], o["createdDateTime"], o["lastUpdatedDateTime"] = kind, in["topic"], at, at
	c.s.world.Put(c.teamsKey(world.Chats, id), o)
	return created(c.renderChat(id, o)), nil
}

func listPinned(c *call) (reply, *problem) {
	id, o, p := c.chat()
	if p != nil {
		return reply{}, p
	}
	items := []world.Object{}
	for _, m := range world.Strings(o["~pinned"]) {
		items = append(items, c.renderPinned(m))
	}
	return c.page(teamsPage("chats('"+id+"')/pinnedMessages"), slices.Values(items), itself)
}

func (c *call) renderPinned(message string) world.Object {
	out := world.Object{"id": message}
	if slices.Contains(c.q.Expand, "message") {
		t, _ := c.thread()
		if o, found := c.s.world.Get(t.key(message)); found {
			out["message"] = t.render(o)
		}
	}
	return out
}

func (c *call) putPinned(id string, o world.Object, list []string) {
	n := world.Clone(o)
	n["~pinned"] = list
	c.s.world.Put(c.teamsKey(world.Chats, id), n)
}

// pin plays chat-post-pinnedmessages.md: the message is named by its address.
func pin(c *call) (reply, *problem) {
	id, o, p := c.chat()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	_, message, _ := strings.Cut(world.Text(in, "message@odata.bind"), "/messages/")
	t, _ := c.thread()
	if _, found := c.s.world.Get(t.key(message)); !found || message == "" {
		return reply{}, notInTeams("The message was not found.")
	}
	list := world.Strings(o["~pinned"])
	if !slices.Contains(list, message) {
		c.putPinned(id, o, append(list, message))
	}
	return created(c.renderPinned(message)), nil
}

func unpin(c *call) (reply, *problem) {
	id, o, p := c.chat()
	if p != nil {
		return reply{}, p
	}
	list := world.Strings(o["~pinned"])
	i := slices.Index(list, c.params["pinnedChatMessageInfo-id"])
	if i < 0 {
		return reply{}, notInTeams("The pinned message was not found.")
	}
	c.putPinned(id, o, slices.Delete(list, i, i+1))
	return empty(http.StatusNoContent), nil
}
