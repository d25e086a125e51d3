package mail

import (
	"fmt"
	"slices"

	"seneschal/internal/fault"
	"seneschal/internal/graph"
)

// Rule is a rule of the inbox.
type Rule struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Sequence   int             `json:"sequence" doc:"Its place among the rules: they run from the lowest up"`
	Enabled    bool            `json:"enabled"`
	HasError   bool            `json:"has_error" doc:"Outlook cannot run it as it is"`
	ReadOnly   bool            `json:"read_only" doc:"Outlook lets nobody change it this way"`
	Conditions *RuleConditions `json:"conditions,omitempty" doc:"What a message must be; every message without"`
	Exceptions *RuleConditions `json:"exceptions,omitempty" doc:"What a message must not be"`
	Actions    RuleActions     `json:"actions"`
	Note       string          `json:"note,omitempty" doc:"What to know about what it does"`
}

// RuleMarks are the conditions that are words, marks and yes or no: resources/messagerulepredicates.md.
type RuleMarks struct {
	BodyContains           []string `json:"body_contains,omitempty" doc:"Words in the body, one of them"`
	BodyOrSubjectContains  []string `json:"body_or_subject_contains,omitempty" doc:"Words in body or subject"`
	Categories             []string `json:"categories,omitempty" doc:"Categories that it carries"`
	HasAttachments         *bool    `json:"has_attachments,omitempty" doc:"With attachments, or without"`
	HeaderContains         []string `json:"header_contains,omitempty" doc:"Words in the headers"`
	Importance             string   `json:"importance,omitempty" enum:"low,normal,high" doc:"Its importance"`
	IsApprovalRequest      *bool    `json:"is_approval_request,omitempty" doc:"A request for approval"`
	IsAutomaticForward     *bool    `json:"is_automatic_forward,omitempty" doc:"Forwarded automatically"`
	IsAutomaticReply       *bool    `json:"is_automatic_reply,omitempty" doc:"An automatic reply"`
	IsEncrypted            *bool    `json:"is_encrypted,omitempty" doc:"Encrypted"`
	IsMeetingRequest       *bool    `json:"is_meeting_request,omitempty" doc:"An invitation"`
	IsMeetingResponse      *bool    `json:"is_meeting_response,omitempty" doc:"An answer to an invitation"`
	IsNonDeliveryReport    *bool    `json:"is_non_delivery_report,omitempty" doc:"A report that a message could not be delivered"`
	IsPermissionControlled *bool    `json:"is_permission_controlled,omitempty" doc:"Protected by rights management"`
	IsReadReceipt          *bool    `json:"is_read_receipt,omitempty" doc:"A read receipt"`
	IsSigned               *bool    `json:"is_signed,omitempty" doc:"Signed by S/MIME"`
	IsVoicemail            *bool    `json:"is_voicemail,omitempty" doc:"A voice mail"`
	MessageActionFlag      string   `json:"flag,omitempty" enum:"any,call,doNotForward,followUp,fyi,forward,noResponseNecessary,read,reply,replyToAll,review" doc:"Flag for action that it carries"`
	NotSentToMe            *bool    `json:"not_sent_to_me,omitempty" doc:"The mailbox's owner is no recipient"`
	RecipientContains      []string `json:"recipient_contains,omitempty" doc:"Words in the recipients of it or of a copy"`
	SenderContains         []string `json:"sender_contains,omitempty" doc:"Words in the sender"`
	Sensitivity            string   `json:"sensitivity,omitempty" enum:"normal,personal,private,confidential" doc:"Its sensitivity"`
	SentCcMe               *bool    `json:"sent_cc_me,omitempty" doc:"The mailbox's owner gets a copy"`
	SentOnlyToMe           *bool    `json:"sent_only_to_me,omitempty" doc:"The mailbox's owner is the only recipient"`
	SentToMe               *bool    `json:"sent_to_me,omitempty" doc:"The mailbox's owner is a recipient"`
	SentToOrCcMe           *bool    `json:"sent_to_or_cc_me,omitempty" doc:"The mailbox's owner gets it or a copy"`
	SubjectContains        []string `json:"subject_contains,omitempty" doc:"Words in the subject"`
}

// RuleConditions are what a message must be, all of it.
type RuleConditions struct {
	RuleMarks
	From   []string `json:"from,omitempty" doc:"Senders: ada@contoso.example or Ada Lovelace <ada@contoso.example>"`
	SentTo []string `json:"sent_to,omitempty" doc:"Addresses that it was sent to"`
	Size   *Size    `json:"size,omitempty" doc:"Size of the message"`
}

// Size bounds a message.
type Size struct {
	MinKB int `json:"min_kb,omitempty" minimum:"0" maximum:"2147483647" doc:"At least so many kilobytes"`
	MaxKB int `json:"max_kb" minimum:"1" maximum:"2147483647" doc:"At most so many kilobytes"`
}

// RuleActions are what a rule does, all of it: resources/messageruleactions.md.
type RuleActions struct {
	AssignCategories    []string `json:"assign_categories,omitempty" doc:"Give it these categories"`
	CopyTo              string   `json:"copy_to_folder,omitempty" doc:"Copy it to a folder, by id"`
	Delete              bool     `json:"delete,omitempty" doc:"Move it to Deleted Items"`
	ForwardAsAttachment []string `json:"forward_as_attachment_to,omitempty" doc:"Forward it to these addresses as an attachment"`
	ForwardTo           []string `json:"forward_to,omitempty" doc:"Forward it to these addresses"`
	MarkAsRead          bool     `json:"mark_as_read,omitempty" doc:"Mark it as read"`
	MarkImportance      string   `json:"mark_importance,omitempty" enum:"low,normal,high" doc:"Set its importance"`
	MoveTo              string   `json:"move_to_folder,omitempty" doc:"Move it to a folder, by id"`
	PermanentDelete     bool     `json:"permanent_delete,omitempty" doc:"Delete it for good, past Deleted Items"`
	RedirectTo          []string `json:"redirect_to,omitempty" doc:"Pass it on to these addresses as if it had been sent there"`
	Stop                bool     `json:"stop_processing_rules,omitempty" doc:"Run no rule behind this one"`
}

// wrong names the entries that are no addresses, and a size that nothing has.
func (k *RuleConditions) wrong(field string) []fault.Field {
	if k == nil {
		return nil
	}
	wrong := append(notAddresses(field+".from", k.From), notAddresses(field+".sent_to", k.SentTo)...)
	if k.Size != nil && k.Size.MaxKB < k.Size.MinKB {
		wrong = append(wrong, fault.Field{Name: field + ".size.max_kb", Message: "must not be below min_kb"})
	}
	return wrong
}

// knownFolders are names of folders that everything but a rule takes in place of an id (resources/messageruleactions.md: "The ID of a folder").
var knownFolders = []string{"inbox", "drafts", "sentitems", "deleteditems", "junkemail", "archive", "outbox"}

func (d RuleActions) wrong() []fault.Field {
	wrong := append(notAddresses("actions.forward_to", d.ForwardTo), notAddresses("actions.forward_as_attachment_to", d.ForwardAsAttachment)...)
	wrong = append(wrong, notAddresses("actions.redirect_to", d.RedirectTo)...)
	for name, folder := range map[string]string{"copy_to_folder": d.CopyTo, "move_to_folder": d.MoveTo} {
		if slices.Contains(knownFolders, folder) {
			wrong = append(wrong, fault.Field{Name: "actions." + name, Message: "takes the folder's id alone, which mail.folder.list gives"})
		}
	}
	if d.nothing() {
		wrong = append(wrong, fault.Field{Name: "actions", Message: "say nothing that the rule does: give at least one"})
	}
	return wrong
}

func (d RuleActions) nothing() bool {
	return len(d.AssignCategories)+len(d.ForwardAsAttachment)+len(d.ForwardTo)+len(d.RedirectTo) == 0 && d.CopyTo+d.MoveTo+d.MarkImportance == "" && !d.Delete && !d.PermanentDelete && !d.MarkAsRead && !d.Stop
}

// note says what the rule's owner may find out too late otherwise.
func (d RuleActions) note() string {
	switch {
	case len(d.ForwardTo)+len(d.ForwardAsAttachment)+len(d.RedirectTo) > 0:
		return "Whether what it passes on may leave the organisation is decided by the tenant's outbound spam filter policy (automatic forwarding), which by default lets nothing out: such mail then comes back as undeliverable (550 5.7.520). " +
			"An Exchange administrator may allow it for this mailbox"
	case d.PermanentDelete:
		return "What it deletes does not come into Deleted Items"
	}
	return ""
}

func (k *RuleConditions) predicates() *graph.RulePredicates {
	if k == nil {
		return nil
	}
	out := &graph.RulePredicates{RuleMarks: graph.RuleMarks(k.RuleMarks), FromAddresses: recipients(k.From), SentToAddresses: recipients(k.SentTo)}
	if k.Size != nil {
		out.WithinSizeRange = &graph.SizeRange{MinimumSize: k.Size.MinKB, MaximumSize: k.Size.MaxKB}
	}
	return out
}

func (d RuleActions) graph() *graph.RuleActions {
	return &graph.RuleActions{AssignCategories: d.AssignCategories, CopyToFolder: d.CopyTo, Delete: d.Delete, ForwardAsAttachmentTo: recipients(d.ForwardAsAttachment), ForwardTo: recipients(d.ForwardTo),
		MarkAsRead: d.MarkAsRead, MarkImportance: d.MarkImportance, MoveToFolder: d.MoveTo, PermanentDelete: d.PermanentDelete, RedirectTo: recipients(d.RedirectTo), StopProcessingRules: d.Stop}
}

func ruleOf(r graph.MessageRule) Rule {
	a := r.Actions
	out := Rule{ID: r.ID, Name: r.DisplayName, Sequence: r.Sequence, Enabled: r.IsEnabled, HasError: r.HasError, ReadOnly: r.IsReadOnly, Conditions: conditionsOf(r.Conditions), Exceptions: conditionsOf(r.Exceptions),
		Actions: RuleActions{AssignCategories: a.AssignCategories, CopyTo: a.CopyToFolder, Delete: a.Delete, ForwardAsAttachment: written(a.ForwardAsAttachmentTo), ForwardTo: written(a.ForwardTo),
			MarkAsRead: a.MarkAsRead, MarkImportance: a.MarkImportance, MoveTo: a.MoveToFolder, PermanentDelete: a.PermanentDelete, RedirectTo: written(a.RedirectTo), Stop: a.StopProcessingRules}}
	out.Note = out.Actions.note()
	return out
}

func conditionsOf(p graph.RulePredicates) *RuleConditions {
	out := RuleConditions{RuleMarks: RuleMarks(p.RuleMarks), From: written(p.FromAddresses), SentTo: written(p.SentToAddresses)}
	if p.WithinSizeRange != nil {
		out.Size = &Size{p.WithinSizeRange.MinimumSize, p.WithinSizeRange.MaximumSize}
	}
	if fmt.Sprint(out) == fmt.Sprint(RuleConditions{}) {
		return nil
	}
	return &out
}

// written gives addresses as an input takes them.
func written(list []graph.Recipient) []string {
	var out []string
	for _, r := range list {
		text := r.EmailAddress.Address
		if r.EmailAddress.Name != "" {
			text = fmt.Sprintf("%q <%s>", r.EmailAddress.Name, r.EmailAddress.Address)
		}
		out = append(out, text)
	}
	return out
}
