package connection

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/wire"
)

// CheckJob is the kind of job that keeps connections proven.
const CheckJob = "connection.check"

const (
	checkEvery   = 10 * time.Minute // well inside freshFor, so that one missed check leaves a connection green
	retryPending = time.Minute      // verification continues by itself after consent
	grantsEvery  = 24 * time.Hour
	pausedEvery  = 24 * time.Hour // a paused delegated grant is still refreshed, or it would die of disuse
)

// reminders are the days before a credential's end at which admins are told.
var reminders = []int{60, 30, 14, 7, 1}

// Check is the job: it looks at the connection, writes down what it found, and says when to look again.
func (s *Service) Check(ctx context.Context, id string, _ int) (time.Time, error) {
	c, err := s.Lookup(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	if c, err = s.finishRotation(ctx, c); err != nil {
		return time.Time{}, err
	}
	if c.paused {
		return s.keepAlive(ctx, c)
	}
	// Grants are read from a new token once a day, and after a refusal (Suspect); in between the token at hand tells them.
	fresh := s.Clock.Now().Sub(c.grantsReadAt) > grantsEvery
	if _, err := s.look(wire.WithPriority(ctx, wire.Backfill), c, fresh); err != nil {
		return time.Time{}, err
	}
	c, err = s.Lookup(ctx, id)
	return c.NextCheck, err
}

func (s *Service) keepAlive(ctx context.Context, c Connection) (time.Time, error) {
	if c.Kind == m365.Delegated && c.accountID != "" {
		tokens, err := s.tokens(ctx, c)
		if err != nil {
			return time.Time{}, err
		}
		if _, err := tokens.Token(ctx, wire.Refresh{Force: true}); err != nil && fault.KindOf(err) == fault.Unavailable {
			return time.Time{}, err
		}
	}
	return s.Clock.Now().Add(pausedEvery), nil
}

// Doctor examines the connection now, with a new token, and writes the result down. The lines come worst first.
func (s *Service) Doctor(ctx context.Context, idOrName string) ([]Line, error) {
	c, err := s.Lookup(ctx, idOrName)
	if err != nil {
		return nil, err
	}
	return s.look(wire.WithPriority(ctx, wire.Interactive), c, true)
}

// look examines a connection. A token fetched before a consent or its withdrawal tells old grants: a fresh one is fetched where asked
// for, and whenever the one at hand lacks something.
func (s *Service) look(ctx context.Context, c Connection, fresh bool) ([]Line, error) {
	tokens, err := s.tokens(ctx, c)
	if err != nil {
		return nil, err
	}
	r := report{tenantName: c.TenantName, mailboxes: c.Mailboxes, sites: c.SiteStates, teams: c.TeamStates}
	if fresh {
		// While the sign-in service only does not answer, the token at hand still proves what works.
		if f := fault.As(tokens.Forget(ctx)); f != nil && f.Kind != fault.Unavailable && f.Kind != fault.Throttled {
			r.block(c, f)
			return r.lines, s.record(ctx, c, r, fresh)
		}
	}
	r = s.examine(ctx, c, tokens, fresh)
	if !fresh && r.lacksSomething() && tokens.Forget(ctx) == nil {
		r, fresh = s.examine(ctx, c, tokens, false), true
	}
	return r.lines, s.record(ctx, c, r, fresh)
}

// Suspect has the connection looked at now with a new token: somebody was refused.
func (s *Service) Suspect(ctx context.Context, tx *store.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, "update connection_entry set grants_read_at = 0 where id = $1", id); err != nil {
		return err
	}
	return s.Jobs.Schedule(ctx, tx, CheckJob, id, s.Clock.Now())
}

// Recheck has one of the connection's mailboxes, or all (""), looked up anew, soon.
func (s *Service) Recheck(ctx context.Context, tx *store.Tx, id, address string) error {
	if _, err := tx.ExecContext(ctx, "update connection_mailbox set checked_at = 0 where connection = $1 and ($2 = '' or address = $3)", id, address, address); err != nil {
		return err
	}
	return s.Jobs.Schedule(ctx, tx, CheckJob, id, s.Clock.Now())
}

// lacksSomething reports whether a newer token could change the verdict.
func (r report) lacksSomething() bool {
	return r.blocked == nil && slices.ContainsFunc(r.lines, func(l Line) bool { return l.State == LineMissing })
}

// LastLines gives what the last examination found, without asking Microsoft.
func (s *Service) LastLines(ctx context.Context, id string) ([]Line, error) {
	lines, err := store.Select(ctx, s.Store.Reader(), func(r store.Scanner) (l Line, err error) {
		var text string
		if err = r.Scan(&text); err != nil {
			return l, err
		}
		return l, json.Unmarshal([]byte(text), &l)
	}, "select line from connection_check where connection = $1 order by capability", id)
	sortLines(lines)
	return lines, err
}

// verdict is the state that a report means, and its reason.
func verdict(c Connection, r report) (State, *fault.Problem) {
	if r.blocked != nil {
		p := r.blocked.Problem()
		return stateOf(c, r.blocked), &p
	}
	worst := Healthy
	var reason *fault.Problem
	for _, l := range r.lines {
		if l.State != LineMissing && l.State != LineFailed && (l.State != LineCannotTell || l.Capability == lineOfRestricted || l.Capability == lineOfLimited) { // not to know what others would be refused takes nothing from what works
			continue
		}
		st := Degraded
		if l.kind == fault.NeedsAdmin {
			st = NeedsAdmin
		}
		if l.kind == fault.NeedsReauth {
			st = NeedsReauth
		}
		if worst == Healthy || (worst == Degraded && st != Degraded) {
			worst = st
			reason = &fault.Problem{Type: "about:blank", Title: l.Cause, Kind: l.kind, Code: l.Code, Fix: l.Fix, Who: l.Who}
		}
	}
	if worst == NeedsAdmin && neverProven(c) {
		return PendingConsent, reason
	}
	return worst, reason
}

func neverProven(c Connection) bool { return c.State == PendingConsent || c.State == Verifying }

// stateOf is what one blocking fault makes of the connection.
func stateOf(c Connection, f *fault.Error) State {
	consent := f.Code == "AADSTS65001" || f.Code == "AADSTS90094" || f.Code == "AADSTS90095" || f.Code == "not_signed_in"
	switch {
	case consent && neverProven(c):
		return PendingConsent
	case neverProven(c):
		return Verifying
	case f.Kind == fault.NeedsReauth:
		return NeedsReauth
	case f.Kind == fault.Throttled:
		return Throttled
	case f.Kind == fault.Unavailable || f.Kind == fault.UpstreamRefused || f.Kind == fault.Internal:
		return Failed
	default:
		return NeedsAdmin
	}
}

// record writes a report down: state, proof, mailboxes, lines and grants, with the events that follow, all at once. Looks may overlap, so
// what an earlier one told is read again under the row's lock: no event comes twice. One that began before the connection was changed tells of
// another app, credential or list, and whoever changed it looks anew: it is not written down.
func (s *Service) record(ctx context.Context, c Connection, r report, fresh bool) error {
	return s.Store.InTx(ctx, "connection.record", func(tx *store.Tx) error {
		old, err := lastTold(ctx, tx, c.ID)
		if store.IsNoRows(err) {
			return nil // removed meanwhile
		}
		if err != nil || old.version != c.Version {
			return err
		}
		c = s.found(c, old, r, fresh)
		if err := s.recordGrants(ctx, tx, c, r); err != nil {
			return err
		}
		if err := s.remind(ctx, tx, &c); err != nil {
			return err
		}
		if err := updateHealth(ctx, tx, c); err != nil {
			return err
		}
		if err := updateMailboxStatus(ctx, tx, c.ID, r.mailboxes); err != nil {
			return err
		}
		if err := updateSites(ctx, tx, c.ID, r.sites); err != nil {
			return err
		}
		if err := updateTeams(ctx, tx, c.ID, r.teams); err != nil {
			return err
		}
		if err := replaceLines(ctx, tx, c.ID, r.lines); err != nil {
			return err
		}
		if c.State == old.state {
			if otherAccount(c.Mailboxes, r.mailboxes) || otherSite(c.SiteStates, r.sites) {
				return s.changed(ctx, tx, c.ID)
			}
			return nil
		}
		if err := s.changed(ctx, tx, c.ID); err != nil { // what waited for this connection may go on
			return err
		}
		return s.tell(ctx, tx, c)
	})
}

// otherAccount reports whether an address belongs to another account than before.
func otherAccount(before, now []Mailbox) bool {
	for i, m := range now {
		if before[i].ObjectID != m.ObjectID {
			return true
		}
	}
	return false
}

// otherSite reports whether an address is another site than before, or a site at last.
func otherSite(before, now []Site) bool {
	return !slices.EqualFunc(before, now, func(b, n Site) bool { return b.ID == n.ID })
}

// found is the connection as the report shows it, told from what was known before.
func (s *Service) found(c Connection, old told, r report, fresh bool) Connection {
	now := s.Clock.Now()
	c.State = old.state
	c.State, c.Reason = verdict(c, r)
	c.Since, c.remindedDays, c.grantsReadAt = old.since, old.remindedDays, old.grantsReadAt
	if c.State != old.state || c.Since.IsZero() {
		c.Since = now
	}
	if !r.proof.At.IsZero() {
		c.Proof = r.proof
	}
	c.TenantName, c.NextCheck = r.tenantName, now.Add(checkEvery)
	if neverProven(c) {
		c.NextCheck = now.Add(retryPending)
	}
	if !r.grantsRead {
		return c
	}
	if fresh {
		c.grantsReadAt = now
	}
	if !hasMissing(r.lines) {
		c.Consent = "verified"
	}
	return c
}

func hasMissing(lines []Line) bool {
	return slices.ContainsFunc(lines, func(l Line) bool { return l.State == LineMissing })
}

// tell emits the event of a new state, for the states that have one.
func (s *Service) tell(ctx context.Context, tx *store.Tx, c Connection) error {
	types := map[State]event.Type{Healthy: event.Healthy, NeedsReauth: event.NeedsReauth, NeedsAdmin: event.NeedsAdmin, PendingConsent: event.NeedsAdmin}
	t, ok := types[c.State]
	if !ok {
		return nil
	}
	data := map[string]any{"state": c.State, "name": c.Name}
	if c.Reason != nil {
		data["code"], data["cause"], data["fix"], data["who"] = c.Reason.Code, c.Reason.Title, c.Reason.Fix, c.Reason.Who
	}
	return s.Events.Emit(ctx, tx, event.Event{Type: t, Connection: c.ID, Data: data})
}

// recordGrants compares the grants with those seen before; loss and surplus are events, the first look is neither.
func (s *Service) recordGrants(ctx context.Context, tx *store.Tx, c Connection, r report) error {
	if !r.grantsRead {
		return nil
	}
	before, err := store.Select(ctx, tx, func(s store.Scanner) (p string, err error) { return p, s.Scan(&p) },
		"select permission from connection_grant where connection = $1 order by permission", c.ID)
	if err != nil {
		return err
	}
	lost, gained := difference(before, r.granted), difference(r.granted, before)
	if len(lost)+len(gained) == 0 {
		return nil
	}
	for _, p := range lost {
		if _, err := tx.ExecContext(ctx, "delete from connection_grant where connection = $1 and permission = $2", c.ID, p); err != nil {
			return err
		}
	}
	for _, p := range gained {
		if _, err := tx.ExecContext(ctx, "insert into connection_grant (connection, permission, seen_at) values ($1, $2, $3) on conflict (connection, permission) do nothing",
			c.ID, p, store.Millis(s.Clock.Now())); err != nil {
			return err
		}
	}
	if len(before) == 0 {
		return nil
	}
	if err := s.Audit.Record(ctx, tx, audit.Entry{Actor: "system:doctor", Action: "connection.grants_changed", Target: c.ID, Outcome: "seen", Detail: map[string]any{"lost": lost, "gained": gained}}); err != nil {
		return err
	}
	return s.Events.Emit(ctx, tx, event.Event{Type: event.GrantsChanged, Connection: c.ID, Data: map[string]any{"name": c.Name, "lost": lost, "gained": gained}})
}

func difference(a, b []string) []string {
	out := []string{}
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// remind emits one reminder a threshold as the credential's end comes near.
func (s *Service) remind(ctx context.Context, tx *store.Tx, c *Connection) error {
	if c.Credential.ExpiresAt.IsZero() {
		return nil
	}
	left := int(c.Credential.ExpiresAt.Sub(s.Clock.Now()).Hours() / 24)
	reached := 0
	for _, days := range reminders {
		if left <= days {
			reached = days
		}
	}
	if reached == 0 || (c.remindedDays != 0 && c.remindedDays <= reached) {
		return nil
	}
	c.remindedDays = reached
	return s.Events.Emit(ctx, tx, event.Event{Type: event.SecretExpires, Connection: c.ID, Data: map[string]any{
		"name": c.Name, "credential": c.Credential.Type, "expires_at": c.Credential.ExpiresAt, "days_left": left,
		"fix": fmt.Sprintf("seneschal connection rotate %s", c.Name), "who": "an administrator of the app registration"}})
}

func updateMailboxStatus(ctx context.Context, tx *store.Tx, id string, list []Mailbox) error {
	for _, m := range list {
		if _, err := tx.ExecContext(ctx, `update connection_mailbox set status = $1, object_id = $2, display_name = $3, upn = $4, note = $5, checked_at = $6
			where connection = $7 and address = $8`, string(m.Status), m.ObjectID, m.DisplayName, m.UPN, m.Note, store.Millis(m.CheckedAt), id, m.Address); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return nil
	}
	return listChanged(ctx, tx, id)
}

func replaceLines(ctx context.Context, tx *store.Tx, id string, lines []Line) error {
	if _, err := tx.ExecContext(ctx, "delete from connection_check where connection = $1", id); err != nil {
		return err
	}
	for _, l := range lines {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		key := l.Capability
		if key == "mailbox" || key == lineOfSite || key == lineOfTeam {
			key += ":" + l.Title
		}
		if _, err := tx.ExecContext(ctx, "insert into connection_check (connection, capability, line) values ($1, $2, $3)", id, key, string(text)); err != nil {
			return err
		}
	}
	return nil
}
