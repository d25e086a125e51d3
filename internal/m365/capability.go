package m365

import (
	"slices"
	"sort"
	"strings"
)

// Capability is something a connection is used for.
type Capability string

// The capabilities there are.
const (
	Directory    Capability = "directory"    // actions: look up people and the organisation
	Mail         Capability = "mail"         // actions: read and write mail
	MailSettings Capability = "mailsettings" // actions: read and change a mailbox's rules, settings, automatic replies and categories
	Calendar     Capability = "calendar"     // actions: read and write calendars
	Contacts     Capability = "contacts"     // actions: read and write contacts
	Todo         Capability = "todo"         // actions: read and write tasks of Microsoft To Do
	OneDrive     Capability = "onedrive"     // actions: read and write files in OneDrive
	SharePoint   Capability = "sharepoint"   // actions: read and write sites, their lists, libraries and pages
	Teams        Capability = "teams"        // actions: read and write in Microsoft Teams
	Presence     Capability = "presence"     // actions: see and say who is there
	Meetings     Capability = "meetings"     // actions: make and change online meetings
	Timeline     Capability = "timeline"     // reads mail metadata and meetings with customers
	Tap          Capability = "tap"          // reads mail for judgement, moves flagged mail to Junk
	Send         Capability = "send"         // delivers outgoing mail with proof
	Dispatch     Capability = "dispatch"     // puts technicians' slots into their calendars

	FollowFiles    Capability = "followfiles"    // tells of changes in OneDrives
	FollowContacts Capability = "followcontacts" // tells of changes in contacts
	FollowSites    Capability = "followsites"    // tells of changes in the libraries and lists of sites
)

// Need is one permission a capability cannot do without: the operation that needs it, and its name in each mode.
type Need struct {
	Operation OperationKey
	Role      string   // application permission; "" where the mode has none
	Scope     string   // delegated permission; "" where the mode has none
	Selected  string   // application permission that meets the need where the place was granted to the app by itself
	Shared    string   // delegated permission asked for besides, where other people's mailboxes are listed
	NotEnough []string // accepted by Microsoft for the call, yet too little for what we read from it
	Why       string   // the sentence shown to whoever grants it
}

// CapabilityInfo is what people and programs need to know of a capability.
type CapabilityInfo struct {
	Name    Capability
	Title   string
	Purpose string // the mailbox purpose without which the capability has nothing to work on; "" where it needs none
	Modes   []Mode // engines work while nobody is signed in, so they need an app-only connection; a person may have their own mailbox followed
	Needs   []Need
	Wants   []Need // better with, complete without: never missing, and never asked of a person who signs in
	With    string // what the wants make of it, where that is to be told
	Without string // and what it is without them
}

// Name gives the permission of the need in a mode.
func (n Need) Name(m Mode) string {
	if m == Application {
		return n.Role
	}
	return n.Scope
}

// MetBy reports which granted permission meets the need: the one we ask for, or a broader one that Microsoft accepts as well.
func (n Need) MetBy(m Mode, granted map[string]bool) (string, bool) {
	if granted[n.Name(m)] {
		return n.Name(m), true
	}
	op, ok := LookupOperation(n.Operation)
	if !ok {
		return "", false
	}
	for _, p := range op.In(m).All {
		if granted[p] && !slices.Contains(n.NotEnough, p) && op.In(m).paired(p, granted) {
			return p, true
		}
	}
	if m == Application && n.Selected != "" && granted[n.Selected] {
		return n.Selected, true
	}
	return "", false
}

var both = []Mode{Application, Delegated}

// lookUp is needed by every capability with mailboxes: addresses are resolved to people before anything is read.
var lookUp = Need{Operation: "GET /users/{user-id}", Role: "User.Read.All", Scope: "User.Read",
	Why: "resolve mailbox addresses to names, aliases and licences"}

var capabilities = []CapabilityInfo{
	{Name: Directory, Title: "Look up people", Modes: both, Needs: []Need{
		{Operation: "GET /users", Role: "User.Read.All", Scope: "User.Read.All", NotEnough: []string{"User.ReadBasic.All"}, Why: "list people with their addresses and licences"},
		{Operation: "GET /organization", Role: "User.Read.All", Scope: "User.Read", Why: "show the tenant's name as proof of the connection"},
	}, Wants: []Need{
		{Operation: "GET /admin/serviceAnnouncement/issues", Role: "ServiceHealth.Read.All", Scope: "ServiceHealth.Read.All", Why: "tell which troubles Microsoft's own services have when requests fail"},
	}},
	{Name: Mail, Title: "Read and write mail", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "POST /users/{user-id}/messages", Role: "Mail.ReadWrite", Scope: "Mail.ReadWrite", Shared: "Mail.ReadWrite.Shared", Why: "read mail, keep drafts, move and delete"},
		{Operation: "POST /users/{user-id}/messages/{message-id}/send", Role: "Mail.Send", Scope: "Mail.Send", Shared: "Mail.Send.Shared", Why: "send mail"},
	}},
	{Name: MailSettings, Title: "Read and change rules, settings, automatic replies and categories of mailboxes", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "PATCH /users/{user-id}/mailboxSettings", Role: "MailboxSettings.ReadWrite", Scope: "MailboxSettings.ReadWrite", Why: "read and change rules of the inbox, automatic replies, time zone, language, working hours and categories"},
	}},
	{Name: Calendar, Title: "Read and write calendars", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "POST /users/{user-id}/events", Role: "Calendars.ReadWrite", Scope: "Calendars.ReadWrite", Why: "read, create, change and cancel events"},
	}, Wants: []Need{
		{Operation: "POST /me/findMeetingTimes", Scope: "Calendars.Read.Shared", Why: "have Microsoft itself suggest times to meet; without it the hub searches people's free and busy times"},
		{Operation: "GET /places/microsoft.graph.room", Role: "Place.Read.All", Scope: "Place.Read.All", Why: "list rooms and the buildings they are in"},
		{Operation: "PATCH /places/{place-id}", Scope: "Place.ReadWrite.All", Why: "change what is known of a room, such as how many it holds"},
	}},
	{Name: Contacts, Title: "Read and write contacts", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "POST /users/{user-id}/contacts", Role: "Contacts.ReadWrite", Scope: "Contacts.ReadWrite", Why: "read, create, change and delete contacts, their folders and photos"},
	}},
	{Name: Todo, Title: "Read and write tasks", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "POST /users/{user-id}/todo/lists/{todoTaskList-id}/tasks", Role: "Tasks.ReadWrite.All", Scope: "Tasks.ReadWrite", Why: "read, create, change and delete task lists, tasks, their steps and links"},
	}},
	{Name: OneDrive, Title: "Read and write files in OneDrive", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "PUT /users/{user-id}/drive/items/{driveItem-id}/content", Role: "Files.ReadWrite.All", Scope: "Files.ReadWrite", Why: "read, create, change, share and delete files and folders"},
	}, Wants: []Need{
		{Operation: "POST /users/{user-id}/drive/items/{driveItem-id}/createUploadSession", Role: "Sites.ReadWrite.All", Scope: "Files.ReadWrite",
			Why: "upload files of more than 4 MB: Microsoft's permission data name no other application permission for upload sessions"},
	}},
	{Name: SharePoint, Title: "Read and write sites, lists and pages of SharePoint", Modes: both, Needs: []Need{
		{Operation: "POST /sites/{site-id}/lists/{list-id}/items", Role: "Sites.ReadWrite.All", Scope: "Sites.ReadWrite.All", Selected: SitesSelected,
			Why: "read sites, and read, create, change and delete list items, pages and files in libraries"},
	}, Wants: []Need{
		{Operation: "POST /sites/{site-id}/lists", Role: "Sites.Manage.All", Scope: "Sites.Manage.All", Selected: SitesSelected, Why: "make, change and delete lists and their columns"},
	}},
	{Name: Teams, Title: "Read and write in Microsoft Teams", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "POST /teams/{team-id}/archive", Role: "TeamSettings.ReadWrite.All", Scope: "TeamSettings.ReadWrite.All", Why: "read teams and their settings, archive and restore them"},
		{Operation: "POST /teams", Role: "Team.Create", Scope: "Team.Create", Why: "create teams"},
		{Operation: "POST /teams/{team-id}/members", Role: "TeamMember.ReadWrite.All", Scope: "TeamMember.ReadWrite.All", Why: "read and change who is in a team"},
		{Operation: "PATCH /teams/{team-id}/channels/{channel-id}", Role: "ChannelSettings.ReadWrite.All", Scope: "ChannelSettings.ReadWrite.All", Why: "read and change channels"},
		{Operation: "POST /teams/{team-id}/channels", Role: "Channel.Create", Scope: "Channel.Create", Why: "create channels"},
		{Operation: "DELETE /teams/{team-id}/channels/{channel-id}", Role: "Channel.Delete.All", Scope: "Channel.Delete.All", Why: "delete channels"},
		{Operation: "POST /teams/{team-id}/channels/{channel-id}/members", Role: "ChannelMember.ReadWrite.All", Scope: "ChannelMember.ReadWrite.All", Why: "read and change who is in private and shared channels"},
		{Operation: "GET /teams/{team-id}/channels/{channel-id}/messages", Role: "ChannelMessage.Read.All", Scope: "ChannelMessage.Read.All", Why: "read messages of channels, and tell whether a post arrived"},
		{Operation: "POST /chats", Role: "Chat.Create", Scope: "Chat.ReadWrite", Why: "create chats"},
		{Operation: "GET /chats/{chat-id}/messages", Role: "Chat.ReadWrite.All", Scope: "Chat.ReadWrite", Why: "read and write chats"},
		{Operation: "DELETE /chats/{chat-id}/members/{conversationMember-id}", Role: "ChatMember.ReadWrite.All", Scope: "ChatMember.ReadWrite", Why: "read and change who is in a chat"},
		{Operation: "POST /users/{user-id}/teamwork/sendActivityNotification", Role: "TeamsActivity.Send", Scope: "TeamsActivity.Send", Why: "notify people in their activity feed"},
	}, Wants: []Need{
		{Operation: "GET /teams/{team-id}/channels/{channel-id}/filesFolder", Role: "Files.Read.All", Scope: "Files.Read.All", Why: "find the folder in which a channel's files lie"},
	}},
	{Name: Presence, Title: "See and say who is present", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "POST /communications/getPresencesByUserId", Role: "Presence.ReadWrite.All", Scope: "Presence.Read.All", Why: "see who is present"},
		{Operation: "POST /users/{user-id}/presence/setPresence", Role: "Presence.ReadWrite.All", Scope: "Presence.ReadWrite", Why: "say that somebody is busy, away or available"},
	}},
	{Name: Meetings, Title: "Make and change online meetings", Purpose: "actions", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "POST /users/{user-id}/onlineMeetings/createOrGet", Role: "OnlineMeetings.ReadWrite.All", Scope: "OnlineMeetings.ReadWrite",
			Why: "read, create, change and delete online meetings; an app needs an application access policy in Teams for each person besides"},
	}},
	{Name: Timeline, Title: "Show communications with customers", Purpose: "timeline", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "GET /users/{user-id}/mailFolders/{mailFolder-id}/messages/delta()", Role: "Mail.Read", Scope: "Mail.Read", NotEnough: []string{"Mail.ReadBasic", "Mail.ReadBasic.All"},
			Why: "read sender, recipients, subject and a short preview; the preview is not part of Mail.ReadBasic"},
		{Operation: "GET /users/{user-id}/calendarView/delta()", Role: "Calendars.Read", Scope: "Calendars.Read", NotEnough: []string{"Calendars.ReadBasic", "Calendars.ReadBasic.All"},
			Why: "show meetings that a customer's contact attends"},
	}},
	{Name: Tap, Title: "Judge mail and move phishing to Junk", Purpose: "tap", Modes: []Mode{Application}, Needs: []Need{
		lookUp,
		{Operation: "POST /users/{user-id}/messages/{message-id}/move", Role: "Mail.ReadWrite", Why: "read headers and content, move flagged mail to Junk"},
	}},
	{Name: Send, Title: "Deliver quotes and invoices", Purpose: "send", Modes: []Mode{Application}, Needs: []Need{
		lookUp,
		{Operation: "POST /users/{user-id}/sendMail", Role: "Mail.Send", Why: "send mail"},
	}, Wants: []Need{
		{Operation: "POST /users/{user-id}/messages", Role: "Mail.ReadWrite", Why: "keep a draft until it is seen in Sent Items, so that each mail leaves exactly once, with files up to 150 MB"},
	}, With: "Mode verified: every mail is seen in Sent Items before it counts as sent, exactly once, with files up to 150 MB",
		Without: "Mode send-only: without Mail.ReadWrite a mail leaves at most once and under 3 MB, and one whose answer was lost waits for a person"},
	{Name: Dispatch, Title: "Put technicians' slots into calendars", Purpose: "dispatch", Modes: []Mode{Application}, Needs: []Need{
		lookUp,
		{Operation: "POST /users/{user-id}/events", Role: "Calendars.ReadWrite", Why: "create, change and delete the slots' events"},
	}},
	{Name: FollowFiles, Title: "Tell of changed files in OneDrive", Purpose: "files", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "GET /users/{user-id}/drive/root/delta()", Role: "Files.Read.All", Scope: "Files.Read", Why: "see which files and folders were made, changed, moved, renamed and deleted"},
	}},
	{Name: FollowContacts, Title: "Tell of changed contacts", Purpose: "contacts", Modes: both, Needs: []Need{
		lookUp,
		{Operation: "GET /users/{user-id}/contactFolders/{contactFolder-id}/contacts/delta()", Role: "Contacts.Read", Scope: "Contacts.Read", Why: "see which contacts were made, changed and deleted"},
	}},
	{Name: FollowSites, Title: "Tell of changed files and list items in SharePoint", Modes: []Mode{Application}, Needs: []Need{
		{Operation: "GET /sites/{site-id}/lists/{list-id}/items/delta()", Role: "Sites.Read.All", Selected: SitesSelected,
			Why: "see which files of the listed sites' libraries, and which items of their lists, were made, changed and deleted"},
	}},
}

// Capabilities lists every capability in the order people meet them.
func Capabilities() []CapabilityInfo { return capabilities }

// LookupCapability finds a capability by name.
func LookupCapability(c Capability) (CapabilityInfo, bool) {
	i := slices.IndexFunc(capabilities, func(i CapabilityInfo) bool { return i.Name == c })
	if i < 0 {
		return CapabilityInfo{}, false
	}
	return capabilities[i], true
}

// SignInScopes are asked for at every delegated sign-in: identity, and the refresh token without which a connection dies within the hour.
var SignInScopes = []string{"openid", "profile", "offline_access", "User.Read"}

// Required is one permission of a connection with everything it is needed for.
type Required struct {
	Permission   string       `json:"permission"`
	Capabilities []Capability `json:"capabilities"`
	Why          []string     `json:"why"`
}

// SitesSelected is the permission that lets an app in site by site, by what was granted there.
const SitesSelected = "Sites.Selected"

// Asking is what permissions are asked for.
type Asking struct {
	Mode             Mode
	Capabilities     []Capability
	SelectedSites    bool // Sites.Selected in place of what reaches every site
	LimitedMailboxes bool // Exchange gives what is about mailboxes, for those on the list: nothing that reaches all of them is asked for
	SharedMailboxes  bool // a person's connection lists mailboxes that were shared with the person
}

// SharedName gives the permission that a need asks for besides, for mailboxes that were shared with the person; "" for none.
func (a Asking) SharedName(n Need) string {
	if !a.SharedMailboxes || a.Mode != Delegated {
		return ""
	}
	return n.Shared
}

// Name gives the permission by which a need is asked for; "" where none is.
func (a Asking) Name(n Need) string {
	if a.SelectedSites && a.Mode == Application && n.Selected != "" {
		return n.Selected
	}
	if a.LimitedMailboxes && a.Mode == Application && ExchangeRole(n.Role) != "" {
		return ""
	}
	return n.Name(a.Mode)
}

// Manifest is the permission list of a connection: every permission its capabilities need in the mode, sorted by name.
func (a Asking) Manifest() []Required {
	return a.merge(func(c CapabilityInfo) []Need { return c.Needs })
}

// Optional lists the permissions that the capabilities want in the mode and can do without, sorted by name.
func (a Asking) Optional() []Required {
	wanted := a.merge(func(c CapabilityInfo) []Need { return c.Wants })
	return slices.DeleteFunc(wanted, func(r Required) bool { // what reaches every site would make Sites.Selected void
		return a.SelectedSites && a.Mode == Application && strings.HasPrefix(r.Permission, "Sites.")
	})
}

// All are the needed ones and the wanted.
func (a Asking) All() []Required { return slices.Concat(a.Manifest(), a.Optional()) }

func (a Asking) merge(of func(CapabilityInfo) []Need) []Required {
	byName := map[string]*Required{}
	for _, c := range a.Capabilities {
		info, _ := LookupCapability(c)
		for _, n := range of(info) {
			for _, name := range []string{a.Name(n), a.SharedName(n)} {
				if name == "" {
					continue
				}
				r := byName[name]
				if r == nil {
					r = &Required{Permission: name}
					byName[name] = r
				}
				if !slices.Contains(r.Capabilities, c) {
					r.Capabilities = append(r.Capabilities, c)
				}
				if !slices.Contains(r.Why, n.Why) {
					r.Why = append(r.Why, n.Why)
				}
			}
		}
	}
	out := make([]Required, 0, len(byName))
	for _, r := range byName {
		out = append(out, *r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Permission < out[j].Permission })
	return out
}
