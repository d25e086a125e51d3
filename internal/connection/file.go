package connection

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"seneschal/internal/access"
	"seneschal/internal/fault"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

// declared is the connections file: connections with references to their secrets, never the secrets themselves.
type declared struct {
	Connections []struct {
		Form      `yaml:",inline"`
		Reference struct {
			SecretFile      string `yaml:"secret_file"`
			SecretEnv       string `yaml:"secret_env"`
			CertificateFile string `yaml:"certificate_file"`
			PasswordFile    string `yaml:"password_file"`
		} `yaml:"credential_from"`
	} `yaml:"connections"`
}

// ApplyFile brings declared connections in: new ones are added, present ones take the declared values, and all of them show as managed.
// Connections that are not declared stay as they are.
func (s *Service) ApplyFile(ctx context.Context, text []byte) error {
	var d declared
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil {
		return fileFault("is not readable: " + err.Error())
	}
	by := access.System("connections file")
	for i, c := range d.Connections {
		f := c.Form
		for _, r := range []struct {
			file, env string
			into      *vault.Secret
		}{
			{c.Reference.SecretFile, c.Reference.SecretEnv, &f.Credential.Secret},
			{c.Reference.CertificateFile, "", &f.Credential.Certificate},
			{c.Reference.PasswordFile, "", &f.Credential.Password},
		} {
			if err := resolveSecret(r.file, r.env, r.into); err != nil {
				return fileFault(fmt.Sprintf("connections[%d]: %v", i, err))
			}
		}
		if err := s.applyOne(ctx, by, f); err != nil {
			return fmt.Errorf("connections[%d] (%s): %w", i, f.Name, err)
		}
	}
	return nil
}

func resolveSecret(file, env string, into *vault.Secret) error {
	switch {
	case file != "":
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		*into = vault.NewSecret(strings.TrimSpace(string(text)))
	case env != "":
		value, ok := os.LookupEnv(env)
		if !ok {
			return fmt.Errorf("the environment has no %s", env)
		}
		*into = vault.NewSecret(value)
	}
	return nil
}

func (s *Service) applyOne(ctx context.Context, by access.Caller, f Form) error {
	have, err := s.Lookup(ctx, f.Name)
	if fault.KindOf(err) == fault.NotFound {
		_, _, err := s.add(ctx, by, f, true)
		return err
	}
	if err != nil {
		return err
	}
	if have.Kind != f.Kind || have.TenantID != f.TenantID {
		return fault.BadField("kind", "a connection of this name exists with another kind or tenant; rename one of the two")
	}
	f.normalise(s.DefaultCloud)
	if err := invalid(f.check()); err != nil {
		return err
	}
	same, err := s.sameCredential(ctx, have, f)
	if err != nil {
		return err
	}
	if !same {
		if _, err := s.replace(ctx, by, have, f.ClientID, f.Credential, "connection.rotate"); err != nil {
			return err
		}
		if have, err = s.Lookup(ctx, f.Name); err != nil {
			return err
		}
	}
	capabilities := ownersChoice(have, f.Capabilities)
	if _, _, err := s.Change(ctx, by, have.ID, Edit{Capabilities: &capabilities, Mailboxes: &f.Mailboxes, Sites: &f.Sites, Teams: &f.Teams, SitesSelected: &f.SitesSelected,
		MailboxesLimited: &f.MailboxesLimited, MailboxOutside: &f.MailboxOutside, ReadOnly: &f.ReadOnly, Allowed: &f.Allowed}); err != nil {
		return err
	}
	return s.Store.InTx(ctx, "connection.managed", func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "update connection_entry set managed = 1 where id = $1", have.ID)
		return err
	})
}

// sameCredential spares a rotation at every start.
func (s *Service) sameCredential(ctx context.Context, have Connection, f Form) (bool, error) {
	now, err := s.credential(ctx, have.ID)
	if err != nil {
		return false, err
	}
	a, err := now.seal()
	if err != nil {
		return false, err
	}
	b, err := f.Credential.seal()
	return have.ClientID == f.ClientID && a.Reveal() == b.Reveal(), err
}

func fileFault(message string) error {
	return &fault.Error{Kind: fault.Misconfigured, Code: "connections_file", Message: "The connections file " + message,
		Fix: "Correct the file named by SENESCHAL_CONNECTIONS_FILE; docs/operations.md shows one", Who: "the operator of this hub"}
}
