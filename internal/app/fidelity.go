package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/connection"
	"seneschal/internal/face/cli"
	"seneschal/internal/fault"
	"seneschal/internal/fidelity"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/vault"
)

func (p *process) fidelityCommand() *cobra.Command {
	parent := &cobra.Command{Use: "fidelity", Short: "How true the simulated cloud is."}
	var name, mailbox, site, file string
	check := &cobra.Command{Use: "check", Short: "Compare a tenant's answers to harmless reads with the simulated cloud's; the report names nobody.", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		c, err := p.load(givenFlags(cmd.Root()))
		if err != nil {
			return err
		}
		report, err := p.checkFidelity(cmd.Context(), c, name, fidelity.Begin{User: mailbox, Site: site})
		if err != nil {
			return err
		}
		if err := p.showFidelity(report, file, cmd.Root().PersistentFlags().Lookup("output").Value.String() == "json"); err != nil {
			return err
		}
		if len(report.Differences()) > 0 {
			return cli.ErrAttention
		}
		return nil
	}}
	check.Flags().StringVar(&name, "connection", "", "an app-only connection to the tenant")
	check.Flags().StringVar(&mailbox, "mailbox", "", "a mailbox on its list (default the first)")
	check.Flags().StringVar(&site, "site", "", "the address of a site it may reach (default the first on its list)")
	check.Flags().StringVar(&file, "file", "", "where the report goes (default standard output)")
	_ = check.MarkFlagRequired("connection") // fails for a flag that is not there, and it is
	parent.AddCommand(check)
	return parent
}

func (p *process) showFidelity(r fidelity.Report, file string, asJSON bool) error {
	text := []byte(r.Markdown())
	if asJSON {
		var err error
		if text, err = json.MarshalIndent(r.Differences(), "", "  "); err != nil {
			return err
		}
		text = append(text, '\n')
	}
	if file != "" {
		return os.WriteFile(file, text, 0o600)
	}
	_, err := p.io.Out.Write(text)
	return err
}

// checkFidelity asks the tenant first, then a simulated one.
func (p *process) checkFidelity(ctx context.Context, c *config.Config, name string, begin fidelity.Begin) (fidelity.Report, error) {
	around := p.surroundings(c)
	record := &fidelity.Recorder{}
	around.Recorder = record
	a, err := New(ctx, c, around)
	if err != nil {
		return fidelity.Report{}, err
	}
	tenant, err := a.Observe(ctx, record, name, begin)
	if err = errors.Join(err, a.Close()); err != nil {
		return fidelity.Report{}, err
	}
	simulator, err := p.observeSimulated(ctx)
	if err != nil {
		return fidelity.Report{}, err
	}
	return fidelity.Report{At: p.clock.Now(), Version: "Seneschal " + Version, Mode: string(m365.Application), Compared: fidelity.Compare(tenant, simulator)}, nil
}

// Observe reads through an app-only connection what fidelity compares. The recorder is that of the hub's own requests.
func (a *App) Observe(ctx context.Context, r *fidelity.Recorder, name string, begin fidelity.Begin) ([]fidelity.Seen, error) {
	c, err := a.Connections.Lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	if c.Kind != m365.Application {
		return nil, &fault.Error{Kind: fault.Invalid, Code: "not_app_only", Mode: string(c.Kind), Message: "The connection " + c.Name + " is a person's, and nobody else acts through it",
			Fix: "Name an app-only connection", Who: "whoever runs the check"}
	}
	begin.Now = a.Clock.Now()
	if i := slices.IndexFunc(c.Mailboxes, func(m connection.Mailbox) bool { return m.Has(connection.ForActions) }); begin.User == "" && i >= 0 {
		begin.User = c.Mailboxes[i].Address
	}
	if begin.Site == "" && len(c.Sites) > 0 && c.Sites[0] != connection.EverySite {
		begin.Site = c.Sites[0]
	}
	return fidelity.Walk(ctx, func(ctx context.Context, name string, in map[string]any) (json.RawMessage, error) {
		return a.readOnly(ctx, c, name, in)
	}, r, begin), nil
}

// readOnly runs an action that changes nothing and shows no body; anything else is a fault of this program.
func (a *App) readOnly(ctx context.Context, c connection.Connection, name string, in map[string]any) (json.RawMessage, error) {
	spec, ok := a.Registry.Lookup(name)
	if !ok || spec.Effect != action.Reads || spec.ShowsBody {
		return nil, fmt.Errorf("%s is no harmless read", name)
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	result, err := a.Runner.Do(ctx, action.Request{Action: name, Connection: c.ID, Caller: access.Local("fidelity"), Input: text})
	return result.Output, err
}

// observeSimulated asks a simulated tenant of this version the same, by a hub of its own that is gone afterwards.
func (p *process) observeSimulated(ctx context.Context) (seen []fidelity.Seen, err error) {
	dir, err := os.MkdirTemp("", "seneschal-fidelity-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ticking := clock.NewAdjustable()
	cloud, err := sim.Start(ctx, sim.Config{World: "contoso", Dir: filepath.Join(dir, "cloud"), Seed: 1, Clock: ticking})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cloud.Close()) }()
	r := cloud.Ready()
	c, err := config.Load(dir, nil, map[string]string{"DATABASE_URL": "file:" + filepath.Join(dir, "hub.db"), "CLOUD": "custom", "LOGIN_URL": r.LoginURL, "GRAPH_URL": r.GraphURL, "CA_FILE": r.CAFile, "INSTANCE": "fidelity", "LOG_LEVEL": "warn"})
	if err != nil {
		return nil, err
	}
	around := p.surroundings(c)
	record := &fidelity.Recorder{}
	around.Clock, around.Recorder = ticking, record
	a, err := New(ctx, c, around)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return a.observeContoso(ctx, record, r)
}

func (a *App) observeContoso(ctx context.Context, record *fidelity.Recorder, r sim.Ready) ([]fidelity.Seen, error) {
	tenant := r.Tenants[0]
	i := slices.IndexFunc(tenant.Apps, func(app sim.ReadyApp) bool { return app.Name == demoHubApp })
	u := slices.IndexFunc(tenant.Users, func(u sim.ReadyUser) bool { return u.Mailbox && u.Purpose == "user" && !u.Admin })
	_, _, err := a.Connections.Add(ctx, access.Local("fidelity"), connection.Form{Name: "simulated", Kind: m365.Application, TenantID: m365.TenantID(tenant.TenantID), ClientID: m365.ClientID(tenant.Apps[i].ClientID),
		Cloud: m365.Custom, Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(tenant.Apps[i].ClientSecret)}, Mailboxes: connection.MailboxList{{Address: tenant.Users[u].UPN}},
		Sites: []string{connection.EverySite}, Teams: []string{connection.EveryTeam}, Capabilities: []m365.Capability{m365.Directory, m365.Mail, m365.Calendar, m365.Contacts, m365.Todo, m365.OneDrive, m365.SharePoint, m365.Teams, m365.Presence}})
	if err != nil {
		return nil, err
	}
	return a.Observe(ctx, record, "simulated", fidelity.Begin{Site: demoSite})
}
