package m365

import (
	"slices"
	"strings"
)

// narrow are permissions that Microsoft's data name for an operation, and that do something narrower than the operation's name says.
var narrow = map[string]string{
	"Teamwork.Migrate.All":                     "which imports history into a team or chat that is in migration mode, and posts nowhere else",
	"ChannelMessage.UpdatePolicyViolation.All": "which marks a message as a violation of a policy, and changes nothing else of it",
	"Chat.UpdatePolicyViolation.All":           "which marks a message as a violation of a policy, and changes nothing else of it",
}

// peopleOnly are permissions that Microsoft's data name for apps, too, while the same data have no form of them that an app could hold.
var peopleOnly = map[string]string{
	"Place.ReadWrite.All": "which has no form that an app could be granted: only people have it (place-update.md says so, too)",
}

// Offered says whether Microsoft really has the operation in the mode: not where nobody may, or only by a permission for something narrower,
// or by one that the mode cannot hold.
func (a Accepted) Offered() bool {
	return !a.Known || slices.ContainsFunc(a.All, func(p string) bool { return a.whyNot(p) == "" })
}

// whyNot says what keeps a permission from giving the operation.
func (a Accepted) whyNot(permission string) string {
	if a.apps && peopleOnly[permission] != "" {
		return peopleOnly[permission]
	}
	return narrow[permission]
}

// NotOffered is what there is to say of an operation that Microsoft does not have in a mode: the honest error of dynamics/AUTH-MATRIX §1.
type NotOffered struct {
	Title   string   // one sentence
	Why     string   // what the permission data say
	Instead []string // other ways to what was wanted, best first
	Wrong   []string // what people try and what does not help
}

// WhyNot explains why an operation is missing in a mode. Ask it for one that is not Offered.
func WhyNot(k OperationKey, m Mode) NotOffered {
	op, _ := LookupOperation(k)
	n := NotOffered{Title: "Microsoft does not offer this to " + string(m) + " connections", Why: string(k) + " has no " + string(m) + " permission",
		Wrong: []string{"granting more permissions: there is none for this mode", "signing in again: the token is fine"}}
	for _, p := range op.In(m).All {
		n.Why = "The only " + string(m) + " permission of " + string(k) + " is " + p + ", " + op.In(m).whyNot(p)
	}
	_, path, _ := strings.Cut(string(k), " ")
	if m == Application && strings.Contains(path, "/messages") && (strings.HasPrefix(path, "/teams/") || strings.Contains(path, "/chats/")) {
		n.teamsMessage(strings.HasPrefix(path, "/teams/"), strings.HasPrefix(string(k), "POST") && !strings.HasSuffix(path, "/softDelete"))
	}
	return n
}

// teamsMessage says what Teams' messages have for apps: dynamics/AUTH-MATRIX §2.
func (n *NotOffered) teamsMessage(channel, posting bool) {
	if !posting {
		n.Title = "Microsoft lets nobody but its author change or delete a message in Teams, and an app has written none"
		n.Instead = []string{"a delegated connection of the message's author"}
		return
	}
	where, send := "a chat", "ChatMessage.Send"
	n.Instead = []string{"a delegated connection, for instance of a licensed service account that is a member", "a bot that is installed in the team or chat (Bot Framework)",
		"a Workflows webhook: teams.workflow.post", "an activity notification: teams.activity.notify"}
	if channel {
		where, send = "a channel", "ChannelMessage.Send"
		n.Instead = append(n.Instead, "a mail to the channel's address: mail.message.send")
	}
	n.Title = "Microsoft does not let an app without a user post to " + where
	n.Wrong = []string{"granting " + send + " as an application permission: it does not exist", "adding the resource-specific " + map[bool]string{true: "ChannelMessage.Send.Group", false: "ChatMessage.Send.Chat"}[channel] + ": Graph ignores it for this call",
		"granting Group.ReadWrite.All: it works delegated only here", "granting Teamwork.Migrate.All: it imports history, and posts nothing", "signing in again: the token is fine"}
}
