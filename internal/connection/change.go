package connection

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/entra"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// TestResult is what a test of a form, saved or not, found.
type TestResult struct {
	OK        bool           `json:"ok"`
	Message   string         `json:"message"` // "Connected to Contoso — 5 mailboxes configured", only after real calls
	Tenant    string         `json:"tenant,omitempty"`
	Proof     Proof          `json:"proof"`
	Mailboxes []Mailbox      `json:"mailboxes"`
	Lines     []Line         `json:"lines"`
	Problem   *fault.Problem `json:"problem,omitempty"`
}

// Test tries a form with real calls and keeps nothing of it.
func (s *Service) Test(ctx context.Context, f Form) (TestResult, error) {
	f.normalise(s.DefaultCloud)
	if err := invalid(f.check()); err != nil {
		return TestResult{}, err
	}
	c, err := s.fromForm(f)
	if err != nil {
		return TestResult{}, err
	}
	tokens, err := s.newTokens(c, f.Credential, &memoryCache{}, "test/"+store.NewID(s.Clock.Now()))
	if err != nil {
		return TestResult{}, err
	}
	r := s.examine(wire.WithPriority(ctx, wire.Interactive), c, tokens, true)
	return s.testResult(c, r), nil
}

func (s *Service) testResult(c Connection, r report) TestResult {
	t := TestResult{Tenant: r.tenantName, Proof: r.proof, Mailboxes: r.mailboxes, Lines: r.lines}
	state, reason := verdict(c, r)
	t.OK, t.Problem = state == Healthy, reason
	switch {
	case t.OK && r.tenantName != "":
		t.Message = fmt.Sprintf("Connected to %s — %d mailboxes configured", r.tenantName, len(r.mailboxes))
	case t.OK:
		t.Message = fmt.Sprintf("Connected — %d mailboxes configured", len(r.mailboxes))
	case reason != nil:
		t.Message = "Not connected yet: " + reason.Title
	}
	return t
}

func invalid(wrong []fault.Field) error {
	if len(wrong) == 0 {
		return nil // a typed nil would not be nil to the caller
	}
	return fault.BadFields(wrong...)
}

func (s *Service) fromForm(f Form) (Connection, error) {
	_, info, err := f.Credential.entra()
	if err != nil {
		return Connection{}, err
	}
	if _, err := s.Endpoints(f.Cloud); err != nil {
		return Connection{}, err
	}
	now := s.Clock.Now()
	c := Connection{ID: store.NewID(now), Name: f.Name, Kind: f.Kind, Cloud: f.Cloud, TenantID: f.TenantID, ClientID: f.ClientID, Credential: info,
		AccountTypes: f.AccountTypes, Owner: f.Owner, Capabilities: f.Capabilities, SitesSelected: f.SitesSelected, MailboxesLimited: f.MailboxesLimited, MailboxOutside: f.MailboxOutside, ReadOnly: f.ReadOnly, Allowed: f.Allowed,
		Consent: "not_requested", State: Verifying, Since: now, Version: 1, CreatedAt: now}
	for _, m := range f.Mailboxes {
		c.Mailboxes = append(c.Mailboxes, Mailbox{Address: m.Address, Purposes: m.Purposes, Status: Unchecked})
	}
	c.setSites(mergeSites(nil, f.Sites))
	c.setTeams(mergeTeams(nil, f.Teams))
	return c, nil
}

// Add saves a connection and proves it. One that cannot be proven is saved as pending, and the hub keeps trying.
func (s *Service) Add(ctx context.Context, by access.Caller, f Form) (Connection, TestResult, error) {
	return s.add(ctx, by, f, false)
}

func (s *Service) add(ctx context.Context, by access.Caller, f Form, managed bool) (Connection, TestResult, error) {
	f.normalise(s.DefaultCloud)
	if f.Kind == m365.Delegated && f.Owner == "" && by.Kind == "person" {
		f.Owner = by.ID
	}
	if err := invalid(f.check()); err != nil {
		return Connection{}, TestResult{}, err
	}
	c, err := s.fromForm(f)
	if err != nil {
		return Connection{}, TestResult{}, err
	}
	c.Managed = managed
	secret, err := f.Credential.seal()
	if err != nil {
		return Connection{}, TestResult{}, err
	}
	err = s.Store.InTx(ctx, "connection.add", func(tx *store.Tx) error {
		if err := insert(ctx, tx, c); err != nil {
			return err
		}
		if err := replaceMailboxes(ctx, tx, c.ID, c.Mailboxes); err != nil {
			return err
		}
		if err := replaceSites(ctx, tx, c.ID, c.SiteStates); err != nil {
			return err
		}
		if err := replaceTeams(ctx, tx, c.ID, c.TeamStates); err != nil {
			return err
		}
		if err := s.Vault.Put(ctx, tx, credentialRef(c.ID), secret); err != nil {
			return err
		}
		if err := serve(ctx, tx, c); err != nil {
			return err
		}
		if err := s.Jobs.Schedule(ctx, tx, CheckJob, c.ID, s.Clock.Now().Add(retryPending)); err != nil {
			return err
		}
		if err := s.changed(ctx, tx, c.ID); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "connection.add", Target: c.ID, Outcome: "done",
			Detail: map[string]any{"tenant": c.TenantID, "client": c.ClientID, "kind": c.Kind, "capabilities": c.Capabilities, "sites": c.Sites, "teams": c.Teams, "sites_selected": c.SitesSelected, "mailboxes_limited": c.MailboxesLimited}})
	})
	if store.IsDuplicate(err) {
		err = &fault.Error{Kind: fault.Conflict, Code: "name_taken", Message: "There is a connection of that name already", Fix: "Use another name", Who: "you"}
	}
	if err != nil {
		return Connection{}, TestResult{}, err
	}
	return s.Prove(ctx, c.ID)
}

// Prove examines a saved connection and gives it as it is then.
func (s *Service) Prove(ctx context.Context, idOrName string) (Connection, TestResult, error) {
	lines, err := s.Doctor(ctx, idOrName)
	if err != nil {
		return Connection{}, TestResult{}, err
	}
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return c, TestResult{}, err
	}
	t := TestResult{OK: c.State == Healthy, Tenant: c.TenantName, Proof: c.Proof, Mailboxes: c.Mailboxes, Lines: lines, Problem: c.Reason}
	t.Message = fmt.Sprintf("Connected to %s — %d mailboxes configured", c.TenantName, len(c.Mailboxes))
	if !t.OK && c.Reason != nil {
		t.Message = "Not connected yet: " + c.Reason.Title
	}
	return c, t, nil
}

// serve makes the connection the one that serves its capabilities in its tenant, where none does yet.
func serve(ctx context.Context, tx *store.Tx, c Connection) error {
	if _, err := tx.ExecContext(ctx, "delete from connection_serving where connection = $1", c.ID); err != nil {
		return err
	}
	if c.Kind == m365.Delegated {
		return nil // it serves its owner, not the tenant
	}
	for _, k := range c.Capabilities {
		if _, err := tx.ExecContext(ctx, "insert into connection_serving (tenant_id, capability, connection) values ($1, $2, $3) on conflict (tenant_id, capability) do nothing",
			string(c.TenantID), string(k), c.ID); err != nil {
			return err
		}
	}
	return nil
}

// Serving is which connection serves a capability in a tenant, and who else could.
type Serving struct {
	Tenant     m365.TenantID   `json:"tenant_id"`
	Capability m365.Capability `json:"capability"`
	Connection string          `json:"connection"`
	Overlaps   []string        `json:"overlaps,omitempty"` // names of other connections with the same capability
}

// ServingTable lists every capability of every tenant with the one connection that serves it.
func (s *Service) ServingTable(ctx context.Context) ([]Serving, error) {
	all, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, c := range all {
		names[c.ID] = c.Name
	}
	rows, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (v Serving, err error) {
		return v, r.Scan(&v.Tenant, &v.Capability, &v.Connection)
	}, "select tenant_id, capability, connection from connection_serving order by tenant_id, capability")
	for i := range rows {
		for _, c := range all {
			if c.Kind == m365.Application && c.TenantID == rows[i].Tenant && c.Serves(rows[i].Capability) && c.ID != rows[i].Connection {
				rows[i].Overlaps = append(rows[i].Overlaps, c.Name)
			}
		}
		rows[i].Connection = names[rows[i].Connection]
	}
	return rows, err
}

// TakeOver makes the connection serve a capability of its tenant in another's place.
func (s *Service) TakeOver(ctx context.Context, by access.Caller, idOrName string, k m365.Capability) error {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return err
	}
	if !c.Serves(k) || c.Kind == m365.Delegated {
		return fault.BadField("capability", "%s is not something %s can serve for its tenant", k, c.Name)
	}
	return s.Store.InTx(ctx, "connection.serve", func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, `insert into connection_serving (tenant_id, capability, connection) values ($1, $2, $3)
			on conflict (tenant_id, capability) do update set connection = excluded.connection`, string(c.TenantID), string(k), c.ID); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "connection.serve", Target: c.ID, Outcome: "done", Detail: map[string]any{"capability": k}})
	})
}

// Edit is a change of what may change without a new proof of identity. Nil leaves a field alone.
type Edit struct {
	Name             *string            `json:"name,omitempty"`
	Capabilities     *[]m365.Capability `json:"capabilities,omitempty"`
	Mailboxes        *MailboxList       `json:"mailboxes,omitempty"`
	Sites            *[]string          `json:"sites,omitempty"`
	Teams            *[]string          `json:"teams,omitempty"`
	SitesSelected    *bool              `json:"sites_selected,omitempty"`
	MailboxesLimited *bool              `json:"mailboxes_limited,omitempty"`
	MailboxOutside   *string            `json:"mailbox_outside,omitempty"`
	ReadOnly         *bool              `json:"read_only,omitempty"`
	Allowed          *[]string          `json:"allowed_actions,omitempty"`
	Version          int64              `json:"version,omitempty"` // refuse when somebody else was faster; zero: do not ask
}

// Change applies an edit and proves the connection anew.
func (s *Service) Change(ctx context.Context, by access.Caller, idOrName string, e Edit) (Connection, TestResult, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return c, TestResult{}, err
	}
	if e.Version != 0 && e.Version != c.Version {
		return c, TestResult{}, &fault.Error{Kind: fault.Conflict, Code: "changed_meanwhile", Message: "The connection was changed since you loaded it", Fix: "Load it again and repeat your change", Who: "you"}
	}
	f := formOf(c)
	e.apply(&f)
	f.normalise(s.DefaultCloud)
	if err := invalid(f.check()); err != nil {
		return c, TestResult{}, err
	}
	if err := widens(by, c, f.Capabilities); err != nil {
		return c, TestResult{}, err
	}
	c.Name, c.Capabilities, c.SitesSelected, c.ReadOnly, c.Allowed = f.Name, f.Capabilities, f.SitesSelected, f.ReadOnly, f.Allowed
	c.MailboxesLimited, c.MailboxOutside = f.MailboxesLimited, f.MailboxOutside
	c.setSites(mergeSites(c.SiteStates, f.Sites))
	c.setTeams(mergeTeams(c.TeamStates, f.Teams))
	mailboxes := mergeMailboxes(c.Mailboxes, f.Mailboxes)
	err = s.Store.InTx(ctx, "connection.change", func(tx *store.Tx) error {
		if err := update(ctx, tx, c); err != nil {
			return err
		}
		if err := replaceMailboxes(ctx, tx, c.ID, mailboxes); err != nil {
			return err
		}
		if err := replaceSites(ctx, tx, c.ID, c.SiteStates); err != nil {
			return err
		}
		if err := replaceTeams(ctx, tx, c.ID, c.TeamStates); err != nil {
			return err
		}
		if err := serve(ctx, tx, c); err != nil {
			return err
		}
		if err := s.changed(ctx, tx, c.ID); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "connection.change", Target: c.ID, Outcome: "done",
			Detail: map[string]any{"capabilities": c.Capabilities, "mailboxes": len(mailboxes), "sites": c.Sites, "teams": c.Teams, "sites_selected": c.SitesSelected, "mailboxes_limited": c.MailboxesLimited, "read_only": c.ReadOnly}})
	})
	if err != nil {
		return c, TestResult{}, err
	}
	return s.Prove(ctx, c.ID)
}

func (e Edit) apply(f *Form) {
	if e.Name != nil {
		f.Name = *e.Name
	}
	if e.Capabilities != nil {
		f.Capabilities = *e.Capabilities
	}
	if e.Mailboxes != nil {
		f.Mailboxes = *e.Mailboxes
	}
	if e.Sites != nil {
		f.Sites = *e.Sites
	}
	if e.Teams != nil {
		f.Teams = *e.Teams
	}
	if e.SitesSelected != nil {
		f.SitesSelected = *e.SitesSelected
	}
	if e.MailboxesLimited != nil {
		f.MailboxesLimited = *e.MailboxesLimited
	}
	if e.MailboxOutside != nil {
		f.MailboxOutside = *e.MailboxOutside
	}
	if e.ReadOnly != nil {
		f.ReadOnly = *e.ReadOnly
	}
	if e.Allowed != nil {
		f.Allowed = *e.Allowed
	}
}

// formOf is the connection as a form, with a credential that passes the check: the real one stays sealed.
func formOf(c Connection) Form {
	f := Form{Name: c.Name, Kind: c.Kind, Cloud: c.Cloud, TenantID: c.TenantID, ClientID: c.ClientID, AccountTypes: c.AccountTypes, Owner: c.Owner,
		Capabilities: c.Capabilities, Sites: slices.Clone(c.Sites), Teams: slices.Clone(c.Teams), SitesSelected: c.SitesSelected, MailboxesLimited: c.MailboxesLimited, MailboxOutside: c.MailboxOutside, ReadOnly: c.ReadOnly, Allowed: c.Allowed,
		Credential: CredentialForm{Type: "federated", TokenFile: "unchanged"}}
	for _, m := range c.Mailboxes {
		f.Mailboxes = append(f.Mailboxes, MailboxEntry{m.Address, m.Purposes})
	}
	return f
}

// mergeMailboxes keeps what is known of addresses that stay.
func mergeMailboxes(old []Mailbox, entered MailboxList) []Mailbox {
	var out []Mailbox
	for _, m := range entered {
		i := slices.IndexFunc(old, func(o Mailbox) bool { return o.Address == m.Address })
		next := Mailbox{Address: m.Address, Status: Unchecked}
		if i >= 0 {
			next = old[i]
		}
		next.Purposes = m.Purposes
		out = append(out, next)
	}
	return out
}

// Pause stops all work on the connection, or lets it go on.
func (s *Service) Pause(ctx context.Context, by access.Caller, idOrName string, pause bool) error {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return err
	}
	c.paused = pause
	word := map[bool]string{true: "connection.pause", false: "connection.resume"}[pause]
	return s.Store.InTx(ctx, "connection.pause", func(tx *store.Tx) error {
		if err := update(ctx, tx, c); err != nil {
			return err
		}
		if err := s.Jobs.Schedule(ctx, tx, CheckJob, c.ID, s.Clock.Now()); err != nil {
			return err
		}
		if err := s.changed(ctx, tx, c.ID); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: word, Target: c.ID, Outcome: "done"})
	})
}

// Rotate replaces the credential. The old one serves until a token was got with the new one; at no moment is there none.
func (s *Service) Rotate(ctx context.Context, by access.Caller, idOrName string, next CredentialForm) (Connection, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return c, err
	}
	return s.replace(ctx, by, c, c.ClientID, next, "connection.rotate")
}

// ReplaceApp moves the connection to another app registration, on the same id: mailboxes, history and names stay.
// The new one is verified before the old one retires.
func (s *Service) ReplaceApp(ctx context.Context, by access.Caller, idOrName string, client m365.ClientID, next CredentialForm) (Connection, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return c, err
	}
	return s.replace(ctx, by, c, client, next, "connection.replace_app")
}

func (s *Service) replace(ctx context.Context, by access.Caller, c Connection, client m365.ClientID, next CredentialForm, word string) (Connection, error) {
	f := formOf(c)
	f.ClientID, f.Credential = client, next
	f.normalise(s.DefaultCloud)
	if err := invalid(f.check()); err != nil {
		return c, err
	}
	if err := s.stage(ctx, by, c, staged{ClientID: f.ClientID, By: by.String(), Word: word, Credential: f.Credential}); err != nil {
		return c, err
	}
	if err := s.promote(ctx, c); err != nil {
		if e := s.unstage(ctx, c, by.String(), word); e != nil {
			return c, e
		}
		return c, err
	}
	if _, err := s.Doctor(ctx, c.ID); err != nil {
		return c, err
	}
	return s.Lookup(ctx, c.ID)
}

// Permissions is what the connection needs, has, and has too much.
type Permissions struct {
	Needed      []m365.Required `json:"needed"`
	ByExchange  []m365.Required `json:"by_exchange,omitempty" doc:"Not to be granted: Exchange gives them for the listed mailboxes, see connection.mailbox_script"`
	Granted     []string        `json:"granted"`
	Missing     []string        `json:"missing"`
	Superfluous []string        `json:"superfluous"`
	ReadAt      time.Time       `json:"read_at,omitzero"`
	ConsentURL  string          `json:"consent_url"`
	RedirectURI string          `json:"redirect_uri"`
	Setup       entra.Setup     `json:"setup"`
}

// Granted lists the permissions that the connection was last seen with.
func (s *Service) Granted(ctx context.Context, id string) ([]string, error) {
	return store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (p string, err error) { return p, r.Scan(&p) },
		"select permission from connection_grant where connection = $1 order by permission", id)
}

// ReadPermissions compares what is needed with the grants last seen.
func (s *Service) ReadPermissions(ctx context.Context, idOrName string) (Permissions, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return Permissions{}, err
	}
	granted, err := s.Granted(ctx, c.ID)
	if err != nil {
		return Permissions{}, err
	}
	setup, err := entra.NewSetup(c.asks(), "Seneschal "+c.Name, s.Redirect())
	if err != nil {
		return Permissions{}, err
	}
	p := Permissions{Needed: setup.Permissions, ByExchange: c.asks().FromExchange(), Granted: granted, Missing: []string{}, Superfluous: []string{}, ReadAt: c.grantsReadAt, RedirectURI: s.Redirect(), Setup: setup}
	lines, err := s.LastLines(ctx, c.ID)
	if err != nil {
		return p, err
	}
	for _, l := range lines {
		p.Missing = append(p.Missing, difference(l.Missing, p.Missing)...)
		if l.State == LineSuperfluous {
			p.Superfluous = l.Granted
		}
	}
	p.ConsentURL, err = s.adminConsentLink(c, "")
	return p, err
}

// Disconnected says what was done and what only an administrator can.
type Disconnected struct {
	Name  string   `json:"name"`
	Steps []string `json:"steps"`
}

// Remove erases the connection with its credential and tokens.
func (s *Service) Remove(ctx context.Context, by access.Caller, idOrName string) (Disconnected, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return Disconnected{}, err
	}
	if s.Leaving != nil {
		if b, err := s.bind(ctx, c, ""); err == nil {
			s.Leaving(ctx, b)
		}
	}
	err = s.Store.InTx(ctx, "connection.remove", func(tx *store.Tx) error {
		if err := s.eraseEntry(ctx, tx, c.ID); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: "connection.remove", Target: c.ID, Outcome: "done", Detail: map[string]any{"tenant": c.TenantID, "client": c.ClientID}})
	})
	s.forget(c.ID)
	e, _ := s.Endpoints(c.Cloud)
	return Disconnected{Name: c.Name, Steps: []string{
		"Subscriptions are deleted at Microsoft; credential and tokens are erased here.",
		fmt.Sprintf("An administrator removes the consent in the tenant: %s → Enterprise applications → %s → Properties → Delete", e.Portal, url.PathEscape(string(c.ClientID))),
	}}, err
}

// Export gives what connections hold of a person: mailboxes listed under an address, and accounts signed in.
func (s *Service) Export(ctx context.Context, person string) (any, error) {
	return store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (m map[string]any, err error) {
		var connection, address, name string
		err = r.Scan(&connection, &address, &name)
		return map[string]any{"connection": connection, "mailbox": address, "display_name": name}, err
	}, `select connection, address, display_name from connection_mailbox where address = $1 or upn = $2
		union all select id, mailbox_outside, '' from connection_entry where mailbox_outside = $3 order by connection`, lower(person), lower(person), lower(person))
}

// Erase takes a person's mailboxes off all lists and ends the person's own connections.
func (s *Service) Erase(ctx context.Context, tx *store.Tx, person string) (int64, error) {
	lists, err := store.Select(ctx, tx, ids, "delete from connection_mailbox where address = $1 or lower(upn) = $2 returning connection", lower(person), lower(person))
	if err != nil {
		return 0, err
	}
	outside, err := store.Select(ctx, tx, ids, "update connection_entry set mailbox_outside = '' where mailbox_outside = $1 returning id", lower(person))
	if err != nil {
		return 0, err
	}
	lists = append(lists, outside...)
	if _, err := tx.ExecContext(ctx, "delete from connection_check where capability = $1", lineOfLimited); err != nil { // it may name anybody; the next look writes it anew
		return 0, err
	}
	owned, err := store.Select(ctx, tx, ids, "select id from connection_entry where owner = $1 or lower(account_upn) = $2", person, lower(person))
	if err != nil {
		return 0, err
	}
	for _, id := range slices.Compact(lists) { // the doctor's lines name mailboxes; the next look writes them anew
		if _, err := tx.ExecContext(ctx, "delete from connection_check where connection = $1", id); err != nil {
			return 0, err
		}
		if _, err := tx.ExecContext(ctx, "update connection_entry set version = version + 1, list_version = list_version + 1 where id = $1", id); err != nil {
			return 0, err
		}
		if err := s.Jobs.Schedule(ctx, tx, CheckJob, id, s.Clock.Now()); err != nil {
			return 0, err
		}
		if err := s.changed(ctx, tx, id); err != nil {
			return 0, err
		}
	}
	for _, id := range owned {
		if err := s.eraseEntry(ctx, tx, id); err != nil {
			return 0, err
		}
	}
	tx.AfterCommit(func() {
		for _, id := range owned {
			s.forget(id)
		}
	})
	return int64(len(lists) + len(owned)), nil
}

func ids(r store.Scanner) (id string, err error) { return id, r.Scan(&id) }

// eraseEntry takes a connection away with its credential, tokens and job.
func (s *Service) eraseEntry(ctx context.Context, tx *store.Tx, id string) error {
	if err := s.Vault.Delete(ctx, tx, "connection/"+id); err != nil {
		return err
	}
	if err := s.Jobs.Cancel(ctx, tx, CheckJob, id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "delete from connection_entry where id = $1", id); err != nil {
		return err
	}
	return s.changed(ctx, tx, id)
}

// LeaveOwned lets everything that a person's own connections hold at Microsoft end, as well as that goes.
func (s *Service) LeaveOwned(ctx context.Context, person string) {
	all, err := s.List(ctx)
	if err != nil || s.Leaving == nil {
		return
	}
	for _, c := range all {
		if c.Owner != person {
			continue
		}
		if b, err := s.bind(ctx, c, ""); err == nil {
			s.Leaving(ctx, b)
		}
	}
}
