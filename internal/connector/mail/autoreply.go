package mail

import (
	"context"
	"html"
	"strings"
	"time"

	"seneschal/internal/action"
	"seneschal/internal/connector/internal/place"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// AutoReply is what a mailbox answers by itself.
type AutoReply struct {
	Status   string `json:"status" doc:"disabled, always or scheduled"`
	Start    string `json:"start,omitempty" doc:"Where it is scheduled, from when"`
	End      string `json:"end,omitempty" doc:"Where it is scheduled, until when"`
	Audience string `json:"external_audience" doc:"Who outside the organisation gets the external message: none, contacts or all"`
	Internal string `json:"internal_message" doc:"What people of the organisation get, HTML"`
	External string `json:"external_message" doc:"What others get, HTML"`
}

// AutoReplySetIn says what a mailbox shall answer. The messages stay where they are left out.
type AutoReplySetIn struct {
	place.Mailbox
	Status      string    `json:"status" enum:"disabled,always,scheduled" doc:"Whether the mailbox answers by itself: never, until it is told to stop, or from start to end"`
	Start       time.Time `json:"start,omitzero" doc:"Of scheduled: from when"`
	End         time.Time `json:"end,omitzero" doc:"Of scheduled: until when"`
	Audience    string    `json:"external_audience,omitempty" enum:"none,contacts,all" doc:"Who outside the organisation gets the external message; as it was without"`
	Internal    *string   `json:"internal_message,omitempty" maxLength:"100000" doc:"What people of the organisation get"`
	External    *string   `json:"external_message,omitempty" maxLength:"100000" doc:"What others get, strangers among them"`
	MessageType string    `json:"message_type,omitempty" enum:"text,html" doc:"Form of the messages; text without. HTML goes as it is: the mailbox's owner answers for it"`
}

// Check names every field that does not go with the status.
func (in AutoReplySetIn) Check() error {
	var wrong []fault.Field
	scheduled := in.Status == "scheduled"
	for _, t := range []struct {
		name  string
		given bool
	}{{"start", !in.Start.IsZero()}, {"end", !in.End.IsZero()}} {
		switch {
		case scheduled && !t.given:
			wrong = append(wrong, fault.Field{Name: t.name, Message: "is missing: scheduled replies have a start and an end"})
		case !scheduled && t.given:
			wrong = append(wrong, fault.Field{Name: t.name, Message: "goes with the status scheduled alone"})
		}
	}
	if len(wrong) == 0 && scheduled && !in.End.After(in.Start) {
		wrong = append(wrong, fault.Field{Name: "end", Message: "must lie after start"})
	}
	return fault.OfFields(wrong)
}

// replyWords are our words for Microsoft's.
var (
	replyWords    = map[string]string{"disabled": "disabled", "always": "alwaysEnabled", "scheduled": "scheduled"}
	audienceWords = map[string]string{"none": "none", "contacts": "contactsOnly", "all": "all"}
)

// replyActions read and set automatic replies. A reading hands out what a person wrote; setting one has the mailbox write to strangers.
func replyActions() []action.Action {
	return []action.Action{
		action.Define(action.Spec{Name: "mail.auto_reply.get", Summary: "Read what a mailbox answers by itself, and when.", Effect: action.Reads, ShowsBody: true,
			Operations: []m365.OperationKey{readSettings}, Capability: m365.MailSettings},
			func(ctx context.Context, c action.Call, in place.Mailbox) (AutoReply, error) {
				box, err := in.In(c)
				if err != nil {
					return AutoReply{}, err
				}
				s, err := settingsIn(ctx, box)
				return autoReplyOf(s.AutomaticReplies), err
			}),
		action.Define(action.Spec{Name: "mail.auto_reply.set", Summary: "Set what a mailbox answers by itself; everybody who writes to it gets it, strangers too.", Effect: action.Writes, Repeatable: true,
			Operations: []m365.OperationKey{changeSettings, readSettings}, Capability: m365.MailSettings}, setAutoReply),
	}
}

func autoReplyOf(r graph.AutomaticReplies) AutoReply {
	out := AutoReply{Status: wordOf(replyWords, r.Status), Audience: wordOf(audienceWords, r.ExternalAudience), Internal: r.InternalReplyMessage, External: r.ExternalReplyMessage}
	if out.Status == "scheduled" {
		out.Start, out.End = whenOf(r.ScheduledStart), whenOf(r.ScheduledEnd)
	}
	return out
}

// wordOf is our word for Microsoft's; one that is new to us stays as it is.
func wordOf(words map[string]string, theirs string) string {
	for ours, w := range words {
		if strings.EqualFold(w, theirs) {
			return ours
		}
	}
	return theirs
}

// whenOf reads a time. Microsoft gives these in UTC (user-get-mailboxsettings.md, its examples); any other zone stays beside the clock's time.
func whenOf(d graph.DateTimeTimeZone) string {
	t, err := d.In(time.UTC)
	if err != nil || !strings.EqualFold(d.TimeZone, "UTC") {
		return strings.TrimSpace(d.DateTime + " " + d.TimeZone)
	}
	return t.Format(time.RFC3339)
}

func setAutoReply(ctx context.Context, c action.Call, in AutoReplySetIn) (AutoReply, error) {
	box, err := in.In(c)
	if err != nil {
		return AutoReply{}, err
	}
	change := graph.AutomaticRepliesChange{Status: replyWords[in.Status], InternalReplyMessage: in.message(in.Internal), ExternalReplyMessage: in.message(in.External)}
	if in.Audience != "" {
		audience := audienceWords[in.Audience]
		change.ExternalAudience = &audience
	}
	if in.Status == "scheduled" {
		start, end := graph.UTC(in.Start), graph.UTC(in.End)
		change.ScheduledStart, change.ScheduledEnd = &start, &end
	}
	if _, err := graph.Patch[graph.MailboxSettings](ctx, box.Graph, box.MailboxSettings(), graph.MailboxSettingsChange{AutomaticReplies: &change}, graph.Idempotent()); err != nil {
		return AutoReply{}, err
	}
	s, err := settingsIn(ctx, box)
	return autoReplyOf(s.AutomaticReplies), err
}

// message writes text as HTML, which these messages are: a < somebody typed must not begin a tag.
func (in AutoReplySetIn) message(text *string) *string {
	if text == nil || in.MessageType == "html" || *text == "" {
		return text
	}
	out := "<html>\n<body>\n" + strings.ReplaceAll(html.EscapeString(strings.ReplaceAll(*text, "\r\n", "\n")), "\n", "<br>\n") + "\n</body>\n</html>\n"
	return &out
}
