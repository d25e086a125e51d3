package app

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/admin"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/connection"
	"seneschal/internal/connector/calendar"
	"seneschal/internal/connector/contacts"
	"seneschal/internal/connector/directory"
	"seneschal/internal/connector/mail"
	"seneschal/internal/connector/onedrive"
	"seneschal/internal/connector/sharepoint"
	"seneschal/internal/connector/teams"
	"seneschal/internal/connector/todo"
	"seneschal/internal/customer"
	"seneschal/internal/engine/alarm"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/dispatch"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/graph"
	"seneschal/internal/jobs"
	"seneschal/internal/m365"
	"seneschal/internal/privacy"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
	"seneschal/internal/wire"
)

// Version is the program's version; the build sets it.
var Version = "dev"

// owners are the migrations of every package with tables.
func owners() []fs.FS {
	return []fs.FS{vault.Migrations, jobs.Migrations, audit.Migrations, event.Migrations, access.Migrations, connection.Migrations, action.Migrations,
		feed.Migrations, customer.Migrations, timeline.Migrations, alarm.Migrations, dispatch.Migrations, delivery.Migrations, privacy.Migrations}
}

// registry is every action there is.
func registry(hub *admin.Hub, line *timeline.Engine, alarms *alarm.Engine, slots *dispatch.Engine, post *delivery.Engine) (*action.Registry, error) {
	return action.NewRegistry(hub.Actions(), directory.Actions(), mail.Actions(), calendar.Actions(), contacts.Actions(), todo.Actions(), onedrive.Actions(), sharepoint.Actions(), teams.Actions(), line.Actions(), alarms.Actions(), slots.Actions(), post.Actions())
}

// catalogue is the registry for who asks what there is, and runs nothing.
func catalogue() (*action.Registry, error) {
	return registry(&admin.Hub{}, &timeline.Engine{}, &alarm.Engine{}, &dispatch.Engine{}, &delivery.Engine{})
}

// probes are the harmless reads that prove a capability.
func probes() map[m365.Capability]connection.Probe {
	return map[m365.Capability]connection.Probe{
		m365.Directory:    directory.Probe,
		m365.Mail:         mail.Probe,
		m365.MailSettings: mail.ProbeSettings,
		m365.Calendar:     calendar.Probe,
		m365.Contacts:     contacts.Probe,
		m365.Todo:         todo.Probe,
		m365.OneDrive:     onedrive.Probe,
		m365.SharePoint:   sharepoint.Probe,
		m365.Teams:        teams.Probe,
		m365.Presence:     teams.ProbePresence,
		m365.Meetings:     teams.ProbeMeetings,
		m365.Timeline:     mail.Probe,
		m365.Tap:          mail.Probe,
		m365.Send:         mail.ProbeSend,
		m365.Dispatch:     calendar.Probe,

		m365.FollowFiles:    onedrive.Probe,
		m365.FollowContacts: contacts.Probe,
	}
}

// App is the joined house.
type App struct {
	Config      *config.Config
	Clock       clock.Clock
	Log         *slog.Logger
	Metrics     *telemetry.Metrics
	Store       *store.Store
	Vault       *vault.Vault
	Jobs        *jobs.Jobs
	Audit       *audit.Log
	Events      *event.Log
	Webhooks    *event.Webhooks
	Access      *access.Access
	SSO         *access.SSO // nil: nobody signs in with Microsoft
	Connections *connection.Service
	Customers   *customer.Service
	Feeds       *feed.Service
	Timeline    *timeline.Engine
	Alarms      *alarm.Engine
	Dispatch    *dispatch.Engine
	Deliveries  *delivery.Engine
	Registry    *action.Registry
	Runner      *action.Runner
	Privacy     *privacy.Service
	Budgets     *connection.Budgets
	Governor    *wire.Governor

	public func() *url.URL // set while serving
}

// Surroundings are what differs between the program, the demo and tests.
type Surroundings struct {
	Clock    clock.Clock
	Hook     clock.Hook
	Log      *slog.Logger
	Recorder wire.Recorder
	Limits   wire.Limits // nil: Microsoft's
}

// New joins the house on a database, migrated. Nothing runs yet.
func New(ctx context.Context, c *config.Config, s Surroundings) (*App, error) {
	st, err := store.Open(ctx, c.DatabaseURL, s.Hook)
	if err != nil {
		return nil, err
	}
	a, err := join(ctx, c, s, st)
	if err != nil {
		_ = st.Close()
		return nil, err
	}
	return a, nil
}

func join(ctx context.Context, c *config.Config, s Surroundings, st *store.Store) (*App, error) {
	if err := st.Migrate(ctx, owners()...); err != nil {
		return nil, err
	}
	if err := jobs.Migrate(ctx, st); err != nil {
		return nil, fmt.Errorf("migrating the queue: %w", err)
	}
	a := &App{Config: c, Clock: s.Clock, Log: s.Log, Metrics: telemetry.NewMetrics(), Store: st}
	v, made, err := vault.Open(ctx, st, s.Clock, vault.MasterKey{File: c.KeyFile, Value: c.Key})
	if err != nil {
		return nil, err
	}
	if made {
		s.Log.WarnContext(ctx, "a master key was made; without it nobody can open the secrets in this database: back it up now, apart from the database", "file", c.KeyFile)
	}
	a.Vault = v
	a.Audit = &audit.Log{Store: st, Clock: s.Clock}
	if err := a.Audit.OpenKey(ctx, v); err != nil {
		return nil, err
	}
	a.Events = &event.Log{Store: st, Clock: s.Clock, Log: s.Log, Jobs: scheduler{a}}
	a.Access = &access.Access{Store: st, Clock: s.Clock, Audit: a.Audit}
	hub := &admin.Hub{Access: a.Access, Audit: a.Audit, Events: a.Events, Clock: s.Clock, LoginURL: a.loginURL}
	a.Timeline, a.Alarms, a.Dispatch, a.Deliveries = &timeline.Engine{}, &alarm.Engine{}, &dispatch.Engine{}, &delivery.Engine{}
	if a.Registry, err = registry(hub, a.Timeline, a.Alarms, a.Dispatch, a.Deliveries); err != nil {
		return nil, err
	}
	if err := a.joinConnections(s); err != nil {
		return nil, err
	}
	a.joinFeeds()
	a.joinSSO()
	if err := a.joinWebhooks(s); err != nil {
		return nil, err
	}
	hub.Connections, hub.Customers, hub.Feeds, hub.Webhooks, hub.Sees = a.Connections, a.Customers, a.Feeds, a.Webhooks, a.Timeline.Visible
	a.Runner = action.NewRunner(action.Options{Registry: a.Registry, Connections: a.Connections, Store: st, Vault: v, Audit: a.Audit, Jobs: scheduler{a},
		Clock: s.Clock, Log: s.Log, Metrics: a.Metrics, Callers: a.Access.Returning, Admit: a.Access.CountAgent, Instance: c.Instance})
	if err := a.joinAlarms(s); err != nil {
		return nil, err
	}
	*a.Dispatch = dispatch.Engine{Store: st, Clock: s.Clock, Vault: v, Audit: a.Audit, Events: a.Events, Connections: a.Connections, Runner: a.Runner, Jobs: scheduler{a}, Random: secret, Base: a.base, Log: s.Log}
	if err := a.joinDeliveries(s); err != nil {
		return nil, err
	}
	a.joinPrivacy()
	hub.Runner, hub.Privacy = a.Runner, a.Privacy
	a.Jobs, err = jobs.New(jobs.Options{Store: st, Clock: s.Clock, Log: s.Log, Instance: c.Instance, Handlers: map[string]jobs.Handler{
		connection.CheckJob: a.Connections.Check,
		action.SweepJob:     a.Runner.Sweep,
		action.PlanJob:      a.Runner.DrivePlan,
		privacy.RetainJob:   a.Privacy.Retain,
		feed.WalkJob:        a.Feeds.Walk,
		feed.SyncJob:        a.Feeds.Sync,
		feed.AuditJob:       a.Feeds.Compare,
		feed.TendJob:        a.Feeds.Tend,
		event.DeliverJob:    a.Webhooks.Deliver,
		feed.LagJob:         a.Feeds.Lag,
		alarm.SurveyJob:     a.Alarms.Survey,
		alarm.MailJob:       a.Alarms.Send,
		dispatch.PlaceJob:   a.Dispatch.Place,
		dispatch.SweepJob:   a.Dispatch.Sweep,
		delivery.PostJob:    a.Deliveries.Post,
		delivery.ReportsJob: a.Deliveries.Reports,
	}})
	return a, err
}

func (a *App) joinConnections(s Surroundings) error {
	roots, err := certificates(a.Config.CAFile)
	if err != nil {
		return err
	}
	transport, bulk := wire.NewTransport(wire.TransportConfig{RootCAs: roots}), wire.NewBulkTransport(wire.TransportConfig{RootCAs: roots})
	limits := s.Limits
	if limits == nil {
		limits = graph.Limits()
	}
	a.Budgets = &connection.Budgets{Store: a.Store, Clock: s.Clock, Log: s.Log, Instance: a.Config.Instance}
	a.Governor = wire.NewGovernor(s.Clock, limits, a.Budgets)
	a.Budgets.Counted = a.Governor.Budgets
	a.Connections = &connection.Service{
		Lookups: &graph.Lookups{Clock: s.Clock, Keep: a.Config.LookupAge},
		Store:   a.Store, Vault: a.Vault, Clock: s.Clock, Log: s.Log, Audit: a.Audit, Events: a.Events, Jobs: scheduler{a},
		Lock: jobs.Locks{Store: a.Store, Clock: s.Clock}, HTTP: &http.Client{Transport: hooked{transport, s.Hook, "sign-in"}, Timeout: signInTimeout}, MachineNow: time.Now,
		Wire: wire.Config{Transport: transport, Bulk: bulk, Governor: a.Governor, Clock: s.Clock, Random: random, Hook: s.Hook, Log: s.Log, Observer: observer{a.Metrics},
			Recorder: s.Recorder, UserAgent: "NONISV|Seneschal|Seneschal/" + Version},
		Uses: &connection.Uses{Store: a.Store, Clock: s.Clock, Log: s.Log}, Endpoints: a.Config.Endpoints, DefaultCloud: a.Config.Cloud, Redirect: a.redirect, Probes: probes(),
	}
	return nil
}

const signInTimeout = 20 * time.Second

// scheduler breaks the one circle of the wiring: connection and action schedule jobs, and jobs call them.
type scheduler struct{ a *App }

// Schedule hands over to jobs.
func (s scheduler) Schedule(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error {
	return s.a.Jobs.Schedule(ctx, tx, kind, id, due)
}

// ScheduleBy hands over to jobs.
func (s scheduler) ScheduleBy(ctx context.Context, tx *store.Tx, kind, id string, by time.Time) error {
	return s.a.Jobs.ScheduleBy(ctx, tx, kind, id, by)
}

// EnsureScheduled hands over to jobs.
func (s scheduler) EnsureScheduled(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error {
	return s.a.Jobs.EnsureScheduled(ctx, tx, kind, id, due)
}

// Cancel hands over to jobs.
func (s scheduler) Cancel(ctx context.Context, tx *store.Tx, kind, id string) error {
	return s.a.Jobs.Cancel(ctx, tx, kind, id)
}

// observer counts requests to Microsoft.
type observer struct{ metrics *telemetry.Metrics }

// Request counts one.
func (o observer) Request(operation string, status int, d time.Duration, _ int) {
	o.metrics.Outgoing(operation, status, d)
}

// hooked passes the crash points around each request of the sign-in library, and around each call of a webhook.
type hooked struct {
	next http.RoundTripper
	hook clock.Hook
	what string
}

// RoundTrip sends the request.
func (h hooked) RoundTrip(r *http.Request) (*http.Response, error) {
	h.hook.At(clock.BeforeSend, h.what)
	resp, err := h.next.RoundTrip(r)
	h.hook.At(clock.AfterAnswer, h.what)
	return resp, err
}

// secret fills b with what nobody can guess.
func secret(b []byte) { _, _ = rand.Read(b) } // never fails (crypto/rand)

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.LittleEndian.Uint64(b[:])
}

// certificates are the machine's authorities and those of the file.
func certificates(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	text, err := os.ReadFile(file)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		return nil, &fault.Error{Kind: fault.Misconfigured, Code: "ca_file", Message: "The file " + file + " holds no certificate",
			Fix: "Point SENESCHAL_CA_FILE at a PEM file", Who: "the operator of this hub", Err: err}
	}
	return pool, nil
}

// base is how the hub is reached: the public URL, else the address it listens on.
func (a *App) base() string {
	if a.Config.PublicURL != nil {
		return a.Config.PublicURL.String()
	}
	if a.public != nil {
		return a.public().String()
	}
	return (&url.URL{Scheme: scheme(a.Config), Host: a.Config.Listen}).String()
}

func scheme(c *config.Config) string {
	if c.TLSCertFile != "" {
		return "https"
	}
	return "http"
}

const (
	callbackPath = "/auth/microsoft/callback"
	loginPath    = "/login"
)

func (a *App) redirect() string { return a.base() + callbackPath }

func (a *App) loginURL(token string) string { return a.base() + loginPath + "?token=" + token }

// Close ends what New began.
func (a *App) Close() error {
	return errors.Join(a.Connections.Uses.Flush(context.Background()), a.Budgets.Leave(context.Background()), a.Store.Close())
}
