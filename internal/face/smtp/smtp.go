package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"seneschal/internal/access"
	"seneschal/internal/action"
)

const (
	// maxMessage is announced as SIZE: 150 MB of files as base64, and what is around them.
	maxMessage = 210 << 20
	idle       = 2 * time.Minute  // how long a client may say nothing
	transfer   = 15 * time.Minute // how long a mail may take to come in
	counted    = "smtp"           // the kind of tries that are counted by network address
)

// Face is the door.
type Face struct {
	Send       action.Action // delivery.send, as it is registered
	Do         func(context.Context, action.Request) (action.Result, error)
	Key        func(ctx context.Context, key string) (access.Caller, error)
	Limiter    *access.Limiter
	Recipients int // of one mail
	Domain     string
	TLS        *tls.Config // nil: no STARTTLS
	Clear      bool        // signing in without TLS is allowed: nobody but this machine is there
	Log        *slog.Logger
	MachineNow func() time.Time // for deadlines of the network
}

// Server serves the door.
type Server struct {
	face    *Face
	ctx     context.Context //nolint:containedctx // connections live as long as the server
	smtp    *smtp.Server
	closing chan struct{}
	stop    func()

	mu    sync.Mutex
	taken sync.WaitGroup // mails that are being taken in
}

// Server makes a server; its calls live in ctx.
func (f *Face) Server(ctx context.Context) *Server {
	s := &Server{face: f, ctx: ctx, closing: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.closing) })
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.session))
	s.smtp.Domain, s.smtp.TLSConfig, s.smtp.AllowInsecureAuth = f.Domain, f.TLS, f.Clear
	s.smtp.MaxMessageBytes, s.smtp.MaxRecipients = maxMessage, f.Recipients
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = idle, idle
	s.smtp.ErrorLog = quiet{f.Log}
	return s
}

// Serve takes connections until Stop.
func (s *Server) Serve(l net.Listener) error {
	return s.smtp.Serve(&door{Listener: l, now: s.face.MachineNow, unknown: map[string]int{}})
}

// Stop takes no further mail, and lets what is being taken in end as long as ctx allows. Clients that say nothing are not waited for.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.taken.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return s.smtp.Close()
}

// begin counts a mail that comes in; false once the hub stops.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closing:
		return false
	default:
		s.taken.Add(1)
		return true
	}
}

// quiet writes the library's own complaints: clients that break off, mostly.
type quiet struct{ log *slog.Logger }

// Printf writes one.
func (q quiet) Printf(format string, v ...any) { q.log.Debug("smtp: " + fmt.Sprintf(format, v...)) }

// Println writes one.
func (q quiet) Println(v ...any) { q.log.Debug("smtp: " + fmt.Sprint(v...)) }
