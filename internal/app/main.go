package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/admin"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/engine/alarm"
	"seneschal/internal/engine/delivery"
	"seneschal/internal/engine/timeline"
	"seneschal/internal/face/cli"
	"seneschal/internal/fault"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
)

// process is what one invocation works with.
type process struct {
	environ []string
	io      cli.Stdio
	clock   clock.Clock
	hook    clock.Hook
}

// Main runs the program and gives its exit code.
func Main(ctx context.Context, args, environ []string, io cli.Stdio) int {
	p := &process{environ: environ, io: io, clock: clock.Real{}}
	hook, err := crashHook(environ)
	if err != nil {
		_, _ = fmt.Fprintln(io.Err, err)
		return 2
	}
	p.hook = hook
	// The registry alone makes the command tree; the hub behind it is opened by the commands that need one.
	r, err := registry(&admin.Hub{}, &timeline.Engine{}, &alarm.Engine{}, &delivery.Engine{})
	if err != nil {
		_, _ = fmt.Fprintln(io.Err, err)
		return 1
	}
	face := cli.New(cli.Options{Registry: r, IO: io, Open: p.open, Flags: settingFlags, Settings: givenFlags, Wait: p.clock.Sleep, Extra: p.commands()})
	return face.Run(ctx, args)
}

// settingFlags gives every setting its flag; secrets have none, as flags show in process lists.
func settingFlags(root *cobra.Command) {
	root.PersistentFlags().String("config-file", "", "file with settings, one NAME=value a line")
	for _, s := range config.Settings() {
		if !s.Secret() {
			root.PersistentFlags().String(s.Flag(), "", s.Doc)
			_ = root.PersistentFlags().MarkHidden(s.Flag()) // config describe lists them; help would drown in them
		}
	}
}

func givenFlags(root *cobra.Command) map[string]string {
	given := map[string]string{}
	take := func(name, flag string) {
		if f := root.PersistentFlags().Lookup(flag); f != nil && f.Changed {
			given[name] = f.Value.String()
		}
	}
	take("CONFIG_FILE", "config-file")
	for _, s := range config.Settings() {
		take(s.Name, s.Flag())
	}
	return given
}

func (p *process) load(flags map[string]string) (*config.Config, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return config.Load(dir, p.environ, flags)
}

// open gives commands their way to the hub: the one of SENESCHAL_URL, the one that runs on this database, or the database itself.
func (p *process) open(ctx context.Context, flags map[string]string) (cli.Doer, func(), error) {
	c, err := p.load(flags)
	if err != nil {
		return nil, nil, err
	}
	r, err := registry(&admin.Hub{}, &timeline.Engine{}, &alarm.Engine{}, &delivery.Engine{})
	if err != nil {
		return nil, nil, err
	}
	if c.HubURL != "" {
		return p.remote(c, r)
	}
	if client, ok := localHub(ctx, c.DatabaseURL); ok {
		return &cli.Remote{Registry: r, HTTP: client, URL: "http://hub"}, func() {}, nil
	}
	a, err := New(ctx, c, p.surroundings(c))
	if err != nil {
		return nil, nil, err
	}
	return localDoer{a}, func() { _ = a.Close() }, nil
}

func (p *process) surroundings(c *config.Config) Surroundings {
	return Surroundings{Clock: p.clock, Hook: p.hook, Log: telemetry.NewLog(p.io.Err, c.LogFormat, c.LogLevel)}
}

func (p *process) remote(c *config.Config, r *action.Registry) (cli.Doer, func(), error) {
	if c.APIKeyFile == "" {
		return nil, nil, fault.BadField("SENESCHAL_API_KEY_FILE", "is missing: a hub elsewhere wants an API key")
	}
	key, err := os.ReadFile(c.APIKeyFile)
	if err != nil {
		return nil, nil, err
	}
	roots, err := certificates(c.CAFile)
	if err != nil {
		return nil, nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if roots != nil {
		transport.TLSClientConfig.RootCAs = roots
	}
	return &cli.Remote{Registry: r, HTTP: &http.Client{Transport: transport}, URL: c.HubURL, Key: vault.NewSecret(strings.TrimSpace(string(key)))}, transport.CloseIdleConnections, nil
}

// localHub speaks to a hub that runs on this database.
func localHub(ctx context.Context, databaseURL string) (*http.Client, bool) {
	path, ok := socketPath(databaseURL)
	if !ok {
		return nil, false
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, false
	}
	_ = conn.Close()
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", path)
	}}}, true
}

// localDoer is the corridor in this process, for the operator on the host.
type localDoer struct{ app *App }

// Do runs the action as the host's user.
func (l localDoer) Do(ctx context.Context, q action.Request) (action.Result, error) {
	q.Caller = localCaller()
	return l.app.Runner.Do(ctx, q)
}

func localCaller() access.Caller {
	if u, err := user.Current(); err == nil {
		return access.Local(u.Username)
	}
	return access.Local("operator")
}
