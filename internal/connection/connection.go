package connection

import (
	"embed"
	"slices"
	"strings"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// Migrations are the tables of connections.
//
//go:embed migrations
var Migrations embed.FS

// State says how a connection is. The list is DESIGN §3's.
type State string

// The states.
const (
	PendingConsent State = "pending_consent" // waits for an administrator or person to consent
	Verifying      State = "verifying"       // saved, not proven yet; the hub keeps trying
	Healthy        State = "healthy"         // everything it is for works, proven lately
	Degraded       State = "degraded"        // some of what it is for does not work
	NeedsReauth    State = "needs_reauth"    // a person must sign in again
	NeedsAdmin     State = "needs_admin"     // an administrator must act
	Throttled      State = "throttled"       // Microsoft asked us to wait
	Paused         State = "paused"          // by hand
	Failed         State = "failed"          // Microsoft cannot be reached or answers nonsense
	Unknown        State = "unknown"         // no fresh evidence
)

// freshFor is the freshness objective: how long one proof keeps a connection green.
const freshFor = 30 * time.Minute

// Proof is the last real answer.
type Proof struct {
	At        time.Time `json:"at,omitzero"`
	RequestID string    `json:"request_id,omitempty"`
}

// CredentialInfo is what may be shown of a credential.
type CredentialInfo struct {
	Type      string    `json:"type"` // secret, certificate, federated, none
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Note      string    `json:"note,omitempty"` // a certificate's thumbprint, a token file's path
}

// Purpose is what a mailbox is listed for. Nothing is widened by implication.
type Purpose string

// The purposes of mailboxes.
const (
	ForTimeline Purpose = "timeline"
	ForTap      Purpose = "tap"
	ForSend     Purpose = "send"
	ForDispatch Purpose = "dispatch"
	ForActions  Purpose = "actions"
	ForFiles    Purpose = "files"
	ForContacts Purpose = "contacts"
)

// ForSites is what listed sites are followed for. No mailbox is listed for it.
const ForSites Purpose = "sites"

// Purposes lists those of mailboxes.
func Purposes() []Purpose {
	return []Purpose{ForTimeline, ForTap, ForSend, ForDispatch, ForActions, ForFiles, ForContacts}
}

// MailboxStatus is what Microsoft says of a listed address.
type MailboxStatus string

// The statuses.
const (
	Unchecked  MailboxStatus = "unchecked"
	Resolved   MailboxStatus = "resolved"
	AliasOf    MailboxStatus = "alias"      // works; the person's main address is another
	NotFound   MailboxStatus = "unknown"    // the tenant has no such address
	Unlicensed MailboxStatus = "unlicensed" // an account without a mailbox in the cloud
)

// Mailbox is one listed mailbox.
type Mailbox struct {
	Address     string        `json:"upn"` // as listed, lower case
	Purposes    []Purpose     `json:"purposes"`
	Status      MailboxStatus `json:"status"`
	ObjectID    string        `json:"id,omitempty"`
	DisplayName string        `json:"display_name,omitempty"`
	UPN         string        `json:"resolved_upn,omitempty"`
	Note        string        `json:"note,omitempty"`
	CheckedAt   time.Time     `json:"checked_at,omitzero"`
}

// Has reports whether the mailbox is listed for the purpose.
func (m Mailbox) Has(p Purpose) bool { return slices.Contains(m.Purposes, p) }

// Connection is one configured link to a tenant.
type Connection struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Kind             m365.Mode         `json:"kind"`
	Cloud            m365.Cloud        `json:"cloud"`
	TenantID         m365.TenantID     `json:"tenant_id"`
	TenantName       string            `json:"tenant,omitempty"`
	ClientID         m365.ClientID     `json:"client_id"`
	Credential       CredentialInfo    `json:"credential"`
	AccountTypes     m365.Audience     `json:"account_types,omitempty"`
	Owner            string            `json:"owner,omitempty"`   // person id; a delegated connection is theirs alone
	Account          string            `json:"account,omitempty"` // who signed in
	Capabilities     []m365.Capability `json:"capabilities"`
	Mailboxes        []Mailbox         `json:"mailboxes"`
	Sites            []string          `json:"sites"`                     // addresses it may reach; * is all
	SiteStates       []Site            `json:"site_states,omitempty"`     // what Microsoft says of each
	SitesSelected    bool              `json:"sites_selected"`            // the app has Sites.Selected and is granted each site
	Teams            []string          `json:"teams"`                     // ids or names of the teams it may reach; * is all
	TeamStates       []Team            `json:"team_states,omitempty"`     // what Microsoft says of each
	MailboxesLimited bool              `json:"mailboxes_limited"`         // Exchange itself lets the app into the listed mailboxes alone
	MailboxOutside   string            `json:"mailbox_outside,omitempty"` // one that must be refused, by which that is proven
	ReadOnly         bool              `json:"read_only"`
	Allowed          []string          `json:"allowed_actions,omitempty"` // patterns such as mail.*; empty: all
	Managed          bool              `json:"managed,omitempty"`         // declared in a file
	Consent          string            `json:"admin_consent,omitempty"`   // not_requested, sent, granted, verified
	State            State             `json:"state"`
	Reason           *fault.Problem    `json:"reason,omitempty"`
	Since            time.Time         `json:"since,omitzero"`
	Proof            Proof             `json:"proof"`
	NextCheck        time.Time         `json:"next_check,omitzero"`
	Version          int64             `json:"version"`
	CreatedAt        time.Time         `json:"created_at"`

	paused       bool
	accountID    string
	grantsReadAt time.Time
	remindedDays int
	listVersion  int64
	byName       map[string]int // index of the mailboxes where there is one
}

// Current is the state as it may be shown now: green without fresh evidence is unknown.
func (c Connection) Current(now time.Time) State {
	if c.paused {
		return Paused
	}
	if c.State == Healthy && now.Sub(c.Proof.At) > freshFor {
		return Unknown
	}
	return c.State
}

// Serves reports whether the capability is among the connection's.
func (c Connection) Serves(k m365.Capability) bool { return slices.Contains(c.Capabilities, k) }

// AllowsAction reports whether the connection's own list lets an action through.
func (c Connection) AllowsAction(name string) bool {
	if len(c.Allowed) == 0 {
		return true
	}
	for _, pattern := range c.Allowed {
		if pattern == name || pattern == "*" {
			return true
		}
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// LookupMailbox finds a listed mailbox by any of its names.
func (c Connection) LookupMailbox(name string) (Mailbox, bool) {
	if c.byName != nil {
		i, ok := c.byName[strings.ToLower(name)]
		if !ok {
			return Mailbox{}, false
		}
		return c.Mailboxes[i], true
	}
	for _, m := range c.Mailboxes {
		if slices.ContainsFunc(m.names(), func(n string) bool { return strings.EqualFold(n, name) }) {
			return m, true
		}
	}
	return Mailbox{}, false
}

// names are those that Microsoft knows the mailbox by, as far as we know them.
func (m Mailbox) names() []string {
	return slices.DeleteFunc([]string{m.Address, m.UPN, m.ObjectID}, func(n string) bool { return n == "" })
}
