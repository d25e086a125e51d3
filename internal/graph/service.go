package graph

import "strings"

// services are Microsoft's products behind the first telling word of an operation's template, in the order they are looked for.
var services = []struct {
	words   []string
	service string
}{
	{[]string{"subscriptions", "$batch"}, "Graph itself"},
	{[]string{"{uploadUrl}", "{downloadUrl}", "{monitorUrl}", "{thumbnailUrl}"}, "files"},
	{[]string{"todo"}, "tasks"},
	{[]string{"teams", "chats", "joinedTeams", "presence", "communications", "onlineMeetings", "teamwork"}, "Teams"},
	{[]string{"lists", "pages", "columns"}, "SharePoint"},
	{[]string{"drive", "drives", "shares"}, "files"},
	{[]string{"sites"}, "SharePoint"},
	{[]string{"contacts", "contactFolders"}, "contacts"},
	{[]string{"calendar", "calendars", "calendarGroups", "calendarView", "events", "findMeetingTimes", "places"}, "calendar"},
	{[]string{"messages", "mailFolders", "sendMail", "mailboxSettings", "inferenceClassification", "outlook"}, "mail"},
	{[]string{"auditLogs", "reports", "identity", "identityProtection", "policies", "security"}, "security and reports"},
	{[]string{"admin"}, "administration"},
}

// Service names the product behind an operation, as people know it: "GET /users/{user-id}/messages" is mail.
func Service(operation string) string {
	_, template, _ := strings.Cut(operation, " ")
	segments := map[string]bool{}
	for s := range strings.SplitSeq(strings.TrimPrefix(template, "/"), "/") {
		segments[s] = true
	}
	for _, row := range services {
		for _, w := range row.words {
			if segments[w] {
				return row.service
			}
		}
	}
	return "directory"
}
