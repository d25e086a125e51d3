package teams_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/internal/once"
	"seneschal/internal/connector/teams"
	"seneschal/internal/fault"
	"seneschal/internal/sim"
)

func TestPresenceMeetingsAndActivitiesInBothModes(t *testing.T) {
	b := start(t)
	for i, through := range []string{bench.App, bench.Person} {
		t.Run(through, func(t *testing.T) {
			opt, self := bench.Through(through), bench.Named(through, nil)
			bench.Do[teams.Presence](b, "teams.presence.set", with(self, bench.In{"state": "in_a_call", "minutes": 30}), opt)
			if got := bench.Do[teams.Presence](b, "teams.presence.get", self, opt); got.Availability != "Busy" || got.Activity != "InACall" {
				t.Errorf("set: %+v", got)
			}
			if got := bench.Do[teams.Presences](b, "teams.presence.list", bench.In{"users": []string{ada}}, opt).Presences; len(got) != 1 || got[0].Activity != "InACall" {
				t.Errorf("listed: %+v", got)
			}
			if got := bench.Do[teams.Presence](b, "teams.presence.clear", self, opt); got.Availability != "Offline" {
				t.Errorf("cleared: %+v", got)
			}
			from := b.Clock.Now().Add(time.Hour).Truncate(time.Second).UTC()
			in := with(self, bench.In{"subject": "Call", "start": from, "end": from.Add(time.Hour), "attendees": []string{ben}})
			b.Fault(bench.FaultAt("timeout_after_accept", "POST", "createOrGet"))
			made := bench.Do[teams.Meeting](b, "teams.meeting.create", in, opt) // the key is Microsoft's: the lost answer is asked for again
			if kept, err := b.Sim.State("contoso", "onlineMeetings"); err != nil || len(kept) != 1 {
				t.Errorf("%d meetings are kept, %v", len(kept), err)
			}
			bench.Do[teams.Meeting](b, "teams.meeting.update", with(self, bench.In{"meeting": made.ID, "subject": "Call, longer", "start": from, "end": from.Add(2 * time.Hour)}), opt)
			if got := bench.Do[teams.Meeting](b, "teams.meeting.get", with(self, bench.In{"join_url": made.JoinURL}), opt); got.Subject != "Call, longer" || !got.End.Equal(from.Add(2*time.Hour)) || !slices.Equal(got.Attendees, []string{ben}) {
				t.Errorf("changed: %+v", got)
			}
			bench.Do[teams.Deleted](b, "teams.meeting.delete", with(self, bench.In{"meeting": made.ID}), opt)
			if f := b.Refused("teams.meeting.get", with(self, bench.In{"meeting": made.ID}), opt); f.Kind != fault.NotFound {
				t.Errorf("deleted: %v", f)
			}
			if _, err := b.Sim.State("contoso", "onlineMeetings"); err != nil {
				t.Error(err)
			}
			notice := bench.In{"user": ada, "type": "taskCreated", "topic": "Ticket 4711", "link": "https://teams.microsoft.com/l/entity/x", "preview": "New", "values": bench.In{"taskId": "4711"}}
			bench.Do[teams.Notified](b, "teams.activity.notify", notice, opt)
			if kept, err := b.Sim.State("contoso", "activityNotifications"); err != nil || len(kept) != 2*i+1 || kept[2*i]["recipient"] != ada {
				t.Errorf("notifications: %v %v", kept, err)
			}
			t.Cleanup(func() {
				b.Fault(bench.FaultAt("timeout_after_accept", "POST", "sendActivityNotification"))
				run := b.Unclear("teams.activity.notify", notice, opt)
				b.Pass(once.Settled + time.Second)
				if got := b.Look(run); got != action.Unclear { // nobody can see another's feed, so it stays a person's to ask
					t.Errorf("a lost notification: %s", got)
				}
			})
		})
	}
}

func TestAWorkflowPostsForAnApp(t *testing.T) {
	b := start(t)
	at := channel(b, team(b, "Field Service"), "General")
	i := slices.IndexFunc(b.Sim.Ready().Tenants[0].Teams, func(t sim.ReadyTeam) bool { return t.Name == "Field Service" })
	address := b.Sim.Ready().Tenants[0].Teams[i].WorkflowURL
	if got := bench.Do[teams.Handed](b, "teams.workflow.post", bench.In{"url": address, "text": "The lift is stuck"}); !got.Accepted {
		t.Errorf("got %+v", got)
	}
	list := messages(b, at, bench.App)
	if len(list) != 1 || list[0].From.Program == "" || len(list[0].Attachments) != 1 || !strings.Contains(list[0].Attachments[0].Content, "The lift is stuck") {
		t.Fatalf("read back: %+v", list)
	}
	for _, r := range b.Sim.Requests() {
		if strings.HasPrefix(r.Path, "/workflows/") && r.App != "" {
			t.Error("the token went to the workflow")
		}
	}
	wrong := address[:len(address)-4] + "XXXX"
	if f := b.Refused("teams.workflow.post", bench.In{"url": wrong, "text": "x"}); f.Code != "workflow_gone" || strings.Contains(f.Error(), "sig") {
		t.Errorf("another signature: %v", f)
	}
	if f := b.Refused("teams.workflow.post", bench.In{"url": address, "text": "x"}, bench.Through(bench.Frozen)); f.Code != "read_only" {
		t.Errorf("read only: %v", f)
	}
	b.Silent(func() {
		for _, old := range []string{"https://outlook.office.com/webhook/1/IncomingWebhook/2/3", "https://contoso.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4"} {
			if f := b.Refused("teams.workflow.post", bench.In{"url": old, "text": "x"}); f.Code != "retired" || !strings.Contains(f.Fix, "Workflows") {
				t.Errorf("%s: got %v", old, f)
			}
		}
		for _, elsewhere := range []string{"https://evil.example/workflows/1?sig=x", "http://prod-1.westeurope.logic.azure.com/workflows/1?sig=x", "https://logic.azure.com.evil.example/?sig=x", "https://u@prod-1.logic.azure.com/?sig=x", "https://prod-1.westeurope.logic.azure.com/workflows/1", "https://127.0.0.1/?sig=x", "x"} {
			b.Wrong("teams.workflow.post", bench.In{"url": elsewhere, "text": "x"}, "url", "")
		}
	})
	b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/workflows/"))
	run := b.Unclear("teams.workflow.post", bench.In{"url": address, "text": "once"}, bench.Key("k"))
	b.Pass(once.Settled + time.Second)
	if got := b.Look(run); got != action.Unclear {
		t.Errorf("a lost answer: %s", got)
	}
	if n := len(messages(b, at, bench.App)); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestNamedFaults(t *testing.T) {
	words := bench.In{"text": "x"}
	for _, tt := range []struct {
		name    string
		through string
		broken  sim.Fault
		action  string
		in      func(b *bench.Bench, at bench.In) bench.In
		code    string
		kind    fault.Kind
	}{
		{"no licence", bench.Person, sim.Fault{Kind: "mailbox_removed", User: ada}, "teams.channel_message.send", func(_ *bench.Bench, at bench.In) bench.In { return with(at, words) }, "licence_missing", fault.NotSupported},
		{"a guest", bench.Person, sim.Fault{Kind: "made_guest", User: ada}, "teams.channel.create", func(_ *bench.Bench, at bench.In) bench.In { return bench.In{"team": at["team"], "name": "New"} }, "guest", fault.Forbidden},
		{"a deleted team", bench.Person, sim.Fault{Kind: "team_deleted", Code: "Field Service"}, "teams.channel_message.send", func(_ *bench.Bench, at bench.In) bench.In { return with(at, words) }, "NotFound", fault.NotFound},
		{"a team of others", bench.Person, sim.Fault{}, "teams.channel.list", func(b *bench.Bench, _ bench.In) bench.In { return bench.In{"team": team(b, "Management")} }, "not_a_member", fault.Forbidden},
		{"a private channel of others", bench.Person, sim.Fault{}, "teams.channel_message.send", func(b *bench.Bench, at bench.In) bench.In {
			return with(channel(b, at["team"].(string), "Leads"), words)
		}, "NotFound", fault.NotFound},
		{"no policy for the meetings", bench.App, sim.Fault{}, "teams.meeting.get", func(*bench.Bench, bench.In) bench.In {
			return bench.In{"user": "support@contoso.example", "meeting": "x"}
		}, "resource_not_granted", fault.NeedsAdmin},
		{"a mention of somebody who is no member", bench.Person, sim.Fault{}, "teams.channel_message.send", func(_ *bench.Bench, at bench.In) bench.In {
			return with(at, bench.In{"text": "x", "mentions": []bench.In{{"user": "emma@contoso.example"}}})
		}, "invalid_input", fault.Invalid},
		{"the Teams app is not installed", bench.App, sim.Fault{}, "teams.activity.notify", func(*bench.Bench, bench.In) bench.In {
			return bench.In{"user": "support@contoso.example", "type": "t", "topic": "x", "link": "https://teams.microsoft.com/l/x"}
		}, "app_not_installed", fault.NeedsAdmin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t)
			at := channel(b, team(b, "Field Service"), "General")
			in := tt.in(b, at)
			if tt.broken.Kind != "" {
				b.Fault(tt.broken)
			}
			f := b.Refused(tt.action, in, bench.Through(tt.through))
			if f.Code != tt.code || f.Kind != tt.kind || f.Fix == "" {
				t.Errorf("got %+v", f)
			}
		})
	}
}

func TestThrottlingIsWaitedFor(t *testing.T) {
	b := start(t)
	at := channel(b, team(b, "Field Service"), "General")
	throttled := bench.FaultAt("429", "POST", "/messages")
	throttled.RetryAfter = "1"
	b.Fault(throttled)
	post(b, at, bench.In{"text": "a little later"})
	if list := messages(b, at, bench.App); len(list) != 1 {
		t.Errorf("got %+v", list)
	}
}

func TestRefusedBeforeAnyCall(t *testing.T) {
	at := func(more bench.In) bench.In { return with(bench.In{"team": "t", "channel": "c"}, more) }
	large := bench.In{"type": "AdaptiveCard", "version": "1.4", "body": strings.Repeat("x", 30<<10)}
	b := start(t)
	b.Silent(func() {
		for _, tt := range []struct {
			name, action string
			in           bench.In
			field, words string
		}{
			{"nothing said", "teams.channel_message.send", at(nil), "text", "missing"},
			{"both forms", "teams.channel_message.send", at(bench.In{"text": "x", "html": "y"}), "html", ""},
			{"a mention by hand", "teams.channel_message.send", at(bench.In{"html": `<at id="0">x</at>`}), "html", "mentions"},
			{"a place for nobody", "teams.channel_message.send", at(bench.In{"text": "Hi {@1}", "mentions": []bench.In{{"user": ben}}}), "mentions", "{@1}"},
			{"a card of another type", "teams.channel_message.send", at(bench.In{"cards": []bench.In{{"type": "MessageCard", "version": "1"}}}), "cards[0]", "AdaptiveCard"},
			{"a card without a version", "teams.channel_message.send", at(bench.In{"cards": []bench.In{{"type": "AdaptiveCard"}}}), "cards[0]", "version"},
			{"a card too large", "teams.channel_message.send", at(bench.In{"cards": []bench.In{large}}), "cards[0]", "28672"},
			{"words too long", "teams.channel_message.send", at(bench.In{"text": strings.Repeat("x", 30<<10)}), "text", "28672"},
			{"a file that is none", "teams.channel_message.send", at(bench.In{"text": "x", "files": []bench.In{{"id": "1", "url": "http://x", "name": "x"}}}), "files[0].id", "GUID"},
			{"an unknown field", "teams.channel_message.send", at(bench.In{"text": "x", "colour": "red"}), "colour", ""},
			{"a channel's name", "teams.channel.create", bench.In{"team": "t", "name": "a/b"}, "name", "character"},
			{"owners of a standard channel", "teams.channel.create", bench.In{"team": "t", "name": "a", "owners": []string{ada}}, "owners", "private"},
			{"a kind that is none", "teams.channel.create", bench.In{"team": "t", "name": "a", "kind": "secret"}, "kind", "shared"},
			{"nothing of a channel to change", "teams.channel.update", at(nil), "name", ""},
			{"a role that is none", "teams.member.add", bench.In{"team": "t", "user": ben, "role": "boss"}, "role", "owner"},
			{"a topic for two", "teams.chat.create", bench.In{"user": ada, "with": []string{ben}, "topic": "x"}, "topic", "group"},
			{"a page too long", "teams.channel_message.list", at(bench.In{"limit": 51}), "limit", "50"},
			{"a cursor that is none", "teams.channel_message.list", at(bench.In{"cursor": "abc"}), "cursor", ""},
			{"a meeting that ends before it begins", "teams.meeting.create", bench.In{"user": ada, "subject": "x", "start": "2031-01-01T10:00:00Z", "end": "2031-01-01T09:00:00Z"}, "end", ""},
			{"half of the times", "teams.meeting.update", bench.In{"user": ada, "meeting": "x", "start": "2031-01-01T10:00:00Z"}, "end", ""},
			{"a state that is none", "teams.presence.set", bench.In{"user": ada, "state": "asleep"}, "state", "away"},
			{"a link elsewhere", "teams.activity.notify", bench.In{"user": ada, "type": "t", "topic": "x", "link": "https://evil.example"}, "link", "teams.microsoft.com"},
			{"an app is nobody", "teams.presence.get", bench.In{}, "user", ""},
		} {
			t.Log(tt.name)
			if tt.action != "teams.channel_message.send" {
				b.Wrong(tt.action, tt.in, tt.field, tt.words)
				continue
			}
			f := b.Refused(tt.action, tt.in, bench.Through(bench.Person)) // an app is refused for being one, before its words are read
			if f.Kind != fault.Invalid || !slices.ContainsFunc(f.Fields, func(w fault.Field) bool { return w.Name == tt.field && strings.Contains(w.Message, tt.words) }) {
				t.Errorf("%s: got %v", tt.name, f)
			}
		}
		if f := b.Refused("teams.presence.get", bench.In{"user": "emma@contoso.example"}); f.Code != "mailbox_not_listed" {
			t.Errorf("presence of somebody who is not listed: %v", f)
		}
	})
	if f := b.Refused("teams.presence.list", bench.In{"users": []string{ada, "emma@contoso.example"}}); f.Code != "mailbox_not_listed" || len(f.Fields) != 1 {
		t.Errorf("presence of several: %v", f)
	}
}

func TestOuterForm(t *testing.T) { bench.Golden(t, teams.Actions()) }
