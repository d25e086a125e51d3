package app

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"time"

	"golang.org/x/net/netutil"

	"seneschal/internal/access"
	"seneschal/internal/face/smtp"
	"seneschal/internal/fault"
)

// maxClients is how many programs may be connected at once; further ones wait until one goes.
const maxClients = 100

// serveSMTP opens the door for programs that speak nothing else, where one is set.
func (s *Server) serveSMTP(ctx context.Context) error {
	a := s.app
	if a.Config.SMTPListen == "" {
		return nil
	}
	send, ok := a.Registry.Lookup("delivery.send")
	if !ok {
		return fault.Missing("action", "delivery.send")
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.Config.SMTPListen)
	if err != nil {
		return &fault.Error{Kind: fault.Misconfigured, Code: "listen", Message: "The hub cannot listen on " + a.Config.SMTPListen, Cause: err.Error(),
			Fix: "Choose another address: SENESCHAL_SMTP_LISTEN", Who: "the operator of this hub"}
	}
	face := &smtp.Face{Send: send, Do: a.Runner.Do, Key: a.Access.KeyCaller, Limiter: &access.Limiter{Clock: a.Clock}, Recipients: a.Config.DeliveryRecipients, Domain: "localhost", Clear: loopback(listener.Addr()), Log: a.Log, MachineNow: time.Now}
	if u, err := url.Parse(a.base()); err == nil {
		face.Domain = u.Hostname()
	}
	if a.Config.TLSCertFile != "" {
		face.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: reloading(a.Config.TLSCertFile, a.Config.TLSKeyFile)}
	}
	s.smtp, s.smtpAddress = face.Server(context.WithoutCancel(ctx)), listener.Addr().String()
	go s.run(func() error { return s.smtp.Serve(netutil.LimitListener(listener, maxClients)) })
	a.Log.InfoContext(ctx, "the hub takes mail", "address", s.smtpAddress, "tls", face.TLS != nil)
	return nil
}

// SMTPAddress is where mail is taken in; "" for nowhere.
func (s *Server) SMTPAddress() string { return s.smtpAddress }

func loopback(a net.Addr) bool {
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && at.Addr().IsLoopback()
}
