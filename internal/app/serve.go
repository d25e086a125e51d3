package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"seneschal/internal/access"
	"seneschal/internal/engine/alarm"
	"seneschal/internal/face/console"
	"seneschal/internal/face/ical"
	"seneschal/internal/face/mcp"
	"seneschal/internal/face/notify"
	"seneschal/internal/face/planning"
	"seneschal/internal/face/rest"
	"seneschal/internal/face/smtp"
	"seneschal/internal/fault"
	"seneschal/internal/feed"
	"seneschal/internal/privacy"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/wire"
)

// Server is a hub that serves.
type Server struct {
	app        *App
	http       *http.Server
	local      *http.Server // the host's own user, over a socket beside the database
	listener   net.Listener
	smtp       *smtp.Server // nil: mail is not taken in
	newcomers  newcomers
	console    *console.Face
	ready      atomic.Bool
	failed     chan error
	closing    chan struct{} // closed when the server stops: streams end then
	endStreams func()

	smtpAddress string

	outliving sync.WaitGroup
	cancel    context.CancelFunc
}

// URL is where the server listens.
func (s *Server) URL() string {
	return (&url.URL{Scheme: scheme(s.app.Config), Host: s.listener.Addr().String()}).String()
}

// Serve starts jobs and faces. It returns once requests are answered.
func (a *App) Serve(ctx context.Context) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.Config.Listen)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Misconfigured, Code: "listen", Message: "The hub cannot listen on " + a.Config.Listen, Cause: err.Error(),
			Fix: "Choose another address: SENESCHAL_LISTEN", Who: "the operator of this hub"}
	}
	s := &Server{app: a, listener: listener, failed: make(chan error, 3), closing: make(chan struct{}), newcomers: newcomers{here: map[net.Conn]bool{}}}
	s.endStreams = sync.OnceFunc(func() { close(s.closing) })
	here := &url.URL{Scheme: scheme(a.Config), Host: listener.Addr().String()}
	a.public = func() *url.URL { return here }
	if err := a.schedule(ctx); err != nil {
		return nil, err
	}
	s.background(ctx)
	if err := errors.Join(a.Budgets.Succeed(ctx), a.Jobs.Start(ctx)); err != nil {
		return nil, err
	}
	handler, err := s.handler()
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ConnState: s.newcomers.watch, BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }}
	if a.Config.TLSCertFile != "" {
		s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: reloading(a.Config.TLSCertFile, a.Config.TLSKeyFile)}
	}
	go s.run(func() error {
		if s.http.TLSConfig != nil {
			return s.http.ServeTLS(listener, "", "")
		}
		return s.http.Serve(listener)
	})
	if err := s.serveLocal(ctx); err != nil {
		return nil, err
	}
	if err := s.serveSMTP(ctx); err != nil {
		return nil, err
	}
	s.ready.Store(true)
	a.Log.InfoContext(ctx, "the hub serves", "url", a.base(), "version", Version, "database", string(a.Store.Engine))
	return s, nil
}

// background lets what outlives its request run until the hub stops.
func (s *Server) background(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.outliving.Go(func() { s.app.Connections.Uses.Run(ctx) })
	s.tellEvents(ctx)
	s.outliving.Go(func() { s.app.Feeds.ReadContents(ctx) })
	s.app.Connections.Background = func(f func(context.Context)) { s.outliving.Go(func() { f(ctx) }) }
}

func (s *Server) run(serve func() error) {
	if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		s.failed <- err
	}
}

// schedule makes sure that every recurring job has its row.
func (a *App) schedule(ctx context.Context) error {
	connections, err := a.Connections.List(ctx)
	if err != nil {
		return err
	}
	return a.Store.InTx(ctx, "app.schedule", func(tx *store.Tx) error {
		for _, c := range connections {
			if err := a.Jobs.EnsureScheduled(ctx, tx, feed.SyncJob, c.ID, a.Clock.Now()); err != nil {
				return err
			}
			if err := a.Jobs.EnsureScheduled(ctx, tx, "connection.check", c.ID, a.Clock.Now()); err != nil {
				return err
			}
		}
		for _, kind := range []string{"action.purge", "event.purge"} { // of older programs: the retention does it now
			if err := a.Jobs.Cancel(ctx, tx, kind, "all"); err != nil {
				return err
			}
		}
		for _, kind := range []string{feed.LagJob, alarm.SurveyJob} {
			if err := a.Jobs.EnsureScheduled(ctx, tx, kind, "all", a.Clock.Now()); err != nil {
				return err
			}
		}
		return a.Jobs.EnsureScheduled(ctx, tx, privacy.RetainJob, "all", a.Clock.Now().Add(time.Hour))
	})
}

// reloading reads the certificate files anew when they changed: whoever renews them need not restart the hub.
func reloading(certFile, keyFile string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	type loaded struct {
		cert    *tls.Certificate
		changed time.Time
	}
	var last atomic.Pointer[loaded]
	read := func() (*loaded, error) {
		info, err := os.Stat(certFile)
		if err != nil {
			return nil, err
		}
		if have := last.Load(); have != nil && have.changed.Equal(info.ModTime()) {
			return have, nil
		}
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		return &loaded{&cert, info.ModTime()}, err
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		now, err := read()
		if err == nil {
			last.Store(now)
			return now.cert, nil
		}
		if have := last.Load(); have != nil {
			return have.cert, nil //nolint:nilerr // half-written files: the old pair serves until the new one is whole
		}
		return nil, err
	}
}

// Stop ends serving: no new requests, running ones may finish within the shutdown time, jobs give their rows back.
func (s *Server) Stop(ctx context.Context) error {
	s.ready.Store(false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.app.Config.ShutdownTimeout)
	defer cancel()
	s.endStreams()
	s.newcomers.dismiss()
	err := s.http.Shutdown(ctx)
	if s.local != nil {
		err = errors.Join(err, s.local.Shutdown(ctx))
	}
	if s.smtp != nil {
		err = errors.Join(err, s.smtp.Stop(ctx))
	}
	s.cancel()
	s.outliving.Wait()
	return errors.Join(err, s.app.Jobs.Stop(ctx))
}

// Failed tells when a listener broke.
func (s *Server) Failed() <-chan error { return s.failed }

func (s *Server) handler() (http.Handler, error) {
	mux := http.NewServeMux()
	s.mountProbes(mux)
	(&rest.Face{Runner: s.app.Runner, Caller: s.caller, Version: Version, Now: s.app.Clock.Now, MachineNow: time.Now, Closing: s.closing}).Mount(mux)
	(&mcp.Face{Registry: s.app.Registry, Do: s.app.Runner.Do, Bearer: s.agentBearer, Base: s.app.base, Version: Version}).Mount(mux)
	(&mcp.OAuth{Grants: s.app.Access, Base: s.app.base, Limiter: &access.Limiter{Clock: s.app.Clock}}).Mount(mux)
	(&ical.Face{Read: s.app.Dispatch.ICal, Log: s.app.Log}).Mount(mux)
	(&planning.Face{Take: s.app.Dispatch.Called, Log: s.app.Log}).Mount(mux)
	(&notify.Face{Feeds: s.app.Feeds, Log: s.app.Log}).Mount(mux)
	if err := s.mountConsole(mux); err != nil {
		return nil, err
	}
	// A session's cookie must not serve another site's page, on whatever route.
	return s.trace(s.forwarded(http.NewCrossOriginProtection().Handler(mux))), nil
}

func (s *Server) mountProbes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		var one int
		if err := s.app.Store.Reader().QueryRowContext(ctx, "select 1").Scan(&one); err != nil || !s.ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", s.app.Metrics.Handler())
}

// caller finds out who asks: an API key, else a session of the console, else nobody.
func (s *Server) caller(r *http.Request) (access.Caller, error) {
	if c, ok := r.Context().Value(localKey{}).(access.Caller); ok {
		return c, nil
	}
	if c, err := s.bearer(r); err != nil || c.Kind != "" {
		return c, err
	}
	return s.sessionCaller(r)
}

// bearer finds out whose API key a request carries; nobody's without one.
func (s *Server) bearer(r *http.Request) (access.Caller, error) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return access.Caller{}, nil
	}
	return s.app.Access.KeyCaller(r.Context(), strings.TrimSpace(key))
}

// agentBearer finds out who comes to the agents' door: a program that a person allowed, or an API key. Tokens of programs open no other door.
func (s *Server) agentBearer(r *http.Request) (access.Caller, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if strings.HasPrefix(token, access.TokenPrefix) {
		return s.app.Access.TokenCaller(r.Context(), strings.TrimSpace(token), s.app.base()+mcp.Path)
	}
	return s.bearer(r)
}

type localKey struct{}

// serveLocal listens on a socket beside the SQLite file, so that commands on the host use the running hub. Only the file's owner can
// open it; whoever can could read the database itself.
func (s *Server) serveLocal(ctx context.Context) error {
	path, ok := socketPath(s.app.Config.DatabaseURL)
	if !ok {
		return nil
	}
	_ = os.Remove(path) // a socket left by a kill; a living hub on this database would hold its listen address
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return fmt.Errorf("listening on %s: %w", path, err)
	}
	listener.SetUnlinkOnClose(false) // it may be another instance's by then
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	name := "operator"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	caller := access.Local(name)
	s.local = &http.Server{Handler: s.http.Handler, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context {
		return context.WithValue(context.WithoutCancel(ctx), localKey{}, caller)
	}}
	go s.run(func() error { return s.local.Serve(listener) })
	return nil
}

// socketPath is the socket of a database; PostgreSQL has none, its host is not ours.
func socketPath(databaseURL string) (string, bool) {
	path, ok := strings.CutPrefix(databaseURL, "file:")
	return path + ".sock", ok
}

// trace gives each request an id, which the answer and every log line carry, and counts it by route.
func (s *Server) trace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := store.NewID(s.app.Clock.Now())
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		start := s.app.Clock.Now()
		ctx := telemetry.WithRequest(r.Context(), id)
		if parent := r.Header.Get("Traceparent"); parent != "" {
			ctx = wire.WithTraceparent(ctx, parent)
		}
		r = r.WithContext(ctx)
		next.ServeHTTP(recorder, r)
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		took := s.app.Clock.Now().Sub(start)
		s.app.Metrics.Incoming(route, recorder.status, took)
		s.app.Log.DebugContext(r.Context(), "request answered", "route", route, "status", recorder.status, "took", took, "from", r.RemoteAddr)
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// forwarded believes X-Forwarded-For of declared proxies, and of nobody else. Each proxy adds who came to it at the end, so the
// client is the last one that is no proxy of ours; what stands before it anybody may have written.
func (s *Server) forwarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
		for i := len(hops) - 1; i >= 0 && hops[i] != "" && s.trusted(r.RemoteAddr); i-- {
			r.RemoteAddr = net.JoinHostPort(strings.TrimSpace(hops[i]), "0")
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) trusted(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, p := range s.app.Config.TrustedProxies {
		if p.Contains(at.Addr().Unmap()) {
			return true
		}
	}
	return false
}
