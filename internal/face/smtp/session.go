package smtp

import (
	"encoding/json"
	"errors"
	"io"
	"net/mail"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"seneschal/internal/access"
	"seneschal/internal/action"
	"seneschal/internal/fault"
	"seneschal/internal/vault"
)

// session is one client's connection.
type session struct {
	server *Server
	conn   *smtp.Conn
	key    vault.Secret // that it signed in with
	caller access.Caller
	from   string
	to     []string
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

// AuthMechanisms are the two that every client has one of.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

// Auth begins a sign-in.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, _, password string) error { return s.signIn(password) }), nil
	case sasl.Login:
		return &login{signIn: s.signIn}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// signIn takes an API key, whatever name stands with it. Only failures are counted: a program that sends a thousand invoices signs in as often.
func (s *session) signIn(key string) error {
	f, remote := s.server.face, s.conn.Conn().RemoteAddr().String()
	if err := f.Limiter.Spent(counted, remote); err != nil {
		return reply(err)
	}
	s.key = vault.NewSecret(strings.TrimSpace(key))
	if err := s.admit(); err != nil {
		if fault.KindOf(err) == fault.Unauthenticated {
			_ = f.Limiter.Allow(counted, remote) // it is counted; this answer is a refusal already
		}
		return reply(err)
	}
	if v := visitorOf(s.conn.Conn()); v != nil {
		v.welcome()
	}
	return nil
}

// admit has the client be who its key says now. A key is asked for anew with each mail: connections outlive keys that were taken away.
func (s *session) admit() error {
	f := s.server.face
	s.caller = access.Caller{}
	caller, err := f.Key(s.server.ctx, s.key.Reveal())
	if err != nil {
		return err
	}
	if err := access.Allow(caller, f.Send.Wants()); err != nil {
		return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: sentence(fault.As(err))}
	}
	s.caller = caller
	return nil
}

// Mail takes the sender: a mailbox that can send, which is found out before a large file comes.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.caller.Kind == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Sign in first: AUTH with an API key as the password"}
	}
	if err := s.admit(); err != nil {
		return reply(err)
	}
	if from == "" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 7}, Message: "Mail needs a sender here: the mailbox that it is sent from"}
	}
	input, err := json.Marshal(sending{From: from, To: []string{from}, DryRun: true})
	if err != nil {
		return reply(err)
	}
	if _, err := s.server.face.Do(s.server.ctx, action.Request{Action: s.server.face.Send.Name, Caller: s.caller, Input: input}); err != nil {
		return reply(err)
	}
	s.from = strings.ToLower(from)
	return nil
}

// Rcpt takes a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	a, err := mail.ParseAddress(to)
	if err != nil || !strings.EqualFold(a.Address, to) {
		return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 1, 3}, Message: "The recipient is no address like ada@contoso.example"}
	}
	if to = strings.ToLower(to); !slices.Contains(s.to, to) {
		s.to = append(s.to, to)
	}
	return nil
}

// Data takes the mail. It returns without an error, and 250 is said, when the delivery is committed.
func (s *session) Data(r io.Reader) error {
	if !s.server.begin() {
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "The hub is stopping; try again in a minute"}
	}
	defer s.server.taken.Done()
	f := s.server.face
	if err := s.conn.Conn().SetReadDeadline(f.MachineNow().Add(transfer)); err != nil {
		return reply(err)
	}
	m, err := read(r, f.Send.Files)
	defer m.close()
	if err == nil && s.gone() {
		err = unreadable("it breaks off")
	}
	if err != nil {
		return reply(err)
	}
	in, err := m.sending(s.from, s.to)
	if err != nil {
		return reply(err)
	}
	input, err := json.Marshal(in)
	if err != nil {
		return reply(err)
	}
	if err := s.admit(); err != nil { // a large mail takes its time
		return reply(err)
	}
	_, err = f.Do(s.server.ctx, action.Request{Action: f.Send.Name, Caller: s.caller, Input: input, Files: m.byName(f.Send.Files), Key: m.key(s.from, s.to, input)})
	return reply(err)
}

// gone says that the client's side has ended.
func (s *session) gone() bool {
	v := visitorOf(s.conn.Conn())
	return v != nil && v.ended.Load()
}

// Reset forgets the envelope.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout has nothing to end.
func (s *session) Logout() error { return nil }

// login is the mechanism of older clients: a name is asked for, then a password.
type login struct {
	signIn func(password string) error
	step   int
}

// Next takes the client's answer and gives the next question.
func (l *login) Next(response []byte) ([]byte, bool, error) {
	if l.step == 0 && response == nil {
		return []byte("Username:"), false, nil
	}
	l.step++
	switch l.step {
	case 1:
		return []byte("Password:"), false, nil
	case 2:
		return nil, true, l.signIn(string(response))
	}
	return nil, false, errors.New("nothing is asked any more")
}
