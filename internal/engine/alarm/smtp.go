package alarm

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
	"seneschal/internal/vault"
)

// Routes are the ways by which people are told: settings of the hub.
type Routes struct {
	From []string // mailboxes to send from, in this order
	To   []string // addresses that are told besides owners and admins
	SMTP *Server  // nil: none
}

// Any tells whether there is a way at all.
func (r Routes) Any() bool { return len(r.From) > 0 }

// Server is the operator's own mail server.
type Server struct {
	Address  string // host:port; 465 speaks TLS from the start, every other port by STARTTLS, which is required off this host
	User     string
	Password vault.Secret
	RootCAs  *x509.CertPool
	Hook     clock.Hook
}

const smtpTime = time.Minute

// send hands one mail over. before is called once everything is agreed and nothing has left: from there on an answer that is lost leaves
// the mail's fate unknown.
func (s *Server) send(ctx context.Context, m Mail, at time.Time, before func() error) error {
	ctx, cancel := context.WithTimeout(ctx, smtpTime)
	defer cancel()
	c, err := s.dial(ctx)
	if err != nil {
		return s.refused("cannot be reached", err)
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	for _, step := range []struct {
		what string
		do   func() error
	}{{"refuses the sign-in", func() error { return s.authenticate(c) }}, {"refuses the sender", func() error { return c.Mail(m.sender) }}, {"refuses the recipient", func() error { return c.Rcpt(m.Recipient) }}} {
		if err := step.do(); err != nil {
			return s.refused(step.what, err)
		}
	}
	if err := before(); err != nil {
		return err
	}
	s.Hook.At(clock.BeforeSend, "alarm mail")
	err = deliver(c, compose(m, at))
	s.Hook.At(clock.AfterAnswer, "alarm mail")
	var answered *textproto.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answered):
		return s.refused("refuses the mail", err)
	default:
		return &fault.Error{Kind: fault.Unclear, Code: "outcome_unknown", Message: "The mail server's answer was lost", Err: err}
	}
}

func deliver(c *smtp.Client, text []byte) error {
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.Close() // the server's answer; the goodbye after it changes nothing
}

func (s *Server) refused(what string, err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "mail_server", Message: "The mail server " + s.Address + " " + what + ": " + err.Error(), Fix: "Check SENESCHAL_ALARM_SMTP and what belongs to it", Who: "the operator of this hub", Err: err}
}

func (s *Server) dial(ctx context.Context) (*smtp.Client, error) {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{ServerName: host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12}
	var conn net.Conn
	if port == "465" {
		conn, err = (&tls.Dialer{Config: secure}).DialContext(ctx, "tcp", s.Address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if port == "465" {
		return c, nil
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		err = c.StartTLS(secure)
	} else if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		err = errors.New("it offers no encryption (STARTTLS)")
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (s *Server) authenticate(c *smtp.Client) error {
	if s.User == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(s.Address)
	if err != nil {
		return err
	}
	return c.Auth(smtp.PlainAuth("", s.User, s.Password.Reveal(), host)) // refuses to speak in the clear off this host
}

// compose writes the mail (RFC 5322). Its Message-ID is the ledger's id: a receiver that gets it twice can tell.
func compose(m Mail, at time.Time) []byte {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(m.sender, "@")
	for _, h := range [][2]string{{"From", "Seneschal <" + m.sender + ">"}, {"To", m.Recipient}, {"Subject", mime.QEncoding.Encode("utf-8", m.letter.subject)}, {"Date", at.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + m.ID + "@" + domain + ">"}, {"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"}, {"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"}} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], strings.NewReplacer("\r", "", "\n", "").Replace(h[1]))
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(m.letter.body, "\n", "\r\n"))) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}
