package graph

import (
	"net/http"
	"slices"
	"strings"

	"seneschal/internal/sim/world"
)

const notifying = "POST /users/{user-id}/teamwork/sendActivityNotification"

func activityHandlers() map[string]handler {
	return map[string]handler{
		notifying: notifyUser,
		"POST /teams/{team-id}/sendActivityNotification": notifyInTeam,
		"POST /chats/{chat-id}/sendActivityNotification": notifyInChat,
	}
}

var activityForm = form{"topic": anObject, "activityType": aText, "previewText": anObject, "templateParameters": objects(0), "teamsAppId": aText, "recipient": anObject, "chainId": {}, "iconId": aText}

// notification reads what userteamwork-sendactivitynotification.md wants of a notification.
func (c *call) notification() (world.Object, *problem) {
	in, p := c.json()
	if p != nil {
		return nil, p
	}
	if p := activityForm.check(in); p != nil {
		return nil, p
	}
	topic := paramObject(in, "topic")
	source := paramText(topic, "source")
	switch {
	case source != "entityUrl" && source != "text", paramText(topic, "value") == "":
		return nil, badRequest("The topic needs a source and a value.")
	case source == "text" && !strings.HasPrefix(paramText(topic, "webUrl"), "https://teams.microsoft.com/l/"):
		return nil, badRequest("A topic of text needs a webUrl that is a deep link of Teams.")
	case world.Text(in, "activityType") == "":
		return nil, badRequest("The activityType is required.")
	}
	return in, nil
}

// notify keeps a notification for its recipient, who needs the application's Teams app; the code and words of the refusal are recall.
func (c *call) notify(recipient, where string, in world.Object) (reply, *problem) {
	u, found := c.s.world.User(c.token.Tenant, recipient)
	if !found {
		return reply{}, notInTeams("The recipient was not found.")
	}
	_, app, _ := c.s.world.App(c.token.AppID)
	if !slices.Contains(world.Strings(app["~installedFor"]), world.Text(u, "userPrincipalName")) {
		return reply{}, forbidden("Application with AppId '" + c.token.AppID + "' is not authorized to generate notifications to the recipient. Expected the app to be installed.")
	}
	id := c.s.world.NewGUID()
	c.s.world.Put(c.teamsKey(world.Activities, id), world.Object{"id": id, "recipient": u["userPrincipalName"], "where": where, "activityType": in["activityType"], "topic": in["topic"], "previewText": in["previewText"]})
	return empty(http.StatusNoContent), nil
}

func notifyUser(c *call) (reply, *problem) {
	in, p := c.notification()
	if p != nil {
		return reply{}, p
	}
	return c.notify(c.userID(), "", in)
}

// recipientOf reads the one recipient of a notification in a team or chat.
func recipientOf(in world.Object) string { return paramText(paramObject(in, "recipient"), "userId") }

func notifyInTeam(c *call) (reply, *problem) {
	id, o, p := c.team()
	return c.notifyAmong(id, o, p)
}

func notifyInChat(c *call) (reply, *problem) {
	id, o, p := c.chat()
	return c.notifyAmong(id, o, p)
}

func (c *call) notifyAmong(id string, o world.Object, p *problem) (reply, *problem) {
	if p != nil {
		return reply{}, p
	}
	in, p := c.notification()
	if p != nil {
		return reply{}, p
	}
	if memberOfList(o, recipientOf(in)) == nil {
		return reply{}, badRequest("The recipient is not a member.")
	}
	return c.notify(recipientOf(in), id, in)
}
