package e2e

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"testing"

	"seneschal/internal/access"
	"seneschal/internal/app"
	"seneschal/internal/clock"
	"seneschal/internal/config"
	"seneschal/internal/connection"
	"seneschal/internal/m365"
	"seneschal/internal/sim"
	"seneschal/internal/store"
	"seneschal/internal/telemetry"
	"seneschal/internal/vault"
)

// killer ends whoever passes its n-th crash point, and every later one: from there on nothing is sent and nothing committed.
type killer struct {
	mu     sync.Mutex
	at     int // 0: nobody is killed
	passed []string
	dead   chan struct{} // closed at the kill; whoever passed the point may not be who waits
}

func (k *killer) hook(p clock.Point, detail string) {
	k.mu.Lock()
	k.passed = append(k.passed, fmt.Sprintf("%s %s", p, detail))
	dead := k.at > 0 && len(k.passed) >= k.at
	if k.at > 0 && len(k.passed) == k.at {
		close(k.dead)
	}
	k.mu.Unlock()
	if dead {
		runtime.Goexit()
	}
}

func (k *killer) killed() bool {
	select {
	case <-k.dead:
		return true
	default:
		return false
	}
}

// join is a hub that nobody serves, on the ground's database.
func (g *ground) join(hook clock.Hook) *app.App {
	g.t.Helper()
	c, err := config.Load(g.dir, append(append([]string{}, g.env...), "SENESCHAL_LISTEN=127.0.0.1:0"), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	a, err := app.New(context.Background(), c, app.Surroundings{Clock: g.time, Log: telemetry.NewLog(io.Discard, "text", 0), Hook: hook})
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// posting is a ground with a connection that sends, by an app of the world.
func posting(t *testing.T, engine store.Engine, by string) *ground {
	t.Helper()
	g := newGround(t, engine)
	a := g.join(nil)
	defer func() { _ = a.Close() }()
	tenant := g.cloud.Ready().Tenants[0]
	i := slices.IndexFunc(tenant.Apps, func(r sim.ReadyApp) bool { return r.Name == by })
	f := connection.Form{Name: "post", Kind: m365.Application, TenantID: m365.TenantID(tenant.TenantID), ClientID: m365.ClientID(tenant.Apps[i].ClientID), Capabilities: []m365.Capability{m365.Send},
		Credential: connection.CredentialForm{Type: "secret", Secret: vault.NewSecret(tenant.Apps[i].ClientSecret)}, Mailboxes: connection.MailboxList{{Address: ada, Purposes: []connection.Purpose{connection.ForSend}}}}
	if _, _, err := a.Connections.Add(t.Context(), access.Local("test"), f); err != nil {
		t.Fatal(err)
	}
	return g
}

// untilKilled does something on a hub that nobody serves, and tells the crash points that were passed and whether it came to the end.
func (g *ground) untilKilled(k *killer, do func(ctx context.Context, a *app.App) error) (ended bool) {
	g.t.Helper()
	var joining killer
	_ = g.join(joining.hook).Close()
	from := len(joining.passed) // only what follows is looked at
	counted := &killer{at: k.at, dead: make(chan struct{})}
	if k.at > 0 {
		counted.at += from
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a := g.join(counted.hook)
		defer func() { _ = a.Store.Close() }()
		err := do(ctx, a)
		ended = !counted.killed()
		if err != nil && ended {
			g.t.Error(err)
		}
	}()
	select {
	case <-done:
	case <-counted.dead: // whoever waited for what died must not wait for ever
	}
	cancel()
	<-done
	k.passed = counted.passed[min(from, len(counted.passed)):]
	return ended
}

// diesAt kills at one of the points that were passed before. How often a hub looks, or says that it is there, depends on how fast the machine is:
// where it came to its end before that point, it is killed at the last such step there was, on ground made anew.
func diesAt(t *testing.T, passed []string, i int, until func(k *killer) (ended bool)) {
	t.Helper()
	for at := i; at >= 0; {
		k := &killer{at: at + 1}
		if !until(k) {
			return
		}
		for at = len(k.passed) - 1; at >= 0 && k.passed[at] != passed[i]; at-- {
		}
	}
	t.Fatal("it was not killed")
}
