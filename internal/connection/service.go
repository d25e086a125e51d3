package connection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"seneschal/internal/audit"
	"seneschal/internal/clock"
	"seneschal/internal/entra"
	"seneschal/internal/event"
	"seneschal/internal/fault"
	"seneschal/internal/graph"
	"seneschal/internal/m365"
	"seneschal/internal/store"
	"seneschal/internal/vault"
	"seneschal/internal/wire"
)

// Probe makes one harmless read that proves a capability on a mailbox ("" where the capability has none).
type Probe func(ctx context.Context, g *graph.Client, mailbox m365.UserID) (graph.Proof, error)

// Scheduler is what connection needs of jobs.
type Scheduler interface {
	Schedule(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error
	EnsureScheduled(ctx context.Context, tx *store.Tx, kind, id string, due time.Time) error
	Cancel(ctx context.Context, tx *store.Tx, kind, id string) error
}

// Service keeps connections.
type Service struct {
	Store        *store.Store
	Vault        *vault.Vault
	Clock        clock.Clock
	Log          *slog.Logger
	Audit        *audit.Log
	Events       *event.Log
	Jobs         Scheduler
	Lock         entra.Lock
	HTTP         *http.Client // for sign-in
	MachineNow   func() time.Time
	Wire         wire.Config // what all clients share; tokens and fence are set per connection
	Endpoints    func(m365.Cloud) (m365.Endpoints, error)
	DefaultCloud m365.Cloud
	Redirect     func() string // the exact redirect URI, shown in one place
	Probes       map[m365.Capability]Probe
	Lookups      *graph.Lookups // nil: nothing is kept of what is looked up
	Uses         *Uses
	Changed      func(ctx context.Context, tx *store.Tx, id string) error // told in the transaction in which a connection is made, changed, paused, resumed or removed
	Leaving      func(ctx context.Context, b Bound)                       // called before a connection is removed, while its credential still works
	Background   func(func(context.Context))                              // runs what outlives its request; nil where nothing is served

	mu       sync.Mutex
	clients  map[string]*clients
	bindings map[bindingKey]*binding
}

// clients are the live objects of one version of a connection.
type clients struct {
	version int64
	entra   *entra.Client
}

// Bound is a connection ready to work for one purpose: its client reaches the mailboxes listed for it, the listed sites and teams where it may name any, and nothing else.
type Bound struct {
	Connection Connection
	Graph      *graph.Client
	Tokens     *entra.Client
}

func (s *Service) bind(ctx context.Context, c Connection, p Purpose) (Bound, error) {
	tokens, err := s.tokens(ctx, c)
	if err != nil {
		return Bound{}, err
	}
	e, err := s.Endpoints(c.Cloud)
	if err != nil {
		return Bound{}, err
	}
	return Bound{c, s.graph(c, e, tokens, p), tokens}, nil
}

// tokens gives the one token client of the connection's current version; with a new version its memory starts empty.
func (s *Service) tokens(ctx context.Context, c Connection) (*entra.Client, error) {
	s.mu.Lock()
	have, ok := s.clients[c.ID]
	s.mu.Unlock()
	if ok && have.version == c.Version {
		return have.entra, nil
	}
	cred, err := s.credential(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	client, err := s.newTokens(c, cred, tokenCache{s}, c.ID)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients == nil {
		s.clients = map[string]*clients{}
	}
	if have, ok := s.clients[c.ID]; ok && have.version == c.Version {
		return have.entra, nil // another request was faster; one client, one token
	}
	s.clients[c.ID] = &clients{c.Version, client}
	return client, nil
}

func (s *Service) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, id)
	maps.DeleteFunc(s.bindings, func(k bindingKey, _ *binding) bool { return k.connection == id })
}

// newTokens makes a token client; key names it in locks and cache.
func (s *Service) newTokens(c Connection, form CredentialForm, cache entra.TokenCache, key string) (*entra.Client, error) {
	e, err := s.Endpoints(c.Cloud)
	if err != nil {
		return nil, err
	}
	cred, _, err := form.entra()
	if err != nil {
		return nil, err
	}
	app := entra.App{Key: key, Endpoints: e, Authority: string(c.TenantID), Client: c.ClientID, Mode: c.Kind, Credential: cred, CustomAddress: c.Cloud == m365.Custom}
	if c.Kind == m365.Delegated {
		app.Authority, app.AccountID = c.AccountTypes.Authority(c.TenantID), c.accountID
		app.Scopes = entra.SignInScopes(c.asks())
	}
	return entra.New(app, entra.Outside{HTTP: s.HTTP, Clock: s.Clock, MachineNow: s.MachineNow, Cache: cache, Lock: s.Lock}), nil
}

// graph makes a client whose fence lets through the mailboxes of a purpose.
func (s *Service) graph(c Connection, e m365.Endpoints, tokens wire.TokenSource, p Purpose) *graph.Client {
	return s.client(c, e, tokens, p, s.Uses.of(c.ID))
}

// client is graph, with whoever counts what is used; nobody does of the doctor's tries, or every permission would always be in use.
func (s *Service) client(c Connection, e m365.Endpoints, tokens wire.TokenSource, p Purpose, used func(string, int)) *graph.Client {
	w := s.Wire
	w.Tokens, w.Used = tokens, used
	fence := graph.MailboxFence{ReadOnly: c.ReadOnly}
	c.fenceSites(&fence, p)
	c.fenceTeams(&fence, p)
	if c.Kind == m365.Delegated {
		fence.Mailboxes = []string{wire.Me, c.Account}
	}
	names := map[string]string{}
	for _, m := range c.sharedWith(p) {
		fence.Shared = append(fence.Shared, m.names()...)
		for _, other := range m.names() {
			names[lower(other)] = m.Address
		}
	}
	for _, m := range c.For(p) {
		fence.Mailboxes = append(fence.Mailboxes, m.Address)
		for _, other := range []string{m.ObjectID, m.UPN} {
			if other != "" {
				fence.Mailboxes = append(fence.Mailboxes, other)
				names[lower(other)] = m.Address
			}
		}
	}
	w.Fence = fence.Fence()
	config := graph.Config{Holder: c.ID, Lookups: s.Lookups, Wire: w, URL: e.Graph, Tenant: c.TenantID, App: c.ClientID, LimitedMailboxes: c.MailboxesLimited, Mailbox: func(asWritten string) string {
		if name, ok := names[lower(asWritten)]; ok {
			return name
		}
		if asWritten == wire.Me && c.Account != "" {
			return lower(c.Account)
		}
		return lower(asWritten)
	}}
	if c.Kind == m365.Delegated {
		return graph.NewDelegated(config).Client
	}
	return graph.NewApplication(config).Client
}

// changed tells whoever keeps something because of the connection.
func (s *Service) changed(ctx context.Context, tx *store.Tx, id string) error {
	if s.Changed == nil {
		return nil
	}
	return s.Changed(ctx, tx, id)
}

func credentialRef(id string) string { return "connection/" + id + "/credential" }

func nextRef(id string) string { return "connection/" + id + "/next" }

func (s *Service) credential(ctx context.Context, id string) (CredentialForm, error) {
	secret, err := s.Vault.Get(ctx, s.Store.Reader(), credentialRef(id))
	if err != nil {
		return CredentialForm{}, err
	}
	return unseal(secret)
}

// tokenCache keeps MSAL's blobs sealed, one secret a partition.
type tokenCache struct{ s *Service }

func tokenRef(key, partition string) string {
	sum := sha256.Sum256([]byte(partition))
	return "connection/" + key + "/token/" + hex.EncodeToString(sum[:8])
}

// Load gives the blob of a partition.
func (t tokenCache) Load(ctx context.Context, key, partition string) ([]byte, error) {
	secret, err := t.s.Vault.Get(ctx, t.s.Store.Reader(), tokenRef(key, partition))
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return []byte(secret.Reveal()), err
}

// Save keeps the blob of a partition.
func (t tokenCache) Save(ctx context.Context, key, partition string, blob []byte) error {
	return t.s.Store.InTx(ctx, "connection.token", func(tx *store.Tx) error {
		return t.s.Vault.Put(ctx, tx, tokenRef(key, partition), vault.NewSecret(string(blob)))
	})
}

// memoryCache is the cache of a form that is not saved: its tokens go with it.
type memoryCache struct {
	mu    sync.Mutex
	blobs map[string][]byte
}

// Load gives the blob of a partition.
func (m *memoryCache) Load(_ context.Context, key, partition string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blobs[key+"\x00"+partition], nil
}

// Save keeps the blob of a partition.
func (m *memoryCache) Save(_ context.Context, key, partition string, blob []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blobs == nil {
		m.blobs = map[string][]byte{}
	}
	m.blobs[key+"\x00"+partition] = blob
	return nil
}
