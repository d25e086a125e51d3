package event

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"seneschal/internal/fault"
)

// callTimeout bounds one call, from the look-up of the name to the end of the answer. The standard recommends 15 to 30 s.
const callTimeout = 15 * time.Second

// notPublic are the networks of IANA's special-purpose registries (RFC 6890 and its updates) that netip has no word for.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("fec0::/10"),
}

// public tells whether an address lies in the open internet. The last four kinds of IPv6 carry IPv4 addresses inside: none is let through.
func public(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsValid() && a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) })
}

func refusedAddress(address string) error {
	return &fault.Error{Kind: fault.Forbidden, Code: "private_address", Message: "The webhook's name leads to " + address + ", which is not in the open internet; nothing was sent",
		Cause: "A name that leads inside would let whoever enters a webhook reach what only this host can", Fix: "If that is meant, add the webhook with allow_private", Who: "an admin of this hub"}
}

// guard refuses a connection by the address it would really go to, after the name was looked up: a name may lead elsewhere at every look.
func guard(_, address string, _ syscall.RawConn) error {
	if to, err := netip.ParseAddrPort(address); err != nil || !public(to.Addr()) {
		return refusedAddress(address)
	}
	return nil
}

// ClientConfig is what a webhook's client is made of.
type ClientConfig struct {
	RootCAs *x509.CertPool
	Proxy   func(*http.Request) (*url.URL, error)
	Around  func(http.RoundTripper) http.RoundTripper // for the crash points
}

// NewClients makes the two clients: one that reaches the open internet alone, and one for webhooks that were allowed more.
// Neither follows a redirect: a signed event goes where an admin said, nowhere else.
func NewClients(c ClientConfig) func(allowPrivate bool) *http.Client {
	make := func(control func(string, string, syscall.RawConn) error) *http.Client {
		dialer := &net.Dialer{Timeout: callTimeout, Control: control}
		direct := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: batchSize, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: callTimeout, MaxResponseHeaderBytes: 64 << 10}
		proxied := direct.Clone()
		proxied.Proxy, proxied.DialContext = c.Proxy, (&net.Dialer{Timeout: callTimeout}).DialContext // it goes to the proxy, which the operator chose
		var trip http.RoundTripper = outward{direct, proxied, c.Proxy, control != nil}
		if c.Around != nil {
			trip = c.Around(trip)
		}
		return &http.Client{Transport: trip, Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	open, wide := make(guard), make(nil)
	return func(allowPrivate bool) *http.Client {
		if allowPrivate {
			return wide
		}
		return open
	}
}

// outward sends directly, or through the operator's proxy where one is set for the address.
type outward struct {
	direct, proxied http.RoundTripper
	proxy           func(*http.Request) (*url.URL, error)
	guarded         bool
}

// RoundTrip sends the request. Through a proxy the name is looked up here as well, as far as this host can.
func (o outward) RoundTrip(r *http.Request) (*http.Response, error) {
	if o.proxy == nil {
		return o.direct.RoundTrip(r)
	}
	if via, err := o.proxy(r); err != nil || via == nil {
		return o.direct.RoundTrip(r)
	}
	if o.guarded {
		if err := o.look(r.Context(), r.URL.Hostname()); err != nil {
			return nil, err
		}
	}
	return o.proxied.RoundTrip(r)
}

func (o outward) look(ctx context.Context, host string) error {
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil //nolint:nilerr // behind a proxy a host often cannot look names up; the proxy decides then
	}
	for _, a := range found {
		if !public(a) {
			return refusedAddress(a.String())
		}
	}
	return nil
}
