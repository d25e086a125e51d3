package bench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/connection"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/jobs"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
	"seneschal/internal/wire"
)

// Connections that a bench has from the start.
const (
	App     = "contoso"             // app-only, for the mailboxes of ada, ben, support and room1
	Person  = "ada's own"           // delegated, ada's
	Frozen  = "read only"           // as App, set to read only
	Chosen  = "chosen sites"        // of an app that has Sites.Selected, see AddApp
	Limited = "chosen mailboxes"    // of an app that Exchange lets into some mailboxes alone, see AddLimited
	Sites   = "site administration" // of an app that has Sites.FullControl.All, see AddApp
)

// Ada is whose things the connections reach, the person's among them.
const Ada = "ada@contoso.example"

// Customer is a person's connection to another tenant, see AddCustomer.
const Customer = "paula's own"

// apps are the registrations behind connections that are added one by one.
var apps = map[string]string{Chosen: "Seneschal for chosen sites", Sites: "Administration of sites"}

// everySite is what connections may reach of SharePoint until a test lists less, see Resite.
var everySite = []string{connection.EverySite}

// everyTeam is the same for teams, see Reteam.
var everyTeam = []string{connection.EveryTeam}

const adaPerson = "person-ada"

// Bench is a hub in memory beside a simulated cloud, on one clock.
type Bench struct {
	*testing.T
	Sim         *sim.Sim
	Clock       *clock.Adjustable
	Runner      *action.Runner
	Connections *connection.Service

	jobs *jobs.Jobs
}

// answerTime is how long the hub waits for an answer: short, so that an answer that never comes ends soon.
const answerTime = time.Second

// Patient has the hub wait for any answer, for tests that count requests: a slow machine must not make it ask twice.
func Patient(c *wire.Config) { c.Timeout = time.Minute }

// Start joins a hub with the actions of one capability, its connections proven. No job runs by itself: a test says when an unclear run
// is looked at.
func Start(t *testing.T, capability m365.Capability, actions []action.Action, probe connection.Probe, options ...func(*wire.Config)) *Bench {
	t.Helper()
	return StartWith(t, map[m365.Capability]connection.Probe{capability: probe}, actions, options...)
}

// StartWith is Start with several capabilities.
func StartWith(t *testing.T, probes map[m365.Capability]connection.Probe, actions []action.Action, options ...func(*wire.Config)) *Bench {
	t.Helper()
	ticking := clock.NewAdjustable()
	b := &Bench{T: t, Clock: ticking, Sim: sim.StartForTest(t, "contoso", func(c *sim.Config) { c.Clock = ticking })}
	t.Cleanup(func() {
		if n := b.Sim.Counters()["tokens_at_presigned_addresses"]; n > 0 {
			t.Errorf("%d requests to addresses that are their own proof carried a token", n)
		}
	})
	b.join(actions, options)
	b.Connections.Probes = probes
	b.add(slices.Sorted(maps.Keys(probes))...)
	return b
}

// Also gives the connections that a bench has from the start another capability.
func (b *Bench) Also(capability m365.Capability) {
	b.Helper()
	for _, name := range []string{App, Person, Frozen} {
		c, err := b.Connections.Lookup(b.Context(), name)
		b.must(err)
		capabilities := append(c.Capabilities, capability)
		_, _, err = b.Connections.Change(b.Context(), b.caller(name), name, connection.Edit{Capabilities: &capabilities, Sites: &everySite, Teams: &everyTeam})
		b.must(err)
	}
}

func (b *Bench) join(actions []action.Action, options []func(*wire.Config)) {
	b.Helper()
	ctx := b.Context()
	st, err := store.Open(ctx, store.TestURL(b, store.SQLite), nil)
	b.must(err)
	b.Cleanup(func() { _ = st.Close() })
	b.must(st.Migrate(ctx, []fs.FS{vault.Migrations, jobs.Migrations, audit.Migrations, event.Migrations, access.Migrations, connection.Migrations, action.Migrations}...))
	b.must(jobs.Migrate(ctx, st))
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	v, _, err := vault.Open(ctx, st, b.Clock, vault.MasterKey{Value: vault.NewSecret(base64.StdEncoding.EncodeToString(key[:]))})
	b.must(err)
	registry, err := action.NewRegistry(actions)
	b.must(err)
	log := slog.New(slog.DiscardHandler)
	record := &audit.Log{Store: st, Clock: b.Clock, Key: vault.NewSecret("test")}
	b.jobs, err = jobs.New(jobs.Options{Store: st, Clock: b.Clock, Log: log, Instance: "bench"})
	b.must(err)
	client := b.Sim.HTTPClient()
	cloud := b.Sim.Ready()
	b.Connections = &connection.Service{Uses: &connection.Uses{Store: st, Clock: b.Clock, Log: log}, Store: st, Vault: v, Clock: b.Clock, Log: log, Audit: record, Events: &event.Log{Store: st, Clock: b.Clock}, Jobs: b.jobs,
		Lock: jobs.Locks{Store: st, Clock: b.Clock}, HTTP: client, MachineNow: time.Now, DefaultCloud: m365.Custom,
		Wire: wire.Config{Transport: client.Transport, Governor: wire.NewGovernor(b.Clock, graph.Limits(), nil), Clock: b.Clock, Random: random, Hook: nil, Log: log, Timeout: answerTime},
		Endpoints: func(m365.Cloud) (m365.Endpoints, error) {
			return m365.Endpoints{Login: cloud.LoginURL, Graph: cloud.GraphURL, GraphAudience: "https://graph.microsoft.com"}, nil
		},
		Redirect: func() string { return "http://127.0.0.1/auth/microsoft/callback" }}
	for _, o := range options {
		o(&b.Connections.Wire)
	}
	b.Runner = action.NewRunner(action.Options{Registry: registry, Connections: b.Connections, Store: st, Vault: v, Audit: record, Jobs: b.jobs, Clock: b.Clock, Log: log,
		Metrics: telemetry.NewMetrics(), Instance: "bench"})
}

func random() uint64 {
	var n [8]byte
	_, _ = rand.Read(n[:]) // never fails (crypto/rand)
	return binary.LittleEndian.Uint64(n[:])
}

func (b *Bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *Bench) add(capability ...m365.Capability) {
	b.Helper()
	own := b.form(Person, "Seneschal sign-in", m365.Delegated, capability...)
	own.Owner = adaPerson
	for _, f := range []connection.Form{b.form(App, "Seneschal", m365.Application, capability...), b.form(Frozen, "Seneschal", m365.Application, capability...), own} {
		if f.Kind == m365.Application {
			f.Mailboxes = connection.ParseMailboxes("ada@contoso.example, ben@contoso.example, support@contoso.example, room1@contoso.example")
			for i := range f.Mailboxes {
				f.Mailboxes[i].Purposes = []connection.Purpose{connection.ForActions}
			}
		}
		f.ReadOnly = f.Name == Frozen
		_, _, err := b.Connections.Add(b.Context(), access.Local("bench"), f)
		b.must(err)
	}
	b.signIn(Person, "ada@contoso.example", "Ada-Pass-1")
}

// form is a connection of Contoso's by one of its app registrations.
func (b *Bench) form(name, app string, kind m365.Mode, capability ...m365.Capability) connection.Form {
	contoso := b.Sim.Ready().Tenants[0]
	i := slices.IndexFunc(contoso.Apps, func(a sim.ReadyApp) bool { return a.Name == app })
	return connection.Form{Name: name, Kind: kind, Sites: slices.Clone(everySite), Teams: slices.Clone(everyTeam), Cloud: m365.Custom, TenantID: m365.TenantID(contoso.TenantID), ClientID: m365.ClientID(contoso.Apps[i].ClientID), Capabilities: capability,
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(contoso.Apps[i].ClientSecret), ExpiresAt: b.Clock.Now().AddDate(1, 0, 0)}}
}

// AddApp makes one of the connections that a bench does not have from the start.
func (b *Bench) AddApp(name string, capabilities ...m365.Capability) {
	b.Helper()
	f := b.form(name, apps[name], m365.Application, capabilities[0])
	f.Capabilities = capabilities
	_, _, err := b.Connections.Add(b.Context(), access.Local("bench"), f)
	b.must(err)
}

// Reteam changes the teams that a connection may reach, and gives the connection as it is then.
func (b *Bench) Reteam(name string, teams ...string) connection.Connection {
	b.Helper()
	c, _, err := b.Connections.Change(b.Context(), b.caller(name), name, connection.Edit{Teams: &teams})
	b.must(err)
	return c
}

// AddLimited makes a connection whose mailboxes Exchange limits, by one of the app registrations.
func (b *Bench) AddLimited(app string, mailboxes, outside string, capabilities ...m365.Capability) (connection.Connection, connection.TestResult, error) {
	b.Helper()
	f := b.form(Limited, app, m365.Application, capabilities...)
	f.Sites, f.Mailboxes, f.MailboxesLimited, f.MailboxOutside = nil, connection.ParseMailboxes(mailboxes), true, outside
	return b.Connections.Add(b.Context(), access.Local("bench"), f)
}

// AddCustomer connects Paula of Fabrikam as Customer. Her tenant has no administrator's consent: her token names what was asked of her alone.
func (b *Bench) AddCustomer(capability m365.Capability) {
	b.Helper()
	f := b.form(Customer, "Seneschal sign-in", m365.Delegated, capability)
	f.Owner, f.TenantID = adaPerson, m365.TenantID(b.Sim.Ready().Tenants[1].TenantID)
	_, _, err := b.Connections.Add(b.Context(), access.Local("bench"), f)
	b.must(err)
	b.signIn(Customer, "paula@fabrikam.example", "Paula-Pass-1")
}

// Private is a connection of a personal Microsoft account, see AddPrivate.
const Private = "pat's own"

// AddPrivate connects Pat's personal account as Private.
func (b *Bench) AddPrivate(capability m365.Capability) {
	b.Helper()
	f := b.form(Private, "Seneschal sign-in", m365.Delegated, capability)
	f.Owner, f.TenantID, f.AccountTypes = adaPerson, "", m365.Personal
	_, _, err := b.Connections.Add(b.Context(), access.Local("bench"), f)
	b.must(err)
	b.signIn(Private, "pat@outlook.example", "Pat-Pass-1")
}

// Shared is Ada's connection that lists mailboxes shared with her, see AddShared.
const Shared = "ada's, shared mailboxes too"

// AddShared connects Ada with a list of other people's mailboxes.
func (b *Bench) AddShared(mailboxes string, capabilities ...m365.Capability) {
	b.Helper()
	f := b.form(Shared, "Seneschal sign-in for shared mailboxes", m365.Delegated, capabilities...)
	f.Owner, f.Mailboxes = adaPerson, connection.ParseMailboxes(mailboxes)
	_, _, err := b.Connections.Add(b.Context(), access.Local("bench"), f)
	b.must(err)
	b.signIn(Shared, Ada, "Ada-Pass-1")
}

// signIn goes through Microsoft's pages as a person does.
func (b *Bench) signIn(connectionName, account, password string) {
	b.Helper()
	link, err := b.Connections.NewLink(b.Context(), b.caller(connectionName), connectionName)
	b.must(err)
	browser := b.Sim.HTTPClient()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	page, query, _ := strings.Cut(link.URL, "?")
	form, err := url.ParseQuery(query)
	b.must(err)
	for k, v := range map[string]string{"account": account, "password": password, "accept": "yes"} {
		form.Set(k, v)
	}
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
	b.must(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := browser.Do(request)
	b.must(err)
	b.must(answer.Body.Close())
	back, err := answer.Location()
	b.must(err)
	_, err = b.Connections.Finish(b.Context(), connection.Callback{State: back.Query().Get("state"), Code: back.Query().Get("code"), Error: back.Query().Get("error"), ErrorDescription: back.Query().Get("error_description")})
	b.must(err)
}

// caller is who may act through a connection.
func (b *Bench) caller(connectionName string) access.Caller {
	if slices.Contains([]string{Person, Customer, Private, Shared}, connectionName) {
		return access.Caller{Kind: "person", ID: adaPerson, Name: "Ada", Role: access.Member}
	}
	return access.Local("bench")
}

// In is an action's input as a test writes it.
type In map[string]any

// Named is an input for Ada's things, as an app, which names her, or as herself.
func Named(through string, in In) In {
	out := In{}
	if through == App {
		out["user"] = Ada
	}
	maps.Copy(out, in)
	return out
}

// Evidence wants of a probe the time and the request id of an answer.
func (b *Bench) Evidence(probe connection.Probe, user m365.UserID) {
	b.Helper()
	p, err := probe(b.Context(), b.Client(b.Context(), App), user)
	if err != nil || p.At.IsZero() || p.RequestID == "" {
		b.Errorf("got %+v, %v; want the time and request id of an answer", p, err)
	}
}

// Call runs an action through a connection. Each call without a "key" in its options is a new effect.
func (b *Bench) Call(name string, in In, opts ...Option) (action.Result, error) {
	b.Helper()
	raw, err := json.Marshal(in)
	b.must(err)
	q := action.Request{Action: name, Connection: App, Input: raw, Key: rand.Text()}
	for _, o := range opts {
		o(&q)
	}
	q.Caller = b.caller(q.Connection)
	return b.Runner.Do(b.Context(), q)
}

// Option changes one call.
type Option func(*action.Request)

// Key sets the idempotency key.
func Key(k string) Option { return func(q *action.Request) { q.Key = k } }

// Through acts through another connection than App.
func Through(connectionName string) Option {
	return func(q *action.Request) { q.Connection = connectionName }
}

// File hands in a file.
func (b *Bench) File(field, name string, content []byte) Option {
	b.Helper()
	c, err := action.Spool(name, "application/octet-stream", strings.NewReader(string(content)), int64(len(content)))
	b.must(err)
	b.Cleanup(func() { _ = c.Close() })
	return func(q *action.Request) { q.Files = map[string]*action.Content{field: c} }
}

// Out takes the bytes of an action that streams them.
func Out(w io.Writer) Option {
	return func(q *action.Request) { q.Out = func(action.Bytes) io.Writer { return w } }
}

// Do runs an action that must work, and reads its output.
func Do[T any](b *Bench, name string, in In, opts ...Option) T {
	b.Helper()
	r, err := b.Call(name, in, opts...)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return Read[T](b, r.Output)
}

// Read decodes an output.
func Read[T any](b *Bench, raw json.RawMessage) T {
	b.Helper()
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		b.Fatalf("%s: %v", raw, err)
	}
	return out
}

// Refused runs an action that must not work, and gives the fault.
func (b *Bench) Refused(name string, in In, opts ...Option) *fault.Error {
	b.Helper()
	r, err := b.Call(name, in, opts...)
	if err == nil {
		b.Fatalf("%s: got %s, want a refusal", name, r.Output)
	}
	return fault.As(err)
}

// Unclear runs an action whose outcome must stay open, and gives the run.
func (b *Bench) Unclear(name string, in In, opts ...Option) string {
	b.Helper()
	r, err := b.Call(name, in, opts...)
	if fault.KindOf(err) != fault.Unclear || r.State != action.Unclear {
		b.Fatalf("%s: got %s, %v; want an unclear run", name, r.State, err)
	}
	return r.Run
}

// Look has an unclear run answered now, and gives its state.
func (b *Bench) Look(run string) action.State {
	b.Helper()
	_, err := b.Runner.Sweep(b.Context(), run, 1)
	b.must(err)
	r, err := b.Runner.LookupRun(b.Context(), run)
	b.must(err)
	return r.State
}

// Pass lets time pass for the hub and the cloud alike.
func (b *Bench) Pass(d time.Duration) {
	b.Helper()
	b.must(b.Sim.Advance(d))
}

// Fault has the cloud misbehave.
func (b *Bench) Fault(f sim.Fault) {
	b.Helper()
	b.must(b.Sim.Fault(f))
}

// Sent counts the requests that reached Microsoft's Graph whose path contains part, by method.
func (b *Bench) Sent(method, part string) int {
	n := 0
	for _, r := range b.Sim.Requests() {
		if r.Method == method && strings.Contains(r.Path, part) {
			n++
		}
	}
	return n
}

// Relist gives App another list of mailboxes.
func (b *Bench) Relist(list connection.MailboxList) {
	b.Helper()
	_, _, err := b.Connections.Change(b.Context(), access.Local("bench"), App, connection.Edit{Mailboxes: &list})
	b.must(err)
}

// Resite gives a connection another list of sites, and gives it as it is then.
func (b *Bench) Resite(connectionName string, selected bool, sites ...string) connection.Connection {
	b.Helper()
	c, _, err := b.Connections.Change(b.Context(), access.Local("bench"), connectionName, connection.Edit{Sites: &sites, SitesSelected: &selected})
	b.must(err)
	return c
}

// Client binds a connection for the actions' mailboxes, as the corridor does.
func (b *Bench) Client(ctx context.Context, connectionName string) *graph.Client {
	b.Helper()
	bound, err := b.Connections.Bind(ctx, connectionName, connection.ForActions)
	b.must(err)
	return bound.Graph
}
