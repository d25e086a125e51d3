package e2e

import (
	"strings"
	"testing"

	"seneschal/internal/m365"
)

// first is the id of the first entry of a list in an answer.
func first(answer fields, list string) any { return answer[list].([]any)[0].(fields)["id"] }

// inChannel is the first channel of the first team.
func inChannel(ask asking) (team, channel any) {
	team = first(ask("teams.team.list", fields{}), "teams")
	return team, first(ask("teams.channel.list", fields{"team": team}), "channels")
}

// workflowPosts has a workflow post a card, and gives where it is. A hub that did would hold the channel's budget, for which the program would wait.
func workflowPosts(g *ground) fields {
	g.t.Helper()
	tenant := g.cloud.Ready().Tenants[0]
	const card = `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","version":"1.4","body":[]}}]}`
	answer, err := g.cloud.HTTPClient().Post(tenant.Teams[0].WorkflowURL, "application/json", strings.NewReader(card))
	if err != nil {
		g.t.Fatal(err)
	}
	_ = answer.Body.Close()
	posted, err := g.cloud.State(tenant.TenantID, "channelMessages")
	if err != nil || len(posted) != 1 {
		g.t.Fatalf("%d messages: %v", len(posted), err)
	}
	where := posted[0]["channelIdentity"].(fields)
	return fields{"team": where["teamId"], "channel": where["channelId"], "message": posted[0]["id"]}
}

// Wherever the hub is killed while it posts to a channel or a chat, or replies, the same key ends in one message.
func TestKilledWhilePosting(t *testing.T) {
	const text, said = "Made once", `"body":"Made once"`
	t.Parallel()
	for name, m := range map[string]making{
		"to a channel": {"teams.channel_message.send", m365.Teams, m365.Delegated, func(_ *ground, ask asking) (in, there fields) {
			team, channel := inChannel(ask)
			return fields{"team": team, "channel": channel, "text": text}, fields{"team": team, "channel": channel}
		}, "teams.channel_message.list", said},
		"a reply": {"teams.channel_message.reply", m365.Teams, m365.Delegated, func(g *ground, _ asking) (in, there fields) {
			at := workflowPosts(g)
			return fields{"team": at["team"], "channel": at["channel"], "message": at["message"], "text": text}, fields{"team": at["team"], "channel": at["channel"], "reply_to": at["message"]}
		}, "teams.channel_message.list", said},
		"to a chat": {"teams.chat_message.send", m365.Teams, m365.Delegated, func(_ *ground, ask asking) (in, there fields) {
			chat := ask("teams.chat.create", fields{"with": []string{ben}})["id"]
			return fields{"chat": chat, "text": text}, fields{"chat": chat}
		}, "teams.chat_message.list", said},
	} {
		t.Run(name, m.killed)
	}
}

// Wherever the hub is killed while it makes a contact, the same key ends in one.
func TestKilledWhileMakingAContact(t *testing.T) {
	making{"contact.create", m365.Contacts, m365.Application, func(*ground, asking) (in, there fields) {
		return fields{"user": ada, "given_name": "Made once"}, fields{"user": ada}
	}, "contact.list", `"given_name":"Made once"`}.killed(t)
}

// Wherever the hub is killed while it puts a task into a list or a step into a task, the same key ends in one.
func TestKilledWhilePlanningATask(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]making{
		"a task": {"todo.task.create", m365.Todo, m365.Application, func(_ *ground, ask asking) (in, there fields) {
			list := first(ask("todo.list.list", fields{"user": ada}), "lists")
			return fields{"user": ada, "list": list, "title": "Made once"}, fields{"user": ada, "list": list}
		}, "todo.task.list", `"title":"Made once"`},
		"a step": {"todo.checklist_item.create", m365.Todo, m365.Application, func(_ *ground, ask asking) (in, there fields) {
			list := first(ask("todo.list.list", fields{"user": ada}), "lists")
			at := fields{"user": ada, "list": list, "task": ask("todo.task.create", fields{"user": ada, "list": list, "title": "Parts"})["id"]}
			return fields{"user": ada, "list": list, "task": at["task"], "title": "Made once"}, at
		}, "todo.checklist_item.list", `"title":"Made once"`},
	} {
		t.Run(name, m.killed)
	}
}
