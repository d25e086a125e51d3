package graph

import (
	"context"
	"net/http"
	"sync"
	"time"

	"seneschal/internal/clock"
	"seneschal/internal/fault"
)

// Lookups keep for a while what directories and sites answered: which id an address has changes rarely, and is asked for before almost
// every action on a site. They lie in memory alone. Several clients use one; nil keeps nothing.
type Lookups struct {
	Clock clock.Clock
	Keep  time.Duration // how old an answer may be that is given again; 0: none is

	mu   sync.Mutex
	kept map[string]map[string]lookedUp // by holder and URL
	n    int
}

// lookedUp is one answer.
type lookedUp struct {
	value any
	seen  Seen
}

// Seen says from when an answer is, and in which version.
type Seen struct {
	At   time.Time
	ETag string // empty where Microsoft tells none
}

// maxLookups bounds what is kept: with more, all of it is looked up anew.
const maxLookups = 10_000

// holder names whose answers may be given again: one connection's, by one app, to nobody else.
func (c *Client) holder() string {
	return c.cfg.Holder + " " + string(c.cfg.App) + " " + string(c.cfg.Tenant)
}

// LookUp reads one entry, or gives again what was read of it at most maxAge ago. What the fence refuses now is refused, whatever is kept.
func LookUp[T any](ctx context.Context, c *Client, p Path, maxAge time.Duration, opts ...Option) (T, Seen, error) {
	var zero T
	var proof Proof
	r, k, err := c.request(http.MethodGet, p, append(opts, Prove(&proof)))
	if err != nil {
		return zero, Seen{}, err
	}
	if known, ok := c.cfg.Lookups.get(c.holder(), r.URL, maxAge); ok {
		if value, ok := known.value.(T); ok {
			if err := c.wire.Fenced(r); err != nil {
				return zero, Seen{}, err
			}
			return value, known.seen, nil
		}
	}
	value, err := exchange[T](ctx, c, r, k)
	if err != nil {
		return zero, Seen{}, err
	}
	seen := Seen{At: proof.At}
	if tagged, ok := any(value).(interface{ tag() string }); ok {
		seen.ETag = tagged.tag()
	}
	c.cfg.Lookups.put(c.holder(), r.URL, lookedUp{value, seen})
	return value, seen, nil
}

// LookupAge is the oldest answer that is good enough for finding something by its address.
func (c *Client) LookupAge() time.Duration {
	if c.cfg.Lookups == nil {
		return 0
	}
	return c.cfg.Lookups.Keep
}

// forgetSites drops what is kept for a connection after something of a site was not there: its address may lead to another one by now.
func (c *Client) forgetSites(err error, site string) {
	if site != "" && c.cfg.Lookups != nil && fault.KindOf(err) == fault.NotFound {
		c.cfg.Lookups.forget(c.holder())
	}
}

func (l *Lookups) get(holder, url string, maxAge time.Duration) (lookedUp, bool) {
	if l == nil || maxAge <= 0 || l.Keep <= 0 {
		return lookedUp{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.kept[holder][url]
	return known, ok && l.Clock.Now().Sub(known.seen.At) < min(maxAge, l.Keep)
}

func (l *Lookups) put(holder, url string, known lookedUp) {
	if l == nil || l.Keep <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n >= maxLookups || l.kept == nil {
		l.kept, l.n = map[string]map[string]lookedUp{}, 0
	}
	if l.kept[holder] == nil {
		l.kept[holder] = map[string]lookedUp{}
	}
	if _, there := l.kept[holder][url]; !there {
		l.n++
	}
	l.kept[holder][url] = known
}

func (l *Lookups) forget(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n -= len(l.kept[holder])
	delete(l.kept, holder)
}
