package trouble

import (
	"fmt"
	"maps"
	"path"
	"strings"
	"sync"
)

// Kinds of faults that the HTTP layer plays before a service sees the request, and those that a service looks up by itself.
const (
	Status   = "status"   // answer with Status in the service's own error shape
	Reset    = "reset"    // cut the connection without an answer
	Truncate = "truncate" // let the service answer, send half of the body, cut
	Delay    = "delay"    // wait Delay, then let the service answer
	HTML     = "html"     // 200 with a page instead of JSON (a proxy's or portal's)
	Huge     = "huge"     // 200 with an endless body
	Throttle = "429"      // as status 429; with RetryAfter or, when it is empty, without the header

	AADSTS          = "aadsts"       // the token endpoint refuses with Code
	Claims          = "claims"       // a Conditional Access challenge, at the token endpoint or by Graph
	ExpireToken     = "expire_token" // Graph calls a good token expired
	Revoke          = "revoke"       // the sign-in sessions of User (or of everyone) end now
	ConsentWithdraw = "consent_withdrawn"
	DisableApp      = "app_disabled"
	DisableUser     = "user_disabled"
	SecretExpired   = "secret_expired"
	GiveConsent     = "consent_given"    // everything that the registration of App asks for
	RemoveMailbox   = "mailbox_removed"  // the licence of User is taken away, and the mailbox with it
	ReturnMailbox   = "mailbox_returned" // a licence within thirty days gives it back as it was
	DeleteUser      = "user_deleted"     // to the deleted users
	RestoreUser     = "user_restored"    // from there
	MakeUserAnew    = "user_made_anew"   // another account with the names of User, and an empty mailbox
	MakeGuest       = "made_guest"       // User is a guest from now on
	DeleteTeam      = "team_deleted"     // the team whose name is Code
	SharingOff      = "sharing_off"      // nothing of the tenant is shared outside
	SharingOn       = "sharing_on"
	CopyFails       = "copy_fails" // a copy of a drive is accepted, and its monitor tells that it failed
	DeltaGone       = "delta_gone" // delta links are forgotten: 410 syncStateNotFound

	SilentSubscription  = "silent_subscription"
	DuplicateDelivery   = "duplicate_notification"
	LateDelivery        = "late_notification"
	ForgedDelivery      = "forged_notification"
	WrongContent        = "wrong_content"        // of a notification with resource data; Code says what is wrong with it
	Lifecycle           = "lifecycle"            // Code names the event: reauthorizationRequired, subscriptionRemoved, missed
	AcceptedThenNothing = "accept_then_nothing"  // 202 and the mail is lost
	AcceptedAndSlow     = "accept_retry_after"   // 202 with the header Retry-After
	SentLate            = "sent_late"            // the mail leaves after Delay
	Returned            = "mail_returned"        // nobody gets the mail, and a report with the status Code ("5.1.8") and the text Message comes back
	AttachmentSpoiled   = "attachment_spoiled"   // an attachment is taken and does not stay as it was; Code: removed, shortened
	TimeoutAfterAccept  = "timeout_after_accept" // the work is done, the answer never arrives
	BatchInner          = "batch_inner"          // 429 inside a $batch
)

var kinds = map[string]bool{
	Status: true, Reset: true, Truncate: true, Delay: true, HTML: true, Huge: true, Throttle: true, AADSTS: true, Claims: true, ExpireToken: true, Revoke: true, ConsentWithdraw: true,
	DisableApp: true, DisableUser: true, SecretExpired: true, DeltaGone: true, SharingOff: true, SharingOn: true, CopyFails: true, SilentSubscription: true, DuplicateDelivery: true, LateDelivery: true, ForgedDelivery: true, WrongContent: true,
	GiveConsent: true, RemoveMailbox: true, ReturnMailbox: true, DeleteUser: true, RestoreUser: true, MakeUserAnew: true, MakeGuest: true, DeleteTeam: true, Lifecycle: true, AcceptedThenNothing: true, AcceptedAndSlow: true, SentLate: true, Returned: true, AttachmentSpoiled: true, TimeoutAfterAccept: true, BatchInner: true,
}

// Match says which requests a fault is for; empty fields match all. Path may hold * (within a segment) and ** (anything).
type Match struct {
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	Tenant string `json:"tenant,omitempty"`
}

// Fault is one misbehaviour, as POST /faults takes it.
type Fault struct {
	Match      Match  `json:"match"`
	Kind       string `json:"kind"`
	Status     int    `json:"status,omitempty"`
	RetryAfter string `json:"retry_after,omitempty"` // the header's value
	Times      int    `json:"times,omitempty"`       // 0: until DELETE /faults
	After      int    `json:"after,omitempty"`       // let this many matching requests pass first
	Code       string `json:"code,omitempty"`        // an AADSTS number, an error code, a lifecycle event
	Message    string `json:"message,omitempty"`
	Delay      string `json:"delay,omitempty"` // a Go duration
	App        string `json:"app,omitempty"`   // client id, for faults about an app
	User       string `json:"user,omitempty"`  // user principal name or id, for faults about a person
}

// Book holds the faults in force. The zero value is ready.
type Book struct {
	mu     sync.Mutex
	faults []*entry
	played map[string]int // by kind, cleared faults included
}

type entry struct {
	Fault
	seen, played int
}

// Add puts a fault in force.
func (b *Book) Add(f Fault) error {
	if !kinds[f.Kind] {
		return fmt.Errorf("unknown fault kind %q", f.Kind)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, &entry{Fault: f})
	return nil
}

// Clear ends all faults.
func (b *Book) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = nil
}

// List gives the faults in force.
func (b *Book) List() []Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Fault, 0, len(b.faults))
	for _, e := range b.faults {
		out = append(out, e.Fault)
	}
	return out
}

// Take finds the first fault of one of the kinds for a request and counts it as played.
func (b *Book) Take(r Request, kinds ...string) (Fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.faults {
		if !in(kinds, e.Kind) || !e.matches(r) {
			continue
		}
		if e.Times > 0 && e.played >= e.Times {
			continue
		}
		e.seen++
		if e.seen <= e.After {
			continue
		}
		e.played++
		if b.played == nil {
			b.played = map[string]int{}
		}
		b.played[e.Kind]++
		return e.Fault, true
	}
	return Fault{}, false
}

// Played says how often each kind was.
func (b *Book) Played() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.played)
}

func in(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func (f Fault) matches(r Request) bool {
	if f.Match.Method != "" && !strings.EqualFold(f.Match.Method, r.Method) {
		return false
	}
	if f.Match.Tenant != "" && !strings.EqualFold(f.Match.Tenant, r.Tenant) {
		return false
	}
	if f.App != "" && r.App != "" && !strings.EqualFold(f.App, r.App) {
		return false
	}
	return f.Match.Path == "" || Glob(strings.ToLower(f.Match.Path), strings.ToLower(r.Path))
}

// Glob matches a path: * within a segment, ** across segments; a pattern without them matches as a part of the path.
func Glob(pattern, p string) bool {
	if !strings.Contains(pattern, "*") {
		return strings.Contains(p, pattern)
	}
	return glob(pattern, p)
}

func glob(pattern, p string) bool {
	before, after, deep := strings.Cut(pattern, "**")
	if !deep {
		ok, err := path.Match(pattern, p)
		return err == nil && ok
	}
	for i := range len(p) + 1 {
		if ok, err := path.Match(before, p[:i]); err != nil || !ok {
			continue
		}
		for j := i; j <= len(p); j++ {
			if glob(after, p[j:]) {
				return true
			}
		}
	}
	return false
}
