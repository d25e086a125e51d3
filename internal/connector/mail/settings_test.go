package mail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/connector/mail"
	"seneschal/internal/fault"
)

func TestSettingsAreReadBackInBothModes(t *testing.T) {
	bothModes(t, func(t *testing.T, b *bench.Bench, through string) {
		do := func(name string, in bench.In) mail.Settings {
			t.Helper()
			return bench.Do[mail.Settings](b, name, bench.Named(through, in), bench.Through(through))
		}
		before := do("mail.settings.get", bench.In{})
		if before.Kind != "user" || before.Language != "en-US" || before.WorkingHours.Start != "08:00" {
			t.Errorf("before: got %+v", before)
		}
		do("mail.settings.update", bench.In{"time_zone": "Europe/Berlin", "language": "de-DE", "date_format": "dd.MM.yyyy", "time_format": "H:mm", "delegate_meeting_messages": "sendToDelegateAndPrincipal",
			"working_hours": bench.In{"days": []string{"monday", "friday"}, "end": "15:30", "time_zone": "W. Europe Standard Time"}})
		want := mail.Settings{Kind: "user", TimeZone: "Europe/Berlin", Language: "de-DE", DateFormat: "dd.MM.yyyy", TimeFormat: "H:mm", MeetingMessages: "sendToDelegateAndPrincipal",
			WorkingHours: mail.Hours{Days: []string{"monday", "friday"}, Start: "08:00", End: "15:30", TimeZone: "W. Europe Standard Time"}}
		if diff := cmp.Diff(want, do("mail.settings.get", bench.In{})); diff != "" {
			t.Error(diff)
		}
		for _, tt := range []struct {
			in    bench.In
			field string
		}{
			{bench.In{"time_zone": "Mars/Base"}, "time_zone"},
			{bench.In{"working_hours": bench.In{"time_zone": "Mars/Base"}}, "working_hours.time_zone"},
			{bench.In{"working_hours": bench.In{"start": "16:00"}}, "working_hours.end"},
		} {
			if f := b.Refused("mail.settings.update", bench.Named(through, tt.in), bench.Through(through)); f.Kind != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Name != tt.field {
				t.Errorf("%v: got %v %+v", tt.in, f, f.Fields)
			}
		}
		do("mail.settings.update", bench.In{"working_hours": bench.In{"start": "07:00"}, "time_zone": before.TimeZone, "language": "en-US"})
		if got := do("mail.settings.get", bench.In{}).WorkingHours; got.Start != "07:00" || got.End != "15:30" || len(got.Days) != 2 {
			t.Errorf("what is left out stays: got %+v", got)
		}
		do("mail.settings.update", bench.In{"working_hours": bench.In{"start": "08:00"}})
	})
}

func TestAnAutomaticReplyIsSetInBothModes(t *testing.T) {
	bothModes(t, func(t *testing.T, b *bench.Bench, through string) {
		do := func(name string, in bench.In) mail.AutoReply {
			t.Helper()
			return bench.Do[mail.AutoReply](b, name, bench.Named(through, in), bench.Through(through))
		}
		start := b.Clock.Now().Add(time.Hour).Truncate(time.Second)
		do("mail.auto_reply.set", bench.In{"status": "scheduled", "start": start.In(time.FixedZone("", 7200)), "end": start.Add(48 * time.Hour), "external_audience": "contacts",
			"internal_message": "Away <till> Monday\nAsk Ben & co.", "external_message": "Back on Monday"})
		want := mail.AutoReply{Status: "scheduled", Audience: "contacts", Start: start.UTC().Format(time.RFC3339), End: start.Add(48 * time.Hour).UTC().Format(time.RFC3339),
			Internal: "<html>\n<body>\nAway &lt;till&gt; Monday<br>\nAsk Ben &amp; co.\n</body>\n</html>\n", External: "<html>\n<body>\nBack on Monday\n</body>\n</html>\n"}
		if diff := cmp.Diff(want, do("mail.auto_reply.get", bench.In{})); diff != "" {
			t.Error(diff)
		}
		do("mail.auto_reply.set", bench.In{"status": "always", "external_message": "<p>Back soon</p>", "message_type": "html", "external_audience": "all"})
		if got := do("mail.auto_reply.get", bench.In{}); got.Status != "always" || got.Start+got.End != "" || got.External != "<p>Back soon</p>" || got.Internal != want.Internal || got.Audience != "all" {
			t.Errorf("always: got %+v", got)
		}
		// Microsoft alone knows the time; a range that is over is refused by it.
		if f := b.Refused("mail.auto_reply.set", bench.Named(through, bench.In{"status": "scheduled", "start": start.Add(-48 * time.Hour), "end": start.Add(-24 * time.Hour)}), bench.Through(through)); f.Kind != fault.Invalid {
			t.Errorf("a range that is over: got %v", f)
		}
		do("mail.auto_reply.set", bench.In{"status": "disabled"})
		if got := do("mail.auto_reply.get", bench.In{}); got.Status != "disabled" || got.Internal != want.Internal {
			t.Errorf("disabled: got %+v", got)
		}
	})
}

// Who writes to the mailbox is answered, within the time, by the message for where they are.
func TestAnAutomaticReplyAnswers(t *testing.T) {
	b := startSettings(t)
	now := b.Clock.Now()
	bench.Do[mail.AutoReply](b, "mail.auto_reply.set", bench.In{"user": ada, "status": "scheduled", "start": now.Add(time.Hour), "end": now.Add(2 * time.Hour), "internal_message": "In the field"})
	answers := func(subject string) int {
		bench.Do[mail.Sent](b, "mail.message.send", bench.In{"user": ben, "to": []string{ada}, "subject": subject})
		b.Pass(2 * time.Second)
		return count(b, ben, "inbox", "Automatic reply: "+subject)
	}
	if n := answers("early"); n != 0 {
		t.Errorf("before it begins: %d answers", n)
	}
	b.Pass(time.Hour)
	if n := answers("in time"); n != 1 {
		t.Errorf("in time: %d answers", n)
	}
	if n := answers("again"); n != 0 {
		t.Errorf("the same sender again: %d answers", n)
	}
	b.Pass(time.Hour)
	if n := answers("late"); n != 0 {
		t.Errorf("after its end: %d answers", n)
	}
}

func TestCategoriesInBothModes(t *testing.T) {
	bothModes(t, func(t *testing.T, b *bench.Bench, through string) {
		do := func(name string, in bench.In) mail.Category {
			t.Helper()
			return bench.Do[mail.Category](b, name, bench.Named(through, in), bench.Through(through))
		}
		list := func() []mail.Category {
			return bench.Do[mail.CategoryList](b, "mail.category.list", bench.Named(through, bench.In{}), bench.Through(through)).Categories
		}
		made := do("mail.category.create", bench.In{"name": "Warranty", "colour": "dark_green"})
		plain := do("mail.category.create", bench.In{"name": "Plain", "colour": "none"})
		if got := list(); len(got) != 2 || !slices.Contains(got, mail.Category{ID: made.ID, Name: "Warranty", Colour: "dark_green"}) || !slices.Contains(got, plain) {
			t.Errorf("got %+v", got)
		}
		do("mail.category.update", bench.In{"category": made.ID, "colour": "red"})
		if got := list(); !slices.Contains(got, mail.Category{ID: made.ID, Name: "Warranty", Colour: "red"}) {
			t.Errorf("another colour: got %+v", got)
		}
		if f := b.Refused("mail.category.create", bench.Named(through, bench.In{"name": "warranty", "colour": "blue"}), bench.Through(through)); f.Kind != fault.Conflict {
			t.Errorf("a name that is taken: got %v", f)
		}
		m := bench.Do[mail.List](b, "mail.message.list", bench.Named(through, bench.In{"limit": 1}), bench.Through(through)).Messages[0]
		if got := bench.Do[mail.Summary](b, "mail.message.update", bench.Named(through, bench.In{"message": m.ID, "categories": []string{"Warranty"}}), bench.Through(through)); !slices.Equal(got.Categories, []string{"Warranty"}) {
			t.Errorf("on a message: got %+v", got)
		}
		for _, k := range list() {
			bench.Do[mail.CategoryDeleted](b, "mail.category.delete", bench.Named(through, bench.In{"category": k.ID}), bench.Through(through))
		}
		if got := list(); len(got) != 0 {
			t.Errorf("after deleting: got %+v", got)
		}
	})
}

func TestACategoryIsMadeOnce(t *testing.T) {
	in := bench.In{"user": ada, "name": "Once", "colour": "teal"}
	for _, lost := range bench.Losses("/masterCategories") {
		t.Run(lost.Name, func(t *testing.T) {
			b := startSettings(t)
			b.MadeOnce("mail.category.create", in, lost, func() int {
				return len(bench.Do[mail.CategoryList](b, "mail.category.list", bench.In{"user": ada}).Categories)
			})
		})
	}
}

func TestFocusedInboxInBothModes(t *testing.T) {
	bothModes(t, func(t *testing.T, b *bench.Bench, through string) {
		list := func() []mail.Override {
			return bench.Do[mail.OverrideList](b, "mail.focused.override.list", bench.Named(through, bench.In{}), bench.Through(through)).Overrides
		}
		set := func(sender, part string) mail.Override {
			return bench.Do[mail.Override](b, "mail.focused.override.set", bench.Named(through, bench.In{"sender": sender, "part": part}), bench.Through(through))
		}
		// An answer that is lost is asked for again, and makes no second one.
		b.Fault(bench.FaultAt("timeout_after_accept", "POST", "/overrides"))
		first := set("Ben Okafor <ben@contoso.example>", "other")
		if got := list(); len(got) != 1 || got[0] != (mail.Override{ID: first.ID, Sender: mail.Person{Name: "Ben Okafor", Address: ben}, Part: "other"}) {
			t.Errorf("got %+v", got)
		}
		subject := "Where does it go " + through
		bench.Do[mail.Sent](b, "mail.message.send", bench.In{"user": ben, "to": []string{ada}, "subject": subject})
		b.Pass(2 * time.Second)
		m := bench.Do[mail.List](b, "mail.message.list", bench.Named(through, bench.In{"subject": subject}), bench.Through(through)).Messages[0]
		if m.Part != "other" {
			t.Errorf("new mail of the sender: got %+v", m)
		}
		if got := bench.Do[mail.Summary](b, "mail.message.update", bench.Named(through, bench.In{"message": m.ID, "part": "focused"}), bench.Through(through)); got.Part != "focused" {
			t.Errorf("one message alone: got %+v", got)
		}
		if again := set(ben, "focused"); again.ID != first.ID || len(list()) != 1 {
			t.Errorf("the same sender: got %+v", again)
		}
		bench.Do[mail.OverrideDeleted](b, "mail.focused.override.delete", bench.Named(through, bench.In{"override": first.ID}), bench.Through(through))
		if got := list(); len(got) != 0 {
			t.Errorf("after deleting: got %+v", got)
		}
	})
}

// A conversation is one list, in whichever folders its messages lie, whatever arrives in between.
func TestAThreadIsOneListInBothModes(t *testing.T) {
	bothModes(t, func(t *testing.T, b *bench.Bench, through string) {
		subject := "Long talk " + through
		long := strings.Repeat("ä", 20_001)
		bench.Do[mail.Sent](b, "mail.message.send", bench.In{"user": ada, "to": []string{ben}, "subject": subject, "body": long})
		b.Pass(2 * time.Second)
		conversation := ""
		for i := range 3 {
			at := bench.Do[mail.List](b, "mail.message.list", bench.In{"user": ben, "folder": "inbox", "subject": subject, "limit": 1}).Messages[0]
			conversation = at.ConversationID
			bench.Do[mail.Sent](b, "mail.message.reply", bench.In{"user": ben, "message": at.ID, "body": fmt.Sprint("answer ", i)})
			b.Pass(2 * time.Second)
		}
		answer := bench.Do[mail.List](b, "mail.message.list", bench.Named(through, bench.In{"subject": subject, "limit": 10}), bench.Through(through)).Messages[0]
		bench.Do[mail.Summary](b, "mail.message.move", bench.Named(through, bench.In{"message": answer.ID, "folder": "archive"}), bench.Through(through))
		var texts []string
		in := bench.Named(through, bench.In{"conversation": conversation, "limit": 3})
		folders := map[string]bool{}
		for pages := 0; pages < 3; pages++ {
			got := bench.Do[mail.Thread](b, "mail.thread.get", in, bench.Through(through))
			for _, m := range got.Messages {
				folders[m.FolderID] = true
				if texts = append(texts, m.Text[:min(8, len(m.Text))]); m.Cut {
					texts[len(texts)-1] = fmt.Sprint("cut at ", len([]rune(m.Text)))
				}
			}
			if got.NextCursor == "" {
				break
			}
			in["cursor"] = got.NextCursor
		}
		if diff := cmp.Diff([]string{"cut at 20000", "answer 0", "answer 1", "answer 2"}, texts); diff != "" || len(folders) != 3 {
			t.Errorf("in %d folders:\n%s", len(folders), diff)
		}
	})
}
