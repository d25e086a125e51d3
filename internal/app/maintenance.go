package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/config"
	"seneschal/internal/connection"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/jobs"
	"seneschal/internal/store"
	"seneschal/internal/vault"
)

func (p *process) backupCommand() *cobra.Command {
	parent := &cobra.Command{Use: "backup", Short: "Backups of the database."}
	parent.AddCommand(&cobra.Command{Use: "create FILE", Short: "Write a backup of the database while the hub runs. The master key is not in it: back that up apart.", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd, func(ctx context.Context, a *App) error {
				rows, err := a.backup(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.io.Out, "%d rows in %s\n", rows, args[0])
				return err
			})
		}})
	parent.AddCommand(&cobra.Command{Use: "restore FILE", Short: "Fill the empty database of the settings from a backup.", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := p.load(givenFlags(cmd.Root()))
			if err != nil {
				return err
			}
			rows, err := restore(cmd.Context(), c, p.surroundings(c), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.io.Out, "%d rows restored; the secrets opened with the master key\n", rows)
			return err
		}})
	return parent
}

func (a *App) backup(ctx context.Context, file string) (int, error) {
	f, err := os.OpenFile(file+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	rows, err := a.Store.Backup(ctx, f, a.Clock.Now())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return rows, errors.Join(err, os.Remove(f.Name()))
	}
	return rows, os.Rename(f.Name(), file)
}

// restore fills a fresh database, and proves that the master key at hand opens what is in it.
func restore(ctx context.Context, c *config.Config, s Surroundings, file string) (int, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	st, err := store.Open(ctx, c.DatabaseURL, s.Hook)
	if err != nil {
		return 0, err
	}
	defer func() { _ = st.Close() }()
	if err := st.Migrate(ctx, owners()...); err != nil {
		return 0, err
	}
	if err := jobs.Migrate(ctx, st); err != nil {
		return 0, err
	}
	rows, err := st.Restore(ctx, f)
	if err == nil {
		err = st.InTx(ctx, "app.restored", func(tx *store.Tx) error { return dispatch.Restored(ctx, tx) })
	}
	if err != nil {
		return rows, err
	}
	_, _, err = vault.Open(ctx, st, s.Clock, vault.MasterKey{File: c.KeyFile, Value: c.Key})
	return rows, err
}

// bundle is what a person may hand to whoever helps: no secret, no body, no token.
type bundle struct {
	At          time.Time                    `json:"at"`
	Version     string                       `json:"version"`
	Go          string                       `json:"go"`
	Settings    map[string]string            `json:"settings"`
	Database    store.Engine                 `json:"database"`
	Vault       vault.Status                 `json:"vault"`
	Audit       audit.Verdict                `json:"audit"`
	Connections []connection.Connection      `json:"connections"`
	Lines       map[string][]connection.Line `json:"doctor"`
	Events      []event.Event                `json:"events"`
	LastErrors  []action.Run                 `json:"last_errors"`
	Jobs        []jobs.Row                   `json:"jobs"`
}

func (p *process) supportCommand() *cobra.Command {
	return &cobra.Command{Use: "support-bundle [FILE]", Short: "Write redacted settings, states and last errors with request ids as JSON, for whoever helps.", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApp(cmd, func(ctx context.Context, a *App) error {
				b, err := a.bundle(ctx)
				if err != nil {
					return err
				}
				text, err := json.MarshalIndent(b, "", "  ")
				if err != nil {
					return err
				}
				if len(args) == 1 {
					return writeWhole(args[0], text)
				}
				_, err = fmt.Fprintln(p.io.Out, string(text))
				return err
			})
		}}
}

const bundleRows = 200

func (a *App) bundle(ctx context.Context) (bundle, error) {
	b := bundle{At: a.Clock.Now(), Version: Version, Go: runtime.Version(), Settings: a.redactedSettings(), Database: a.Store.Engine, Lines: map[string][]connection.Line{}}
	var err error
	keep := func(e error) { err = errors.Join(err, e) }
	var e error
	b.Vault, e = a.Vault.Status(ctx)
	keep(e)
	b.Audit, e = a.Audit.Verify(ctx)
	keep(e)
	b.Connections, e = a.Connections.List(ctx)
	keep(e)
	for _, c := range b.Connections {
		b.Lines[c.Name], e = a.Connections.LastLines(ctx, c.ID)
		keep(e)
	}
	b.Events, e = a.Events.List(ctx, event.Everybody(), event.Query{Limit: bundleRows})
	keep(e)
	runs, e := a.Runner.Runs(ctx, action.RunsQuery{Limit: bundleRows})
	keep(e)
	for _, r := range runs {
		if r.Problem != nil {
			b.LastErrors = append(b.LastErrors, r)
		}
	}
	b.Jobs, e = a.Jobs.Rows(ctx, bundleRows)
	keep(e)
	return b, err
}

func (a *App) redactedSettings() map[string]string {
	return map[string]string{
		"LISTEN": a.Config.Listen, "PUBLIC_URL": a.base(), "DATABASE": string(a.Store.Engine), "KEY_FILE": a.Config.KeyFile, "CLOUD": string(a.Config.Cloud),
		"LOGIN_URL": a.Config.LoginURL, "GRAPH_URL": a.Config.GraphURL, "INSTANCE": a.Config.Instance, "CONNECTIONS_FILE": a.Config.ConnectionsFile,
	}
}

// traced is the path of one run, from the tables.
type traced struct {
	Run   action.Run    `json:"run"`
	Audit []audit.Entry `json:"audit"`
}

func (p *process) traceCommand() *cobra.Command {
	return &cobra.Command{Use: "trace ID", Short: "Print the path of a run from the tables.", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return p.withApp(cmd, func(ctx context.Context, a *App) error {
			run, err := a.Runner.LookupRun(ctx, args[0])
			if err != nil {
				return err
			}
			entries, err := a.Audit.OfRun(ctx, run.ID)
			if err != nil {
				return err
			}
			text, err := json.MarshalIndent(traced{run, entries}, "", "  ")
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.io.Out, string(text))
			return err
		})
	}}
}

// connectCommand is the guided way for a person: it says what is needed before asking for it.
func (p *process) connectCommand() *cobra.Command {
	return &cobra.Command{Use: "connect", Short: "Say what a new connection needs and how to enter it.", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		_, err := fmt.Fprint(p.io.Out, connectHelp)
		return err
	}}
}

const connectHelp = `A connection is one app registration in one Microsoft 365 tenant.

In the console the wizard leads through it: open the hub and choose "Add connection".

Here, write a file and hand it over:

  {
    "name": "contoso",
    "kind": "application",                 application: as the app itself; delegated: on behalf of one person
    "tenant_id": "…", "client_id": "…",    from the app registration's Overview page
    "credential": {"type": "secret", "secret": "…"},   or certificate, federated
    "capabilities": ["directory", "mail", "calendar"],
    "mailboxes": "ana@contoso.example, bo@contoso.example"
  }

  seneschal connection try --input connection.json     tries it with real calls and saves nothing
  seneschal connection add --input connection.json     saves and proves it
  seneschal connection permissions contoso             permissions, consent link, set-up scripts
  seneschal doctor                                     what works, what does not, and the exact fix
`

// applyConnectionsFile brings the declared connections in, if a file is set.
func (a *App) applyConnectionsFile(ctx context.Context) error {
	if a.Config.ConnectionsFile == "" {
		return nil
	}
	text, err := os.ReadFile(a.Config.ConnectionsFile)
	if err != nil {
		return &fault.Error{Kind: fault.Misconfigured, Code: "connections_file", Message: "The connections file cannot be read", Fix: "Check SENESCHAL_CONNECTIONS_FILE", Who: "the operator of this hub", Err: err}
	}
	return a.Connections.ApplyFile(ctx, text)
}
