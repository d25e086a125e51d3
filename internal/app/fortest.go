package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/connection"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
	"seneschal/internal/wire"
)

// Hub is a whole app in a test, served on loopback against a simulated cloud, with one clock for both.
type Hub struct {
	*App
	Server *Server
	Cloud  *sim.Sim
	Time   *clock.Adjustable
	Began  time.Time // by that clock: what a test reckons from it stays the same at midnight
	Key    string    // an API key that may do everything a key may

	t testing.TB
}

// TestOptions change a hub under test.
type TestOptions struct {
	Engine   store.Engine // SQLite without
	Hook     clock.Hook
	Recorder wire.Recorder
	Limits   wire.Limits
	Log      io.Writer
	Change   func(map[string]string) // of the settings
	Cloud    func(*sim.Config)       // its own clock and the world contoso without
}

// StartForTest joins and serves a hub until the test ends.
func StartForTest(t testing.TB, o TestOptions) *Hub {
	t.Helper()
	h := &Hub{t: t, Time: clock.NewAdjustable()}
	h.Began = h.Time.Now()
	h.Cloud = sim.StartForTest(t, "contoso", func(c *sim.Config) {
		if c.Clock = h.Time; o.Cloud != nil {
			o.Cloud(c)
		}
	})
	if o.Engine == "" {
		o.Engine = store.SQLite
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	r := h.Cloud.Ready()
	dir := t.TempDir()
	settings := map[string]string{"LISTEN": "127.0.0.1:0", "DATABASE_URL": store.TestURL(t, o.Engine), "KEY_FILE": filepath.Join(dir, "master.key"),
		"CLOUD": "custom", "LOGIN_URL": r.LoginURL, "GRAPH_URL": r.GraphURL, "CA_FILE": r.CAFile, "INSTANCE": t.Name(), "SHUTDOWN_TIMEOUT": "5s"}
	if o.Change != nil {
		o.Change(settings)
	}
	c, err := config.Load(dir, nil, settings)
	if err != nil {
		t.Fatal(err)
	}
	if h.App, err = New(context.Background(), c, Surroundings{Clock: h.Time, Hook: o.Hook, Log: telemetry.NewLog(o.Log, "text", -4), Recorder: o.Recorder, Limits: o.Limits}); err != nil {
		t.Fatal(err)
	}
	if h.Server, err = h.Serve(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Server.Stop(context.Background()); err != nil {
			t.Errorf("stopping the hub: %v", err)
		}
		_ = h.Close()
	})
	_, key, err := h.Access.AddAPIKey(context.Background(), access.Local("test"), "test", []access.Scope{access.HubRead, access.HubWrite, access.ActionRead, access.ActionWrite}, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.Key = key.Reveal()
	return h
}

// ReadyApp finds an app registration of the world by name.
func (h *Hub) ReadyApp(name string) sim.ReadyApp {
	h.t.Helper()
	for _, a := range h.Cloud.Ready().Tenants[0].Apps {
		if a.Name == name {
			return a
		}
	}
	h.t.Fatalf("the world has no app %q", name)
	return sim.ReadyApp{}
}

// Form is a connection's form for an app of the world, with Ada's and Ben's mailboxes.
func (h *Hub) Form(name, app string, capabilities ...m365.Capability) connection.Form {
	h.t.Helper()
	a := h.ReadyApp(app)
	if len(capabilities) == 0 {
		capabilities = []m365.Capability{m365.Directory, m365.Mail, m365.Calendar}
	}
	f := connection.Form{Name: name, Kind: m365.Mode(a.Kind), TenantID: m365.TenantID(h.Cloud.Ready().Tenants[0].TenantID), ClientID: m365.ClientID(a.ClientID),
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(a.ClientSecret)}, Capabilities: capabilities}
	if slices.Contains(capabilities, m365.SharePoint) {
		f.Sites = []string{connection.EverySite}
	}
	if slices.Contains(capabilities, m365.Teams) {
		f.Teams = []string{connection.EveryTeam}
	}
	if f.Kind == m365.Application {
		f.Mailboxes = connection.ParseMailboxes("ada@contoso.example; ben@contoso.example")
	}
	return f
}

// Connect adds a connection.
func (h *Hub) Connect(f connection.Form) connection.Connection {
	h.t.Helper()
	c, _, err := h.Connections.Add(context.Background(), access.Local("test"), f)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// Do runs an action as the local operator.
func (h *Hub) Do(connectionName, name, key string, in any) (action.Result, error) {
	h.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Runner.Do(context.Background(), action.Request{Action: name, Connection: connectionName, Caller: access.Local("test"), Input: text, Key: key})
}

// REST sends a request with the hub's key, and gives status, header and body.
func (h *Hub) REST(method, path string, body any, header ...string) (int, http.Header, []byte) {
	h.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	req, err := http.NewRequestWithContext(context.Background(), method, h.Server.URL()+path, bytes.NewReader(text))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.Key)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, out
}
