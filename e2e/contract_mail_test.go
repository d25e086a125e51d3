package e2e

import (
	"testing"
	"time"
)

// exerciseMail runs every action on mail, on a message that the mailbox sends to itself; pass lets time pass.
func exerciseMail(t *testing.T, do perform, own, other string, pass func(time.Duration)) {
	t.Helper()
	do("mail.message.send", map[string]any{"to": []string{own}, "subject": "To exercise", "body": "x"})
	pass(time.Minute)
	var message any
	waitUntil(t, "the message arrives", func() bool {
		list := do("mail.message.list", map[string]any{"folder": "inbox", "limit": 1})["messages"].([]any)
		if len(list) == 0 || list[0].(map[string]any)["subject"] != "To exercise" {
			return false
		}
		message = list[0].(map[string]any)["id"]
		return true
	})
	for range 2 {
		do("mail.draft.create", map[string]any{"subject": "To exercise the search"})
	}
	do("mail.folder.list", map[string]any{})
	search := do("mail.message.list", map[string]any{"search": "exercise", "folder": "all", "limit": 1})
	do("mail.message.list", map[string]any{"search": "exercise", "folder": "all", "limit": 1, "cursor": search["next_cursor"]})
	do("mail.message.get", map[string]any{"message": message})
	do("mail.message.mime", map[string]any{"message": message})
	do("mail.message.update", map[string]any{"message": message, "is_read": true, "categories": []string{"Seen"}})
	draft := do("mail.draft.create", map[string]any{"to": []string{other}, "subject": "Draft", "body": "x"})["id"]
	do("mail.draft.update", map[string]any{"message": draft, "subject": "Draft, better"})
	file := do("mail.attachment.add", map[string]any{"message": draft, "name": "Offer.txt"}, map[string][]byte{"file": []byte("A small file.")})["id"]
	do("mail.attachment.list", map[string]any{"message": draft})
	do("mail.attachment.get", map[string]any{"message": draft, "attachment": file})
	do("mail.message.reply", map[string]any{"message": message, "comment": "Thanks"})
	do("mail.message.trace", map[string]any{"message": message})
	do("mail.message.submit", map[string]any{"to": []string{other}, "subject": "Handed over", "body": "At most once."}, map[string][]byte{"attachment_1": []byte("one"), "attachment_2": []byte("two")})
	do("mail.report.list", map[string]any{"since": "2026-01-01T00:00:00Z"})
	do("mail.report.get", map[string]any{"message": message})
	do("mail.message.forward", map[string]any{"message": message, "to": []string{other}, "comment": "See below"})
	moved := do("mail.message.move", map[string]any{"message": message, "folder": "archive"})["id"]
	do("mail.message.delete", map[string]any{"message": moved})
}

// exerciseCalendar runs every action on calendars; a personal account has nobody's busy times but its own.
func exerciseCalendar(t *testing.T, do perform, now time.Time, own, other string, work bool) {
	t.Helper()
	start := now.Add(48 * time.Hour).Truncate(time.Hour)
	from, to := start.Format(time.RFC3339), start.Add(time.Hour).Format(time.RFC3339)
	do("calendar.calendar.list", map[string]any{})
	event := do("calendar.event.create", map[string]any{"subject": "Visit", "start": from, "end": to, "location": "Office", "online_meeting": work, "attendees": []map[string]any{{"address": other}}})["id"]
	do("calendar.event.get", map[string]any{"event": event})
	do("calendar.event.list", map[string]any{"start": from, "end": to})
	do("calendar.event.update", map[string]any{"event": event, "subject": "Visit, later"})
	do("calendar.event.update", map[string]any{"event": event, "location": nil, "body": nil, "reminder_minutes": nil, "categories": nil, "attendees": nil, "recurrence": nil})
	if work {
		people := []string{own, other}
		do("calendar.schedule.get", map[string]any{"people": people, "start": from, "end": to})
		do("calendar.times.find", map[string]any{"people": people, "start": from, "end": start.Add(8 * time.Hour).Format(time.RFC3339), "duration_minutes": 30})
		do("calendar.times.find", map[string]any{"people": people, "optional_people": []string{own}, "start": from, "end": start.Add(72 * time.Hour).Format(time.RFC3339), "duration_minutes": 30})
	}
	do("calendar.event.cancel", map[string]any{"event": event, "comment": "Sorry"})
	deleted := do("calendar.event.create", map[string]any{"subject": "To delete", "start": from, "end": to, "reference": "job 4711"})["id"]
	do("calendar.event.find", map[string]any{"reference": "job 4711"})
	do("calendar.event.delete", map[string]any{"event": deleted})
}

// exerciseInvitation has the mailbox invited by another one through an app, and answers.
func exerciseInvitation(t *testing.T, organize, do perform, now time.Time, own, organizer string) {
	t.Helper()
	start := now.Add(96 * time.Hour).Truncate(time.Hour)
	window := map[string]any{"start": start.Format(time.RFC3339), "end": start.Add(time.Hour).Format(time.RFC3339)}
	organize("calendar.event.create", map[string]any{"user": organizer, "subject": "Invited", "start": window["start"], "end": window["end"], "attendees": []map[string]any{{"address": own}}})
	for _, e := range do("calendar.event.list", window)["events"].([]any) {
		if event := e.(map[string]any); event["subject"] == "Invited" {
			do("calendar.event.respond", map[string]any{"event": event["id"], "response": "accept", "comment": "Noted"})
			do("calendar.event.respond", map[string]any{"event": event["id"], "response": "tentative", "propose_start": window["end"], "propose_end": start.Add(2 * time.Hour).Format(time.RFC3339)})
			do("calendar.event.respond", map[string]any{"event": event["id"], "response": "decline", "send_response": false})
		}
	}
}
