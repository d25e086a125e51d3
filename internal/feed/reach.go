package feed

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	reachTimeout = 10 * time.Second // Microsoft's own for the handshake (graph/FACTS §6.1)
	reachFresh   = time.Hour
	reachAgain   = time.Minute     // after it failed: whoever mends the address should not wait for the hub
	slowAnswer   = 3 * time.Second // an address slower than that is held back by Microsoft (graph/FACTS §6.3)
)

// reach remembers the last self-test of the public address.
type reach struct {
	mu   sync.Mutex
	at   time.Time
	note string
}

// fresh says whether the last self-test still counts.
func (r *reach) fresh(now time.Time) bool {
	keeps := reachFresh
	if r.note != "" {
		keeps = reachAgain
	}
	return !r.at.IsZero() && now.Sub(r.at) < keeps
}

// reachable says why Microsoft could not notify us, or "" when it can: the hub calls its own public address as Microsoft will.
func (s *Service) reachable(ctx context.Context) string {
	target := s.NotifyURL()
	if target == "" {
		return "No public address is set (SENESCHAL_PUBLIC_URL), so the hub asks Microsoft instead of being told"
	}
	s.reach.mu.Lock()
	defer s.reach.mu.Unlock()
	now := s.Clock.Now()
	if s.reach.fresh(now) {
		return s.reach.note
	}
	s.reach.at, s.reach.note = now, s.selfTest(ctx, target)
	return s.reach.note
}

// selfTest shakes hands with ourselves: name, certificate, route and answer time are what Microsoft will meet.
func (s *Service) selfTest(ctx context.Context, target string) string {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	token := rand.Text()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target+"?validationToken="+url.QueryEscape(token), strings.NewReader(""))
	if err != nil {
		return "The public address cannot be called: " + err.Error()
	}
	begin := s.Clock.Now()
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return fmt.Sprintf("The public address does not answer: %v. Check the name, the certificate and the way through firewall and proxy", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1024))
	switch took := s.Clock.Now().Sub(begin); {
	case err != nil || resp.StatusCode != http.StatusOK || string(body) != token:
		return fmt.Sprintf("The public address answers %d and not as this hub does: another program, or a page in between, takes POST /notify/graph", resp.StatusCode)
	case took > slowAnswer:
		return fmt.Sprintf("The public address needs %v to answer; Microsoft gives three seconds", took.Round(100*time.Millisecond))
	}
	return ""
}
