package e2e

import (
	"testing"
	"time"
)

// exerciseMailSettings runs every action on what belongs to a mailbox beside its mail, and on how mail is sorted.
func exerciseMailSettings(t *testing.T, do perform, start time.Time) {
	t.Helper()
	folder := do("mail.folder.list", map[string]any{})["folders"].([]any)[0].(map[string]any)["id"]
	rule := do("mail.rule.create", map[string]any{"name": "Adverts", "sequence": 1, "conditions": map[string]any{"sender_contains": []string{"shop"}, "from": []string{"ads@shop.example"}, "size": map[string]any{"max_kb": 90}, "importance": "low", "flag": "fyi"},
		"exceptions": map[string]any{"has_attachments": true}, "actions": map[string]any{"move_to_folder": folder, "forward_to": []string{"ben@contoso.example"}, "mark_importance": "low", "stop_processing_rules": true}})["id"]
	do("mail.rule.update", map[string]any{"rule": rule, "enabled": false, "exceptions": nil, "actions": map[string]any{"mark_as_read": true}})
	do("mail.rule.get", map[string]any{"rule": rule})
	do("mail.rule.list", map[string]any{})
	do("mail.rule.delete", map[string]any{"rule": rule})
	do("mail.settings.update", map[string]any{"time_zone": "Europe/Berlin", "language": "de-DE", "date_format": "dd.MM.yyyy", "time_format": "HH:mm", "delegate_meeting_messages": "sendToDelegateOnly",
		"working_hours": map[string]any{"days": []string{"monday"}, "start": "09:00", "end": "17:00", "time_zone": "Europe/Berlin"}})
	do("mail.settings.get", map[string]any{})
	do("mail.auto_reply.set", map[string]any{"status": "scheduled", "start": start.Format(time.RFC3339), "end": start.Add(time.Hour).Format(time.RFC3339), "external_audience": "contacts", "internal_message": "Away", "external_message": "Away"})
	do("mail.auto_reply.get", map[string]any{})
	do("mail.auto_reply.set", map[string]any{"status": "disabled"})
	category := do("mail.category.create", map[string]any{"name": "Warranty", "colour": "dark_green"})["id"]
	do("mail.category.update", map[string]any{"category": category, "colour": "none"})
	do("mail.category.list", map[string]any{})
	do("mail.category.delete", map[string]any{"category": category})
	override := do("mail.focused.override.set", map[string]any{"sender": "Shop <ads@shop.example>", "part": "other"})["id"]
	do("mail.focused.override.list", map[string]any{})
	do("mail.focused.override.delete", map[string]any{"override": override})
	message := do("mail.draft.create", map[string]any{"subject": "Sorted"})
	do("mail.message.update", map[string]any{"message": message["id"], "part": "other"})
	do("mail.thread.get", map[string]any{"conversation": message["conversation_id"], "limit": 1})
}
