package connection

import (
	"context"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/store"
)

// binding is what working through a connection needs and what follows from its configuration and its lists of mailboxes, sites and teams alone. It is kept,
// as a feed is walked through one every few seconds, and a list may hold ten thousand.
type binding struct {
	version, list int64
	mailboxes     []Mailbox // nobody changes them
	sites         []Site    // nor these
	teams         []Team    // nor these
	byName        map[string]int
	bound         Bound
}

type bindingKey struct {
	connection string
	purpose    Purpose
}

// Bind gives the connection's client for a purpose. A paused connection is refused.
func (s *Service) Bind(ctx context.Context, idOrName string, p Purpose) (Bound, error) {
	c, err := s.entry(ctx, idOrName)
	if err != nil {
		return Bound{}, err
	}
	if c.paused {
		return Bound{}, &fault.Error{Kind: fault.Conflict, Code: "connection_paused", Message: "The connection " + c.Name + " is paused",
			Fix: "Resume it: seneschal connection pause " + c.Name + " --resume", Who: c.configurers()}
	}
	key := bindingKey{c.ID, p}
	s.mu.Lock()
	have, ok := s.bindings[key]
	s.mu.Unlock()
	if !ok || have.version != c.Version || have.list != c.listVersion {
		if have, err = s.newBinding(ctx, c, p); err != nil {
			return Bound{}, err
		}
		s.mu.Lock()
		if s.bindings == nil {
			s.bindings = map[bindingKey]*binding{}
		}
		s.bindings[key] = have
		s.mu.Unlock()
	}
	c.Mailboxes, c.byName = have.mailboxes, have.byName
	c.setSites(have.sites)
	c.setTeams(have.teams)
	return Bound{c, have.bound.Graph, have.bound.Tokens}, nil
}

// newBinding reads the list after the entry: should it change in between, the entry's version tells the next who asks.
func (s *Service) newBinding(ctx context.Context, c Connection, p Purpose) (*binding, error) {
	if err := s.readLists(ctx, &c); err != nil {
		return nil, err
	}
	b := &binding{version: c.Version, list: c.listVersion, mailboxes: c.Mailboxes, sites: c.SiteStates, teams: c.TeamStates, byName: make(map[string]int, 2*len(c.Mailboxes))}
	for i := len(c.Mailboxes) - 1; i >= 0; i-- { // of two with one name the first is meant
		for _, name := range c.Mailboxes[i].names() {
			b.byName[strings.ToLower(name)] = i
		}
	}
	var err error
	b.bound, err = s.bind(ctx, c, p)
	return b, err
}

// entry reads a connection without its mailboxes, sites and teams.
func (s *Service) entry(ctx context.Context, idOrName string) (Connection, error) {
	c, err := scan(s.Store.Reader().QueryRowContext(ctx, "select "+columns+" from connection_entry where id = $1 or name = $2", idOrName, idOrName))
	if store.IsNoRows(err) {
		return c, fault.Missing("connection", idOrName)
	}
	return c, err
}

// listChanged is said in the transaction that changes mailboxes, sites or teams of a connection.
func listChanged(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.ExecContext(ctx, "update connection_entry set list_version = list_version + 1 where id = $1", id)
	return err
}
