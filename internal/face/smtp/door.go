package smtp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	introduction = time.Minute // how long a client may take to sign in, whatever it says meanwhile
	strangers    = 20          // of one address, at once
)

// door takes connections, and knows who has not signed in yet: without bounds these would take the places of those who have.
type door struct {
	net.Listener
	now func() time.Time

	mu      sync.Mutex
	unknown map[string]int // by address
}

// Accept gives the next connection that may stay.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if v, ok := d.enter(c); ok {
			return v, nil
		}
		_ = c.SetWriteDeadline(d.now().Add(time.Second))
		_, _ = io.WriteString(c, "421 4.7.0 Too many programs of your address have not signed in; try again in a minute\r\n") // it may be gone
		_ = c.Close()
	}
}

func (d *door) enter(c net.Conn) (*visitor, bool) {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		host = c.RemoteAddr().String()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.unknown[host] >= strangers {
		return nil, false
	}
	d.unknown[host]++
	return &visitor{Conn: c, until: d.now().Add(introduction), known: sync.OnceFunc(func() { d.known(host) })}, true
}

func (d *door) known(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.unknown[host]--; d.unknown[host] == 0 {
		delete(d.unknown, host)
	}
}

// visitor is one client's connection.
type visitor struct {
	net.Conn
	known func()
	ended atomic.Bool // the client says nothing any more

	mu       sync.Mutex
	signedIn bool
	until    time.Time // no reading goes on for longer, as long as nobody has signed in
}

// visitorOf finds the visitor under a connection, also under TLS.
func visitorOf(c net.Conn) *visitor {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	v, _ := c.(*visitor)
	return v
}

// Read notes a connection's end, and says that it is unexpected: the library takes the part of a BDAT chunk that came before for the whole. Above
// TLS that is not seen, and the note is asked for. It is true only when something was waited for that did not come.
func (v *visitor) Read(b []byte) (int, error) {
	n, err := v.Conn.Read(b)
	if errors.Is(err, io.EOF) {
		v.ended.Store(true)
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// SetReadDeadline bounds the next reading; the library does so before each command.
func (v *visitor) SetReadDeadline(t time.Time) error {
	v.mu.Lock()
	if !v.signedIn && (t.IsZero() || t.After(v.until)) {
		t = v.until
	}
	v.mu.Unlock()
	return v.Conn.SetReadDeadline(t)
}

// welcome is for a client that has signed in.
func (v *visitor) welcome() {
	v.mu.Lock()
	v.signedIn = true
	v.mu.Unlock()
	v.known()
}

// Close ends the connection.
func (v *visitor) Close() error {
	v.known()
	return v.Conn.Close()
}
