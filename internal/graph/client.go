package graph

import (
	"net/http"
	"strings"

	"seneschal/internal/fault"
	"seneschal/internal/m365"
	"seneschal/internal/wire"
)

// Config binds a client to one connection. Hosts and Decode of the wire configuration are set here.
type Config struct {
	Wire   wire.Config
	URL    string // of the cloud: https://graph.microsoft.com
	Tenant m365.TenantID
	App    m365.ClientID
	// Mailbox gives a mailbox the one name under which its budget is counted, whether a call named it by id or address;
	// it also names the owner of "me". Nil takes the name as written.
	Mailbox func(asWritten string) string
	Holder  string   // of the connection: what Lookups keep is given to it alone
	Lookups *Lookups // nil: everything is asked for
	// LimitedMailboxes says that Exchange lets the app into some mailboxes by itself: a refusal there is no missing permission.
	LimitedMailboxes bool
}

// Client makes the calls that both modes have. It is safe for concurrent use.
type Client struct {
	wire *wire.Client
	base string // with the version
	mode m365.Mode
	cfg  Config
}

// Application is a client that acts as the app itself.
type Application struct{ *Client }

// Delegated is a client that acts for a signed-in person.
type Delegated struct{ *Client }

// NewApplication makes a client for an app-only connection.
func NewApplication(c Config) *Application { return &Application{newClient(c, m365.Application)} }

// NewDelegated makes a client for a person's connection.
func NewDelegated(c Config) *Delegated { return &Delegated{newClient(c, m365.Delegated)} }

func newClient(c Config, mode m365.Mode) *Client {
	base := strings.TrimSuffix(c.URL, "/")
	_, host, _ := strings.Cut(base, "://")
	host, _, _ = strings.Cut(host, "/")
	c.Wire.Hosts = []string{host}
	c.Wire.Decode = decoder(mode, c.LimitedMailboxes)
	if c.Mailbox == nil {
		c.Mailbox = strings.ToLower
	}
	return &Client{wire: wire.New(c.Wire), base: base + "/v1.0", mode: mode, cfg: c}
}

// Mode is how the client signs in.
func (c *Client) Mode() m365.Mode { return c.mode }

// Governor is where the client's budgets are kept.
func (c *Client) Governor() *wire.Governor { return c.wire.Governor }

// Owner is the user a caller means. Without one, a delegated client means the signed-in user; an app has nobody to mean,
// and says so before any call.
func (c *Client) Owner(user m365.UserID) (Owner, error) {
	if user != "" {
		return c.User(user), nil
	}
	if c.mode == m365.Delegated {
		return Owner{me()}, nil
	}
	f := fault.BadField("user", "an app-only connection acts for nobody by itself: name the user")
	f.Mode = string(c.mode)
	return Owner{}, f
}

// request turns a path and its options into what the pipeline sends.
func (c *Client) request(method string, p Path, opts []Option) (wire.Request, *call, error) {
	k := newCall(opts)
	if p.err != nil {
		return wire.Request{}, nil, p.err
	}
	if c.mode == m365.Application && p.target.Mailbox == wire.Me {
		return wire.Request{}, nil, notSupported(string(p.Operation(method)), c.mode, "An app without a user has no \"me\"")
	}
	r := wire.Request{
		Operation: string(p.Operation(method)), Method: method, URL: c.base + p.url + k.queryString(), Header: k.headers(),
		Target: p.target, Idempotent: k.idempotent, Once: k.once,
	}
	r.Charges = c.charges(r, k)
	return r, k, nil
}

// setBody gives the request its content, and charges what Outlook counts of it.
func (c *Client) setBody(r *wire.Request, contentType string, body []byte) {
	r.Body = body
	r.Header.Set("Content-Type", contentType)
	r.Charges = c.withUpload(*r)
}

var writes = map[string]bool{http.MethodPost: true, http.MethodPatch: true, http.MethodPut: true, http.MethodDelete: true}
