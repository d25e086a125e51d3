package wire

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"
)

// TransportConfig is what differs between hubs.
type TransportConfig struct {
	RootCAs       *x509.CertPool                        // nil: the machine's
	Proxy         func(*http.Request) (*url.URL, error) // nil: the environment's proxy variables
	HeaderTimeout time.Duration                         // from the last byte sent to the first one back; 60 s
}

// NewTransport makes the one transport that all clients of a hub share: its connections are kept and reused across them.
func NewTransport(c TransportConfig) *http.Transport {
	return newTransport(c)
}

// NewBulkTransport makes the one for the bytes of files, at pre-signed addresses: a connection for each, by HTTP/1.1. Streams that share a
// connection wait for one another, and a long one pays for the frames: an upload takes two thirds of the time without (BenchmarkGigabyte).
func NewBulkTransport(c TransportConfig) *http.Transport {
	t := newTransport(c)
	t.ForceAttemptHTTP2, t.TLSNextProto = false, map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.ReadBufferSize, t.WriteBufferSize = 64<<10, 64<<10
	return t
}

func newTransport(c TransportConfig) *http.Transport {
	if c.Proxy == nil {
		c.Proxy = http.ProxyFromEnvironment
	}
	return &http.Transport{
		Proxy:                 c.Proxy,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: or(c.HeaderTimeout, 60*time.Second),
		ExpectContinueTimeout: time.Second,
	}
}
