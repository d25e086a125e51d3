package connection

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seneschal/internal/access"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
)

// For lists the mailboxes with a purpose. A person's connection lists none: it has its owner's own, for what its capabilities need.
func (c Connection) For(p Purpose) []Mailbox {
	if c.Kind == m365.Delegated {
		return c.own(p)
	}
	var out []Mailbox
	for _, m := range c.Mailboxes {
		if m.Has(p) {
			out = append(out, m)
		}
	}
	return out
}

// own is the mailbox of whoever signed in, if something that the connection is for works on mailboxes with the purpose.
func (c Connection) own(p Purpose) []Mailbox {
	if c.accountID == "" || !slices.Contains(purposesOf(c.Capabilities), p) {
		return nil
	}
	return []Mailbox{{Address: lower(c.Account), Purposes: []Purpose{p}, Status: Resolved, ObjectID: c.AccountObject(), UPN: lower(c.Account)}}
}

// AccountObject is the id in the directory of whoever signed in, "" before that.
func (c Connection) AccountObject() string {
	id, _, _ := strings.Cut(c.accountID, ".")
	return id
}

// sharedWith are the mailboxes on a person's connection that Exchange lets the person into: for actions on mail, and for looking them up.
func (c Connection) sharedWith(p Purpose) []Mailbox {
	if c.Kind != m365.Delegated {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.Mailboxes), func(m Mailbox) bool { return !m.Has(p) })
}

// Home is the tenant whose data the connection reaches; "" where that is not known, as of a person of any tenant before they signed in. The
// account's id ends in the tenant it is at home in; of personal accounts no page tells what notifications call it.
func (c Connection) Home() m365.TenantID {
	if c.TenantID != "" {
		return c.TenantID
	}
	_, tenant, _ := strings.Cut(c.accountID, ".")
	if tenant == string(m365.ConsumerTenant) {
		return ""
	}
	return m365.TenantID(tenant)
}

// Personal says whether a personal Microsoft account has signed in, or no other may.
func (c Connection) Personal() bool {
	_, tenant, _ := strings.Cut(c.accountID, ".")
	return c.AccountTypes == m365.Personal || tenant == string(m365.ConsumerTenant)
}

// Through gives a connection, without its list of mailboxes, and whether the caller may have something fetched through it.
func (s *Service) Through(ctx context.Context, by access.Caller, idOrName string) (c Connection, usable bool, err error) {
	c, err = s.entry(ctx, idOrName)
	return c, err == nil && c.UsableBy(by), err
}

// UsableBy says whether a caller may have something of the connection's data fetched for them: a person's own is usable by them alone.
func (c Connection) UsableBy(by access.Caller) bool {
	return c.Kind == m365.Application || access.Allow(by, access.Want{Scope: access.ActionRead, Connection: c.ID, Owner: c.Owner}) == nil
}

// configurers names who may set the connection up.
func (c Connection) configurers() string {
	if c.Kind == m365.Delegated {
		return "the connection's owner, or an admin of this hub"
	}
	return "an admin of this hub"
}

// purposesOf are those that capabilities need.
func purposesOf(chosen []m365.Capability) []Purpose {
	out := []Purpose{}
	for _, c := range chosen {
		if info, ok := m365.LookupCapability(c); ok && info.Purpose != "" && !slices.Contains(out, Purpose(info.Purpose)) {
			out = append(out, Purpose(info.Purpose))
		}
	}
	return out
}

// Followable are the capabilities by which a mailbox is followed, and so those that only its owner may choose for their own.
func Followable() []m365.Capability {
	return []m365.Capability{m365.Timeline, m365.FollowFiles, m365.FollowContacts}
}

// Follow has what a person's own connection reaches followed by one of the Followable capabilities, or no longer.
func (s *Service) Follow(ctx context.Context, by access.Caller, idOrName string, what m365.Capability, follow bool) (Connection, TestResult, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return c, TestResult{}, err
	}
	if c.Kind != m365.Delegated {
		return c, TestResult{}, fault.BadField("id", "%s is app-only: which mailboxes it follows stands in its list, by their purposes", c.Name)
	}
	chosen := slices.DeleteFunc(slices.Clone(c.Capabilities), func(k m365.Capability) bool { return k == what })
	if follow {
		chosen = append(chosen, what)
	}
	if len(chosen) == 0 {
		return c, TestResult{}, fault.BadField("stop", "%s is for nothing else: disconnect it instead", c.Name)
	}
	return s.Change(ctx, by, c.ID, Edit{Capabilities: &chosen, Version: c.Version})
}

// widens refuses that anybody but its owner has a mailbox followed whose owner signed in for something else: nobody would have told them.
func widens(by access.Caller, c Connection, chosen []m365.Capability) error {
	if c.Kind != m365.Delegated || c.accountID == "" || by.Kind == "person" && by.ID == c.Owner {
		return nil
	}
	for _, k := range Followable() {
		if !c.Serves(k) && slices.Contains(chosen, k) {
			return &fault.Error{Kind: fault.Forbidden, Code: "only_the_owner", Message: "Only its owner can have their own mailbox followed", Cause: fmt.Sprintf("%s signed in before %s was among what the connection is for", c.Account, k),
				Fix: "Ask the connection's owner to choose it on the connection's page, under Mailboxes, or list the mailbox on an app-only connection", Who: "the connection's owner"}
		}
	}
	return nil
}

// ownersChoice keeps what a connection's owner said about their mailbox, whatever a file declares.
func ownersChoice(c Connection, declared []m365.Capability) []m365.Capability {
	if c.Kind != m365.Delegated || c.accountID == "" {
		return declared
	}
	out := slices.DeleteFunc(slices.Clone(declared), func(k m365.Capability) bool { return slices.Contains(Followable(), k) })
	for _, k := range Followable() {
		if c.Serves(k) {
			out = append(out, k)
		}
	}
	return out
}

// OwnedBy says which of some connections are a person's own.
func (s *Service) OwnedBy(ctx context.Context, by access.Caller, ids []string) (map[string]bool, error) {
	own := map[string]bool{}
	for _, id := range ids {
		c, err := s.Lookup(ctx, id)
		if err != nil && fault.KindOf(err) != fault.NotFound { // one that is gone is nobody's
			return nil, err
		}
		own[id] = err == nil && by.Kind == "person" && c.Owner == by.ID
	}
	return own, nil
}
