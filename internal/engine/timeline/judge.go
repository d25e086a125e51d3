package timeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"seneschal/internal/connector/calendar"
	"seneschal/internal/customer"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// Reason says why an entry was not kept. The list is closed.
type Reason string

// The reasons.
const (
	NoCustomer Reason = "no_customer" // no participant belongs to a customer
	IsDraft    Reason = "draft"       // not sent
	IsPrivate  Reason = "private"     // a meeting its owner marked as private
	IsMaster   Reason = "series"      // the series itself; its occurrences come one by one
	OutOfView  Reason = "out_of_view" // a meeting outside the window
	TooOld     Reason = "too_old"     // further back than communications are kept
	Erased     Reason = "erased"      // somebody takes part who was erased
)

// Kind is what sort of communication it is.
type Kind string

// The kinds.
const (
	Mail    Kind = "mail"
	Meeting Kind = "meeting"
)

// Role is how somebody takes part.
type Role string

// The roles.
const (
	From      Role = "from"
	To        Role = "to"
	Cc        Role = "cc"
	Bcc       Role = "bcc" // known from the sender's own copy alone
	Organizer Role = "organizer"
	Attendee  Role = "attendee"
)

// Participant is somebody who takes part.
type Participant struct {
	Role    Role   `json:"role"`
	Address string `json:"address"`
	Name    string `json:"name,omitempty"`
}

// kept is one entry worth keeping, as one mailbox shows it.
type kept struct {
	item         string
	kind         Kind
	key          string // the same for every copy of one communication
	subject      string
	preview      string
	at, ends     time.Time
	allDay       bool
	cancelled    bool
	thread       string
	place        string
	attachments  bool
	webLink      string
	participants []Participant
	customers    []string
	known        map[Participant]bool
	change       string // what it is news of; "": of nothing
}

const (
	maxParticipants = 500 // a mail to ten thousand is a mailing: all of them tell whose it is, these are kept
	maxPreview      = 255 // as Microsoft's own
	maxSubject      = 255
)

// judgeMail decides whether a message is kept.
func judgeMail(m graph.Message, tenant m365.TenantID, book customer.Book) (kept, Reason) {
	if m.IsDraft {
		return kept{}, IsDraft
	}
	k := kept{item: m.ID, kind: Mail, subject: cut(m.Subject, maxSubject), preview: cut(m.BodyPreview, maxPreview), thread: m.ConversationID, attachments: m.HasAttachments, webLink: m.WebLink}
	sender := m.From
	if sender.EmailAddress.Address == "" {
		sender = m.Sender
	}
	k.add(From, sender.EmailAddress)
	for _, list := range []struct {
		role Role
		who  []graph.Recipient
	}{{To, m.ToRecipients}, {Cc, m.CcRecipients}, {Bcc, m.BccRecipients}} {
		for _, r := range list.who {
			k.add(list.role, r.EmailAddress)
		}
	}
	if !k.belongs(tenant, book) {
		return kept{}, NoCustomer
	}
	k.at = sane(m.SentDateTime, m.ReceivedDateTime)
	k.key = mailKey(m, k.participants)
	return k, ""
}

// unkept says why an entry that would be kept by itself is not: its age, or somebody who was erased.
func (e *Engine) unkept(k kept, unwanted func(address string) bool) Reason {
	if e.Keep > 0 && k.at.Before(e.Clock.Now().Add(-e.Keep)) {
		return TooOld
	}
	if slices.ContainsFunc(k.participants, func(p Participant) bool { return unwanted(p.Address) }) {
		return Erased
	}
	return ""
}

// mailKey names one communication over all its copies. The Message-ID alone would let a sender who reuses one put his mail in another's place.
func mailKey(m graph.Message, who []Participant) string {
	if m.InternetMessageID == "" {
		return digest("item", m.ID)
	}
	from := ""
	if len(who) > 0 && who[0].Role == From {
		from = who[0].Address
	}
	return digest("mail", m.InternetMessageID, from, fmt.Sprint(m.SentDateTime.Unix()))
}

// sane is when it was sent, as long as the sender's clock can be believed.
func sane(sent, received time.Time) time.Time {
	if received.IsZero() || (!sent.IsZero() && sent.Sub(received).Abs() < 24*time.Hour) {
		return sent
	}
	return received
}

// judgeMeeting decides whether an event is kept.
func judgeMeeting(e graph.Event, from, to time.Time, tenant m365.TenantID, book customer.Book) (kept, Reason, error) {
	switch {
	case e.Type == "seriesMaster":
		return kept{}, IsMaster, nil
	case e.Sensitivity == "private" || e.Sensitivity == "confidential":
		return kept{}, IsPrivate, nil
	}
	start, err := calendar.At(e.Start)
	if err != nil {
		return kept{}, "", err
	}
	end, err := calendar.At(e.End)
	if err != nil {
		return kept{}, "", err
	}
	if !end.After(from) || !start.Before(to) {
		return kept{}, OutOfView, nil
	}
	k := kept{item: e.ID, kind: Meeting, subject: cut(e.Subject, maxSubject), preview: cut(e.BodyPreview, maxPreview), at: start, ends: end, allDay: e.IsAllDay, cancelled: e.IsCancelled,
		place: cut(e.Location.DisplayName, maxSubject), attachments: e.HasAttachments, webLink: e.WebLink, key: digest("meeting", e.ICalUID, fmt.Sprint(start.Unix()))}
	if e.ICalUID == "" {
		k.key = digest("item", e.ID)
	}
	k.add(Organizer, e.Organizer.EmailAddress)
	for _, a := range e.Attendees {
		k.add(Attendee, a.EmailAddress)
	}
	if !k.belongs(tenant, book) {
		return kept{}, NoCustomer, nil
	}
	return k, "", nil
}

// add takes somebody in; what is no address (an Exchange X.500 name, an empty field) cannot be anybody's.
func (k *kept) add(role Role, e graph.EmailAddress) {
	address, ok := customer.Address(e.Address)
	if !ok || !showableAll(address) {
		return
	}
	p := Participant{Role: role, Address: address, Name: cut(e.Name, maxSubject)}
	who := Participant{Role: role, Address: address}
	if k.known == nil {
		k.known = map[Participant]bool{}
	}
	if k.known[who] {
		return
	}
	k.known[who] = true
	k.participants = append(k.participants, p)
}

// showableAll refuses what a database or a reader would take for something else.
func showableAll(address string) bool { return strings.Map(showable, address) == address }

// narrow leaves the most telling participants of a mailing: whose it is, and who of ours may see it.
func (k *kept) narrow(mailbox string, book customer.Book) {
	if len(k.participants) <= maxParticipants {
		return
	}
	_, home, _ := strings.Cut(mailbox, "@")
	rank := func(p Participant) int {
		_, theirs := book.OfAddress(p.Address)
		switch {
		case p.Role == From || p.Role == Organizer || p.Address == mailbox:
			return 0
		case strings.HasSuffix(p.Address, "@"+home):
			return 1
		case theirs:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(k.participants, func(a, b Participant) int { return rank(a) - rank(b) })
	k.participants = k.participants[:maxParticipants]
}

// belongs finds the customers. In a customer's own tenant everything is theirs, whatever the domains say.
func (k *kept) belongs(tenant m365.TenantID, book customer.Book) bool {
	if id, ok := book.OfTenant(tenant); ok {
		k.customers = []string{id}
		return true
	}
	seen := map[string]bool{}
	for _, p := range k.participants {
		if id, ok := book.OfAddress(p.Address); ok && !seen[id] {
			seen[id] = true
			k.customers = append(k.customers, id)
		}
	}
	return len(k.customers) > 0
}

// cut makes one line of a text, of n characters at most, without what a database refuses or a reader cannot see.
func cut(s string, n int) string {
	s = strings.Join(strings.Fields(strings.Map(showable, strings.ToValidUTF8(s, ""))), " ")
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
