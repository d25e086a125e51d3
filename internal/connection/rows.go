package connection

import (
	"context"
	"encoding/json"
	"time"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

const columns = `id, name, kind, cloud, tenant_id, tenant_name, client_id, credential_type, credential_expires, credential_note, account_types, owner,
	account_id, account_upn, capabilities, allowed_actions, read_only, paused, managed, state, reason, since, proof_at, proof_request, next_check,
	grants_read_at, reminded_days, consent, version, created_at, list_version, sites_selected, mailboxes_limited, mailbox_outside`

func scan(s store.Scanner) (c Connection, err error) {
	var capabilities, allowed, reason string
	var expires, readOnly, paused, managed, selected, limited, since, proofAt, next, grants, created int64
	err = s.Scan(&c.ID, &c.Name, &c.Kind, &c.Cloud, &c.TenantID, &c.TenantName, &c.ClientID, &c.Credential.Type, &expires, &c.Credential.Note, &c.AccountTypes, &c.Owner,
		&c.accountID, &c.Account, &capabilities, &allowed, &readOnly, &paused, &managed, &c.State, &reason, &since, &proofAt, &c.Proof.RequestID, &next,
		&grants, &c.remindedDays, &c.Consent, &c.Version, &created, &c.listVersion, &selected, &limited, &c.MailboxOutside)
	if err != nil {
		return c, err
	}
	c.Credential.ExpiresAt, c.Since, c.Proof.At, c.NextCheck = store.Time(expires), store.Time(since), store.Time(proofAt), store.Time(next)
	c.grantsReadAt, c.CreatedAt = store.Time(grants), store.Time(created)
	c.ReadOnly, c.paused, c.Managed, c.SitesSelected, c.MailboxesLimited = readOnly != 0, paused != 0, managed != 0, selected != 0, limited != 0
	if reason != "" {
		c.Reason = &fault.Problem{}
		if err := json.Unmarshal([]byte(reason), c.Reason); err != nil {
			return c, err
		}
	}
	if err := json.Unmarshal([]byte(capabilities), &c.Capabilities); err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(allowed), &c.Allowed)
}

func insert(ctx context.Context, tx *store.Tx, c Connection) error {
	capabilities, _ := json.Marshal(c.Capabilities) // strings always encode
	allowed, _ := json.Marshal(c.Allowed)
	_, err := tx.ExecContext(ctx, "insert into connection_entry ("+columns+`) values
		($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)`,
		c.ID, c.Name, string(c.Kind), string(c.Cloud), string(c.TenantID), c.TenantName, string(c.ClientID), c.Credential.Type, store.Millis(c.Credential.ExpiresAt), c.Credential.Note,
		string(c.AccountTypes), c.Owner, c.accountID, c.Account, string(capabilities), string(allowed), number(c.ReadOnly), number(c.paused), number(c.Managed),
		string(c.State), encodeReason(c.Reason), store.Millis(c.Since), store.Millis(c.Proof.At), c.Proof.RequestID, store.Millis(c.NextCheck),
		store.Millis(c.grantsReadAt), c.remindedDays, c.Consent, c.Version, store.Millis(c.CreatedAt), c.listVersion, number(c.SitesSelected), number(c.MailboxesLimited), c.MailboxOutside)
	return err
}

// update writes what was configured where the version is still the one read, and raises it.
func update(ctx context.Context, tx *store.Tx, c Connection) error {
	capabilities, _ := json.Marshal(c.Capabilities)
	allowed, _ := json.Marshal(c.Allowed)
	n, err := store.Affected(ctx, tx, `update connection_entry set name = $1, cloud = $2, tenant_id = $3, client_id = $4, credential_type = $5, credential_expires = $6,
		credential_note = $7, account_types = $8, owner = $9, account_id = $10, account_upn = $11, capabilities = $12, allowed_actions = $13, read_only = $14, paused = $15,
		managed = $16, reminded_days = $17, sites_selected = $18, mailboxes_limited = $19, mailbox_outside = $20, version = version + 1 where id = $21 and version = $22`,
		c.Name, string(c.Cloud), string(c.TenantID), string(c.ClientID), c.Credential.Type, store.Millis(c.Credential.ExpiresAt),
		c.Credential.Note, string(c.AccountTypes), c.Owner, c.accountID, c.Account, string(capabilities), string(allowed), number(c.ReadOnly), number(c.paused),
		number(c.Managed), c.remindedDays, number(c.SitesSelected), number(c.MailboxesLimited), c.MailboxOutside, c.ID, c.Version)
	if err == nil && n == 0 {
		err = &fault.Error{Kind: fault.Conflict, Code: "changed_meanwhile", Message: "The connection was changed by somebody else in this moment",
			Fix: "Load it again and repeat your change", Who: "you"}
	}
	return err
}

// updateHealth writes what was found out. It disturbs nobody's edit, so it neither asks for the version nor raises it.
// told is what the last look at a connection left behind.
type told struct {
	state               State
	since, grantsReadAt time.Time
	remindedDays        int
	version             int64
}

// lastTold locks the connection's row until the transaction ends and reads what was found last.
func lastTold(ctx context.Context, tx *store.Tx, id string) (t told, err error) {
	var since, grants int64
	err = tx.QueryRowContext(ctx, "update connection_entry set next_check = next_check where id = $1 returning state, since, grants_read_at, reminded_days, version", id).
		Scan(&t.state, &since, &grants, &t.remindedDays, &t.version)
	t.since, t.grantsReadAt = store.Time(since), store.Time(grants)
	return t, err
}

func updateHealth(ctx context.Context, tx *store.Tx, c Connection) error {
	_, err := tx.ExecContext(ctx, `update connection_entry set tenant_name = $1, state = $2, reason = $3, since = $4, proof_at = $5, proof_request = $6, next_check = $7,
		grants_read_at = $8, reminded_days = $9, consent = $10 where id = $11`,
		c.TenantName, string(c.State), encodeReason(c.Reason), store.Millis(c.Since), store.Millis(c.Proof.At), c.Proof.RequestID, store.Millis(c.NextCheck),
		store.Millis(c.grantsReadAt), c.remindedDays, c.Consent, c.ID)
	return err
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func encodeReason(p *fault.Problem) string {
	if p == nil {
		return ""
	}
	text, _ := json.Marshal(p) // a problem always encodes
	return string(text)
}

func replaceMailboxes(ctx context.Context, tx *store.Tx, connection string, list []Mailbox) error {
	if _, err := tx.ExecContext(ctx, "delete from connection_mailbox where connection = $1", connection); err != nil {
		return err
	}
	for _, m := range list {
		purposes, _ := json.Marshal(m.Purposes)
		if _, err := tx.ExecContext(ctx, `insert into connection_mailbox (connection, address, purposes, status, object_id, display_name, upn, note, checked_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			connection, m.Address, string(purposes), string(m.Status), m.ObjectID, m.DisplayName, m.UPN, m.Note, store.Millis(m.CheckedAt)); err != nil {
			return err
		}
	}
	return listChanged(ctx, tx, connection)
}

func readMailboxes(ctx context.Context, q store.Querier, connection string) (map[string][]Mailbox, error) {
	type owned struct {
		connection string
		Mailbox
	}
	rows, err := store.Select(ctx, q, func(s store.Scanner) (o owned, err error) {
		var purposes string
		var checked int64
		if err = s.Scan(&o.connection, &o.Address, &purposes, &o.Status, &o.ObjectID, &o.DisplayName, &o.UPN, &o.Note, &checked); err != nil {
			return o, err
		}
		o.CheckedAt = store.Time(checked)
		return o, json.Unmarshal([]byte(purposes), &o.Purposes)
	}, `select connection, address, purposes, status, object_id, display_name, upn, note, checked_at from connection_mailbox
		where ($1 = '' or connection = $2) order by connection, address`, connection, connection)
	if err != nil {
		return nil, err
	}
	out := map[string][]Mailbox{}
	for _, r := range rows {
		out[r.connection] = append(out[r.connection], r.Mailbox)
	}
	return out, nil
}

// List gives all connections by name.
func (s *Service) List(ctx context.Context) ([]Connection, error) {
	all, err := store.Select(ctx, s.Store.Reader(), scan, "select "+columns+" from connection_entry order by name")
	if err != nil {
		return nil, err
	}
	mailboxes, err := readMailboxes(ctx, s.Store.Reader(), "")
	if err != nil {
		return nil, err
	}
	sites, err := readSites(ctx, s.Store.Reader(), "")
	if err != nil {
		return nil, err
	}
	teams, err := readTeams(ctx, s.Store.Reader(), "")
	for i := range all {
		all[i].Mailboxes = mailboxes[all[i].ID]
		all[i].setSites(sites[all[i].ID])
		all[i].setTeams(teams[all[i].ID])
	}
	return all, err
}

// Lookup finds a connection by id or name.
func (s *Service) Lookup(ctx context.Context, idOrName string) (Connection, error) {
	c, err := s.entry(ctx, idOrName)
	if err != nil {
		return c, err
	}
	return c, s.readLists(ctx, &c)
}

// readLists reads what a connection may reach.
func (s *Service) readLists(ctx context.Context, c *Connection) error {
	mailboxes, err := readMailboxes(ctx, s.Store.Reader(), c.ID)
	if err != nil {
		return err
	}
	sites, err := readSites(ctx, s.Store.Reader(), c.ID)
	if err != nil {
		return err
	}
	teams, err := readTeams(ctx, s.Store.Reader(), c.ID)
	c.Mailboxes = mailboxes[c.ID]
	c.setSites(sites[c.ID])
	c.setTeams(teams[c.ID])
	return err
}
