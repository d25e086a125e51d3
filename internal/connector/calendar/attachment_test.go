package calendar_test

import (
	"bytes"
	"testing"

	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/internal/attachment"
	"seneschal/internal/connector/internal/bench"
	"seneschal/internal/fault"
)

func attachments(b *bench.Bench, through string, event string) []attachment.Attachment {
	b.Helper()
	return bench.Do[attachment.List](b, "calendar.attachment.list", bench.Named(through, bench.In{"event": event}), bench.Through(through)).Attachments
}

func TestAFileOnAnEventIsReadBackInBothModes(t *testing.T) {
	b := start(t)
	large := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	for _, through := range []string{bench.App, bench.Person} {
		made := bench.Do[calendar.Event](b, "calendar.event.create", visit(bench.In{"attendees": []bench.In{{"address": ben}}}))
		for _, tt := range []struct {
			name    string
			content []byte
			session bool
		}{{"Plan.txt", []byte("Bring the keys"), false}, {"Photo.bin", large, true}} {
			t.Run(through+" "+tt.name, func(t *testing.T) {
				sessions, mails := b.Sent("POST", "/createUploadSession"), b.Sent("PATCH", "/events/")
				in := func() bench.In { return bench.Named(through, bench.In{"event": made.ID}) }
				added := bench.Do[attachment.Attachment](b, "calendar.attachment.add", in(), bench.Through(through), b.File("file", tt.name, tt.content))
				if added.Name != tt.name || added.Kind != "file" || added.ID == "" || (b.Sent("POST", "/createUploadSession") > sessions) != tt.session || b.Sent("PATCH", "/events/") != mails {
					t.Errorf("got %+v", added)
				}
				one := in()
				one["attachment"] = added.ID
				var got bytes.Buffer
				told := bench.Do[attachment.Downloaded](b, "calendar.attachment.download", one, bench.Through(through), bench.Out(&got))
				if !bytes.Equal(got.Bytes(), tt.content) || told.Bytes != int64(len(tt.content)) {
					t.Errorf("downloaded %d bytes, told %+v", got.Len(), told)
				}
				if tt.session {
					if f := b.Refused("calendar.attachment.get", one, bench.Through(through)); f.Kind != fault.TooLarge {
						t.Errorf("too large to be shown: got %v", f)
					}
				} else if c := bench.Do[attachment.Content](b, "calendar.attachment.get", one, bench.Through(through)); !bytes.Equal(c.Content, tt.content) {
					t.Errorf("got %q", c.Content)
				}
				if e := bench.Do[calendar.Event](b, "calendar.event.get", in(), bench.Through(through)); !e.HasAttachments {
					t.Errorf("the event: got %+v", e.Summary)
				}
				bench.Do[attachment.Deleted](b, "calendar.attachment.delete", one, bench.Through(through))
				if left := attachments(b, through, made.ID); len(left) != 0 {
					t.Errorf("left: %+v", left)
				}
			})
		}
	}
	b.Silent(func() {
		b.Wrong("calendar.attachment.add", bench.In{"user": ada, "event": "x"}, "file", "missing")
		b.Fenced("calendar.attachment.delete", bench.In{"event": "x", "attachment": "y"})
	})
}

// A file for one occurrence is that occurrence's alone.
func TestAFileOnOneOccurrence(t *testing.T) {
	b := start(t)
	series := bench.Do[calendar.Event](b, "calendar.event.create", visit(fourDays))
	second := instances(b, bench.App, series.ID, 10)[1]
	bench.Do[attachment.Attachment](b, "calendar.attachment.add", bench.In{"user": ada, "event": second.ID}, b.File("file", "Plan.txt", []byte("x")))
	if got := attachments(b, bench.App, second.ID); len(got) != 1 {
		t.Errorf("on the occurrence: %+v", got)
	}
	if got := attachments(b, bench.App, series.ID); len(got) != 0 {
		t.Errorf("on the series: %+v", got)
	}
	if all := instances(b, bench.App, series.ID, 10); len(all) != 4 {
		t.Errorf("the series: %+v", all)
	}
}

func TestAFileIsAddedOnce(t *testing.T) {
	for _, lost := range bench.Losses("/attachments") {
		t.Run(lost.Name, func(t *testing.T) {
			b := start(t)
			made := bench.Do[calendar.Event](b, "calendar.event.create", visit(nil))
			in := bench.In{"user": ada, "event": made.ID}
			count := func() int { return len(attachments(b, bench.App, made.ID)) }
			b.Fault(lost.Fault)
			run := b.Unclear("calendar.attachment.add", in, bench.Key("k"), b.File("file", "Plan.txt", []byte("x")))
			b.Becomes(run, lost.AtOnce, lost.AtLast)
			if n := count(); n != lost.Arrives {
				t.Errorf("%d files, want %d", n, lost.Arrives)
			}
			bench.Do[attachment.Attachment](b, "calendar.attachment.add", in, bench.Key("k"), b.File("file", "Plan.txt", []byte("x")))
			if n := count(); n != 1 {
				t.Errorf("after trying again there are %d", n)
			}
		})
	}
}
