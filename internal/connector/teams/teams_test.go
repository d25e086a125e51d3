package teams_test

import (
	"strings"
	"testing"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connection"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/teams"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
)

const (
	ada = "ada@contoso.example"
	ben = "ben@contoso.example"
)

func start(t *testing.T) *bench.Bench {
	t.Helper()
	b := bench.StartWith(t, map[m365.Capability]connection.Probe{m365.Teams: teams.Probe, m365.Presence: teams.ProbePresence, m365.Meetings: teams.ProbeMeetings}, teams.Actions())
	if err := b.Sim.SetLimits(sim.Limits{TeamsRequests: 1000, TeamsPosts: 1000, TeamsThread: 1000}); err != nil {
		t.Fatal(err)
	}
	return b
}

// team is a seeded team by name.
func team(b *bench.Bench, name string) string {
	b.Helper()
	return bench.Do[teams.TeamList](b, "teams.team.list", bench.In{"all": true, "name": name}).Teams[0].ID
}

// channel is a place in it.
func channel(b *bench.Bench, of, name string) bench.In {
	b.Helper()
	for _, ch := range bench.Do[teams.Channels](b, "teams.channel.list", bench.In{"team": of}).Channels {
		if ch.Name == name {
			return bench.In{"team": of, "channel": ch.ID}
		}
	}
	b.Fatalf("there is no channel %s", name)
	return nil
}

func with(in bench.In, more bench.In) bench.In {
	out := bench.In{}
	for _, part := range []bench.In{in, more} {
		for k, v := range part {
			out[k] = v
		}
	}
	return out
}

func post(b *bench.Bench, at bench.In, words bench.In) teams.Message {
	b.Helper()
	return bench.Do[teams.Message](b, "teams.channel_message.send", with(at, words), bench.Through(bench.Person))
}

func messages(b *bench.Bench, at bench.In, through string) []teams.Message {
	b.Helper()
	return bench.Do[teams.MessageList](b, "teams.channel_message.list", at, bench.Through(through)).Messages
}

func TestTeamsChannelsAndMembersInBothModes(t *testing.T) {
	b := start(t)
	for _, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			opt := bench.Through(through)
			made := bench.Do[teams.Team](b, "teams.team.create", bench.In{"name": "Made by " + through, "description": "d", "owner": ada}, opt)
			if got := bench.Do[teams.Team](b, "teams.team.get", bench.In{"team": made.ID}, opt); got.Name != "Made by "+through || got.Visibility != "private" || *got.Archived {
				t.Errorf("read back: %+v", got)
			}
			joined := bench.Do[teams.TeamList](b, "teams.team.list", bench.Named(through, nil), opt).Teams
			if len(joined) < 2 || joined[len(joined)-1].ID != made.ID {
				t.Errorf("joined: %+v", joined)
			}
			ch := bench.Do[teams.Channel](b, "teams.channel.create", bench.In{"team": made.ID, "name": "Plans", "kind": "private", "owners": []string{ada}}, opt)
			at := bench.In{"team": made.ID, "channel": ch.ID}
			bench.Do[teams.Channel](b, "teams.channel.update", with(at, bench.In{"name": "Plans 2031"}), opt)
			if got := bench.Do[teams.Channel](b, "teams.channel.get", at, opt); got.Name != "Plans 2031" || got.Kind != "private" {
				t.Errorf("the channel: %+v", got)
			}
			bench.Do[teams.Member](b, "teams.member.add", bench.In{"team": made.ID, "user": ben}, opt)
			bench.Do[teams.Member](b, "teams.member.add", with(at, bench.In{"user": ben}), opt)
			bench.Do[teams.Member](b, "teams.member.update", bench.In{"team": made.ID, "user": ben, "role": "owner"}, opt)
			members := bench.Do[teams.Members](b, "teams.member.list", bench.In{"team": made.ID}, opt).Members
			if len(members) != 2 || members[1].Address != ben || len(members[1].Roles) != 1 {
				t.Errorf("members: %+v", members)
			}
			bench.Do[teams.Removed](b, "teams.member.remove", with(at, bench.In{"user": ben}), opt)
			if inside := bench.Do[teams.Members](b, "teams.member.list", at, opt).Members; len(inside) != 1 {
				t.Errorf("inside the channel: %+v", inside)
			}
			bench.Do[teams.Deleted](b, "teams.channel.delete", at, opt)
			if f := b.Refused("teams.channel.get", at, opt); f.Kind != fault.NotFound {
				t.Errorf("a deleted channel: %v", f)
			}
			if got := bench.Do[teams.Team](b, "teams.team.archive", bench.In{"team": made.ID}, opt); !*got.Archived {
				t.Errorf("archived: %+v", got)
			}
			if f := b.Refused("teams.channel.create", bench.In{"team": made.ID, "name": "Late"}, opt); f.Code != "team_archived" || f.Kind != fault.Conflict {
				t.Errorf("an archived team: %v", f)
			}
			if got := bench.Do[teams.Team](b, "teams.team.restore", bench.In{"team": made.ID}, opt); *got.Archived {
				t.Errorf("restored: %+v", got)
			}
		})
	}
	if f := b.Refused("teams.team.create", bench.In{"name": "Nobody's"}); f.Fields[0].Name != "owner" {
		t.Errorf("an app's team without an owner: %v", f)
	}
}

func TestMessagesAreReadBackInBothModes(t *testing.T) {
	b := start(t)
	at := channel(b, team(b, "Field Service"), "General")
	first := post(b, at, bench.In{"subject": "Monday", "text": "Bring the ladder & <keys>"})
	rich := post(b, at, bench.In{"html": "<p>Ask {@0}</p>", "mentions": []bench.In{{"user": ben, "as": "Ben"}}, "cards": []bench.In{{"type": "AdaptiveCard", "version": "1.4", "body": []any{}}},
		"files": []bench.In{{"id": "153fa47d-18c9-4179-be08-9879815a9f90", "url": "https://contoso.sharepoint.com/Budget.docx", "name": "Budget.docx"}}})
	reply := bench.Do[teams.Message](b, "teams.channel_message.reply", with(at, bench.In{"message": first.ID, "text": "I have it"}), bench.Through(bench.Person))
	walk := bench.Do[teams.MessageChanges](b, "teams.channel_message.change.list", at)
	for _, through := range []string{bench.App, bench.Person} {
		list := messages(b, at, through)
		if len(list) != 2 || list[0].ID != rich.ID || list[1].Body != "Bring the ladder & <keys>" || list[1].Subject != "Monday" || list[1].From.Name != "Ada Lovelace" {
			t.Errorf("%s: %+v", through, list)
		}
		if !strings.Contains(list[0].Body, `Ask <at id="0">Ben</at>`) || len(list[0].Mentions) != 1 || len(list[0].Attachments) != 2 || !strings.Contains(list[0].Attachments[0].Content, "AdaptiveCard") {
			t.Errorf("%s: a rich one: %+v", through, list[0])
		}
		if got := messages(b, with(at, bench.In{"reply_to": first.ID}), through); len(got) != 1 || got[0].Body != "I have it" {
			t.Errorf("%s: replies: %+v", through, got)
		}
	}
	bench.Do[teams.Message](b, "teams.channel_message.update", with(at, bench.In{"message": first.ID, "subject": "Monday", "text": "Bring two ladders"}), bench.Through(bench.Person))
	bench.Do[teams.Deleted](b, "teams.channel_message.delete", with(at, bench.In{"message": rich.ID}), bench.Through(bench.Person))
	bench.Do[teams.Deleted](b, "teams.channel_message.delete", with(at, bench.In{"message": first.ID, "reply": reply.ID}), bench.Through(bench.Person))
	changed := bench.Do[teams.MessageChanges](b, "teams.channel_message.change.list", with(at, bench.In{"cursor": walk.NextCursor}))
	if len(walk.Messages) != 2 || !walk.Complete || len(changed.Messages) != 2 || !changed.Messages[0].Edited || !changed.Messages[1].Deleted {
		t.Errorf("changes: %+v, then %+v", walk, changed)
	}
	if got := bench.Do[teams.Message](b, "teams.channel_message.get", with(at, bench.In{"message": first.ID, "reply": reply.ID})); !got.Deleted || got.Body != "" {
		t.Errorf("a deleted reply: %+v", got)
	}
}

func TestChats(t *testing.T) {
	b := start(t)
	opt := bench.Through(bench.Person)
	two := bench.Do[teams.Chat](b, "teams.chat.create", bench.In{"with": []string{ben}}, opt)
	if again := bench.Do[teams.Chat](b, "teams.chat.create", bench.In{"with": []string{ben}}, opt); again.ID != two.ID {
		t.Error("the chat of two was made twice")
	}
	group := bench.Do[teams.Chat](b, "teams.chat.create", bench.In{"with": []string{ben, "chloe@contoso.example"}, "topic": "Tour"}, opt)
	byApp := bench.Do[teams.Chat](b, "teams.chat.create", bench.In{"user": ada, "with": []string{ben}, "group": true, "topic": "An app's"})
	at := bench.In{"chat": group.ID}
	said := bench.Do[teams.Message](b, "teams.chat_message.send", with(at, bench.In{"text": "Off we go"}), opt)
	bench.Do[teams.Pin](b, "teams.chat.pin", with(at, bench.In{"message": said.ID}), opt)
	bench.Do[teams.Message](b, "teams.chat_message.update", with(at, bench.In{"message": said.ID, "text": "Off we go at nine"}), opt)
	bench.Do[teams.Member](b, "teams.chat.member.add", with(at, bench.In{"member": "emma@contoso.example"}), opt)
	for _, through := range []string{bench.App, bench.Person} {
		in := bench.Named(through, at)
		if got := bench.Do[teams.ChatList](b, "teams.chat.list", bench.Named(through, nil), bench.Through(through)).Chats; len(got) != 3 || got[2].ID != byApp.ID {
			t.Errorf("%s: chats: %+v", through, got)
		}
		if got := bench.Do[teams.Chat](b, "teams.chat.get", in, bench.Through(through)); got.Topic != "Tour" || len(got.Members) != 4 {
			t.Errorf("%s: the chat: %+v", through, got)
		}
		if got := bench.Do[teams.MessageList](b, "teams.chat_message.list", in, bench.Through(through)).Messages; len(got) != 1 || got[0].Body != "Off we go at nine" {
			t.Errorf("%s: messages: %+v", through, got)
		}
		if got := bench.Do[teams.Pinned](b, "teams.chat.pinned.list", in, bench.Through(through)).Messages; len(got) != 1 || got[0].ID != said.ID {
			t.Errorf("%s: pinned: %+v", through, got)
		}
	}
	bench.Do[teams.Deleted](b, "teams.chat.unpin", with(bench.Named(bench.App, at), bench.In{"message": said.ID}))
	bench.Do[teams.Deleted](b, "teams.chat_message.delete", with(at, bench.In{"message": said.ID}), opt)
	bench.Do[teams.Removed](b, "teams.chat.member.remove", with(at, bench.In{"member": "emma@contoso.example"}), opt)
	if got := bench.Do[teams.Message](b, "teams.chat_message.get", with(at, bench.In{"message": said.ID}), opt); !got.Deleted {
		t.Errorf("deleted: %+v", got)
	}
	if got := bench.Do[teams.Members](b, "teams.chat.member.list", at, opt).Members; len(got) != 3 {
		t.Errorf("members: %+v", got)
	}
	// The address of a chat names nobody: an app sees it as one of its listed people, who is in it.
	if f := b.Refused("teams.chat_message.list", with(at, bench.In{"user": "support@contoso.example"})); f.Kind != fault.NotFound {
		t.Errorf("a chat of somebody else: %v", f)
	}
	b.Silent(func() {
		if f := b.Refused("teams.chat_message.list", with(at, bench.In{"user": "chloe@contoso.example"})); f.Code != "mailbox_not_listed" {
			t.Errorf("a chat of somebody who is not listed: %v", f)
		}
		if f := b.Refused("teams.chat_message.list", at); f.Fields[0].Name != "user" {
			t.Errorf("a chat of nobody: %v", f)
		}
	})
}

// What Microsoft does not have for apps is refused before anything leaves, with the reason, the ways there are and what does not help.
func TestAnAppPostsNothing(t *testing.T) {
	b := start(t)
	at := bench.In{"team": "t", "channel": "c", "message": "1", "text": "x"}
	b.Silent(func() {
		for name, in := range map[string]bench.In{"teams.channel_message.send": {"team": "t", "channel": "c", "text": "x"}, "teams.channel_message.reply": at, "teams.channel_message.update": at, "teams.channel_message.delete": {"team": "t", "channel": "c", "message": "1"},
			"teams.chat_message.send": {"user": ada, "chat": "c", "text": "x"}, "teams.chat_message.update": {"user": ada, "chat": "c", "message": "1", "text": "x"}, "teams.chat_message.delete": {"user": ada, "chat": "c", "message": "1"}} {
			f := b.Refused(name, in)
			if f.Code != "mode_not_supported" || f.Kind != fault.NotSupported || f.Mode != "application" || f.Cause == "" || len(f.Alternatives) == 0 || len(f.WrongFixes) == 0 {
				t.Errorf("%s: got %+v", name, f)
			}
		}
		f := b.Refused("teams.channel_message.send", bench.In{"team": "t", "channel": "c", "text": "x"})
		if !strings.Contains(strings.Join(f.Alternatives, "\n"), "teams.workflow.post") || !strings.Contains(f.Cause, "Teamwork.Migrate.All") || !strings.Contains(strings.Join(f.WrongFixes, "\n"), "ChannelMessage.Send.Group") {
			t.Errorf("got %+v", f)
		}
	})
}

// Should it be asked all the same, Teams' 401 and 502 are believed at once: no other token, no repetition.
func TestTeamsRefusalOfAppsIsNeverRepeated(t *testing.T) {
	b := start(t)
	at := channel(b, team(b, "Field Service"), "General")
	g := b.Client(t.Context(), bench.App)
	owner, err := g.Owner(ada)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		status int
		code   string
		path   graph.Path
	}{
		{401, "Unauthorized", graph.ChannelAt(at["team"].(string), at["channel"].(string)).Sub("messages")},
		{403, "Forbidden", graph.ChannelAt(at["team"].(string), at["channel"].(string)).Sub("messages")},
		{502, "BadGateway", owner.Chat("19:x@thread.v2").Sub("messages")},
	} {
		f := bench.FaultAt("status", "POST", "/messages")
		f.Status, f.Code, f.Times = tt.status, tt.code, 0
		b.Fault(f)
		before, tokens := b.Sent("POST", "/messages"), b.Sent("POST", "/oauth2/v2.0/token")
		_, err := graph.Post[graph.ChatMessage](t.Context(), g, tt.path, graph.NewChatMessage{Body: graph.ItemBody{ContentType: "text", Content: "x"}})
		if got := fault.As(err); err == nil || got.Code != "mode_not_supported" || got.Upstream.Status != tt.status {
			t.Errorf("%d: got %v", tt.status, err)
		}
		if n := b.Sent("POST", "/messages") - before; n != 1 {
			t.Errorf("%d: %d requests", tt.status, n)
		}
		if n := b.Sent("POST", "/oauth2/v2.0/token") - tokens; n != 0 {
			t.Errorf("%d: %d tokens were fetched", tt.status, n)
		}
		b.Sim.ClearFaults()
	}
}

func TestWhatIsLostOfAPostIsPostedOnce(t *testing.T) {
	for _, lost := range bench.Losses("/messages") {
		t.Run(lost.Name, func(t *testing.T) {
			b := start(t)
			at := channel(b, team(b, "Field Service"), "General")
			post(b, at, bench.In{"text": "the same words"}) // an older one of the same words is another
			in := with(at, bench.In{"text": "the same words"})
			b.Fault(lost.Fault)
			run := b.Unclear("teams.channel_message.send", in, bench.Key("k"), bench.Through(bench.Person))
			b.Becomes(run, lost.AtOnce, lost.AtLast)
			if n := len(messages(b, at, bench.App)) - 1; n != lost.Arrives {
				t.Errorf("%d of it, want %d", n, lost.Arrives)
			}
			if _, err := b.Call("teams.channel_message.send", in, bench.Key("k"), bench.Through(bench.Person)); err != nil {
				t.Errorf("again: %v", err)
			}
			if n := len(messages(b, at, bench.App)) - 1; n != 1 {
				t.Errorf("after trying again there are %d", n)
			}
		})
	}
}

// A message of one's own with other words may be the lost one, written anew by Teams: nothing is said, and nothing sent.
func TestAPostThatCannotBeToldStaysUnclear(t *testing.T) {
	b := start(t)
	at := channel(b, team(b, "Field Service"), "General")
	b.Fault(bench.FaultAt("reset", "POST", "/messages"))
	run := b.Unclear("teams.channel_message.send", with(at, bench.In{"text": "lost"}), bench.Key("k"), bench.Through(bench.Person))
	post(b, at, bench.In{"text": "something else"})
	b.Pass(once.Settled + time.Second)
	if got := b.Look(run); got != action.Unclear {
		t.Errorf("got %s", got)
	}
	if _, err := b.Call("teams.channel_message.send", with(at, bench.In{"text": "lost"}), bench.Key("k"), bench.Through(bench.Person)); fault.KindOf(err) != fault.Unclear {
		t.Errorf("the same key: %v", err)
	}
	if n := len(messages(b, at, bench.App)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestWhatElseIsLostIsMadeOnce(t *testing.T) {
	for _, tt := range []struct {
		name, action, path string
		in                 bench.In
		count              func(b *bench.Bench, team string) int
	}{
		{"a channel", "teams.channel.create", "/channels", bench.In{"name": "Once"}, func(b *bench.Bench, team string) int {
			return len(bench.Do[teams.Channels](b, "teams.channel.list", bench.In{"team": team}).Channels) - 3
		}},
		{"a member", "teams.member.add", "/members", bench.In{"user": "emma@contoso.example"}, func(b *bench.Bench, team string) int {
			return len(bench.Do[teams.Members](b, "teams.member.list", bench.In{"team": team}).Members) - 3
		}},
		{"a team", "teams.team.create", "/teams", bench.In{"name": "Once", "owner": ada}, func(b *bench.Bench, _ string) int {
			return len(bench.Do[teams.TeamList](b, "teams.team.list", bench.In{"all": true, "name": "Once"}).Teams)
		}},
	} {
		for _, lost := range bench.Losses(tt.path) {
			if tt.name == "a team" && strings.Contains(lost.Name, "half") {
				continue // the answer has no body that could be torn
			}
			t.Run(tt.name+", "+lost.Name, func(t *testing.T) {
				b := start(t)
				id := team(b, "Field Service")
				in := tt.in
				if tt.name != "a team" {
					in = with(tt.in, bench.In{"team": id})
				}
				b.MadeOnce(tt.action, in, lost, func() int { return tt.count(b, id) })
			})
		}
	}
}
