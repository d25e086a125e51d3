package app

import (
	"net"
	"net/http"
	"sync"
)

// newcomers are connections on which nobody has asked anything yet: browsers and programs open some ahead of need. A server that ends waits
// five seconds for each of them by itself (net/http, Server.Shutdown), which may be all the time it has.
type newcomers struct {
	mu     sync.Mutex
	here   map[net.Conn]bool
	closed bool
}

// watch follows a connection from state to state.
func (n *newcomers) watch(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(n.here, c)
	case n.closed:
		_ = c.Close()
	default:
		n.here[c] = true
	}
}

// dismiss closes those that are here, and whoever comes yet.
func (n *newcomers) dismiss() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for c := range n.here {
		_ = c.Close()
	}
}
