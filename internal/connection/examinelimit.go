package connection

import (
	"context"
	"slices"
	"strings"

	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
)

// lineOfLimited is the line that tells whether Exchange keeps the app out of mailboxes that are not on the list.
const lineOfLimited = "mailboxes_limited"

// outOfScope is noted at a listed mailbox into which Exchange does not let the app.
const outOfScope = "Exchange does not let the app into this mailbox"

// mostStrangers bounds how many accounts are tried until one has a mailbox.
const mostStrangers = 5

// limitLine proves that Exchange refuses the app a mailbox that is not on the list, by the same harmless reads that prove those that are. What is
// granted in Entra for every mailbox makes the limit void, whatever a read says.
func (s *Service) limitLine(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, r *report) []Line {
	if !c.MailboxesLimited {
		return nil
	}
	l := Line{Connection: c.Name, Capability: lineOfLimited, Title: "Restriction to the mailboxes on the list", State: LineOK}
	script := "the script that seneschal connection mailbox-script " + c.Name + " prints"
	tries := s.limitedProbes(c)
	switch wide := m365.EveryMailbox(r.granted); {
	case len(wide) > 0:
		l.State, l.Code, l.TooBroad = LineAttention, "mailbox_limit_void", wide
		l.Cause = strings.Join(wide, ", ") + " is granted in Entra and lets the app into every mailbox of the tenant: Exchange adds its own roles to that, and only this hub's list holds the app back"
		l.Fix = "Remove " + strings.Join(wide, ", ") + " from the app registration and withdraw the consent to it, which " + script + " does; tokens from before are good for an hour or more"
		l.Who = "an administrator of the app registration"
	case !slices.ContainsFunc(r.lines, func(k Line) bool { return k.State == LineOK && slices.Contains(tries, m365.Capability(k.Capability)) }):
		l.State, l.Code, l.Cause = LineCannotTell, "no_mailbox_inside", "No listed mailbox answers yet, so being refused another one would prove nothing"
		l.Fix, l.Who = "Run "+script+", and check again when up to two hours have passed", "an administrator of Exchange in the tenant"
	default:
		s.tryStrangers(ctx, c, e, tokens, tries, &l)
	}
	if everywhere := c.mailboxesEverywhere(); l.State == LineOK && len(everywhere) > 0 {
		l.Cause += "; " + strings.Join(everywhere, ", ") + " stays for everybody, as Exchange has no role for it"
	}
	return []Line{l}
}

// limitedProbes are the capabilities whose read shows what Exchange lets the app into.
func (s *Service) limitedProbes(c Connection) []m365.Capability {
	return slices.DeleteFunc(slices.Clone(c.Capabilities), func(k m365.Capability) bool {
		return s.Probes[k] == nil || len(c.asks(k).FromExchange()) == 0
	})
}

// mailboxesEverywhere are the permissions about things in mailboxes for which Exchange has no role.
func (c Connection) mailboxesEverywhere() []string {
	var out []string
	for _, r := range c.asks().Manifest() {
		if strings.HasPrefix(r.Permission, "Tasks.") {
			out = append(out, r.Permission)
		}
	}
	return out
}

// tryStrangers asks for mailboxes that are not on the list until one tells.
func (s *Service) tryStrangers(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, tries []m365.Capability, l *Line) {
	strangers, f := s.strangers(ctx, c, s.client(c, e, tokens, "", nil))
	if f != nil {
		*l = failedLine(c, lineOfLimited, l.Title, f)
		l.State = LineCannotTell
		return
	}
	for _, m := range strangers {
		if s.tryStranger(ctx, c, e, tokens, m, tries, l) {
			return
		}
	}
	l.State, l.Code, l.Cause = LineCannotTell, "no_other_mailbox", "No mailbox is known that is not on the list, so none can be tried that must be refused"
	l.Fix, l.Who = "Name one as mailbox_outside, if there is any", "an admin of this hub"
}

// strangers are accounts that are not on the list: the one that was named, else the first of the directory that have a licence, without which there is seldom a
// mailbox.
func (s *Service) strangers(ctx context.Context, c Connection, directory *graph.Client) ([]Mailbox, *fault.Error) {
	if c.MailboxOutside != "" {
		m := Mailbox{Address: c.MailboxOutside}
		s.resolve(ctx, directory, &m)
		f := &fault.Error{Kind: fault.Invalid, Message: c.MailboxOutside + " tells nothing", Fix: "Name another mailbox as mailbox_outside, or none", Who: "an admin of this hub"}
		switch _, listed := c.LookupMailbox(m.ObjectID); {
		case m.Status == NotFound:
			f.Code, f.Cause = "outside_unknown", m.Note
			return nil, f
		case m.ObjectID != "" && listed:
			f.Code, f.Cause = "outside_is_listed", "It is another address of a mailbox on the list"
			return nil, f
		}
		return []Mailbox{m}, nil
	}
	var out []Mailbox
	for u, err := range graph.List[graph.User](ctx, directory, graph.At("users"), userFields, graph.Top(100)) {
		if err != nil {
			f := *fault.As(err)
			f.Fix, f.Who = "Name a mailbox that is not on the list as mailbox_outside: the directory cannot be searched for one", "an admin of this hub"
			return nil, &f
		}
		if _, listed := c.LookupMailbox(u.ID); listed || len(u.AssignedLicenses) == 0 {
			continue
		}
		if out = append(out, Mailbox{Address: lower(u.UserPrincipalName), ObjectID: u.ID, UPN: lower(u.UserPrincipalName)}); len(out) == mostStrangers {
			break
		}
	}
	return out, nil
}

// tryStranger asks for one mailbox that is not on the list. An account without a mailbox tells nothing: the next one is asked for.
func (s *Service) tryStranger(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, m Mailbox, tries []m365.Capability, l *Line) (told bool) {
	const look Purpose = "look-up"
	only := c
	m.Purposes = []Purpose{look}
	only.Mailboxes, only.byName = []Mailbox{m}, nil
	g := s.client(only, e, tokens, look, nil)
	id := m.ObjectID
	if id == "" {
		id = m.Address // the directory is closed to the app; Exchange knows the address
	}
	for _, k := range tries {
		p, err := s.Probes[k](ctx, g, m365.UserID(id))
		switch f := fault.As(err); {
		case f == nil:
			l.State, l.Code, l.Proof = LineAttention, "mailboxes_not_limited", Proof(p)
			l.Cause = "The app reaches " + m.Address + " by what " + string(k) + " needs, and it is not on the list: a role of Exchange has no scope or a wider one, or a change has not taken hold yet"
			l.Fix = "Look at what Get-ManagementRoleAssignment and Get-ManagementScope say of the app, and check again when up to two hours have passed"
			l.Who = "an administrator of Exchange in the tenant"
			return true
		case hasNoMailbox(err):
			return false
		case refused(f):
			l.Code, l.Proof = "proven", Proof{At: f.Upstream.At, RequestID: f.Upstream.RequestID}
			l.Cause = "Exchange refuses the app " + m.Address + ", which is not on the list"
		default:
			*l = failedLine(c, lineOfLimited, l.Title, f)
			l.State = LineCannotTell
			return true
		}
	}
	return true
}
