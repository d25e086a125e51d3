package connection

import (
	"context"
	"encoding/json"

	"seneschal/internal/access"
	"seneschal/internal/audit"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
	"seneschal/internal/wire"
)

// staged is the next credential, sealed beside the present one until it is proven. A crash in between leaves both, and the next check
// of the connection goes on from there.
type staged struct {
	ClientID   m365.ClientID
	By, Word   string
	Credential CredentialForm `json:"-"`
}

type stagedText struct {
	staged
	Sealed string
}

func (s *Service) stage(ctx context.Context, by access.Caller, c Connection, next staged) error {
	cred, err := next.Credential.seal()
	if err != nil {
		return err
	}
	text, err := json.Marshal(stagedText{next, cred.Reveal()})
	if err != nil {
		return err
	}
	return s.Store.InTx(ctx, "connection.stage", func(tx *store.Tx) error {
		if err := s.Vault.Put(ctx, tx, nextRef(c.ID), vault.NewSecret(string(text))); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by.String(), Action: next.Word, Target: c.ID, Outcome: "claimed", Detail: map[string]any{"client": next.ClientID}})
	})
}

func (s *Service) readStaged(ctx context.Context, id string) (*staged, error) {
	secret, err := s.Vault.Get(ctx, s.Store.Reader(), nextRef(id))
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var t stagedText
	if err := json.Unmarshal([]byte(secret.Reveal()), &t); err != nil {
		return nil, err
	}
	t.Credential, err = unseal(vault.NewSecret(t.Sealed))
	return &t.staged, err
}

// promote proves the staged credential and then makes it the one, in one transaction; tokens of the old one go.
func (s *Service) promote(ctx context.Context, c Connection) error {
	next, err := s.readStaged(ctx, c.ID)
	if err != nil || next == nil {
		return err
	}
	proving := c
	proving.ClientID = next.ClientID
	if c.Kind == m365.Application { // a delegated one is proven at the next refresh: only the person could sign in anew
		if err := s.proveNext(ctx, proving, next.Credential, c.ClientID != next.ClientID); err != nil {
			return err
		}
	}
	_, info, err := next.Credential.entra()
	if err != nil {
		return err
	}
	secret, err := next.Credential.seal()
	if err != nil {
		return err
	}
	appChanged := c.ClientID != next.ClientID
	c.ClientID, c.Credential, c.remindedDays = next.ClientID, info, 0
	return s.Store.InTx(ctx, "connection.promote", func(tx *store.Tx) error {
		if err := update(ctx, tx, c); err != nil {
			return err
		}
		if err := s.Vault.Put(ctx, tx, credentialRef(c.ID), secret); err != nil {
			return err
		}
		if err := s.Vault.Delete(ctx, tx, nextRef(c.ID)); err != nil {
			return err
		}
		if c.Kind == m365.Application || appChanged {
			if err := s.Vault.Delete(ctx, tx, "connection/"+c.ID+"/token"); err != nil {
				return err
			}
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: next.By, Action: next.Word, Target: c.ID, Outcome: "done", Detail: map[string]any{"client": c.ClientID, "credential": c.Credential.Type}})
	})
}

// proveNext tries a credential alone. Another app must be let in everywhere the present one is for, too: a token says nothing of consent.
func (s *Service) proveNext(ctx context.Context, c Connection, form CredentialForm, anotherApp bool) error {
	tokens, err := s.newTokens(c, form, &memoryCache{}, "rotate/"+c.ID)
	if err != nil {
		return err
	}
	if _, err := tokens.Token(ctx, wire.Refresh{}); err != nil || !anotherApp {
		return err
	}
	r := s.examine(ctx, c, tokens, false)
	if r.blocked != nil {
		return r.blocked
	}
	for _, l := range r.lines { // the worst first
		if _, ok := m365.LookupCapability(m365.Capability(l.Capability)); ok && (l.State == LineMissing || l.State == LineFailed) {
			return &fault.Error{Kind: l.kind, Code: l.Code, Message: "The new app cannot do what the connection is for (" + l.Title + "); the present one stays", Cause: l.Cause, Fix: l.Fix, Who: l.Who}
		}
	}
	return nil
}

func (s *Service) unstage(ctx context.Context, c Connection, by, word string) error {
	return s.Store.InTx(ctx, "connection.unstage", func(tx *store.Tx) error {
		if err := s.Vault.Delete(ctx, tx, nextRef(c.ID)); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, audit.Entry{Actor: by, Action: word, Target: c.ID, Outcome: "refused"})
	})
}

// finishRotation goes on with a rotation that a crash interrupted, and gives the connection as it is then. A credential that does not work is
// dropped; the present one stays.
func (s *Service) finishRotation(ctx context.Context, c Connection) (Connection, error) {
	next, err := s.readStaged(ctx, c.ID)
	if err != nil || next == nil {
		return c, err
	}
	if err := s.promote(ctx, c); err != nil {
		if fault.KindOf(err) == fault.Unavailable || fault.KindOf(err) == fault.Conflict {
			return c, err // tried again
		}
		return c, s.unstage(ctx, c, next.By, next.Word)
	}
	return s.Lookup(ctx, c.ID)
}
