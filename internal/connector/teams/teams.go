package teams

import (
	"context"
	"slices"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// The operations of Microsoft Graph that the actions call.
const (
	listTeams      m365.OperationKey = "GET /teams"
	createTeams    m365.OperationKey = "POST /teams"
	joinedTeams    m365.OperationKey = "GET /users/{user-id}/joinedTeams"
	readTeam       m365.OperationKey = "GET /teams/{team-id}"
	readOperation  m365.OperationKey = "GET /teams/{team-id}/operations/{teamsAsyncOperation-id}"
	archiveTeam    m365.OperationKey = "POST /teams/{team-id}/archive"
	unarchiveTeam  m365.OperationKey = "POST /teams/{team-id}/unarchive"
	listMembers    m365.OperationKey = "GET /teams/{team-id}/members"
	addMembers     m365.OperationKey = "POST /teams/{team-id}/members"
	changeMembers  m365.OperationKey = "PATCH /teams/{team-id}/members/{conversationMember-id}"
	removeMembers  m365.OperationKey = "DELETE /teams/{team-id}/members/{conversationMember-id}"
	listChannels   m365.OperationKey = "GET /teams/{team-id}/channels"
	createChannels m365.OperationKey = "POST /teams/{team-id}/channels"
	readChannel    m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}"
	changeChannel  m365.OperationKey = "PATCH /teams/{team-id}/channels/{channel-id}"
	removeChannel  m365.OperationKey = "DELETE /teams/{team-id}/channels/{channel-id}"
	readFiles      m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/filesFolder"
	listInChannel  m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/members"
	addInChannel   m365.OperationKey = "POST /teams/{team-id}/channels/{channel-id}/members"
	changeInside   m365.OperationKey = "PATCH /teams/{team-id}/channels/{channel-id}/members/{conversationMember-id}"
	removeInside   m365.OperationKey = "DELETE /teams/{team-id}/channels/{channel-id}/members/{conversationMember-id}"
	listMessages   m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages"
	postMessage    m365.OperationKey = "POST /teams/{team-id}/channels/{channel-id}/messages"
	walkMessages   m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages/delta()"
	readMessage    m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}"
	changeMessage  m365.OperationKey = "PATCH /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}"
	removeMessage  m365.OperationKey = "POST /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/softDelete"
	listReplies    m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies"
	postReply      m365.OperationKey = "POST /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies"
	readReply      m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies/{chatMessage-id1}"
	changeReply    m365.OperationKey = "PATCH /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies/{chatMessage-id1}"
	removeReply    m365.OperationKey = "POST /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies/{chatMessage-id1}/softDelete"
	listHosted     m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/hostedContents"
	readHosted     m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/hostedContents/{chatMessageHostedContent-id}/$value"
	listInReply    m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies/{chatMessage-id1}/hostedContents"
	readInReply    m365.OperationKey = "GET /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies/{chatMessage-id1}/hostedContents/{chatMessageHostedContent-id}/$value"
	listInSaid     m365.OperationKey = "GET /chats/{chat-id}/messages/{chatMessage-id}/hostedContents"
	readInSaid     m365.OperationKey = "GET /chats/{chat-id}/messages/{chatMessage-id}/hostedContents/{chatMessageHostedContent-id}/$value"
	listChats      m365.OperationKey = "GET /users/{user-id}/chats"
	createChats    m365.OperationKey = "POST /chats"
	readChat       m365.OperationKey = "GET /chats/{chat-id}"
	listInChat     m365.OperationKey = "GET /chats/{chat-id}/members"
	addInChat      m365.OperationKey = "POST /chats/{chat-id}/members"
	removeInChat   m365.OperationKey = "DELETE /chats/{chat-id}/members/{conversationMember-id}"
	listSaid       m365.OperationKey = "GET /chats/{chat-id}/messages"
	postSaid       m365.OperationKey = "POST /chats/{chat-id}/messages"
	readSaid       m365.OperationKey = "GET /chats/{chat-id}/messages/{chatMessage-id}"
	changeSaid     m365.OperationKey = "PATCH /chats/{chat-id}/messages/{chatMessage-id}"
	removeSaid     m365.OperationKey = "POST /users/{user-id}/chats/{chat-id}/messages/{chatMessage-id}/softDelete"
	listPins       m365.OperationKey = "GET /chats/{chat-id}/pinnedMessages"
	pinMessage     m365.OperationKey = "POST /chats/{chat-id}/pinnedMessages"
	unpinMessage   m365.OperationKey = "DELETE /chats/{chat-id}/pinnedMessages/{pinnedChatMessageInfo-id}"
	readPresence   m365.OperationKey = "GET /users/{user-id}/presence"
	readPresences  m365.OperationKey = "POST /communications/getPresencesByUserId"
	setPresence    m365.OperationKey = "POST /users/{user-id}/presence/setPresence"
	clearPresence  m365.OperationKey = "POST /users/{user-id}/presence/clearPresence"
	findMeeting    m365.OperationKey = "GET /users/{user-id}/onlineMeetings"
	makeMeeting    m365.OperationKey = "POST /users/{user-id}/onlineMeetings/createOrGet"
	readMeeting    m365.OperationKey = "GET /users/{user-id}/onlineMeetings/{onlineMeeting-id}"
	changeMeeting  m365.OperationKey = "PATCH /users/{user-id}/onlineMeetings/{onlineMeeting-id}"
	removeMeeting  m365.OperationKey = "DELETE /users/{user-id}/onlineMeetings/{onlineMeeting-id}"
	notifyUser     m365.OperationKey = "POST /users/{user-id}/teamwork/sendActivityNotification"
	notifyInTeam   m365.OperationKey = "POST /teams/{team-id}/sendActivityNotification"
	notifyInChat   m365.OperationKey = "POST /chats/{chat-id}/sendActivityNotification"
	readUser       m365.OperationKey = "GET /users/{user-id}"
)

// Actions are what the hub can do in Teams.
func Actions() []action.Action {
	return slices.Concat(teamActions(), channelActions(), memberActions(), messageActions(), postActions(), chatActions(), chatMessageActions(), hostedActions(), pinActions(), presenceActions(), meetingActions(), activityActions(), workflowActions())
}

// Probe reads which teams somebody is in, one of them. It proves the capability teams.
func Probe(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, func(o graph.Owner) graph.Path { return o.Sub("joinedTeams") })
}

// ProbePresence reads how present somebody is. It proves the capability presence.
func ProbePresence(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, func(o graph.Owner) graph.Path { return o.Sub("presence") })
}

// nowhere is the address of no meeting.
const nowhere = "https://teams.microsoft.com/l/meetup-join/seneschal-probe"

// ProbeMeetings looks for a meeting that there is not: whether looking is allowed is all it asks. An app needs an application access policy for
// it, besides the permission. It proves the capability meetings.
func ProbeMeetings(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error) {
	return place.Probe(ctx, g, mailbox, func(o graph.Owner) graph.Path { return o.Sub("onlineMeetings") }, graph.Filter("JoinWebUrl eq "+graph.Quote(nowhere)))
}
