package connection

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

// LineState is the doctor's word about one thing.
type LineState string

// The words.
const (
	LineOK          LineState = "ok"          // proven by a real answer
	LineMissing     LineState = "missing"     // a permission is not granted
	LineFailed      LineState = "failed"      // granted, and yet Microsoft refused the harmless read
	LineCannotTell  LineState = "cannot_tell" // nothing to try it on
	LineSuperfluous LineState = "superfluous" // granted, and nothing needs it
	LineAttention   LineState = "attention"   // works, but not for long, or not as it was meant
)

// Line is one finding of the doctor. Worst first, each ends in its fix.
type Line struct {
	Connection string    `json:"connection"`
	Capability string    `json:"capability"`
	Title      string    `json:"title"`
	State      LineState `json:"state"`
	Proof      Proof     `json:"proof"`
	Code       string    `json:"code,omitempty"`
	Cause      string    `json:"cause"`
	Fix        string    `json:"fix"`
	Who        string    `json:"who"`
	Link       string    `json:"link,omitempty"` // what the fix says to open
	Granted    []string  `json:"granted,omitempty"`
	Missing    []string  `json:"missing,omitempty"`
	TooBroad   []string  `json:"too_broad,omitempty"` // granted instead of a narrower one that would do

	kind fault.Kind
}

// report is what one look at a connection found.
type report struct {
	tenantName string
	proof      Proof
	mailboxes  []Mailbox
	sites      []Site
	teams      []Team
	siteProof  Proof // of a listed site
	lines      []Line
	granted    []string
	grantsRead bool
	blocked    *fault.Error // nothing could be tried
}

const mailboxesAtOnce = 8

// examine asks Microsoft everything the doctor tells. It changes nothing anywhere. Mailboxes that were found within a day are asked
// about again only when the look is thorough: a thousand of them would else cost two thousand requests at every check.
func (s *Service) examine(ctx context.Context, c Connection, tokens *entra.Client, thorough bool) report {
	r := report{tenantName: c.TenantName, mailboxes: slices.Clone(c.Mailboxes), sites: slices.Clone(c.SiteStates), teams: slices.Clone(c.TeamStates)}
	if _, err := tokens.Token(ctx, wire.Refresh{}); err != nil {
		r.block(c, fault.As(err))
		return r
	}
	if claims, err := tokens.Claims(ctx); err == nil {
		r.granted, r.grantsRead = claims.Granted(c.Kind), true
	}
	e, err := s.Endpoints(c.Cloud)
	if err != nil {
		r.block(c, fault.As(err))
		return r
	}
	if err := s.readTenant(ctx, c, s.graph(c, e, tokens, ""), &r); err != nil {
		r.block(c, err)
		return r
	}
	s.resolveMailboxes(ctx, c, e, tokens, &r, thorough)
	s.resolveSites(ctx, c, e, tokens, &r, thorough)
	s.resolveTeams(ctx, c, e, tokens, &r, thorough)
	c.Mailboxes = r.mailboxes
	c.setSites(r.sites)
	c.setTeams(r.teams)
	for _, name := range c.Capabilities {
		r.lines = append(r.lines, s.capabilityLine(ctx, c, e, tokens, name, &r))
	}
	r.lines = append(r.lines, r.superfluous(c)...)
	r.lines = append(r.lines, s.credentialLine(c)...)
	r.lines = append(r.lines, r.mailboxLines(c)...)
	r.lines = append(r.lines, r.siteLines(c)...)
	r.lines = append(r.lines, r.teamLines(c)...)
	r.lines = append(r.lines, s.restrictionLine(ctx, c, e, tokens, &r)...)
	r.lines = append(r.lines, s.limitLine(ctx, c, e, tokens, &r)...)
	sortLines(r.lines)
	return r
}

// block says of every capability that nothing could be tried, and why.
func (r *report) block(c Connection, f *fault.Error) {
	r.blocked = f
	r.lines = nil
	for _, name := range c.Capabilities {
		info, _ := m365.LookupCapability(name)
		r.lines = append(r.lines, failedLine(c, string(name), info.Title, f))
	}
}

func failedLine(c Connection, capability, title string, f *fault.Error) Line {
	l := Line{Connection: c.Name, Capability: capability, Title: title, State: LineFailed, Code: f.Code, Cause: sentence(f), Fix: f.Fix, Who: f.Who, kind: f.Kind}
	if f.Upstream != nil {
		l.Proof = Proof{At: f.Upstream.At, RequestID: f.Upstream.RequestID}
	}
	return l
}

func sentence(f *fault.Error) string {
	if f.Cause == "" {
		return f.Message
	}
	return f.Message + ". " + f.Cause
}

// readTenant makes the first real call. A tenant id that is none of a tenant's fails here at the latest.
func (s *Service) readTenant(ctx context.Context, c Connection, g *graph.Client, r *report) *fault.Error {
	var proof graph.Proof
	if c.Kind == m365.Delegated {
		me, err := graph.Get[graph.User](ctx, g, mustOwner(g).Path, graph.Select("id", "displayName", "userPrincipalName"), graph.Prove(&proof))
		if err != nil {
			return fault.As(err)
		}
		r.tenantName, r.proof = me.UserPrincipalName, Proof(proof)
	}
	for org, err := range graph.List[graph.Organization](ctx, g, graph.At("organization"), graph.Select("id", "displayName"), graph.Prove(&proof)) {
		if err != nil {
			return r.tenantRefused(c, fault.As(err))
		}
		r.tenantName, r.proof = org.DisplayName, Proof(proof)
		return nil
	}
	return nil
}

func mustOwner(g *graph.Client) graph.Owner {
	o, _ := g.Owner("") // a delegated client always has one
	return o
}

// tenantRefused tells apart what blocks everything and what only hides the tenant's name.
func (r *report) tenantRefused(c Connection, f *fault.Error) *fault.Error {
	switch {
	case f.Upstream != nil && f.Upstream.Status == 404:
		return &fault.Error{Kind: fault.NeedsAdmin, Code: "tenant_not_found", Message: "Microsoft finds no organisation for this tenant id",
			Cause: "A subscription id or object id was entered as tenant id", Fix: "Copy Directory (tenant) ID from Entra's Overview page", Who: "whoever entered the connection", Upstream: f.Upstream}
	case f.Upstream != nil && f.Upstream.Status == 403:
		return nil // the capabilities' own lines tell what is missing
	case c.Kind == m365.Delegated && r.proof.RequestID != "":
		return nil // personal accounts have no organisation; /me was the proof
	default:
		return f
	}
}

// capabilityLine compares what is granted with what is needed, and then tries it.
func (s *Service) capabilityLine(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, name m365.Capability, r *report) Line {
	info, _ := m365.LookupCapability(name)
	l := Line{Connection: c.Name, Capability: string(name), Title: info.Title, State: LineOK}
	if r.grantsRead {
		l.compare(c, info, r.granted)
	}
	if len(l.Missing) > 0 {
		l.State, l.Code, l.kind = LineMissing, "permission_missing", fault.NeedsAdmin
		l.Cause = fmt.Sprintf("The tenant has not granted %s", strings.Join(l.Missing, " and "))
		l.Fix = fmt.Sprintf("Add %s under API permissions of the app registration where it is not listed, then open the admin consent link and accept", strings.Join(l.Missing, ", "))
		l.Who = "a Global Administrator or Privileged Role Administrator of the tenant"
		l.Link, _ = s.adminConsentLink(c, "") // the addresses were found a moment ago
		return l
	}
	mailbox, ok := probeMailbox(c, info)
	if !ok {
		l.State, l.Code = LineCannotTell, "no_mailbox"
		l.Cause = fmt.Sprintf("No listed mailbox with the purpose %s can be read, so there is nothing to try it on", info.Purpose)
		l.Fix, l.Who = "Enter at least one technician mailbox with this purpose", "an admin of this hub"
		return l
	}
	if name == m365.FollowSites || name == m365.SharePoint && !c.ReachesEverySite() {
		return r.sitesLine(l)
	}
	probe := s.Probes[name]
	if probe == nil {
		l.State, l.Code, l.Cause = LineCannotTell, "no_probe", "This program has no way to try it"
		return l
	}
	proof, err := probe(ctx, s.client(c, e, tokens, Purpose(info.Purpose), nil), mailbox)
	if err != nil {
		f := fault.As(err)
		failed := failedLine(c, string(name), info.Title, f)
		failed.Granted, failed.TooBroad = l.Granted, l.TooBroad
		return failed
	}
	l.Proof, r.proof = Proof(proof), Proof(proof)
	l.tellWants(c, info, r)
	if len(l.TooBroad) > 0 {
		l.Cause = "Works; " + strings.Join(l.TooBroad, ", ")
		l.Fix, l.Who = "If nothing else needs the broader permission, replace it by the narrower one", "an administrator of the app registration"
	}
	return l
}

func (l *Line) compare(c Connection, info m365.CapabilityInfo, granted []string) {
	set := map[string]bool{}
	for _, g := range granted {
		set[g] = true
	}
	for _, n := range info.Needs {
		want := c.asks().Name(n)
		by, met := n.MetBy(c.Kind, set)
		switch {
		case want == "":
		case !met && !slices.Contains(l.Missing, want):
			l.Missing = append(l.Missing, want)
		case met && by != want && by != n.Selected:
			l.TooBroad = appendOnce(l.TooBroad, fmt.Sprintf("%s is granted where %s would do", by, want))
			l.Granted = appendOnce(l.Granted, by)
		case met:
			l.Granted = appendOnce(l.Granted, by)
		}
		switch shared := c.asks().SharedName(n); {
		case shared == "":
		case set[shared]:
			l.Granted = appendOnce(l.Granted, shared)
		default:
			l.Missing = appendOnce(l.Missing, shared)
		}
	}
}

// tellWants says what a capability is with, or without, what it only wants.
func (l *Line) tellWants(c Connection, info m365.CapabilityInfo, r *report) {
	if info.With == "" || !r.grantsRead {
		return
	}
	l.Cause = info.With
	for _, n := range info.Wants {
		if want := c.asks().Name(n); want != "" && !slices.Contains(r.granted, want) {
			l.Cause, l.Fix, l.Who = info.Without, "If that is not enough, grant "+want+": "+n.Why, "an administrator of the tenant"
		}
	}
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// probeMailbox picks a mailbox to try a capability on. Delegated connections mean their owner; directory needs none.
func probeMailbox(c Connection, info m365.CapabilityInfo) (m365.UserID, bool) {
	if info.Purpose == "" || c.Kind == m365.Delegated {
		return "", true
	}
	for _, m := range c.For(Purpose(info.Purpose)) {
		if m.Status == Resolved || m.Status == AliasOf {
			return m365.UserID(m.ObjectID), true
		}
	}
	for _, m := range c.For(Purpose(info.Purpose)) {
		if m.Status == Unchecked { // the look-up itself was not allowed; Microsoft's answer to the probe will say what is wrong
			return m365.UserID(m.Address), true
		}
	}
	return "", false
}

func (r *report) superfluous(c Connection) []Line {
	if !r.grantsRead {
		return nil
	}
	needed := map[string]bool{"openid": true, "profile": true, "offline_access": true, "email": true, "User.Read": true}
	for _, l := range r.lines {
		for _, g := range l.Granted {
			needed[g] = true
		}
	}
	for _, req := range c.asks().All() {
		needed[req.Permission] = true
	}
	var extra []string
	for _, g := range r.granted {
		if !needed[g] {
			extra = append(extra, g)
		}
	}
	if len(extra) == 0 {
		return nil
	}
	slices.Sort(extra)
	return []Line{{Connection: c.Name, Capability: "permissions", Title: "Permissions nobody needs", State: LineSuperfluous, Granted: extra, Code: "permission_superfluous",
		Cause: "Granted, but none of the chosen capabilities needs " + strings.Join(extra, ", "), Fix: "Remove them from the app registration, unless another program uses the same app",
		Who: "an administrator of the app registration"}}
}

func (s *Service) credentialLine(c Connection) []Line {
	if c.Credential.ExpiresAt.IsZero() {
		return nil
	}
	left := c.Credential.ExpiresAt.Sub(s.Clock.Now())
	if left > 30*24*time.Hour {
		return nil
	}
	l := Line{Connection: c.Name, Capability: "credential", Title: "Credential", State: LineAttention, Code: "credential_expiring",
		Cause: fmt.Sprintf("The %s expires on %s, in %d days", c.Credential.Type, c.Credential.ExpiresAt.Format(time.DateOnly), int(left.Hours()/24)),
		Fix:   "Make a new one in the app registration and enter it: seneschal connection rotate " + c.Name, Who: "an administrator of the app registration"}
	if left <= 0 {
		l.Code, l.Cause = "credential_expired", fmt.Sprintf("The %s expired on %s", c.Credential.Type, c.Credential.ExpiresAt.Format(time.DateOnly))
	}
	return []Line{l}
}

func (r *report) mailboxLines(c Connection) []Line {
	var lines []Line
	for _, m := range r.mailboxes {
		if m.Note == outOfScope && c.MailboxesLimited {
			lines = append(lines, Line{Connection: c.Name, Capability: "mailbox", Title: m.Address, State: LineFailed, Code: "mailbox_not_granted", Cause: outOfScope + ": " + m.Address,
				Fix: "Run the script that seneschal connection mailbox-script " + c.Name + " prints, and check again when up to two hours have passed", Who: "an administrator of Exchange in the tenant"})
		}
		if m.Status == NotFound || m.Status == Unlicensed {
			lines = append(lines, Line{Connection: c.Name, Capability: "mailbox", Title: m.Address, State: LineFailed, Code: "mailbox_" + string(m.Status),
				Cause: m.Note, Fix: "Correct the address or take it off the list; an account needs an Exchange Online licence to have a mailbox", Who: "an admin of this hub"})
		}
	}
	return lines
}

var severity = map[LineState]int{LineFailed: 0, LineMissing: 1, LineCannotTell: 2, LineAttention: 3, LineSuperfluous: 4, LineOK: 5}

func sortLines(lines []Line) {
	slices.SortStableFunc(lines, func(a, b Line) int { return severity[a.State] - severity[b.State] })
}

// resolveMailboxes looks every listed address up. Without the right to, they stay unchecked: that is no fault of theirs.
func (s *Service) resolveMailboxes(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, r *report, thorough bool) {
	directory := s.graph(c, e, tokens, "")
	var group errgroup.Group
	group.SetLimit(mailboxesAtOnce)
	for i, m := range r.mailboxes {
		known := (m.Status == Resolved || m.Status == AliasOf) && s.Clock.Now().Sub(m.CheckedAt) < grantsEvery
		if known && !thorough {
			continue
		}
		group.Go(func() error {
			s.resolve(ctx, directory, &r.mailboxes[i])
			s.findMailbox(ctx, c, e, tokens, &r.mailboxes[i])
			return nil
		})
	}
	_ = group.Wait() // the functions return no errors
}

var userFields = graph.Select("id", "displayName", "userPrincipalName", "mail", "proxyAddresses", "accountEnabled", "assignedLicenses")

func (s *Service) resolve(ctx context.Context, g *graph.Client, m *Mailbox) {
	u, err := graph.Get[graph.User](ctx, g, g.User(m365.UserID(m.Address)).Path, userFields)
	if fault.KindOf(err) == fault.NotFound {
		u, err = byAlias(ctx, g, m.Address)
	}
	m.CheckedAt = s.Clock.Now()
	switch {
	case fault.KindOf(err) == fault.NotFound:
		m.Status, m.Note = NotFound, "The tenant has no account with this address"
		return
	case err != nil:
		m.Status, m.Note = Unchecked, sentence(fault.As(err))
		return
	}
	m.ObjectID, m.DisplayName, m.UPN, m.Note = u.ID, u.DisplayName, lower(u.UserPrincipalName), ""
	m.Status = Resolved
	if !strings.EqualFold(m.Address, u.UserPrincipalName) {
		m.Status, m.Note = AliasOf, "Another address of "+u.DisplayName+" ("+u.UserPrincipalName+")"
	}
}

// findMailbox tells an account without a mailbox from one with: the directory's licences do not (shared mailboxes have none).
func (s *Service) findMailbox(ctx context.Context, c Connection, e m365.Endpoints, tokens *entra.Client, m *Mailbox) {
	if m.ObjectID == "" || (m.Status != Resolved && m.Status != AliasOf) {
		return
	}
	const look Purpose = "look-up" // a client that reaches this one mailbox, whatever it is listed for
	only := c
	only.Mailboxes = []Mailbox{{Address: m.Address, ObjectID: m.ObjectID, UPN: m.UPN, Purposes: []Purpose{look}}}
	g := s.graph(only, e, tokens, look)
	_, err := graph.Get[graph.MailFolder](ctx, g, g.User(m365.UserID(m.ObjectID)).MailFolder("inbox"), graph.Select("id"))
	switch {
	case hasNoMailbox(err):
		m.Status, m.Note = Unlicensed, m.DisplayName+" has no mailbox in Exchange Online: no licence, or the mailbox is on premises"
	case c.MailboxesLimited && fault.CodeOf(err) == graph.NotInScope && c.readsMail():
		m.Note = outOfScope
	}
}

// hasNoMailbox is the one refusal that says so; others (no permission for mail) tell nothing about the mailbox.
func hasNoMailbox(err error) bool {
	f := fault.As(err)
	return f != nil && (f.Code == "licence_missing" || (f.Upstream != nil && f.Upstream.Code == "MailboxNotEnabledForRESTAPI"))
}

func byAlias(ctx context.Context, g *graph.Client, address string) (graph.User, error) {
	filter := "proxyAddresses/any(p:p eq " + graph.Quote("smtp:"+address) + ") or mail eq " + graph.Quote(address)
	for u, err := range graph.List[graph.User](ctx, g, graph.At("users"), graph.Filter(filter), userFields, graph.Eventual()) {
		return u, err
	}
	return graph.User{}, fault.Missing("mailbox", address)
}

func lower(s string) string { return strings.ToLower(s) }
