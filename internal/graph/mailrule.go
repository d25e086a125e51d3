package graph

// MessageRule is a rule of the inbox as read.
type MessageRule struct {
	ID          string         `json:"id"`
	DisplayName string         `json:"displayName"`
	Sequence    int            `json:"sequence"`
	IsEnabled   bool           `json:"isEnabled"`
	HasError    bool           `json:"hasError"`
	IsReadOnly  bool           `json:"isReadOnly"`
	Conditions  RulePredicates `json:"conditions"`
	Exceptions  RulePredicates `json:"exceptions"`
	Actions     RuleActions    `json:"actions"`
}

// RuleMarks are the conditions of a rule that are words, marks and yes or no.
type RuleMarks struct {
	BodyContains           []string `json:"bodyContains,omitempty"`
	BodyOrSubjectContains  []string `json:"bodyOrSubjectContains,omitempty"`
	Categories             []string `json:"categories,omitempty"`
	HasAttachments         *bool    `json:"hasAttachments,omitempty"`
	HeaderContains         []string `json:"headerContains,omitempty"`
	Importance             string   `json:"importance,omitempty"`
	IsApprovalRequest      *bool    `json:"isApprovalRequest,omitempty"`
	IsAutomaticForward     *bool    `json:"isAutomaticForward,omitempty"`
	IsAutomaticReply       *bool    `json:"isAutomaticReply,omitempty"`
	IsEncrypted            *bool    `json:"isEncrypted,omitempty"`
	IsMeetingRequest       *bool    `json:"isMeetingRequest,omitempty"`
	IsMeetingResponse      *bool    `json:"isMeetingResponse,omitempty"`
	IsNonDeliveryReport    *bool    `json:"isNonDeliveryReport,omitempty"`
	IsPermissionControlled *bool    `json:"isPermissionControlled,omitempty"`
	IsReadReceipt          *bool    `json:"isReadReceipt,omitempty"`
	IsSigned               *bool    `json:"isSigned,omitempty"`
	IsVoicemail            *bool    `json:"isVoicemail,omitempty"`
	MessageActionFlag      string   `json:"messageActionFlag,omitempty"`
	NotSentToMe            *bool    `json:"notSentToMe,omitempty"`
	RecipientContains      []string `json:"recipientContains,omitempty"`
	SenderContains         []string `json:"senderContains,omitempty"`
	Sensitivity            string   `json:"sensitivity,omitempty"`
	SentCcMe               *bool    `json:"sentCcMe,omitempty"`
	SentOnlyToMe           *bool    `json:"sentOnlyToMe,omitempty"`
	SentToMe               *bool    `json:"sentToMe,omitempty"`
	SentToOrCcMe           *bool    `json:"sentToOrCcMe,omitempty"`
	SubjectContains        []string `json:"subjectContains,omitempty"`
}

// RulePredicates are what a message must be for a rule, or for an exception from it.
type RulePredicates struct {
	RuleMarks
	FromAddresses   []Recipient `json:"fromAddresses,omitempty"`
	SentToAddresses []Recipient `json:"sentToAddresses,omitempty"`
	WithinSizeRange *SizeRange  `json:"withinSizeRange,omitempty"`
}

// SizeRange bounds a message's size, in kilobytes.
type SizeRange struct {
	MinimumSize int `json:"minimumSize"`
	MaximumSize int `json:"maximumSize"`
}

// RuleActions are what a rule does.
type RuleActions struct {
	AssignCategories      []string    `json:"assignCategories,omitempty"`
	CopyToFolder          string      `json:"copyToFolder,omitempty"`
	Delete                bool        `json:"delete,omitempty"`
	ForwardAsAttachmentTo []Recipient `json:"forwardAsAttachmentTo,omitempty"`
	ForwardTo             []Recipient `json:"forwardTo,omitempty"`
	MarkAsRead            bool        `json:"markAsRead,omitempty"`
	MarkImportance        string      `json:"markImportance,omitempty"`
	MoveToFolder          string      `json:"moveToFolder,omitempty"`
	PermanentDelete       bool        `json:"permanentDelete,omitempty"`
	RedirectTo            []Recipient `json:"redirectTo,omitempty"`
	StopProcessingRules   bool        `json:"stopProcessingRules,omitempty"`
}

// MessageRuleChange is a rule as written: a new one, or the parts to change. Each part is written whole.
type MessageRuleChange struct {
	DisplayName *string                  `json:"displayName,omitempty"`
	Sequence    *int                     `json:"sequence,omitempty"`
	IsEnabled   *bool                    `json:"isEnabled,omitempty"`
	Conditions  Settable[RulePredicates] `json:"conditions,omitzero"`
	Exceptions  Settable[RulePredicates] `json:"exceptions,omitzero"`
	Actions     *RuleActions             `json:"actions,omitempty"`
}

// InboxRules are the rules of the inbox; no other folder has any (mailfolder-list-messagerules.md).
func (o Owner) InboxRules() Path { return o.MailFolder("inbox").Sub("messageRules") }

// InboxRule is one rule.
func (o Owner) InboxRule(id string) Path { return o.InboxRules().Item("messageRule-id", id) }
