package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/connection"
	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/sim/person"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
)

const (
	demoDir = ".demo"
	demoURL = "http://127.0.0.1:8365" // where a hub listens unless told otherwise
)

// The app registrations of the world contoso that the demo connects, by name.
const (
	demoHubApp    = "Seneschal"
	demoBrokenApp = "Seneschal to repair" // lacks consent: somebody must repair it
	demoPersonApp = "Seneschal sign-in"
)

const demoSite = "https://contoso.sharepoint.com/sites/projects"

// demoCommand does the program's main job against the simulated cloud, and then serves the console. It resumes after a kill.
func (p *process) demoCommand() *cobra.Command {
	var fresh, once bool
	var mailDir, icsDir string
	cmd := &cobra.Command{Use: "demo", Short: "Try everything: a hub against a simulated Microsoft cloud on this machine.", Args: cobra.NoArgs}
	cmd.Flags().BoolVar(&fresh, "fresh", false, "start over")
	cmd.Flags().StringVar(&mailDir, "mail", "", "load real mail into the simulated mailboxes: DIR/<address>/*.eml")
	cmd.Flags().StringVar(&icsDir, "ics", "", "load real calendars: DIR/<address>/*.ics")
	cmd.Flags().BoolVar(&once, "once", false, "do the work, print the summary, and end")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if fresh {
			if err := os.RemoveAll(demoDir); err != nil {
				return err
			}
		}
		asJSON := cmd.Root().PersistentFlags().Lookup("output").Value.String() == "json"
		return p.demo(cmd.Context(), givenFlags(cmd.Root()), demoOptions{once: once, asJSON: asJSON, mail: mailDir, ics: icsDir})
	}
	return cmd
}

// demoOptions are the demo's flags.
type demoOptions struct {
	once, asJSON bool
	mail, ics    string
}

func (p *process) demo(ctx context.Context, flags map[string]string, o demoOptions) error {
	start := time.Now()
	adjustable := clock.NewAdjustable()
	p.clock = adjustable
	cloud, err := startCloud(ctx, sim.Config{World: "contoso", MailDir: o.mail, ICSDir: o.ics, Dir: filepath.Join(demoDir, "cloud"), Seed: 1, Clock: adjustable, Log: telemetry.NewLog(p.io.Err, "text", slog.LevelError)})
	if err != nil {
		return err
	}
	defer func() { _ = cloud.Close() }()
	c, err := p.demoConfig(cloud.Ready(), flags, o.once)
	if err != nil {
		return err
	}
	a, err := New(ctx, c, p.surroundings(c))
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	s, err := a.Serve(ctx)
	if err != nil {
		return err
	}
	d := &demo{app: a, world: cloud, cloud: cloud.Ready(), browser: person.New(cloud.HTTPClient().Transport)}
	summary, err := d.run(ctx)
	if err != nil {
		return errors.Join(err, s.Stop(ctx))
	}
	summary.Seconds = time.Since(start).Seconds()
	if err := p.printSummary(summary, o.asJSON); err != nil {
		return err
	}
	if o.once {
		return s.Stop(ctx)
	}
	if err := a.invite(ctx, p); err != nil {
		return err
	}
	<-ctx.Done()
	return s.Stop(context.WithoutCancel(ctx))
}

// startCloud plays the demo's cloud at the address it had before: a sign-in is bound to the host that gave it.
func startCloud(ctx context.Context, c sim.Config) (*sim.Sim, error) {
	remembered := filepath.Join(demoDir, "cloud.address")
	address, err := os.ReadFile(remembered)
	if err == nil {
		c.Listen = string(address)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	cloud, err := sim.Start(ctx, c)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Misconfigured, Code: "demo_cloud", Message: "The simulated cloud could not start", Cause: err.Error(),
			Fix: "If its address is taken by another program, start over: make demo ARGS=--fresh", Who: "you"}
	}
	at, err := url.Parse(cloud.Ready().LoginURL)
	if err != nil {
		return nil, errors.Join(err, cloud.Close())
	}
	if err := writeWhole(remembered, []byte(at.Host)); err != nil {
		return nil, errors.Join(err, cloud.Close())
	}
	return cloud, nil
}

// demoConfig points a hub at the simulated cloud.
func (p *process) demoConfig(r sim.Ready, flags map[string]string, once bool) (*config.Config, error) {
	settings := map[string]string{"DATABASE_URL": "file:" + filepath.Join(demoDir, "hub.db"), "CLOUD": "custom", "LOGIN_URL": r.LoginURL, "GRAPH_URL": r.GraphURL,
		"CA_FILE": r.CAFile, "INSTANCE": "demo", "LOG_LEVEL": "warn"}
	if once {
		settings["LISTEN"] = "127.0.0.1:0"
	}
	for k, v := range flags {
		settings[k] = v
	}
	if _, chosen := settings["LISTEN"]; !chosen && settings["PUBLIC_URL"] == "" {
		settings["PUBLIC_URL"] = demoURL // the simulated cloud is on this machine and may call
	}
	return config.Load(demoDir, nil, settings)
}

// demo is one run of the program's main job.
type demo struct {
	app     *App
	world   *sim.Sim
	cloud   sim.Ready
	browser *person.Browser
	actions []demoAction
	refused []demoRefusal
}

func (d *demo) run(ctx context.Context) (demoSummary, error) {
	if err := d.connect(ctx); err != nil {
		return demoSummary{}, err
	}
	if err := d.work(ctx); err != nil {
		return demoSummary{}, err
	}
	customers, err := d.serve(ctx)
	if err != nil {
		return demoSummary{}, err
	}
	c, err := d.app.Connections.Lookup(ctx, "contoso")
	if err != nil {
		return demoSummary{}, err
	}
	var technicians []string
	for _, m := range c.Mailboxes {
		technicians = append(technicians, m.Address)
	}
	slots, invoice := d.plan(ctx, technicians), d.invoice(ctx, technicians[0])
	s, err := d.summarise(ctx)
	s.Customers, s.Slots, s.Invoice = customers, slots, invoice
	return s, err
}

// connect makes the connections that are not there yet: the hub as the app itself, one that somebody must repair, and one of a person.
func (d *demo) connect(ctx context.Context) error {
	tenant := d.cloud.Tenants[0]
	owner, err := d.person(ctx)
	if err != nil {
		return err
	}
	var mailboxes connection.MailboxList
	for _, u := range tenant.Users {
		if u.Mailbox && u.Purpose == "user" && !u.Admin && len(mailboxes) < 5 {
			mailboxes = append(mailboxes, connection.MailboxEntry{Address: u.UPN})
		}
	}
	for _, app := range tenant.Apps {
		form := connection.Form{TenantID: m365.TenantID(tenant.TenantID), ClientID: m365.ClientID(app.ClientID), Kind: m365.Mode(app.Kind), Cloud: m365.Custom,
			Capabilities: []m365.Capability{m365.Directory, m365.Mail, m365.Calendar}}
		switch app.Name {
		case demoHubApp:
			form.Name, form.Mailboxes = "contoso", mailboxes
			form.Capabilities = append(form.Capabilities, m365.Contacts, m365.Todo, m365.OneDrive, m365.SharePoint, m365.Timeline, m365.Tap, m365.Send, m365.Dispatch)
			form.Sites = []string{connection.EverySite}
			form.Mailboxes[4].Purposes = []connection.Purpose{connection.ForTimeline, connection.ForTap, connection.ForSend, connection.ForActions}
		case demoBrokenApp:
			form.Name, form.Mailboxes = "contoso-second", connection.MailboxList{{Address: mailboxes[0].Address, Purposes: []connection.Purpose{connection.ForActions}}, {Address: mailboxes[4].Address, Purposes: []connection.Purpose{connection.ForDispatch}}}
			form.Capabilities = []m365.Capability{m365.Directory, m365.Mail, m365.Calendar, m365.Dispatch}
		case demoPersonApp:
			form.Name, form.Owner, form.AccountTypes = "contoso-person", owner.ID, m365.ThisTenant
			form.Capabilities = []m365.Capability{m365.Mail, m365.Calendar, m365.Contacts, m365.Todo, m365.Teams}
			form.Teams = []string{connection.EveryTeam}
		default:
			continue
		}
		if err := d.ensure(ctx, form, app); err != nil {
			return fmt.Errorf("connecting %s: %w", form.Name, err)
		}
	}
	return nil
}

func (d *demo) person(ctx context.Context) (access.Person, error) {
	if _, err := d.app.Access.EnsureFirstAdmin(ctx); err != nil {
		return access.Person{}, err
	}
	return d.app.Access.LookupPerson(ctx, access.FirstAdmin)
}

// ensure adds a connection once; a delegated one is signed in through the pages, as a person would.
func (d *demo) ensure(ctx context.Context, form connection.Form, app sim.ReadyApp) error {
	c, err := d.app.Connections.Lookup(ctx, form.Name)
	if fault.KindOf(err) == fault.NotFound {
		form.Credential = connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(app.ClientSecret)}
		if app.CertificateFile != "" {
			text, err := os.ReadFile(app.CertificateFile)
			if err != nil {
				return err
			}
			form.Credential = connection.CredentialForm{Type: "certificate", Certificate: vault.NewSecret(string(text))}
		} else if app.SecretExpires != nil {
			form.Credential.ExpiresAt = *app.SecretExpires
		}
		c, _, err = d.app.Connections.Add(ctx, access.System("demo"), form)
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if c.Kind == m365.Delegated && c.Account == "" {
		return d.signIn(ctx, c)
	}
	_, err = d.app.Connections.Doctor(ctx, c.ID)
	return err
}

func (d *demo) signIn(ctx context.Context, c connection.Connection) error {
	owner, err := d.app.Access.LookupPerson(ctx, c.Owner)
	if err != nil {
		return err
	}
	link, err := d.app.Connections.NewLink(ctx, owner.Caller(), c.ID)
	if err != nil {
		return err
	}
	tenant := d.cloud.Tenants[0]
	for _, u := range tenant.Users {
		if u.Admin && u.Password != "" {
			page, err := d.browser.SignIn(ctx, link.URL, u.UPN, u.Password, callbackPath)
			if err == nil && page.Status != http.StatusOK {
				err = fmt.Errorf("the hub did not accept the sign-in (%d): %s", page.Status, page.Text)
			}
			return err
		}
	}
	return errors.New("the world has nobody who can consent")
}

// work reads and writes through the app-only connection.
func (d *demo) work(ctx context.Context) error {
	c, err := d.app.Connections.Lookup(ctx, "contoso")
	if err != nil {
		return err
	}
	user := c.Mailboxes[0].Address
	now := d.app.Clock.Now()
	begin := now.Add(24 * time.Hour).Truncate(time.Hour)
	d.do(ctx, "directory.user.list", map[string]any{"limit": 25})
	d.do(ctx, "mail.message.list", map[string]any{"user": user, "limit": 25})
	d.do(ctx, "calendar.event.list", map[string]any{"user": user, "start": now.Format(time.RFC3339), "end": now.Add(14 * 24 * time.Hour).Format(time.RFC3339)})
	d.do(ctx, "mail.message.send", map[string]any{"user": user, "to": []string{user}, "subject": "Hello from Seneschal", "body": "Sent once, whatever happens."})
	d.do(ctx, "calendar.event.create", map[string]any{"user": user, "subject": "Visit planned by Seneschal", "start": begin.Format(time.RFC3339), "end": begin.Add(time.Hour).Format(time.RFC3339)})
	d.errands(ctx, user)
	d.file(ctx, user)
	d.workOrders(ctx)
	owner, err := d.person(ctx)
	if err != nil {
		return err
	}
	d.post(ctx, owner.Caller())
	return nil
}

// do runs one action as the app under a key of its own, and gives its answer; nothing where it failed.
func (d *demo) do(ctx context.Context, name string, in map[string]any) json.RawMessage {
	return d.ask(ctx, action.Request{Action: name, Connection: "contoso", Caller: access.Local("demo")}, in)
}

func (d *demo) ask(ctx context.Context, q action.Request, in map[string]any) json.RawMessage {
	entry := demoAction{Name: q.Action}
	defer func() { d.actions = append(d.actions, entry) }()
	result, err := d.once(ctx, q, in)
	if err != nil {
		entry.Problem = err.Error()
		return nil
	}
	entry.OK, entry.Items = true, items(result.Output)
	if n := len(result.Requests); n > 0 {
		entry.RequestID = result.Requests[n-1]
	}
	return result.Output
}

func (d *demo) once(ctx context.Context, q action.Request, in map[string]any) (action.Result, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return action.Result{}, err
	}
	q.Input, q.Key = text, "demo-"+store.NewID(d.app.Clock.Now())
	return d.app.Runner.Do(ctx, q)
}

// invite lets the person at the terminal into the console.
func (a *App) invite(ctx context.Context, p *process) error {
	token, err := a.Access.LoginLink(ctx, access.System("demo"), access.FirstAdmin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.io.Out, "\nThe console is open (this link signs you in once, within 15 minutes):\n  %s\nOne connection waits for its repair: the doctor says how. Ctrl-C ends the demo; make demo goes on where it was.\n", a.loginURL(token.Reveal()))
	return err
}
