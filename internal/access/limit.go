package access

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
)

// Limiter slows down whoever tries to sign in again and again, by network address. Its memory is bounded, and this process's own.
type Limiter struct {
	Clock clock.Clock

	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

// What one address may try: a small office behind one address does not notice, a guesser does.
const (
	triesAtOnce = 20
	tryEvery    = 3 * time.Second
	maxSeen     = 4096
)

// Allow counts one try of a kind from an address (host:port).
func (l *Limiter) Allow(kind, remote string) error { return l.take(kind, remote, 1) }

// Spent says whether an address has tries left, and counts none: where only those that fail are counted, who succeeds is never slowed down.
func (l *Limiter) Spent(kind, remote string) error { return l.take(kind, remote, 0) }

func (l *Limiter) take(kind, remote string, tries int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Clock.Now()
	if l.seen == nil || len(l.seen) >= maxSeen { // so many addresses at once are no single guesser, and must not fill the memory
		l.seen = map[string]*rate.Limiter{}
	}
	key := kind + " " + network(remote)
	one, ok := l.seen[key]
	if !ok {
		one = rate.NewLimiter(rate.Every(tryEvery), triesAtOnce)
		l.seen[key] = one
	}
	if one.TokensAt(now) >= 1 && one.AllowN(now, tries) {
		return nil
	}
	return &fault.Error{Kind: fault.Throttled, Code: "too_many_sign_ins", Message: "Too many sign-ins from your network in a short time", Fix: "Wait a few seconds, then try again", Who: "you", RetryAfter: tryEvery}
}

// network is who is counted together: one IPv4 address, or the IPv6 network one customer gets.
func network(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	addr := at.Addr().Unmap()
	if addr.Is4() {
		return addr.String()
	}
	p, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return p.String()
}
