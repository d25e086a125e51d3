package sim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"seneschal/internal/sim/entra"
	"seneschal/internal/sim/graph"
	"seneschal/internal/sim/trouble"
	"seneschal/internal/sim/world"
)

// Clock tells the time and waits. A clock that also has Advance(time.Duration) can be moved by POST /clock.
type Clock = world.Clock

// Config says which cloud to play and where.
type Config struct {
	World   string // "contoso" (default), "large", or a YAML file's path
	Listen  string // default 127.0.0.1:0
	Dir     string // journal, certificate authority, keys; empty: temporary and not kept
	Seed    uint64
	MailDir string // <upn>/*.eml; loose files go to the first mailbox
	ICSDir  string // <upn>/*.ics; loose files go to the first mailbox
	Clock   Clock  // default: the machine's clock plus an offset
	Log     *slog.Logger
	Latency time.Duration // of every request

	Users, MessagesPerMailbox int // for the large world; default 200 and 1000
}

// Sim is a running cloud.
type Sim struct {
	cfg      Config
	temp     bool
	ca       *authority
	caFile   string
	url      string
	adminURL string
	servers  []*http.Server
	core     atomic.Pointer[core]
	stop     context.CancelFunc
	running  sync.WaitGroup
	resetMu  sync.Mutex
}

// core is the cloud's state; POST /reset replaces it as a whole.
type core struct {
	world  *world.World
	entra  *entra.Server
	graph  *graph.Server
	faults *trouble.Book
	record *trouble.Recorder
}

// Start plays a cloud until Close or until ctx ends.
func Start(ctx context.Context, c Config) (*Sim, error) {
	s := &Sim{cfg: c}
	if err := s.defaults(); err != nil {
		return nil, err
	}
	co, err := s.open()
	if err != nil {
		return nil, errors.Join(err, s.removeTemp())
	}
	s.core.Store(co)
	ctx, s.stop = context.WithCancel(ctx)
	if err := s.listen(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := co.writeFederated(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.running.Add(1)
	go s.pump(ctx)
	return s, nil
}

func (s *Sim) defaults() error {
	c := &s.cfg
	if c.World == "" {
		c.World = "contoso"
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Clock == nil {
		c.Clock = world.NewOffsetClock()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Users == 0 {
		c.Users = 200
	}
	if c.MessagesPerMailbox == 0 {
		c.MessagesPerMailbox = 1000
	}
	if c.Dir == "" {
		dir, err := os.MkdirTemp("", "seneschal-sim-")
		if err != nil {
			return err
		}
		c.Dir, s.temp = dir, true
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("the simulator's directory: %w", err)
	}
	var err error
	if s.ca, err = openAuthority(c.Dir, time.Now()); err != nil { // certificates are checked by the machine's time, not the world's
		return err
	}
	s.caFile, err = filepath.Abs(s.ca.file)
	return err
}

func (s *Sim) open() (*core, error) {
	c := s.cfg
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	co := &core{faults: &trouble.Book{}, record: &trouble.Recorder{}}
	co.world, err = world.Open(world.Options{
		Name: c.World, Dir: dir, Seed: c.Seed, Clock: c.Clock, Log: c.Log, Users: c.Users, MessagesPerMailbox: c.MessagesPerMailbox,
		MailDir: c.MailDir, ICSDir: c.ICSDir, LoadMail: graph.LoadMail, LoadICS: graph.LoadICS,
	})
	if err != nil {
		return nil, err
	}
	if co.entra, err = entra.New(co.world, co.faults); err != nil {
		return nil, errors.Join(err, co.world.Close())
	}
	co.graph = graph.New(co.world, co.entra, co.faults, co.record)
	co.graph.RouteBatch(s.batchPart(co))
	if c.Latency > 0 {
		_, err = co.graph.SetLimits(graph.Limits{Latency: c.Latency.String()})
	}
	return co, err
}

func (s *Sim) listen(ctx context.Context) error {
	cert, err := s.ca.server(time.Now())
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("the simulator cannot listen: %w", err)
	}
	admin, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s.url, s.adminURL = "https://"+l.Addr().String(), "http://"+admin.Addr().String()
	quiet := slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug)
	base := func(net.Listener) context.Context { return ctx }
	cloud := &http.Server{Handler: s.Handler(), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, ErrorLog: quiet, BaseContext: base, ReadHeaderTimeout: time.Minute}
	desk := &http.Server{Handler: s.admin(), ErrorLog: quiet, BaseContext: base, ReadHeaderTimeout: time.Minute}
	s.servers = []*http.Server{cloud, desk}
	s.running.Add(2)
	go func() { defer s.running.Done(); _ = cloud.ServeTLS(l, "", "") }() // ends with http.ErrServerClosed
	go func() { defer s.running.Done(); _ = desk.Serve(admin) }()         // as above
	return nil
}

// beat is how often due work is looked for.
const beat = 50 * time.Millisecond

func (s *Sim) pump(ctx context.Context) {
	defer s.running.Done()
	for s.cfg.Clock.Sleep(ctx, beat) == nil {
		s.core.Load().graph.Tick()
	}
}

// Close ends the cloud; a temporary directory is removed.
func (s *Sim) Close() error {
	s.stop()
	for _, srv := range s.servers {
		_ = srv.Close() // the listeners end with it; open connections are cut
	}
	s.running.Wait()
	c := s.core.Load()
	c.graph.Close()
	return errors.Join(c.world.Close(), s.removeTemp())
}

func (s *Sim) removeTemp() error {
	if !s.temp {
		return nil
	}
	return os.RemoveAll(s.cfg.Dir)
}

// HTTPClient makes a client that trusts the simulator's certificate authority. Redirects are its caller's to follow.
func (s *Sim) HTTPClient() *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(s.ca.cert)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64}}
}

// WorldFile gives a built-in world's file, as sim --print shows it.
func WorldFile(name string) ([]byte, error) { return world.File(name) }

func (c *core) federatedFile() string { return filepath.Join(c.world.Dir, "federated-token.jwt") }

// federatedLife is generous: the file stands in for a CI system that writes a new one for each job.
const federatedLife = 30 * 24 * time.Hour

func (c *core) writeFederated() error {
	t, err := c.entra.FederatedToken(world.ExternalSubject, federatedLife)
	if err != nil {
		return err
	}
	return os.WriteFile(c.federatedFile(), []byte(t), 0o600)
}
