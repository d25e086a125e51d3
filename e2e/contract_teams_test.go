package e2e

import (
	"bytes"
	"image"
	"image/png"
	"maps"
	"testing"
)

// picture is a file to be shown in a message.
func picture(t *testing.T) map[string][]byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"image": out.Bytes()}
}

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
		shown := in(map[string]any{"message": message, "reply": do("teams.channel_message.reply", in(map[string]any{"message": message, "text": "r"}), picture(t))["id"]})
		shown["content"] = first(do("teams.channel_message.hosted_content.list", maps.Clone(shown)), "contents")
		do("teams.channel_message.hosted_content.download", shown)
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
	at := map[string]any{"team": team, "channel": first(post("teams.channel.list", map[string]any{"team": team}), "channels")}
	message := maps.Clone(at)
	message["message"] = post("teams.channel_message.send", map[string]any{"team": team, "channel": at["channel"], "text": "x"}, picture(t))["id"]
	read("teams.channel_message.list", at)
	read("teams.channel_message.get", message)
	said := map[string]any{"chat": post("teams.chat.create", map[string]any{"with": []string{"ben@contoso.example"}})["id"]}
	said["message"] = post("teams.chat_message.send", map[string]any{"chat": said["chat"], "text": "x"}, picture(t))["id"]
	for _, as := range []perform{post, read} {
		for kind, of := range map[string]map[string]any{"channel": message, "chat": said} {
			shown := maps.Clone(of)
			shown["content"] = first(as("teams."+kind+"_message.hosted_content.list", maps.Clone(of)), "contents")
			as("teams."+kind+"_message.hosted_content.download", shown)
		}
	}
}
