package graph

import (
	"net/http"
	"net/url"
	"strings"

	"seneschal/internal/sim/world"
)

func channelHandlers() map[string]handler {
	const channels, channel = "/teams/{team-id}/channels", "/teams/{team-id}/channels/{channel-id}"
	return map[string]handler{
		"GET " + channels: listChannels, "POST " + channels: createChannel,
		"GET " + channel: getChannel, "PATCH " + channel: patchChannel, "DELETE " + channel: deleteChannel,
		"GET " + channel + "/filesFolder": filesFolder,
	}
}

// channel is the channel of the path. A private or shared one exists for its members alone, and for apps (dynamics/AUTH-MATRIX §2).
func (c *call) channel() (string, world.Object, *problem) {
	team, _, p := c.team()
	if p != nil {
		return "", nil, p
	}
	id := c.params["channel-id"]
	o, found := c.s.world.Get(c.teamsKey(world.Channels, id))
	if !found || world.Text(o, world.Partition) != team || !c.sees(o) {
		return "", nil, notInTeams("No channel found with id " + id + ".")
	}
	return id, o, nil
}

func (c *call) sees(o world.Object) bool {
	return c.token.AppOnly || world.Text(o, "membershipType") == "standard" || memberOfList(o, c.token.ObjectID) != nil
}

func (c *call) renderChannel(id string, o world.Object) world.Object {
	out := public(o)
	delete(out, world.Partition)
	out["id"], out["isArchived"], out["isFavoriteByDefault"], out["email"], out["tenantId"] = id, false, nil, "", c.token.Tenant
	out["webUrl"] = "https://teams.microsoft.com/l/channel/" + url.PathEscape(id) + "/" + url.PathEscape(world.Text(o, "displayName")) + "?groupId=" + world.Text(o, world.Partition) + "&tenantId=" + c.token.Tenant
	return out
}

func listChannels(c *call) (reply, *problem) {
	team, _, p := c.team()
	if p != nil {
		return reply{}, p
	}
	items := func(yield func(world.Object) bool) {
		for id, o := range c.s.world.Scan(c.token.Tenant, world.Channels) {
			if world.Text(o, world.Partition) == team && c.sees(o) && !yield(c.renderChannel(id, o)) {
				return
			}
		}
	}
	l := teamsPage("teams('" + team + "')/channels")
	l.defaultTop = 999 // channels come in one page: channel-list.md shows none
	return c.page(l, items, itself)
}

func (c *call) oneChannel(id string, o world.Object) (reply, *problem) {
	return c.one("teams('"+c.params["team-id"]+"')/channels", c.renderChannel(id, o))
}

func getChannel(c *call) (reply, *problem) {
	id, o, p := c.channel()
	if p != nil {
		return reply{}, p
	}
	return c.oneChannel(id, o)
}

var (
	channelForm      = form{"displayName": aText, "description": aText, "isFavoriteByDefault": {boolean: true}, "membershipType": {words: []string{"standard", "private", "shared"}}, "members": objects(200)}
	channelPatchForm = form{"displayName": aText, "description": aText, "isFavoriteByDefault": {boolean: true}}
)

// What Teams takes for a channel's name: its own page "Limits and specifications" (recall).
const unusableInChannel = `~#%&*{}+/\:<>?|'"`

func (c *call) channelName(team, self, name string) *problem {
	switch {
	case strings.TrimSpace(name) == "" || len([]rune(name)) > 50 || strings.ContainsAny(name, unusableInChannel) || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "."):
		return badRequest("Channel name is invalid.")
	}
	for id, o := range c.s.world.Scan(c.token.Tenant, world.Channels) {
		if id != self && world.Text(o, world.Partition) == team && strings.EqualFold(world.Text(o, "displayName"), name) {
			return fail(http.StatusBadRequest, "BadRequest", "Channel name already existed, please use other name.")
		}
	}
	return nil
}

func createChannel(c *call) (reply, *problem) {
	team, t, p := c.writableTeam()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := channelForm.check(in); p != nil {
		return reply{}, p
	}
	if p := c.channelName(team, "", world.Text(in, "displayName")); p != nil {
		return reply{}, p
	}
	members, p := c.newMembers(in["members"])
	if p != nil {
		return reply{}, p
	}
	kind := world.Text(in, "membershipType")
	if kind == "" {
		kind = "standard"
	}
	switch {
	case c.guest():
		return reply{}, forbidden("Guests cannot create channels.")
	case kind == "standard" && len(members) > 0:
		return reply{}, badRequest("Members cannot be given for a standard channel.")
	case kind != "standard" && len(members) == 0 && c.token.AppOnly:
		return reply{}, badRequest("An owner must be given for this channel in application context.")
	case kind != "standard" && len(members) == 0:
		members = []any{world.TeamMember(c.token.ObjectID, "owner")}
	}
	for _, m := range world.Objects(members) {
		if kind == "private" && memberOfList(t, world.Text(m, "userId")) == nil {
			return reply{}, badRequest("The user is not a member of the team.")
		}
	}
	id := c.s.world.ChannelKey("fresh", c.s.world.NewGUID())
	o := c.s.world.Channel(team, world.Text(in, "displayName"), world.Text(in, "description"), kind, members)
	c.s.world.Put(c.teamsKey(world.Channels, id), o)
	return created(c.renderChannel(id, o)), nil
}

func patchChannel(c *call) (reply, *problem) {
	team, _, p := c.writableTeam()
	if p != nil {
		return reply{}, p
	}
	id, o, p := c.channel()
	if p != nil {
		return reply{}, p
	}
	in, p := c.json()
	if p != nil {
		return reply{}, p
	}
	if p := channelPatchForm.check(in); p != nil {
		return reply{}, p
	}
	if _, given := in["displayName"]; given {
		if world.Text(o, "displayName") == "General" {
			return reply{}, badRequest("The General channel cannot be renamed.")
		}
		if p := c.channelName(team, id, world.Text(in, "displayName")); p != nil {
			return reply{}, p
		}
	}
	n := world.Clone(o)
	for k, v := range in {
		n[k] = v
	}
	n["~version"] = world.Number(o, "~version") + 1
	c.s.world.Put(c.teamsKey(world.Channels, id), n)
	return empty(http.StatusNoContent), nil
}

func deleteChannel(c *call) (reply, *problem) {
	if _, _, p := c.writableTeam(); p != nil {
		return reply{}, p
	}
	id, o, p := c.channel()
	if p != nil {
		return reply{}, p
	}
	if world.Text(o, "displayName") == "General" {
		return reply{}, badRequest("The General channel cannot be deleted.")
	}
	c.s.world.Delete(c.teamsKey(world.Channels, id))
	return empty(http.StatusNoContent), nil
}

// filesFolder shows where a channel's files lie; the site behind it is another part's.
func filesFolder(c *call) (reply, *problem) {
	id, o, p := c.channel()
	if p != nil {
		return reply{}, p
	}
	name := world.Text(o, "displayName")
	key := c.s.world.ItemKey("filesFolder", c.token.Tenant, id)
	return c.one("teams('"+c.params["team-id"]+"')/channels('"+id+"')/filesFolder", world.Object{"id": itemPrefix + key, "name": name, "createdDateTime": o["createdDateTime"], "lastModifiedDateTime": o["createdDateTime"],
		"webUrl": "https://contoso.sharepoint.example/sites/team/Shared%20Documents/" + url.PathEscape(name), "size": 0, "folder": world.Object{"childCount": 0},
		"parentReference": world.Object{"driveId": drivePrefix + c.s.world.ItemKey("team drive", world.Text(o, world.Partition)), "driveType": "documentLibrary"}})
}
