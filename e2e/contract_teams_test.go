package e2e

import (
	"maps"
	"testing"
)

// exerciseTeams runs the actions of Teams that both modes have, and as a person those that write messages.
func exerciseTeams(t *testing.T, do perform, person bool, workflow string) {
	t.Helper()
	const ada, ben = "ada@contoso.example", "ben@contoso.example"
	name := map[bool]string{true: "By a person", false: "By an app"}[person]
	team := do("teams.team.create", map[string]any{"name": name, "owner": ada})["id"]
	do("teams.team.list", map[string]any{})
	do("teams.team.get", map[string]any{"team": team})
	do("teams.member.add", map[string]any{"team": team, "user": ben})
	do("teams.member.update", map[string]any{"team": team, "user": ben, "role": "owner"})
	channel := do("teams.channel.create", map[string]any{"team": team, "name": "Secret", "kind": "private", "owners": []string{ada}})["id"]
	at := map[string]any{"team": team, "channel": channel}
	in := func(more map[string]any) map[string]any {
		out := map[string]any{}
		for _, part := range []map[string]any{at, more} {
			for k, v := range part {
				out[k] = v
			}
		}
		return out
	}
	do("teams.channel.list", map[string]any{"team": team})
	do("teams.channel.get", at)
	do("teams.channel.files.get", at)
	do("teams.member.list", at)
	do("teams.channel.update", in(map[string]any{"description": "d"}))
	do("teams.member.add", in(map[string]any{"user": ben}))
	do("teams.channel_message.change.list", at)
	do("teams.channel_message.list", at)
	chat := do("teams.chat.create", map[string]any{"with": []string{ben, "chloe@contoso.example"}, "group": true, "topic": "t"})["id"]
	do("teams.chat.list", map[string]any{})
	do("teams.chat.get", map[string]any{"chat": chat})
	do("teams.chat.member.add", map[string]any{"chat": chat, "member": "emma@contoso.example"})
	do("teams.chat.member.list", map[string]any{"chat": chat})
	do("teams.chat.member.remove", map[string]any{"chat": chat, "member": "emma@contoso.example"})
	do("teams.chat_message.list", map[string]any{"chat": chat})
	do("teams.chat.pinned.list", map[string]any{"chat": chat})
	if person {
		message := do("teams.channel_message.send", in(map[string]any{"subject": "s", "html": "<p>{@0}</p>", "mentions": []map[string]any{{"user": ben}}, "cards": []map[string]any{{"type": "AdaptiveCard", "version": "1.4"}}}))["id"]
		reply := do("teams.channel_message.reply", in(map[string]any{"message": message, "text": "r"}))["id"]
		do("teams.channel_message.get", in(map[string]any{"message": message, "reply": reply}))
		do("teams.channel_message.update", in(map[string]any{"message": message, "text": "better"}))
		do("teams.channel_message.delete", in(map[string]any{"message": message, "reply": reply}))
		said := do("teams.chat_message.send", map[string]any{"chat": chat, "text": "x"})["id"]
		do("teams.chat.pin", map[string]any{"chat": chat, "message": said})
		do("teams.chat_message.get", map[string]any{"chat": chat, "message": said})
		do("teams.chat.unpin", map[string]any{"chat": chat, "message": said})
		do("teams.chat_message.update", map[string]any{"chat": chat, "message": said, "text": "y"})
		do("teams.chat_message.delete", map[string]any{"chat": chat, "message": said})
	}
	do("teams.presence.set", map[string]any{"state": "away"})
	do("teams.presence.get", map[string]any{})
	do("teams.presence.list", map[string]any{"users": []string{ada}})
	do("teams.presence.clear", map[string]any{})
	meeting := do("teams.meeting.create", map[string]any{"subject": "m", "start": "2031-01-01T09:00:00Z", "end": "2031-01-01T10:00:00Z", "attendees": []string{ben}})
	do("teams.meeting.get", map[string]any{"join_url": meeting["join_url"]})
	do("teams.meeting.update", map[string]any{"meeting": meeting["id"], "subject": "n"})
	do("teams.meeting.delete", map[string]any{"meeting": meeting["id"]})
	do("teams.activity.notify", map[string]any{"user": ada, "type": "taskCreated", "topic": "Ticket 4711", "link": "https://teams.microsoft.com/l/entity/x", "preview": "New", "values": map[string]any{"taskId": "4711"}})
	do("teams.workflow.post", map[string]any{"url": workflow, "text": "The lift is stuck"})
	do("teams.channel.delete", at)
	do("teams.member.remove", map[string]any{"team": team, "user": ben})
	do("teams.team.archive", map[string]any{"team": team})
	do("teams.team.restore", map[string]any{"team": team})
}

// exercisePosts has an app read what a person posts.
func exercisePosts(t *testing.T, post, read perform, team string) {
	t.Helper()
	at := map[string]any{"team": team, "channel": post("teams.channel.list", map[string]any{"team": team})["channels"].([]any)[0].(map[string]any)["id"]}
	message := maps.Clone(at)
	message["message"] = post("teams.channel_message.send", map[string]any{"team": team, "channel": at["channel"], "text": "x"})["id"]
	read("teams.channel_message.list", at)
	read("teams.channel_message.get", message)
}
